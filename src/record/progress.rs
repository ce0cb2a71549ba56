//! What people see while a run goes on: bars on a terminal, plain lines elsewhere. Its own troubles stop nothing.

use super::bars::Bars;
use super::line::Measured;
use super::number::{between, clock, plural, short, thousands, unsplit, value};
use super::pace::Pace;
use super::screen::{Ink, Screen, harmless};
use super::summary::{before_after_drop, flagged};
use super::text::step_text;
use crate::components::metrics::{Detail, Standing};
use crate::runtime::event::{Change, Comparison, Event, Kind, Listener};
use crate::source::Sources;
use std::io::{self, Write};
use std::sync::Arc;
use std::time::Instant;

/// Tells of a run as it goes on.
pub struct Progress {
    sources: Arc<Sources>,
    screen: Screen,
    started: Instant,
    out: Out,
    /// an epoch that still waits for its measurements
    epoch: Option<String>,
    training: Option<Training>,
    /// the evaluation under way
    pace: Option<Pace>,
}

/// Where lines go.
enum Out {
    Lines(Box<dyn Write + Send>),
    /// above the bars
    Bars(Bars),
}

/// The training step under way.
struct Training {
    /// epochs of the run when it began
    before: f64,
}

impl Progress {
    /// Bars where the screen is a terminal, else lines on stderr.
    pub fn new(sources: Arc<Sources>, screen: Screen) -> Progress {
        let out = if screen.terminal { Out::Bars(Bars::new(screen)) } else { Out::Lines(Box::new(io::stderr())) };
        Progress::to(sources, screen, out)
    }

    /// Lines to a place of one's own.
    pub fn lines(sources: Arc<Sources>, screen: Screen, out: impl Write + Send + 'static) -> Progress {
        Progress::to(sources, screen, Out::Lines(Box::new(out)))
    }

    fn to(sources: Arc<Sources>, screen: Screen, out: Out) -> Progress {
        Progress { sources, screen, started: Instant::now(), out, epoch: None, training: None, pace: None }
    }

    fn show(&mut self, event: &Event) {
        match &event.kind {
            Kind::Measure { split, metric, value: v, detail, .. } => {
                let name = format!("{}.{}", split.name(), unsplit(metric));
                let interval = detail.interval.map_or(String::new(), |i| format!(" ({})", between(i)));
                let at = detail.at.as_ref().map_or(String::new(), |at| format!(" at {}", harmless(at)));
                let name = format!("{name}{at}");
                self.measured(&format!("{name} {}{interval}", value(metric, Some(*v))));
                return self.detail(&name, metric, detail);
            }
            Kind::Progress { done, loss, rate } => {
                self.flush();
                if let Out::Bars(bars) = &self.out {
                    bars.advance(*done, event.clock, *loss, *rate);
                }
                return;
            }
            Kind::Evaluating { metric, standing } => return self.evaluating(metric, standing),
            _ => self.flush(),
        }
        self.tell(event);
    }

    fn tell(&mut self, event: &Event) {
        let step = self.screen.paint(Ink::Faint, &event.step);
        match &event.kind {
            Kind::RunStart { total_steps } | Kind::Resume { total_steps } => {
                if let Out::Bars(bars) = &mut self.out {
                    bars.begin(*total_steps);
                }
            }
            Kind::Start { what, steps } => self.start(event, what, *steps, event.epochs),
            Kind::Continue { what, steps, before } => self.start(event, what, *steps, *before),
            Kind::Epoch { loss, accuracy, rate, .. } => {
                let before = self.training.as_ref().map_or(0.0, |t| t.before);
                let epoch = short(event.epochs - before);
                let accuracy = value("clean", Some(*accuracy));
                self.epoch =
                    Some(format!("    epoch {epoch}: loss {loss:.4}, accuracy {accuracy}, rate {}", rate_text(*rate)));
            }
            Kind::Change(change) => self.change(event, change),
            Kind::Checkpoint { name, folder } => {
                let name = name.as_ref().map_or(String::new(), |n| format!(" \"{}\"", harmless(n)));
                self.line(&self.screen.paint(Ink::Faint, format!("    checkpoint{name} in {folder}")));
            }
            Kind::Expect { text, held, .. } => {
                let verdict =
                    if *held { self.screen.paint(Ink::Good, "held") } else { self.screen.paint(Ink::Error, "false") };
                self.line(&format!("{step}  expect {}: {verdict}", harmless(text)));
            }
            Kind::Guard { text, held, action, .. } => {
                let verdict = match action {
                    Some(action) => self.screen.paint(Ink::Error, format!("false, {}", harmless(&action.to_string()))),
                    None => self.screen.paint(Ink::Good, if *held { "held" } else { "false" }),
                };
                self.line(&format!("{step}  guard {}: {verdict}", harmless(text)));
            }
            Kind::Until { text, held, .. } => {
                let verdict = if *held { "so it ends" } else { "not yet" };
                self.line(&format!("{step}  until {}: {verdict}", harmless(text)));
            }
            Kind::Trigger { text, .. } => {
                self.line(&format!("{step}  {}", self.screen.paint(Ink::Strong, harmless(text))));
            }
            Kind::Warning { message } => {
                self.line(&format!("{} {}", self.screen.paint(Ink::Warning, "warning:"), harmless(message)));
            }
            Kind::End { .. } => {
                if let Out::Bars(bars) = &self.out {
                    bars.clear();
                }
            }
            Kind::Measure { .. } | Kind::Progress { .. } | Kind::Evaluating { .. } => {}
        }
    }

    fn start(&mut self, event: &Event, what: &str, steps: Option<u64>, before: f64) {
        let text = step_text(&self.sources, event.span, what);
        self.training = steps.map(|_| Training { before });
        if let Out::Bars(bars) = &mut self.out {
            bars.step(&format!("{} {text}", event.step), steps);
        }
        let steps =
            steps.map_or(String::new(), |n| format!(" ({} step{})", thousands(n), if n == 1 { "" } else { "s" }));
        let step = self.screen.paint(Ink::Faint, &event.step);
        self.line(&format!("{step}  {}{steps}", self.screen.paint(Ink::Strong, text)));
    }

    fn change(&mut self, event: &Event, change: &Change) {
        let text = step_text(&self.sources, event.span, change.what);
        let changed: usize = change.tensors.iter().map(|t| t.changed).sum();
        let selected: usize = change.tensors.iter().map(|t| t.selected).sum();
        let head = self.screen.paint(Ink::Warning, text);
        self.line(&format!(
            "{}  {head}: {} of {} weights in {}",
            self.screen.paint(Ink::Faint, &event.step),
            thousands(changed as u64),
            thousands(selected as u64),
            plural(change.tensors.len(), "tensor"),
        ));
        for (metric, before, after) in &change.measured {
            let measured = Measured { metric: metric.clone(), before: Some(*before), after: Some(*after) };
            self.line(&format!("    {metric} {}", before_after_drop(&measured)));
        }
        for Comparison { metric, value: compared, parts, .. } in &change.compared {
            let parts: Vec<String> =
                parts.iter().map(|part| format!("{} {}", part.name, value(metric, Some(part.value)))).collect();
            let parts = if parts.is_empty() { String::new() } else { format!(" ({})", parts.join(", ")) };
            self.line(&format!("    {metric} {}{parts}", value(metric, Some(*compared))));
        }
    }

    /// A measurement joins the line of its epoch, where one waits.
    fn measured(&mut self, text: &str) {
        if let Out::Bars(bars) = &self.out {
            bars.measured(text);
        }
        match &mut self.epoch {
            Some(line) => *line += &format!(", {text}"),
            None => self.line(&format!("    {text}")),
        }
    }

    /// How far an evaluation has come: on its bar, else now and then as a line.
    fn evaluating(&mut self, metric: &str, standing: &Standing) {
        let now = Instant::now();
        let known = self.pace.take().filter(|pace| pace.is_of(metric, standing));
        let mut pace = known.unwrap_or_else(|| Pace::new(metric, standing, now));
        let text = harmless(&pace.text(standing, now));
        match &self.out {
            Out::Bars(bars) => bars.evaluating(&text),
            Out::Lines(_) if pace.is_due(now) => {
                self.flush();
                self.line(&format!("    {}", self.screen.paint(Ink::Faint, text)));
            }
            Out::Lines(_) => {}
        }
        self.pace = Some(pace);
    }

    /// What stands beside a measurement, each on a line.
    fn detail(&mut self, name: &str, metric: &str, detail: &Detail) {
        if detail.parts.is_empty() && detail.flags.is_empty() {
            return;
        }
        self.flush();
        for part in &detail.parts {
            let broke = part.broke.map_or(String::new(), |n| format!(", broke {}", thousands(n as u64)));
            self.line(&format!("      {} {}{broke}", harmless(&part.name), value(metric, Some(part.value))));
        }
        for flag in &detail.flags {
            self.line(&format!("    {}", flagged(name, detail, flag, self.screen)));
        }
    }

    fn flush(&mut self) {
        if let Some(line) = self.epoch.take() {
            self.line(&line);
        }
    }

    fn line(&mut self, text: &str) {
        let time = self.screen.paint(Ink::Faint, format!("{:>7}", clock(self.started.elapsed())));
        match &mut self.out {
            Out::Bars(bars) => bars.line(&format!("{time}  {text}")),
            // Nobody may be reading any more; the run goes on all the same.
            Out::Lines(out) => drop(writeln!(out, "{time}  {text}")),
        }
    }
}

/// A learning rate without the noise of binary fractions.
fn rate_text(rate: f64) -> String {
    if rate != 0.0 && rate.abs() < 1e-3 { format!("{rate:.2e}") } else { short_rate(rate) }
}

fn short_rate(rate: f64) -> String {
    let text = format!("{rate:.5}");
    text.trim_end_matches('0').trim_end_matches('.').to_string()
}

impl Listener for Progress {
    fn hear(&mut self, event: &Event) -> io::Result<()> {
        self.show(event);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::components::Split;
    use crate::runtime::event::{ChangedTensor, Status};
    use crate::source::{FileId, Source, Span};
    use std::sync::Mutex;

    #[derive(Clone, Default)]
    struct Page(Arc<Mutex<Vec<u8>>>);

    impl Write for Page {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_piped_run_reads_like_a_protocol() {
        let mut sources = Sources::default();
        sources.add(Source::new("a.fsched", "relearn 2; forget head 30%"));
        let page = Page::default();
        let mut progress = Progress::lines(Arc::new(sources), Screen::page(), page.clone());
        let at = |start, end, epochs, kind| Event {
            step: "1".into(),
            span: Some(Span::new(FileId::default(), start, end)),
            clock: 10,
            epochs,
            kind,
        };
        let tensor = ChangedTensor {
            name: "w".into(),
            shape: vec![10],
            selected: 4000,
            changed: 1200,
            mask: String::new(),
            norm_before: 1.0,
            norm_after: 1.0,
        };
        let change = Change {
            what: "forget",
            ordinal: 1,
            arguments: serde_json::Value::Null,
            tensors: vec![tensor],
            stream: None,
            measured: vec![("clean".into(), 0.84, 0.123)],
            compared: Vec::new(),
        };
        let measure = Kind::Measure {
            split: Split::Validation,
            metric: "clean".into(),
            spec: serde_json::Value::Null,
            value: 0.8,
            n: 10,
            per_example: None,
            broken_by: None,
            detail: Detail::default(),
        };
        let epoch = Kind::Epoch { loss: 0.5, accuracy: 0.75, rate: 0.1, steps: 5, gradient_evaluations: 5 };
        for event in [
            at(0, 9, 3.0, Kind::RunStart { total_steps: Some(10) }),
            at(0, 9, 3.0, Kind::Start { what: "relearn".into(), steps: Some(10) }),
            at(0, 9, 3.2, Kind::Progress { done: 1, loss: 0.5, rate: 0.1 }),
            at(0, 9, 4.0, epoch),
            at(0, 9, 4.0, measure.clone()),
            at(0, 9, 4.2, Kind::Progress { done: 6, loss: 0.5, rate: 0.1 }),
            at(11, 26, 5.0, Kind::Change(change)),
            at(11, 26, 5.0, measure),
            at(11, 26, 5.0, Kind::End { status: Status::Done, gradient_evaluations: 0 }),
        ] {
            progress.hear(&event).unwrap();
        }
        let text = String::from_utf8(page.0.lock().unwrap().clone()).unwrap();
        let lines: Vec<&str> = text.lines().map(|l| &l[9..]).collect();
        assert_eq!(
            lines,
            [
                "1  relearn 2 (10 steps)",
                "    epoch 1: loss 0.5000, accuracy 75.0%, rate 0.1, validation.clean 80.0%",
                "1  forget head 30%: 1,200 of 4,000 weights in 1 tensor",
                "    clean 84.0% → 12.3% (-71.7)",
                "    validation.clean 80.0%",
            ]
        );
    }

    #[test]
    fn rates_are_short() {
        assert_eq!([rate_text(0.1), rate_text(0.05000000000000001), rate_text(5e-4)], ["0.1", "0.05", "5.00e-4"]);
    }
}

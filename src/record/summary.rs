//! The table at the end of a run, made from its records alone: shown again, it is the same.

use super::line::{ChangeLine, EventLine, Measured, What};
use super::manifest::Manifest;
use super::number::{between, difference, epochs, lower_is_better, short, thousands, took, unsplit, value};
use super::screen::{Ink, Screen, harmless};
use super::table::Table;
use crate::components::Split;
use crate::components::metrics::{Detail, Flag, Part};
use crate::reading::lines::Lines;
use serde::Serialize;
use std::collections::HashMap;
use std::io;
use std::path::Path;

/// A run in short.
#[derive(Clone, Debug, Serialize)]
pub struct Summary {
    pub format: u32,
    pub folder: String,
    pub status: String,
    pub reason: Option<String>,
    /// nothing is left to do
    pub finished: bool,
    pub plan: String,
    pub epochs: f64,
    pub steps: u64,
    pub gradient_evaluations: u64,
    pub seconds: Option<f64>,
    /// training steps, changes of weights in between
    pub phases: Vec<Phase>,
    /// what `evaluate` measured
    pub results: Vec<Evaluated>,
    /// best and last values of what was measured during training
    pub followed: Vec<Followed>,
    pub expectations: Vec<Expectation>,
    /// those that did not hold
    pub guards: Vec<Guarded>,
    pub checkpoints: Vec<String>,
}

/// A training step or a change of weights.
#[derive(Clone, Debug, Serialize)]
pub struct Phase {
    pub step: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<usize>,
    /// as it was written
    pub text: String,
    /// epochs of the run at its end
    pub epochs: f64,
    /// last measurements in it
    pub measured: Vec<Reading>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub change: Option<ChangeLine>,
}

#[derive(Clone, Debug, Serialize)]
pub struct Reading {
    /// with its split: `validation.clean`
    pub metric: String,
    pub value: Option<f64>,
}

#[derive(Clone, Debug, Serialize)]
pub struct Evaluated {
    pub step: String,
    pub metric: String,
    pub value: Option<f64>,
    pub n: usize,
    #[serde(flatten)]
    pub detail: Detail,
}

#[derive(Clone, Debug, Serialize)]
pub struct Followed {
    pub metric: String,
    pub best: f64,
    pub best_at_epoch: f64,
    pub last: f64,
}

#[derive(Clone, Debug, Serialize)]
pub struct Expectation {
    pub step: String,
    pub text: String,
    pub held: bool,
    pub values: Vec<Reading>,
}

/// More phases than this are told of, not shown.
const ROWS: usize = 40;

/// A guard that did not hold.
#[derive(Clone, Debug, Serialize)]
pub struct Guarded {
    pub step: String,
    pub text: String,
    /// what was done: `rollback`, `stop`, `warn`
    pub action: String,
    pub values: Vec<Reading>,
}

/// What trains, while events are read.
#[derive(Default)]
struct Training {
    /// the step that began last
    now: bool,
    /// the phases of training steps, by instance
    phases: HashMap<String, usize>,
}

impl Summary {
    /// Reads the records of a folder.
    pub fn read(folder: &Path) -> io::Result<Summary> {
        let manifest = Manifest::read(folder)?;
        let mut summary = Summary::empty(folder, &manifest);
        let mut training = Training::default();
        let mut lines = Lines::open(&folder.join("events.jsonl"))?;
        while let Some(line) = lines.next() {
            let event: EventLine = serde_json::from_str(&line?).map_err(|e| lines.wrong(e))?;
            summary.take(event, &mut training);
        }
        Ok(summary)
    }

    fn empty(folder: &Path, manifest: &Manifest) -> Summary {
        Summary {
            format: 1,
            folder: folder.display().to_string(),
            status: manifest.status.clone(),
            reason: manifest.reason.clone(),
            finished: manifest.finished,
            plan: manifest.plan.clone(),
            epochs: 0.0,
            steps: 0,
            gradient_evaluations: 0,
            seconds: manifest.seconds,
            phases: Vec::new(),
            results: Vec::new(),
            followed: Vec::new(),
            expectations: Vec::new(),
            guards: Vec::new(),
            checkpoints: Vec::new(),
        }
    }

    fn take(&mut self, event: EventLine, training: &mut Training) {
        (self.epochs, self.steps) = (event.epochs, event.clock);
        let EventLine { step, place, what, epochs, .. } = event;
        let phase =
            |text, change| Phase { step: step.clone(), line: place.line, text, epochs, measured: Vec::new(), change };
        match what {
            What::Start { steps: None, .. } => training.now = false,
            What::Start { text, .. } => {
                training.now = !step.is_empty();
                if training.now {
                    training.phases.insert(step.clone(), self.phases.len());
                    self.phases.push(phase(text, None));
                }
            }
            What::Epoch { gradient_evaluations, .. } => {
                self.gradient_evaluations += gradient_evaluations;
                self.phase_of(&step, training, |p| p.epochs = epochs);
            }
            What::Measure { split, metric, value, n, detail, .. } => {
                let metric =
                    if metric.starts_with(&format!("{split}.")) { metric } else { format!("{split}.{metric}") };
                if training.now || training.phases.contains_key(&step) {
                    self.follow(&metric, value, epochs);
                    self.phase_of(&step, training, |p| p.note(metric, value));
                } else {
                    self.results.push(Evaluated { step, metric, value, n, detail });
                }
            }
            What::Forget(change) | What::Rollback(change) | What::Load(change) | What::Merge(change) => {
                training.now = false;
                self.phases.push(phase(change.text.clone(), Some(change)));
            }
            What::Checkpoint { folder, .. } => self.checkpoints.push(folder),
            What::Expect { text, held, values } => {
                let values = values.into_iter().map(|(metric, value)| Reading { metric, value }).collect();
                self.expectations.push(Expectation { step, text, held, values });
            }
            What::Guard { text, action: Some(action), values, .. } => {
                let values = values.into_iter().map(|(metric, value)| Reading { metric, value }).collect();
                self.guards.push(Guarded { step, text, action, values });
            }
            What::Guard { action: None, .. }
            | What::Until { .. }
            | What::Trigger { .. }
            | What::Warning { .. }
            | What::End { gradient_evaluations: None, .. } => {}
            // A run that stops within an epoch has told nothing of it yet.
            What::End { gradient_evaluations: Some(n), .. } => self.gradient_evaluations = n,
        }
    }

    /// Changes the phase of a training step, which what happens between its steps has interrupted; of what has none, the last.
    fn phase_of(&mut self, step: &str, training: &Training, change: impl FnOnce(&mut Phase)) {
        let own = training.phases.get(step).copied();
        if let Some(phase) = own.or(self.phases.len().checked_sub(1)).and_then(|i| self.phases.get_mut(i)) {
            change(phase);
        }
    }

    fn follow(&mut self, metric: &str, value: Option<f64>, epochs: f64) {
        let Some(value) = value else { return };
        let Some(known) = self.followed.iter_mut().find(|f| f.metric == metric) else {
            let metric = metric.to_string();
            self.followed.push(Followed { metric, best: value, best_at_epoch: epochs, last: value });
            return;
        };
        known.last = value;
        let better = if lower_is_better(metric) { value < known.best } else { value > known.best };
        if better {
            (known.best, known.best_at_epoch) = (value, epochs);
        }
    }

    /// Whether every `expect` held.
    pub fn as_expected(&self) -> bool {
        self.expectations.iter().all(|e| e.held)
    }

    /// For people.
    pub fn draw(&self, screen: Screen) -> String {
        let mut out = format!("\n{}\n", self.headline(screen));
        if let Some(reason) = &self.reason {
            out += &format!("  {}\n", harmless(reason));
        }
        out += &self.draw_phases(screen);
        out += &self.draw_followed(screen);
        out += &draw_evaluated(&self.results, screen);
        out += &self.draw_expectations(screen);
        out + &format!("\n  records in {}\n", screen.paint(Ink::Strong, &self.folder))
    }

    /// `done in 2:41: 15 epochs, 2,310 steps, 25,410 gradient evaluations`
    fn headline(&self, screen: Screen) -> String {
        let ink = if self.status == "done" { Ink::Good } else { Ink::Error };
        let time = self.seconds.map_or(String::new(), |s| format!(" in {}", took(s)));
        format!(
            "{}{time}: {}, {} step{}, {} gradient evaluations",
            screen.paint(ink, &self.status),
            epochs(self.epochs),
            thousands(self.steps),
            if self.steps == 1 { "" } else { "s" },
            thousands(self.gradient_evaluations),
        )
    }

    fn draw_phases(&self, screen: Screen) -> String {
        if self.phases.is_empty() {
            return String::new();
        }
        let columns: Vec<&str> = self.columns();
        let header = ["step", "", "epochs"].into_iter().chain(columns.iter().copied());
        let mut table = Table::new(header, 2);
        let hidden = self.phases.len().saturating_sub(ROWS);
        // The first and the last say most: where it started and where it came to.
        let shown = |i: &usize| *i < ROWS / 2 || *i >= ROWS / 2 + hidden;
        for (i, phase) in self.phases.iter().enumerate().filter(|(i, _)| shown(i)) {
            if hidden > 0 && i == ROWS / 2 + hidden {
                table.row(["…".to_string(), format!("{} more", thousands(hidden as u64))], Some(Ink::Faint));
            }
            phase.row(&columns, &mut table);
        }
        format!("\n{}", table.draw(screen))
    }

    /// Metrics of the table, in the order in which they first appear.
    fn columns(&self) -> Vec<&str> {
        let mut columns: Vec<&str> = Vec::new();
        for phase in &self.phases {
            for metric in phase.measured.iter().map(|r| r.metric.as_str()) {
                if !columns.contains(&metric) {
                    columns.push(metric);
                }
            }
            for metric in phase.change.iter().flat_map(|c| &c.measured).map(|m| m.metric.as_str()) {
                if !columns.iter().any(|c| same(c, metric)) {
                    columns.push(metric);
                }
            }
        }
        columns
    }

    fn draw_followed(&self, screen: Screen) -> String {
        if self.followed.is_empty() {
            return String::new();
        }
        let mut table = Table::new(["during training", "best", "at epoch", "last"], 1);
        for f in &self.followed {
            let at = short(f.best_at_epoch);
            table.row([f.metric.clone(), value(&f.metric, Some(f.best)), at, value(&f.metric, Some(f.last))], None);
        }
        format!("\n{}", table.draw(screen))
    }

    fn draw_expectations(&self, screen: Screen) -> String {
        let values = |readings: &[Reading]| {
            let values: Vec<String> =
                readings.iter().map(|r| format!("{} {}", r.metric, value(&r.metric, r.value))).collect();
            if values.is_empty() { String::new() } else { format!("  ({})", values.join(", ")) }
        };
        let mut out = String::new();
        for e in &self.expectations {
            let verdict = if e.held { screen.paint(Ink::Good, "held ") } else { screen.paint(Ink::Error, "false") };
            out += &format!("  {verdict}  {}{}\n", harmless(&e.text), values(&e.values));
        }
        for g in self.guards.iter().rev().take(ROWS).rev() {
            let (verdict, text) = (screen.paint(Ink::Error, "false"), harmless(&g.text));
            out += &format!("  {verdict}  guard {text} at step {}: {}{}\n", g.step, g.action, values(&g.values));
        }
        if out.is_empty() { out } else { format!("\n{out}") }
    }
}

impl Phase {
    fn note(&mut self, metric: String, value: Option<f64>) {
        match self.measured.iter_mut().find(|r| r.metric == metric) {
            Some(reading) => reading.value = value,
            None => self.measured.push(Reading { metric, value }),
        }
    }

    fn row(&self, columns: &[&str], table: &mut Table) {
        let lead = [self.step.clone(), self.text.clone(), short(self.epochs)];
        let ink = self.change.is_some().then_some(Ink::Warning);
        table.row(lead.into_iter().chain(columns.iter().map(|c| self.cell(c))), ink);
    }

    /// A measurement, or for a change `before → after`.
    fn cell(&self, column: &str) -> String {
        let measured = self.measured.iter().find(|r| r.metric == column).map(|r| value(column, r.value));
        let changed = self.change.iter().flat_map(|c| &c.measured).find(|m| same(column, &m.metric));
        match (measured, changed) {
            (Some(text), _) => text,
            (None, Some(m)) => before_after(column, m),
            (None, None) => String::new(),
        }
    }
}

impl Evaluated {
    pub fn new(step: &str, split: Split, metric: &str, value: f64, n: usize, detail: &Detail) -> Evaluated {
        let metric = format!("{}.{}", split.name(), unsplit(metric));
        let (value, detail) = (value.is_finite().then_some(value), detail.clone());
        Evaluated { step: step.to_string(), metric, value, n, detail }
    }
}

/// A table of what was evaluated; nothing where nothing was.
pub fn draw_evaluated(results: &[Evaluated], screen: Screen) -> String {
    if results.is_empty() {
        return String::new();
    }
    let mut table = Table::new(["evaluated", "at step", "value", "95% interval", "images"], 2);
    let mut flags = String::new();
    for r in results.iter().rev().take(ROWS).rev() {
        let interval = r.detail.interval.map_or(String::new(), between);
        let cells = [
            format!("{}{}", r.metric, at(&r.detail)),
            r.step.clone(),
            value(&r.metric, r.value),
            interval,
            thousands(r.n as u64),
        ];
        table.row(cells, None);
        for part in &r.detail.parts {
            let (name, what) = (format!("  {}", harmless(&part.name)), broke(part));
            table.row([name, what, value(&r.metric, Some(part.value))], Some(Ink::Faint));
        }
        for flag in &r.detail.flags {
            flags += &format!("  {}\n", flagged(&r.metric, &r.detail, flag, screen));
        }
    }
    format!("\n{}{flags}", table.draw(screen))
}

/// `broke 37`
fn broke(part: &Part) -> String {
    part.broke.map_or(String::new(), |n| format!("broke {}", thousands(n as u64)))
}

/// ` at last`, where several weights are measured
fn at(detail: &Detail) -> String {
    detail.at.as_ref().map_or(String::new(), |at| format!(" at {}", harmless(at)))
}

/// `flag zero-gradients at test.robust(pgd) at last: …; …`
pub fn flagged(metric: &str, detail: &Detail, flag: &Flag, screen: Screen) -> String {
    let code = screen.paint(Ink::Warning, format!("flag {}", harmless(&flag.code)));
    format!("{code} at {metric}{}: {}; {}", at(detail), harmless(&flag.seen), harmless(&flag.help))
}

/// `84.0% → 12.3%`
pub fn before_after(metric: &str, m: &Measured) -> String {
    format!("{} → {}", value(metric, m.before), value(metric, m.after))
}

/// `84.0% → 12.3% (-71.7)`
pub fn before_after_drop(m: &Measured) -> String {
    let drop = difference(&m.metric, m.before, m.after).map_or(String::new(), |d| format!(" ({d})"));
    before_after(&m.metric, m) + &drop
}

/// Whether a column is this metric, whose split may be left out.
fn same(column: &str, metric: &str) -> bool {
    column == metric || unsplit(column) == metric
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::Patience;
    use crate::record::{About, InputAsGiven, Recorder, RunFolder};
    use crate::runtime::event::{Change, ChangedTensor, Event, Kind, Listener, Status};
    use crate::source::{FileId, Source, Sources, Span};
    use std::collections::BTreeMap;
    use std::sync::Arc;

    const PROGRAM: &str = "train 2\nforget head 30%\nrelearn 1\nevaluate clean on test\nexpect clean > 85%\n";

    fn event(line: usize, clock: u64, epochs: f64, kind: Kind) -> Event {
        let start: usize = PROGRAM.lines().take(line - 1).map(|l| l.len() + 1).sum();
        let length = PROGRAM.lines().nth(line - 1).map_or(0, str::len);
        let span = Some(Span::new(FileId::default(), start, start + length));
        Event { step: line.to_string(), span, clock, epochs, kind }
    }

    fn measure(split: Split, value: f64) -> Kind {
        let spec = serde_json::Value::Null;
        Kind::Measure {
            split,
            metric: "clean".into(),
            spec,
            value,
            n: 1200,
            per_example: None,
            broken_by: None,
            detail: Detail::default(),
        }
    }

    fn epoch(passes: u64) -> Kind {
        Kind::Epoch { loss: 0.5, accuracy: 0.8, rate: 0.1, steps: 10, gradient_evaluations: passes }
    }

    fn start(what: &str, steps: Option<u64>) -> Kind {
        Kind::Start { what: what.into(), steps }
    }

    fn forget() -> Kind {
        let tensor = ChangedTensor {
            name: "classifier.weight".into(),
            shape: vec![10, 72],
            selected: 4000,
            changed: 1200,
            mask: String::new(),
            norm_before: 1.0,
            norm_after: 1.0,
        };
        Kind::Change(Change {
            what: "forget",
            ordinal: 1,
            arguments: serde_json::Value::Null,
            tensors: vec![tensor],
            stream: None,
            measured: vec![("clean".into(), 0.85, 0.123)],
            compared: Vec::new(),
        })
    }

    fn run(folder: &Path) -> Summary {
        let mut sources = Sources::default();
        sources.add(Source::new("a.fsched", PROGRAM));
        let about = About {
            plan: "abc".into(),
            seed: 0,
            bindings: BTreeMap::new(),
            device: "cpu".into(),
            threads: 1,
            isa: "avx2".into(),
            data: Vec::new(),
            command: Vec::new(),
            input: InputAsGiven::default(),
        };
        let folder = RunFolder::create(folder).unwrap();
        let mut recorder = Recorder::begin(folder, Arc::new(sources), "{}", about, Patience::none()).unwrap();
        for event in [
            Event { step: String::new(), span: None, ..event(1, 0, 0.0, Kind::RunStart { total_steps: Some(30) }) },
            event(1, 0, 0.0, start("train", Some(20))),
            event(1, 10, 1.0, epoch(110)),
            event(1, 10, 1.0, measure(Split::Validation, 0.86)),
            event(1, 20, 2.0, epoch(110)),
            event(1, 20, 2.0, measure(Split::Validation, 0.85)),
            event(2, 20, 2.0, forget()),
            event(3, 20, 2.0, start("relearn", Some(10))),
            event(3, 30, 3.0, epoch(1110)),
            event(3, 30, 3.0, measure(Split::Validation, 0.84)),
            event(4, 30, 3.0, start("evaluate", None)),
            event(4, 30, 3.0, measure(Split::Test, 0.8333)),
            event(
                5,
                30,
                3.0,
                Kind::Expect {
                    text: "clean > 85%".into(),
                    held: false,
                    values: vec![("validation.clean".into(), 0.84)],
                },
            ),
            event(5, 30, 3.0, Kind::End { status: Status::Done, gradient_evaluations: 1330 }),
        ] {
            recorder.hear(&event).unwrap();
        }
        recorder.end(Status::Done, None).unwrap();
        Summary::read(recorder.folder()).unwrap()
    }

    #[test]
    fn shows_phases_changes_results_and_expectations() {
        let dir = tempfile::tempdir().unwrap();
        let mut summary = run(&dir.path().join("run"));
        summary.seconds = Some(161.0);
        summary.folder = "runs/a-abc".into();
        assert!(!summary.as_expected());
        let expected = "
done in 2:41: 3 epochs, 30 steps, 1,330 gradient evaluations

  step                     epochs   validation.clean
  1      train 2                2              85.0%
  2      forget head 30%        2      85.0% → 12.3%
  3      relearn 1              3              84.0%

  during training     best   at epoch    last
  validation.clean   86.0%          1   84.0%

  evaluated    at step   value   95% interval   images
  test.clean   4         83.3%                   1,200

  false  clean > 85%  (validation.clean 84.0%)

  records in runs/a-abc
";
        assert_eq!(summary.draw(Screen::page()), expected);
    }

    #[test]
    fn long_schedules_keep_their_ends() {
        let dir = tempfile::tempdir().unwrap();
        let mut summary = run(&dir.path().join("run"));
        summary.phases =
            (0..100).map(|i| Phase { step: format!("1.repeat[{i}]"), ..summary.phases[0].clone() }).collect();
        let shown = summary.draw(Screen::page());
        assert!(
            shown.contains("1.repeat[0] ") && shown.contains("1.repeat[99]") && shown.contains("60 more"),
            "{shown}"
        );
        assert_eq!(shown.matches("1.repeat[").count(), ROWS);
    }
}

//! Bars for terminals: the step under way, and the whole run with the time it has left.

use super::screen::Screen;
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};
use std::fmt::Write;
use std::time::Duration;

/// Two bars at the foot of the terminal; lines scroll above them.
pub struct Bars {
    all: MultiProgress,
    step: ProgressBar,
    run: ProgressBar,
    /// of a step that trains
    training: ProgressStyle,
}

impl Bars {
    pub fn new(screen: Screen) -> Bars {
        let all = MultiProgress::with_draw_target(ProgressDrawTarget::stderr());
        let step = all.add(ProgressBar::new(0));
        let run = all.add(ProgressBar::new(0));
        let marks = if screen.unicode { "━╸─" } else { "=> " };
        let bar = if screen.colour { "{bar:24.cyan}" } else { "{bar:24}" };
        let training = style(&format!("  {bar} {{pos}}/{{len}} {{prefix}}  {{wide_msg}}"), marks);
        run.set_style(style(&format!("  {bar} run {{percent:>3}}%  {{speed}}  {{eta}} left  {{wide_msg}}"), marks));
        Bars { all, step, run, training }
    }

    /// The run begins.
    pub fn begin(&self, total: Option<u64>) {
        match total {
            Some(total) => self.run.set_length(total),
            None => self.run.set_style(style("  run {elapsed}  {pos} steps  {speed}  {wide_msg}", "")),
        }
        self.run.enable_steady_tick(Duration::from_millis(500));
    }

    /// A step begins; one of training has a bar of its own.
    pub fn step(&self, text: &str, steps: Option<u64>) {
        self.step.set_style(match steps {
            Some(_) => self.training.clone(),
            None => style("  {prefix}  {wide_msg}", ""),
        });
        self.step.set_prefix(text.to_string());
        self.step.set_message(String::new());
        self.step.set_length(steps.unwrap_or(0));
        self.step.set_position(0);
    }

    /// After each optimizer step: `done` of the step under way, `clock` of the run.
    pub fn advance(&self, done: u64, clock: u64, loss: f64, rate: f64) {
        self.step.set_position(done);
        self.step.set_message(format!("loss {loss:.4}  rate {rate:.4}"));
        self.run.set_position(clock);
    }

    /// How far an evaluation has come.
    pub fn evaluating(&self, text: &str) {
        self.step.set_message(text.to_string());
    }

    /// The last measurement stays in sight.
    pub fn measured(&self, text: &str) {
        self.run.set_message(text.to_string());
    }

    pub fn line(&self, text: &str) {
        // A terminal that is gone has no reader to tell.
        let _ = self.all.println(text);
    }

    pub fn clear(&self) {
        self.step.finish_and_clear();
        self.run.finish_and_clear();
    }
}

impl Drop for Bars {
    fn drop(&mut self) {
        self.clear();
    }
}

fn style(template: &str, marks: &str) -> ProgressStyle {
    let style = ProgressStyle::with_template(template).expect("the templates stand in this file");
    let style = style.with_key("speed", |state: &ProgressState, out: &mut dyn Write| {
        // A bar that cannot be written is not worth an error.
        let _ = write!(out, "{:.1} steps/s", state.per_sec());
    });
    if marks.is_empty() { style } else { style.progress_chars(marks) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_can_be_drawn_in_every_style() {
        for (colour, unicode) in [(true, true), (false, false)] {
            let bars = Bars::new(Screen { terminal: true, colour, unicode, width: None });
            bars.begin(None);
            bars.begin(Some(10));
            bars.step("1 train 2", Some(10));
            bars.advance(1, 1, 0.5, 0.1);
            bars.evaluating("test.clean: 250 of 500 images");
            bars.measured("clean 80%");
            bars.line("a line");
            bars.clear();
        }
    }
}

//! Being interrupted within an evaluation, and going on within it.
//!
//! A step that measures can be saved between two pieces of its evaluation. Its frame says so, and the journal holds what
//! the evaluations of the step have found so far; a run that goes on from there enters the step again, and what is known
//! isn't measured once more. At all other saves the journal holds nothing of it.

use super::error::{Failure, Halt};
use super::{Run, checkpoint};
use crate::components::metrics::Evaluation;
use crate::language::program::Settings;
use serde::{Deserialize, Serialize};

/// What the evaluations of a step have found so far, and at which weights: steps, changes of weights and of the memory.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Evaluations {
    at: (u64, u64, u64),
    all: Vec<Known>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Known {
    /// keys of the metrics that are measured together
    metrics: Vec<String>,
    evaluation: Evaluation,
}

impl Evaluations {
    /// The evaluation of these metrics at these weights, as far as it has come.
    pub fn begun(&mut self, metrics: &[String], at: (u64, u64, u64)) -> Evaluation {
        if self.at != at {
            *self = Evaluations { at, all: Vec::new() };
        }
        let known = self.all.iter().find(|known| known.metrics == metrics);
        known.map(|known| known.evaluation.clone()).unwrap_or_default()
    }

    /// Of these metrics those whose evaluation at these weights has begun without the others, if any: it goes on, and the
    /// others are measured apart. A run that was interrupted no longer knows what it had measured before.
    pub fn begun_apart<'a>(&'a self, metrics: &[String], at: (u64, u64, u64)) -> Option<&'a [String]> {
        let is_of = |known: &&Known| metrics.iter().filter(|m| known.metrics.contains(m)).eq(&known.metrics);
        if self.at != at || self.all.iter().any(|known| known.metrics == metrics) {
            return None;
        }
        self.all.iter().find(is_of).map(|known| known.metrics.as_slice())
    }

    pub fn note(&mut self, metrics: &[String], evaluation: &Evaluation) {
        match self.all.iter_mut().find(|known| known.metrics == metrics) {
            Some(known) => known.evaluation.clone_from(evaluation),
            None => self.all.push(Known { metrics: metrics.to_vec(), evaluation: evaluation.clone() }),
        }
    }
}

/// Between two pieces of an evaluation: saves where a clock asks for it, and where the run is to stop. Only where the
/// step under way can be entered again.
pub fn heed(run: &mut Run, settings: &Settings) -> Result<(), Halt> {
    if !run.reenterable {
        return Ok(());
    }
    let stop = run.asked_to_stop();
    if stop.is_some() || checkpoint::overdue_by_clock(run, &settings.keep) {
        save(run)?;
        checkpoint::drop_older(run, settings.keep.last.max(1))?;
    }
    stop.map_or(Ok(()), |stop| Err(Halt::Stopped(stop)))
}

fn save(run: &mut Run) -> Result<(), Failure> {
    run.state.journal.evaluations = Some(run.evaluations.clone());
    set_measuring(run, true);
    let saved = checkpoint::save(run);
    run.state.journal.evaluations = None;
    set_measuring(run, false);
    saved
}

fn set_measuring(run: &mut Run, measuring: bool) {
    if let Some(frame) = run.state.journal.cursor.innermost() {
        frame.measuring = measuring;
    }
}

/// Lets the evaluations of some work be interrupted: work that does the same when the step is entered again.
pub fn reenterable<T>(run: &mut Run, work: impl FnOnce(&mut Run) -> Result<T, Halt>) -> Result<T, Halt> {
    let before = std::mem::replace(&mut run.reenterable, true);
    let done = work(run);
    run.reenterable = before;
    done
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_begun_without_others_goes_on_without_them() {
        let keys = |keys: &[&str]| keys.iter().map(|key| key.to_string()).collect::<Vec<_>>();
        let at = (3, 0, 0);
        let mut evaluations = Evaluations::default();
        evaluations.begun(&keys(&["robust"]), at);
        evaluations.note(&keys(&["robust"]), &Evaluation::default());
        let asked = keys(&["clean", "robust"]);
        assert_eq!(evaluations.begun_apart(&asked, at), Some(&keys(&["robust"])[..]));
        assert_eq!(evaluations.begun_apart(&asked, (4, 0, 0)), None, "at other weights");
        assert_eq!(evaluations.begun_apart(&keys(&["clean", "loss"]), at), None);
        evaluations.note(&asked, &Evaluation::default());
        assert_eq!(evaluations.begun_apart(&asked, at), None, "all of them have begun together");
    }
}

//! Scores of a stream of tasks: how each task that was seen is answered after each task that was learned.

use super::wrong;
use crate::components::Problem;
use serde_json::{Value, json};

/// A(j, i): the score on task i after task j was learned, for i up to j.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Accuracies {
    /// row j has j + 1 entries
    rows: Vec<Vec<f64>>,
}

impl Accuracies {
    /// Adds what was measured after a further task, for all tasks so far in their order.
    ///
    /// # Errors
    /// Another number of scores than tasks so far, and scores that are no finite numbers.
    pub fn push(&mut self, row: Vec<f64>) -> Result<(), Problem> {
        let tasks = self.rows.len() + 1;
        if row.len() != tasks {
            let message = format!("after task {tasks} there are {} scores; {tasks} tasks were seen", row.len());
            return Err(wrong(message));
        }
        if let Some(at) = row.iter().position(|score| !score.is_finite()) {
            return Err(wrong(format!("after task {tasks} the score of task {} is no finite number", at + 1)));
        }
        self.rows.push(row);
        Ok(())
    }

    /// Row j holds the scores after task j, of as many tasks as were seen.
    pub fn rows(&self) -> &[Vec<f64>] {
        &self.rows
    }

    /// How many tasks were learned.
    pub fn tasks(&self) -> usize {
        self.rows.len()
    }

    /// Mean fine-tune accuracy: of each task right after it was learned.
    pub fn mft(&self) -> Option<f64> {
        self.mean(self.diagonal())
    }

    /// Mean final accuracy: of all tasks after the last one.
    pub fn mfn(&self) -> Option<f64> {
        self.mean(self.last())
    }

    /// Mean average accuracy: the mean over what was learned of the mean over what was seen.
    pub fn maa(&self) -> Option<f64> {
        self.mean(self.rows.iter().map(|row| row.iter().sum::<f64>() / row.len() as f64))
    }

    /// Backward transfer over all T tasks, as SEFE's table has it: MFN - MFT.
    pub fn bwt_t(&self) -> Option<f64> {
        self.mean(self.changes())
    }

    /// Backward transfer over the T - 1 tasks that something was learned after, as MLLM-CL and MCITlib have it; none for
    /// one task.
    pub fn bwt_tm1(&self) -> Option<f64> {
        let earlier = self.tasks().checked_sub(1).filter(|n| *n > 0)?;
        Some(self.changes().take(earlier).sum::<f64>() / earlier as f64)
    }

    /// All of it, for records; what there is none of is null.
    pub fn to_json(&self) -> Value {
        json!({
            "accuracies": self.rows,
            "mft": self.mft(),
            "mfn": self.mfn(),
            "maa": self.maa(),
            "bwt_T": self.bwt_t(),
            "bwt_Tm1": self.bwt_tm1(),
        })
    }

    fn diagonal(&self) -> impl Iterator<Item = f64> {
        self.rows.iter().flat_map(|row| row.last().copied())
    }

    fn last(&self) -> impl Iterator<Item = f64> {
        self.rows.last().into_iter().flatten().copied()
    }

    fn changes(&self) -> impl Iterator<Item = f64> {
        self.last().zip(self.diagonal()).map(|(last, first)| last - first)
    }

    fn mean(&self, values: impl Iterator<Item = f64>) -> Option<f64> {
        (self.tasks() > 0).then(|| values.sum::<f64>() / self.tasks() as f64)
    }
}

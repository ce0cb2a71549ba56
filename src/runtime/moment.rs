//! Points of a run on all its clocks, and what is due between two of them.

use super::Run;
use crate::components::Duration;

/// A point of a run on all its clocks.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Moment {
    /// optimizer steps
    pub steps: u64,
    pub epochs: f64,
    pub seconds: f64,
}

impl Run<'_> {
    pub(super) fn moment(&self) -> Moment {
        let journal = &self.state.journal;
        Moment { steps: journal.clock, epochs: journal.epochs, seconds: self.seconds() }
    }
}

impl Moment {
    /// Whether a multiple of `every` lies after `before` and not after `self`, counted from the beginning of the run.
    pub fn passes(self, every: Duration, before: Moment) -> bool {
        // The tolerance keeps a third of an epoch three times at one epoch: sums of fractions miss it by a bit.
        let turns = |time: f64, length: f64| (time / length + 1e-9).floor();
        match every {
            Duration::Steps(n) => self.steps / n.max(1) > before.steps / n.max(1),
            Duration::Epochs(n) => turns(self.epochs, n) > turns(before.epochs, n),
            Duration::Seconds(n) => turns(self.seconds, n) > turns(before.seconds, n),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(steps: u64, epochs: f64, seconds: f64) -> Moment {
        Moment { steps, epochs, seconds }
    }

    #[test]
    fn something_due_each_epoch_is_due_once_in_each() {
        let third = |n: u64| at(n, (0..n).map(|_| 1.0 / 3.0).sum(), 0.0);
        let due: Vec<u64> = (1..=9).filter(|n| third(*n).passes(Duration::Epochs(1.0), third(n - 1))).collect();
        assert_eq!(due, [3, 6, 9]);
        let due: Vec<u64> = (1..=9).filter(|n| third(*n).passes(Duration::Steps(4), third(n - 1))).collect();
        assert_eq!(due, [4, 8]);
        assert!(at(1, 0.0, 600.5).passes(Duration::Seconds(600.0), at(0, 0.0, 599.0)));
        assert!(!at(1, 0.0, 1199.0).passes(Duration::Seconds(600.0), at(0, 0.0, 601.0)));
    }
}

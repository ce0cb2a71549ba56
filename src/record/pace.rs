//! How fast an evaluation goes, and how long it will take yet.

use super::number::{clock, thousands};
use crate::components::metrics::Standing;
use std::time::{Duration, Instant};

/// An evaluation under way, as it was first seen in this session.
pub struct Pace {
    metric: String,
    began: Instant,
    /// what had been done then
    share: f64,
    done: usize,
    /// when a line was last written
    told: Instant,
}

/// How often a line is written where there are no bars.
const PATIENCE: Duration = Duration::from_secs(30);

impl Pace {
    pub fn new(metric: &str, standing: &Standing, now: Instant) -> Pace {
        Pace { metric: metric.to_string(), began: now, share: standing.share, done: standing.done, told: now }
    }

    /// Whether it is of this metric and has not begun again.
    pub fn is_of(&self, metric: &str, standing: &Standing) -> bool {
        self.metric == metric && standing.share >= self.share
    }

    /// Whether it is time for a line.
    pub fn is_due(&mut self, now: Instant) -> bool {
        let due = now.duration_since(self.told) >= PATIENCE;
        if due {
            self.told = now;
        }
        due
    }

    /// `test.robust(autoattack): 1,250 of 10,000 images, 431 survive, 3.2 images/s, 0:45:12 left`
    pub fn text(&self, standing: &Standing, now: Instant) -> String {
        let Standing { done, of, share, survivors } = standing;
        let mut text = format!("{}: {} of {} images", self.metric, thousands(*done as u64), thousands(*of as u64));
        if let Some(survivors) = survivors.filter(|_| *done > 0) {
            text += &format!(", {} survive", thousands(survivors as u64));
        }
        let seconds = now.duration_since(self.began).as_secs_f64();
        if *done > self.done && seconds > 0.0 {
            text += &format!(", {:.1} images/s", (done - self.done) as f64 / seconds);
        }
        let advanced = share - self.share;
        if advanced > 0.0 {
            text += &format!(", {} left", clock(Duration::from_secs_f64(seconds * (1.0 - share) / advanced)));
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_left_follows_from_what_this_session_did() {
        let at = |done: usize, share| Standing { done, of: 1000, share, survivors: Some(done / 2) };
        let began = Instant::now();
        let mut pace = Pace::new("test.robust(pgd)", &at(200, 0.2), began);
        let now = began + Duration::from_secs(60);
        let text = pace.text(&at(500, 0.5), now);
        assert_eq!(text, "test.robust(pgd): 500 of 1,000 images, 250 survive, 5.0 images/s, 1:40 left");
        assert!(pace.is_of("test.robust(pgd)", &at(500, 0.5)) && !pace.is_of("test.robust(pgd)", &at(0, 0.1)));
        assert!(pace.is_due(now) && !pace.is_due(now + Duration::from_secs(1)));
    }
}

//! Waiting for a disk that is full or away.

use std::io::{self, ErrorKind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// How long a run waits for space, and whom it tells. Only what may pass by itself is waited for: a full disk or quota,
/// a network drive that lost its handles or does not answer.
#[derive(Clone)]
pub struct Patience {
    limit: Duration,
    /// set from outside: nothing is waited for any more
    stop: Arc<AtomicBool>,
    /// it was waited once as long as may be, in vain: not again
    used_up: Arc<AtomicBool>,
    tell: Arc<dyn Fn(&str) + Send + Sync>,
}

/// Between two tries; the first are quicker.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

impl Patience {
    pub fn new(limit: Duration, stop: Arc<AtomicBool>, tell: impl Fn(&str) + Send + Sync + 'static) -> Patience {
        Patience { limit, stop, used_up: Arc::default(), tell: Arc::new(tell) }
    }

    /// Waits for nothing.
    pub fn none() -> Patience {
        Patience::new(Duration::ZERO, Arc::new(AtomicBool::new(false)), |_| {})
    }

    /// Does something until it succeeds, fails for good, or the time is over; the error is then the last one.
    pub fn with<T>(&self, mut act: impl FnMut() -> io::Result<T>) -> io::Result<T> {
        let began = Instant::now();
        let mut pause = Duration::from_millis(50);
        let mut told = false;
        loop {
            let error = match act() {
                Err(error) if may_pass(error.kind()) => error,
                done => {
                    if told && done.is_ok() {
                        (self.tell)("the disk takes writes again: the run goes on");
                    }
                    return done;
                }
            };
            let set = |flag: &AtomicBool| flag.load(Ordering::Relaxed);
            if set(&self.stop) || set(&self.used_up) || began.elapsed() >= self.limit {
                self.used_up.store(true, Ordering::Relaxed);
                return Err(error);
            }
            if !told {
                told = true;
                (self.tell)(&format!("{error}: waiting up to {} s for it to pass", self.limit.as_secs()));
            }
            std::thread::sleep(pause.min(self.limit.saturating_sub(began.elapsed())));
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }
}

impl std::fmt::Debug for Patience {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Patience").field("limit", &self.limit).finish_non_exhaustive()
    }
}

fn may_pass(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::StorageFull
            | ErrorKind::QuotaExceeded
            | ErrorKind::StaleNetworkFileHandle
            | ErrorKind::TimedOut
            | ErrorKind::ResourceBusy
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Mutex;

    #[test]
    fn what_may_pass_is_waited_for_and_told_once() {
        let told = Arc::new(Mutex::new(Vec::new()));
        let heard = told.clone();
        let stop = Arc::new(AtomicBool::new(false));
        let patience =
            Patience::new(Duration::from_secs(600), stop.clone(), move |t| heard.lock().unwrap().push(t.to_string()));
        let mut left = 3;
        let result = patience.with(|| {
            left -= 1;
            if left > 0 { Err(ErrorKind::StorageFull.into()) } else { Ok(7) }
        });
        assert_eq!(result.unwrap(), 7);
        assert_eq!(told.lock().unwrap().len(), 2, "{told:?}");
        stop.store(true, Ordering::Relaxed);
        let refused = patience.with(|| Err::<(), _>(ErrorKind::StorageFull.into()));
        assert_eq!(refused.unwrap_err().kind(), ErrorKind::StorageFull);
    }

    #[test]
    fn what_does_not_pass_is_told_at_once() {
        let mut tries = 0;
        let patience = Patience::new(Duration::from_secs(600), Arc::new(AtomicBool::new(false)), |_| {});
        let refused = patience.with(|| {
            tries += 1;
            Err::<(), _>(ErrorKind::PermissionDenied.into())
        });
        assert_eq!((refused.unwrap_err().kind(), tries), (ErrorKind::PermissionDenied, 1));
        assert!(Patience::none().with(|| Err::<(), _>(ErrorKind::StorageFull.into())).is_err());
    }
}

//! Signals that end a run.

use super::failure::{Exit, Failure};
use super::input::tell;
use signal_hook::consts::{SIGINT, SIGTERM};
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Ctrl-C, a polite kill, a terminal that hangs up, and what schedulers of clusters send as a warning end the run after
/// the step under way, with a checkpoint; a second one ends it at once.
pub fn stop_on_signals(stop: Arc<AtomicBool>) -> Result<(), Failure> {
    listen(stop).map_err(|e| Failure::new(Exit::RunFailed, format!("cannot listen for signals: {e}")))
}

#[cfg(unix)]
fn listen(stop: Arc<AtomicBool>) -> io::Result<()> {
    use signal_hook::consts::{SIGHUP, SIGUSR1};
    use signal_hook::iterator::Signals;

    let all = [SIGINT, SIGTERM, SIGHUP, SIGUSR1];
    let heeded = all.into_iter().filter(|signal| !is_ignored(*signal));
    let mut signals = Signals::new(heeded)?;
    let heed = move || {
        for _ in signals.forever() {
            if stop.swap(true, Ordering::Relaxed) {
                std::process::exit(Exit::Interrupted as i32);
            }
            tell("stopping after the step under way, with a checkpoint; once more to stop at once\n");
        }
    };
    std::thread::Builder::new().name("signals".into()).spawn(heed).map(|_| ())
}

/// Whether whoever started the process ignores the signal, as `nohup` does that of a terminal that hangs up.
#[cfg(unix)]
fn is_ignored(signal: i32) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0);
    mask >> (signal - 1) & 1 == 1
}

#[cfg(not(unix))]
fn listen(stop: Arc<AtomicBool>) -> io::Result<()> {
    for signal in [SIGINT, SIGTERM] {
        // In this order: the second signal finds the flag set.
        signal_hook::flag::register_conditional_shutdown(signal, Exit::Interrupted as i32, stop.clone())?;
        signal_hook::flag::register(signal, stop.clone())?;
    }
    Ok(())
}

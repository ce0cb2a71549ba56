//! Numbers as people read them.

use crate::components::metrics::{self, MetricInfo, MetricUnit};
use std::time::Duration;

/// `12,345`
pub fn thousands(n: impl Into<u64>) -> String {
    let digits = n.into().to_string();
    let mut out = String::with_capacity(digits.len() * 4 / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i) % 3 == 0 {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// `1 tensor`, `2 tensors`
pub fn plural(n: usize, word: &str) -> String {
    format!("{} {word}{}", thousands(n as u64), if n == 1 { "" } else { "s" })
}

/// `0:07`, `12:34`, `1:02:03`
pub fn clock(time: Duration) -> String {
    let s = time.as_secs();
    match s / 3600 {
        0 => format!("{}:{:02}", s / 60, s % 60),
        hours => format!("{hours}:{:02}:{:02}", s / 60 % 60, s % 60),
    }
}

/// `0.4 s`, `2:41`
pub fn took(seconds: f64) -> String {
    if seconds < 10.0 { format!("{seconds:.1} s") } else { clock(Duration::from_secs_f64(seconds)) }
}

/// `1 epoch`, `2.5 epochs`
pub fn epochs(n: f64) -> String {
    format!("{} epoch{}", short(n), if n == 1.0 { "" } else { "s" })
}

/// Two decimals at most, none that say nothing.
pub fn short(n: f64) -> String {
    let text = format!("{n:.2}");
    text.trim_end_matches('0').trim_end_matches('.').to_string()
}

/// A metric's value in its own unit: `84.1%`, `0.4321`.
pub fn value(metric: &str, value: Option<f64>) -> String {
    match value {
        None => "not finite".into(),
        Some(v) if is_of_epochs(metric) => epochs(v),
        Some(v) if is_share(metric) => format!("{:.1}%", v * 100.0),
        Some(v) => format!("{v:.4}"),
    }
}

/// `81.1–85.3%`, of shares.
pub fn between([low, high]: [f64; 2]) -> String {
    format!("{:.1}–{:.1}%", low * 100.0, high * 100.0)
}

/// A difference in the metric's unit, with its sign: `-40.2`, `+0.1234`.
pub fn difference(metric: &str, before: Option<f64>, after: Option<f64>) -> Option<String> {
    let d = after? - before?;
    Some(if is_share(metric) { format!("{:+.1}", d * 100.0) } else { format!("{d:+.4}") })
}

/// Whether it counts training time.
fn is_of_epochs(metric: &str) -> bool {
    describe(unsplit(metric)).is_some_and(|info| info.unit == MetricUnit::Epochs)
}

/// Whether a metric is a share of one: a `gap` and its like are of what they are the gap of.
fn is_share(metric: &str) -> bool {
    describe(inner(metric)).is_none_or(|info| info.unit == MetricUnit::Share)
}

/// Whether a smaller value is the better one.
pub fn lower_is_better(metric: &str) -> bool {
    let bare = unsplit(metric);
    describe(bare).is_some_and(|info| !info.higher_is_better)
}

/// What the catalogue says of a metric, whatever its arguments.
fn describe(metric: &str) -> Option<MetricInfo> {
    metrics::named(metric.split(['(', ')']).next()?)
}

/// `robust(pgd)` of `validation.robust(pgd)`
pub fn unsplit(metric: &str) -> &str {
    ["train.", "validation.", "test."].iter().find_map(|split| metric.strip_prefix(split)).unwrap_or(metric)
}

/// `robust(pgd)` of `gap(validation.robust(pgd))`
fn inner(metric: &str) -> &str {
    const OF_ANOTHER: [&str; 4] = ["gap(", "overfitting(", "sensitivity(", "groups("];
    match OF_ANOTHER.iter().find_map(|of| unsplit(metric).strip_prefix(of)) {
        Some(rest) => inner(rest),
        None => unsplit(metric),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_well() {
        assert_eq!([thousands(7u64), thousands(1234u64), thousands(1_234_567u64)], ["7", "1,234", "1,234,567"]);
        let times = [7, 754, 3723].map(|s| clock(Duration::from_secs(s)));
        assert_eq!(times, ["0:07", "12:34", "1:02:03"]);
        assert_eq!([epochs(1.0), epochs(0.5), epochs(20.0)], ["1 epoch", "0.5 epochs", "20 epochs"]);
    }

    #[test]
    fn metrics_have_their_units() {
        assert_eq!(value("validation.robust(pgd)", Some(0.8412)), "84.1%");
        assert_eq!(value("test.loss", Some(0.8412)), "0.8412");
        assert_eq!(value("gap(validation.loss)", Some(0.5)), "0.5000");
        assert_eq!(value("validation.cost(costs.csv)", Some(0.5)), "0.5000");
        assert!(lower_is_better("cost(costs.csv)"));
        assert_eq!(value("clean", None), "not finite");
        assert_eq!(difference("clean", Some(0.8), Some(0.25)), Some("-55.0".into()));
        assert!(lower_is_better("validation.gap(clean)") && !lower_is_better("test.clean"));
    }
}

//! What a measured value is made of, how sure it is, and what makes it doubtful.

use super::{MetricInfo, MetricUnit};
use serde::{Deserialize, Deserializer, Serialize};

/// One of the numbers that a value is made of: what an attack of an ensemble left, a budget, a stage, a group.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Part {
    pub name: String,
    /// in the metric's unit; `null` in JSON where it isn't finite
    #[serde(deserialize_with = "finite_or_nan")]
    pub value: f64,
    /// examples that this attack or budget was the first to break
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub broke: Option<usize>,
}

/// Something that makes a value doubtful.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Flag {
    /// a word for it: `zero-gradients`
    pub code: String,
    /// with its numbers
    pub seen: String,
    /// what to do about it
    pub help: String,
}

/// All that stands beside a value.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Detail {
    /// of which weights it is, where not simply of those that there were: `best by validation.clean`, `last`
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub at: Option<String>,
    /// where the share lies with 95 % confidence, as far as the number of examples goes
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub interval: Option<[f64; 2]>,
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub parts: Vec<Part>,
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub flags: Vec<Flag>,
}

impl Part {
    pub fn new(name: impl Into<String>, value: f64) -> Part {
        Part { name: name.into(), value, broke: None }
    }
}

/// The interval of a metric's value, where that is a share of examples.
pub fn interval(info: &MetricInfo, per_example: &[f64]) -> Option<[f64; 2]> {
    let share = info.unit == MetricUnit::Share && per_example.iter().all(|v| *v == 0.0 || *v == 1.0);
    (share && !per_example.is_empty()).then(|| wilson(per_example.iter().sum(), per_example.len() as f64))
}

/// Where a share lies that was `hits` of `n`, with 95 % confidence: Wilson 1927, Probable inference, eq. 6.
pub fn wilson(hits: f64, n: f64) -> [f64; 2] {
    let (p, z2) = (hits / n, Z * Z);
    let middle = (p + z2 / (2.0 * n)) / (1.0 + z2 / n);
    let half = Z * (p * (1.0 - p) / n + z2 / (4.0 * n * n)).sqrt() / (1.0 + z2 / n);
    // At the ends rounding would leave something.
    let low = if hits == 0.0 { 0.0 } else { middle - half };
    [low, if hits == n { 1.0 } else { middle + half }]
}

/// The 97.5 % point of the normal distribution.
const Z: f64 = 1.959963984540054;

/// JSON has no NaN.
fn finite_or_nan<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    Ok(Option::<f64>::deserialize(deserializer)?.unwrap_or(f64::NAN))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_are_wilsons() {
        // scipy 1.17.1: binomtest(hits, n).proportion_ci(method="wilson")
        for (hits, n, low, high) in
            [(83.0, 100.0, 0.744519952, 0.891064339), (0.0, 10.0, 0.0, 0.277532799), (10.0, 10.0, 0.7224672, 1.0)]
        {
            let [a, b] = wilson(hits, n);
            assert!((a - low).abs() < 1e-8 && (b - high).abs() < 1e-8, "{hits} of {n}: {a} to {b}");
        }
    }

    #[test]
    fn what_is_not_finite_comes_back_as_nan() {
        let json = serde_json::to_string(&Part::new("a", f64::NAN)).unwrap();
        assert_eq!(json, r#"{"name":"a","value":null}"#);
        assert!(serde_json::from_str::<Part>(&json).unwrap().value.is_nan());
    }
}

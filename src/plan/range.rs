//! Counts that a measurement may decide: from at least to at most.

use serde_json::json;

/// A number that can be added up and multiplied without overflow.
pub trait Number: Copy + PartialOrd {
    const ZERO: Self;
    fn plus(self, other: Self) -> Self;
    fn times(self, n: u64) -> Self;
    /// An integer where it is one.
    fn to_json(self) -> serde_json::Value;
}

impl Number for u64 {
    const ZERO: u64 = 0;

    fn plus(self, other: u64) -> u64 {
        self.saturating_add(other)
    }

    fn times(self, n: u64) -> u64 {
        self.saturating_mul(n)
    }

    fn to_json(self) -> serde_json::Value {
        json!(self)
    }
}

impl Number for f64 {
    const ZERO: f64 = 0.0;

    fn plus(self, other: f64) -> f64 {
        self + other
    }

    fn times(self, n: u64) -> f64 {
        self * n as f64
    }

    fn to_json(self) -> serde_json::Value {
        // Above 2^53 a double has no unit digits, so an integer would claim what isn't known.
        if self.fract() == 0.0 && (0.0..9_007_199_254_740_992.0).contains(&self) {
            json!(self as u64)
        } else {
            json!(self)
        }
    }
}

/// At least `min`, at most `max`; `None`: nothing known before the run bounds it (a clock decides).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Range<T> {
    pub min: T,
    pub max: Option<T>,
}

impl<T: Number> Range<T> {
    /// Exactly that.
    pub fn exactly(n: T) -> Range<T> {
        Range { min: n, max: Some(n) }
    }

    /// That or more.
    pub fn at_least(n: T) -> Range<T> {
        Range { min: n, max: None }
    }

    /// The number, where it is known.
    pub fn exact(&self) -> Option<T> {
        self.max.filter(|max| *max == self.min)
    }

    /// One after the other.
    pub fn plus(self, other: Range<T>) -> Range<T> {
        let max = self.max.zip(other.max).map(|(a, b)| a.plus(b));
        Range { min: self.min.plus(other.min), max }
    }

    /// `n` times over.
    pub fn times(self, n: u64) -> Range<T> {
        Range { min: self.min.times(n), max: self.max.map(|m| m.times(n)) }
    }

    /// No upper bound, unless there is nothing at all; `least` is what it comes to at least.
    pub fn unless_nothing(self, least: Range<T>) -> Range<T> {
        if self.max.is_some_and(|max| max == T::ZERO) { self } else { Range::at_least(least.min) }
    }

    /// The one or the other.
    pub fn or(self, other: Range<T>) -> Range<T> {
        let min = if other.min < self.min { other.min } else { self.min };
        let max = self.max.zip(other.max).map(|(a, b)| if b > a { b } else { a });
        Range { min, max }
    }

    /// A number where it is known, else `{"min", "max"}` with null for no bound.
    pub fn to_json(&self) -> serde_json::Value {
        match self.exact() {
            Some(n) => n.to_json(),
            None => json!({ "min": self.min.to_json(), "max": self.max.map(Number::to_json) }),
        }
    }
}

impl Range<f64> {
    /// To whole numbers.
    pub fn rounded(self) -> Range<u64> {
        Range { min: self.min.round() as u64, max: self.max.map(|m| m.round() as u64) }
    }
}

impl<T: Number> Default for Range<T> {
    fn default() -> Range<T> {
        Range::exactly(T::ZERO)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_and_products_saturate() {
        let big = Range::exactly(u64::MAX / 2);
        assert_eq!(big.times(3).exact(), Some(u64::MAX));
        assert_eq!(big.plus(big).plus(big).exact(), Some(u64::MAX));
    }

    #[test]
    fn no_bound_stays_no_bound() {
        let clock = Range::at_least(1u64);
        assert_eq!(clock.plus(Range::exactly(4)).to_json(), json!({ "min": 5, "max": null }));
        assert_eq!(clock.or(Range::exactly(4)).to_json(), json!({ "min": 1, "max": null }));
        assert_eq!(Range::exactly(2u64).or(Range::exactly(7)).to_json(), json!({ "min": 2, "max": 7 }));
    }

    #[test]
    fn whole_reals_print_as_integers() {
        assert_eq!(Range::exactly(250.0).to_json().to_string(), "250");
        assert_eq!(Range::exactly(0.5).to_json().to_string(), "0.5");
    }
}

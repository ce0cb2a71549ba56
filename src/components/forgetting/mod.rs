//! Forgetting: an exact share of chosen weights is replaced.

pub mod fills;
pub mod rankings;

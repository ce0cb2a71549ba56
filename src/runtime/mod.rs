//! Runs a plan.

pub mod event;

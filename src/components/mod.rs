//! The catalogue: everything that can stand in a program as a value, described once as plain data beside the code
//! that builds it. `language` reads the descriptions, `runtime` calls the builders.

pub mod adapters;
pub mod arithmetic;
pub mod attacks;
pub mod augment;
pub mod catalogue;
pub mod coerce;
pub mod conditions;
pub mod data;
pub mod describe;
mod entries;
mod expression;
mod facts;
pub mod forgetting;
pub mod memory;
pub mod metrics;
pub mod models;
pub mod objectives;
pub mod optimizers;
pub mod problem;
pub mod recall;
pub mod regularizers;
pub mod schedules;
pub mod scoring;
pub mod selector;
mod specs;
pub mod styles;
pub mod tasks;
#[cfg(test)]
pub(crate) mod testing;
pub mod towers;
pub mod value;

pub use coerce::{Mismatch, coerce};
pub use describe::{Bounds, Default, Family, Member, Param, Type, Varies};
pub use expression::{Environment, item};
pub use problem::{Problem, ProblemKind};
pub use selector::Selector;
pub use value::{Duration, Expression, Metric, Spec, Split, Unit, Value};

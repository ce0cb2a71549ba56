//! Objectives: what a training step lowers.

pub mod adversarial;
pub mod cross_entropy;

use crate::components::Member;

/// The family's members, in the order in which they are listed.
pub static MEMBERS: &[&Member] = &[&cross_entropy::MEMBER, &adversarial::MEMBER];

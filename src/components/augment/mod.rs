//! Augmentation: random changes of training images that keep their meaning.

pub mod crop;
pub mod flip;

use crate::components::Member;

/// The family's members, in the order in which they are listed.
pub static MEMBERS: &[&Member] = &[&crop::MEMBER, &flip::MEMBER];

//! Conditions that look back on the run: true or false at a point of training.

pub mod plateau;

use crate::components::{Member, Problem, Spec};

type Check = fn(&Spec) -> Result<(), Problem>;

/// The family's members with what is to be checked of their arguments, in the order in which they are listed.
static CONDITIONS: [(&Member, Check); 1] = [(&plateau::MEMBER, plateau::check)];

/// The descriptions of all conditions.
pub static MEMBERS: &[&Member] = &super::entries::members(&CONDITIONS);

/// Whether the arguments, with nothing in them that waits, fit each other.
///
/// # Errors
/// What does not fit, with the parameter that is to blame.
pub fn check(spec: &Spec) -> Result<(), Problem> {
    super::entries::builder(&CONDITIONS, spec.name())(spec)
}

//! Attacks: changes of an image, within a budget, that raise the loss.

pub mod fgsm;
pub mod pgd;

use crate::components::{Member, Problem, ProblemKind, Spec};

/// The family's members, in the order in which they are listed.
pub static MEMBERS: &[&Member] = &[&fgsm::MEMBER, &pgd::MEMBER];

/// What the bounds of single parameters can't say: an linf ball wider than the pixels' range is no budget.
pub fn check(spec: &Spec) -> Result<(), Problem> {
    let linf = spec.member.param("norm").is_none_or(|_| spec.word("norm") == "linf");
    let eps = spec.real("eps");
    if linf && eps > 1.0 {
        let message = format!("eps {eps} is wider than the pixels' range; in the linf norm it is between 0 and 1");
        let help = format!("pixels are in 0..=1 here: for a budget of {eps} grey levels write {eps}/255");
        return Err(Problem::new(ProblemKind::DoesNotFit, message).help(help).of("eps"));
    }
    Ok(())
}

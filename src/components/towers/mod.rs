//! Vision towers: what makes vectors of a picture's patches.

mod clip;
mod vit;

pub(super) use vit::small;

use crate::components::data::Places;
use crate::components::{Member, Problem, Spec, entries};
use crate::nn::pretrained::ClipTower;
use std::path::PathBuf;

/// A tower, how many of its layers are passed, and where its weights lie; `None` where they start at random.
pub struct Tower {
    pub tower: ClipTower,
    pub taken: usize,
    pub weights: Option<PathBuf>,
}

type Build = fn(&Spec, &Places) -> Result<Tower, Problem>;

/// The family's members with their builders, in the order in which they are listed.
static TOWERS: [(&Member, Build); 2] = [(&vit::MEMBER, vit::build), (&clip::MEMBER, clip::build)];

/// The descriptions of all towers.
pub static MEMBERS: &[&Member] = &entries::members(&TOWERS);

/// The tower that `spec` describes; of files the headers alone are read.
///
/// # Errors
/// Arguments that do not go together, files that lack or are broken.
pub fn build(spec: &Spec, places: &Places) -> Result<Tower, Problem> {
    entries::builder(&TOWERS, spec.name())(spec, places)
}

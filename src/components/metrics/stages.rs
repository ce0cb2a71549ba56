//! The attacks of a robust accuracy, one after another: those of an ensemble, for each budget.

use super::Part;
use crate::components::Spec;
use crate::components::attacks::{self, Attack};

/// What a `robust` attacks with. A change within a smaller ball is one within each larger ball, so budgets are tried
/// from the smallest on, and an image that one stage broke is left alone by those after it.
pub struct Robust {
    /// ascending, the attack's own among them
    budgets: Vec<Box<dyn Attack>>,
    /// place of the attack's own budget
    own: usize,
}

/// One attack with one budget.
pub(super) struct Stage<'a> {
    /// `apgd_ce`, `eps 8/255`, `eps 8/255 apgd_ce`
    pub(super) name: String,
    pub(super) attack: &'a dyn Attack,
    /// place of its budget
    budget: usize,
}

/// What became of one image, as a number: 0 where it withstood all, 1 where it is misclassified as it is, from 2 on
/// the stage that broke it.
pub(super) const WITHSTOOD: u64 = 0;
pub(super) const WRONG: u64 = 1;
pub(super) const FIRST_STAGE: u64 = 2;

impl Robust {
    /// The attack of `spec`, and the same with each of these further budgets.
    pub fn new(spec: &Spec, further: &[f64]) -> Robust {
        Robust::of(attacks::build(spec), further)
    }

    /// The same for an attack that has been built.
    pub fn of(attack: Box<dyn Attack>, further: &[f64]) -> Robust {
        let own = attack.eps();
        let mut budgets: Vec<f64> = further.iter().copied().filter(|eps| *eps != own).chain([own]).collect();
        budgets.sort_by(f64::total_cmp);
        let place = budgets.iter().position(|eps| *eps == own).unwrap_or(0);
        let mut built: Vec<Box<dyn Attack>> =
            budgets.iter().filter(|eps| **eps != own).map(|eps| attack.with_eps(*eps)).collect();
        built.insert(place, attack);
        Robust { budgets: built, own: place }
    }

    pub(super) fn stages(&self) -> Vec<Stage<'_>> {
        let several = self.budgets.len() > 1;
        let mut stages = Vec::new();
        for (budget, attack) in self.budgets.iter().enumerate() {
            let eps = if several { format!("eps {}", shown(attack.eps())) } else { String::new() };
            let parts = attack.parts();
            if parts.is_empty() {
                stages.push(Stage { name: eps.clone(), attack: attack.as_ref(), budget });
            }
            for (name, attack) in parts {
                stages.push(Stage { name: format!("{eps} {name}").trim().into(), attack, budget });
            }
        }
        stages
    }

    /// 1 for each image that withstood the attack's own budget.
    pub(super) fn withstood(&self, fates: &[u64]) -> Vec<f64> {
        let own = self.stages().iter().filter(|stage| stage.budget <= self.own).count() as u64;
        let stands = |fate: &u64| *fate == WITHSTOOD || *fate >= FIRST_STAGE + own;
        fates.iter().map(|fate| f64::from(u8::from(stands(fate)))).collect()
    }

    /// What each stage left standing and was the first to break; nothing for one attack alone.
    pub(super) fn parts(&self, fates: &[u64]) -> Vec<Part> {
        let stages = self.stages();
        if stages.len() < 2 {
            return Vec::new();
        }
        let broken = |stage: usize| fates.iter().filter(|fate| **fate == FIRST_STAGE + stage as u64).count();
        let mut standing = fates.iter().filter(|fate| **fate != WRONG).count();
        let mut part = |(i, stage): (usize, Stage)| {
            standing -= broken(i);
            Part { name: stage.name, value: standing as f64 / fates.len() as f64, broke: Some(broken(i)) }
        };
        stages.into_iter().enumerate().map(&mut part).collect()
    }

    /// The stage that broke each image; nothing for one attack alone.
    pub(super) fn broken_by(&self, fates: &[u64]) -> Vec<Option<String>> {
        let stages = self.stages();
        if stages.len() < 2 {
            return Vec::new();
        }
        let name = |fate: &u64| match *fate {
            WITHSTOOD => None,
            WRONG => Some("clean".to_string()),
            stage => stages.get((stage - FIRST_STAGE) as usize).map(|stage| stage.name.clone()),
        };
        fates.iter().map(name).collect()
    }
}

/// A budget as papers write it: `0.5`, or `8/255` where it is a whole number of grey levels.
pub fn shown(eps: f64) -> String {
    let (levels, plain) = (eps * 255.0, eps.to_string());
    let whole = (levels - levels.round()).abs() < 1e-9 && (1.0..=255.0).contains(&levels.round());
    if whole && plain.len() > "0.0001".len() { format!("{}/255", levels.round()) } else { plain }
}

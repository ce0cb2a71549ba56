//! AutoAttack: four attacks in turn, each on the images that withstood the ones before.

use super::{Attack, Norm};
use crate::components::metrics;
use crate::components::objectives::{Batch, Draws};
use crate::components::{Default, Family, Member, Param, Problem, ProblemKind, Spec, Type, Value};
use crate::nn::network::{Mode, Network};
use candle_core::{Result, Tensor};

pub static MEMBER: Member = Member {
    family: Family::Attack,
    name: "autoattack",
    params: &[
        super::apgd::EPS,
        super::apgd::NORM,
        Param::new(
            "version",
            Type::Word(&["standard", "plus", "rand"]),
            "standard: APGD-CE, APGD-T, FAB-T, Square; plus: six attacks with more restarts; rand: for networks that draw at random",
        )
        .or(Default::Word("standard"))
        .named(),
        Param::new("queries", Type::Int, "forward passes of Square, 5000 if left out; fewer cost less and find less")
            .or(Default::Absent)
            .named()
            .within(1.0, 1e8),
    ],
    doc: "AutoAttack: attacks in turn, each on the images that withstood the ones before; the worst case counts",
    source: "Croce & Hein 2020, arXiv 2003.01690; order and parameters of pyautoattack 0.2.0",
    example: "evaluate robust(autoattack(eps: 8/255)) on test",
};

pub(super) fn build(spec: &Spec) -> Box<dyn Attack> {
    let (eps, norm) = (spec.real("eps"), Norm::of(spec));
    let attack = |name, more: &[(&str, Value)]| {
        let mut given = vec![("eps", Value::Real(eps)), ("norm", spec.get("norm").clone())];
        given.extend_from_slice(more);
        super::with(name, &given)
    };
    let whole = |name, n| (name, Value::Int(n));
    let square = match spec.get("queries") {
        Value::Int(n) => attack("square", &[whole("queries", *n)]),
        _ => attack("square", &[]),
    };
    let l1 = norm == Norm::L1;
    let multi = |multi| ("multi_eps", Value::Bool(multi));
    let parts = match spec.word("version") {
        "plus" => vec![
            ("apgd_ce", attack("apgd_ce", &[whole("restarts", 5), multi(false)])),
            ("apgd_dlr", attack("apgd_dlr", &[whole("restarts", 5), multi(false)])),
            ("fab", attack("fab", &[whole("restarts", 5)])),
            ("square", square),
            ("apgd_t", attack("apgd_t", &[multi(false)])),
            ("fab_t", attack("fab_t", &[])),
        ],
        "rand" => vec![
            ("apgd_ce", attack("apgd_ce", &[whole("eot", 20), multi(false)])),
            ("apgd_dlr", attack("apgd_dlr", &[whole("eot", 20), multi(false)])),
        ],
        _ => vec![
            ("apgd_ce", attack("apgd_ce", &[whole("restarts", if l1 { 5 } else { 1 }), multi(l1)])),
            ("apgd_t", attack("apgd_t", &[whole("targets", if l1 { 5 } else { 9 }), multi(l1)])),
            ("fab_t", attack("fab_t", &[])),
            ("square", square),
        ],
    };
    Box::new(AutoAttack { parts, eps, norm })
}

/// `rand` has no Square.
pub(super) fn check(spec: &Spec) -> std::result::Result<(), Problem> {
    if spec.word("version") == "rand" && matches!(spec.get("queries"), Value::Int(_)) {
        let message = "`queries` are Square's, which is no part of `version: rand`";
        return Err(Problem::new(ProblemKind::DoesNotFit, message).help("leave it out").of("queries"));
    }
    Ok(())
}

struct AutoAttack {
    parts: Vec<(&'static str, Box<dyn Attack>)>,
    eps: f64,
    norm: Norm,
}

impl Attack for AutoAttack {
    fn perturb(&self, network: &Network, mode: Mode, batch: &Batch, draws: &Draws) -> Result<Tensor> {
        let right = metrics::correct(&network.logits(&batch.pixels, mode)?, &batch.labels)?;
        let mut open: Vec<usize> = (0..right.len()).filter(|&i| right[i]).collect();
        let mut images: Vec<f32> = batch.pixels.flatten_all()?.to_vec1()?;
        let row = images.len() / right.len().max(1);
        for (_, attack) in &self.parts {
            if open.is_empty() {
                break;
            }
            let part = batch.pick(&open)?;
            let found = attack.perturb(network, mode, &part, draws)?;
            let withstood = metrics::correct(&network.logits(&found, mode)?, &part.labels)?;
            let found: Vec<f32> = found.flatten_all()?.to_vec1()?;
            for (&place, found) in open.iter().zip(found.chunks(row.max(1))) {
                images[place * row..][..row].copy_from_slice(found);
            }
            let mut withstood = withstood.iter();
            open.retain(|_| withstood.next() == Some(&true));
        }
        Tensor::from_vec(images, batch.pixels.dims(), batch.pixels.device())
    }

    fn passes(&self) -> u64 {
        self.parts.iter().fold(0, |sum, (_, attack)| sum.saturating_add(attack.passes()))
    }

    /// Those of its parts, and one after each to see what withstood.
    fn forwards(&self) -> u64 {
        self.parts.iter().fold(1, |sum, (_, attack)| sum.saturating_add(attack.forwards()).saturating_add(1))
    }

    fn parts(&self) -> Vec<(&'static str, &dyn Attack)> {
        self.parts.iter().map(|(name, attack)| (*name, attack.as_ref())).collect()
    }

    fn norm(&self) -> Norm {
        self.norm
    }

    fn eps(&self) -> f64 {
        self.eps
    }

    fn with_eps(&self, eps: f64) -> Box<dyn Attack> {
        let parts = self.parts.iter().map(|(name, attack)| (*name, attack.with_eps(eps))).collect();
        Box::new(AutoAttack { parts, eps, norm: self.norm })
    }
}

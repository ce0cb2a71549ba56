//! TRADES: right on the images as they are, and of the same opinion around them.

use super::loss::{self, Rows, log_softmax};
use super::{Batch, Draws, Logits, Loss, Objective, On};
use crate::components::attacks;
use crate::components::attacks::inner::{self, Inner};
use crate::components::{Default, Family, Member, Param, Spec, Type};
use crate::nn::network::Network;
use candle_core::{Result, Tensor};

pub static MEMBER: Member = Member {
    family: Family::Objective,
    name: "trades",
    params: &[
        Param::new("attack", Type::Component(Family::Attack), "makes the images around each; a `pgd` drives the KL up"),
        Param::new("beta", Type::Real, "weight of the KL: 1/λ of the paper")
            .or(Default::Real(6.0))
            .named()
            .at_least(0.0),
    ],
    doc: "cross-entropy on the images as they are, plus beta·KL(clean ‖ attacked); crafted in eval mode",
    source: "Zhang et al. 2019, arXiv 1901.08573, eq. 5; arithmetic of github.com/yaodongyu/TRADES",
    example: "objective trades(pgd(eps: 8/255, step: 2/255, iters: 10), beta: 6)",
};

pub(super) fn build(spec: &Spec) -> Box<dyn Objective> {
    let attack = spec.component("attack").clone();
    Box::new(Trades { passes: attacks::build(&attack).passes(), attack, beta: spec.real("beta") })
}

struct Trades {
    attack: Spec,
    /// of the attack
    passes: u64,
    beta: f64,
}

impl Objective for Trades {
    fn craft(&self, network: &Network, batch: &Batch, _: Option<&Tensor>, draws: &Draws) -> Result<Option<Tensor>> {
        inner::craft(&self.attack, Inner::Divergence, network, batch, draws).map(Some)
    }

    fn reads(&self) -> &'static [On] {
        &[On::Clean, On::Attacked]
    }

    fn loss(&self, logits: &Logits, labels: &[u32]) -> Result<Loss> {
        let (clean, attacked) = (logits.of(On::Clean)?, logits.of(On::Attacked)?);
        let (value, gradient) = loss::cross_entropy(clean, labels, 0.0)?;
        let apart = divergence(clean, attacked)?.times(self.beta)?;
        Loss::new(On::Clean, value, gradient).plus(apart)
    }

    fn attack_passes(&self) -> u64 {
        self.passes
    }

    fn attack(&self) -> Option<&Spec> {
        Some(&self.attack)
    }
}

/// Mean over rows of KL(softmax(clean) ‖ softmax(attacked)). Its derivatives, p and q being the two: with respect to
/// the attacked logits (q − p)/N, to the clean ones p·(log p − log q − KL)/N.
fn divergence(clean: &Tensor, attacked: &Tensor) -> Result<Loss> {
    let (rows, others) = (Rows::of(clean)?, Rows::of(attacked)?);
    rows.same_shape(&others)?;
    let n = rows.rows.len() as f64;
    let (mut value, mut of_clean, mut of_attacked) = (0.0, Vec::new(), Vec::new());
    for (clean, attacked) in rows.rows.iter().zip(&others.rows) {
        let (p, q) = (log_softmax(clean, 1.0), log_softmax(attacked, 1.0));
        let both = || p.iter().zip(&q);
        let kl: f64 = both().map(|(p, q)| p.exp() * (p - q)).sum();
        value += kl / n;
        of_clean.extend(both().map(|(p, q)| (p.exp() * (p - q - kl) / n) as f32));
        of_attacked.extend(both().map(|(p, q)| ((q.exp() - p.exp()) / n) as f32));
    }
    let (of_clean, of_attacked) = (rows.tensor(of_clean, clean)?, rows.tensor(of_attacked, clean)?);
    Ok(Loss { value, clean: Some(of_clean), attacked: Some(of_attacked) })
}

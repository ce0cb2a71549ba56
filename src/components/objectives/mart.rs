//! MART: what is misclassified already counts more.

use super::loss::{self, Rows, log_softmax};
use super::{Batch, Draws, Logits, Loss, Objective, On};
use crate::components::attacks;
use crate::components::attacks::inner::{self, Inner};
use crate::components::{Default, Family, Member, Param, Spec, Type};
use crate::nn::network::Network;
use candle_core::{Result, Tensor};

pub static MEMBER: Member = Member {
    family: Family::Objective,
    name: "mart",
    params: &[
        Param::new("attack", Type::Component(Family::Attack), "makes the images around each, in eval mode"),
        Param::new("beta", Type::Real, "weight of the KL: λ of the paper").or(Default::Real(5.0)).named().at_least(0.0),
    ],
    doc: "boosted cross-entropy on the attacked images, plus beta·KL(clean ‖ attacked)·(1 − p(label | clean))",
    source: "Wang et al. 2020, ICLR, eq. 11; arithmetic of github.com/YisenWang/MART",
    example: "objective mart(pgd(eps: 8/255, step: 2/255, iters: 10), beta: 5)",
};

/// What the published code adds before logarithms, and to the factor of the KL.
const BEFORE_LOG: f64 = 1e-12;
const ABOVE_ONE: f64 = 1.0001;
const FACTOR_FROM: f64 = 1.0000001;

pub(super) fn build(spec: &Spec) -> Box<dyn Objective> {
    let attack = spec.component("attack").clone();
    Box::new(Mart { passes: attacks::build(&attack).passes(), attack, beta: spec.real("beta") })
}

struct Mart {
    attack: Spec,
    /// of the attack
    passes: u64,
    beta: f64,
}

impl Objective for Mart {
    fn craft(&self, network: &Network, batch: &Batch, _: Option<&Tensor>, draws: &Draws) -> Result<Option<Tensor>> {
        inner::craft(&self.attack, Inner::CrossEntropy, network, batch, draws).map(Some)
    }

    fn reads(&self) -> &'static [On] {
        &[On::Clean, On::Attacked]
    }

    fn loss(&self, logits: &Logits, labels: &[u32]) -> Result<Loss> {
        let (clean, attacked) = (logits.of(On::Clean)?, logits.of(On::Attacked)?);
        let (value, gradient) = loss::cross_entropy(attacked, labels, 0.0)?;
        Loss::new(On::Attacked, value, gradient).plus(boosted(clean, attacked, labels, self.beta)?)
    }

    fn attack_passes(&self) -> u64 {
        self.passes
    }

    fn attack(&self) -> Option<&Spec> {
        Some(&self.attack)
    }
}

/// Mean over rows of −log(1.0001 − max over other classes of q) + beta·KL(p ‖ q)·(1.0000001 − p(label)), p and q being
/// the softmaxes of clean and attacked, and its derivatives.
fn boosted(clean: &Tensor, attacked: &Tensor, labels: &[u32], beta: f64) -> Result<Loss> {
    let (rows, others) = (Rows::of(clean)?, Rows::of(attacked)?);
    rows.same_shape(&others)?;
    let n = rows.rows.len() as f64;
    let (mut value, mut of_clean, mut of_attacked) = (0.0, Vec::new(), Vec::new());
    for ((clean, attacked), &label) in rows.rows.iter().zip(&others.rows).zip(labels) {
        let row = Row::new(clean, attacked, label as usize);
        value += (row.margin() + beta * row.kl * row.factor()) / n;
        of_clean.extend(row.by_clean().into_iter().map(|g| (beta * g / n) as f32));
        of_attacked.extend(row.by_attacked(beta).into_iter().map(|g| (g / n) as f32));
    }
    let (of_clean, of_attacked) = (rows.tensor(of_clean, clean)?, rows.tensor(of_attacked, clean)?);
    Ok(Loss { value, clean: Some(of_clean), attacked: Some(of_attacked) })
}

/// One image.
struct Row {
    label: usize,
    /// the most likely other class of the attacked image
    rival: usize,
    p: Vec<f64>,
    q: Vec<f64>,
    log_p: Vec<f64>,
    log_q: Vec<f64>,
    kl: f64,
}

impl Row {
    fn new(clean: &[f64], attacked: &[f64], label: usize) -> Row {
        let exp = |logs: &[f64]| logs.iter().map(|x| x.exp()).collect::<Vec<f64>>();
        let log_p = log_softmax(clean, 1.0);
        let (p, q) = (exp(&log_p), exp(&log_softmax(attacked, 1.0)));
        let log_q: Vec<f64> = q.iter().map(|q| (q + BEFORE_LOG).ln()).collect();
        let kl = p.iter().zip(log_p.iter().zip(&log_q)).map(|(p, (log_p, log_q))| p * (log_p - log_q)).sum();
        let others = (0..q.len()).filter(|class| *class != label);
        let rival = others.reduce(|best, class| if q[class] > q[best] { class } else { best }).unwrap_or(label);
        Row { label, rival, p, q, log_p, log_q, kl }
    }

    fn margin(&self) -> f64 {
        -(ABOVE_ONE - self.q[self.rival] + BEFORE_LOG).ln()
    }

    fn factor(&self) -> f64 {
        FACTOR_FROM - self.p[self.label]
    }

    /// Derivative of KL·factor with respect to the clean logits.
    fn by_clean(&self) -> Vec<f64> {
        let logs = self.log_p.iter().zip(&self.log_q);
        let mut by_p: Vec<f64> = logs.map(|(log_p, log_q)| self.factor() * (log_p + 1.0 - log_q)).collect();
        by_p[self.label] -= self.kl;
        behind_softmax(&self.p, &by_p)
    }

    /// Derivative of the margin's term and of beta·KL·factor with respect to the attacked logits.
    fn by_attacked(&self, beta: f64) -> Vec<f64> {
        let both = self.p.iter().zip(&self.q);
        let mut by_q: Vec<f64> = both.map(|(p, q)| -beta * self.factor() * p / (q + BEFORE_LOG)).collect();
        by_q[self.rival] += 1.0 / (ABOVE_ONE - self.q[self.rival] + BEFORE_LOG);
        behind_softmax(&self.q, &by_q)
    }
}

/// The derivative with respect to logits of what has the derivative `by` with respect to their softmax.
fn behind_softmax(softmax: &[f64], by: &[f64]) -> Vec<f64> {
    let mean: f64 = softmax.iter().zip(by).map(|(s, g)| s * g).sum();
    softmax.iter().zip(by).map(|(s, g)| s * (g - mean)).collect()
}

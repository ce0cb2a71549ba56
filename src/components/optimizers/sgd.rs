//! Stochastic gradient descent with momentum.

use super::{CLIP, LR, Optimizer, OptimizerState, Rates, Target, WEIGHT_DECAY, clip_factor, targets};
use crate::components::{Default, Family, Member, Param, Problem, ProblemKind, Spec, Type};
use crate::nn::in_place;
use crate::nn::kernels::buffer;
use crate::nn::kernels::elementwise::PIECE;
use crate::nn::kernels::simd::Isa;
use crate::nn::network::{Network, Trainable};
use candle_core::Tensor;
use rayon::prelude::*;

pub static MEMBER: Member = Member {
    family: Family::Optimizer,
    name: "sgd",
    params: &[
        LR,
        Param::new("momentum", Type::Real, "share of the last update that goes on")
            .or(Default::Real(0.0))
            .within(0.0, 1.0)
            .named(),
        Param::new("nesterov", Type::Bool, "look ahead along the momentum").or(Default::Bool(false)).named(),
        WEIGHT_DECAY,
        Param::new("decoupled", Type::Bool, "decay the weights themselves instead of adding to their gradients")
            .or(Default::Bool(false))
            .named(),
        CLIP,
    ],
    doc: "v ← μ·v + g, w ← w − lr·v",
    source: "PyTorch's torch.optim.SGD without dampening",
    example: "sgd(lr: 0.05, momentum: 0.9, weight_decay: 5e-4)",
};

#[derive(Debug)]
struct Sgd {
    lr: f64,
    momentum: f64,
    nesterov: bool,
    weight_decay: f64,
    decoupled: bool,
    clip: Option<f64>,
}

pub fn build(spec: &Spec) -> Result<Box<dyn Optimizer>, Problem> {
    let sgd = Sgd {
        lr: spec.real("lr"),
        momentum: spec.real("momentum"),
        nesterov: spec.bool("nesterov"),
        weight_decay: spec.real("weight_decay"),
        decoupled: spec.bool("decoupled"),
        clip: spec.maybe_real("clip"),
    };
    if sgd.nesterov && sgd.momentum == 0.0 {
        let problem = Problem::new(ProblemKind::DoesNotFit, "nesterov looks ahead along a momentum, but there is none");
        return Err(problem.of("nesterov").help("add momentum: 0.9, or leave nesterov out"));
    }
    Ok(Box::new(sgd))
}

impl Optimizer for Sgd {
    fn step_at(
        &self,
        network: &mut Network,
        gradients: &[Option<Tensor>],
        trainable: Trainable,
        rates: Rates,
        state: &mut OptimizerState,
    ) -> candle_core::Result<()> {
        let targets = targets(network, gradients, trainable)?;
        let clip = clip_factor(&targets, self.clip)?;
        if self.momentum == 0.0 {
            return targets.par_iter().try_for_each(|Target { index, parameter, gradient }| {
                let rule = self.rule(rates.of(*index, self.lr), clip);
                let g = buffer::view(gradient)?;
                in_place::write(&parameter.tensor, |w| {
                    rule.plain(w, &g);
                    Ok(())
                })
            });
        }
        let memories = state.next_step(&targets, 1)?;
        targets.par_iter().zip(memories).try_for_each(|(Target { index, parameter, gradient }, memory)| {
            let rule = self.rule(rates.of(*index, self.lr), clip);
            let g = buffer::view(gradient)?;
            in_place::write(&parameter.tensor, |w| {
                in_place::write(&memory.moments[0], |v| {
                    if self.nesterov {
                        rule.nesterov(w, &g, v)
                    } else {
                        rule.momentum(w, &g, v)
                    }
                    Ok(())
                })
            })
        })
    }

    fn lr(&self) -> f64 {
        self.lr
    }

    fn remembers(&self) -> &'static [&'static str] {
        if self.momentum == 0.0 { &[] } else { &["momentum"] }
    }
}

/// The numbers of one step, in PyTorch's precision: scalars are rounded to f32 once.
#[derive(Clone, Copy)]
struct Rule {
    lr: f32,
    mu: f32,
    /// coupled decay
    decay: f32,
    /// decoupled decay: 1 − lr·wd
    shrink: f32,
    clip: f32,
}

impl Sgd {
    fn rule(&self, lr: f64, clip: f32) -> Rule {
        let (decay, shrink) =
            if self.decoupled { (0.0, 1.0 - lr * self.weight_decay) } else { (self.weight_decay, 1.0) };
        Rule { lr: lr as f32, mu: self.momentum as f32, decay: decay as f32, shrink: shrink as f32, clip }
    }
}

impl Rule {
    /// w ← w − lr·g
    fn plain(self, w: &mut [f32], g: &[f32]) {
        let isa = Isa::in_use();
        w.par_chunks_mut(PIECE).zip(g.par_chunks(PIECE)).for_each(|(w, g)| {
            isa.run(|| {
                for (w, &g) in w.iter_mut().zip(g) {
                    let g = g * self.clip + self.decay * *w;
                    *w = *w * self.shrink - self.lr * g;
                }
            });
        });
    }

    /// v ← μ·v + g, w ← w − lr·v; v starts at 0, so the first v is g, as PyTorch's
    fn momentum(self, w: &mut [f32], g: &[f32], v: &mut [f32]) {
        let isa = Isa::in_use();
        let pieces = w.par_chunks_mut(PIECE).zip(v.par_chunks_mut(PIECE)).zip(g.par_chunks(PIECE));
        pieces.for_each(|((w, v), g)| {
            isa.run(|| {
                for ((w, v), &g) in w.iter_mut().zip(v).zip(g) {
                    let g = g * self.clip + self.decay * *w;
                    *v = self.mu * *v + g;
                    *w = *w * self.shrink - self.lr * *v;
                }
            });
        });
    }

    /// v ← μ·v + g, w ← w − lr·(g + μ·v)
    fn nesterov(self, w: &mut [f32], g: &[f32], v: &mut [f32]) {
        let isa = Isa::in_use();
        let pieces = w.par_chunks_mut(PIECE).zip(v.par_chunks_mut(PIECE)).zip(g.par_chunks(PIECE));
        pieces.for_each(|((w, v), g)| {
            isa.run(|| {
                for ((w, v), &g) in w.iter_mut().zip(v).zip(g) {
                    let g = g * self.clip + self.decay * *w;
                    *v = self.mu * *v + g;
                    *w = *w * self.shrink - self.lr * (g + self.mu * *v);
                }
            });
        });
    }
}

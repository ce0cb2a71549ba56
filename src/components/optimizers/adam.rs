//! Adam, and AdamW with decoupled decay.

use super::{CLIP, LR, Optimizer, OptimizerState, Rates, Target, WEIGHT_DECAY, clip_factor, targets};
use crate::components::{Default, Family, Member, Param, Problem, ProblemKind, Spec, Type, Value};
use crate::nn::in_place;
use crate::nn::kernels::buffer;
use crate::nn::kernels::elementwise::PIECE;
use crate::nn::kernels::simd::Isa;
use crate::nn::network::{Network, Trainable};
use candle_core::Tensor;
use rayon::prelude::*;

const PARAMS: &[Param] = &[
    LR,
    Param::new("betas", Type::List(&Type::Real), "how much of the two moments stays at each step")
        .or(Default::Reals(&[0.9, 0.999]))
        .within(0.0, 1.0)
        .named(),
    Param::new("eps", Type::Real, "added to the root of the second moment")
        .or(Default::Real(1e-8))
        .at_least(0.0)
        .named(),
    WEIGHT_DECAY,
    CLIP,
];

pub static ADAM: Member = Member {
    family: Family::Optimizer,
    name: "adam",
    params: PARAMS,
    doc: "m ← β₁·m + (1−β₁)·g, v ← β₂·v + (1−β₂)·g², w ← w − lr·m̂ / (√v̂ + eps); decay is added to the gradient",
    source: "Kingma & Ba 2015; PyTorch's torch.optim.Adam",
    example: "adam(lr: 1e-3)",
};

pub static ADAMW: Member = Member {
    family: Family::Optimizer,
    name: "adamw",
    params: PARAMS,
    doc: "adam, with w ← w·(1 − lr·weight_decay) before each step instead of decay in the gradient",
    source: "Loshchilov & Hutter 2019; PyTorch's torch.optim.AdamW (weight_decay 0.01 there, 0 here)",
    example: "adamw(lr: 2e-4, weight_decay: 0.01)",
};

#[derive(Debug)]
struct Adam {
    lr: f64,
    betas: [f64; 2],
    eps: f64,
    weight_decay: f64,
    decoupled: bool,
    clip: Option<f64>,
}

pub fn build(spec: &Spec) -> Result<Box<dyn Optimizer>, Problem> {
    let number = |value: &Value| match value {
        Value::Int(i) => *i as f64,
        Value::Real(r) => *r,
        other => unreachable!("betas were checked to be numbers, yet hold {other:?}"),
    };
    let betas: Vec<f64> = spec.list("betas").iter().map(number).collect();
    let problem = |message: String| {
        Err(Problem::new(ProblemKind::DoesNotFit, message).of("betas").help("for example betas: [0.9, 0.999]"))
    };
    let betas = match betas[..] {
        [first, second] if first < 1.0 && second < 1.0 => [first, second],
        [_, _] => return problem("a beta of 1 would never take in a gradient".into()),
        _ => return problem(format!("two betas are needed, {} given", betas.len())),
    };
    Ok(Box::new(Adam {
        lr: spec.real("lr"),
        betas,
        eps: spec.real("eps"),
        weight_decay: spec.real("weight_decay"),
        decoupled: spec.name() == "adamw",
        clip: spec.maybe_real("clip"),
    }))
}

impl Optimizer for Adam {
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
        let memories = state.next_step(&targets, 2)?;
        targets.par_iter().zip(memories).try_for_each(|(Target { index, parameter, gradient }, memory)| {
            let rule = self.rule(rates.of(*index, self.lr), memory.step, clip);
            let g = buffer::view(gradient)?;
            in_place::write(&parameter.tensor, |w| {
                in_place::write(&memory.moments[0], |m| {
                    in_place::write(&memory.moments[1], |v| {
                        rule.apply(w, &g, m, v);
                        Ok(())
                    })
                })
            })
        })
    }

    fn lr(&self) -> f64 {
        self.lr
    }

    fn remembers(&self) -> &'static [&'static str] {
        &["exp_avg", "exp_avg_sq"]
    }
}

/// The numbers of one weight's step, in PyTorch's precision: scalars are rounded to f32 once.
#[derive(Clone, Copy)]
struct Rule {
    /// 1 − β₁
    towards: f32,
    beta2: f32,
    /// 1 − β₂
    rest2: f32,
    /// lr / (1 − β₁ᵗ)
    step_size: f32,
    /// √(1 − β₂ᵗ)
    root_correction: f32,
    eps: f32,
    /// coupled decay
    decay: f32,
    /// decoupled decay: 1 − lr·wd
    shrink: f32,
    clip: f32,
}

impl Adam {
    fn rule(&self, lr: f64, t: u64, clip: f32) -> Rule {
        let [beta1, beta2] = self.betas;
        let correction = |beta: f64| 1.0 - beta.powf(t as f64);
        let (decay, shrink) =
            if self.decoupled { (0.0, 1.0 - lr * self.weight_decay) } else { (self.weight_decay, 1.0) };
        Rule {
            towards: (1.0 - beta1) as f32,
            beta2: beta2 as f32,
            rest2: (1.0 - beta2) as f32,
            step_size: (lr / correction(beta1)) as f32,
            root_correction: correction(beta2).sqrt() as f32,
            eps: self.eps as f32,
            decay: decay as f32,
            shrink: shrink as f32,
            clip,
        }
    }
}

impl Rule {
    fn apply(self, w: &mut [f32], g: &[f32], m: &mut [f32], v: &mut [f32]) {
        let isa = Isa::in_use();
        let moments = m.par_chunks_mut(PIECE).zip(v.par_chunks_mut(PIECE));
        w.par_chunks_mut(PIECE).zip(g.par_chunks(PIECE)).zip(moments).for_each(|((w, g), (m, v))| {
            isa.run(|| {
                for ((w, &g), (m, v)) in w.iter_mut().zip(g).zip(m.iter_mut().zip(v)) {
                    let g = g * self.clip + self.decay * *w;
                    *m += self.towards * (g - *m);
                    *v = self.beta2 * *v + self.rest2 * g * g;
                    let root = v.sqrt() / self.root_correction + self.eps;
                    *w = *w * self.shrink - self.step_size * (*m / root);
                }
            });
        });
    }
}

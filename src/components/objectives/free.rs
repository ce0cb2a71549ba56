//! Free adversarial training: each batch several times, one gradient for weights and images.

use super::{Batch, Crafted, Draws, Logits, Loss, Objective, On, loss};
use crate::components::{Default, Family, Member, Param, Spec, Type};
use crate::nn::network::Network;
use candle_core::{Result, Tensor};

pub static MEMBER: Member = Member {
    family: Family::Objective,
    name: "free",
    params: &[
        Param::new("eps", Type::Real, "radius of the linf ball around the image, pixels in 0..=1").within(0.0, 1.0),
        Param::new("step", Type::Real, "length of one step of the perturbation; eps if left out")
            .or(Default::Absent)
            .above(0.0),
        Param::new(
            "replays",
            Type::Int,
            "times that each batch is trained on: so many steps, an epoch has all of them",
        )
        .or(Default::Int(8))
        .named()
        .within(1.0, 1000.0),
    ],
    doc: "cross-entropy on the images with a perturbation that each step moves along its own gradient, and hands on",
    source: "Shafahi et al. 2019, arXiv 1904.12843, algorithm 1; arithmetic of github.com/mahyarnajibi/FreeAdversarialTraining",
    example: "objective free(eps: 8/255, replays: 8)",
};

pub(super) fn build(spec: &Spec) -> Box<dyn Objective> {
    let eps = spec.real("eps");
    Box::new(Free { eps, step: spec.maybe_real("step").unwrap_or(eps) })
}

/// How often each batch is trained on.
pub(super) fn replays(spec: &Spec) -> Option<u64> {
    match spec.get("replays") {
        crate::components::Value::Int(n) => u64::try_from(*n).ok(),
        _ => None,
    }
}

struct Free {
    eps: f64,
    step: f64,
}

impl Objective for Free {
    fn craft(&self, _: &Network, batch: &Batch, carried: Option<&Tensor>, _: &Draws) -> Result<Option<Tensor>> {
        match carried {
            Some(carried) => {
                // Another `free`, of a larger radius, may have handed it on.
                let perturbation = carried.clamp(-self.eps as f32, self.eps as f32)?;
                (&batch.pixels + perturbation)?.clamp(0f32, 1f32).map(Some)
            }
            None => Ok(Some(batch.pixels.clone())),
        }
    }

    fn reads(&self) -> &'static [On] {
        &[On::Attacked]
    }

    fn loss(&self, logits: &Logits, labels: &[u32]) -> Result<Loss> {
        let (value, gradient) = loss::cross_entropy(logits.of(On::Attacked)?, labels, 0.0)?;
        Ok(Loss::new(On::Attacked, value, gradient))
    }

    fn carries(&self) -> bool {
        true
    }

    /// δ ← clamp(δ + step·sign(g), ±eps), where g is 0 for a pixel that the perturbation would take out of 0..=1.
    fn carry(&self, crafted: &Crafted, gradient: &Tensor) -> Result<Tensor> {
        let pixels: Vec<f32> = crafted.batch.pixels.flatten_all()?.to_vec1()?;
        let gradient: Vec<f32> = gradient.flatten_all()?.to_vec1()?;
        let before: Vec<f32> = match &crafted.carried {
            Some(carried) => carried.flatten_all()?.to_vec1()?,
            None => vec![0.0; pixels.len()],
        };
        let (step, eps) = (self.step as f32, self.eps as f32);
        let moved = before.iter().zip(pixels.iter().zip(&gradient)).map(|(d, (x, g))| {
            let d = d.clamp(-eps, eps);
            let inside = (0.0..=1.0).contains(&(x + d));
            let sign = if !inside || *g == 0.0 { 0.0 } else { g.signum() };
            (d + step * sign).clamp(-eps, eps)
        });
        Tensor::from_iter(moved.collect::<Vec<f32>>(), crafted.batch.pixels.device())?
            .reshape(crafted.batch.pixels.shape())
    }

    fn attack_passes(&self) -> u64 {
        0
    }

    fn attack(&self) -> Option<&Spec> {
        None
    }
}

//! Adversarial weight perturbation: the gradient is taken where the weights are worse.

use super::{Batch, Crafted, Draws, Lesson, Logits, Loss, Objective, On, Pass, build as any};
use crate::components::{Default, Family, Member, Param, Spec, Type};
use crate::nn::kernels::elementwise;
use crate::nn::network::{Network, Trainable};
use candle_core::{Result, Tensor};

pub static MEMBER: Member = Member {
    family: Family::Objective,
    name: "awp",
    params: &[
        Param::new(
            "objective",
            Type::Component(Family::Objective),
            "whose loss is driven up by the weights, then lowered",
        ),
        Param::new("gamma", Type::Real, "length of the perturbation relative to each tensor's norm")
            .or(Default::Real(0.01))
            .named()
            .at_least(0.0),
    ],
    doc: "the objective's gradient at weights perturbed along its gradient, on the same crafted images",
    source: "Wu et al. 2020, arXiv 2004.05884, algorithm 1; arithmetic of github.com/csdongxian/AWP",
    example: "objective awp(adversarial(pgd(eps: 8/255, step: 2/255, iters: 10)), gamma: 0.01)",
};

/// Keeps a gradient of zeros from being divided by: the published code's EPS.
const SMALLEST_NORM: f64 = 1e-20;

pub(super) fn build(spec: &Spec) -> Box<dyn Objective> {
    Box::new(Awp { inner: any(spec.component("objective")), gamma: spec.real("gamma") })
}

struct Awp {
    inner: Box<dyn Objective>,
    gamma: f64,
}

impl Objective for Awp {
    fn craft(
        &self,
        network: &Network,
        batch: &Batch,
        carried: Option<&Tensor>,
        draws: &Draws,
    ) -> Result<Option<Tensor>> {
        self.inner.craft(network, batch, carried, draws)
    }

    fn reads(&self) -> &'static [On] {
        self.inner.reads()
    }

    fn loss(&self, logits: &Logits, labels: &[u32]) -> Result<Loss> {
        self.inner.loss(logits, labels)
    }

    /// The perturbation is that of the objective alone; teachers speak where the gradient is taken.
    fn learn(&self, network: &Network, crafted: &Crafted, lessons: &[Lesson], trainable: Trainable) -> Result<Pass> {
        let here = self.inner.learn(network, crafted, &[], trainable)?;
        let mut worse = network.copy()?;
        for (index, gradient) in here.gradients.iter().enumerate() {
            if let Some(gradient) = gradient.as_ref().filter(|gradient| gradient.rank() > 1) {
                perturb(&mut worse, index, gradient, self.gamma)?;
            }
        }
        let pass = self.inner.learn(&worse, crafted, lessons, trainable)?;
        Ok(Pass { passes: pass.passes + here.passes - self.attack_passes(), ..pass })
    }

    fn attack_passes(&self) -> u64 {
        self.inner.attack_passes()
    }

    fn attack(&self) -> Option<&Spec> {
        self.inner.attack()
    }
}

/// w ← w + gamma·‖w‖·g/(‖g‖ + 1e-20)
fn perturb(network: &mut Network, index: usize, gradient: &Tensor, gamma: f64) -> Result<()> {
    let gradient: Vec<f32> = gradient.flatten_all()?.to_vec1()?;
    let squares = |numbers: &[f32]| elementwise::fold(numbers, |x| x * x).sqrt();
    network.write(index, |weights| {
        let step = (gamma * squares(weights) / (squares(&gradient) + SMALLEST_NORM)) as f32;
        weights.iter_mut().zip(&gradient).for_each(|(w, g)| *w += step * g);
        Ok(())
    })
}

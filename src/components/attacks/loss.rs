//! What attacks drive up: losses of one image, functions of its logits z, and where each rises.

use crate::components::Spec;

/// Keeps quotients of logits from being divided by nothing: the reference's `1e-12`.
const SMALLEST: f32 = 1e-12;

/// A loss of one image with label y, higher where the network does worse.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Loss {
    /// log Σ e^z − z_y, in f32 and in PyTorch's order, so that it comes to nothing where PyTorch's does
    Ce,
    /// max_{j≠y} z_j − z_y
    Margin,
    /// min(max_{j≠y} z_j − z_y, κ): Carlini & Wagner 2017, eq. for f6, of an attack without a target
    Cw { kappa: f32 },
    /// −(z_y − max_{j≠y} z_j) / (z_π1 − z_π3 + 1e-12), π the order from the largest on: Croce & Hein 2020, eq. 4
    Dlr,
    /// −(z_y − z_t) / (z_π1 − (z_π3 + z_π4)/2 + 1e-12) with a target t: Croce & Hein 2020, eq. 5
    DlrTargeted,
}

impl Loss {
    /// The words for losses without a target.
    pub const WORDS: &[&str] = &["ce", "margin", "cw", "dlr"];

    /// The loss that an attack is described with; `kappa` stands beside it.
    pub fn of(spec: &Spec) -> Loss {
        match spec.word("loss") {
            "margin" => Loss::Margin,
            "cw" => Loss::Cw { kappa: spec.maybe_real("kappa").unwrap_or(0.0) as f32 },
            "dlr" => Loss::Dlr,
            _ => Loss::Ce,
        }
    }

    /// The fewest classes that it is defined for.
    pub fn least_classes(self) -> usize {
        match self {
            Loss::Ce => 1,
            Loss::Margin | Loss::Cw { .. } => 2,
            Loss::Dlr => 3,
            Loss::DlrTargeted => 4,
        }
    }

    /// The loss of the logits `z`, of at least [`Loss::least_classes`] classes, with label `y`; its gradient is added to
    /// `slope`. Only targeted losses look at the target `t`.
    pub fn at(self, z: &[f32], y: usize, t: usize, slope: &mut [f32]) -> f32 {
        match self {
            Loss::Ce => cross_entropy(z, y, slope),
            Loss::Margin => margin(z, y, f32::INFINITY, slope),
            Loss::Cw { kappa } => margin(z, y, kappa, slope),
            Loss::Dlr => {
                let by_size = by_size(z);
                let other = if by_size[0] == y { by_size[1] } else { by_size[0] };
                ratio(z, [y, other], [by_size[0], by_size[2], by_size[2]], slope)
            }
            Loss::DlrTargeted => {
                let by_size = by_size(z);
                ratio(z, [y, t], [by_size[0], by_size[2], by_size[3]], slope)
            }
        }
    }
}

fn cross_entropy(z: &[f32], y: usize, slope: &mut [f32]) -> f32 {
    let max = z.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let log_sum = z.iter().map(|z| (z - max).exp()).sum::<f32>().ln();
    let log_softmax = |z: f32| z - max - log_sum;
    slope.iter_mut().zip(z).for_each(|(slope, &z)| *slope += log_softmax(z).exp());
    slope[y] -= 1.0;
    -log_softmax(z[y])
}

/// Of equal logits the first one counts. Above `most` nothing rises any more.
fn margin(z: &[f32], y: usize, most: f32, slope: &mut [f32]) -> f32 {
    let others = (0..z.len()).filter(|&j| j != y);
    let Some(other) = others.reduce(|best, j| if z[j] > z[best] { j } else { best }) else { return 0.0 };
    let margin = z[other] - z[y];
    if margin <= most {
        slope[other] += 1.0;
        slope[y] -= 1.0;
    }
    margin.min(most)
}

/// −(z_y − z_t) / (z_a − (z_b + z_c)/2 + 1e-12)
fn ratio(z: &[f32], [y, t]: [usize; 2], [a, b, c]: [usize; 3], slope: &mut [f32]) -> f32 {
    let (above, below) = (z[y] - z[t], z[a] - 0.5 * (z[b] + z[c]) + SMALLEST);
    let (by_above, by_below) = (-1.0 / below, above / below / below);
    slope[y] += by_above;
    slope[t] -= by_above;
    slope[a] += by_below;
    slope[b] -= 0.5 * by_below;
    slope[c] -= 0.5 * by_below;
    -above / below
}

/// The classes from the largest logit on; of equal ones the first comes first.
fn by_size(z: &[f32]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..z.len()).collect();
    order.sort_by(|&a, &b| z[b].total_cmp(&z[a]));
    order
}

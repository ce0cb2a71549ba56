//! The l1 ball and the box at once.

use super::hyperplane::{ascending, last_that, running_sum};

/// What to add to the change `y` of the image `x` so that it comes, in the l2 norm as little moved as possible, into
/// {δ : ‖δ‖₁ ≤ eps, 0 ≤ x + δ ≤ 1}. Croce and Hein 2021, arXiv 2103.01208, section 3.1; order of operations as in
/// pyautoattack 0.2.0.
pub(super) fn correction(x: &[f32], y: &[f32], eps: f32) -> Vec<f32> {
    let n = x.len();
    // What the box asks for, towards 0; what would undo the change altogether.
    let box_: Vec<f32> = x.iter().zip(y).map(|(x, y)| (1.0 - x - y).min(x + y).min(0.0)).collect();
    let whole: Vec<f32> = y.iter().map(|y| -y.abs()).collect();
    let key = |i: usize| if i < n { -box_[i] } else { -whole[i - n] };
    let order = ascending(2 * n, key);
    let sorted = |k: usize| order.get(k).map_or(0.0, |&i| key(i));
    let sizes = running_sum(order.iter().map(|&i| if i < n { 1.0 } else { -1.0 }));
    let total = |numbers: &[f32]| numbers.iter().map(|&x| f64::from(x)).sum::<f64>() as f32;
    let first = -total(&box_);
    let c = eps + total(&whole);
    let mut d = box_.clone();
    if first + c < 0.0 {
        let steps = running_sum((0..2 * n).map(|k| (sorted(k + 1) - sorted(k)) * sizes[k]));
        let s = |k: usize| first + steps[k];
        let k = last_that(2 * n - 1, 2 * n, |k| s(k) + c < 0.0);
        let alpha = (-s(k) - c) / sizes[k + 1] + sorted(k + 1);
        for ((d, box_), whole) in d.iter_mut().zip(&box_).zip(&whole) {
            *d = -(-box_).max(alpha).min(-whole);
        }
    }
    d.iter().zip(y).map(|(d, y)| if *y == 0.0 { 0.0 } else { d * y.signum() }).collect()
}

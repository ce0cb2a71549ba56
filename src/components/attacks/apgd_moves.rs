//! One step of Auto-PGD on one image, and where it starts, in pyautoattack 0.2.0's order of roundings; sums are in f64.

use super::project::{norm, sign};
use super::{Norm, l1};
use crate::nn::kernels::buffer;
use crate::nn::rng::Stream;

/// Keeps gradients of zeros from being divided by.
const SMALLEST: f32 = 1e-12;

/// Where an image is, where it was, and where its loss rises.
pub(super) struct Point<'a> {
    /// the image itself
    pub x0: &'a [f32],
    pub x: &'a mut [f32],
    /// the point before the last step; becomes `x`
    pub before: &'a mut [f32],
    pub gradient: &'a [f32],
}

/// How a step is taken.
#[derive(Clone, Copy)]
pub(super) struct Step {
    pub eps: f32,
    pub size: f32,
    /// how much of the step is taken, beside the rest of the last one: 3/4, and 1 at first
    pub share: f32,
    /// of l1: the share of the pixels that move
    pub moving: f32,
}

/// Moves the image.
#[inline(always)]
pub(super) fn step(by: Norm, point: Point, step: Step) {
    match by {
        Norm::Linf => linf(point, step),
        Norm::L2 => l2(point, step),
        Norm::L1 => l1_step(point, step),
    }
}

#[inline(always)]
fn linf(Point { x0, x, before, gradient }: Point, Step { eps, size, share, .. }: Step) {
    for (((x, before), &x0), &g) in x.iter_mut().zip(before).zip(x0).zip(gradient) {
        let momentum = *x - *before;
        *before = *x;
        let within = |to: f32| to.max(x0 - eps).min(x0 + eps).clamp(0.0, 1.0);
        let to = within(*x + size * sign(g));
        *x = within(*x + (to - *x) * share + momentum * (1.0 - share));
    }
}

#[inline(always)]
fn l2(Point { x0, x, before, gradient }: Point, Step { eps, size, share, .. }: Step) {
    let length = norm(gradient) + SMALLEST;
    buffer::with_scratch(x.len(), |to| {
        for (((to, &x), &x0), &g) in to.iter_mut().zip(x.iter()).zip(x0).zip(gradient) {
            *to = x + size * (g / length) - x0;
        }
        within_l2(to, x0, eps);
        for (((to, x), &x0), before) in to.iter_mut().zip(x.iter()).zip(x0).zip(before) {
            let momentum = *x - *before;
            *before = *x;
            *to = (*x + (*to - *x) * share + momentum * (1.0 - share)) - x0;
        }
        within_l2(to, x0, eps);
        x.copy_from_slice(to);
    });
}

/// From distances to points of the ball.
#[inline(always)]
fn within_l2(to: &mut [f32], x0: &[f32], eps: f32) {
    let length = norm(to);
    let most = eps.min(length);
    for (to, &x0) in to.iter_mut().zip(x0) {
        *to = (x0 + *to / (length + SMALLEST) * most).clamp(0.0, 1.0);
    }
}

/// The pixels with the largest gradients move, all by the same length; the step has no momentum.
fn l1_step(Point { x0, x, before, gradient }: Point, Step { eps, size, moving, .. }: Step) {
    before.copy_from_slice(x);
    let still = ((1.0 - moving) * x.len() as f32).clamp(0.0, (x.len() - 1) as f32) as usize;
    buffer::with_scratch(x.len(), |to| {
        to.iter_mut().zip(gradient).for_each(|(to, g)| *to = g.abs());
        let least = *to.select_nth_unstable_by(still, f32::total_cmp).1;
        let sign_of = |g: f32| if g.abs() >= least { sign(g) } else { 0.0 };
        let count = gradient.iter().map(|&g| sign_of(g).abs()).sum::<f32>() + 1e-10;
        x.iter_mut().zip(gradient).for_each(|(x, &g)| *x += size * sign_of(g) / count);
    });
    l1::project(x0, x, eps);
}

/// Moves the image `x` to a random point: of the border of the ball (linf: of a face of the cube; l2: of the sphere), for
/// l1 the nearest point of the ball to a normal draw.
pub(super) fn start(by: Norm, x: &mut [f32], eps: f32, stream: &mut Stream) {
    let draw: Vec<f32> = match by {
        Norm::Linf => x.iter().map(|_| stream.uniform(-1.0, 1.0)).collect(),
        Norm::L2 | Norm::L1 => x.iter().map(|_| stream.normal()).collect(),
    };
    let length = match by {
        Norm::Linf => draw.iter().fold(0f32, |most, d| most.max(d.abs())),
        Norm::L2 => norm(&draw),
        Norm::L1 => {
            let back = l1::way_back(x, &draw, eps);
            return x.iter_mut().zip(draw).for_each(|(x, d)| *x = (*x + d + back(*x, d)).clamp(0.0, 1.0));
        }
    };
    x.iter_mut().zip(draw).for_each(|(x, d)| *x = (*x + eps * (d / (length + SMALLEST))).clamp(0.0, 1.0));
}

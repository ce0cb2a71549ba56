//! The changes that the Square attack tries: where they start, and how one is changed into the next. The order of
//! operations and of draws is that of pyautoattack 0.2.0 (`square.py`) run on one image; there all images of a batch share
//! the place of a square, here each has its own.

use super::boundary::length;
use super::{Norm, l1};
use crate::nn::rng::Stream;

/// What all candidates of a search have in common.
#[derive(Clone, Copy, Debug)]
pub(super) struct Candidate {
    pub norm: Norm,
    pub eps: f32,
    pub channels: usize,
    pub height: usize,
    pub width: usize,
}

/// What fills a square of l2 and l1: two halves of opposite sign, each highest in its middle, of length 1 in the norm.
/// Row by row; and the same turned on its side.
pub(super) struct Patterns {
    side: usize,
    upright: Vec<f32>,
    turned: Vec<f32>,
}

/// A square window by its upper left corner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Window {
    row: usize,
    column: usize,
    side: usize,
}

/// The share of the image that a square covers at this query, as published for 10,000 queries.
pub(super) fn share(p_init: f64, query: usize) -> f64 {
    const HALVED_AFTER: [usize; 9] = [10, 50, 200, 500, 1000, 2000, 4000, 6000, 8000];
    p_init / (1u32 << HALVED_AFTER.iter().filter(|&&after| query > after).count()) as f64
}

impl Candidate {
    /// The side of a square that covers this share; odd and at least 3 for l2 and l1.
    pub(super) fn side(&self, share: f64) -> usize {
        let side = (share * (self.height * self.width) as f64).sqrt().round_ties_even() as usize;
        let side = match self.norm {
            Norm::Linf => side.max(1),
            Norm::L2 | Norm::L1 => side.max(3) | 1,
        };
        side.min(self.height).min(self.width)
    }

    /// The side of the tiles of a start.
    pub(super) fn start_side(&self) -> usize {
        (self.height / 5).max(1)
    }

    /// Where a search starts. linf: vertical stripes of ±eps, a channel by itself; l2 and l1: a tiling by patterns.
    pub(super) fn start(&self, x: &[f32], patterns: &Patterns, stream: &mut Stream) -> Vec<f32> {
        if self.norm == Norm::Linf {
            let stripes: Vec<f32> = (0..self.channels * self.width).map(|_| choice(stream)).collect();
            let striped = |(i, x): (usize, &f32)| {
                let stripe = i / (self.height * self.width) * self.width + i % self.width;
                (x + self.eps * stripes[stripe]).clamp(0.0, 1.0)
            };
            return x.iter().enumerate().map(striped).collect();
        }
        let mut delta = vec![0.0; x.len()];
        let side = self.start_side();
        let first = self.height.saturating_sub(5 * side) / 2;
        for row in (0..self.height / side).map(|k| first + k * side) {
            for column in (0..self.width / side).map(|k| first + k * side) {
                let pattern = patterns.drawn(stream);
                for channel in 0..self.channels {
                    let sign = choice(stream);
                    // Where tiles don't fit evenly the last ones are cut.
                    for (k, at) in self.cells(channel, Window { row, column, side }) {
                        delta[at] += pattern[k] * sign;
                    }
                }
            }
        }
        self.bounded(x, &delta)
    }

    /// The next candidate after `best`.
    pub(super) fn next(&self, x: &[f32], best: &[f32], patterns: &Patterns, stream: &mut Stream) -> Vec<f32> {
        let window = self.window(patterns.side, stream);
        if self.norm != Norm::Linf {
            let emptied = self.window(patterns.side, stream);
            return self.shifted(x, best, [window, emptied], patterns, stream);
        }
        let mut next = best.to_vec();
        for channel in 0..self.channels {
            let change = 2.0 * self.eps * choice(stream);
            for (_, at) in self.cells(channel, window) {
                next[at] = (best[at] + change).max(x[at] - self.eps).min(x[at] + self.eps).clamp(0.0, 1.0);
            }
        }
        next
    }

    /// `best` with what its change holds in the second window moved into the first, along a fresh pattern.
    fn shifted(
        &self,
        x: &[f32],
        best: &[f32],
        [filled, emptied]: [Window; 2],
        patterns: &Patterns,
        stream: &mut Stream,
    ) -> Vec<f32> {
        let mut delta: Vec<f32> = best.iter().zip(x).map(|(best, x)| best - x).collect();
        let whole = length(self.norm, &delta);
        let pattern = patterns.drawn(stream);
        let signs: Vec<f32> = (0..self.channels).map(|_| choice(stream)).collect();
        let unused = match self.norm {
            Norm::L2 => (self.eps * self.eps - whole * whole).max(0.0) / self.channels as f32,
            _ => (self.eps - whole).max(0.0) / self.channels as f32,
        };
        for (channel, sign) in signs.into_iter().enumerate() {
            let old: Vec<f32> = self.cells(channel, filled).map(|(_, at)| delta[at]).collect();
            let both: Vec<f32> = self.union(channel, filled, emptied).map(|at| delta[at]).collect();
            let (held, both) = (length(self.norm, &old), length(self.norm, &both));
            let (budget, times) = match self.norm {
                Norm::L2 => ((unused + both * both).sqrt(), 1.0),
                _ => (unused + both, self.channels as f32),
            };
            let new: Vec<f32> = pattern.iter().zip(&old).map(|(eta, old)| eta * sign + old / (1e-12 + held)).collect();
            let unit = 1e-12 + length(self.norm, &new);
            self.cells(channel, emptied).for_each(|(_, at)| delta[at] = 0.0);
            self.cells(channel, filled).zip(new).for_each(|((_, at), new)| delta[at] = new / unit * budget * times);
        }
        self.bounded(x, &delta)
    }

    /// The image changed by `delta`, brought to the budget and into 0..=1.
    fn bounded(&self, x: &[f32], delta: &[f32]) -> Vec<f32> {
        match self.norm {
            Norm::L1 => {
                let back = l1::way_back(x, delta, (f64::from(self.eps) * (1.0 - 1e-6)) as f32);
                x.iter().zip(delta).map(|(&x, &delta)| x + delta + back(x, delta)).collect()
            }
            _ => {
                let length = length(self.norm, delta) + 1e-12;
                x.iter().zip(delta).map(|(x, delta)| (x + delta / length * self.eps).clamp(0.0, 1.0)).collect()
            }
        }
    }

    /// A window at a random place. As published, it never touches the last row or column unless it fills the image.
    fn window(&self, side: usize, stream: &mut Stream) -> Window {
        let mut below = |n: usize| (n as f32 * stream.uniform(0.0, 1.0)) as usize;
        Window { row: below(self.height - side), column: below(self.width - side), side }
    }

    /// The cells of a window that lie in the image: index in the window, index in the image.
    fn cells(&self, channel: usize, window: Window) -> impl Iterator<Item = (usize, usize)> + use<> {
        let Candidate { height, width, .. } = *self;
        let Window { row, column, side } = window;
        (row..(row + side).min(height)).flat_map(move |y| {
            (column..(column + side).min(width))
                .map(move |x| ((y - row) * side + x - column, (channel * height + y) * width + x))
        })
    }

    /// The cells of either window, each once, by rows.
    fn union(&self, channel: usize, a: Window, b: Window) -> impl Iterator<Item = usize> + use<> {
        let within = move |y: usize, x: usize, window: Window| {
            let inside = |at: usize, from: usize| (from..from + window.side).contains(&at);
            inside(y, window.row) && inside(x, window.column)
        };
        let Candidate { height, width, .. } = *self;
        (0..height * width)
            .filter(move |at| within(at / width, at % width, a) || within(at / width, at % width, b))
            .map(move |at| channel * height * width + at)
    }
}

impl Patterns {
    pub(super) fn new(norm: Norm, side: usize) -> Patterns {
        let half = |rows: usize| unit(norm, mound(norm, rows, side));
        let lower = half(side - side / 2).into_iter().map(|x| -x);
        let upright = unit(norm, half(side / 2).into_iter().chain(lower).collect());
        let turned = (0..side * side).map(|i| upright[i % side * side + i / side]).collect();
        Patterns { side, upright, turned }
    }

    pub(super) fn side(&self) -> usize {
        self.side
    }

    /// One of the two, each equally likely.
    fn drawn(&self, stream: &mut Stream) -> &[f32] {
        if stream.uniform(0.0, 1.0) > 0.5 { &self.turned } else { &self.upright }
    }
}

/// Rectangles about the middle, each a step larger than the one before, added up with weights 1/k² (l2) or 1/k⁴ (l1).
fn mound(norm: Norm, rows: usize, columns: usize) -> Vec<f32> {
    let mut mound = vec![0.0; rows * columns];
    let (middle_row, middle_column) = (rows / 2, columns / 2);
    for k in 0..middle_row.max(middle_column) + 1 {
        let power = if norm == Norm::L1 { 4 } else { 2 };
        let weight = 1.0 / ((k + 1) as f32).powi(power);
        let around = |middle: usize, end: usize| middle.saturating_sub(k)..(middle + k + 1).min(end);
        for row in around(middle_row, rows) {
            for column in around(middle_column, columns) {
                mound[row * columns + column] += weight;
            }
        }
    }
    mound
}

/// Of length 1 in the norm.
fn unit(norm: Norm, mut x: Vec<f32>) -> Vec<f32> {
    let length = length(norm, &x);
    x.iter_mut().for_each(|x| *x /= length);
    x
}

/// −1 or 1, each equally likely.
fn choice(stream: &mut Stream) -> f32 {
    if stream.uniform(0.0, 1.0) < 0.5 { -1.0 } else { 1.0 }
}

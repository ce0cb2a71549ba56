//! Bicubic resizing with antialiasing, as Pillow does it (`Image.resize(…, BICUBIC)` on 8-bit pixels), bit for bit:
//! first along rows, then along columns, each with whole-number weights of 22 bits and rounded to bytes. The weights of a
//! side that stays as it is are 0 and 1.

use super::picture::Rgb;

/// Bits behind the point of a weight.
const PRECISION: u32 = 22;

/// Pixels on each side that a cubic takes from.
const SUPPORT: f64 = 2.0;

/// What a side becomes.
#[derive(Clone, Copy, Debug)]
pub struct Side {
    /// its new length
    pub to: usize,
    /// of that, where the part begins that is kept
    pub first: usize,
    /// and how long it is
    pub keep: usize,
}

impl Side {
    /// A new length, all of which is kept.
    pub fn all(to: usize) -> Side {
        Side { to, first: 0, keep: to }
    }
}

/// The picture with sides of these lengths.
pub fn bicubic(picture: &Rgb, width: Side, height: Side) -> Rgb {
    down(&across(picture, &weights(picture.width, width)), &weights(picture.height, height))
}

/// Of one result: where its pixels begin, and a weight for each.
struct Weights {
    from: usize,
    each: Vec<i64>,
}

fn weights(from: usize, side: Side) -> Vec<Weights> {
    let scale = from as f64 / side.to as f64;
    // What shrinks takes in more pixels, so that none is lost.
    let stretch = scale.max(1.0);
    let support = SUPPORT * stretch;
    let one = |i: usize| {
        let centre = (i as f64 + 0.5) * scale;
        let first = ((centre - support + 0.5) as i64).max(0) as usize;
        let last = ((centre + support + 0.5) as i64).clamp(0, from as i64) as usize;
        let raw: Vec<f64> = (first..last).map(|x| cubic((x as f64 - centre + 0.5) * (1.0 / stretch))).collect();
        let sum: f64 = raw.iter().sum();
        let fixed = |w: &f64| {
            let w = if sum == 0.0 { *w } else { w / sum } * f64::from(1u32 << PRECISION);
            (if w < 0.0 { w - 0.5 } else { w + 0.5 }) as i64
        };
        Weights { from: first, each: raw.iter().map(fixed).collect() }
    };
    (side.first..side.first + side.keep).map(one).collect()
}

/// Keys' cubic with a = -0.5.
fn cubic(x: f64) -> f64 {
    const A: f64 = -0.5;
    match x.abs() {
        x if x < 1.0 => ((A + 2.0) * x - (A + 3.0)) * x * x + 1.0,
        x if x < 2.0 => (((x - 5.0) * x + 8.0) * x - 4.0) * A,
        _ => 0.0,
    }
}

fn rounded(sum: i64) -> u8 {
    ((sum + (1 << (PRECISION - 1))) >> PRECISION).clamp(0, 255) as u8
}

fn across(picture: &Rgb, weights: &[Weights]) -> Rgb {
    let mut bytes = Vec::with_capacity(weights.len() * picture.height * 3);
    for row in picture.bytes.chunks_exact(picture.width * 3) {
        for w in weights {
            let mut sums = [0i64; 3];
            for (pixel, weight) in row[w.from * 3..].chunks_exact(3).zip(&w.each) {
                (0..3).for_each(|c| sums[c] += i64::from(pixel[c]) * weight);
            }
            bytes.extend(sums.map(rounded));
        }
    }
    Rgb { width: weights.len(), height: picture.height, bytes }
}

fn down(picture: &Rgb, weights: &[Weights]) -> Rgb {
    let row = picture.width * 3;
    let mut bytes = Vec::with_capacity(weights.len() * row);
    let mut sums = vec![0i64; row];
    for w in weights {
        sums.fill(0);
        for (line, weight) in picture.bytes[w.from * row..].chunks_exact(row).zip(&w.each) {
            sums.iter_mut().zip(line).for_each(|(sum, byte)| *sum += i64::from(*byte) * weight);
        }
        bytes.extend(sums.iter().map(|sum| rounded(*sum)));
    }
    Rgb { width: picture.width, height: weights.len(), bytes }
}

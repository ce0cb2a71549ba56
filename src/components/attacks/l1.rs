//! The projection onto the l1 ball around an image, within the range of pixels.

use crate::nn::kernels::buffer;

/// What leads from `x0 + delta` to the nearest point of the ball of radius `eps` around the image `x0`, in 0..=1: a number
/// to be added for each pixel.
///
/// Croce & Hein 2021, arXiv 2103.01208, as pyautoattack 0.2.0 does it (`L1_projection`): each pixel first goes back into
/// its range; if that isn't enough, all give way by the same amount, as far as they have moved, until the sum fits.
pub(super) fn way_back(x0: &[f32], delta: &[f32], eps: f32) -> impl Fn(f32, f32) -> f32 + use<> {
    let must: f64 = x0.iter().zip(delta).map(|(&x, &d)| f64::from(outside(x, d))).sum();
    let length: f64 = delta.iter().map(|&d| f64::from(d.abs())).sum();
    let over = (length as f32 - eps) - must as f32;
    let amount = if over > 0.0 { given(x0, delta, over) } else { 0.0 };
    move |x, d| -outside(x, d).max(amount).min(d.abs()).copysign(d)
}

/// Moves the point `x` to the nearest one of the ball of radius `eps` around the image `x0`, in 0..=1.
///
/// The sums are formed in the reference's order, `x0 + delta + way back`: pixels that go all the way back end up beside
/// where they were by a rounding, and count as moved there as well as here.
pub(super) fn project(x0: &[f32], x: &mut [f32], eps: f32) {
    buffer::with_scratch(x.len(), |delta| {
        delta.iter_mut().zip(x.iter().zip(x0)).for_each(|(delta, (x, x0))| *delta = x - x0);
        let back = way_back(x0, delta, eps);
        x.iter_mut().zip(x0).zip(delta.iter()).for_each(|((x, &x0), &d)| *x = x0 + d + back(x0, d));
    });
}

/// How far outside its range a pixel would be: what it must give way by.
fn outside(x: f32, d: f32) -> f32 {
    -(1.0 - x - d).min(x + d).min(0.0)
}

/// The amount by which all pixels give way so that `over` is made up for. A pixel begins to give way, beyond what it
/// must, where the amount is what it must, and ends where the amount is all that it has moved.
fn given(x0: &[f32], delta: &[f32], over: f32) -> f32 {
    // Amounts aren't negative, so their bits are in their order; the lowest bit tells beginnings from ends.
    let key = |amount: f32, end: u64| u64::from(amount.abs().to_bits()) << 1 | end;
    let both = x0.iter().zip(delta).flat_map(|(&x, &d)| [key(outside(x, d), 0), key(d, 1)]);
    let mut order: Vec<u64> = both.collect();
    order.sort_unstable();
    let (mut giving, mut made_up, mut at) = (0i64, 0f64, 0f32);
    for key in order {
        let next = f32::from_bits((key >> 1) as u32);
        let more = f64::from(next - at) * giving as f64;
        if giving > 0 && made_up + more >= f64::from(over) {
            break;
        }
        (made_up, at) = (made_up + more, next);
        giving += if key & 1 == 0 { 1 } else { -1 };
    }
    if giving > 0 { at + ((f64::from(over) - made_up) / giving as f64) as f32 } else { at }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::rng::Stream;

    /// The nearest point by bisection over the amount, in f64.
    fn expected(x0: &[f32], delta: &[f32], eps: f64) -> Vec<f64> {
        let at = |amount: f64| -> Vec<f64> {
            let shrunk = |&d: &f32| f64::from(d).signum() * (f64::from(d).abs() - amount).max(0.0);
            let within = |(&x, d): (&f32, &f32)| shrunk(d).clamp(-f64::from(x), 1.0 - f64::from(x));
            x0.iter().zip(delta).map(within).collect()
        };
        let length = |delta: &[f64]| delta.iter().map(|d| d.abs()).sum::<f64>();
        let (mut low, mut high) = (0.0, 10.0);
        if length(&at(0.0)) <= eps {
            return at(0.0);
        }
        for _ in 0..100 {
            let middle = (low + high) / 2.0;
            if length(&at(middle)) > eps { low = middle } else { high = middle }
        }
        at(low)
    }

    #[test]
    fn it_is_the_nearest_point_of_the_ball_and_the_range() {
        for case in 0..60 {
            let mut stream = Stream::new(1, "test", &[case]);
            let n = 1 + case as usize * 3;
            // Black and white pixels among them, and pixels that haven't moved.
            let x0: Vec<f32> = (0..n).map(|_| stream.uniform(-0.3, 1.3).clamp(0.0, 1.0)).collect();
            let delta: Vec<f32> =
                (0..n).map(|_| (stream.normal() * 0.4).max(-0.5)).map(|d| if d > 0.9 { 0.0 } else { d }).collect();
            for eps in [0.0, 0.05, 1.0, 4.0, 1e3] {
                let mut found: Vec<f32> = x0.iter().zip(&delta).map(|(x, d)| x + d).collect();
                project(&x0, &mut found, eps);
                for ((found, x0), expected) in found.iter().zip(&x0).zip(expected(&x0, &delta, f64::from(eps))) {
                    let found = found - x0;
                    assert!(
                        (f64::from(found) - expected).abs() < 2e-5,
                        "case {case}, eps {eps}: {found} for {expected}"
                    );
                }
            }
        }
    }
}

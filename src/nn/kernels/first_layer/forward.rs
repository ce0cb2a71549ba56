use super::frame::{Frame, fill};
use crate::nn::kernels::buffer::{unfilled, with_scratch};
use crate::nn::kernels::conv::{ConvShape, Epilogue};
use crate::nn::kernels::simd::{Isa, LANES, Simd, dispatch};
use crate::nn::kernels::source::{Activation, Source};
use rayon::prelude::*;

/// Output channels that are summed at the same time, as the weights are laid out for.
const GROUP: usize = 8;

/// `y(n, k, i, j) = bias(k) + Σ over c, r, s of x(n, c, i + r - 1, j + s - 1) w(k, c, r, s) + add(n, k, i, j)`,
/// (N, K, H, W).
pub fn forward(isa: Isa, shape: &ConvShape, x: Source, w: &[f32], epilogue: Epilogue) -> Vec<f32> {
    let (image, outputs) = (shape.c * shape.h * shape.w, shape.k * shape.positions());
    assert!(super::applies(shape) && x.data.len() == shape.n * image && w.len() == shape.k * shape.patch());
    epilogue.check(shape);
    let weights = grouped(shape.k, shape.patch(), w);
    let bias = grouped(shape.k, 1, epilogue.bias.unwrap_or(&vec![0.0; shape.k]));
    let frame = Frame::new(shape);
    // SAFETY: each task writes all outputs of its sample.
    let mut y = unsafe { unfilled(shape.n * outputs) };
    y.par_chunks_mut(outputs).zip(x.data.par_chunks(image)).enumerate().for_each(|(n, (y, x_of_sample))| {
        let add = epilogue.add.map(|add| &add[n * outputs..][..outputs]);
        with_scratch(frame.len, |scratch| {
            // SAFETY: a sample, its frame and its outputs have the lengths that the shape says.
            unsafe { run_sample(isa, shape, x_of_sample, x.activation.as_ref(), &weights, &bias, add, scratch, y) };
        });
    });
    y
}

/// A matrix (K x `columns`) in groups of [`GROUP`] rows, each column by column; missing rows are zero.
fn grouped(k: usize, columns: usize, matrix: &[f32]) -> Vec<f32> {
    let mut out = vec![0.0; k.next_multiple_of(GROUP) * columns];
    for (row, numbers) in matrix.chunks(columns).enumerate() {
        let group = &mut out[row / GROUP * GROUP * columns..];
        for (column, &number) in numbers.iter().enumerate() {
            group[column * GROUP + row % GROUP] = number;
        }
    }
    out
}

dispatch! {
    /// # Safety
    /// All are as long as one sample of the shape needs.
    unsafe fn run_sample(
        shape: &ConvShape, x: &[f32], activation: Option<&Activation>, w: &[f32], b: &[f32], add: Option<&[f32]>,
        scratch: &mut [f32], y: &mut [f32],
    ) => sample
}

#[inline(always)]
#[allow(clippy::too_many_arguments)]
unsafe fn sample<S: Simd>(
    shape: &ConvShape,
    x: &[f32],
    activation: Option<&Activation>,
    w: &[f32],
    b: &[f32],
    add: Option<&[f32]>,
    scratch: &mut [f32],
    y: &mut [f32],
) {
    let frame = Frame::new(shape);
    // SAFETY: the lengths are those of the shape, and a scratch of `frame.len`.
    unsafe { fill::<S>(shape, frame, x.as_ptr(), activation, scratch.as_mut_ptr()) };
    let positions = shape.positions();
    for (group, y) in y.chunks_mut(GROUP * positions).enumerate() {
        let (w, b) = (&w[group * GROUP * shape.patch()..], &b[group * GROUP..]);
        let add = add.map(|add| add[group * GROUP * positions..].as_ptr());
        let job = Job { shape, frame, x: scratch.as_ptr(), w: w.as_ptr(), b: b.as_ptr(), add, y: y.as_mut_ptr() };
        let live = y.len() / positions;
        // SAFETY: as above; a group of weights has its full size always, `live` says how many of its channels exist.
        unsafe {
            match S::WIDTH {
                2 => every_place::<S, GROUP, 3>(&job, 0, live),
                _ => {
                    every_place::<S, { GROUP / 2 }, 1>(&job, 0, live);
                    every_place::<S, { GROUP / 2 }, 1>(&job, GROUP / 2, live);
                }
            }
        }
    }
}

/// One sample and one group of output channels.
struct Job<'a> {
    shape: &'a ConvShape,
    frame: Frame,
    x: *const f32,
    w: *const f32,
    b: *const f32,
    add: Option<*const f32>,
    y: *mut f32,
}

/// Channels `first..first + K` of the group, those below `live`, at all pixels, P vectors at a time.
#[inline(always)]
unsafe fn every_place<S: Simd, const K: usize, const P: usize>(job: &Job, first: usize, live: usize) {
    let across = job.shape.w.div_ceil(LANES);
    let places = job.shape.h * across;
    let mut place = 0;
    while place < places {
        // SAFETY: the places lie in the image.
        unsafe {
            if places - place >= P {
                block::<S, K, P>(job, first, live, place, across);
                place += P;
            } else {
                block::<S, K, 1>(job, first, live, place, across);
                place += 1;
            }
        }
    }
}

/// K channels times P vectors of pixels, whose sums stay in registers.
#[inline(always)]
unsafe fn block<S: Simd, const K: usize, const P: usize>(
    job: &Job,
    first: usize,
    live: usize,
    place: usize,
    across: usize,
) {
    let (frame, shape) = (job.frame, job.shape);
    let at: [(usize, usize); P] = std::array::from_fn(|p| ((place + p) / across, (place + p) % across * LANES));
    // SAFETY: a vector at a pixel of the frame, moved by up to two rows and numbers, ends within the frame's rows.
    unsafe {
        let x = at.map(|(row, column)| row * frame.row + column);
        let mut w = job.w.add(first);
        let mut sums = [[S::zero(); P]; K];
        for (k, sums) in sums.iter_mut().enumerate() {
            *sums = [S::splat(*job.b.add(first + k)); P];
        }
        for channel in 0..shape.c {
            for r in 0..3 {
                let offset = channel * frame.plane + r * frame.row;
                for s in 0..3 {
                    let mut pixels = [S::zero(); P];
                    for (pixels, x) in pixels.iter_mut().zip(x) {
                        *pixels = S::load(job.x.add(x + offset + s));
                    }
                    for (k, sums) in sums.iter_mut().enumerate() {
                        let weight = S::splat(*w.add(k));
                        for (sum, &pixels) in sums.iter_mut().zip(&pixels) {
                            *sum = S::fma(weight, pixels, *sum);
                        }
                    }
                    w = w.add(GROUP);
                }
            }
        }
        for (k, sums) in sums.iter().enumerate().take_while(|(k, _)| first + k < live) {
            for (&(row, column), &sum) in at.iter().zip(sums) {
                let place = (first + k) * shape.positions() + row * shape.w + column;
                let n = (shape.w - column).min(LANES);
                let sum = match job.add {
                    Some(add) => S::add(sum, S::load_first(add.add(place), n)),
                    None => sum,
                };
                match n {
                    LANES => S::store(job.y.add(place), sum),
                    _ => S::store_first(job.y.add(place), n, sum),
                }
            }
        }
    }
}

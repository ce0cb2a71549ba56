//! Planes to pixels and back.

use crate::nn::kernels::simd::{LANES, Simd};
use crate::nn::kernels::source::{Activation, on_line};

/// Rows of up to sixteen planes: `height` rows of `width` numbers that follow each other in memory, in `channels`
/// planes that lie `plane` numbers apart.
#[derive(Clone, Copy, Debug)]
pub struct Planes {
    pub height: usize,
    pub width: usize,
    pub plane: usize,
    /// 1 to 16.
    pub channels: usize,
}

/// Where pixels lie: numbers from one pixel to the next and from one row to the next. A pixel is sixteen numbers.
#[derive(Clone, Copy, Debug)]
pub struct Pixels {
    pub pixel: usize,
    pub row: usize,
}

/// Walks over the pixels of an image in the order in which planes hold them.
struct Walk {
    pixels: Pixels,
    width: usize,
    x: usize,
    /// Where the current pixel lies.
    at: usize,
}

impl Walk {
    #[inline(always)]
    fn new(planes: &Planes, pixels: Pixels) -> Walk {
        Walk { pixels, width: planes.width, x: 0, at: 0 }
    }

    /// Whether the next sixteen pixels lie in one row.
    #[inline(always)]
    fn whole(&self, n: usize) -> bool {
        n == LANES && self.x + LANES <= self.width
    }

    #[inline(always)]
    fn advance(&mut self, n: usize) {
        self.x += n;
        self.at += n * self.pixels.pixel;
        if self.x == self.width {
            self.x = 0;
            self.at = self.at + self.pixels.row - self.width * self.pixels.pixel;
        }
    }
}

/// An [`Activation`] of sixteen channels, one in each lane.
#[derive(Clone, Copy)]
pub struct Lanewise<S: Simd> {
    mean: S::V,
    slope: S::V,
    shift: S::V,
    relu: bool,
}

impl<S: Simd> Lanewise<S> {
    /// The lanes of `count <= 16` channels from `first` on; other lanes map to zero.
    ///
    /// # Safety
    /// The processor has `S`.
    #[inline(always)]
    pub unsafe fn new(activation: &Activation, first: usize, count: usize) -> Lanewise<S> {
        // SAFETY: `count` numbers from slices of that length.
        unsafe {
            Lanewise {
                mean: S::load_first(activation.mean[first..][..count].as_ptr(), count),
                slope: S::load_first(activation.slope[first..][..count].as_ptr(), count),
                shift: S::load_first(activation.shift[first..][..count].as_ptr(), count),
                relu: activation.relu,
            }
        }
    }

    /// The activation of one pixel.
    ///
    /// # Safety
    /// The processor has `S`.
    #[inline(always)]
    unsafe fn apply(&self, x: S::V) -> S::V {
        // SAFETY: registers only. The same bits as an activation that was written to memory first.
        unsafe {
            let y = on_line::<S>(S::sub(x, self.mean), self.slope, self.shift);
            if self.relu { S::relu(y) } else { y }
        }
    }
}

/// Planes to pixels, with an activation on the way. Lanes from `planes.channels` on become zero.
///
/// # Safety
/// `from` is good for reading `height width` numbers at every multiple of `plane`, `to` for writing sixteen numbers at
/// every pixel of `height` rows of `width`.
#[inline(always)]
pub unsafe fn pack<S: Simd>(
    from: *const f32,
    planes: &Planes,
    activation: Option<&Lanewise<S>>,
    to: *mut f32,
    pixels: Pixels,
) {
    let count = planes.height * planes.width;
    let mut walk = Walk::new(planes, pixels);
    let mut done = 0;
    while done < count {
        let n = (count - done).min(LANES);
        // SAFETY: `n` numbers from `done` on lie in each plane, and the walk stays on the pixels.
        unsafe {
            let mut lines = [S::zero(); LANES];
            for (channel, line) in lines.iter_mut().enumerate() {
                if channel < planes.channels {
                    let from = from.add(channel * planes.plane + done);
                    *line = if n == LANES { S::load(from) } else { S::load_first(from, n) };
                }
            }
            S::transpose(&mut lines);
            if let Some(activation) = activation {
                for line in &mut lines {
                    *line = activation.apply(*line);
                }
            }
            // In one row there is no test for its end at each pixel.
            if walk.whole(n) {
                for (i, &line) in lines.iter().enumerate() {
                    S::store(to.add(walk.at + i * pixels.pixel), line);
                }
                walk.advance(LANES);
            } else {
                for &line in &lines[..n] {
                    S::store(to.add(walk.at), line);
                    walk.advance(1);
                }
            }
        }
        done += n;
    }
}

/// Pixels to planes: the inverse of [`pack`]. To every pixel `bias` is added, to every number that of `add`, whose
/// planes lie as those of `to`.
///
/// # Safety
/// As for [`pack`], the other way round; `add` is good for reading where `to` is written.
#[inline(always)]
pub unsafe fn unpack<S: Simd>(
    from: *const f32,
    pixels: Pixels,
    bias: Option<S::V>,
    add: Option<*const f32>,
    to: *mut f32,
    planes: &Planes,
) {
    let count = planes.height * planes.width;
    let mut walk = Walk::new(planes, pixels);
    let mut done = 0;
    while done < count {
        let n = (count - done).min(LANES);
        // SAFETY: the walk stays on the pixels, and `n` numbers from `done` on lie in each plane.
        unsafe {
            let mut lines = [S::zero(); LANES];
            if walk.whole(n) {
                for (i, line) in lines.iter_mut().enumerate() {
                    *line = S::load(from.add(walk.at + i * pixels.pixel));
                }
                walk.advance(LANES);
            } else {
                for line in &mut lines[..n] {
                    *line = S::load(from.add(walk.at));
                    walk.advance(1);
                }
            }
            if let Some(bias) = bias {
                for line in &mut lines {
                    *line = S::add(*line, bias);
                }
            }
            S::transpose(&mut lines);
            for (channel, &line) in lines.iter().enumerate().take(planes.channels) {
                let at = channel * planes.plane + done;
                let line = match add {
                    Some(add) if n == LANES => S::add(line, S::load(add.add(at))),
                    Some(add) => S::add(line, S::load_first(add.add(at), n)),
                    None => line,
                };
                if n == LANES { S::store(to.add(at), line) } else { S::store_first(to.add(at), n, line) }
            }
        }
        done += n;
    }
}

//! Reading tensors as slices, output buffers, and scratch memory that is kept between calls.

use candle_core::{CpuStorage, Result, Shape, Storage, Tensor, bail};
use std::cell::RefCell;
use std::ops::{Deref, Range};

/// The contents of a contiguous f32 CPU tensor; holds its read lock.
pub struct View<G> {
    storage: G,
    range: Range<usize>,
}

impl<G: Deref<Target = Storage>> Deref for View<G> {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        match &*self.storage {
            Storage::Cpu(CpuStorage::F32(data)) => &data[self.range.clone()],
            _ => unreachable!("view() admits f32 CPU tensors only"),
        }
    }
}

/// The contents of a tensor as a slice, without a copy.
///
/// # Errors
/// If the tensor is not f32, not on the CPU or not contiguous.
pub fn view(tensor: &Tensor) -> Result<View<impl Deref<Target = Storage> + '_>> {
    let (storage, layout) = tensor.storage_and_layout();
    let Some((start, end)) = layout.contiguous_offsets() else {
        bail!("the kernel needs contiguous data, got strides {:?}", layout.stride());
    };
    if !matches!(&*storage, Storage::Cpu(CpuStorage::F32(_))) {
        bail!("the kernel needs f32 data on the CPU, got {:?} on {:?}", tensor.dtype(), tensor.device());
    }
    Ok(View { storage, range: start..end })
}

/// A CPU tensor of this shape that takes over `data`.
///
/// # Errors
/// If the number of elements does not fit the shape.
pub fn tensor(data: Vec<f32>, shape: impl Into<Shape>) -> Result<Tensor> {
    Tensor::from_vec(data, shape.into(), &candle_core::Device::Cpu)
}

/// A vector of `len` numbers with unspecified contents, which saves one pass over memory.
///
/// # Safety
/// The caller must write every element before any of them is read, and before the vector is handed on.
pub unsafe fn unfilled(len: usize) -> Vec<f32> {
    let mut data = Vec::with_capacity(len);
    // SAFETY: the capacity is `len`; f32 needs no drop; the caller promises to write before reading.
    #[allow(clippy::uninit_vec)]
    unsafe {
        data.set_len(len)
    };
    data
}

/// Equal, disjoint pieces of one buffer that several threads write at the same time.
///
/// For kernels whose task owns many separate pieces (a channel of every sample), where `par_chunks_mut` cannot say so.
pub struct Pieces<'a> {
    start: *mut f32,
    count: usize,
    len: usize,
    buffer: std::marker::PhantomData<&'a mut [f32]>,
}

// SAFETY: the pieces are disjoint, and `piece` makes its callers promise that each has one user at a time.
unsafe impl Sync for Pieces<'_> {}

impl<'a> Pieces<'a> {
    /// Cuts `buffer` into pieces of `len` numbers; its length must be a multiple.
    pub fn new(buffer: &'a mut [f32], len: usize) -> Pieces<'a> {
        assert!(len > 0 && buffer.len().is_multiple_of(len), "pieces of {len} in a buffer of {}", buffer.len());
        Pieces { start: buffer.as_mut_ptr(), count: buffer.len() / len, len, buffer: std::marker::PhantomData }
    }

    /// Piece `index`.
    ///
    /// # Safety
    /// No other reference to the same piece may exist as long as this one does.
    #[allow(clippy::mut_from_ref)]
    pub unsafe fn piece(&self, index: usize) -> &mut [f32] {
        assert!(index < self.count, "piece {index} of {}", self.count);
        // SAFETY: in bounds by the assertion; alone by the caller's promise; alive by the PhantomData borrow.
        unsafe { std::slice::from_raw_parts_mut(self.start.add(index * self.len), self.len) }
    }
}

/// A buffer that several threads write at the same time, each in places of its own.
///
/// For kernels whose tasks own parts of many rows, where [`Pieces`] would be too many.
pub struct Shared<'a> {
    start: *mut f32,
    len: usize,
    buffer: std::marker::PhantomData<&'a mut [f32]>,
}

// SAFETY: only addresses are handed out; who writes through them promises to be alone.
unsafe impl Sync for Shared<'_> {}

impl<'a> Shared<'a> {
    /// The whole of `buffer`.
    pub fn new(buffer: &'a mut [f32]) -> Shared<'a> {
        Shared { start: buffer.as_mut_ptr(), len: buffer.len(), buffer: std::marker::PhantomData }
    }

    /// The address of number `at`, from which on `len` numbers lie inside the buffer.
    pub fn at(&self, at: usize, len: usize) -> *mut f32 {
        assert!(at + len <= self.len, "{len} numbers from {at} on in a buffer of {}", self.len);
        // SAFETY: inside the buffer by the assertion.
        unsafe { self.start.add(at) }
    }
}

/// Sixteen numbers on a cache line of their own.
#[derive(Clone, Copy)]
#[repr(C, align(64))]
struct Line([f32; LINE]);

/// Numbers of a cache line.
const LINE: usize = 16;

/// A thread keeps at most this many numbers of scratch memory between calls (256 MiB).
const KEPT: usize = 64 << 20;

thread_local! {
    static SCRATCH: RefCell<Vec<Vec<Line>>> = const { RefCell::new(Vec::new()) };
}

/// Runs `work` with `len` numbers of scratch memory, whose contents are whatever the last user left. It starts at a
/// multiple of 64 bytes.
///
/// The memory stays with the thread, so a kernel called again costs no page faults. Calls may be nested.
pub fn with_scratch<R>(len: usize, work: impl FnOnce(&mut [f32]) -> R) -> R {
    let lines = len.div_ceil(LINE);
    let mut memory = SCRATCH.with_borrow_mut(|free| take(free, lines));
    if memory.len() < lines {
        // What is there is of no use to anybody, so it isn't copied.
        memory = vec![Line([0.0; LINE]); lines];
    }
    // SAFETY: a line is sixteen numbers and nothing else; `lines` of them hold `len` numbers.
    let numbers = unsafe { std::slice::from_raw_parts_mut(memory.as_mut_ptr().cast::<f32>(), len) };
    let result = work(numbers);
    SCRATCH.with_borrow_mut(|free| {
        let kept: usize = free.iter().map(Vec::len).sum();
        if (kept + memory.len()) * LINE <= KEPT {
            free.push(memory);
        }
    });
    result
}

/// The smallest memory with enough lines; the largest one, to be replaced, if there is none.
fn take(free: &mut Vec<Vec<Line>>, lines: usize) -> Vec<Line> {
    let sizes = || free.iter().enumerate().map(|(index, memory)| (memory.len(), index));
    let found = sizes().filter(|&(size, _)| size >= lines).min().or_else(|| sizes().max());
    found.map(|(_, index)| free.swap_remove(index)).unwrap_or_default()
}

//! The allocator of the binary and of the benches, as both set it up.

pub use mimalloc::MiMalloc;
#[cfg(target_os = "linux")]
use std::ffi::c_ulong;
use std::ffi::{c_int, c_long};

unsafe extern "C" {
    fn mi_option_set(option: c_int, value: c_long);
    #[cfg(target_os = "linux")]
    fn prctl(option: c_int, ...) -> c_int;
}

/// `mi_option_purge_delay` of mimalloc 2 and 3: milliseconds until freed pages go back to the system, −1 for never.
const PURGE_DELAY: c_int = 15;

/// Lets mimalloc keep the pages that are freed: each step of a training asks for the same buffers again. A step of
/// PreActResNet-18 with 64 images then has no page fault, of 1,450 with mimalloc's own delay of a second and 16,000 with
/// one of 10 ms; it takes 0 to 14 % more memory. The environment variable `MIMALLOC_PURGE_DELAY` takes precedence.
///
/// Call it once, at the beginning of `main`.
pub fn keep_freed_pages() {
    if std::env::var_os("MIMALLOC_PURGE_DELAY").is_none() {
        // SAFETY: the option exists; setting it is one store into mimalloc's table, before there are other threads.
        unsafe { mi_option_set(PURGE_DELAY, -1) };
    }
}

/// A run that needs less memory than this gains nothing by huge pages.
const SMALL: u64 = 128 << 20;

/// Chooses the size of pages for a run that needs `bytes` of memory. Mimalloc asks Linux for huge pages (2 MiB), each of
/// which is there whole if one byte of it is used: a step of an MLP takes 14 MiB with them and 6 MiB without, one of a
/// small convnet 75 and 62, in the same time.
pub fn expect(bytes: u64) {
    #[cfg(target_os = "linux")]
    {
        const PR_SET_THP_DISABLE: c_int = 41;
        let small = c_ulong::from(bytes < SMALL);
        // SAFETY: this option takes one number and three zeros and only changes how later page faults are served. A
        // kernel that doesn't know it says so, and everything stays as it was.
        unsafe { prctl(PR_SET_THP_DISABLE, small, 0 as c_ulong, 0 as c_ulong, 0 as c_ulong) };
    }
    #[cfg(not(target_os = "linux"))]
    let _ = bytes;
}

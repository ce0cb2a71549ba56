//! `fsched`: see [`fsched::cli`].

use std::process::ExitCode;

/// Training allocates and frees large buffers all the time; mimalloc reuses their pages where the system's allocator
/// gives them back and has them zeroed again.
#[global_allocator]
static ALLOCATOR: fsched::allocator::MiMalloc = fsched::allocator::MiMalloc;

fn main() -> ExitCode {
    fsched::allocator::keep_freed_pages();
    fsched::cli::main()
}

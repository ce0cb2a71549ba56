//! `fsched`: see [`fsched::cli`].

use std::process::ExitCode;

/// Training allocates and frees large buffers all the time; mimalloc reuses their pages where the system's allocator
/// gives them back and has them zeroed again.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    fsched::cli::main()
}

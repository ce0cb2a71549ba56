//! Files and programs of strangers: read or refused, with bounded memory, and never beyond their folders. One binary,
//! whose tests take turns, because memory is counted for all of it.

mod allocations;
mod bombs;
mod honest;
mod limits;
mod mutate;
mod readers;
#[cfg(unix)]
mod sandbox;
mod seeds;
mod suite;

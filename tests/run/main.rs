//! Programs run from their text to their end, on the embedded digits and small networks.

mod adapters;
mod best;
mod change;
mod control;
mod conversations;
mod determinism;
mod disk;
mod flow;
mod forgotten;
mod looking_back;
mod memory;
mod narrow;
mod support;
mod training;
mod triggers;

//! The language server, spoken to as editors speak to it.

pub mod client;

mod edits;
mod imports;
mod many;
mod names;
mod requests;
mod robust;
mod session;

//! A run is interrupted in every way there is, resumed, and compared with one that wasn't, byte for byte.
//!
//! The process under test is this very program, which runs the command line with a witness of all that it writes
//! (`fsched::disk::watch`): the witness ends the process at a named point, refuses an operation, or writes all of them
//! down. What takes minutes is ignored; `scripts/reliability.sh` runs it.

mod child;
mod damage;
mod disks;
mod edits;
mod kills;
mod ledger;
mod signals;
mod support;
mod unsynced;
mod within;

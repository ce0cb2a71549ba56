//! What stays of a run and what people see of it. Listens to [`crate::runtime::event`]s and never influences the run.

mod atomic;
mod folder;
mod ledger;
mod line;
mod lock;
mod log;
mod manifest;
mod recorder;
pub mod screen;

pub use folder::{Found, FolderError, RunFolder};
pub use ledger::{sha256, verify};
pub use line::{ChangeLine, EventLine, Measured, Place, What};
pub use manifest::{DataSum, LedgerHead, Manifest, Program};
pub use recorder::{About, Recorder};

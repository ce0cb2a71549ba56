//! What stays of a run and what people see of it. Listens to [`crate::runtime::event`]s and never influences the run.

mod audit;
mod bars;
mod evaluations;
mod folder;
mod ledger;
mod line;
mod lock;
mod log;
mod manifest;
mod number;
mod pace;
mod program;
mod progress;
mod recorder;
pub mod screen;
mod summary;
mod table;
mod text;

pub use audit::{Audit, Entry, audit};
pub use folder::{FolderError, Found, RunFolder};
pub use ledger::{is_sound as ledger_is_sound, reaches, verify};
pub use line::{ChangeLine, EventLine, Measured, Place, What};
pub use manifest::{DataSum, Import, InputAsGiven, LedgerHead, Manifest, Program};
pub use number::{plural, thousands};
pub use progress::Progress;
pub use recorder::{About, Recorder, Resume, SharedRecorder};
pub use summary::{Evaluated, Summary, draw_evaluated};

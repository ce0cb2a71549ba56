//! The process under test.

use fsched::disk::{Operation, watch};
use std::fs::OpenOptions;
use std::io::{self, ErrorKind, Write};
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

/// Arguments of the command line, one a line.
pub const ARGUMENTS: &str = "FSCHED_TEST_ARGUMENTS";
/// What the witness does, as [`Fault`] writes it.
pub const FAULT: &str = "FSCHED_TEST_FAULT";
/// A file into which the witness writes all operations.
pub const TRACE: &str = "FSCHED_TEST_TRACE";

/// What goes wrong. Operations count from 1.
#[derive(Clone, Copy, Debug)]
pub enum Fault {
    /// the process ends before this operation
    Kill(u64),
    /// it ends in the middle of this one, if that appends; else before it
    Half(u64),
    /// from this one on so many are refused
    Refuse { from: u64, count: u64, kind: ErrorKind },
}

impl Fault {
    pub fn text(self) -> String {
        match self {
            Fault::Kill(n) => format!("kill {n} 0 -"),
            Fault::Half(n) => format!("half {n} 0 -"),
            Fault::Refuse { from, count, kind } => format!("refuse {from} {count} {kind:?}"),
        }
    }

    fn read(text: &str) -> Fault {
        let parts: Vec<&str> = text.split(' ').collect();
        let [what, n, count, kind] = parts[..] else { panic!("{text}") };
        let number = |text: &str| text.parse().unwrap();
        match what {
            "kill" => Fault::Kill(number(n)),
            "half" => Fault::Half(number(n)),
            _ => Fault::Refuse { from: number(n), count: number(count), kind: kind_of(kind) },
        }
    }
}

fn kind_of(name: &str) -> ErrorKind {
    let kinds = [
        ErrorKind::StorageFull,
        ErrorKind::StaleNetworkFileHandle,
        ErrorKind::ReadOnlyFilesystem,
        ErrorKind::QuotaExceeded,
    ];
    kinds.into_iter().find(|kind| format!("{kind:?}") == name).unwrap()
}

/// Runs the command line where the environment says so; does nothing else.
#[test]
#[ignore = "the process under test, not a test"]
fn program() {
    let Ok(arguments) = std::env::var(ARGUMENTS) else { return };
    let fault = std::env::var(FAULT).ok().map(|text| Fault::read(&text));
    let trace = std::env::var_os(TRACE).map(|path| Mutex::new(std::fs::File::create(path).unwrap()));
    let count = AtomicU64::new(0);
    watch(Box::new(move |operation| {
        let n = count.fetch_add(1, Ordering::SeqCst) + 1;
        if let Some(trace) = &trace {
            let line = format!("{}\n", line(operation));
            trace.lock().unwrap().write_all(line.as_bytes()).unwrap();
        }
        match fault {
            Some(Fault::Kill(at)) if at == n => die(),
            Some(Fault::Half(at)) if at == n => {
                if let Operation::Append { path, bytes, .. } = operation {
                    let mut file = OpenOptions::new().append(true).open(path).unwrap();
                    file.write_all(&bytes[..bytes.len() / 2]).unwrap();
                }
                die()
            }
            Some(Fault::Refuse { from, count, kind }) if (from..from + count).contains(&n) => {
                if matches!(operation, Operation::Point(_)) { Ok(()) } else { Err(io::Error::from(kind)) }
            }
            _ => Ok(()),
        }
    }));
    let arguments = std::iter::once("fsched").chain(arguments.lines()).map(Into::into);
    let status = fsched::cli::run(arguments);
    std::process::exit(status.into());
}

/// Ends the process as a power cut would: nothing is closed, flushed or told.
fn die() -> ! {
    let _ = std::process::Command::new("kill").args(["-KILL", &std::process::id().to_string()]).status();
    std::process::abort()
}

/// An operation as a line: its word, its paths, and the bytes in hexadecimal, by tabs.
fn line(operation: &Operation) -> String {
    let p = |path: &Path| path.display().to_string();
    match operation {
        Operation::Create(path) => format!("create\t{}", p(path)),
        Operation::Append { path, at, bytes } => {
            let hex: String = bytes.iter().map(|b| format!("{b:02x}")).collect();
            format!("append\t{}\t{at}\t{hex}", p(path))
        }
        Operation::Cut { path, length } => format!("cut\t{}\t{length}", p(path)),
        Operation::Flush(path) => format!("flush\t{}", p(path)),
        Operation::Rename { from, to } => format!("rename\t{}\t{}", p(from), p(to)),
        Operation::Link { from, to } => format!("link\t{}\t{}", p(from), p(to)),
        Operation::Remove(path) => format!("remove\t{}", p(path)),
        Operation::MakeFolder(path) => format!("make folder\t{}", p(path)),
        Operation::RemoveFolder(path) => format!("remove folder\t{}", p(path)),
        Operation::FlushFolder(path) => format!("flush folder\t{}", p(path)),
        Operation::Point(name) => format!("point\t{name}"),
    }
}

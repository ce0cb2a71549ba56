//! What goes wrong outside a program's text: files, folders, the run itself.

use crate::diagnostic::Code;
use crate::record::screen::{Ink, Screen, harmless};

/// Exit statuses that scripts rely on (formats.md).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Exit {
    Done = 0,
    /// the file has errors
    FileHasErrors = 1,
    /// wrong use of the command line
    Usage = 2,
    /// disk, data, NaN, …
    RunFailed = 3,
    /// an `expect` did not hold
    Unexpected = 4,
    /// the folder holds an unfinished run
    ResumeRefused = 5,
    /// stopped by a signal, with a checkpoint saved
    Interrupted = 130,
}

/// A failure that has no place in a program.
#[derive(Debug)]
pub struct Failure {
    pub exit: Exit,
    pub code: Option<Code>,
    /// lower case, no full stop
    pub message: String,
    pub help: Option<String>,
    /// already drawn, with the lines of source it is about
    drawn: Option<String>,
}

impl Failure {
    /// A failure with this status.
    pub fn new(exit: Exit, message: impl Into<String>) -> Failure {
        Failure { exit, code: None, message: message.into(), help: None, drawn: None }
    }

    /// A wrong use of the command line.
    pub fn usage(message: impl Into<String>) -> Failure {
        Failure::new(Exit::Usage, message)
    }

    /// With the code that `fsched explain` knows it by.
    pub fn code(mut self, code: Code) -> Failure {
        self.code = Some(code);
        self
    }

    /// With what to do.
    pub fn help(mut self, text: impl Into<String>) -> Failure {
        self.help = Some(text.into());
        self
    }

    /// Shown as this instead of as its message.
    pub fn shown(mut self, drawn: String) -> Failure {
        self.drawn = Some(drawn);
        self
    }

    /// `error[FS0702 run-exists]: …` and what to do.
    pub fn render(&self, screen: Screen) -> String {
        let mut out = self.drawn.clone().unwrap_or_else(|| self.headline(screen));
        if let Some(help) = &self.help {
            out += &format!("  {} {}\n", screen.paint(Ink::Note, "help:"), harmless(help));
        }
        out
    }

    fn headline(&self, screen: Screen) -> String {
        let code = self.code.map_or(String::new(), |c| format!("[{} {}]", c.id(), c.name()));
        format!("{} {}\n", screen.paint(Ink::Error, format!("error{code}:")), harmless(&self.message))
    }
}

/// A reader that closed the pipe has seen enough; any other trouble with stdout is a failure.
impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Failure {
        match error.kind() {
            std::io::ErrorKind::BrokenPipe => Failure::new(Exit::Done, String::new()),
            _ => Failure::new(Exit::RunFailed, format!("cannot write the result: {error}")),
        }
    }
}

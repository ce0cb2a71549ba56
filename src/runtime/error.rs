//! What goes wrong while a program runs, and how it finds its way out.

use crate::components::Duration;
use crate::diagnostic::{Code, Diagnostic};
use crate::source::Span;

/// A run that could not go on, with the place that it had come to.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{message}")]
pub struct RunError {
    /// FS06xx
    pub code: Code,
    /// instance of the step: `3.repeat[2].1`; empty outside all steps
    pub step: String,
    /// the step's place in the program
    pub span: Option<Span>,
    /// lower case, no full stop
    pub message: String,
    /// what to do about it
    pub help: Option<String>,
}

impl RunError {
    /// The same as a diagnostic, for programs whose step has a place.
    pub fn diagnostic(&self) -> Option<Diagnostic> {
        let diagnostic = Diagnostic::new(self.code, self.span?, self.message.clone());
        let diagnostic =
            diagnostic.at(if self.step.is_empty() { String::new() } else { format!("step {}", self.step) });
        Some(match &self.help {
            Some(help) => diagnostic.help(help.clone()),
            None => diagnostic,
        })
    }
}

/// What went wrong, before it is known at which step. [`Halt::at`] adds the place.
#[derive(Clone, Debug, PartialEq)]
pub struct Failure {
    pub code: Code,
    pub message: String,
    pub help: Option<String>,
}

impl Failure {
    /// FS0601
    pub fn new(message: impl Into<String>) -> Failure {
        Failure { code: Code::RUN_FAILED, message: message.into(), help: None }
    }

    pub fn help(mut self, text: impl Into<String>) -> Failure {
        self.help = Some(text.into());
        self
    }

    /// A file operation that failed; the error names the path.
    pub fn disk(error: std::io::Error) -> Failure {
        Failure::new(error.to_string()).help("make sure that the folder exists, may be written to, and has space left")
    }
}

/// Why the steps were left early.
#[derive(Clone, Debug, PartialEq)]
pub enum Halt {
    /// the run stops before its end
    Stopped(Stop),
    /// `stop`: the training step that hosts it is left
    Leave,
    /// no place yet
    Failure(Failure),
    /// with its place
    Error(RunError),
}

/// Why a run stopped before its end.
#[derive(Clone, Debug, PartialEq)]
pub enum Stop {
    /// somebody asked for it; its state is saved
    Asked,
    /// its time is used up; its state is saved
    Budget(Duration),
    /// a guard did not hold; nothing is left to do
    Guard(String),
}

impl std::fmt::Display for Stop {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Stop::Asked => f.write_str("asked to stop"),
            Stop::Budget(budget) => write!(f, "the budget of {budget} is used up"),
            Stop::Guard(guard) => write!(f, "the guard `{guard}` did not hold"),
        }
    }
}

impl Halt {
    /// Gives a failure the place where it happened; the innermost place stays.
    pub fn at(self, step: &str, span: Option<Span>) -> Halt {
        match self {
            Halt::Failure(Failure { code, message, help }) => {
                Halt::Error(RunError { code, step: step.to_string(), span, message, help })
            }
            other => other,
        }
    }
}

impl From<Failure> for Halt {
    fn from(failure: Failure) -> Halt {
        Halt::Failure(failure)
    }
}

impl From<candle_core::Error> for Failure {
    fn from(error: candle_core::Error) -> Failure {
        Failure::new(format!("a tensor operation failed: {error}"))
    }
}

impl From<candle_core::Error> for Halt {
    fn from(error: candle_core::Error) -> Halt {
        Halt::Failure(error.into())
    }
}

impl From<crate::components::Problem> for Failure {
    fn from(problem: crate::components::Problem) -> Failure {
        Failure { code: Code::RUN_FAILED, message: problem.message, help: problem.help }
    }
}

impl From<crate::components::Problem> for Halt {
    fn from(problem: crate::components::Problem) -> Halt {
        Halt::Failure(problem.into())
    }
}

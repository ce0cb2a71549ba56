//! What a component finds wrong with its arguments or files, before it becomes a diagnostic with a place.

/// A problem of a component; the checker puts it at the argument it names.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{message}")]
pub struct Problem {
    pub kind: ProblemKind,
    /// lower case, no full stop: what was found and what was allowed
    pub message: String,
    /// what to type or do
    pub help: Option<String>,
    /// the parameter that is to blame, where one is
    pub argument: Option<&'static str>,
}

/// Which code the diagnostic gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProblemKind {
    /// a file or folder that isn't there or can't be read: FS0401
    MissingFile,
    /// a file of the wrong form: FS0402
    BadFile,
    /// a path that leads where it must not: FS0404
    ForbiddenPath,
    /// arguments that don't fit each other or the input: FS0303
    DoesNotFit,
    /// names and selections that mean nothing of the model: FS0301
    NothingMeant,
    /// a split that the data has not: FS0403
    NoSplit,
}

impl Problem {
    pub fn new(kind: ProblemKind, message: impl Into<String>) -> Problem {
        Problem { kind, message: message.into(), help: None, argument: None }
    }

    pub fn help(mut self, text: impl Into<String>) -> Problem {
        self.help = Some(text.into());
        self
    }

    /// Blames one parameter.
    pub fn of(mut self, argument: &'static str) -> Problem {
        self.argument = Some(argument);
        self
    }
}

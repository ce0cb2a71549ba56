//! What can be said about a program: data first, sentences once, rendered elsewhere.

mod apply;
mod brief;
mod codes;

pub use apply::{applicable, apply};
pub use brief::brief;
pub use codes::{CODES, Code, CodeInfo, by_code_or_name};

use crate::source::Span;

/// How bad it is. Lints are warnings whose level flags and pragmas may change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    Error,
    Warning,
    Note,
}

/// A place and what is to be said of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Label {
    pub span: Span,
    pub text: String,
}

/// One replacement of text.
#[derive(Clone, Debug, PartialEq)]
pub struct Edit {
    pub span: Span,
    pub text: String,
}

/// Whether a machine may apply a fix unasked: only where it is sure to say what the author meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Applicability {
    Safe,
    Unsafe,
}

/// Edits that mend what a diagnostic tells, all of them together.
#[derive(Clone, Debug, PartialEq)]
pub struct Fix {
    pub title: String,
    pub applicability: Applicability,
    pub edits: Vec<Edit>,
}

/// One thing that is wrong, or worth knowing.
#[derive(Clone, Debug, PartialEq)]
pub struct Diagnostic {
    pub code: Code,
    pub severity: Severity,
    /// One sentence in the author's words: lower case, no full stop.
    pub message: String,
    /// The place that is wrong.
    pub primary: Label,
    /// Other places that matter.
    pub labels: Vec<Label>,
    /// What to type.
    pub help: Option<String>,
    pub fixes: Vec<Fix>,
}

impl Diagnostic {
    /// A diagnostic of the code's own severity at `span`.
    pub fn new(code: Code, span: Span, message: impl Into<String>) -> Diagnostic {
        Diagnostic {
            code,
            severity: code.severity(),
            message: message.into(),
            primary: Label { span, text: String::new() },
            labels: Vec::new(),
            help: None,
            fixes: Vec::new(),
        }
    }

    /// What stands at the primary place.
    pub fn at(mut self, text: impl Into<String>) -> Diagnostic {
        self.primary.text = text.into();
        self
    }

    /// Another place that matters.
    pub fn label(mut self, span: Span, text: impl Into<String>) -> Diagnostic {
        self.labels.push(Label { span, text: text.into() });
        self
    }

    /// What to type.
    pub fn help(mut self, text: impl Into<String>) -> Diagnostic {
        self.help = Some(text.into());
        self
    }

    /// A fix of one replacement that is sure to be meant.
    pub fn fix(self, title: impl Into<String>, span: Span, text: impl Into<String>) -> Diagnostic {
        self.with_fix(title, Applicability::Safe, vec![Edit { span, text: text.into() }])
    }

    /// A fix of one replacement that is only likely to be meant.
    pub fn maybe_fix(self, title: impl Into<String>, span: Span, text: impl Into<String>) -> Diagnostic {
        self.with_fix(title, Applicability::Unsafe, vec![Edit { span, text: text.into() }])
    }

    /// A fix of any number of replacements.
    pub fn with_fix(mut self, title: impl Into<String>, applicability: Applicability, edits: Vec<Edit>) -> Diagnostic {
        self.fixes.push(Fix { title: title.into(), applicability, edits });
        self
    }
}

/// Whether any of them is an error.
pub fn has_errors(diagnostics: &[Diagnostic]) -> bool {
    diagnostics.iter().any(|d| d.severity == Severity::Error)
}

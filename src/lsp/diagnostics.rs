//! Diagnostics as editors show them.

use super::document::Document;
use crate::diagnostic::{Code, Diagnostic, Severity};
use crate::source::{FileId, Span};
use lsp_types as lsp;
use lsp_types::{DiagnosticRelatedInformation, DiagnosticSeverity, DiagnosticTag, NumberOrString};

/// Name of the tool that editors show beside a message.
pub const SOURCE: &str = "fsched";

/// All diagnostics of an analysis, each with the text that it is about.
pub fn diagnostics(doc: &Document) -> Vec<(FileId, lsp::Diagnostic)> {
    doc.analysis.diagnostics.iter().map(|d| (shown_at(doc, d).file, diagnostic(doc, d))).collect()
}

/// One diagnostic.
pub fn diagnostic(doc: &Document, d: &Diagnostic) -> lsp::Diagnostic {
    lsp::Diagnostic {
        range: doc.range(shown_at(doc, d)),
        severity: Some(severity(d.severity)),
        code: Some(NumberOrString::String(d.code.id().to_string())),
        source: Some(SOURCE.to_string()),
        message: message(d),
        related_information: related(doc, d),
        tags: is_unnecessary(d.code).then(|| vec![DiagnosticTag::UNNECESSARY]),
        ..Default::default()
    }
}

/// Where it is shown: what has no file is shown at the start of the program.
fn shown_at(doc: &Document, d: &Diagnostic) -> Span {
    match doc.uri_of(d.primary.span.file) {
        Some(_) => d.primary.span,
        None => Span::new(doc.file(), 0, 0),
    }
}

/// The sentence, what stands at the place, and what to type, a line each.
fn message(d: &Diagnostic) -> String {
    let label = Some(&d.primary.text).filter(|text| !text.is_empty()).map(|text| format!("\n{text}"));
    let help = d.help.as_ref().map(|help| format!("\nhelp: {help}"));
    format!("{}{}{}", d.message, label.unwrap_or_default(), help.unwrap_or_default())
}

fn severity(severity: Severity) -> DiagnosticSeverity {
    match severity {
        Severity::Error => DiagnosticSeverity::ERROR,
        Severity::Warning => DiagnosticSeverity::WARNING,
        Severity::Note => DiagnosticSeverity::INFORMATION,
    }
}

fn related(doc: &Document, d: &Diagnostic) -> Option<Vec<DiagnosticRelatedInformation>> {
    let place = |label: &crate::diagnostic::Label| {
        let location = doc.location(label.span)?;
        Some(DiagnosticRelatedInformation { location, message: label.text.clone() })
    };
    let places: Vec<_> = d.labels.iter().filter_map(place).collect();
    (doc.client.related_information && !places.is_empty()).then_some(places)
}

/// Whether the text could be left out; editors show it faded.
fn is_unnecessary(code: Code) -> bool {
    code.name().starts_with("unused-") || code.name().starts_with("unreached-")
}

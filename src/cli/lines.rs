//! Diagnostics for programs: one line each, in three forms (formats.md).

use super::render::severity_word;
use crate::diagnostic::{Applicability, Diagnostic, Edit, Fix, Label, Severity};
use crate::record::screen::harmless;
use crate::source::{Sources, Span};
use serde::Serialize;

/// How diagnostics are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Form {
    /// lines of source with labels, on stderr
    Human,
    /// `file:line:column: error[FS0102]: message`
    Short,
    /// one object a line
    Json,
    /// workflow commands that annotate a pull request
    Github,
    /// one SARIF 2.1.0 log, as code hosts take it
    Sarif,
}

/// `a.fsched:2:1: error[FS0102]: no statement is called …`
pub fn short(sources: &Sources, d: &Diagnostic) -> String {
    let place = sources.place(d.primary.span);
    let name = harmless(name(sources, d.primary.span));
    let message = harmless(&d.message).lines().map(str::trim).collect::<Vec<_>>().join("; ");
    format!("{name}:{}:{}: {}[{}]: {message}", place.line, place.column, severity_word(d.severity), d.code.id())
}

/// `::error file=a.fsched,line=2,endLine=2,col=1,endColumn=7,title=FS0102 unknown-statement::…`
pub fn github(sources: &Sources, d: &Diagnostic) -> String {
    let (start, end) = (sources.place(d.primary.span), sources.place(d.primary.span.after()));
    let word = if d.severity == Severity::Note { "notice" } else { severity_word(d.severity) };
    let help = d.help.iter().map(|h| format!("\nhelp: {h}")).collect::<String>();
    format!(
        "::{word} file={},line={},endLine={},col={},endColumn={},title={} {}::{}",
        property(name(sources, d.primary.span)),
        start.line,
        end.line,
        start.column,
        end.column,
        d.code.id(),
        d.code.name(),
        data(&format!("{}{help}", d.message)),
    )
}

/// Escapes of workflow commands: the message.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// Escapes of workflow commands: a property.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

/// One object, keys in the order of formats.md.
pub fn json(sources: &Sources, d: &Diagnostic) -> String {
    let (start, end) = (sources.place(d.primary.span), sources.place(d.primary.span.after()));
    let line = Line {
        format: 1,
        code: d.code.id(),
        name: d.code.name(),
        severity: d.severity,
        message: &d.message,
        file: name(sources, d.primary.span),
        start: d.primary.span.start,
        end: d.primary.span.end,
        line: start.line,
        column: start.column,
        end_line: end.line,
        end_column: end.column,
        text: &d.primary.text,
        labels: d.labels.iter().map(|l| LabelLine::new(sources, l)).collect(),
        help: d.help.as_deref(),
        fixes: d.fixes.iter().map(|f| FixLine::new(sources, f)).collect(),
    };
    serde_json::to_string(&line).expect("strings and numbers always serialize")
}

fn name(sources: &Sources, span: Span) -> &str {
    &sources.get(span.file).name
}

#[derive(Serialize)]
struct Line<'a> {
    format: u32,
    code: &'a str,
    name: &'a str,
    severity: Severity,
    message: &'a str,
    file: &'a str,
    start: u32,
    end: u32,
    line: usize,
    column: usize,
    end_line: usize,
    end_column: usize,
    /// what stands at the primary place
    text: &'a str,
    labels: Vec<LabelLine<'a>>,
    help: Option<&'a str>,
    fixes: Vec<FixLine<'a>>,
}

#[derive(Serialize)]
struct LabelLine<'a> {
    file: &'a str,
    start: u32,
    end: u32,
    text: &'a str,
}

impl<'a> LabelLine<'a> {
    fn new(sources: &'a Sources, label: &'a Label) -> LabelLine<'a> {
        let Span { start, end, .. } = label.span;
        LabelLine { file: name(sources, label.span), start, end, text: &label.text }
    }
}

#[derive(Serialize)]
struct FixLine<'a> {
    title: &'a str,
    applicability: Applicability,
    edits: Vec<LabelLine<'a>>,
}

impl<'a> FixLine<'a> {
    fn new(sources: &'a Sources, fix: &'a Fix) -> FixLine<'a> {
        let edit = |e: &'a Edit| {
            let Span { start, end, .. } = e.span;
            LabelLine { file: name(sources, e.span), start, end, text: &e.text }
        };
        FixLine { title: &fix.title, applicability: fix.applicability, edits: fix.edits.iter().map(edit).collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::Code;
    use crate::source::Source;

    fn sample() -> (Sources, Diagnostic) {
        let mut sources = Sources::default();
        let file = sources.add(Source::new("a,b.fsched", "\u{feff}é relern 3\n"));
        let d = Diagnostic::new(Code::UNKNOWN_STATEMENT, Span::new(file, 6, 12), "no `relern`,\u{1b} 100%")
            .label(Span::new(file, 3, 5), "e")
            .help("did you mean `relearn`?")
            .fix("write `relearn`", Span::new(file, 6, 12), "relearn");
        (sources, d)
    }

    #[test]
    fn json_counts_bytes_of_the_file_and_columns_of_characters() {
        let (sources, d) = sample();
        let line = json(&sources, &d);
        let expected = concat!(
            r#"{"format":1,"code":"FS0102","name":"unknown-statement","severity":"error","message":"no `relern`,\u001b 100%","#,
            r#""file":"a,b.fsched","start":6,"end":12,"line":1,"column":3,"end_line":1,"end_column":9,"text":"","#,
            r#""labels":[{"file":"a,b.fsched","start":3,"end":5,"text":"e"}],"help":"did you mean `relearn`?","#,
            r#""fixes":[{"title":"write `relearn`","applicability":"safe","edits":[{"file":"a,b.fsched","start":6,"end":12,"text":"relearn"}]}]}"#
        );
        assert_eq!(line, expected);
    }

    #[test]
    fn short_and_github_are_one_line_each() {
        let (sources, d) = sample();
        assert_eq!(short(&sources, &d), "a,b.fsched:1:3: error[FS0102]: no `relern`,\u{fffd} 100%");
        let list = Diagnostic { message: "2 things are wrong\n  one\n  two".into(), ..d.clone() };
        assert_eq!(short(&sources, &list), "a,b.fsched:1:3: error[FS0102]: 2 things are wrong; one; two");
        assert_eq!(
            github(&sources, &d),
            "::error file=a%2Cb.fsched,line=1,endLine=1,col=3,endColumn=9,title=FS0102 unknown-statement::no `relern`,\u{1b} 100%25%0Ahelp: did you mean `relearn`?"
        );
    }
}

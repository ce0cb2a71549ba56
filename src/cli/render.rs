//! Diagnostics for people. The only place that knows miette.

use super::snippet::Snippets;
use crate::diagnostic::{Applicability, Diagnostic, Label, Severity};
use crate::record::plural;
use crate::record::screen::{Ink, Screen, harmless};
use crate::source::{FileId, Sources, Span};
use miette::{GraphicalTheme, LabeledSpan, MietteHandlerOpts, ReportHandler, ThemeCharacters, ThemeStyles};
use std::fmt;

/// Draws diagnostics with the lines of source they are about.
pub struct Renderer<'a> {
    sources: &'a Sources,
    snippets: Snippets<'a>,
    screen: Screen,
}

impl<'a> Renderer<'a> {
    /// Renders what is said of these texts, for this screen.
    pub fn new(sources: &'a Sources, screen: Screen) -> Renderer<'a> {
        Renderer { sources, snippets: Snippets::new(sources), screen }
    }

    /// At most `max` diagnostics, then a line that says how many more there are, then the count.
    pub fn report(&self, diagnostics: &[Diagnostic], max: usize) -> String {
        if diagnostics.is_empty() {
            return String::new();
        }
        let mut out = String::new();
        for diagnostic in diagnostics.iter().take(max) {
            out += &self.diagnostic(diagnostic);
            out.push('\n');
        }
        if let Some(more) = diagnostics.len().checked_sub(max).filter(|m| *m > 0) {
            out += &format!("… and {more} more (`--max-errors {}` shows all)\n", diagnostics.len());
        }
        out + &self.closing(diagnostics)
    }

    /// `3 errors, 1 warning in a.fsched` and where to read on.
    fn closing(&self, diagnostics: &[Diagnostic]) -> String {
        let count = |severity| diagnostics.iter().filter(|d| d.severity == severity).count();
        let (errors, warnings) = (count(Severity::Error), count(Severity::Warning));
        if errors + warnings == 0 {
            return String::new();
        }
        let mut parts = Vec::new();
        if errors > 0 {
            parts.push(self.screen.paint(Ink::Error, plural(errors, "error")));
        }
        if warnings > 0 {
            parts.push(self.screen.paint(Ink::Warning, plural(warnings, "warning")));
        }
        let file = self.sources.iter().next().map_or(String::new(), |(_, s)| format!(" in {}", harmless(&s.name)));
        let worst = diagnostics.iter().find(|d| d.severity == Severity::Error).or(diagnostics.first());
        let explain = worst.map_or(String::new(), |d| format!("; `fsched explain {}` says more", d.code.id()));
        format!("{}{file}{}\n", parts.join(", "), self.screen.paint(Ink::Faint, explain))
    }

    /// One diagnostic: sentence, lines of source with labels, help, fixes.
    pub fn diagnostic(&self, diagnostic: &Diagnostic) -> String {
        let view = View::new(self, diagnostic);
        let handler = MietteHandlerOpts::new()
            .force_graphical(true)
            .terminal_links(false)
            .graphical_theme(self.theme(diagnostic))
            .context_lines(1)
            .tab_width(4)
            .break_words(false)
            .show_related_errors_as_nested();
        let handler = match self.screen.width {
            Some(width) => handler.width(width),
            None => handler,
        }
        .build();
        let mut out = String::new();
        // A snippet that cannot be drawn must not cost the reader the sentence.
        if fmt::write(&mut out, format_args!("{:?}", Drawn { handler: &handler, view: &view })).is_err() {
            out = self.plain(diagnostic);
        }
        for fix in &diagnostic.fixes {
            let how = match fix.applicability {
                Applicability::Safe => self.screen.paint(Ink::Good, "fix:"),
                Applicability::Unsafe => self.screen.paint(Ink::Faint, "fix (--unsafe):"),
            };
            out += &format!("  {how} {}\n", harmless(&fix.title));
        }
        out
    }

    /// `file:line:column: message`
    fn plain(&self, diagnostic: &Diagnostic) -> String {
        let place = self.sources.place(self.snippets.clamp(diagnostic.primary.span));
        let name = harmless(&self.sources.get(diagnostic.primary.span.file).name);
        format!("{name}:{}:{}: {}\n", place.line, place.column, headline(diagnostic))
    }

    /// miette's theme, with our `error[FS0102 unknown-statement]:` for its cross and the primary label in the severity's colour.
    fn theme(&self, diagnostic: &Diagnostic) -> GraphicalTheme {
        let mut characters = if self.screen.unicode { ThemeCharacters::unicode() } else { ThemeCharacters::ascii() };
        let head = head(diagnostic);
        characters.error = head.clone();
        characters.warning = head.clone();
        characters.advice = if diagnostic.severity == Severity::Note { head } else { "see".into() };
        let mut styles = if self.screen.colour { ThemeStyles::ansi() } else { ThemeStyles::none() };
        styles.error = styles.error.bold();
        styles.warning = styles.warning.bold();
        if !self.screen.colour {
            (styles.error, styles.warning) = (styles.help, styles.help);
        }
        let loud = match diagnostic.severity {
            Severity::Error => styles.error,
            Severity::Warning => styles.warning,
            Severity::Note => styles.advice,
        };
        // miette hands its colours out in the order of the labels' places.
        let mut places: Vec<_> = labels_in(diagnostic, diagnostic.primary.span.file).collect();
        places.sort_by_key(|(label, _)| self.snippets.anchor(label.span).start);
        styles.highlights = places.iter().map(|(_, primary)| if *primary { loud } else { styles.help }).collect();
        GraphicalTheme { characters, styles }
    }
}

/// `error[FS0102 unknown-statement]:`
fn head(diagnostic: &Diagnostic) -> String {
    format!("{}[{} {}]:", severity_word(diagnostic.severity), diagnostic.code.id(), diagnostic.code.name())
}

fn headline(diagnostic: &Diagnostic) -> String {
    format!("{} {}", head(diagnostic), harmless(&diagnostic.message))
}

/// `error`, `warning`, `note`
pub fn severity_word(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Note => "note",
    }
}

/// The labels of one file; true for the primary one.
fn labels_in(diagnostic: &Diagnostic, file: FileId) -> impl Iterator<Item = (&Label, bool)> {
    let others = diagnostic.labels.iter().map(|l| (l, false));
    std::iter::once((&diagnostic.primary, true)).chain(others).filter(move |(l, _)| l.span.file == file)
}

/// What miette sees: the labels of one file; those of other files follow as related views.
struct View<'a> {
    message: String,
    severity: miette::Severity,
    /// none where there is no text to show
    source: Option<&'a dyn miette::SourceCode>,
    labels: Vec<LabeledSpan>,
    help: Option<String>,
    related: Vec<View<'a>>,
}

impl<'a> View<'a> {
    fn new(renderer: &'a Renderer<'a>, diagnostic: &Diagnostic) -> View<'a> {
        let file = diagnostic.primary.span.file;
        let mut others: Vec<FileId> = diagnostic.labels.iter().map(|l| l.span.file).filter(|f| *f != file).collect();
        others.sort();
        others.dedup();
        let severity = match diagnostic.severity {
            Severity::Error => miette::Severity::Error,
            Severity::Warning => miette::Severity::Warning,
            Severity::Note => miette::Severity::Advice,
        };
        let message = harmless(&diagnostic.message);
        let related = others.into_iter().map(|other| {
            let name = harmless(&renderer.sources.get(other).name);
            View::of(renderer, diagnostic, other, name, miette::Severity::Advice)
        });
        let related = related.collect();
        let help = diagnostic.help.as_deref().map(harmless);
        View { help, related, ..View::of(renderer, diagnostic, file, message, severity) }
    }

    fn of(
        renderer: &'a Renderer<'a>,
        diagnostic: &Diagnostic,
        file: FileId,
        message: String,
        severity: miette::Severity,
    ) -> View<'a> {
        let labels = labels_in(diagnostic, file).map(|(label, primary)| {
            let Span { start, end, .. } = renderer.snippets.anchor(label.span);
            let (start, length) = (start as usize, (end - start) as usize);
            let text = (!label.text.is_empty()).then(|| harmless(&label.text));
            if primary {
                LabeledSpan::new_primary_with_span(text, (start, length))
            } else {
                LabeledSpan::new_with_span(text, (start, length))
            }
        });
        let labels = labels.collect();
        let source = (!renderer.sources.get(file).text.is_empty()).then(|| renderer.snippets.get(file));
        View { message, severity, source, labels, help: None, related: Vec::new() }
    }
}

impl fmt::Display for View<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl fmt::Debug for View<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for View<'_> {}

impl miette::Diagnostic for View<'_> {
    fn severity(&self) -> Option<miette::Severity> {
        Some(self.severity)
    }

    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.help.as_ref().map(|h| Box::new(h) as Box<dyn fmt::Display>)
    }

    fn source_code(&self) -> Option<&dyn miette::SourceCode> {
        self.source
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        Some(Box::new(self.labels.iter().cloned()))
    }

    fn related<'a>(&'a self) -> Option<Box<dyn Iterator<Item = &'a dyn miette::Diagnostic> + 'a>> {
        Some(Box::new(self.related.iter().map(|v| v as &dyn miette::Diagnostic)))
    }
}

/// miette draws only through `Debug`.
struct Drawn<'a> {
    handler: &'a miette::MietteHandler,
    view: &'a View<'a>,
}

impl fmt::Debug for Drawn<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.handler.debug(self.view, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::Code;
    use crate::source::Source;

    fn draw(text: &str, make: impl Fn(FileId) -> Diagnostic) -> String {
        let mut sources = Sources::default();
        let file = sources.add(Source::new("a.fsched", text));
        Renderer::new(&sources, Screen::page()).report(&[make(file)], 50)
    }

    #[test]
    fn shows_sentence_place_labels_help_and_fix() {
        let text = "let n = 3\nrelern n epochs\n";
        let shown = draw(text, |f| {
            Diagnostic::new(Code::UNKNOWN_STATEMENT, Span::new(f, 10, 16), "no statement is called `relern`")
                .at("not a statement")
                .label(Span::new(f, 4, 5), "n is this")
                .help("did you mean `relearn`?")
                .fix("write `relearn`", Span::new(f, 10, 16), "relearn")
        });
        let expected = "  error[FS0102 unknown-statement]: no statement is called `relern`
   ╭─[a.fsched:2:1]
 1 │ let n = 3
   ·     ┬
   ·     ╰── n is this
 2 │ relern n epochs
   · ───┬──
   ·    ╰── not a statement
   ╰────
  help: did you mean `relearn`?
  fix: write `relearn`

1 error in a.fsched; `fsched explain FS0102` says more
";
        assert_eq!(shown, expected);
    }

    #[test]
    fn an_error_at_the_end_is_drawn_at_the_last_word() {
        for text in ["repeat 5 {", "repeat 5 {\n", "repeat 5 {\n\n  \n"] {
            let shown = draw(text, |f| {
                Diagnostic::new(Code::UNCLOSED, Span::new(f, text.len(), text.len()), "`{` is never closed")
                    .at("expected `}`")
            });
            assert!(shown.contains("╰── expected `}`"), "{shown}");
        }
        let shown = draw("", |f| Diagnostic::new(Code::UNCLOSED, Span::new(f, 0, 0), "an empty file"));
        assert!(shown.contains("an empty file"), "{shown}");
    }

    #[test]
    fn spans_outside_the_text_and_inside_characters_do_no_harm() {
        for (start, end) in [(0, 99), (50, 99), (1, 2), (2, 1), (4, 4)] {
            let shown =
                draw("é漢\n", |f| Diagnostic::new(Code::SYNTAX, Span::new(f, start, end), "odd place").at("here"));
            assert!(shown.contains("odd place") && shown.contains("╰── here"), "{start}..{end}\n{shown}");
        }
    }

    #[test]
    fn escapes_in_source_name_and_message_are_shown_not_sent() {
        let mut sources = Sources::default();
        let file = sources.add(Source::new("a\u{1b}[31m.fsched", "x \u{1b}[2J \u{9b} \u{202e}y\r z\n"));
        let d = Diagnostic::new(Code::SYNTAX, Span::new(file, 0, 1), "bad \u{1b}[1m").at("\u{7}").help("\u{8}");
        let shown = Renderer::new(&sources, Screen::page()).report(&[d], 50);
        assert!(!shown.chars().any(|c| crate::record::screen::is_harmful(c) || c == '\r'), "{shown:?}");
    }

    #[test]
    fn a_label_in_another_file_is_drawn_with_that_file() {
        let mut sources = Sources::default();
        let root = sources.add(Source::new("a.fsched", "use \"b.fsched\"\nlet n = 2\n"));
        let other = sources.add(Source::new("b.fsched", "let n = 1\n"));
        let d = Diagnostic::new(Code::REDEFINED, Span::new(root, 19, 20), "`n` is already defined")
            .label(Span::new(other, 4, 5), "first defined here");
        let shown = Renderer::new(&sources, Screen::page()).report(&[d], 50);
        assert!(shown.contains("[a.fsched:2:5]") && shown.contains("[b.fsched:1:5]"), "{shown}");
        assert!(shown.contains("first defined here"), "{shown}");
    }

    #[test]
    fn of_very_long_lines_only_the_place_is_shown() {
        let text = format!("let a = 1\n{}(é{}\nlet b = 2\n", "x".repeat(50_000), "y".repeat(50_000));
        for (start, end) in [(50_010, 50_011), (50_010, 90_000), (10, 11), (50_000, 100_000)] {
            let shown = draw(&text, |f| {
                Diagnostic::new(Code::SYNTAX, Span::new(f, start, end), "bad")
                    .at("here")
                    .label(Span::new(f, 30, 31), "and here")
            });
            assert!(shown.contains("╰── here") && shown.contains("╰── and here"), "{start}..{end}\n{shown}");
            assert!(shown.lines().all(|l| l.chars().count() < 400), "{start}..{end}\n{shown}");
        }
    }

    #[test]
    fn many_are_capped_and_all_are_counted() {
        let mut sources = Sources::default();
        let file = sources.add(Source::new("a.fsched", "x\n"));
        let one = Diagnostic::new(Code::SYNTAX, Span::new(file, 0, 1), "bad");
        let lint = Diagnostic::new(Code::UNUSED_NAME, Span::new(file, 0, 1), "unused");
        let shown = Renderer::new(&sources, Screen::page()).report(&[vec![one; 60], vec![lint]].concat(), 50);
        assert_eq!(shown.matches("FS0001 syntax-error").count(), 50);
        assert!(
            shown.contains("… and 11 more (`--max-errors 61` shows all)\n60 errors, 1 warning in a.fsched"),
            "{shown}"
        );
    }
}

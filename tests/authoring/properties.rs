//! What holds for every text that somebody may write. Proptest tries it here on random texts, the fuzz targets
//! (`fuzz/`, which include this file) on texts that they find.

use fsched::cli::lines;
use fsched::cli::render::Renderer;
use fsched::diagnostic::{Applicability, Code, Diagnostic, Severity, has_errors};
use fsched::language::fix::fix as fix_all;
use fsched::language::{Analysis, Files, Options, analyze as check, format as canonical};
use fsched::plan::Plan;
use fsched::record::screen::Screen;
use fsched::source::Span;
use std::io;
use std::path::Path;
use std::sync::Arc;

/// A folder with one file and no other.
struct Alone<'t>(&'t str);

const PATH: &str = "under_test.fsched";

impl Files for Alone<'_> {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        match path == Path::new(PATH) {
            true => Ok(self.0.as_bytes().to_vec()),
            false => Err(io::ErrorKind::NotFound.into()),
        }
    }
}

fn analysis(text: &str) -> Analysis {
    check(Path::new(PATH), &Alone(text), &Options::default())
}

fn errors(diagnostics: &[Diagnostic]) -> usize {
    diagnostics.iter().filter(|d| d.severity == Severity::Error).count()
}

/// The analysis comes to an end (in time, says the `-timeout` of fuzzing); its places lie in the text, between characters; what it says can be shown in
/// each form; and there is a program where there is no error.
pub fn analyze(text: &str) {
    let analysis = analysis(text);
    for d in &analysis.diagnostics {
        let labels = d.labels.iter().map(|l| l.span);
        let edits = d.fixes.iter().flat_map(|f| &f.edits).map(|e| e.span);
        for span in labels.chain(edits).chain([d.primary.span]) {
            assert!(fits(span, &analysis), "{span:?} of {d:?}");
        }
        let one_line = |s: &str| !s.is_empty() && !s.contains('\n');
        assert!(one_line(&d.message), "{d:?}");
        let github = lines::github(&analysis.sources, d);
        assert!(one_line(&lines::short(&analysis.sources, d)) && one_line(&github), "{d:?}");
        let json: serde_json::Value = serde_json::from_str(&lines::json(&analysis.sources, d)).expect("this is JSON");
        assert_eq!(json["start"], d.primary.span.start);
    }
    let shown = Renderer::new(&analysis.sources, Screen::page()).report(&analysis.diagnostics, 20);
    assert_eq!(shown.is_empty(), analysis.diagnostics.is_empty());
    assert_eq!(analysis.program.is_none(), has_errors(&analysis.diagnostics));
}

fn fits(span: Span, analysis: &Analysis) -> bool {
    let text = &analysis.sources.get(span.file).text;
    text.get(span.range()).is_some()
}

/// What is no program is refused; else the canonical form has the same characters but for blanks and separators, is its
/// own canonical form, and has the same plan.
pub fn format(text: &str) {
    let formatted = match canonical(text) {
        Ok(formatted) => formatted,
        Err(found) => {
            assert!(found.iter().all(|d| d.code != Code::INTERNAL), "{found:?}");
            return assert!(has_errors(&found) && errors(&analysis(text).diagnostics) > 0, "{found:?}");
        }
    };
    assert_eq!(characters(&formatted), characters(text));
    assert_eq!(canonical(&formatted).as_ref(), Ok(&formatted), "a second time changes it again");
    let (before, after) = (analysis(text), analysis(&formatted));
    assert_eq!(errors(&before.diagnostics), errors(&after.diagnostics), "{formatted}");
    assert_eq!(hash(before), hash(after), "{formatted}");
}

/// Taken from the text by other means than the formatter's.
fn characters(text: &str) -> String {
    text.chars().filter(|c| !c.is_whitespace() && !",;\u{feff}".contains(*c)).collect()
}

fn hash(analysis: Analysis) -> Option<String> {
    Some(Plan::new(Arc::new(analysis.program?), &analysis.sources).hash)
}

/// Fixing comes to an end, leaves nothing undone that it could do, and never adds errors.
pub fn fix(text: &str) {
    let before = errors(&analysis(text).diagnostics);
    for level in [Applicability::Safe, Applicability::Unsafe] {
        let once = fix_all(Path::new(PATH), &Alone(text), &Options::default(), level);
        assert!(errors(&once.analysis.diagnostics) <= before, "{before} errors became more:\n{}", once.text);
        let twice = fix_all(Path::new(PATH), &Alone(&once.text), &Options::default(), level);
        assert_eq!(twice.text, once.text, "it was not at its end");
    }
}

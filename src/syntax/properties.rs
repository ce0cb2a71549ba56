//! What holds for any text: no panic, places in range and nested, repairs that converge, and a stack that suffices. How
//! long it takes is a matter of `benches/authoring`.

use proptest::prelude::*;

use super::tests::{PROGRAMS, safely_fixed};
use super::tree::*;
use super::{MAX_BYTES, dump, parse, parse_expression, parse_in_parts};
use crate::diagnostic::{Code, Diagnostic};
use crate::source::{FileId, Span};

#[path = "../../tests/authoring/fragments.rs"]
mod fragments;

use fragments::FRAGMENTS;

const FILE: FileId = FileId(3);

/// Checks that every span lies in its parent's, on character boundaries.
struct Spans<'t> {
    text: &'t str,
}

impl Spans<'_> {
    fn check(&self, span: Span, parent: Span) {
        assert_eq!(span.file, FILE);
        assert!(
            parent.start <= span.start && span.start <= span.end && span.end <= parent.end,
            "{span:?} in {parent:?}\n{}",
            self.text
        );
        assert!(self.text.get(span.range()).is_some(), "{span:?} is no place in {:?}", self.text);
    }

    fn name(&self, name: &Option<Name>, parent: Span) {
        name.iter().for_each(|n| self.check(n.span, parent));
    }

    fn block(&self, block: &Block, parent: Span) {
        self.check(block.span, parent);
        block.statements.iter().for_each(|s| self.statement(s, block.span));
    }

    fn statement(&self, statement: &Statement, parent: Span) {
        let span = statement.span;
        self.check(span, parent);
        match &statement.kind {
            StatementKind::Simple(s) => self.simple(s, span),
            StatementKind::Let { name, value } => {
                self.check(name.span, span);
                self.expr(value, span);
            }
            StatementKind::Param(p) => {
                self.check(p.name.span, span);
                self.name(&p.annotation, span);
                [Some(&p.default), p.range.as_ref(), p.text.as_ref()]
                    .into_iter()
                    .flatten()
                    .for_each(|e| self.expr(e, span));
            }
            StatementKind::Phase { name, parameters, body } => {
                self.check(name.span, span);
                for p in parameters {
                    self.check(p.span, span);
                    self.check(p.name.span, p.span);
                    self.name(&p.annotation, p.span);
                    p.default.iter().for_each(|e| self.expr(e, p.span));
                }
                self.block(body, span);
            }
            StatementKind::Use { path } => self.expr(path, span),
            StatementKind::Repeat { count, body } => {
                self.expr(count, span);
                body.iter().for_each(|b| self.block(b, span));
            }
            StatementKind::For { variable, list, body } => {
                self.check(variable.span, span);
                self.expr(list, span);
                self.block(body, span);
            }
            StatementKind::If { condition, then, otherwise } => {
                self.expr(condition, span);
                self.block(then, span);
                otherwise.iter().for_each(|b| self.block(b, span));
            }
            StatementKind::Block(b) => self.block(b, span),
            StatementKind::Assignment { simple, .. } => self.simple(simple, span),
            StatementKind::Error => {}
        }
    }

    fn simple(&self, s: &Simple, span: Span) {
        self.check(s.word.span, span);
        self.arguments(&s.arguments, span);
        s.on.iter().for_each(|e| self.expr(e, span));
        [&s.with, &s.block].into_iter().flatten().for_each(|b| self.block(b, span));
        s.otherwise.iter().for_each(|o| self.simple(o, span));
    }

    fn arguments(&self, arguments: &[Argument], parent: Span) {
        for a in arguments {
            self.check(a.span, parent);
            self.name(&a.name, a.span);
            self.expr(&a.value, a.span);
        }
    }

    fn expr(&self, e: &Expr, parent: Span) {
        self.check(e.span, parent);
        match &e.kind {
            ExprKind::Quantity { number, unit } => {
                self.expr(number, e.span);
                self.check(unit.span, e.span);
            }
            ExprKind::Call { callee, arguments } => {
                self.check(callee.span, e.span);
                self.arguments(arguments, e.span);
            }
            ExprKind::Index { base, index } => [base, index].into_iter().for_each(|p| self.expr(p, e.span)),
            ExprKind::Field { base, name } => {
                self.expr(base, e.span);
                self.check(name.span, e.span);
            }
            ExprKind::List(entries) => self.arguments(entries, e.span),
            ExprKind::Range { start, end, .. } => [start, end].into_iter().flatten().for_each(|p| self.expr(p, e.span)),
            ExprKind::Unary { operand, .. } => self.expr(operand, e.span),
            ExprKind::Binary { left, right, .. } => [left, right].into_iter().for_each(|p| self.expr(p, e.span)),
            ExprKind::Paren(inner) => self.expr(inner, e.span),
            ExprKind::Int(_) | ExprKind::Real(_) | ExprKind::Percent(_) | ExprKind::Text(_) | ExprKind::Bool(_) => {}
            ExprKind::Name(_) | ExprKind::Error => {}
        }
    }
}

/// Checks that diagnostics are sorted, can be drawn, and are about places in the text.
fn check_diagnostics(text: &str, diagnostics: &[Diagnostic]) {
    for d in diagnostics {
        let labels = d.labels.iter().map(|l| l.span);
        let edits = d.fixes.iter().flat_map(|f| &f.edits).map(|e| e.span);
        for span in [d.primary.span].into_iter().chain(labels).chain(edits) {
            assert!(span.file == FILE && text.get(span.range()).is_some(), "{d:?}\n{text:?}");
        }
        assert!(!d.message.contains("cannot be read from here"), "the grammar gave up on {text:?}");
        let drawn = d.primary.span.end > d.primary.span.start || text.is_empty();
        assert!(drawn && !d.message.is_empty() && !d.message.contains('\n'), "{d:?}\n{text:?}");
    }
    let starts: Vec<_> = diagnostics.iter().map(|d| d.primary.span.start).collect();
    assert!(starts.windows(2).all(|w| w[0] <= w[1]), "not sorted: {starts:?}");
}

/// Checks all that holds for any text; gives its diagnostics.
fn check(text: &str) -> Vec<Diagnostic> {
    let whole = Span::new(FILE, 0, text.len());
    let spans = Spans { text };
    let (file, diagnostics) = parse(FILE, text);
    file.statements.iter().for_each(|s| spans.statement(s, whole));
    for c in &file.comments {
        assert!(text[c.range()].starts_with('#') && !text[c.range()].ends_with(['\n', '\r']));
    }
    check_diagnostics(text, &diagnostics);
    assert!(!diagnostics.is_empty() || !dump::file(&file).contains("error"), "a silent error in {text:?}");
    // A file is read in parts, and each statement may be one.
    let [whole_file, in_parts] = [usize::MAX, 1].map(|least| format!("{:?}", parse_in_parts(FILE, text, least)));
    assert_eq!(whole_file, in_parts, "{text:?}");
    let (expr, found) = parse_expression(FILE, text);
    spans.expr(&expr, whole);
    check_diagnostics(text, &found);
    diagnostics
}

/// Fragments that find more than single characters do.
fn fragment() -> impl Strategy<Value = String> {
    let common = prop::sample::select(FRAGMENTS);
    prop_oneof![common.prop_map(String::from), any::<char>().prop_map(String::from)]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_is_read(text in ".{0,80}") {
        check(&text);
    }

    #[test]
    fn any_brackets_are_read(text in "[(){}\\[\\];,:= \na1\"]{0,60}") {
        check(&text);
    }

    #[test]
    fn any_fragments_are_read(parts in prop::collection::vec(fragment(), 0..30)) {
        check(&parts.concat());
    }

    #[test]
    fn changed_programs_are_read(
        program in prop::sample::select(PROGRAMS.to_vec()),
        changes in prop::collection::vec((any::<prop::sample::Index>(), 0_usize..6, fragment()), 1..6),
    ) {
        let mut text: Vec<char> = program.chars().collect();
        for (at, removed, put) in changes {
            let at = at.index(text.len() + 1);
            let end = (at + removed).min(text.len());
            text.splice(at..end, put.chars());
        }
        check(&text.into_iter().collect::<String>());
    }

    #[test]
    fn safe_fixes_come_to_an_end(parts in prop::collection::vec(fragment(), 0..20)) {
        let mut text = parts.concat();
        for _ in 0..30 {
            let after = safely_fixed(&text, &check(&text));
            if after == text {
                return Ok(());
            }
            text = after;
        }
        prop_assert!(false, "still changing: {text:?}");
    }
}

/// The codes of a text's diagnostics, read on a small stack.
fn codes(text: &str) -> Vec<Code> {
    let text = text.to_string();
    // As small as that of a thread, so that a depth that nothing stops would overflow it.
    let read = move || parse(FILE, &text).1.iter().map(|d| d.code).collect();
    let worker = std::thread::Builder::new().stack_size(2 << 20).spawn(read);
    worker.expect("a thread starts").join().expect("no text makes the parser panic")
}

#[test]
fn a_megabyte_of_program_is_read() {
    assert_eq!(codes(&PROGRAMS.concat().repeat((1 << 20) / PROGRAMS.concat().len() + 1)), []);
}

#[test]
fn nesting_is_limited_before_it_can_overflow_the_stack() {
    for open in ["(", "[", "{", "x[", "x(", "x[x(", "repeat 5 {", "if x {"] {
        for prefix in ["", "let x = "] {
            assert_eq!(codes(&format!("{prefix}{}", open.repeat(100_000))), [Code::TOO_DEEP], "{open}");
        }
    }
    for (open, close) in [("(", ")"), ("[", "]"), ("x[", "]"), ("x(a: ", ")"), ("- (", ")"), ("not (x and ", ")")] {
        let found = codes(&format!("let x = {}1{}", open.repeat(128), close.repeat(128)));
        assert!(found.iter().all(|c| *c == Code::TOO_DEEP), "{open} {found:?}");
    }
    assert_eq!(codes(&format!("{}train 1{}", "if x { ".repeat(128), " }".repeat(128))), []);
}

#[test]
fn long_chains_are_limited() {
    for (first, link) in [
        ("", "- "),
        ("", "not "),
        ("1", " + 1"),
        ("1", " then 1"),
        ("x", "[0]"),
        ("x", ".y"),
        ("x", " and not x"),
        ("(", "1 + 1)"),
    ] {
        let found = codes(&format!("let x = {first}{}", link.repeat(100_000)));
        assert!((1..=101).contains(&found.len()), "{link} {found:?}");
    }
    assert_eq!(codes(&format!("if x {{ }}{}", " else if x { }".repeat(100_000))), [Code::TOO_DEEP]);
}

#[test]
fn bad_text_is_told_in_so_many_words_only() {
    assert_eq!(codes(&format!("x \"{}\"", "\\q".repeat(1 << 19))).len(), 101);
    assert!(!codes(&format!("x ({})", ";".repeat(1 << 20))).is_empty());
}

#[test]
fn a_text_above_the_limit_is_refused_without_reading_it() {
    assert_eq!(codes(&"train 10\n".repeat(10 * (1 << 20) / 9)), [Code::FILE_TOO_LARGE]);
    assert_eq!(codes(&"(".repeat(MAX_BYTES + 1)), [Code::FILE_TOO_LARGE]);
    assert_eq!(codes(&"train 10 epochs # long enough\n".repeat(MAX_BYTES / 30)), []);
}

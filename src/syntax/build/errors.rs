//! What is said where the grammar's error productions matched.

use pest::iterators::Pair;

use super::Builder;
use crate::diagnostic::{Applicability, Code, Diagnostic};
use crate::source::Span;
use crate::syntax::Rule;
use crate::syntax::describe::{OWN_WORDS, one_of, quoted};
use crate::syntax::report::MAX_ERRORS;
use crate::syntax::tokens::{Token, TokenKind};

impl Builder<'_> {
    pub(super) fn push(&self, diagnostic: Diagnostic) {
        self.report.push(diagnostic);
    }

    /// At this byte of the prepared text, one of `rules` was expected.
    pub(super) fn expected(&self, offset: usize, rules: &[Rule]) {
        self.expected_with(offset, rules, |found| found);
    }

    /// The same, with help or a fix.
    pub(super) fn expected_with(&self, offset: usize, rules: &[Rule], more: impl Fn(Diagnostic) -> Diagnostic) {
        let at = self.part.end(offset);
        if self.blames_opener(at) {
            return;
        }
        let what = one_of(rules);
        let found = match self.place(at) {
            Place::Before(token) => {
                let text = quoted(token.text(self.part.source));
                let span = self.part.token_span(token);
                Diagnostic::new(Code::SYNTAX, span, format!("expected {what}, found {text}"))
            }
            Place::Behind(token) => {
                let text = quoted(token.text(self.part.source));
                let span = self.part.token_span(token);
                Diagnostic::new(Code::SYNTAX, span, format!("expected {what} after {text}"))
            }
            Place::Nowhere => {
                let whole = Span::new(self.part.file, 0, self.part.source.len());
                Diagnostic::new(Code::SYNTAX, whole, format!("expected {what}"))
            }
        };
        if rules.contains(&Rule::lbrace) {
            self.report.block_missing(found.primary.span);
        }
        let label = format!("expected {what}");
        self.push(more(self.habit(found.at(label), rules)));
    }

    /// What stands at a byte of the source, or before it where the line ends there.
    fn place(&self, at: usize) -> Place {
        match self.part.token_at(at) {
            Some(token) if token.kind != TokenKind::Newline => Place::Before(token),
            _ => self.part.token_before(at).map_or(Place::Nowhere, Place::Behind),
        }
    }

    /// Whether what is wrong here comes of a bracket that isn't closed; if so, notes that its closer belongs here.
    pub(super) fn blames_opener(&self, at: usize) -> bool {
        let behind = self.unclosed.partition_point(|(u, _)| u.open < at);
        let nested = crate::syntax::brackets::MAX_DEPTH;
        let inside = self.unclosed[..behind].iter().rev().take(nested).find(|(u, _)| at <= u.closed && u.closer != '}');
        if let Some((_, expected)) = inside {
            expected.set(Some(expected.get().map_or(at, |e| e.min(at))));
        }
        inside.is_some()
    }

    /// Reports the brackets that aren't closed, now that it is known where their closers belong.
    pub fn report_unclosed(&self) {
        for (unclosed, expected) in self.unclosed.iter().filter(|(u, _)| !u.silent).take(MAX_ERRORS + 1) {
            let open = Span::new(self.part.file, unclosed.open, unclosed.open + 1);
            let opener = &self.part.source[open.range()];
            let closer = unclosed.closer;
            let found =
                Diagnostic::new(Code::UNCLOSED, open, format!("this `{opener}` is never closed")).at("opened here");
            let at = expected.get().unwrap_or(unclosed.closed);
            let found = match self.part.token_before(at).filter(|t| t.start as usize > unclosed.open) {
                Some(last) => {
                    let last = self.part.token_span(last);
                    let text = if closer == '}' { "\n}".to_string() } else { closer.to_string() };
                    let found = found.label(last, format!("`{closer}` was expected after this"));
                    found.maybe_fix(format!("close it with `{closer}`"), last.after(), text)
                }
                None => found,
            };
            self.push(found.help(format!("add `{closer}` where it should end")));
        }
    }

    /// Reports what is left of a statement, of which `rules` could have followed.
    pub(super) fn junk(&self, pair: &Pair<Rule>, rules: &[Rule]) {
        let offset = pair.as_span().start();
        let text = pair.as_str().trim_end();
        let span = self.part.span(offset, offset + text.len());
        let first = self.part.token_at(self.part.start(offset)).map_or("", |t| t.text(self.part.source));
        let touching = !self.part.text[..offset].ends_with([' ', '\t', '\n', '\r']);
        if text == ":" {
            let found = Diagnostic::new(Code::FOREIGN_SYNTAX, span, "a block does not begin with `:`");
            return self.push(found.help("write the statements of a block between `{` and `}`"));
        }
        if first == "else" {
            let found = Diagnostic::new(Code::SYNTAX, Span { end: span.start + 4, ..span }, "this `else` has no `if`");
            return self.push(found.help("`else` follows the `}` of an `if`, or the condition of a `guard`"));
        }
        let value_touches = touching && text.starts_with(|c: char| c.is_alphanumeric() || "\"([_".contains(c));
        if value_touches && rules.contains(&Rule::argument) {
            let found =
                Diagnostic::new(Code::SYNTAX, self.first_token(offset), "arguments stand apart from each other");
            let found = found.help("put a blank or a comma before this");
            let brackets = text.starts_with(['(', '[']);
            return self.push(match brackets {
                true => found.maybe_fix("put a blank before it", span.before(), " "),
                false => found.fix("put a blank before it", span.before(), " "),
            });
        }
        self.expected_with(offset, rules, |found| match self.continued_from(offset) {
            _ if first == ":" && rules == [Rule::equals] => {
                found.help("a type is written in `param`: `param n: Int = 3`")
            }
            Some(last) => found.label(last, "the statement goes on after this"),
            None => found,
        });
    }

    /// The end of the line above, if it is why the statement goes on at this byte of the prepared text.
    fn continued_from(&self, offset: usize) -> Option<Span> {
        let at = self.part.start(offset) as u32;
        let tokens = self.part.tokens();
        let before = &tokens[..tokens.partition_point(|t| t.start < at)];
        let line = before.iter().rposition(|t| t.kind == TokenKind::Newline)?;
        let first = tokens[line + 1].text(self.part.source);
        let last = before[..line].iter().rev().find(|t| t.is_code())?;
        let text = last.text(self.part.source);
        let goes_on = last.kind == TokenKind::Symbol || ["in", "then", "and", "or", "not"].contains(&text);
        (goes_on && text != ";" && !OWN_WORDS.contains(&first)).then(|| self.part.token_span(*last))
    }

    /// Span of the token at a byte of the prepared text.
    fn first_token(&self, offset: usize) -> Span {
        let at = self.part.start(offset);
        self.part.token_at(at).map_or(Span::new(self.part.file, at, at), |t| self.part.token_span(t))
    }

    /// Reports a statement that doesn't begin like one.
    pub(super) fn unreadable(&self, offset: usize, text: &str) {
        let span = self.first_token(offset);
        let first = &self.part.source[span.range()];
        let found = |message: String| Diagnostic::new(Code::SYNTAX, span, message);
        let help = "a statement begins with a word, such as `train 10`";
        self.push(match first {
            "else" => found("this `else` has no `if`".into())
                .help("`else` follows the `}` of an `if`, or the condition of a `guard`"),
            "with" => found("this `with` has no step".into())
                .help("`with { … }` stands on the line of its step: `relearn 10 with { optimizer adam(lr: 1e-3) }`"),
            "on" | "in" | "then" | "and" | "or" | "not" => {
                found(format!("`{first}` cannot begin a statement")).help(help)
            }
            "-" if text.contains(':') => {
                Diagnostic::new(Code::FOREIGN_SYNTAX, span, "statements are not listed with `-`")
                    .help("write each statement on its own line")
                    .maybe_fix("remove it", span, "")
            }
            _ if first.starts_with(|c: char| c.is_ascii_digit()) && text.len() < 40 => {
                found(format!("expected a statement, found {}", quoted(first)))
                    .help(format!("a statement begins with a word, such as `train {}`", text.trim()))
            }
            _ => found(format!("expected a statement, found {}", quoted(first))).help(help),
        });
    }

    /// Reports a block that doesn't stand on the line of its header; `open` is how it begins there. Behind a step it may
    /// have been meant as a block of its own.
    pub(super) fn misplaced_block(&self, header: Span, block: Span, open: &str) {
        let brace = Span { end: block.start + 1, ..block };
        let source = self.part.source;
        let line = source[..brace.start as usize].rfind('\n').map_or(0, |n| n + 1);
        let alone = source[line..brace.start as usize].trim().is_empty();
        let rest = &source[brace.end as usize..];
        let ends_line = rest.trim_start_matches([' ', '\t', '\r']).starts_with('\n');
        // The brace's line goes with it where nothing else stands on it.
        let removed = match (alone, ends_line) {
            (true, true) => Span::new(brace.file, line, brace.end as usize + rest.find('\n').map_or(0, |n| n + 1)),
            _ => brace,
        };
        let edit = |span: Span, text: &str| crate::diagnostic::Edit { span, text: text.to_string() };
        let edits = vec![edit(header.after(), &format!(" {open}")), edit(removed, "")];
        let found =
            Diagnostic::new(Code::MISPLACED_BLOCK, brace, "this block does not stand on the line of its header");
        let found =
            found.label(header, "the header ends here").help(format!("write `{open}` behind the header, on its line"));
        let sureness = if open == "{" { Applicability::Safe } else { Applicability::Unsafe };
        self.push(found.with_fix(format!("write `{open}` on the header's line"), sureness, edits));
    }
}

enum Place {
    Before(Token),
    Behind(Token),
    Nowhere,
}

//! Makes brackets balance before the grammar reads them: blames the opener of what isn't closed, guesses where the
//! closer was meant, takes away stray closers, and limits the depth, so that recursion behind it stays shallow.

use super::prepare::{Repair, TooDeep, Unclosed};
use super::report::Report;
use super::tokens::{TextForm, Token, TokenKind};
use crate::diagnostic::{Code, Diagnostic};
use crate::source::{FileId, Span};

/// How deep brackets may be nested.
pub const MAX_DEPTH: usize = 128;

/// How many tokens of a line are looked at to guess whether a bracket is closed later; keeps guessing linear.
const LOOK_AHEAD: usize = 100;

/// What balances a text.
#[derive(Default)]
pub struct Balance {
    pub repairs: Vec<Repair>,
    pub unclosed: Vec<Unclosed>,
    diagnostics: Vec<Diagnostic>,
}

/// Balances; what is unclosed is reported by the caller once it knows from the grammar where the closer belongs.
pub fn balance(file: FileId, source: &str, tokens: &[Token], report: &Report) -> Result<Balance, TooDeep> {
    let mut found = Walk::new(file, source, tokens, false).run()?;
    if !found.diagnostics.is_empty() || !found.unclosed.is_empty() {
        // Where the count of braces is off, indentation knows better which one lacks its partner.
        let by_indent = Walk::new(file, source, tokens, true).run()?;
        let mistakes = |b: &Balance| b.unclosed.len() + b.diagnostics.len();
        if mistakes(&by_indent) <= mistakes(&found) {
            found = by_indent;
        }
    }
    found.diagnostics.drain(..).for_each(|d| report.push(d));
    Ok(found)
}

struct Open {
    token: usize,
    closer: char,
    /// `{` where only a list can be meant.
    dictionary: bool,
}

struct Walk<'w> {
    file: FileId,
    source: &'w str,
    tokens: &'w [Token],
    by_indent: bool,
    stack: Vec<Open>,
    found: Balance,
}

impl<'w> Walk<'w> {
    fn new(file: FileId, source: &'w str, tokens: &'w [Token], by_indent: bool) -> Self {
        Walk { file, source, tokens, by_indent, stack: Vec::new(), found: Balance::default() }
    }

    fn run(mut self) -> Result<Balance, TooDeep> {
        for i in 0..self.tokens.len() {
            match (self.tokens[i].kind, self.text(i)) {
                (TokenKind::Open, "{") => self.open_brace(i),
                (TokenKind::Open, open) => {
                    let closer = if open == "(" { ')' } else { ']' };
                    self.stack.push(Open { token: i, closer, dictionary: false });
                }
                (TokenKind::Close, "}") => self.close_brace(i),
                (TokenKind::Close, _) => self.close(i),
                (TokenKind::Symbol, ";") => self.semicolon(i),
                _ => {}
            }
            if self.stack.len() > MAX_DEPTH {
                return Err(TooDeep { at: self.tokens[i].start as usize });
            }
        }
        while !self.stack.is_empty() {
            self.unclosed(self.tokens.len());
        }
        Ok(self.found)
    }

    fn text(&self, i: usize) -> &'w str {
        self.tokens.get(i).map_or("", |t| t.text(self.source))
    }

    fn span(&self, i: usize) -> Span {
        let token = self.tokens[i];
        Span::new(self.file, token.start as usize, token.end as usize)
    }

    /// The last token of code before token `i`.
    fn code_before(&self, i: usize) -> Option<usize> {
        self.tokens[..i].iter().rposition(|t| t.is_code())
    }

    /// Bytes of blanks that begin the line on which token `i` stands.
    fn indent(&self, i: usize) -> usize {
        let start = self.tokens[i].start as usize;
        let line = self.source[..start].rfind('\n').map_or(0, |n| n + 1);
        let text = &self.source[line..start];
        text.len() - text.trim_start_matches([' ', '\t']).len()
    }

    fn starts_line(&self, i: usize) -> bool {
        i == 0 || self.tokens[i - 1].kind == TokenKind::Newline
    }

    fn top_is_brace(&self) -> bool {
        self.stack.last().is_none_or(|open| open.closer == '}')
    }

    fn open_brace(&mut self, i: usize) {
        if !self.top_is_brace() {
            let before = self.code_before(i).map_or("", |b| self.text(b));
            if ["(", "[", ",", ":", "="].contains(&before) {
                return self.dictionary(i);
            }
            while !self.top_is_brace() {
                self.unclosed(i);
            }
        }
        self.stack.push(Open { token: i, closer: '}', dictionary: false });
    }

    /// `{a: 1}` in a call, as other languages write it; read as `[a: 1]`.
    fn dictionary(&mut self, i: usize) {
        let found = Diagnostic::new(Code::FOREIGN_SYNTAX, self.span(i), "there are no values in braces here");
        self.found.diagnostics.push(found.help("names with values are written `[projector: 2e-5]`"));
        self.replace(i, "[");
        self.stack.push(Open { token: i, closer: ']', dictionary: true });
    }

    fn replace(&mut self, i: usize, text: &str) {
        let token = self.tokens[i];
        self.found.repairs.push(Repair { start: token.start as usize, end: token.end as usize, text: text.into() });
    }

    fn close_brace(&mut self, i: usize) {
        if self.stack.last().is_some_and(|open| open.dictionary) {
            self.stack.pop();
            return self.replace(i, "]");
        }
        let Some(brace) = self.stack.iter().rposition(|open| open.closer == '}') else {
            while !self.stack.is_empty() {
                self.unclosed(i);
            }
            return self.stray(i);
        };
        while self.stack.len() > brace + 1 {
            self.unclosed(i);
        }
        if self.by_indent && self.starts_line(i) {
            self.close_dedented(i);
        }
        self.stack.pop();
    }

    /// Closes blocks that are indented deeper than the one whose `}` this seems to be.
    fn close_dedented(&mut self, i: usize) {
        let column = self.indent(i);
        let partner = self.stack.iter().rposition(|open| open.closer == '}' && self.indent(open.token) == column);
        if let Some(partner) = partner {
            while self.stack.len() > partner + 1 {
                self.unclosed(i);
            }
        }
    }

    fn close(&mut self, i: usize) {
        let closer = self.text(i).chars().next().unwrap_or(')');
        let block = self.stack.iter().rposition(|open| open.closer == '}').map_or(0, |b| b + 1);
        if let Some(partner) = self.stack[block..].iter().rposition(|open| open.closer == closer && !open.dictionary) {
            while self.stack.len() > block + partner + 1 {
                self.unclosed(i);
            }
            self.stack.pop();
        } else if self.stack.len() > block && !self.closes_later(i, block) {
            self.wrong_closer(i);
        } else {
            self.stray(i);
        }
    }

    /// Whether the rest of the line holds a closer for the innermost bracket.
    fn closes_later(&self, i: usize, block: usize) -> bool {
        let Some(open) = self.stack[block..].last() else { return false };
        let mut depth = 0_usize;
        for token in self.tokens[i + 1..].iter().take(LOOK_AHEAD).take_while(|t| t.kind != TokenKind::Newline) {
            match (token.kind, token.text(self.source)) {
                (TokenKind::Open, _) => depth += 1,
                (TokenKind::Close, text) if depth == 0 => return text.starts_with(open.closer),
                (TokenKind::Close, _) => depth -= 1,
                _ => {}
            }
        }
        false
    }

    fn wrong_closer(&mut self, i: usize) {
        let Some(open) = self.stack.pop() else { return };
        let (wrong, right) = (self.text(i), open.closer);
        let found = Diagnostic::new(
            Code::STRAY_CLOSER,
            self.span(i),
            format!("`{wrong}` does not close `{}`", self.text(open.token)),
        );
        let found = found.label(self.span(open.token), "opened here").help(format!("write `{right}`"));
        self.found.diagnostics.push(found.fix(format!("write `{right}`"), self.span(i), right.to_string()));
        self.replace(i, &right.to_string());
    }

    fn stray(&mut self, i: usize) {
        let closer = self.text(i);
        let found = Diagnostic::new(Code::STRAY_CLOSER, self.span(i), format!("this `{closer}` closes nothing"));
        self.found.diagnostics.push(found.help("remove it, or open the bracket it should close").maybe_fix(
            "remove it",
            self.span(i),
            "",
        ));
        self.replace(i, if closer == "}" { ";" } else { " " });
    }

    fn semicolon(&mut self, i: usize) {
        if self.top_is_brace() {
            return;
        }
        if self.closes_later(i, 0) {
            let found = Diagnostic::new(Code::SYNTAX, self.span(i), "expected `,`, found `;`");
            self.found.diagnostics.push(found.help("in brackets, things are separated by `,`").fix(
                "write `,`",
                self.span(i),
                ",",
            ));
            return self.replace(i, ",");
        }
        while !self.top_is_brace() {
            self.unclosed(i);
        }
    }

    /// The innermost bracket is not closed before token `limit`: closes it where that was probably meant.
    fn unclosed(&mut self, limit: usize) {
        let Some(open) = self.stack.pop() else { return };
        let (start, is_brace) = (self.tokens[open.token].start as usize, open.closer == '}');
        let last = if is_brace { self.brace_end(open.token, limit) } else { self.line_end(open.token, limit) };
        let mut at = last.map_or(start + 1, |t| self.tokens[t].end as usize);
        if let Some(inner) = self.found.unclosed.iter().rev().take_while(|u| u.open > start).map(|u| u.closed).max() {
            at = at.max(inner);
        }
        let silent = self.tokens[open.token..last.unwrap_or(open.token) + 1]
            .iter()
            .any(|t| t.kind == TokenKind::Text(TextForm::Unterminated));
        let text = if is_brace { "\n}".to_string() } else { open.closer.to_string() };
        self.found.repairs.push(Repair { start: at, end: at, text });
        let silent = silent || open.dictionary;
        self.found.unclosed.push(Unclosed { open: start, closed: at, closer: open.closer, silent });
    }

    /// The last token before the closer of a round or square bracket was probably meant: the end of the first line
    /// that doesn't ask for another.
    fn line_end(&self, open: usize, limit: usize) -> Option<usize> {
        let mut depth = 0_usize;
        let mut last = open;
        for i in open + 1..limit {
            match self.tokens[i].kind {
                TokenKind::Newline if depth == 0 && !self.asks_for_more(last) => break,
                TokenKind::Open => depth += 1,
                TokenKind::Close => depth = depth.saturating_sub(1),
                _ => {}
            }
            if self.tokens[i].is_code() {
                last = i;
            }
        }
        Some(last)
    }

    /// Whether a line that ends with this token goes on.
    fn asks_for_more(&self, i: usize) -> bool {
        let words = ["in", "then", "and", "or", "not"];
        match self.tokens[i].kind {
            TokenKind::Open => true,
            TokenKind::Symbol => self.text(i) != "%" && self.text(i) != ";",
            _ => words.contains(&self.text(i)),
        }
    }

    /// The last token before a `}` was probably meant: before the first line that is indented no deeper, else the end.
    fn brace_end(&self, open: usize, limit: usize) -> Option<usize> {
        let column = self.indent(open);
        let mut line_seen = false;
        let end = (open + 1..limit).find(|i| {
            line_seen |= self.tokens[*i].kind == TokenKind::Newline;
            self.by_indent
                && line_seen
                && self.starts_line(*i)
                && self.tokens[*i].is_code()
                && self.indent(*i) <= column
        });
        let end = end.unwrap_or(limit);
        // Behind a comment too, so that the closer doesn't become part of it.
        self.tokens[..end].iter().rposition(|t| t.kind != TokenKind::Newline)
    }
}

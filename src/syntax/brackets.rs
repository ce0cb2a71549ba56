//! Makes brackets balance before the grammar reads them: blames the opener of what isn't closed, guesses where the
//! closer was meant, takes away stray closers, and limits the depth, so that recursion behind it stays shallow.

use super::prepare::{Repair, TooDeep, Unclosed};
use super::report::{MAX_ERRORS, Report};
use super::tokens::{TextForm, Token, TokenKind};
use crate::diagnostic::{Code, Diagnostic};
use crate::source::{FileId, Span};

/// How deep brackets may be nested.
pub const MAX_DEPTH: usize = 128;

/// How many tokens of a line are looked at to guess whether a bracket is closed later; keeps guessing linear.
const LOOK_AHEAD: usize = 100;

/// How many tokens behind a mistake are looked at to tell what it was.
const MOST_COMPARED: usize = 400;

/// How to read a closer that does not close the innermost bracket.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    /// the brackets within its own are never closed
    Unclosed,
    /// it stands for the closer of the innermost
    Wrong,
    /// it closes nothing
    Stray,
}

/// What balances a text.
#[derive(Default)]
pub struct Balance {
    pub repairs: Vec<Repair>,
    pub unclosed: Vec<Unclosed>,
    diagnostics: Vec<Diagnostic>,
    mistakes: usize,
}

/// Balances; what is unclosed is reported by the caller once it knows from the grammar where the closer belongs.
pub fn balance(file: FileId, source: &str, tokens: &[Token], report: &Report) -> Result<Balance, TooDeep> {
    let mut found = Walk::new(file, source, tokens, false).run()?;
    if found.mistakes > 0 {
        // Where the count of braces is off, indentation knows better which one lacks its partner.
        let by_indent = Walk::new(file, source, tokens, true).run()?;
        if by_indent.mistakes <= found.mistakes {
            found = by_indent;
        }
    }
    found.diagnostics.drain(..).for_each(|d| report.push(d));
    Ok(found)
}

struct Open {
    token: usize,
    closer: char,
    /// Bytes of blanks that begin its line.
    indent: usize,
    /// `{` where only a list can be meant.
    dictionary: bool,
}

struct Walk<'w> {
    file: FileId,
    source: &'w str,
    tokens: &'w [Token],
    by_indent: bool,
    /// Byte at which the line begins that has been reached.
    line: usize,
    stack: Vec<Open>,
    /// For each token that opened a bracket, the byte behind what closed it; 0 for the others.
    ends: Vec<u32>,
    found: Balance,
}

impl<'w> Walk<'w> {
    fn new(file: FileId, source: &'w str, tokens: &'w [Token], by_indent: bool) -> Self {
        let ends = vec![0; tokens.len()];
        Walk { file, source, tokens, by_indent, line: 0, stack: Vec::new(), ends, found: Balance::default() }
    }

    fn run(mut self) -> Result<Balance, TooDeep> {
        for i in 0..self.tokens.len() {
            match (self.tokens[i].kind, self.text(i)) {
                (TokenKind::Open, "{") => self.open_brace(i),
                (TokenKind::Open, "(") => self.open(i, ')', false),
                (TokenKind::Open, _) => self.open(i, ']', false),
                (TokenKind::Newline, _) => self.line = self.tokens[i].end as usize,
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

    /// Keeps a diagnostic, if it is among the first.
    fn say(&mut self, diagnostic: impl FnOnce(&Self) -> Diagnostic) {
        self.found.mistakes += 1;
        if self.found.diagnostics.len() <= MAX_ERRORS {
            let diagnostic = diagnostic(self);
            self.found.diagnostics.push(diagnostic);
        }
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

    fn open(&mut self, i: usize, closer: char, dictionary: bool) {
        let indent = self.indent(self.line);
        self.stack.push(Open { token: i, closer, indent, dictionary });
    }

    /// Takes the innermost bracket, which token `i` closes.
    fn pop(&mut self, i: usize) -> Option<Open> {
        let open = self.stack.pop()?;
        self.ends[open.token] = self.tokens[i].end;
        Some(open)
    }

    /// The tokens from `from` up to `limit`, without what stands in brackets that begin among them.
    fn outside_brackets(&self, from: usize, limit: usize) -> impl Iterator<Item = usize> {
        let mut inside = 0;
        (from..limit).filter(move |i| {
            let outside = self.tokens[*i].start >= inside;
            if outside {
                inside = self.ends[*i];
            }
            outside
        })
    }

    /// Bytes of blanks that begin the line at a byte.
    fn indent(&self, line: usize) -> usize {
        self.source[line..].bytes().take_while(|b| [b' ', b'\t'].contains(b)).count()
    }

    /// The same for the line that token `i` is the first of.
    fn column(&self, i: usize) -> usize {
        self.indent(i.checked_sub(1).map_or(0, |newline| self.tokens[newline].end as usize))
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
            if self.closes_later(i, 0) {
                return self.brace_in_brackets(i);
            }
            while !self.top_is_brace() {
                self.unclosed(i);
            }
        }
        self.open(i, '}', false);
    }

    /// `{a: 1}` in a call, as other languages write it; read as `[a: 1]`.
    fn dictionary(&mut self, i: usize) {
        self.say(|walk| {
            Diagnostic::new(Code::FOREIGN_SYNTAX, walk.span(i), "there are no values in braces here")
                .help("names with values are written `[projector: 2e-5]`")
        });
        self.replace(i, "[");
        self.open(i, ']', true);
    }

    /// A lone `{` in brackets that are closed behind it.
    fn brace_in_brackets(&mut self, i: usize) {
        self.say(|walk| {
            Diagnostic::new(Code::STRAY_CLOSER, walk.span(i), "no block begins within brackets")
                .help("remove the `{`, or close the brackets before it")
                .maybe_fix("remove it", walk.span(i), "")
        });
        self.replace(i, " ");
    }

    fn replace(&mut self, i: usize, text: &str) {
        let token = self.tokens[i];
        self.found.repairs.push(Repair { start: token.start as usize, end: token.end as usize, text: text.into() });
    }

    fn close_brace(&mut self, i: usize) {
        if self.stack.last().is_some_and(|open| open.dictionary) {
            self.pop(i);
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
        } else if self.by_indent && (self.tokens[self.stack[brace].token].start as usize) < self.line {
            // Well-set programs end blocks of several lines at the start of a line.
            return self.stray(i);
        }
        self.pop(i);
    }

    /// Closes blocks that are indented deeper than the one whose `}` this seems to be.
    fn close_dedented(&mut self, i: usize) {
        let column = self.indent(self.line);
        let partner = self.stack.iter().rposition(|open| open.closer == '}' && open.indent == column);
        if let Some(partner) = partner {
            while self.stack.len() > partner + 1 {
                self.unclosed(i);
            }
        }
    }

    fn close(&mut self, i: usize) {
        let closer = self.text(i).chars().next().unwrap_or(')');
        let block = self.stack.iter().rposition(|open| open.closer == '}').map_or(0, |b| b + 1);
        let partner = self.stack[block..].iter().rposition(|open| open.closer == closer && !open.dictionary);
        match partner {
            Some(partner) if block + partner + 1 == self.stack.len() => drop(self.pop(i)),
            Some(partner) => match self.cheapest(i, block, Some(partner)) {
                Way::Unclosed => {
                    while self.stack.len() > block + partner + 1 {
                        self.unclosed(i);
                    }
                    self.pop(i);
                }
                Way::Wrong => self.wrong_closer(i),
                Way::Stray => self.stray(i),
            },
            None if self.stack.len() > block && self.cheapest(i, block, None) == Way::Wrong => self.wrong_closer(i),
            None => self.stray(i),
        }
    }

    /// The way to read a closer that is not the innermost bracket's: the one with which the brackets behind it need the
    /// fewest mistakes.
    fn cheapest(&self, i: usize, block: usize, partner: Option<usize>) -> Way {
        if self.found.mistakes > MAX_ERRORS {
            return if partner.is_some() { Way::Unclosed } else { Way::Wrong };
        }
        let open: Vec<char> = self.stack[block..].iter().map(|open| open.closer).collect();
        let inner = &open[..open.len() - 1];
        let mut ways =
            vec![(1 + self.mistakes_behind(i, inner), Way::Wrong), (1 + self.mistakes_behind(i, &open), Way::Stray)];
        if let Some(partner) = partner {
            let unclosed = open.len() - partner - 1;
            ways.insert(0, (unclosed + self.mistakes_behind(i, &open[..partner]), Way::Unclosed));
        }
        // Of equals the first.
        ways.into_iter().min_by_key(|(mistakes, _)| *mistakes).map_or(Way::Stray, |(_, way)| way)
    }

    /// How many round and square brackets don't match behind token `i`, up to where these are closed or a block begins
    /// or ends, if each closer takes the nearest opener of its kind.
    fn mistakes_behind(&self, i: usize, open: &[char]) -> usize {
        let mut open = open.to_vec();
        let mut mistakes = 0;
        for (behind, token) in self.tokens[i + 1..].iter().take(MOST_COMPARED).enumerate() {
            if open.is_empty() && token.kind == TokenKind::Newline && self.begins_statement(i + behind + 2) {
                break;
            }
            match (token.kind, token.text(self.source)) {
                (TokenKind::Open | TokenKind::Close, "{" | "}") | (TokenKind::Symbol, ";") => break,
                (TokenKind::Open, "(") => open.push(')'),
                (TokenKind::Open, _) => open.push(']'),
                (TokenKind::Close, closer) => match open.iter().rposition(|o| closer.starts_with(*o)) {
                    Some(partner) => {
                        mistakes += open.len() - partner - 1;
                        open.truncate(partner);
                    }
                    None => mistakes += 1,
                },
                _ => {}
            }
        }
        mistakes + open.len()
    }

    /// Whether a statement is likely to begin with token `i`: a word, and a blank before what it takes.
    fn begins_statement(&self, i: usize) -> bool {
        let kind = |i: usize| self.tokens.get(i).map(|t| t.kind);
        let apart = self.tokens.get(i + 1).is_none_or(|next| self.tokens[i].end < next.start);
        let takes = [Some(TokenKind::Word), Some(TokenKind::Number), Some(TokenKind::Open)].contains(&kind(i + 1));
        kind(i) == Some(TokenKind::Word) && apart && takes
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
        let Some(open) = self.pop(i) else { return };
        let (wrong, right) = (self.text(i), open.closer);
        self.say(|walk| {
            let message = format!("`{wrong}` does not close `{}`", walk.text(open.token));
            Diagnostic::new(Code::STRAY_CLOSER, walk.span(i), message)
                .label(walk.span(open.token), "opened here")
                .help(format!("write `{right}`"))
                .fix(format!("write `{right}`"), walk.span(i), right.to_string())
        });
        self.replace(i, &right.to_string());
    }

    fn stray(&mut self, i: usize) {
        let closer = self.text(i);
        self.say(|walk| {
            let found = Diagnostic::new(Code::STRAY_CLOSER, walk.span(i), format!("this `{closer}` closes nothing"))
                .help("remove it, or open the bracket it should close")
                .maybe_fix("remove it", walk.span(i), "");
            match walk.header_of(i) {
                Some(header) => {
                    let opener = match closer {
                        ")" => "(",
                        "]" => "[",
                        _ => "{",
                    };
                    found.label(walk.span(header), format!("is the `{opener}` of this missing?"))
                }
                None => found,
            }
        });
        let next = self.tokens[i + 1..].iter().find(|t| t.is_code()).map_or("", |t| t.text(self.source));
        self.replace(i, if closer == "}" && next != "else" { ";" } else { " " });
    }

    /// The first token of the line that a stray closer seems to end what began on: the last one above with the
    /// indentation of the closer's own line, which holds nothing before it but other closers.
    fn header_of(&self, i: usize) -> Option<usize> {
        let line = self.tokens[..i].iter().rposition(|t| t.kind == TokenKind::Newline)? + 1;
        if self.tokens[line..i].iter().any(|t| t.kind != TokenKind::Close) {
            return None;
        }
        let i = line;
        let column = self.column(i);
        let is_line = |t: &usize| self.tokens[*t].is_code() && self.starts_line(*t) && self.column(*t) <= column;
        let header = (0..i).rev().find(is_line)?;
        let line_end = self.tokens[header..i].iter().position(|t| t.kind == TokenKind::Newline)?;
        let inner = self.tokens[header + line_end..i].iter().any(|t| t.is_code());
        (inner && self.tokens[header].kind == TokenKind::Word && self.column(header) == column).then_some(header)
    }

    fn semicolon(&mut self, i: usize) {
        if self.top_is_brace() {
            return;
        }
        if self.closes_later(i, 0) {
            self.say(|walk| {
                Diagnostic::new(Code::SYNTAX, walk.span(i), "expected `,`, found `;`")
                    .help("in brackets, things are separated by `,`")
                    .maybe_fix("write `,`", walk.span(i), ",")
            });
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
        let last = if is_brace { self.brace_end(&open, limit) } else { self.line_end(open.token, limit) };
        // Behind what was opened in it and is closed at the same place.
        let end = self.tokens[last].end as usize;
        let later = self.found.unclosed.iter().rev().take_while(|u| u.open > start);
        let at = later.filter(|u| u.open < end).map(|u| u.closed).fold(end, usize::max);
        let mut within = self.tokens[open.token..].iter().take_while(|t| (t.start as usize) < at);
        let silent = within.any(|t| t.kind == TokenKind::Text(TextForm::Unterminated));
        self.ends[open.token] = at as u32;
        let text = if is_brace { "\n}".to_string() } else { open.closer.to_string() };
        self.found.mistakes += 1;
        self.found.repairs.push(Repair { start: at, end: at, text });
        let silent = silent || open.dictionary;
        self.found.unclosed.push(Unclosed { open: start, closed: at, closer: open.closer, silent });
    }

    /// The last token before the closer of a round or square bracket was probably meant: the end of the first line
    /// that doesn't ask for another.
    fn line_end(&self, open: usize, limit: usize) -> usize {
        let mut last = open;
        for i in self.outside_brackets(open + 1, limit) {
            if self.tokens[i].kind == TokenKind::Newline && !self.asks_for_more(last) {
                break;
            }
            if self.tokens[i].is_code() {
                last = self.last_of(i);
            }
        }
        last
    }

    /// The last token of the brackets that token `i` opens; the token itself if it opens none.
    fn last_of(&self, i: usize) -> usize {
        match self.ends[i] {
            0 => i,
            end => i + self.tokens[i..].partition_point(|t| t.start < end).saturating_sub(1),
        }
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
    fn brace_end(&self, open: &Open, limit: usize) -> usize {
        let mut line_seen = false;
        let end = self.outside_brackets(open.token + 1, limit).find(|i| {
            line_seen |= self.tokens[*i].kind == TokenKind::Newline;
            let begins_line = line_seen && self.starts_line(*i) && self.tokens[*i].is_code();
            self.by_indent && begins_line && self.column(*i) <= open.indent
        });
        // Behind a comment too, so that the closer doesn't become part of it.
        let before = &self.tokens[..end.unwrap_or(limit)];
        before.iter().rposition(|t| t.kind != TokenKind::Newline).unwrap_or(open.token)
    }
}

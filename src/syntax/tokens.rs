//! A quick reading of a text into tokens, before the grammar sees it. It never fails, and serves two ends: finding and
//! repairing what is wrong below the level of the grammar, and naming what stands at a place.

/// What a token is; blanks are none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenKind {
    Word,
    /// Starts with a digit, or with `.` and a digit; takes letters, dots and a `%` that touch it.
    Number,
    Text(TextForm),
    /// `#` up to the line end.
    Comment,
    /// `//` up to the line end, or `--` where it cannot be arithmetic.
    ForeignLineComment,
    /// `/* … */`
    ForeignBlockComment,
    Newline,
    /// `(` `[` `{`
    Open,
    /// `)` `]` `}`
    Close,
    /// Operators and punctuation, the foreign ones too.
    Symbol,
    /// A character that means nothing outside strings and comments.
    Bad,
}

/// How a string is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TextForm {
    /// `"…"`
    Plain,
    /// `"…` with no end on its line; the token ends where the end was probably meant.
    Unterminated,
    /// `'…'` or in typographic quotes.
    OtherQuotes,
}

/// A token and its bytes.
#[derive(Clone, Copy, Debug)]
pub struct Token {
    pub kind: TokenKind,
    pub start: u32,
    pub end: u32,
}

impl Token {
    /// What it says in `text`.
    pub fn text(self, text: &str) -> &str {
        &text[self.start as usize..self.end as usize]
    }

    /// Whether it is neither comment nor newline.
    pub fn is_code(self) -> bool {
        use TokenKind::*;
        !matches!(self.kind, Comment | ForeignLineComment | ForeignBlockComment | Newline)
    }
}

/// How many bytes of a line are looked at to guess what `//` means.
const LOOK_AHEAD: usize = 200;

/// Longest first.
const SYMBOLS: [&str; 26] = [
    "..=", "...", "===", "!==", "..", "&&", "||", "**", "++", "--", ":=", "+=", "-=", "*=", "/=", "->", "=>", "==",
    "!=", "<=", ">=", "<>", "//", "=<", "!", "|",
];

const SINGLE_SYMBOLS: &str = "+-*/&<>=:,.;%";

/// Typographic and single quotes, each with those that may close it.
const OTHER_QUOTES: [(char, &str); 7] =
    [('\'', "'’"), ('“', "”“\""), ('”', "”\""), ('„', "“”\""), ('‘', "’'"), ('’', "’'"), ('«', "»")];

/// The tokens of `text` in order.
pub fn tokens(text: &str) -> Vec<Token> {
    let tokens = Vec::with_capacity(text.len() / 4);
    let mut lexer = Lexer { text, at: 0, line_end: 0, closes_blocks: true, depth: 0, tokens };
    while lexer.at < text.len() {
        lexer.token();
    }
    lexer.tokens
}

/// Whether a name may begin with it.
pub fn starts_name(c: char) -> bool {
    c == '_' || c.is_alphabetic()
}

/// Whether a name may go on with it.
pub fn continues_name(c: char) -> bool {
    c == '_' || c.is_alphanumeric()
}

/// Length of a text up to and with the first of `closers` that no backslash stands before.
fn unescaped(text: &str, closers: &str) -> Option<usize> {
    let mut escaped = false;
    for (i, c) in text.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            c if closers.contains(c) => return Some(i + c.len_utf8()),
            _ => {}
        }
    }
    None
}

struct Lexer<'t> {
    text: &'t str,
    at: usize,
    /// Where the line ends that was last asked for.
    line_end: usize,
    /// Whether there may be a `*/` ahead.
    closes_blocks: bool,
    /// Open round and square brackets; only a guess.
    depth: usize,
    tokens: Vec<Token>,
}

impl<'t> Lexer<'t> {
    fn rest(&self) -> &'t str {
        &self.text[self.at..]
    }

    fn push(&mut self, kind: TokenKind, length: usize) {
        self.tokens.push(Token { kind, start: self.at as u32, end: (self.at + length) as u32 });
        self.at += length;
    }

    /// The rest of the line, without its end. Each line is searched once, so that long ones take linear time.
    fn line(&mut self) -> &'t str {
        let text = self.text;
        if self.line_end < self.at || (self.line_end == self.at && self.at == 0) {
            self.line_end = text[self.at..].find(['\n', '\r']).map_or(text.len(), |i| self.at + i);
        }
        &text[self.at..self.line_end]
    }

    fn token(&mut self) {
        let rest = self.rest();
        let Some(c) = rest.chars().next() else { return };
        match c {
            ' ' | '\t' => self.at += 1,
            '\r' if rest.starts_with("\r\n") => self.push(TokenKind::Newline, 2),
            '\n' => self.push(TokenKind::Newline, 1),
            '\u{feff}' if self.at == 0 => self.at += c.len_utf8(),
            '#' => {
                let length = self.line().len();
                self.push(TokenKind::Comment, length);
            }
            '"' => self.plain_text(),
            '(' | '[' | '{' => {
                self.depth += usize::from(c != '{');
                self.push(TokenKind::Open, 1);
            }
            ')' | ']' | '}' => {
                self.depth = if c == '}' { 0 } else { self.depth.saturating_sub(1) };
                self.push(TokenKind::Close, 1);
            }
            _ if c.is_ascii_digit() || (c == '.' && rest[1..].starts_with(|c: char| c.is_ascii_digit())) => {
                self.number()
            }
            _ if starts_name(c) => self.push(TokenKind::Word, rest.find(|c| !continues_name(c)).unwrap_or(rest.len())),
            _ => self.symbol(c),
        }
    }

    /// As greedy as the grammar's rule `number`.
    fn number(&mut self) {
        let bytes = self.rest().as_bytes();
        let digit = |i: usize| bytes.get(i).is_some_and(u8::is_ascii_digit);
        let dot = |i: usize| bytes.get(i) == Some(&b'.') && bytes.get(i + 1) != Some(&b'.');
        let mut end = 1;
        while digit(end) || dot(end) || bytes.get(end) == Some(&b'_') {
            end += 1;
        }
        if matches!(bytes.get(end), Some(b'e' | b'E'))
            && matches!(bytes.get(end + 1), Some(b'+' | b'-'))
            && digit(end + 2)
        {
            end += 2;
        }
        loop {
            match self.rest()[end..].chars().next() {
                Some(c) if continues_name(c) => end += c.len_utf8(),
                Some('.') if dot(end) => end += 1,
                _ => break,
            }
        }
        let percent = usize::from(self.rest()[end..].starts_with('%'));
        self.push(TokenKind::Number, end + percent);
    }

    fn plain_text(&mut self) {
        let line = self.line();
        if let Some(length) = unescaped(&line[1..], "\"") {
            return self.push(TokenKind::Text(TextForm::Plain), 1 + length);
        }
        // The end was probably meant before the closers and commas that end the line.
        let meant = line[1..].trim_end_matches([')', ']', ',', ';', '{', '}', ' ', '\t']).len() + 1;
        self.push(TokenKind::Text(TextForm::Unterminated), meant);
    }

    fn symbol(&mut self, first: char) {
        let rest = self.rest();
        if let Some((_, closers)) = OTHER_QUOTES.iter().find(|(open, _)| *open == first) {
            let start = first.len_utf8();
            return match unescaped(&self.line()[start..], closers) {
                Some(length) => self.push(TokenKind::Text(TextForm::OtherQuotes), start + length),
                None => self.push(TokenKind::Bad, start),
            };
        }
        if rest.starts_with("/*") {
            let length = self.block_comment();
            return self.push(TokenKind::ForeignBlockComment, length);
        }
        if (rest.starts_with("//") && !self.divides()) || (rest.starts_with("--") && self.separates()) {
            let length = self.line().len();
            return self.push(TokenKind::ForeignLineComment, length);
        }
        match SYMBOLS.iter().find(|s| rest.starts_with(**s)) {
            Some(symbol) => self.push(TokenKind::Symbol, symbol.len()),
            None if SINGLE_SYMBOLS.contains(first) => self.push(TokenKind::Symbol, 1),
            None => self.push(TokenKind::Bad, first.len_utf8()),
        }
    }

    /// Length of the block comment here; without an end it takes its line.
    fn block_comment(&mut self) -> usize {
        let end = if self.closes_blocks { self.rest()[2..].find("*/") } else { None };
        self.closes_blocks = end.is_some();
        end.map_or_else(|| self.line().len(), |i| i + 4)
    }

    /// Whether the `//` here looks like a division: in brackets, between things, with a closer to come on the line.
    fn divides(&mut self) -> bool {
        let line = self.line();
        let closes = line.bytes().take(LOOK_AHEAD).any(|b| b == b')' || b == b']');
        self.depth > 0 && closes && self.tokens.last().is_some_and(|t| t.is_code())
    }

    /// Whether the `--` here looks like the start of a comment: first on its line or after a blank, before a
    /// blank, outside of brackets.
    fn separates(&self) -> bool {
        let before = self.text[..self.at].chars().next_back();
        self.depth == 0
            && before.is_none_or(char::is_whitespace)
            && self.rest()[2..].starts_with([' ', '\t', '\r', '\n'])
    }
}

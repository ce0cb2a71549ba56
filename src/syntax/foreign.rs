//! Habits from other languages, and characters and strings that mean nothing here: each is told by name, with what to
//! type, and repaired so that what stands around it can be read.

use super::prepare::Repair;
use super::report::Report;
use super::tokens::{TextForm, Token, TokenKind};
use super::{characters, digits, strings};
use crate::diagnostic::{Applicability, Code, Diagnostic, Edit};
use crate::source::{FileId, Span};

/// Reports what is foreign below the level of the grammar, and says how to read it; also the bytes at which that is a
/// mere guess.
pub fn repairs(file: FileId, source: &str, tokens: &[Token], report: &Report) -> (Vec<Repair>, Vec<usize>) {
    let mut pass = Pass { file, source, tokens, report, repairs: Vec::new(), guesses: Vec::new(), depth: 0 };
    for i in 0..tokens.len() {
        pass.token(i);
    }
    (pass.repairs, pass.guesses)
}

/// One walk over the tokens.
pub struct Pass<'p> {
    pub file: FileId,
    pub source: &'p str,
    pub tokens: &'p [Token],
    pub report: &'p Report,
    pub repairs: Vec<Repair>,
    /// Where a repair only guesses, so that the statement there should not be judged.
    pub guesses: Vec<usize>,
    /// Open round and square brackets; only a guess.
    pub depth: usize,
}

/// Values other languages write with a capital.
const CAPITALS: [(&str, &str); 3] = [("True", "true"), ("False", "false"), ("None", "none")];

/// Words that begin statements elsewhere: the word, what it is here, and how it is read on.
const STATEMENTS: [(&str, &str, &str); 11] = [
    ("def", "phase", "a named piece of schedule is written `phase name(share: Share) { … }`"),
    ("fn", "phase", "a named piece of schedule is written `phase name(share: Share) { … }`"),
    ("func", "phase", "a named piece of schedule is written `phase name(share: Share) { … }`"),
    ("function", "phase", "a named piece of schedule is written `phase name(share: Share) { … }`"),
    ("import", "use", "another file's declarations are brought in by `use \"file.fsched\"`"),
    ("include", "use", "another file's declarations are brought in by `use \"file.fsched\"`"),
    ("var", "let", "a name is bound by `let name = value`, once"),
    ("const", "let", "a name is bound by `let name = value`, once"),
    ("elif", "else if", "write `else if`"),
    ("elseif", "else if", "write `else if`"),
    ("while", "if", "write `repeat until clean > 90% max: 20 { … }`, or `repeat 5 { … }` for a number of times"),
];

/// Whether a word of another language is read as this one of ours, where it begins a statement.
pub fn is_read_as(word: &str, here: &str) -> bool {
    STATEMENTS.iter().any(|(foreign, ours, _)| *ours == here && *foreign == word)
}

/// Operators of other languages: what is written, how it is read here, whether writing that is a fix, and help.
const OPERATORS: [(&str, &str, Option<Applicability>, &str); 15] = [
    ("&&", "and", Some(Applicability::Safe), "conditions are joined by `and`"),
    ("||", "or", Some(Applicability::Safe), "conditions are joined by `or`"),
    ("===", "==", Some(Applicability::Safe), "`==` compares"),
    ("!==", "!=", Some(Applicability::Safe), "`!=` compares"),
    ("<>", "!=", Some(Applicability::Safe), "`!=` compares"),
    ("=<", "<=", Some(Applicability::Safe), "`<=` compares"),
    ("!", "not", Some(Applicability::Safe), "a condition is turned round by `not`"),
    ("//", "/", Some(Applicability::Unsafe), "`/` divides"),
    ("=>", ">=", Some(Applicability::Unsafe), "`>=` compares; `:` gives a named argument its value"),
    ("...", "..", Some(Applicability::Unsafe), "`0..5` goes up to 4, `0..=5` up to 5"),
    ("|", "+", Some(Applicability::Unsafe), "`a + b` is the union of two selectors, `or` joins conditions"),
    ("->", ":", Some(Applicability::Unsafe), "a named argument is written `name: value`"),
    ("**", "*", None, "there are no powers: write the number, or multiply"),
    ("++", "+", None, "names never change their value; `+` adds"),
    ("--", "-", Some(Applicability::Unsafe), "names never change their value; `-` subtracts"),
];

impl Pass<'_> {
    fn token(&mut self, i: usize) {
        let token = self.tokens[i];
        match token.kind {
            TokenKind::Open => self.depth += usize::from(self.text(i) != "{"),
            TokenKind::Close => self.depth = if self.text(i) == "}" { 0 } else { self.depth.saturating_sub(1) },
            TokenKind::Word => self.word(i),
            TokenKind::Symbol => self.symbol(i),
            TokenKind::Number => digits::point(self, i),
            TokenKind::Text(TextForm::Plain) | TokenKind::Comment | TokenKind::Newline => {}
            TokenKind::Text(TextForm::Unterminated) => strings::unterminated(self, token),
            TokenKind::Text(TextForm::OtherQuotes) => strings::other_quotes(self, token),
            TokenKind::ForeignLineComment => self.line_comment(i),
            TokenKind::ForeignBlockComment => self.block_comment(i),
            TokenKind::Bad => characters::bad(self, i),
        }
    }

    /// What the `i`th token says; nothing behind the last.
    pub fn text(&self, i: usize) -> &str {
        self.tokens.get(i).map_or("", |t| t.text(self.source))
    }

    /// Where a token stands in its file.
    pub fn span(&self, token: Token) -> Span {
        Span::new(self.file, token.start as usize, token.end as usize)
    }

    /// Reads `text` in place of the token.
    pub fn repair(&mut self, token: Token, text: impl Into<String>) {
        self.repairs.push(Repair { start: token.start as usize, end: token.end as usize, text: text.into() });
    }

    /// Whether the tokens `i` and `i + 1` touch.
    pub fn touches_next(&self, i: usize) -> bool {
        self.tokens.get(i + 1).is_some_and(|next| next.start == self.tokens[i].end)
    }

    fn touches_previous(&self, i: usize) -> bool {
        i > 0 && self.touches_next(i - 1)
    }

    /// Kind of the token before, if it stands on the same line.
    fn kind_before(&self, i: usize) -> Option<TokenKind> {
        i.checked_sub(1).map(|p| self.tokens[p].kind).filter(|k| *k != TokenKind::Newline)
    }

    /// Whether a value may begin with the token.
    fn starts_value(&self, i: usize) -> bool {
        use TokenKind::*;
        self.tokens.get(i).is_some_and(|t| matches!(t.kind, Word | Number | Text(_)))
            || ["(", "["].contains(&self.text(i))
    }

    fn starts_statement(&self, i: usize) -> bool {
        self.depth == 0 && (self.kind_before(i).is_none() || [";", "{", "}"].contains(&self.text(i - 1)))
    }

    fn word(&mut self, i: usize) {
        let token = self.tokens[i];
        let word = self.text(i).to_string();
        let next = self.text(i + 1).to_string();
        if let Some((_, here)) = CAPITALS.iter().find(|(w, _)| *w == word)
            && ![":", "=", "."].contains(&next.as_str())
        {
            let message = format!("`{word}` is written `{here}` here");
            let found = Diagnostic::new(Code::FOREIGN_SYNTAX, self.span(token), message);
            let found = found.help(format!("write `{here}`"));
            // `none` stands for few things: where arguments are in brackets or have names, it may be one of them.
            let argument = self.depth > 0 || i > 0 && [":", "="].contains(&self.text(i - 1));
            let sureness = if word == "None" && !argument { Applicability::Unsafe } else { Applicability::Safe };
            let edit = Edit { span: self.span(token), text: here.to_string() };
            self.report.push(found.with_fix(format!("write `{here}`"), sureness, vec![edit]));
            self.repair(token, *here);
        }
        let foreign = STATEMENTS.iter().find(|(w, ..)| *w == word);
        if let Some((_, here, help)) = foreign
            && self.starts_statement(i)
            && self
                .tokens
                .get(i + 1)
                .is_some_and(|t| matches!(t.kind, TokenKind::Word | TokenKind::Text(_) | TokenKind::Open))
        {
            let found = Diagnostic::new(Code::FOREIGN_SYNTAX, self.span(token), format!("there is no `{word}` here"))
                .help(*help);
            let title = format!("write `{here}`");
            self.report.push(match word.as_str() {
                "while" => found,
                "import" | "include" if !next.starts_with('"') => found,
                "elif" | "elseif" => found.fix(title, self.span(token), *here),
                _ => found.maybe_fix(title, self.span(token), *here),
            });
            self.repair(token, *here);
        }
    }

    fn symbol(&mut self, i: usize) {
        let token = self.tokens[i];
        match self.text(i) {
            "%" => self.percent(i),
            "," => digits::commas(self, i),
            ":=" => self.walrus(i),
            "+=" | "-=" | "*=" | "/=" => {
                let found = Diagnostic::new(
                    Code::FOREIGN_SYNTAX,
                    self.span(token),
                    format!("there is no `{}` here", self.text(i)),
                );
                self.report.push(found.help("names never change their value: bind a new one with `let`"));
                self.repair(token, "=");
            }
            "!" if !self.starts_value(i + 1) => characters::bad(self, i),
            symbol => {
                if let Some((written, here, fix, help)) = OPERATORS.iter().find(|(w, ..)| *w == symbol) {
                    self.operator(i, written, here, *fix, help);
                }
            }
        }
    }

    fn operator(&mut self, i: usize, written: &str, here: &str, fix: Option<Applicability>, help: &str) {
        let token = self.tokens[i];
        let is_word = here.starts_with(char::is_alphabetic);
        let before = if is_word && self.touches_previous(i) { " " } else { "" };
        let after = if is_word && self.touches_next(i) { " " } else { "" };
        let text = format!("{before}{here}{after}");
        let found = Diagnostic::new(Code::FOREIGN_SYNTAX, self.span(token), format!("there is no `{written}` here"));
        let found = found.help(help);
        let edit = Edit { span: self.span(token), text: text.clone() };
        self.report.push(match fix {
            Some(applicability) => found.with_fix(format!("write `{here}`"), applicability, vec![edit]),
            None => found,
        });
        self.repair(token, text);
    }

    /// A `%` that doesn't touch a number, as in `30 %`.
    fn percent(&mut self, i: usize) {
        let token = self.tokens[i];
        let after_number = self.kind_before(i) == Some(TokenKind::Number) && !self.text(i - 1).ends_with('%');
        if !after_number || self.tokens.get(i + 1).is_some_and(|t| t.kind == TokenKind::Number) {
            let found = Diagnostic::new(Code::FOREIGN_SYNTAX, self.span(token), "`%` is no operator here");
            self.report.push(found.help("`%` makes a share of the number it touches, as in `30%`"));
            return self.repair(token, if after_number { "/" } else { " " });
        }
        let number = self.tokens[i - 1];
        let gap = Span::new(self.file, number.end as usize, token.start as usize);
        let whole = self.span(number).to(self.span(token));
        let text = format!("{}%", self.text(i - 1));
        let found =
            Diagnostic::new(Code::BAD_NUMBER, whole, "`%` must touch its number").help(format!("write `{text}`"));
        self.report.push(found.fix(format!("write `{text}`"), gap, ""));
        self.repairs.push(Repair { start: gap.start as usize, end: gap.end as usize, text: String::new() });
    }

    /// `:=`, which is `=` after `let`, `:` in a call, and `let … =` elsewhere.
    fn walrus(&mut self, i: usize) {
        let token = self.tokens[i];
        let found = Diagnostic::new(Code::FOREIGN_SYNTAX, self.span(token), "there is no `:=` here");
        if self.depth > 0 {
            let found = found.help("a named argument is written `name: value`");
            self.report.push(found.fix("write `:`", self.span(token), ":"));
            return self.repair(token, ":");
        }
        let found = found.help("a name is bound by `let name = value`");
        let mut edits = vec![Edit { span: self.span(token), text: "=".into() }];
        if i > 0 && self.tokens[i - 1].kind == TokenKind::Word && self.starts_statement(i - 1) {
            let name = self.tokens[i - 1];
            edits.insert(0, Edit { span: self.span(name).before(), text: "let ".into() });
            self.repairs.push(Repair { start: name.start as usize, end: name.start as usize, text: "let ".into() });
        }
        self.report.push(found.with_fix("write `let` and `=`", Applicability::Safe, edits));
        self.repair(token, "=");
    }

    fn line_comment(&mut self, i: usize) {
        let token = self.tokens[i];
        let mark = Span::new(self.file, token.start as usize, token.start as usize + 2);
        let message = format!("`{}` does not start a comment here", &token.text(self.source)[..2]);
        let found = Diagnostic::new(Code::FOREIGN_SYNTAX, mark, message).help("a comment starts with `#`");
        self.report.push(match self.may_calculate(i) {
            true => found.maybe_fix("write `#`", mark, "#"),
            false => found.fix("write `#`", mark, "#"),
        });
        self.repair(token, " ");
    }

    /// Whether what seems a comment may be an operator and its right side: `7 // 2`, or a word where a name is bound.
    fn may_calculate(&self, i: usize) -> bool {
        let after_value = match self.kind_before(i) {
            Some(TokenKind::Number | TokenKind::Word) => true,
            Some(TokenKind::Close) => self.text(i - 1) != "}",
            _ => false,
        };
        let behind = self.tokens[i].text(self.source)[2..].trim();
        let line = (0..i).rev().take_while(|p| self.tokens[*p].kind != TokenKind::Newline);
        let bound = || line.into_iter().any(|p| self.text(p) == "=");
        after_value
            && (behind.starts_with(|c: char| c.is_ascii_digit() || c == '(') || !behind.contains(' ') && bound())
    }

    fn block_comment(&mut self, i: usize) {
        let token = self.tokens[i];
        let text = token.text(self.source).to_string();
        let mark = Span::new(self.file, token.start as usize, token.start as usize + 2);
        let found = Diagnostic::new(Code::FOREIGN_SYNTAX, mark, "there are no block comments here");
        let found = found.help("start each line of the comment with `#`");
        let ends_line = self.tokens.get(i + 1).is_none_or(|t| t.kind == TokenKind::Newline);
        let inner = text.strip_prefix("/*").and_then(|t| t.strip_suffix("*/"));
        self.report.push(match inner.filter(|t| ends_line && !t.contains('\n')) {
            Some(inner) => {
                let comment = format!("#{}", inner.trim_end());
                found.fix("write it with `#`", self.span(token), comment)
            }
            None => found,
        });
        self.repair(token, if text.contains('\n') { "\n" } else { " " });
    }
}

//! What is being typed: the statement, calls and arguments around a place, read from the tokens before it. The tree of a
//! half-typed text ends where it breaks; this doesn't.

use crate::language::statements;
use crate::syntax::tokens::{TextForm, Token, TokenKind, continues_name, tokens};

/// What may stand at the cursor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// in a comment
    Comment,
    /// in a text in quotes that begins at this byte
    Text(usize),
    /// a statement may begin
    Statement,
    /// an argument may begin: a value, or a name with its colon
    Argument,
    /// a value must follow: behind `:`, `=` or an operator
    Value,
    /// behind a number, where a unit may stand; in a statement also the next argument
    Unit,
    /// behind a value in brackets, where only an operator or a comma may stand
    Operator,
    /// behind `base.`
    Field,
    /// a new name is being made up: behind `let`
    NewName,
}

/// What the cursor is inside of, from the statement inwards.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    Statement,
    /// `callee(`
    Call,
    /// `[` of a list
    List,
    /// `(` around a value
    Group,
    /// `[` behind what it indexes
    Index,
}

/// A part of a statement that no argument is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clause {
    Arguments,
    /// behind `on`
    On,
    /// behind `in`
    In,
    /// behind the `=` of a declaration
    Default,
    /// behind the `:` of a declaration
    Type,
    /// behind the `else` of a `guard`
    Otherwise,
}

/// One statement or bracket around the cursor.
#[derive(Clone, Debug)]
pub struct Level<'t> {
    pub form: Form,
    /// the statement's word, what is called, or what is indexed
    pub callee: &'t str,
    /// where it stands
    pub at: usize,
    /// arguments before the one at the cursor: their names
    pub before: Vec<Option<&'t str>>,
    /// the name of the one at the cursor
    pub name: Option<&'t str>,
    pub clause: Clause,
    /// tokens of the argument at the cursor
    current: Vec<Token>,
    /// behind a comma or at the start, where an argument is yet to begin
    fresh: bool,
}

/// A place in a text.
#[derive(Clone, Debug)]
pub struct Cursor<'t> {
    pub offset: usize,
    /// where the word begins that is being typed
    pub start: usize,
    pub state: State,
    /// the statement and the brackets around the place; empty where a statement may begin
    pub levels: Vec<Level<'t>>,
    /// the innermost block is that of a `with`
    pub in_with: bool,
    /// the word of the statement that the innermost block belongs to; empty outside of all, and for a `with`
    pub host: &'t str,
    /// in the block of an `every` or `when`, or of a phase, which may be called there
    pub in_trigger: bool,
    /// blocks around the place
    pub depth: usize,
    /// the whole statement is behind a `phase name`
    pub in_parameters: bool,
}

impl<'t> Cursor<'t> {
    /// Reads `text` from the start of a statement, `from`, to `offset`; both lie between characters.
    pub fn new(text: &'t str, from: usize, offset: usize) -> Cursor<'t> {
        let before = &text[from..offset];
        let mut all: Vec<Token> = tokens(before);
        all.iter_mut().for_each(|t| {
            t.start += from as u32;
            t.end += from as u32;
        });
        let last = all.last().copied();
        let special = last.filter(|t| t.end as usize == offset).and_then(|t| match t.kind {
            TokenKind::Comment => Some(State::Comment),
            TokenKind::Text(TextForm::Unterminated) => Some(State::Text(t.start as usize)),
            _ => None,
        });
        // An unterminated text ends where it was probably meant to; up to the cursor it is all text.
        let open = last.filter(|t| t.kind == TokenKind::Text(TextForm::Unterminated)).map(|t| t.start as usize);
        let special = special.or(open.filter(|s| !text[*s..offset].contains('\n')).map(State::Text));
        let prefix = match (special, last) {
            (None, Some(t)) if t.kind == TokenKind::Word && t.end as usize == offset => t.text(text),
            _ => "",
        };
        if special.is_some() || !prefix.is_empty() {
            all.pop();
        }
        let mut reader = Reader::new(text);
        reader.read(&all);
        let start = offset - prefix.len();
        let state = special.unwrap_or_else(|| reader.state(start));
        reader.finish(Cursor {
            offset,
            start,
            state,
            levels: Vec::new(),
            in_with: false,
            host: "",
            in_trigger: false,
            depth: 0,
            in_parameters: false,
        })
    }

    /// The innermost level.
    pub fn level(&self) -> Option<&Level<'t>> {
        self.levels.last()
    }
}

/// The word that holds a byte, or ends there: its bytes.
pub fn word_at(text: &str, offset: usize) -> std::ops::Range<usize> {
    let before = text[..offset].char_indices().rev().take_while(|(_, c)| continues_name(*c)).last();
    let start = before.map_or(offset, |(i, _)| i);
    let after = text[offset..].find(|c| !continues_name(c)).map_or(text.len(), |i| offset + i);
    start..after
}

/// What a bracket interrupted.
struct Outer<'t> {
    bracket: char,
    /// a block of a `with`
    with: bool,
    /// the word of the statement that a block belongs to
    host: &'t str,
    level: Option<Level<'t>>,
}

struct Reader<'t> {
    text: &'t str,
    stack: Vec<Outer<'t>>,
    /// the statement or bracket that is being read; `None` where a statement may begin
    level: Option<Level<'t>>,
    /// the last token but blanks, newlines and comments
    last: Option<Token>,
    /// the word of the statement whose `with { … }` ends there, behind which its block may stand
    behind_with: &'t str,
}

impl<'t> Level<'t> {
    fn new(form: Form, callee: &'t str, at: usize) -> Level<'t> {
        Level {
            form,
            callee,
            at,
            before: Vec::new(),
            name: None,
            clause: Clause::Arguments,
            current: Vec::new(),
            fresh: true,
        }
    }

    /// Nothing of an argument is written yet.
    pub fn is_empty(&self) -> bool {
        self.current.is_empty() && self.before.is_empty()
    }

    fn next_argument(&mut self) {
        if !self.current.is_empty() || self.name.is_some() {
            self.before.push(self.name.take());
        }
        self.current.clear();
        self.fresh = true;
    }

    fn push(&mut self, token: Token) {
        self.current.push(token);
        self.fresh = false;
    }
}

impl<'t> Reader<'t> {
    fn new(text: &'t str) -> Reader<'t> {
        Reader { text, stack: Vec::new(), level: None, last: None, behind_with: "" }
    }

    fn read(&mut self, all: &[Token]) {
        for (i, token) in all.iter().enumerate() {
            match token.kind {
                TokenKind::Newline => self.newline(&all[i + 1..]),
                TokenKind::Open => self.open(*token),
                TokenKind::Close => self.close(*token),
                TokenKind::Symbol if token.text(self.text) == ";" && self.in_block() => self.level = None,
                _ if token.is_code() => self.code(*token),
                _ => {}
            }
            if token.is_code() {
                self.last = Some(*token);
            }
            if token.kind != TokenKind::Close {
                self.behind_with = "";
            }
        }
    }

    fn in_block(&self) -> bool {
        self.stack.last().is_none_or(|o| o.bracket == '{')
    }

    /// A newline ends a statement, unless it is in brackets or behind what must go on. Brackets that are still open
    /// where a statement's word stands on the next line were forgotten.
    fn newline(&mut self, rest: &[Token]) {
        if !self.in_block() {
            // Of several newlines the last decides, which is next to what follows: blank lines are not read again and again.
            if rest.iter().find(|t| t.is_code() || t.kind == TokenKind::Newline).is_none_or(|t| !t.is_code()) {
                return;
            }
            let mut rest = rest.iter().filter(|t| t.is_code());
            let (first, second) = (rest.next(), rest.next());
            let starts = first.is_some_and(|t| statements::find(t.text(self.text)).is_some());
            let argument = second.is_some_and(|t| [":", "=", ",", ".", "(", ")", "]"].contains(&t.text(self.text)));
            if !starts || argument {
                return;
            }
            while !self.in_block() {
                self.stack.pop();
            }
            self.level = None;
            return;
        }
        let goes_on = |t: Token| matches!(t.text(self.text), "," | ":" | "=" | "in") || is_infix(t.text(self.text));
        if !self.last.is_some_and(goes_on) {
            self.level = None;
        }
    }

    fn open(&mut self, token: Token) {
        let bracket = token.text(self.text).chars().next().unwrap_or('(');
        if bracket == '{' {
            let with =
                self.level.as_ref().is_some_and(|l| l.current.last().is_some_and(|t| t.text(self.text) == "with"));
            let host = self.level.as_ref().map_or(self.behind_with, |l| if with { "" } else { l.callee });
            self.stack.push(Outer { bracket, with, host, level: self.level.take() });
            return;
        }
        let touched = self.touched(token);
        let inner = match (bracket, touched) {
            ('(', Some(callee)) => Level::new(Form::Call, callee.text(self.text), callee.start as usize),
            ('[', Some(base)) => Level::new(Form::Index, base.text(self.text), base.start as usize),
            ('(', None) => Level::new(Form::Group, "", token.start as usize),
            _ => Level::new(Form::List, "", token.start as usize),
        };
        if touched.is_none() {
            self.begin_argument(token);
        }
        if let Some(level) = &mut self.level {
            level.push(token);
        }
        self.stack.push(Outer { bracket, with: false, host: "", level: self.level.take() });
        self.level = Some(inner);
    }

    /// The word that a bracket touches: the last of the argument, or the statement's own.
    fn touched(&self, bracket: Token) -> Option<Token> {
        let level = self.level.as_ref()?;
        match level.current.last() {
            Some(last) => {
                (last.end == bracket.start && matches!(last.kind, TokenKind::Word | TokenKind::Close)).then_some(*last)
            }
            None => {
                let end = level.at + level.callee.len();
                let word = Token { kind: TokenKind::Word, start: level.at as u32, end: end as u32 };
                (level.form == Form::Statement && level.fresh && end == bracket.start as usize).then_some(word)
            }
        }
    }

    fn close(&mut self, token: Token) {
        let opener = match token.text(self.text) {
            ")" => '(',
            "]" => '[',
            _ => '{',
        };
        if !self.stack.iter().any(|o| o.bracket == opener) {
            return;
        }
        while let Some(outer) = self.stack.pop() {
            self.level = outer.level;
            if outer.bracket == opener {
                self.behind_with = self.level.as_ref().filter(|_| outer.with).map_or("", |l| l.callee);
                break;
            }
        }
        match &mut self.level {
            Some(level) if opener != '{' => level.push(token),
            // Only `else` may follow a block in its statement, and it begins like one.
            _ => self.level = None,
        }
    }

    fn code(&mut self, token: Token) {
        let text = token.text(self.text);
        let Some(level) = &mut self.level else {
            self.level = Some(Level::new(Form::Statement, text, token.start as usize));
            return;
        };
        let declares = level.form == Form::Statement && matches!(level.callee, "let" | "param" | "for");
        let first = level.form == Form::Statement && level.fresh;
        match text {
            "until" if first && level.callee == "repeat" => level.callee = "repeat until",
            "else" if level.form == Form::Statement && level.callee == "guard" => {
                level.turn(Clause::Otherwise);
                level.before.clear();
            }
            "," => level.next_argument(),
            ":" if declares && level.clause == Clause::Arguments => level.turn(Clause::Type),
            "=" if declares => level.turn(Clause::Default),
            "in" if declares => level.turn(Clause::In),
            "on" if level.form == Form::Statement && !level.fresh => level.turn(Clause::On),
            ":" | "=" => level.colon(token, self.text),
            _ => {
                self.begin_argument(token);
                if let Some(level) = &mut self.level {
                    level.push(token);
                }
            }
        }
    }

    /// In a statement, a value behind a value begins the next argument.
    fn begin_argument(&mut self, token: Token) {
        let Some(level) = &mut self.level else { return };
        let Some(last) = level.current.last().copied() else { return };
        let apart = last.end < token.start;
        let unit = takes_unit(last, self.text) && token.kind == TokenKind::Word;
        let operand = !is_infix(token.text(self.text)) && token.kind != TokenKind::Symbol;
        if level.form == Form::Statement && apart && operand && !unit && ends_value(last, self.text) {
            level.next_argument();
        }
    }

    /// What may stand behind all that was read, in a word that begins at `start`.
    fn state(&self, start: usize) -> State {
        let Some(level) = &self.level else { return State::Statement };
        let statement = level.form == Form::Statement;
        if statement && matches!(level.callee, "let" | "param" | "for" | "phase") && level.clause == Clause::Arguments {
            return if level.current.is_empty() { State::NewName } else { State::Operator };
        }
        let Some(last) = level.current.last() else {
            let begins = level.name.is_none() && level.clause == Clause::Arguments;
            let argument = begins && matches!(level.form, Form::Statement | Form::Call);
            return if argument { State::Argument } else { State::Value };
        };
        let apart = (last.end as usize) < start;
        match last.text(self.text) {
            "." => State::Field,
            _ if !ends_value(*last, self.text) => State::Value,
            _ if takes_unit(*last, self.text) && apart => State::Unit,
            _ if statement && apart && level.clause == Clause::Arguments => State::Argument,
            _ => State::Operator,
        }
    }

    fn finish(self, mut cursor: Cursor<'t>) -> Cursor<'t> {
        cursor.in_with = self.stack.iter().rev().find(|o| o.bracket == '{').is_some_and(|o| o.with);
        let blocks = || self.stack.iter().rev().filter(|o| o.bracket == '{').map(|o| o.host);
        cursor.host = blocks().next().unwrap_or_default();
        cursor.in_trigger = blocks().any(|host| matches!(host, "every" | "when" | "phase"));
        cursor.depth = self.stack.iter().filter(|o| o.bracket == '{').count();
        let behind_block = self.stack.iter().rposition(|o| o.bracket == '{').map_or(0, |i| i + 1);
        cursor.levels = self.stack.into_iter().skip(behind_block).filter_map(|o| o.level).chain(self.level).collect();
        cursor.in_parameters = cursor.levels.first().is_some_and(|l| l.callee == "phase") && cursor.levels.len() > 1;
        if cursor.state == State::Argument
            && let Some(level) = cursor.levels.last_mut()
            && !level.current.is_empty()
        {
            level.next_argument();
        }
        cursor
    }
}

impl<'t> Level<'t> {
    /// The word before the colon is the name of an argument; what stands before that word is another one.
    fn colon(&mut self, colon: Token, text: &'t str) {
        match self.current.pop() {
            Some(word) if word.kind == TokenKind::Word => {
                if !self.current.is_empty() {
                    self.next_argument();
                }
                self.name = Some(word.text(text));
                self.fresh = false;
            }
            other => {
                self.current.extend(other);
                self.push(colon);
            }
        }
    }

    fn turn(&mut self, clause: Clause) {
        self.clause = clause;
        self.name = None;
        self.current.clear();
        self.fresh = false;
    }
}

fn is_infix(text: &str) -> bool {
    const INFIX: [&str; 16] =
        ["+", "-", "*", "/", "&", "<", "<=", ">", ">=", "==", "!=", "..", "..=", "then", "and", "or"];
    INFIX.contains(&text) || matches!(text, "not" | "." | "with")
}

fn takes_unit(token: Token, text: &str) -> bool {
    token.kind == TokenKind::Number && !token.text(text).ends_with('%')
}

fn ends_value(token: Token, text: &str) -> bool {
    match token.kind {
        TokenKind::Word => !is_infix(token.text(text)),
        TokenKind::Number | TokenKind::Text(_) | TokenKind::Close => true,
        _ => false,
    }
}

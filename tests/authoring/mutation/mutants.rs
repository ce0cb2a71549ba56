//! Programs with one mistake: each token deleted, doubled, swapped with the next, misspelt.

use std::collections::HashSet;
use std::fmt;
use std::ops::Range;

/// One way to spoil a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Mistake {
    Delete,
    Duplicate,
    Swap,
    Misspell,
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Mistake::Delete => "delete",
            Mistake::Duplicate => "duplicate",
            Mistake::Swap => "swap",
            Mistake::Misspell => "misspell",
        })
    }
}

/// What a token is, for figures by kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// the first word of a statement
    Statement,
    /// the name of an argument, of an entry, of what is declared with a type: a `:` follows
    Argument,
    /// what a bracket touches
    Called,
    /// the name in `let name`, `param name`, `phase name`, `for name`
    Bound,
    Word,
    Number,
    Text,
    Bracket,
    Separator,
    Operator,
    /// the end of a line between two statements
    Newline,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Kind::Statement => "statement word",
            Kind::Argument => "argument name",
            Kind::Called => "called word",
            Kind::Bound => "bound name",
            Kind::Word => "other word",
            Kind::Number => "number",
            Kind::Text => "string",
            Kind::Bracket => "bracket",
            Kind::Separator => "separator",
            Kind::Operator => "operator",
            Kind::Newline => "line end",
        })
    }
}

/// A token of a program, comments and blanks left out.
#[derive(Clone, Debug)]
pub struct Token {
    pub kind: Kind,
    pub range: Range<usize>,
}

/// A program with a mistake.
#[derive(Clone, Debug)]
pub struct Mutant {
    pub mistake: Mistake,
    pub kind: Kind,
    /// what was deleted, doubled, swapped or misspelt
    pub token: String,
    pub text: String,
    /// the bytes of `text` that differ
    pub changed: Range<usize>,
}

/// The tokens of a text, read without the library.
pub fn tokens(text: &str) -> Vec<Token> {
    let mut tokens: Vec<Token> = Vec::new();
    let mut at = 0;
    while let Some(first) = text[at..].chars().next() {
        let (kind, length) = read(&text[at..], first);
        if let Some(kind) = kind {
            tokens.push(Token { kind, range: at..at + length });
        }
        at += length;
    }
    let is_word = |t: &Token| t.kind == Kind::Word;
    let begins = |before: Option<&Token>| {
        before.is_none_or(|t| t.kind == Kind::Newline || [";", "{", "}"].contains(&&text[t.range.clone()]))
    };
    let mut brackets = 0_usize;
    for i in 0..tokens.len() {
        let before = i.checked_sub(1).map(|p| &tokens[p]);
        let after = tokens.get(i + 1).map(|t| (t.range.start, &text[t.range.clone()]));
        let touched = after.is_some_and(|(start, t)| start == tokens[i].range.end && ["(", "["].contains(&t));
        match &text[tokens[i].range.clone()] {
            "(" | "[" => brackets += 1,
            ")" | "]" => brackets = brackets.saturating_sub(1),
            _ => {}
        }
        let binds = before.is_some_and(|t| ["let", "param", "phase", "for"].contains(&&text[t.range.clone()]));
        if is_word(&tokens[i]) {
            tokens[i].kind = match after {
                _ if binds => Kind::Bound,
                _ if brackets == 0 && begins(before) => Kind::Statement,
                Some((_, ":")) => Kind::Argument,
                _ if touched => Kind::Called,
                _ => Kind::Word,
            };
        }
    }
    tokens
}

/// Kind and length of what a text begins with.
fn read(text: &str, first: char) -> (Option<Kind>, usize) {
    let word = |c: char| c.is_alphanumeric() || c == '_';
    let length = |take: &dyn Fn(char) -> bool| text.find(|c| !take(c)).unwrap_or(text.len());
    match first {
        '\n' => (Some(Kind::Newline), 1),
        '#' => (None, length(&|c| c != '\n')),
        '"' => (Some(Kind::Text), string(text)),
        c if c.is_ascii_digit() => (Some(Kind::Number), number(text)),
        '.' if text[1..].starts_with(|c: char| c.is_ascii_digit()) => (Some(Kind::Number), number(text)),
        c if word(c) => (Some(Kind::Word), length(&word)),
        '(' | ')' | '[' | ']' | '{' | '}' => (Some(Kind::Bracket), 1),
        ',' | ';' => (Some(Kind::Separator), 1),
        c if c.is_whitespace() || c == '\u{feff}' => (None, c.len_utf8()),
        c => {
            let longest = ["..=", "..", "==", "!=", "<=", ">="].into_iter().find(|op| text.starts_with(op));
            (Some(Kind::Operator), longest.map_or(c.len_utf8(), str::len))
        }
    }
}

fn string(text: &str) -> usize {
    let mut escaped = false;
    let end = text.char_indices().skip(1).find(|(_, c)| {
        let ends = *c == '"' && !escaped;
        escaped = *c == '\\' && !escaped;
        ends
    });
    end.map_or(text.len(), |(i, _)| i + 1)
}

fn number(text: &str) -> usize {
    let bytes = text.as_bytes();
    let mut end = 0;
    while let Some(b) = bytes.get(end) {
        let sign = (*b == b'-' || *b == b'+') && matches!(bytes.get(end.wrapping_sub(1)), Some(b'e' | b'E'));
        let point = *b == b'.' && bytes.get(end + 1) != Some(&b'.');
        if !(b.is_ascii_alphanumeric() || *b == b'_' || sign || point) {
            break;
        }
        end += 1;
    }
    end
}

/// All mutants of a text. Misspellings are drawn from `seed` and are none of the `known` words; `spellings` a word.
pub fn mutants(text: &str, known: &HashSet<String>, seed: u64, spellings: usize) -> Vec<Mutant> {
    let tokens = tokens(text);
    let mut random = Random(seed);
    let mut all = Vec::new();
    for (i, token) in tokens.iter().enumerate() {
        let make = |mistake, at: Range<usize>, by: String| {
            let changed = at.start..at.start + by.len();
            let mut mutated = text.to_string();
            mutated.replace_range(at, &by);
            let said = text[token.range.clone()].replace('\n', "⏎");
            Mutant { mistake, kind: token.kind, token: said, text: mutated, changed }
        };
        let said = &text[token.range.clone()];
        if token.kind == Kind::Newline {
            let between = i > 0 && i + 1 < tokens.len() && tokens[i - 1].kind != Kind::Newline;
            if between && !text[..token.range.start].rsplit('\n').next().unwrap_or_default().contains('#') {
                all.push(make(Mistake::Delete, token.range.clone(), " ".into()));
            }
            continue;
        }
        all.push(make(Mistake::Delete, token.range.clone(), String::new()));
        let apart = if said.ends_with(|c: char| c.is_alphanumeric() || c == '"') { " " } else { "" };
        all.push(make(Mistake::Duplicate, token.range.clone(), format!("{said}{apart}{said}")));
        if let Some(next) = tokens[i + 1..].iter().find(|t| t.kind != Kind::Newline) {
            let next_said = &text[next.range.clone()];
            if next_said != said {
                let between = &text[token.range.end..next.range.start];
                all.push(make(Mistake::Swap, token.range.start..next.range.end, format!("{next_said}{between}{said}")));
            }
        }
        let is_word = said.starts_with(|c: char| c.is_alphabetic() || c == '_');
        if is_word && said.chars().count() >= 4 {
            for _ in 0..spellings {
                all.push(make(Mistake::Misspell, token.range.clone(), random.misspelt(said, known)));
            }
        }
    }
    all
}

/// SplitMix64: the same mutants on every machine.
struct Random(u64);

impl Random {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % n as u64) as usize
    }

    /// The word with one letter inserted, left out, replaced, or swapped with its neighbour; no known word.
    fn misspelt(&mut self, word: &str, known: &HashSet<String>) -> String {
        loop {
            let mut letters: Vec<char> = word.chars().collect();
            let at = self.below(letters.len());
            let letter = char::from(b'a' + self.below(26) as u8);
            match self.below(4) {
                0 => letters.insert(at, letter),
                1 => drop(letters.remove(at)),
                2 => letters[at] = letter,
                _ => letters.swap(at, (at + 1).min(word.chars().count() - 1)),
            }
            let spelt: String = letters.into_iter().collect();
            let is_word = spelt.starts_with(|c: char| c.is_alphabetic() || c == '_');
            if is_word && spelt != word && !known.contains(&spelt) {
                return spelt;
            }
        }
    }
}

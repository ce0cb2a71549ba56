//! Statements of the generic form, blocks, and lists of statements.

use pest::iterators::{Pair, Pairs};

use super::Builder;
use crate::diagnostic::{Code, Diagnostic};
use crate::source::Span;
use crate::syntax::Rule;
use crate::syntax::describe::quoted;
use crate::syntax::tokens::TokenKind;
use crate::syntax::tree::{Argument, Block, Expr, ExprKind, Simple, Statement, StatementKind};

/// Words whose statements may have a block, so that a bare one on the next line was probably meant for them.
pub const HOSTS: [&str; 7] = ["train", "consolidate", "relearn", "learn", "every", "when", "variant"];

/// Whether a step trains, so that a block below it may have been meant as its settings.
fn trains(word: &str) -> bool {
    ["train", "consolidate", "relearn"].contains(&word)
}

/// Whether a block says what happens between the steps of a training step.
fn holds_triggers(block: &Block) -> bool {
    let is_trigger = |s: &Statement| match &s.kind {
        StatementKind::Simple(simple) => ["every", "when"].contains(&simple.word.text.as_str()),
        _ => false,
    };
    block.statements.iter().any(is_trigger)
}

impl Builder<'_> {
    /// Statements of a block.
    fn statements(&self, pairs: Pairs<Rule>) -> Vec<Statement> {
        let mut statements = Vec::new();
        self.read_statements(pairs, &mut statements);
        self.adopted(statements)
    }

    /// Statements of a file or block, as the grammar read each.
    pub fn read_statements(&self, pairs: Pairs<Rule>, statements: &mut Vec<Statement>) {
        for pair in pairs {
            match pair.as_rule() {
                Rule::statement => pair.into_inner().for_each(|p| self.statement(p, statements)),
                Rule::no_separator => self.no_separator(pair.as_span().start()),
                _ => {}
            }
        }
    }

    /// Gives blocks and arms that stand alone to the statements before them that lack one.
    pub fn adopted(&self, statements: Vec<Statement>) -> Vec<Statement> {
        self.adopt_arms(self.adopt_blocks(statements))
    }

    fn no_separator(&self, offset: usize) {
        let next = self.part.token_at(self.part.start(offset));
        if let Some(word) = next.filter(|t| is_nearly_else(t.text(self.part.source))) {
            return self.misspelt_else(self.part.token_span(word));
        }
        self.expected_with(offset, &[Rule::newline, Rule::semicolon], |found| {
            let at = found.primary.span;
            let before = self.part.token_before(at.start as usize);
            if let Some(help) = self.behind_its_statement(at) {
                return found.help(help);
            }
            let found = found.help("each statement stands on its own line, or behind a `;`");
            match before {
                Some(last) => found.fix("put a `;` between them", self.part.token_span(last).after(), ";"),
                None => found,
            }
        });
    }

    /// What to write for `train 10 if clean > 80%` and `repeat { … } until clean > 80%`: the word at `at` says of what
    /// stands before it when it happens.
    fn behind_its_statement(&self, at: Span) -> Option<&'static str> {
        let source = self.part.source;
        let rest = &source[at.start as usize..];
        let line = &rest[..rest.find(['\n', ';', '#']).unwrap_or(rest.len())];
        match &source[at.range()] {
            "if" if line.contains('{') => None,
            "if" => Some("`if` stands first, with blocks behind it: `if clean < 50% { … } else { … }`"),
            "until" => Some("`until` stands before the block: `repeat until clean > 80% max: 20 { … }`"),
            _ => None,
        }
    }

    fn statement(&self, pair: Pair<Rule>, into: &mut Vec<Statement>) {
        let span = self.span(&pair);
        let kind = match pair.as_rule() {
            Rule::block => StatementKind::Block(self.block(pair)),
            Rule::let_statement => self.let_statement(pair),
            Rule::param_statement => self.param_statement(pair),
            Rule::phase_statement => self.phase_statement(pair),
            Rule::use_statement => self.use_statement(pair),
            Rule::repeat_statement => self.repeat_statement(pair),
            Rule::for_statement => self.for_statement(pair),
            Rule::if_statement => self.if_statement(pair),
            Rule::repeat_until => self.repeat_until(pair),
            Rule::guard_statement => self.guard_statement(pair),
            Rule::sweep_statement => self.sweep_statement(pair),
            Rule::simple => self.simple_statement(pair),
            _ => return self.unreadable_statement(pair, into),
        };
        into.push(Statement { kind, span });
    }

    /// An `Error`, and its blocks behind it: what stands in them may be good.
    fn unreadable_statement(&self, pair: Pair<Rule>, into: &mut Vec<Statement>) {
        let mut error = Statement { kind: StatementKind::Error, span: self.span(&pair) };
        self.unreadable(pair.as_span().start(), pair.as_str());
        let mut blocks = Vec::new();
        for part in pair.into_inner() {
            match part.as_rule() {
                Rule::block => blocks.push(self.block(part)),
                // Settings of no step: only their own mistakes count.
                Rule::with_clause => drop(self.with_clause(part)),
                Rule::else_if => blocks.push(self.arm(part).2),
                Rule::otherwise => blocks.push(self.otherwise(part)),
                _ => {}
            }
        }
        if let Some(first) = blocks.first() {
            error.span.end = first.span.start;
        }
        into.push(error);
        into.extend(blocks.into_iter().map(|b| Statement { span: b.span, kind: StatementKind::Block(b) }));
    }

    /// `{ … }`
    pub(super) fn block(&self, pair: Pair<Rule>) -> Block {
        let span = self.span(&pair);
        Block { statements: self.statements(pair.into_inner()), span }
    }

    /// The block of a header that ends at byte `header` of the prepared text: on its line, or (an error) later.
    pub(super) fn header_block(&self, pair: Pair<Rule>, header: usize) -> Block {
        if pair.as_rule() == Rule::block {
            return self.block(pair);
        }
        let inner = pair.into_inner().find(|p| p.as_rule() == Rule::block);
        let Some(block) = inner.map(|p| self.block(p)) else { return self.no_block(header) };
        let end = self.part.end(header);
        let last = self.part.token_before(end).map_or(Span::new(self.part.file, end, end), |t| self.part.token_span(t));
        self.misplaced_block(last, block.span, "{");
        block
    }

    /// An empty block where one is missing.
    pub(super) fn no_block(&self, offset: usize) -> Block {
        Block { statements: Vec::new(), span: self.nothing(offset).span }
    }

    fn simple_statement(&self, pair: Pair<Rule>) -> StatementKind {
        let mut simple = self.empty_simple(&pair);
        let whole = self.span(&pair);
        let (mut comma, mut equals, mut colon) = (None, None, false);
        for part in pair.into_inner() {
            let (start, rule) = (part.as_span().start(), part.as_rule());
            match rule {
                Rule::word => simple.word = self.name(&part),
                Rule::call => {
                    simple.called = true;
                    simple.arguments = self.entries(part, Rule::rparen).0;
                }
                Rule::yaml_colon => {
                    self.yaml_colon(&simple, &part);
                    colon = true;
                }
                Rule::assign => {
                    self.assignment(&simple, &part);
                    equals = Some(self.span(&part));
                }
                Rule::argument if colon && simple.arguments.is_empty() => {
                    simple.arguments.push(self.free_argument(part))
                }
                Rule::argument if simple.word.text == "expect" => simple.arguments.push(self.condition(part)),
                Rule::argument => simple.arguments.push(self.argument(part)),
                Rule::comma if simple.arguments.is_empty() => self.expected(start, &[Rule::argument]),
                Rule::dangling_comma => comma = Some(part),
                Rule::on_clause => simple.on = Some(self.on_clause(part)),
                Rule::junk if comma.is_some() || equals.is_some() => simple.arguments.push(self.unread(&part)),
                Rule::junk if simple.word.text == "expect" && part.as_str().starts_with('=') => {
                    let equals = self.part.span(start, start + 1);
                    self.no_comparison(equals);
                    simple.arguments.push(self.unread(&part));
                }
                Rule::junk => {
                    self.junk(&part, after_simple(&simple));
                    simple.arguments.push(self.unread(&part));
                }
                Rule::with_clause => simple.with = Some(self.with_clause(part)),
                Rule::block => simple.block = Some(self.block(part)),
                _ => {}
            }
        }
        if let Some(comma) = comma {
            self.expected(comma.as_span().end(), &[Rule::argument]);
            simple.arguments.push(self.unread(&comma));
            simple.arguments.sort_by_key(|a| a.span.start);
        }
        if self.part.guessed(whole) {
            let nothing = Expr { kind: ExprKind::Error, span: whole.after() };
            simple.arguments.push(Argument { name: None, span: nothing.span, value: nothing });
        }
        match equals {
            Some(equals) => StatementKind::Assignment { simple, equals },
            None => StatementKind::Simple(simple),
        }
    }

    /// A statement of which nothing is known yet.
    pub(super) fn empty_simple(&self, pair: &Pair<Rule>) -> Simple {
        let word = crate::syntax::tree::Name { text: String::new(), span: self.span(pair).before() };
        Simple { word, arguments: Vec::new(), called: false, on: None, with: None, block: None, otherwise: None }
    }

    /// The part of a statement that could not be read, as an argument.
    pub(super) fn unread(&self, pair: &Pair<Rule>) -> Argument {
        let start = pair.as_span().start();
        let span = self.part.span(start, start + pair.as_str().trim_end().len());
        Argument { name: None, value: Expr { kind: ExprKind::Error, span }, span }
    }

    /// `epochs: 10`
    fn yaml_colon(&self, simple: &Simple, colon: &Pair<Rule>) {
        let word = &simple.word;
        let next = self.part.text[colon.as_span().end()..].chars().next();
        let text = if next.is_none_or(char::is_whitespace) { "" } else { " " };
        let span = Span { start: word.span.end, ..self.span(colon) };
        let found = Diagnostic::new(
            Code::FOREIGN_SYNTAX,
            self.span(colon),
            format!("no `:` follows the word {}", quoted(&word.text)),
        );
        let found = found.help(format!("write `{} …`, without the colon", word.text));
        self.push(found.fix("remove the colon", span, text));
    }

    /// `lr = 0.1`
    fn assignment(&self, simple: &Simple, equals: &Pair<Rule>) {
        let word = &simple.word;
        let span = self.span(equals);
        let found = Diagnostic::new(Code::FOREIGN_SYNTAX, span, "no `=` stands in a statement");
        let found =
            found.help(format!("a setting is written `{0} …`, and a name is bound by `let {0} = …`", word.text));
        let found = found.maybe_fix("bind a name with `let`", word.span.before(), "let ");
        let touches = self.part.text[equals.as_span().end()..].chars().next();
        let text = if touches.is_none_or(char::is_whitespace) { "" } else { " " };
        self.push(found.maybe_fix("remove the `=`", Span { start: word.span.end, ..span }, text));
    }

    fn on_clause(&self, pair: Pair<Rule>) -> Expr {
        let end = pair.as_span().end();
        match pair.into_inner().find(|p| p.as_rule() == Rule::outer) {
            Some(value) => self.expression(value),
            None => {
                self.expected(end, &[Rule::outer]);
                self.nothing(end)
            }
        }
    }

    pub(super) fn with_clause(&self, pair: Pair<Rule>) -> Block {
        let mut end = pair.as_span().end();
        for part in pair.into_inner() {
            match part.as_rule() {
                Rule::kw_with => end = part.as_span().end(),
                Rule::block | Rule::late_block => return self.header_block(part, end),
                _ => self.expected_with(part.as_span().start(), &[Rule::lbrace], |found| {
                    found.help("settings for one step stand in braces: `with { optimizer adam(lr: 1e-3) }`")
                }),
            }
        }
        self.no_block(end)
    }

    /// Gives bare blocks to the step on the line above, which has none.
    fn adopt_blocks(&self, statements: Vec<Statement>) -> Vec<Statement> {
        if !statements.iter().any(|s| matches!(s.kind, StatementKind::Block(_))) {
            return statements;
        }
        let mut kept: Vec<Statement> = Vec::with_capacity(statements.len());
        for statement in statements {
            let gap = kept.last().map(|last| (last.span.end as usize, statement.span.start as usize));
            match (kept.last_mut(), statement.kind) {
                (Some(Statement { kind: StatementKind::Simple(step), span }), StatementKind::Block(block))
                    if step.block.is_none()
                        && block.span == statement.span
                        && HOSTS.contains(&&*step.word.text)
                        && gap.is_some_and(|g| self.next_line(g)) =>
                {
                    let last = self.part.token_before(span.end as usize);
                    let last = last.map_or(step.word.span, |t| self.part.token_span(t));
                    let settings = trains(&step.word.text) && !holds_triggers(&block);
                    self.misplaced_block(last, block.span, if settings { "with {" } else { "{" });
                    *span = span.to(block.span);
                    step.block = Some(block);
                }
                (_, kind) => kept.push(Statement { kind, ..statement }),
            }
        }
        kept
    }

    /// `} esle { … }` and `} esle if … { … }`: tells what is meant, and gives them to their `if`.
    fn adopt_arms(&self, statements: Vec<Statement>) -> Vec<Statement> {
        let may_be_arm = |s: &Statement| matches!(&s.kind, StatementKind::Simple(s) if is_nearly_else(&s.word.text));
        if !statements.iter().any(may_be_arm) {
            return statements;
        }
        let mut kept: Vec<Statement> = Vec::with_capacity(statements.len());
        let mut rest = statements.into_iter().peekable();
        while let Some(statement) = rest.next() {
            let arm = match &statement.kind {
                StatementKind::Simple(simple) if simple.arguments.is_empty() && is_nearly_else(&simple.word.text) => {
                    let next_is_if = rest.peek().is_some_and(|s| matches!(s.kind, StatementKind::If { .. }));
                    let open = kept.last_mut().and_then(|s| last_arm(&mut s.kind));
                    open.filter(|_| simple.block.is_some() || next_is_if).map(|open| (open, simple))
                }
                _ => None,
            };
            match arm {
                Some((open, simple)) => {
                    self.misspelt_else(simple.word.span);
                    *open = simple.block.clone().or_else(|| {
                        let nested = rest.next()?;
                        Some(Block { span: nested.span, statements: vec![nested] })
                    });
                    let end = open.as_ref().map(|arm| arm.span.end);
                    if let (Some(end), Some(last)) = (end, kept.last_mut()) {
                        reach(last, end);
                    }
                }
                None => kept.push(statement),
            }
        }
        kept
    }

    fn misspelt_else(&self, word: Span) {
        let text = &self.part.source[word.range()];
        let found = Diagnostic::new(Code::SYNTAX, word, format!("`{text}` begins no statement"));
        self.push(found.help("did you mean `else`?").fix("replace with `else`", word, "else"));
    }

    /// Whether these bytes of the source hold one line end, comment lines not counted.
    fn next_line(&self, (from, to): (usize, usize)) -> bool {
        let tokens = self.part.tokens();
        let first = tokens.partition_point(|t| (t.start as usize) < from);
        let between = tokens[first..].iter().take_while(|t| (t.start as usize) < to).map(|t| t.kind);
        let mut lines = 0;
        for kind in between {
            match kind {
                TokenKind::Newline => lines += 1,
                TokenKind::Comment => lines = 0,
                _ => return false,
            }
            if lines > 1 {
                return false;
            }
        }
        lines == 1
    }
}

/// Whether a word is `else` with one slip.
fn is_nearly_else(word: &str) -> bool {
    (3..=5).contains(&word.len()) && word != "else" && strsim::damerau_levenshtein(word, "else") == 1
}

/// Lets an `if`, and the `else if` within it, end where the arm ends that was given to the last of them.
fn reach(statement: &mut Statement, end: u32) {
    statement.span.end = end;
    if let StatementKind::If { otherwise: Some(arm), .. } = &mut statement.kind
        && arm.span.end < end
    {
        arm.span.end = end;
        arm.statements.iter_mut().take(1).for_each(|nested| reach(nested, end));
    }
}

/// Where the `else` of an `if` belongs that has none yet.
fn last_arm(kind: &mut StatementKind) -> Option<&mut Option<Block>> {
    let StatementKind::If { otherwise, .. } = kind else { return None };
    if otherwise.is_none() {
        return Some(otherwise);
    }
    last_arm(&mut otherwise.as_mut()?.statements.first_mut()?.kind)
}

/// What may follow the parts of a statement read so far.
fn after_simple(simple: &Simple) -> &'static [Rule] {
    match (&simple.on, simple.arguments.is_empty()) {
        (Some(_), _) => &[Rule::kw_with, Rule::lbrace, Rule::end],
        (None, true) => &[Rule::argument, Rule::kw_on, Rule::kw_with, Rule::end],
        (None, false) => &[Rule::argument, Rule::tight, Rule::kw_on, Rule::end],
    }
}

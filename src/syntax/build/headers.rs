//! Declarations and control statements: those with productions of their own.

use pest::iterators::Pair;

use super::Builder;
use crate::diagnostic::{Code, Diagnostic};
use crate::source::Span;
use crate::syntax::Rule;
use crate::syntax::describe::{RESERVED, quoted};
use crate::syntax::tree::{Argument, Block, Expr, Name, Param, Parameter, Simple, Statement, StatementKind};

/// How many `else if` a chain may have: as many as blocks may be nested, for that is what they are in the tree.
const MAX_CHAIN: usize = crate::syntax::brackets::MAX_DEPTH;

/// What a header turned out to hold; each part is `None` if it is missing.
#[derive(Default)]
struct Header {
    name: Option<Name>,
    annotation: Option<Name>,
    value: Option<Expr>,
    range: Option<Expr>,
    text: Option<Expr>,
    parameters: Vec<Parameter>,
    block: Option<Block>,
    /// Whether an error has been reported that explains what is missing.
    poisoned: bool,
    /// Bytes of the prepared text at which the keyword and the header end.
    keyword_end: usize,
    end: usize,
}

/// What a production expects.
struct Shape {
    /// Before the value: `=`, `in` or nothing.
    sign: Option<Rule>,
    named: bool,
    block: bool,
}

impl Builder<'_> {
    /// Reads the parts of a header in the order of its production, and reports what is missing or left over.
    fn header(&self, pair: Pair<Rule>, shape: &Shape) -> Header {
        let mut header = Header { end: pair.as_span().start(), ..Header::default() };
        let mut sign = None;
        for part in pair.into_inner() {
            let (rule, end) = (part.as_rule(), part.as_span().end());
            match rule {
                Rule::any_name if sign == Some(Rule::colon) => header.annotation = Some(self.name(&part)),
                Rule::any_name => header.name = Some(self.bound_name(&part)),
                Rule::colon | Rule::equals | Rule::kw_in => sign = Some(rule),
                Rule::outer | Rule::missing => self.header_value(&mut header, part, sign, shape),
                Rule::string => header.text = Some(self.text(&part)),
                Rule::parameters => header.parameters = self.parameters(part),
                Rule::block | Rule::late_block => {
                    header.block = Some(self.header_block(part, header.end));
                    continue;
                }
                Rule::junk => {
                    if !self.range_first(&header, &part) {
                        self.junk(&part, self.header_expects(&header, shape));
                    }
                    header.poisoned = true;
                }
                _ => header.keyword_end = end,
            }
            header.end = end;
        }
        self.report_missing(&header, shape);
        header
    }

    /// `param x in 1..10 = 5`; whether that is what has been read.
    fn range_first(&self, header: &Header, junk: &Pair<Rule>) -> bool {
        let (Some(name), Some(range), None) = (&header.name, &header.range, &header.value) else { return false };
        let Some(value) = junk.as_str().strip_prefix('=').map(str::trim) else { return false };
        if value.is_empty() || header.text.is_some() || header.poisoned {
            return false;
        }
        let head = header.annotation.as_ref().unwrap_or(name).span;
        let offset = junk.as_span().start();
        let end = self.part.span(offset, offset + junk.as_str().trim_end().len());
        let text = &self.part.source;
        let meant = format!(" = {value} in {}", &text[range.span.range()]);
        let written = format!("param {}{meant}", &text[name.span.to(head).range()]);
        let found = Diagnostic::new(Code::SYNTAX, range.span, "the range of a `param` stands behind its value");
        let found = found.help(format!("write `{written}`"));
        let whole = Span { end: end.end, ..head.after() };
        // A text behind the value would end up before the range.
        self.push(match value.contains(['"', '#', '\n']) {
            true => found,
            false => found.fix(format!("write `{written}`"), whole, meant),
        });
        true
    }

    fn header_value(&self, header: &mut Header, part: Pair<Rule>, sign: Option<Rule>, shape: &Shape) {
        let missing = part.as_rule() == Rule::missing;
        let at = part.as_span().start();
        let value = if missing { self.nothing(at) } else { self.expression(part) };
        if missing {
            self.expected(at, if sign == Some(Rule::colon) { &[Rule::any_name] } else { &[Rule::outer] });
            header.poisoned = true;
        }
        match sign {
            Some(Rule::colon) => {}
            Some(Rule::kw_in) if shape.sign != Some(Rule::kw_in) => header.range = Some(value),
            _ => header.value = Some(value),
        }
    }

    /// What could stand behind what has been read.
    fn header_expects(&self, header: &Header, shape: &Shape) -> &'static [Rule] {
        match (&header.name, &header.value, shape.sign) {
            (None, _, _) if shape.named => &[Rule::any_name],
            (_, None, Some(Rule::equals)) => &[Rule::equals],
            (_, None, Some(Rule::kw_in)) => &[Rule::kw_in],
            (_, None, None) if !shape.named => &[Rule::outer],
            _ if shape.block => &[Rule::lbrace],
            _ => &[Rule::end],
        }
    }

    fn report_missing(&self, header: &Header, shape: &Shape) {
        let no_name = shape.named && header.name.is_none();
        let no_value = header.value.is_none() && (shape.sign.is_some() || !shape.named);
        if !header.poisoned && (no_name || no_value || (shape.block && header.block.is_none())) {
            self.expected(if no_name { header.keyword_end } else { header.end }, self.header_expects(header, shape));
        }
    }

    /// A name that something is bound to.
    pub(super) fn bound_name(&self, pair: &Pair<Rule>) -> Name {
        let name = self.name(pair);
        if RESERVED.contains(&&*name.text) {
            let found = Diagnostic::new(Code::SYNTAX, name.span, format!("{} cannot be a name", quoted(&name.text)));
            self.push(found.help("choose another name: this word has a meaning of its own"));
        }
        name
    }

    pub(super) fn let_statement(&self, pair: Pair<Rule>) -> StatementKind {
        let mut header = self.header(pair, &Shape { sign: Some(Rule::equals), named: true, block: false });
        let value = self.value_or_nothing(&mut header);
        header.name.map_or(StatementKind::Error, |name| StatementKind::Let { name, value })
    }

    fn value_or_nothing(&self, header: &mut Header) -> Expr {
        header.value.take().unwrap_or_else(|| self.nothing(header.end))
    }

    pub(super) fn param_statement(&self, pair: Pair<Rule>) -> StatementKind {
        let mut header = self.header(pair, &Shape { sign: Some(Rule::equals), named: true, block: false });
        let default = self.value_or_nothing(&mut header);
        let Header { name, annotation, range, text, .. } = header;
        let param = |name| StatementKind::Param(Box::new(Param { name, annotation, default, range, text }));
        name.map_or(StatementKind::Error, param)
    }

    pub(super) fn use_statement(&self, pair: Pair<Rule>) -> StatementKind {
        let mut header = self.header(pair, &Shape { sign: None, named: false, block: false });
        StatementKind::Use { path: self.value_or_nothing(&mut header) }
    }

    pub(super) fn phase_statement(&self, pair: Pair<Rule>) -> StatementKind {
        let header = self.header(pair, &Shape { sign: None, named: true, block: true });
        let Some(name) = header.name else { return header.block.map_or(StatementKind::Error, StatementKind::Block) };
        let body = header.block.unwrap_or_else(|| self.no_block(header.end));
        StatementKind::Phase { name, parameters: header.parameters, body }
    }

    pub(super) fn repeat_statement(&self, pair: Pair<Rule>) -> StatementKind {
        let mut header = self.header(pair, &Shape { sign: None, named: false, block: false });
        StatementKind::Repeat { count: self.value_or_nothing(&mut header), body: header.block }
    }

    pub(super) fn for_statement(&self, pair: Pair<Rule>) -> StatementKind {
        let mut header = self.header(pair, &Shape { sign: Some(Rule::kw_in), named: true, block: true });
        let list = self.value_or_nothing(&mut header);
        let Some(variable) = header.name else {
            return header.block.map_or(StatementKind::Error, StatementKind::Block);
        };
        let body = header.block.unwrap_or_else(|| self.no_block(header.end));
        StatementKind::For { variable, list, body }
    }

    /// `if … { … } else if … { … } else { … }`: the chain is flat in the grammar and nested in the tree.
    pub(super) fn if_statement(&self, pair: Pair<Rule>) -> StatementKind {
        let (mut arms, mut last) = (Vec::new(), None);
        let whole = self.span(&pair);
        let (chain, own): (Vec<_>, Vec<_>) =
            pair.clone().into_inner().partition(|p| matches!(p.as_rule(), Rule::else_if | Rule::otherwise));
        for part in chain {
            match part.as_rule() {
                Rule::otherwise => last = Some(self.otherwise(part)),
                _ if arms.len() == MAX_CHAIN => {
                    self.too_long(&part);
                    break;
                }
                _ => arms.push(self.arm(part)),
            }
        }
        let mut otherwise = last;
        for (keyword, condition, then) in arms.into_iter().rev() {
            let span = Span { end: otherwise.as_ref().map_or(then.span.end, |o: &Block| o.span.end), ..keyword };
            let nested = Statement { kind: StatementKind::If { condition, then, otherwise }, span };
            otherwise = Some(Block { statements: vec![nested], span });
        }
        let (_, condition, then) = self.arm_parts(own, pair.as_span().start(), whole);
        StatementKind::If { condition, then, otherwise }
    }

    fn too_long(&self, part: &Pair<Rule>) {
        let keyword = part.clone().into_inner().next().map_or(self.span(part), |k| self.span(&k));
        let message = format!("this chain has more than {MAX_CHAIN} `else if`");
        self.push(
            Diagnostic::new(Code::TOO_DEEP, keyword, message).help("bind what differs to a name, or use a `for`"),
        );
    }

    pub(super) fn arm(&self, pair: Pair<Rule>) -> (Span, Expr, Block) {
        let (start, span) = (pair.as_span().start(), self.span(&pair));
        self.arm_parts(pair.into_inner().collect(), start, span)
    }

    /// Span from the `if` on, condition and block of an arm.
    fn arm_parts(&self, parts: Vec<Pair<Rule>>, start: usize, whole: Span) -> (Span, Expr, Block) {
        let mut keyword = whole;
        let mut header = Header { end: start, ..Header::default() };
        for part in parts {
            let end = part.as_span().end();
            match part.as_rule() {
                Rule::kw_if => keyword = self.span(&part),
                Rule::outer => header.value = Some(self.expression(part)),
                Rule::block | Rule::late_block => {
                    header.block = Some(self.header_block(part, header.end));
                    continue;
                }
                Rule::junk => {
                    self.junk(&part, self.header_expects(&header, &IF));
                    header.poisoned = true;
                }
                _ => {}
            }
            header.end = end;
        }
        self.report_missing(&header, &IF);
        let condition = self.value_or_nothing(&mut header);
        (keyword, condition, header.block.unwrap_or_else(|| self.no_block(header.end)))
    }

    pub(super) fn otherwise(&self, pair: Pair<Rule>) -> Block {
        let mut end = pair.as_span().end();
        let mut poisoned = false;
        for part in pair.into_inner() {
            match part.as_rule() {
                Rule::block | Rule::late_block => return self.header_block(part, end),
                Rule::junk => {
                    self.junk(&part, &[Rule::lbrace, Rule::kw_if]);
                    poisoned = true;
                }
                _ => {}
            }
            end = part.as_span().end();
        }
        if !poisoned {
            self.expected(end, &[Rule::lbrace, Rule::kw_if]);
        }
        self.no_block(end)
    }

    /// `repeat until …`: a word of its own until the language knows it.
    pub(super) fn repeat_until(&self, pair: Pair<Rule>) -> StatementKind {
        let mut simple = self.empty_simple(&pair);
        let mut end = pair.as_span().start();
        for part in pair.into_inner() {
            let part_end = part.as_span().end();
            match part.as_rule() {
                Rule::kw_repeat => simple.word = self.name(&part),
                Rule::kw_until => {
                    simple.word.span = simple.word.span.to(self.span(&part));
                    simple.word.text = "repeat until".into();
                }
                Rule::block | Rule::late_block => {
                    simple.block = Some(self.header_block(part, end));
                    continue;
                }
                _ => self.simple_part(&mut simple, part),
            }
            end = part_end;
        }
        StatementKind::Simple(simple)
    }

    /// `guard condition else …`
    pub(super) fn guard_statement(&self, pair: Pair<Rule>) -> StatementKind {
        let mut simple = self.empty_simple(&pair);
        let end = pair.as_span().end();
        let mut poisoned = false;
        for part in pair.into_inner() {
            match part.as_rule() {
                Rule::kw_guard => simple.word = self.name(&part),
                Rule::consequence => {
                    let mut then = self.empty_simple(&part);
                    part.into_inner().for_each(|p| self.simple_part(&mut then, p));
                    simple.otherwise = Some(Box::new(then));
                }
                Rule::junk => {
                    self.junk(&part, if simple.otherwise.is_none() { &[Rule::word] } else { &[Rule::end] });
                    simple.arguments.push(self.unread(&part));
                    poisoned = true;
                }
                Rule::block => {
                    let block = self.block(part);
                    if !poisoned {
                        self.braces_of_guard(&mut simple, block);
                    }
                    poisoned = true;
                }
                _ => self.simple_part(&mut simple, part),
            }
        }
        if simple.otherwise.is_none() && !poisoned {
            self.expected(end, &[Rule::word]);
        }
        StatementKind::Simple(simple)
    }

    /// `guard condition else { stop }`
    fn braces_of_guard(&self, simple: &mut Simple, block: Block) {
        let brace = Span { end: block.span.start + 1, ..block.span };
        let found = Diagnostic::new(Code::SYNTAX, brace, "no block follows the `else` of a `guard`");
        let found =
            found.help("behind `else` stands `rollback \"name\"`, `stop` or `warn`; for other steps write an `if`");
        let only = match <[Statement; 1]>::try_from(block.statements) {
            Ok([Statement { kind: StatementKind::Simple(then), span }]) if simple.otherwise.is_none() => {
                Some((then, span))
            }
            _ => None,
        };
        self.push(match &only {
            Some((_, span)) => found.fix("leave out the braces", block.span, &self.part.source[span.range()]),
            None => found,
        });
        match only {
            Some((then, _)) => simple.otherwise = Some(Box::new(then)),
            None => simple.arguments.push(Argument {
                name: None,
                value: Expr { kind: crate::syntax::tree::ExprKind::Error, span: brace },
                span: brace,
            }),
        }
    }

    /// `sweep share in [1%, 10%]`: the list is the argument `in`.
    pub(super) fn sweep_statement(&self, pair: Pair<Rule>) -> StatementKind {
        let mut simple = self.empty_simple(&pair);
        let mut keyword = None;
        for part in pair.into_inner() {
            match part.as_rule() {
                Rule::kw_sweep => simple.word = self.name(&part),
                Rule::any_name => {
                    let name = self.bound_name(&part);
                    let value = Expr { kind: crate::syntax::tree::ExprKind::Name(name.text), span: name.span };
                    simple.arguments.push(Argument { name: None, value, span: name.span });
                }
                Rule::kw_in => keyword = Some(self.name(&part)),
                Rule::outer => {
                    let value = self.expression(part);
                    let span = keyword.as_ref().map_or(value.span, |k| k.span.to(value.span));
                    simple.arguments.push(Argument { name: keyword.take(), value, span });
                }
                _ => self.simple_part(&mut simple, part),
            }
        }
        StatementKind::Simple(simple)
    }

    /// A part that these statements share with the generic form.
    fn simple_part(&self, simple: &mut Simple, part: Pair<Rule>) {
        let end = part.as_span().end();
        match part.as_rule() {
            Rule::word => simple.word = self.name(&part),
            Rule::argument => simple.arguments.push(self.argument(part)),
            Rule::outer => {
                let value = self.expression(part);
                simple.arguments.push(Argument { name: None, span: value.span, value });
            }
            Rule::junk => {
                self.junk(&part, &[Rule::argument, Rule::lbrace, Rule::end]);
                simple.arguments.push(self.unread(&part));
            }
            Rule::dangling_comma | Rule::missing => {
                self.expected(end, &[Rule::argument]);
                simple.arguments.push(self.unread(&part));
            }
            _ => {}
        }
    }
}

const IF: Shape = Shape { sign: None, named: false, block: true };

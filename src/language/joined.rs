//! Statements that run into each other: the grammar knows no words, so `train 10 forget head 10%` and a statement whose
//! last value is missing, with the next one on the line below, come as one. Here they are told and taken apart.

use super::context::MOST_ERRORS;
use super::statements::takes_arguments;
use super::values::words_of;
use crate::diagnostic::{Applicability, Code, Diagnostic, Edit};
use crate::source::Span;
use crate::syntax::tree::{Argument, Block, Expr, ExprKind, File, Name, Simple, Statement, StatementKind};

/// Takes apart what runs into each other, in all blocks of a file.
pub(super) fn split(file: &mut File, text: &str, diagnostics: &mut Vec<Diagnostic>) {
    Splitter { text, diagnostics }.statements(&mut file.statements);
}

struct Splitter<'s> {
    text: &'s str,
    diagnostics: &'s mut Vec<Diagnostic>,
}

/// Where another statement begins among the arguments of one: the argument, and its word.
struct Seam {
    index: usize,
    word: Name,
    kind: Seamed,
}

enum Seamed {
    /// the argument is the word: `train 10 forget …`
    Whole,
    /// the word was read as a unit: `seed 0 data …`
    Unit,
    /// the word was read as the end of the argument, on a later line: `by: ⏎ relearn …`
    End,
}

impl Splitter<'_> {
    fn statements(&mut self, statements: &mut Vec<Statement>) {
        let mut i = 0;
        while i < statements.len() {
            let mut next = None;
            let span = statements[i].span;
            match &mut statements[i].kind {
                StatementKind::Simple(simple) => {
                    next = self.simple(simple, span);
                    [&mut simple.with, &mut simple.block].into_iter().flatten().for_each(|b| self.block(b));
                }
                StatementKind::Phase { body, .. } | StatementKind::For { body, .. } => self.block(body),
                StatementKind::Repeat { body, .. } => body.iter_mut().for_each(|b| self.block(b)),
                StatementKind::If { then, otherwise, .. } => {
                    self.block(then);
                    otherwise.iter_mut().for_each(|b| self.block(b));
                }
                StatementKind::Block(block) => self.block(block),
                _ => {}
            }
            if let Some((second, doubled)) = next {
                let first = &mut statements[i];
                if let StatementKind::Simple(simple) = &mut first.kind
                    && is_trigger(&simple.word.text)
                    && !doubled
                {
                    let mut block = Block { span: second.span, statements: vec![second] };
                    self.block(&mut block);
                    simple.block = Some(block);
                    i += 1;
                    continue;
                }
                first.span.end = second.span.start;
                if doubled {
                    first.kind = StatementKind::Error;
                }
                statements.insert(i + 1, second);
            }
            i += 1;
        }
    }

    fn block(&mut self, block: &mut Block) {
        self.statements(&mut block.statements);
    }

    /// The statement that begins within another, and whether nothing but a word is left of the first.
    fn simple(&mut self, simple: &mut Simple, whole: Span) -> Option<(Statement, bool)> {
        if self.diagnostics.len() > MOST_ERRORS {
            return None;
        }
        let seam = self.seam(simple)?;
        // The longer part keeps the memory, so that a line of many statements is not copied for each.
        let first = simple.arguments.drain(..seam.index).collect();
        let mut rest = std::mem::replace(&mut simple.arguments, first);
        let argument = rest.remove(0);
        let doubled = simple.arguments.is_empty() && matches!(seam.kind, Seamed::Whole);
        let span = Span { end: whole.end, ..seam.word.span };
        self.tell(simple, &seam, &argument, doubled, span);
        match seam.kind {
            Seamed::Whole => {}
            Seamed::Unit => simple.arguments.push(without_unit(argument)),
            Seamed::End => {
                let value = Expr { kind: ExprKind::Error, span: argument.value.span };
                simple.arguments.push(Argument { value, ..argument });
            }
        }
        if seam.word.text == "guard" {
            // Its `else` could not be read within another statement.
            let value = Expr { kind: ExprKind::Error, span: whole.after() };
            rest.push(Argument { name: None, value, span: whole.after() });
        }
        let second = Simple {
            word: seam.word,
            arguments: rest,
            called: false,
            on: simple.on.take(),
            with: simple.with.take(),
            block: simple.block.take(),
            otherwise: simple.otherwise.take(),
        };
        Some((Statement { kind: StatementKind::Simple(second), span }, doubled))
    }

    fn seam(&self, simple: &Simple) -> Option<Seam> {
        if !takes_arguments(&simple.word.text) {
            return None;
        }
        let last = simple.arguments.len().saturating_sub(1);
        let more = simple.on.is_some() || simple.with.is_some() || simple.block.is_some();
        simple.arguments.iter().enumerate().find_map(|(index, argument)| {
            let follows = more || index < last;
            let found = |word: &Name, kind| Some(Seam { index, word: word.clone(), kind });
            match &argument.value.kind {
                ExprKind::Quantity { unit, .. } if takes_arguments(&unit.text) && follows => found(unit, Seamed::Unit),
                ExprKind::Name(text) if argument.name.is_none() && takes_arguments(text) => {
                    let named = index > 0 && self.names_argument(simple, index - 1);
                    let apart = self.lines_between(simple.word.span, argument.span);
                    let word = Name { text: text.clone(), span: argument.span };
                    let named = named || is_choice(simple, index, text);
                    (apart || (follows && !named)).then(|| found(&word, Seamed::Whole)).flatten()
                }
                _ => {
                    let end = last_name(&argument.value).filter(|n| takes_arguments(&n.text))?;
                    if follows { found(&end, Seamed::End) } else { None }
                }
            }
        })
    }

    /// Whether an argument is the name of another that lacks its colon: `moments keep`.
    fn names_argument(&self, simple: &Simple, index: usize) -> bool {
        let name = match &simple.arguments[index].value.kind {
            ExprKind::Name(name) => name,
            _ => return false,
        };
        super::statements::find(&simple.word.text).is_some_and(|w| w.params.iter().any(|p| p.name == name))
    }

    fn lines_between(&self, from: Span, to: Span) -> bool {
        self.text[from.end as usize..to.start as usize].contains('\n')
    }

    fn tell(&mut self, simple: &Simple, seam: &Seam, argument: &Argument, doubled: bool, second: Span) {
        let (first, word) = (&simple.word, &seam.word);
        if doubled && first.text == word.text {
            let d = Diagnostic::new(Code::SYNTAX, first.span, format!("`{}` stands here twice", word.text));
            let gap = Span { end: word.span.start, ..first.span };
            self.diagnostics.push(d.help("remove one of them").fix("remove one", gap, ""));
            return;
        }
        if doubled {
            let message = format!("`{}` has no argument: `{}` begins a statement of its own", first.text, word.text);
            let d = Diagnostic::new(Code::SYNTAX, first.span, message).label(word.span, "the next statement");
            let help = format!("finish `{0}`, or remove it; each statement stands on its own line", first.text);
            self.diagnostics.push(d.help(help));
            return;
        }
        // What stands before the word: the end of an argument, a `,`, or what asked for a value.
        let before = self.text[..word.span.start as usize].trim_end();
        let start = simple.arguments.last().map_or(first.span.end, |a| a.span.end).min(before.len() as u32);
        let start = if matches!(seam.kind, Seamed::End) { argument.span.start } else { start };
        let apart = self.lines_between(Span { end: start, ..word.span }, word.span);
        if matches!(seam.kind, Seamed::End) || (apart && matches!(seam.kind, Seamed::Whole)) {
            let asking = Span::new(word.span.file, start as usize, before.len());
            let asked = self.text[asking.range()].split_whitespace().last().unwrap_or_default();
            let d = Diagnostic::new(Code::SYNTAX, asking, format!("expected a value after `{asked}`"));
            let d = d.label(word.span, "a statement begins here").help("write the value, or leave this out");
            self.diagnostics.push(d);
            return;
        }
        let message = format!("expected a new line or `;`, found `{}`", word.text);
        let d = Diagnostic::new(Code::SYNTAX, word.span, message).at("a statement begins here");
        if may_host(&first.text) && is_trigger(&word.text) {
            let d = d
                .help(format!("it stands in the block of the step: `{} 20 {{ {} … {{ … }} }}`", first.text, word.text));
            let edit = |span: Span, text: &str| Edit { span, text: text.into() };
            let edits = vec![edit(word.span.before(), "{ "), edit(second.after(), " }")];
            self.diagnostics.push(d.with_fix("put it in braces", Applicability::Safe, edits));
            return;
        }
        // A comma between them is what should be the `;`.
        let end = before.strip_suffix(',').map_or(before.len(), |kept| kept.trim_end().len());
        let gap = Span::new(word.span.file, end, before.len());
        if is_trigger(&first.text) {
            let message = format!("expected `{{`, found `{}`", word.text);
            let d = Diagnostic::new(Code::SYNTAX, word.span, message).at("the steps begin here");
            let d = d.help(format!("the steps of `{0}` stand in braces: `{0} … {{ … }}`", first.text));
            let edit = |span: Span, text: &str| Edit { span, text: text.into() };
            let edits = vec![edit(gap, " {"), edit(second.after(), " }")];
            self.diagnostics.push(d.with_fix("put them in braces", Applicability::Safe, edits));
            return;
        }
        let d = d.help("each statement stands on its own line, or behind a `;`");
        // In the brackets of a call it would be one mistake more.
        self.diagnostics.push(if simple.called { d } else { d.fix("put a `;` between them", gap, ";") });
    }
}

/// Whether a statement stands in the block of a training step.
fn is_trigger(word: &str) -> bool {
    matches!(word, "every" | "when")
}

/// Whether a statement may have a block of `every` and `when`.
fn may_host(word: &str) -> bool {
    super::statements::find(word).is_some_and(|w| w.with && w.block)
}

fn without_unit(argument: Argument) -> Argument {
    match argument.value.kind {
        ExprKind::Quantity { number, .. } => {
            let span = Span { end: number.span.end, ..argument.span };
            Argument { value: *number, span, ..argument }
        }
        _ => argument,
    }
}

/// The name that an expression ends with, if it is more than that name or a named argument's value.
fn last_name(value: &Expr) -> Option<Name> {
    match &value.kind {
        ExprKind::Name(text) => Some(Name { text: text.clone(), span: value.span }),
        ExprKind::Binary { right, .. } => last_name(right),
        ExprKind::Unary { operand, .. } => last_name(operand),
        _ => None,
    }
}

/// Whether the word is one that the statement takes there: `export weights`.
fn is_choice(simple: &Simple, index: usize, text: &str) -> bool {
    let word = super::statements::find(&simple.word.text);
    let param = word.and_then(|word| word.params.iter().filter(|param| !param.named).nth(index));
    param.is_some_and(|param| words_of(&param.ty).any(|word| word == text))
}

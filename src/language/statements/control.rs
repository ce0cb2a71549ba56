//! Declarations and control words: `let` `param` `phase` `use` `repeat` `for` `if` and blocks.

use super::{Lower, Word, WordKind};
use crate::components::{Expression, Param, Type, Value};
use crate::diagnostic::{Code, Diagnostic};
use crate::language::context::{Context, Frame, LoopVariable};
use crate::language::lints;
use crate::language::program::{Op, Step};
use crate::language::scope::{Binding, Meaning, Phase};
use crate::language::values::Place;
use crate::source::Span;
use crate::syntax::tree::{Block, Expr, Name, Statement, StatementKind};

const fn word(name: &'static str, kind: WordKind, doc: &'static str, example: &'static str) -> Word {
    Word { name, kind, params: NONE, on: false, with: false, block: false, doc, example, lower: Lower::Production }
}

static NONE: &[Param] = &[];

pub static LET: Word = word("let", WordKind::Declaration, "a name for a value", "let attack = pgd(eps: 8/255)");
pub static PARAM: Word = word(
    "param",
    WordKind::Declaration,
    "a name for a value that `--set name=value` may override",
    "param share: Share = 30% in 0%..=100% \"share forgotten\"",
);
pub static PHASE: Word =
    word("phase", WordKind::Declaration, "a named piece of schedule", "phase polish(n: Duration = 5) { train n }");
pub static USE: Word =
    word("use", WordKind::Declaration, "brings another file's declarations in", "use \"common.fsched\"");
pub static REPEAT: Word = word(
    "repeat",
    WordKind::Control,
    "so many times; as the last statement of a block, the steps above it",
    "repeat 5 { train 1; forget head 10%; train 1 }",
);
pub static FOR: Word =
    word("for", WordKind::Control, "once for each value of a list", "for c in 0..10 { zap head[c]; train 1 }");
pub static IF: Word = word("if", WordKind::Control, "one of two blocks", "if clean < 50% { train 5 } else { train 1 }");

impl<'a> Context<'a> {
    pub(in crate::language) fn statement(&mut self, statement: &'a Statement) {
        self.note_keyword(statement);
        match &statement.kind {
            StatementKind::Simple(simple) => self.simple(simple, statement.span),
            StatementKind::Let { name, value } => self.let_(name, value),
            StatementKind::Param(param) => self.param(param),
            StatementKind::Phase { name, .. } => {
                if self.frames.len() > 1 {
                    let d = Diagnostic::new(Code::BAD_STEP_PLACE, name.span, "phases are defined at the top level");
                    self.report(d.help("move it out of the block; settings and names of the top level reach into it"));
                }
            }
            StatementKind::Use { path } => self.use_(path, statement.span),
            StatementKind::Repeat { count, body } => self.repeat(count, body.as_ref(), statement.span),
            StatementKind::For { variable, list, body } => self.for_(variable, list, body, statement.span),
            StatementKind::If { condition, then, otherwise } => {
                self.if_(condition, then, otherwise.as_ref(), statement.span)
            }
            StatementKind::Block(block) => {
                let path = self.next_path();
                let frame = lower_block(self, block, format!("{path}.block."));
                self.emit(statement.span, Op::Block { label: None, body: frame.steps });
            }
            StatementKind::Assignment { simple, equals } => self.assignment(simple, *equals, statement.span),
            StatementKind::Error => self.unreadable(statement.span),
        }
    }

    /// What could not be read may have been what selectors and shapes depend on: what follows from its absence would
    /// mislead.
    pub(in crate::language) fn unreadable(&mut self, span: Span) {
        let text = self.sources.text(span);
        self.current.poisoned |= text.starts_with("data") || text.starts_with("model");
    }

    fn use_(&mut self, path: &'a Expr, span: Span) {
        if self.frames.len() > 1 {
            let d = Diagnostic::new(Code::BAD_STEP_PLACE, path.span, "`use` stands at the top level");
            return self.report(d.help("move it out of the block"));
        }
        let imports = self.imports;
        let Some(imported) = imports.get(&span) else { return };
        let source = imported.file.source;
        self.index.import(span, source);
        self.index.enter(Span::new(source, 0, self.sources.get(source).text.len()));
        self.hoist_phases(&imported.file.statements, true);
        for statement in &imported.file.statements {
            match &statement.kind {
                StatementKind::Let { .. } | StatementKind::Param(_) | StatementKind::Use { .. } => {
                    self.statement(statement)
                }
                StatementKind::Phase { .. } | StatementKind::Error => {}
                _ => {
                    let d = Diagnostic::new(Code::IMPORT, statement.span, "an imported file holds declarations only");
                    self.report(d.label(path.span, "imported here").help("put steps and settings into a `phase`"));
                }
            }
        }
        self.index.leave();
        self.scopes.mark_imported(span.file);
    }

    /// Phases are known from the first line of their file.
    pub(in crate::language) fn hoist_phases(&mut self, statements: &'a [Statement], imported: bool) {
        for statement in statements {
            if let StatementKind::Phase { name, parameters, body } = &statement.kind {
                self.note_phase(name, parameters, body.span);
                self.bind_name(name, Meaning::Phase(Phase { parameters, body }), imported);
            }
        }
    }

    /// Binds a name in the present block; clashes are errors, hidden outer names lints.
    pub(in crate::language) fn bind_name(&mut self, name: &Name, meaning: Meaning<'a>, imported: bool) {
        let reserved = super::find(&name.text).is_some();
        if reserved {
            let d = Diagnostic::new(Code::RESERVED_WORD, name.span, format!("`{}` is a statement's word", name.text));
            self.report(d.help("choose another name"));
        }
        if let Some(hidden) = self.scopes.hidden(&name.text).map(|b| b.span) {
            lints::hidden(self, name, hidden);
        }
        let binding =
            Binding { name: name.text.clone(), span: name.span, meaning, used: reserved, imported, choice: false };
        if let Err(first) = self.scopes.bind(binding) {
            let d =
                Diagnostic::new(Code::REDEFINED, name.span, format!("`{}` is defined twice in this block", name.text));
            self.report(d.label(first, "first here").help("choose another name, or leave one out"));
        }
    }

    fn let_(&mut self, name: &'a Name, value: &'a Expr) {
        let what = format_args!("`{}`", name.text);
        let bound = self.value(value, Place { what: &what, ty: &Type::Any, bounds: None });
        self.note_let(name, value, bound.as_ref());
        let choice = self.is_choice(value);
        self.bind_name(name, Meaning::Value(bound), false);
        if choice {
            self.scopes.mark_choice(&name.text);
        }
    }

    fn repeat(&mut self, count: &'a Expr, body: Option<&'a Block>, span: Span) {
        let n = self.count(count);
        let Some(body) = body else { return self.trailing_repeat(n, span) };
        let path = self.next_path();
        let frame = lower_block(self, body, format!("{path}.repeat."));
        if let Some(count) = n {
            self.emit(span, Op::Repeat { count, until: None, body: frame.steps });
        }
    }

    fn count(&mut self, count: &'a Expr) -> Option<u64> {
        let place = Place { what: &"`repeat`", ty: &Type::Int, bounds: None };
        match self.value(count, place)? {
            Value::Int(n) if n > 0 => Some(n as u64),
            Value::Int(n) => {
                let d = Diagnostic::new(Code::ZERO_COUNT, count.span, format!("`repeat {n}` does nothing"));
                self.report(d.help("a count is at least 1; to skip a block, use `if`"));
                None
            }
            _ => {
                let d = Diagnostic::new(Code::WRONG_TYPE, count.span, "how often must be the same in each round");
                self.report(d.help("a loop's variable can't be the count of an inner loop"));
                None
            }
        }
    }

    /// `repeat N` at the end: the steps above it in the block run N times in all.
    fn trailing_repeat(&mut self, count: Option<u64>, span: Span) {
        let Some(frame) = self.frames.last() else { return };
        let first = frame.steps.iter().position(|s| !self.spans_steps(s)).unwrap_or(frame.steps.len());
        let Some(frame) = self.frames.last_mut() else { return };
        let mut body = frame.steps.split_off(first);
        let prefix = frame.prefix.clone();
        frame.count = 0;
        if body.is_empty() {
            let d = Diagnostic::new(Code::BAD_STEP_PLACE, span, "there are no steps above this `repeat` to repeat");
            return self.report(d.help("write `repeat 5 { … }`, or steps above it in the same block"));
        }
        let outer = format!("{prefix}1.repeat.");
        body.iter_mut().for_each(|s| move_path(s, prefix.len(), &outer));
        // A schedule among the steps starts in each round, and has the rest of the round.
        self.fit_schedules(&mut body);
        // What a step's own settings emit comes before it.
        let body_span = body.iter().map(|s| s.span).min_by_key(|s| s.start).unwrap_or(span);
        lints::trailing_repeat(self, body_span, span);
        if let Some(count) = count {
            self.emit(span, Op::Repeat { count, until: None, body });
        }
    }

    fn for_(&mut self, variable: &'a Name, list: &'a Expr, body: &'a Block, span: Span) {
        let place = Place { what: &"`for`", ty: &Type::List(&Type::Any), bounds: None };
        let values = match self.value(list, place) {
            Some(Value::List(values)) if !values.iter().any(Value::waits) => Some(values),
            Some(_) => {
                let d = Diagnostic::new(Code::WRONG_TYPE, list.span, "the list must be known before the run");
                self.report(d.help("write the list itself, such as `[1%, 10%]` or `0..10`"));
                None
            }
            None => None,
        };
        if values.as_ref().is_some_and(Vec::is_empty) {
            let d = Diagnostic::new(Code::ZERO_COUNT, list.span, "this list is empty, so the loop does nothing");
            self.report(d.help("ranges leave their end out: `0..3` is 0, 1, 2"));
        }
        let values = values.filter(|v| !v.is_empty());
        let id = self.fresh_id();
        let name = variable.text.clone();
        let later = Value::Later(Box::new(Expression::Variable(id, name.clone())), Type::Any);
        self.note_loop(variable, list, values.as_deref(), body.span);
        self.scopes.push();
        self.bind_name(variable, Meaning::Value(values.as_ref().map(|_| later)), false);
        self.scopes.mark_choice(&variable.text);
        let known = values.clone().unwrap_or_default();
        self.loops.push(LoopVariable { id, name: name.clone(), values: known });
        let path = self.next_path();
        let frame = lower_block(self, body, format!("{path}.for."));
        self.loops.pop();
        self.leave_scope();
        if let Some(values) = values {
            self.emit(span, Op::For { variable: id, name, values, body: frame.steps });
        }
    }

    fn if_(&mut self, condition: &'a Expr, then: &'a Block, otherwise: Option<&'a Block>, span: Span) {
        let place = Place { what: &"`if`", ty: &Type::Condition, bounds: None };
        let value = self.value(condition, place);
        let path = self.next_path();
        let (then_prefix, else_prefix) = (format!("{path}.if."), format!("{path}.else."));
        if let Some(Value::Bool(taken)) = value {
            if let Some(skipped) = if taken { otherwise } else { Some(then) } {
                lints::unreached(self, condition, taken, skipped);
            }
            return self.decided_if(taken, then, otherwise, (then_prefix, else_prefix), span);
        }
        let settings = match value {
            Some(_) => self.fitting_settings(condition.span),
            None => None,
        };
        self.conditional += 1;
        let outer = self.current.clone();
        if outer.held_clocks != outer.clocks {
            self.current.held_clocks = outer.clocks.clone();
        }
        let then = lower_block(self, then, then_prefix).steps;
        let otherwise = otherwise.map_or(Vec::new(), |b| lower_block(self, b, else_prefix).steps);
        self.current = outer;
        self.conditional -= 1;
        let (Some(value), Some(settings)) = (value, settings) else { return };
        if let Some(expression) = self.condition(&value, &settings, condition.span) {
            lints::condition_on_test_data(self, &expression, &settings, condition.span);
            let condition = expression;
            self.emit(span, Op::If { condition, settings, then, otherwise });
        }
    }

    /// The condition is known: one arm is taken, the other only checked.
    fn decided_if(
        &mut self,
        taken: bool,
        then: &'a Block,
        otherwise: Option<&'a Block>,
        (then_prefix, else_prefix): (String, String),
        span: Span,
    ) {
        let (run, skip, prefix) = match taken {
            true => (Some(then), otherwise, then_prefix),
            false => (otherwise, Some(then), else_prefix),
        };
        if let Some(skip) = skip {
            self.scratch(|cx| {
                lower_block(cx, skip, String::new());
            });
        }
        if let Some(run) = run {
            let frame = lower_block(self, run, prefix);
            self.emit(span, Op::Block { label: None, body: frame.steps });
        }
    }

    /// Anything but a setting in a `with { … }` block.
    pub(in crate::language) fn only_settings(&mut self, span: Span) {
        let d = Diagnostic::new(Code::MISPLACED_BLOCK, span, "a `with { … }` block holds settings only");
        self.report(d.help("put steps and declarations before or after the step"));
    }

    /// Leaves a scope and reports what was never used in it.
    pub(in crate::language) fn leave_scope(&mut self) {
        for binding in self.scopes.pop() {
            if !binding.used {
                self.unused.push((binding.name.clone(), binding.span));
            }
            lints::unused(self, &binding);
        }
    }
}

/// Lowers a block in a scope of its own: names and settings inside end with it.
pub(in crate::language) fn lower_block<'a>(cx: &mut Context<'a>, block: &'a Block, prefix: String) -> Frame {
    cx.fold_known_freezes();
    let outer = cx.current.clone();
    cx.scopes.push();
    cx.open(prefix);
    cx.index.enter(block.span);
    lower_statements(cx, &block.statements);
    cx.index.leave();
    let frame = cx.close();
    cx.leave_scope();
    cx.current = outer;
    frame
}

/// Lowers the statements of a block or file; `repeat N` without a block must be the last.
pub(in crate::language) fn lower_statements<'a>(cx: &mut Context<'a>, statements: &'a [Statement]) {
    let last = statements.len().saturating_sub(1);
    for (i, statement) in statements.iter().enumerate() {
        cx.count_written_out(statement.span);
        if cx.is_full() {
            break;
        }
        let trailing = matches!(&statement.kind, StatementKind::Repeat { body: None, .. });
        if trailing && i != last {
            let d = Diagnostic::new(Code::BAD_STEP_PLACE, statement.span, "`repeat N` without a block ends its block");
            let next = statements[i + 1].span;
            cx.report(d.label(next, "but this follows").help("put what is repeated in braces: `repeat 5 { … }`"));
            continue;
        }
        cx.statement(statement);
        if let (true, Some(next)) = (is_stop(statement), statements.get(i + 1)) {
            lints::behind_stop(cx, next);
        }
    }
}

/// Whether nothing of its block runs behind a statement.
fn is_stop(statement: &Statement) -> bool {
    matches!(&statement.kind, StatementKind::Simple(simple) if simple.word.text == super::triggers::STOP.name)
}

/// Moves a step (and what is in it) from a block's path to another.
fn move_path(step: &mut Step, old_prefix: usize, new_prefix: &str) {
    let moved = |id: &str| format!("{new_prefix}{}", &id[old_prefix..]);
    step.id = moved(&step.id);
    match &mut step.op {
        Op::Repeat { body, .. } | Op::For { body, .. } | Op::Block { body, .. } => {
            body.iter_mut().for_each(|s| move_path(s, old_prefix, new_prefix))
        }
        Op::If { then, otherwise, .. } => {
            then.iter_mut().chain(otherwise).for_each(|s| move_path(s, old_prefix, new_prefix))
        }
        Op::Train(train) => {
            for trigger in &mut train.triggers {
                trigger.id = moved(&trigger.id);
                trigger.body.iter_mut().for_each(|s| move_path(s, old_prefix, new_prefix));
            }
        }
        _ => {}
    }
}

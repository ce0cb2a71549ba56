//! The notes that lowering makes of names: what kind they are, how their values read, how far they reach.

use super::selections::{Forgotten, Selection};
use super::{Argument, Callee, Definition, DefinitionKind, Parameter, Sense};
use crate::components::forgetting::Unit;
use crate::components::{Selector, Value};
use crate::language::arguments::Bound;
use crate::language::context::Context;
use crate::language::phases::type_name;
use crate::language::program::Forget;
use crate::language::statements;
use crate::source::Span;
use crate::syntax::tree::{self, Expr, ExprKind, Name, Param, Statement, StatementKind};

/// Longer values are cut where they are shown.
const LONGEST: usize = 80;

impl<'a> Context<'a> {
    /// `let name = value`
    pub(in crate::language) fn note_let(&mut self, name: &Name, expr: &Expr, value: Option<&Value>) {
        let mut definition = self.definition(name, DefinitionKind::Let, self.index.rest_of_block(expr.span));
        self.valued(&mut definition, expr, value);
        self.index.define(definition);
    }

    /// `param name: Type = value`
    pub(in crate::language) fn note_param(&mut self, param: &Param, value: Option<&Value>) {
        let last = param.text.as_ref().or(param.range.as_ref()).unwrap_or(&param.default);
        let scope = self.index.rest_of_block(last.span);
        let mut definition = self.definition(&param.name, DefinitionKind::Param, scope);
        self.valued(&mut definition, &param.default, value);
        if let Some(annotation) = &param.annotation {
            definition.ty = annotation.text.clone();
        }
        if let Some(range) = &param.range {
            definition.shown = format!("{} in {}", definition.shown, self.folded(range.span));
        }
        definition.doc = param.text.as_ref().and_then(|t| match &t.kind {
            ExprKind::Text(text) => Some(text.clone()),
            _ => None,
        });
        self.index.define(definition);
    }

    /// A phase, known in its whole file, and its parameters, known in its body.
    pub(in crate::language) fn note_phase(&mut self, name: &Name, parameters: &[tree::Parameter], body: Span) {
        let scope = self.index.block().unwrap_or(body);
        let mut definition = self.definition(name, DefinitionKind::Phase, scope);
        let shown: Vec<String> = parameters.iter().map(|p| self.folded(p.span)).collect();
        definition.shown = format!("({})", shown.join(", "));
        definition.parameters = parameters.iter().map(|p| p.name.span).collect();
        definition.outermost = true;
        self.index.define(definition);
        for parameter in parameters {
            let mut definition = self.definition(&parameter.name, DefinitionKind::PhaseParameter, body);
            definition.ty = parameter.annotation.as_ref().map(|a| a.text.clone()).unwrap_or_default();
            definition.shown = parameter.default.as_ref().map(|d| self.folded(d.span)).unwrap_or_default();
            definition.outermost = false;
            self.index.define(definition);
        }
    }

    /// `for variable in list { … }`
    pub(in crate::language) fn note_loop(
        &mut self,
        variable: &Name,
        list: &Expr,
        values: Option<&[Value]>,
        body: Span,
    ) {
        let mut definition = self.definition(variable, DefinitionKind::LoopVariable, body);
        definition.ty = values.and_then(|v| v.first()).map_or("", type_name).to_string();
        let rounds = values.map_or(String::new(), |v| format!(" ({} values)", v.len()));
        definition.shown = format!("each of {}{rounds}", self.folded(list.span));
        definition.outermost = false;
        self.index.define(definition);
    }

    /// The word that a production of the grammar begins with: `let`, `repeat` …
    pub(in crate::language) fn note_keyword(&mut self, statement: &Statement) {
        let name = match &statement.kind {
            StatementKind::Let { .. } => "let",
            StatementKind::Param(_) => "param",
            StatementKind::Phase { .. } => "phase",
            StatementKind::Use { .. } => "use",
            StatementKind::Repeat { .. } => "repeat",
            StatementKind::For { .. } => "for",
            StatementKind::If { .. } => "if",
            _ => return,
        };
        let span = Span { end: statement.span.start + name.len() as u32, ..statement.span };
        if let (true, Some(word)) = (self.sources.text(statement.span).starts_with(name), statements::find(name)) {
            self.index.means(span, Sense::Word(word));
        }
    }

    /// The selector of a `freeze`, `thaw` or `train_only`.
    pub(in crate::language) fn note_selection(&mut self, selector: &Selector, span: Span, owned: bool) {
        self.selected(selector, span, None, owned);
    }

    /// The selector of a `forget`, with what it re-draws of it.
    pub(in crate::language) fn note_forgotten(&mut self, forget: &Forget, span: Span) {
        self.selected(&forget.target.selector, span, Forgotten::of(forget), false);
    }

    /// The selector of a `zap`, all of which is re-drawn.
    pub(in crate::language) fn note_zapped(&mut self, selector: &Selector, span: Span) {
        let all = Forgotten { share: Some(1.0), overall: false, unit: Unit::Weight };
        self.selected(selector, span, Some(all), false);
    }

    fn selected(&mut self, selector: &Selector, span: Span, forgotten: Option<Forgotten>, owned: bool) {
        let head_rows = self.head_classes;
        self.index.selection(Selection { span, selector: selector.clone(), forgotten, owned, head_rows });
    }

    /// An argument and the parameter that it is for.
    pub(in crate::language) fn note_argument(
        &mut self,
        argument: &tree::Argument,
        parameter: Parameter,
        callee: Callee,
    ) {
        let name = argument.name.as_ref().map(|n| n.span);
        let (span, value) = (argument.span, argument.value.span);
        self.index.argument(Argument { span, value, callee, parameter, named: name.is_some() }, name);
    }

    /// The checkpoint that an argument names: `rewind("name")`, `kl(teacher: "name")`.
    pub(in crate::language) fn note_named(&mut self, bound: &Bound, parameter: &str) {
        if let Some(Value::Text(name)) = bound.value(parameter) {
            self.note_checkpoint(name, bound.span(parameter), false);
        }
    }

    /// A text that names a checkpoint, and whether it makes it.
    pub(in crate::language) fn note_checkpoint(&mut self, name: &str, span: Span, made: bool) {
        let text = self.sources.text(span);
        self.index.checkpoint(name, span, text, made);
    }

    fn definition(&self, name: &Name, kind: DefinitionKind, scope: Span) -> Definition {
        Definition {
            name: name.text.clone(),
            span: name.span,
            kind,
            ty: String::new(),
            shown: String::new(),
            doc: None,
            scope,
            outermost: self.index.is_outermost(),
            selection: None,
            parameters: Vec::new(),
        }
    }

    fn valued(&self, definition: &mut Definition, expr: &Expr, value: Option<&Value>) {
        definition.shown = self.folded(expr.span);
        definition.ty = value.map_or("", type_name).to_string();
        match value {
            Some(Value::Real(r)) if !matches!(expr.kind, ExprKind::Real(_) | ExprKind::Percent(_)) => {
                definition.shown = format!("{} = {r}", definition.shown)
            }
            Some(Value::Int(i)) if !matches!(expr.kind, ExprKind::Int(_)) => {
                definition.shown = format!("{} = {i}", definition.shown)
            }
            Some(Value::Selector(selector)) => {
                let (selector, span) = (selector.clone(), expr.span);
                let head_rows = self.head_classes;
                definition.selection = Some(Selection { span, selector, forgotten: None, owned: false, head_rows });
            }
            _ => {}
        }
    }

    /// What stands there, on one line.
    pub(in crate::language) fn folded(&self, span: Span) -> String {
        let text = self.sources.text(span);
        let mut folded = String::with_capacity(text.len().min(LONGEST));
        for word in text.split_whitespace() {
            if !folded.is_empty() {
                folded.push(' ');
            }
            folded.push_str(word);
            if folded.len() > LONGEST {
                let end = (0..=LONGEST).rev().find(|i| folded.is_char_boundary(*i)).unwrap_or(0);
                folded.truncate(end);
                folded.push('…');
                break;
            }
        }
        folded
    }
}

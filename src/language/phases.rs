//! `param` and its overrides, `phase` and its calls.

use super::arguments::{Owner, suggesting};
use super::calls::Call;
use super::context::Context;
use super::index;
use super::scope::{Meaning, Phase};
use super::statements::lower_block;
use super::values::Place;
use crate::components::coerce::words;
use crate::components::describe::{Bounds, Type};
use crate::components::{Duration, Value};
use crate::diagnostic::{Code, Diagnostic};
use crate::source::Span;
use crate::syntax::tree::{Argument, Expr, ExprKind, Name, Param, Parameter, Simple};

/// The types that annotations may name.
pub static TYPES: &[(&str, Type)] = &[
    ("Int", Type::Int),
    ("Real", Type::Real),
    ("Share", Type::Share),
    ("Duration", Type::Duration),
    ("Text", Type::Text),
    ("Bool", Type::Bool),
    ("Selector", Type::Selector),
    ("Metric", Type::Metric),
    ("Tasks", Type::Tasks),
    ("List", Type::List(&Type::Any)),
    ("Data", Type::Component(crate::components::Family::Data)),
    ("Model", Type::Component(crate::components::Family::Model)),
    ("Adapter", Type::Component(crate::components::Family::Adapter)),
    ("Optimizer", Type::Component(crate::components::Family::Optimizer)),
    ("Schedule", Type::Component(crate::components::Family::Schedule)),
    ("Objective", Type::Component(crate::components::Family::Objective)),
    ("Attack", Type::Component(crate::components::Family::Attack)),
    ("Memory", Type::Component(crate::components::Family::Memory)),
    ("Recall", Type::Component(crate::components::Family::Recall)),
];

/// What a parameter of a phase has in a call: its default where no argument gives it another value.
struct Given {
    value: Option<Value>,
    argument: Option<Span>,
}

impl<'a> Context<'a> {
    pub(super) fn param(&mut self, param: &'a Param) {
        let name = &param.name;
        if self.frames.len() > 1 {
            let d = Diagnostic::new(Code::BAD_STEP_PLACE, name.span, "parameters are declared at the top level");
            self.report(d.help("move it out of the block, or use `let`"));
        }
        let annotated = param.annotation.as_ref().and_then(|a| self.annotation(a));
        let what = format!("`{}`", name.text);
        let any = Type::Any;
        let place = Place { what: &what, ty: annotated.unwrap_or(&any), bounds: None };
        let default = self.value(&param.default, place);
        let ty = annotated.or_else(|| default.as_ref().map(type_of)).unwrap_or(&Type::Any);
        let bounds = param.range.as_ref().and_then(|r| self.param_bounds(r));
        let place = Place { what: &what, ty, bounds };
        if default.is_some() && bounds.is_some() {
            self.value(&param.default, place);
        }
        let value = match self.options.overrides.iter().position(|o| o.name == name.text) {
            Some(index) => {
                let expr: &'a Expr = &self.options.overrides[index].value;
                self.value(expr, place)
            }
            None => default,
        };
        if let Some(value) = &value {
            self.program.bindings.push((name.text.clone(), value.clone()));
        }
        self.note_param(param, value.as_ref());
        self.bind_name(name, Meaning::Value(value), false);
        self.scopes.mark_choice(&name.text);
    }

    fn annotation(&mut self, name: &Name) -> Option<&'static Type> {
        let found = TYPES.iter().find(|(n, _)| *n == name.text).map(|(_, ty)| ty);
        if found.is_some() {
            self.index.means(name.span, index::Sense::Type);
        } else {
            let d = Diagnostic::new(Code::UNKNOWN_NAME, name.span, format!("there is no type `{}`", name.text));
            let names: Vec<_> = TYPES.iter().map(|(n, _)| *n).collect();
            let d = suggesting(d, &name.text, name.span, names.iter().copied());
            self.report(if d.help.is_some() { d } else { d.help(format!("types are {}", names.join(", "))) });
        }
        found
    }

    /// `0%..=100%`, `1..20`: the range of a number.
    fn param_bounds(&mut self, range: &'a Expr) -> Option<Bounds> {
        let ExprKind::Range { start, end, inclusive } = &range.kind else {
            let d = Diagnostic::new(Code::WRONG_TYPE, range.span, "the range of a parameter is written `low..=high`");
            self.report(d.help("for example `in 0%..=100%`"));
            return None;
        };
        let mut end_of = |e: &'a Option<Box<Expr>>, open: f64| match e {
            None => Some(open),
            Some(e) => match self.value(e, Place { what: &"the end of a range", ty: &Type::Real, bounds: None })? {
                Value::Real(r) => Some(r),
                _ => None,
            },
        };
        let (min, max) = (end_of(start, f64::NEG_INFINITY)?, end_of(end, f64::INFINITY)?);
        Some(Bounds { min, max, above: false, below: !*inclusive && end.is_some() })
    }

    /// Overrides of parameters that don't exist.
    pub(super) fn unknown_overrides(&mut self, params: &[&str]) {
        let options = self.options;
        for set in options.overrides.iter().filter(|o| !params.contains(&o.name.as_str())) {
            let message = format!("the program has no parameter `{}`", set.name);
            let d = Diagnostic::new(Code::UNKNOWN_PARAM, set.span, message);
            let guesses = super::suggest::closest(&set.name, params.iter().copied());
            self.report(match (guesses.first(), params.is_empty()) {
                (Some(guess), _) => d.help(format!("did you mean `{guess}`?")),
                (None, true) => d.help(format!("declare it: `param {} = …`", set.name)),
                (None, false) => d.help(format!("it has {}", params.join(", "))),
            });
        }
    }

    /// Lowers the call of a phase; false if the word names none.
    pub(super) fn call_phase(&mut self, simple: &'a Simple, span: Span) -> bool {
        let name = simple.word.text.as_str();
        let (phase, defined) = match self.scopes.get(name) {
            Some(b) => match &b.meaning {
                Meaning::Phase(phase) => (*phase, b.span),
                Meaning::Value(_) => {
                    let place = b.span;
                    self.index.used(simple.word.span, place);
                    let d = Diagnostic::new(
                        Code::UNKNOWN_STATEMENT,
                        simple.word.span,
                        format!("`{name}` is a value, not a statement"),
                    );
                    self.report(d.label(place, "defined here").help("a statement begins with a word such as `train`"));
                    return true;
                }
            },
            None => return false,
        };
        self.index.used(simple.word.span, defined);
        if !simple.called && !simple.arguments.is_empty() {
            let d = Diagnostic::new(
                Code::WRONG_TYPE,
                simple.word.span,
                format!("the arguments of a phase stand in brackets: `{name}(…)`"),
            );
            self.report(d.label(defined, "defined here"));
        }
        if self.phases.iter().any(|call| call.name == name) {
            let d = Diagnostic::new(Code::RECURSION, simple.word.span, format!("the phase `{name}` runs itself"));
            self.report(d.label(defined, "defined here").help("phases don't recurse; use `repeat`"));
            return true;
        }
        let owner = Owner { name, span: simple.word.span, callee: index::Callee::Phase(defined) };
        let given = self.phase_arguments(phase.parameters, &simple.arguments, owner, defined);
        let arguments = given.iter().map(|g| g.argument).collect();
        let call = Call { name: name.to_string(), parameters: phase.parameters, arguments };
        let values = given.into_iter().map(|g| g.value).collect();
        let path = self.next_path();
        let frame = self.phase_body(phase, call, values, format!("{path}.{name}."));
        self.emit(span, super::program::Op::Block { label: Some(name.to_string()), body: frame });
        true
    }

    /// Reads the body of a phase that is never called, its parameters unknown.
    pub(super) fn check_uncalled(&mut self, phase: Phase<'a>, name: &str) {
        let values = phase.parameters.iter().map(|_| None).collect();
        for parameter in phase.parameters {
            let what = format!("`{}` of `{name}`", parameter.name.text);
            let annotated = parameter.annotation.as_ref().and_then(|a| self.annotation(a));
            let place = Place { what: &what, ty: annotated.unwrap_or(&Type::Any), bounds: None };
            parameter.default.iter().for_each(|d| drop(self.value(d, place)));
        }
        // It may be meant to be called within an `every` or `when`.
        self.hosts += 1;
        self.scratch(|cx| {
            let call = Call { name: name.to_string(), parameters: phase.parameters, arguments: Vec::new() };
            cx.phase_body(phase, call, values, String::new());
        });
        self.hosts -= 1;
    }

    fn phase_body(
        &mut self,
        phase: Phase<'a>,
        call: Call<'a>,
        values: Vec<Option<Value>>,
        prefix: String,
    ) -> Vec<super::program::Step> {
        self.phases.push(call);
        self.index.enter_phase(phase.body.span);
        let inner = self.scopes.only_outermost();
        self.scopes.push();
        for (parameter, value) in phase.parameters.iter().zip(values) {
            self.bind_name(&parameter.name, Meaning::Value(value), true);
            self.scopes.mark_choice(&parameter.name.text);
        }
        let frame = lower_block(self, phase.body, prefix);
        self.leave_scope();
        self.scopes.restore(inner);
        self.index.leave_phase();
        self.phases.pop();
        frame.steps
    }

    fn phase_arguments(
        &mut self,
        parameters: &'a [Parameter],
        arguments: &'a [Argument],
        owner: Owner<'_>,
        defined: Span,
    ) -> Vec<Given> {
        let mut unknown = false;
        let mut given: Vec<Option<&'a Argument>> = vec![None; parameters.len()];
        for argument in arguments {
            let index = match &argument.name {
                Some(name) => parameters.iter().position(|p| p.name.text == name.text),
                None => given.iter().position(Option::is_none),
            };
            match index {
                Some(i) if given[i].is_none() => {
                    let parameter = index::Parameter::Phase(parameters[i].name.span);
                    self.note_argument(argument, parameter, owner.callee);
                    given[i] = Some(argument);
                }
                Some(i) => {
                    let message = format!("`{}` of `{}` is given twice", parameters[i].name.text, owner.name);
                    self.error(Code::DUPLICATE_ARGUMENT, argument.span, message);
                }
                None => {
                    self.only_names(std::slice::from_ref(argument));
                    self.unknown_phase_argument(parameters, argument, owner, defined);
                    unknown |= argument.name.is_some();
                }
            }
        }
        // What has a name that nothing has may be what is missing.
        let silent = |p: &Parameter, a: &Option<&Argument>| unknown && a.is_none() && p.default.is_none();
        let values = parameters.iter().zip(given);
        let given = values.map(|(p, a)| Given {
            value: if silent(p, &a) { None } else { self.phase_argument(p, a, owner) },
            argument: a.map(|a| a.value.span),
        });
        given.collect()
    }

    fn unknown_phase_argument(
        &mut self,
        parameters: &[Parameter],
        argument: &Argument,
        owner: Owner<'_>,
        defined: Span,
    ) {
        let names: Vec<_> = parameters.iter().map(|p| p.name.text.as_str()).collect();
        let has = match names.is_empty() {
            true => "it has none".to_string(),
            false => format!("it has {}", words(&names).replace(" or ", " and ")),
        };
        let d = match &argument.name {
            Some(name) => {
                let message = format!("`{}` has no parameter `{}`", owner.name, name.text);
                let d = Diagnostic::new(Code::UNKNOWN_ARGUMENT, name.span, message);
                suggesting(d, &name.text, name.span, names)
            }
            None => {
                let message = format!("`{}` has no parameter for this", owner.name);
                Diagnostic::new(Code::EXTRA_ARGUMENT, argument.span, message)
            }
        };
        let d = if d.help.is_none() { d.help(has) } else { d };
        self.report(d.label(defined, "defined here"));
    }

    fn phase_argument(
        &mut self,
        parameter: &'a Parameter,
        given: Option<&'a Argument>,
        owner: Owner<'_>,
    ) -> Option<Value> {
        let what = format!("`{}` of `{}`", parameter.name.text, owner.name);
        let annotated = parameter.annotation.as_ref().and_then(|a| self.annotation(a));
        let place = Place { what: &what, ty: annotated.unwrap_or(&Type::Any), bounds: None };
        match (given, &parameter.default) {
            (Some(argument), _) => self.value(&argument.value, place),
            (None, Some(default)) => self.value(default, place),
            (None, None) => {
                let d = Diagnostic::new(
                    Code::MISSING_ARGUMENT,
                    owner.span,
                    format!("`{}` needs `{}`", owner.name, parameter.name.text),
                );
                self.report(d.label(parameter.span, "declared here"));
                None
            }
        }
    }
}

/// The name of a value's type; empty where annotations can't name it.
pub(super) fn type_name(value: &Value) -> &'static str {
    let ty = type_of(value);
    TYPES.iter().find(|(_, t)| t == ty).map_or("", |(name, _)| name)
}

/// The type of a parameter without an annotation: its default's.
fn type_of(value: &Value) -> &'static Type {
    let is = |ty: Type| TYPES.iter().map(|(_, t)| t).find(|t| **t == ty).unwrap_or(&Type::Any);
    match value {
        Value::Bool(_) => is(Type::Bool),
        Value::Int(_) => is(Type::Int),
        Value::Real(_) => is(Type::Real),
        Value::Text(_) => is(Type::Text),
        Value::Duration(Duration::Epochs(_) | Duration::Steps(_) | Duration::Seconds(_)) => is(Type::Duration),
        Value::Selector(_) => is(Type::Selector),
        Value::Metric(_) => is(Type::Metric),
        Value::Task(_) => is(Type::Tasks),
        Value::List(items) if !items.is_empty() && items.iter().all(|item| matches!(item, Value::Task(_))) => {
            is(Type::Tasks)
        }
        Value::List(_) => is(Type::List(&Type::Any)),
        Value::Component(spec) => is(Type::Component(spec.member.family)),
        _ => &Type::Any,
    }
}

//! Arguments ↔ parameters, for statements and components alike.

use super::context::Context;
use super::index::{Callee, Parameter, Sense};
use super::suggest;
use super::values::{Place, as_metric, families_of, split_of, unit_of, words_of};
use crate::components::catalogue::{self, default_value};
use crate::components::coerce::words;
use crate::components::metrics::{cost, retention};
use crate::components::{Default, Family, Member, Param, Spec, Type, Value};
use crate::diagnostic::{Code, Diagnostic, Edit};
use crate::source::Span;
use crate::syntax::tree::{Argument, ExprKind, Name};

/// Whose arguments they are.
#[derive(Clone, Copy)]
pub(super) struct Owner<'o> {
    pub name: &'o str,
    /// where something missing is reported
    pub span: Span,
    pub callee: Callee,
}

/// The arguments of a statement or component by parameter.
pub(super) struct Bound {
    params: &'static [Param],
    /// `None`: wrong or missing, and reported
    pub values: Vec<Option<Value>>,
    /// where each was written; where it wasn't, its owner's place
    pub spans: Vec<Span>,
    pub given: Vec<bool>,
}

impl Bound {
    fn at(&self, name: &str) -> usize {
        self.params.iter().position(|p| p.name == name).expect("statements ask for their own parameters")
    }

    /// What a parameter has; `None` after an error.
    pub fn value(&self, name: &str) -> Option<&Value> {
        self.values[self.at(name)].as_ref()
    }

    /// Where a parameter's argument stands.
    pub fn span(&self, name: &str) -> Span {
        self.spans[self.at(name)]
    }

    /// Whether an argument was written for a parameter.
    pub fn given(&self, name: &str) -> bool {
        self.given[self.at(name)]
    }

    /// Gives a parameter the value of an argument at `place`, or one value more.
    fn put(&mut self, index: usize, value: Option<Value>, place: Span) {
        let started = std::mem::replace(&mut self.given[index], true);
        self.spans[index] = if started { self.spans[index].to(place) } else { place };
        match self.params[index].many {
            true => gather(&mut self.values[index], value, started),
            false => self.values[index] = value,
        }
    }

    pub fn params(&self) -> &'static [Param] {
        self.params
    }

    /// Whether an argument without a name still finds a place when the parameter has its own.
    pub fn takes_more_than(&self, index: usize) -> bool {
        let free = |(i, p): (usize, &Param)| !p.named && (p.many || i != index && !self.given[i]);
        self.params.iter().enumerate().any(free)
    }

    /// Whether something that was given is wrong.
    fn misfit(&self) -> bool {
        self.given.iter().zip(&self.values).any(|(given, value)| *given && value.is_none())
    }

    /// Whether every argument is there and right.
    pub fn whole(&self) -> bool {
        self.values.iter().all(Option::is_some)
    }
}

impl<'a> Context<'a> {
    /// A component with these arguments.
    pub fn component(&mut self, member: &'static Member, arguments: &'a [Argument], span: Span) -> Option<Value> {
        let owner = Owner { name: member.name, span, callee: Callee::Member(member) };
        let bound = self.bind(member.params, arguments, owner);
        match member.family {
            Family::Fill if member.name == "rewind" => self.note_named(&bound, "name"),
            Family::Recall => self.note_named(&bound, "teacher"),
            _ => {}
        }
        let spans = bound.spans;
        let spec = Spec { member, args: bound.values.into_iter().collect::<Option<_>>()? };
        if !self.check_component(&spec, span) {
            return None;
        }
        match member.family {
            Family::Task => self.tasks(&spec, &spans),
            Family::Condition => self.looking_back(spec, &spans),
            Family::Metric if member == &cost::MEMBER && !self.cost_file(&spec, spans[0]) => None,
            Family::Metric if member == &retention::MEMBER && !self.since_is_known(&spec, spans[1]) => None,
            _ => Some(as_metric(Value::Component(spec))),
        }
    }

    /// `callee(arguments)`
    pub fn call(&mut self, callee: &'a Name, arguments: &'a [Argument], span: Span, hint: &Type) -> Option<Value> {
        let name = callee.text.as_str();
        if let Some((split, metric)) = name.split_once('.') {
            let at = callee.span.start as usize;
            let file = callee.span.file;
            let split_span = Span::new(file, at, at + split.len());
            let metric_span = Span::new(file, callee.span.end as usize - metric.len(), callee.span.end as usize);
            return self.metric_of_split((split, split_span), (metric, metric_span), arguments, span);
        }
        if let Some(member) = families_of(hint).find_map(|f| catalogue::find(f, name)) {
            self.index.means(callee.span, Sense::Member(member));
            return self.component(member, arguments, span);
        }
        if name == "params" {
            self.index.means(callee.span, Sense::Selector);
            return self.params_selector(arguments, span);
        }
        if let Some(binding) = self.scopes.get(name) {
            let place = binding.span;
            self.index.used(callee.span, place);
            let d =
                Diagnostic::new(Code::WRONG_TYPE, callee.span, format!("`{name}` is a value, and takes no arguments"));
            self.report(d.label(place, "defined here"));
            return None;
        }
        if let Some(member) = self.any_member(name) {
            self.index.means(callee.span, Sense::Member(member));
            return self.component(member, arguments, span);
        }
        self.unknown_call(callee, arguments, span, hint);
        None
    }

    fn params_selector(&mut self, arguments: &'a [Argument], span: Span) -> Option<Value> {
        static PARAMS: &[Param] = &[Param::new("glob", Type::Text, "names of tensors, `*` for any characters")];
        let bound = self.bind(PARAMS, arguments, Owner { name: "params", span, callee: Callee::Params });
        match bound.value("glob")? {
            Value::Text(glob) => Some(Value::Selector(crate::components::Selector::Params(glob.clone()))),
            _ => {
                let message = "`glob` of `params` must be the same in each round of a loop";
                let d = Diagnostic::new(Code::WRONG_TYPE, bound.span("glob"), message);
                self.report(d.help("write the rounds out, each with its own text in quotes"));
                None
            }
        }
    }

    /// Fits arguments to parameters; everything wrong with them is reported.
    pub fn bind(&mut self, params: &'static [Param], arguments: &'a [Argument], owner: Owner<'_>) -> Bound {
        let mut bound = Bound {
            params,
            values: vec![None; params.len()],
            spans: vec![owner.span; params.len()],
            given: vec![false; params.len()],
        };
        let mut named_by_previous = None;
        let mut read_already = 0;
        for (i, argument) in arguments.iter().enumerate() {
            if i < read_already {
                continue;
            }
            let index = match named_by_previous.take() {
                Some(index) => index,
                None => match self.missing_colon(argument, arguments.get(i + 1), params) {
                    Some(index) => {
                        named_by_previous = Some(index);
                        continue;
                    }
                    None if self.misspelt_operator(argument, arguments.get(i + 1)) => break,
                    None => match self.parameter(argument, &bound, owner) {
                        Some(index) => index,
                        None => {
                            self.only_names(std::slice::from_ref(argument));
                            continue;
                        }
                    },
                },
            };
            read_already = i + self.read(&arguments[i..], index, &mut bound, owner);
        }
        // What could not be read, has a name that nothing has, or doesn't fit where it stands may be what is missing.
        let misfit = bound.misfit();
        let known = |n: &Name| params.iter().any(|p| p.name == n.text);
        let broken = arguments
            .iter()
            .any(|a| matches!(a.value.kind, ExprKind::Error) || a.name.as_ref().is_some_and(|n| !known(n)));
        self.fill(&mut bound, owner, broken || misfit);
        bound
    }

    /// Reads the first of the arguments for a parameter; how many of them were its value.
    fn read(&mut self, arguments: &'a [Argument], index: usize, bound: &mut Bound, owner: Owner<'_>) -> usize {
        let (argument, param) = (&arguments[0], &bound.params[index]);
        self.note_argument(argument, Parameter::Described(param), owner.callee);
        if bound.given[index] && !(param.many && argument.name.is_none()) {
            let message = format!("`{}` of `{}` is given twice", param.name, owner.name);
            let d = Diagnostic::new(Code::DUPLICATE_ARGUMENT, argument.span, message);
            self.report(d.label(bound.spans[index], "first here").help("keep one of them"));
            return 1;
        }
        if self.parted_by_comma(arguments, index, bound) {
            bound.put(index, None, argument.value.span.to(arguments[1].value.span));
            return 2;
        }
        let together = self.apart(arguments, bound.params, param, owner);
        let (count, value) = together.unwrap_or_else(|| (1, self.argument(argument, param, owner)));
        bound.put(index, value, argument.value.span.to(arguments[count - 1].value.span));
        count
    }

    /// The parameter that an argument is for.
    fn parameter(&mut self, argument: &Argument, bound: &Bound, owner: Owner<'_>) -> Option<usize> {
        let params = bound.params;
        let Some(name) = &argument.name else {
            let free = |i: &usize| !params[*i].named && (params[*i].many || !bound.given[*i]);
            let index = (0..params.len()).find(free);
            // One too many may be there because one before it doesn't belong there.
            if index.is_none() && !bound.misfit() && !matches!(argument.value.kind, ExprKind::Error) {
                self.too_many(argument, params, owner);
            }
            return index;
        };
        let index = params.iter().position(|p| p.name == name.text);
        if index.is_none() {
            self.unknown_argument(name, argument, params, owner);
        }
        index
    }

    /// The value of an argument for a parameter.
    pub(super) fn argument(
        &mut self,
        argument: &'a Argument,
        param: &'static Param,
        owner: Owner<'_>,
    ) -> Option<Value> {
        let is_none = matches!(&argument.value.kind, ExprKind::Name(n) if n == "none");
        if is_none && param.default == Default::Absent {
            return Some(Value::None);
        }
        if param.default == Default::Absent && self.misspelt_none(argument) {
            return None;
        }
        let ty = match (&param.ty, param.many) {
            (Type::List(entry), true) => entry,
            (ty, _) => ty,
        };
        let what = format_args!("`{}` of `{}`", param.name, owner.name);
        self.value(&argument.value, Place { what: &what, ty, bounds: param.bounds })
    }

    /// Defaults for what wasn't given, errors for what had to be.
    fn fill(&mut self, bound: &mut Bound, owner: Owner<'_>, broken: bool) {
        let mut missing = Vec::new();
        for (i, param) in bound.params.iter().enumerate() {
            if bound.given[i] {
                continue;
            }
            bound.values[i] = default_value(&param.default, param);
            if bound.values[i].is_none() {
                missing.push(param);
            }
        }
        if missing.is_empty() || broken {
            return;
        }
        let names: Vec<_> = missing.iter().map(|p| p.name).collect();
        let names = words(&names).replace(" or ", " and ");
        let d = Diagnostic::new(Code::MISSING_ARGUMENT, owner.span, format!("`{}` needs {names}", owner.name));
        let wants = missing.iter().map(|p| format!("`{}`: {} ({})", p.name, p.doc, p.ty.describe()));
        self.report(d.help(wants.collect::<Vec<_>>().join("; ")));
    }

    fn too_many(&mut self, argument: &Argument, params: &[Param], owner: Owner<'_>) {
        let positional: Vec<_> = params.iter().filter(|p| !p.named).map(|p| p.name).collect();
        let named: Vec<_> = params.iter().filter(|p| p.named).map(|p| p.name).collect();
        let takes = match positional.len() {
            0 => "no arguments without a name".to_string(),
            1 => format!("one argument ({})", words(&positional)),
            n => format!("{n} arguments ({})", positional.join(", ")),
        };
        let d = Diagnostic::new(Code::EXTRA_ARGUMENT, argument.span, format!("`{}` takes {takes}", owner.name));
        self.report(match named.is_empty() {
            true => d.help("leave this one out"),
            false => d.help(format!("leave this one out, or name it: {}", words(&named))),
        });
    }

    fn unknown_argument(&mut self, name: &Name, argument: &Argument, params: &'static [Param], owner: Owner<'_>) {
        let known: Vec<&'static str> = params.iter().map(|p| p.name).collect();
        let message = format!("`{}` has no argument `{}`", owner.name, name.text);
        let d = Diagnostic::new(Code::UNKNOWN_ARGUMENT, name.span, message);
        if let Some(d) = self.advise_duration(d.clone(), argument, params) {
            return self.report(d);
        }
        if let Some(ours) = suggest::foreign_argument(&name.text, &known) {
            let d = d.help(format!("did you mean `{ours}`?"));
            return self.report(d.fix(format!("replace with `{ours}`"), name.span, ours));
        }
        let d = suggesting(d, &name.text, name.span, known.iter().copied());
        self.report(match () {
            () if d.help.is_some() => d,
            () if known.is_empty() => d.help(format!("`{}` takes no arguments", owner.name)),
            () => d.help(format!("it has {}", words(&known).replace(" or ", " and "))),
        });
    }

    /// A name that means nothing here.
    pub fn unknown_name(&mut self, name: &str, span: Span, hint: &Type) {
        if let Some(family) = families_of(hint).next() {
            return self.unknown_component(name, span, family, &words_of(hint).collect::<Vec<_>>());
        }
        if let Type::Word(list) = hint {
            let d = self.unknown_choice(name, list, span, &"this");
            return self.report(d);
        }
        let mut candidates =
            vec!["all", "layers", "blocks", "head", "conv", "linear", "norms", "biases", "true", "false"];
        catalogue::members(Family::Metric).iter().for_each(|m| candidates.push(m.name));
        words_of(hint).for_each(|w| candidates.push(w));
        if *hint == Type::Any {
            Family::ALL.iter().flat_map(|f| catalogue::members(*f)).for_each(|m| candidates.push(m.name));
        }
        let d = Diagnostic::new(Code::UNKNOWN_NAME, span, format!("nothing here is called `{name}`"));
        if let Some(d) = self.advise_filler(d.clone(), name, span) {
            return self.report(d);
        }
        if let (Type::Duration, Some(_)) = (hint, unit_of(name)) {
            let one = format!("1 {}", name.trim_end_matches('s'));
            let one = if name == "s" { "1 s".into() } else { one };
            let d = d.help(format!("say how many: `{one}`"));
            return self.report(d.maybe_fix(format!("replace with `{one}`"), span, one));
        }
        let d = guessed(d, name, span, &self.scopes.closest(name, candidates));
        let d = match (d.help.is_some(), hint) {
            (false, Type::Selector) => self.advise_selector(d, name, span),
            (false, Type::Text) => d.help(format!("texts stand in quotes: `\"{name}\"`")),
            (false, _) => d.help(format!("define it before this place: `let {name} = …`")),
            _ => d,
        };
        self.report(d);
    }

    /// A name that is no member of the family that is wanted, nor one of the words that would do.
    pub fn unknown_component(&mut self, name: &str, span: Span, family: Family, words_too: &[&'static str]) {
        let members: Vec<_> = catalogue::members(family).iter().map(|m| m.name).collect();
        let d = Diagnostic::new(Code::UNKNOWN_COMPONENT, span, format!("there is no {} `{name}`", family.noun()));
        if let Some(d) = self.advise_component(d.clone(), name, span, family) {
            return self.report(d);
        }
        if family == Family::Metric && split_of(name).is_some() {
            return self
                .report(d.help(format!("say what to measure there: `evaluate clean on {name}`, `{name}.clean`")));
        }
        let d = guessed(d, name, span, &self.scopes.closest(name, members.iter().chain(words_too).copied()));
        let d = if d.help.is_some() {
            d
        } else {
            d.help(format!("{} are {}", family.plural(), words(&members).replace(" or ", " and ")))
        };
        self.report(d);
    }

    fn unknown_call(&mut self, callee: &Name, arguments: &[Argument], span: Span, hint: &Type) {
        let name = callee.text.as_str();
        if super::statements::find(name).is_some() {
            let d =
                Diagnostic::new(Code::WRONG_TYPE, callee.span, format!("`{name}` is a statement, and is not called"));
            return self.report(d.help(format!("write `{name} …` on a line of its own, without brackets")));
        }
        if name == "range" {
            let end = arguments.last().map_or("n".to_string(), |a| self.sources.text(a.span).to_string());
            let start = if arguments.len() > 1 { self.sources.text(arguments[0].span).to_string() } else { "0".into() };
            let d = Diagnostic::new(Code::FOREIGN_SYNTAX, callee.span, "`range(…)` is Python");
            let d = d.help(format!("write `{start}..{end}`, which leaves its end out"));
            return self.report(match arguments.len() {
                1 | 2 => d.fix(format!("write `{start}..{end}`"), span, format!("{start}..{end}")),
                _ => d,
            });
        }
        if let ("layers" | "blocks" | "head", [argument]) = (name, arguments) {
            let index = self.sources.text(argument.span);
            let d = Diagnostic::new(Code::FOREIGN_SYNTAX, span, format!("`{name}` takes its index in square brackets"));
            let text = format!("{name}[{index}]");
            return self.report(d.help(format!("write `{text}`")).fix(format!("write `{text}`"), span, text));
        }
        match families_of(hint).next() {
            Some(family) => self.unknown_component(name, callee.span, family, &[]),
            None => {
                let members = Family::ALL.iter().flat_map(|f| catalogue::members(*f)).map(|m| m.name);
                let all: Vec<_> = members.chain(["params"]).collect();
                let d = Diagnostic::new(Code::UNKNOWN_COMPONENT, callee.span, format!("nothing is called `{name}(…)`"));
                let d = suggesting(d, name, callee.span, all);
                self.report(if d.help.is_some() { d } else { d.help("`fsched list` shows everything there is") });
            }
        }
    }
}

fn gather(list: &mut Option<Value>, value: Option<Value>, started: bool) {
    match (list.take(), value) {
        (Some(Value::List(mut items)), Some(v)) if started => {
            items.push(v);
            *list = Some(Value::List(items));
        }
        (_, Some(v)) if !started => *list = Some(Value::List(vec![v])),
        _ => *list = None,
    }
}

/// With the closest names as help, and a fix for the very closest, which is sure where only the keyboard slipped.
pub(super) fn suggesting<'c>(
    d: Diagnostic,
    name: &str,
    span: Span,
    candidates: impl IntoIterator<Item = &'c str>,
) -> Diagnostic {
    guessed(d, name, span, &suggest::closest(name, candidates))
}

/// The same where the closest names have been found.
pub(super) fn guessed(d: Diagnostic, name: &str, span: Span, guesses: &[&str]) -> Diagnostic {
    match guesses.first() {
        Some(guess) => {
            let d = d.help(format!("did you mean {}?", words(guesses)));
            let edit = Edit { span, text: guess.to_string() };
            d.with_fix(format!("replace with `{guess}`"), suggest::sureness(name, guesses), vec![edit])
        }
        None => d,
    }
}

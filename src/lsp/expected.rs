//! What a half-typed place takes: whose argument it is, which parameter it is for, and of what type.

use super::cursor::{Clause, Cursor, Form, Level, State};
use crate::components::{Default, Family, Member, Param, Type, catalogue};
use crate::language::index::{Definition, DefinitionKind, Index};
use crate::language::statements::{self, Word};
use crate::language::{TYPES, families_of};
use crate::source::FileId;

/// Whose arguments they are.
#[derive(Clone, Debug)]
pub enum Taker<'a> {
    Word(&'static Word),
    Member(&'static Member),
    /// `params("glob")`
    Params,
    /// a phase and its parameters
    Phase(&'a Definition, Vec<&'a Definition>),
}

/// A parameter of any of them.
#[derive(Clone, Copy, Debug)]
pub enum Slot<'a> {
    Described(&'static Param),
    Phase(&'a Definition),
}

/// What may stand at a place.
#[derive(Clone, Debug)]
pub struct Expected<'a> {
    /// of the innermost call or statement, where the place is directly in it
    pub taker: Option<Taker<'a>>,
    /// the parameter that the place is for, where there is one
    pub slot: Option<Slot<'a>>,
    pub ty: &'static Type,
    /// parameters that are given already, by their place in the taker
    pub given: Vec<usize>,
}

static ANY: Type = Type::Any;
static INT: Type = Type::Int;
static TEXT: Type = Type::Text;
static CONDITION: Type = Type::Condition;
static LIST: Type = Type::List(&Type::Any);

/// The one parameter of `params`.
pub static GLOB: Param = Param::new("glob", Type::Text, "names of tensors, `*` for any characters");

impl<'a> Taker<'a> {
    /// What it is called.
    pub fn name(&self) -> &str {
        match self {
            Taker::Word(word) => word.name,
            Taker::Member(member) => member.name,
            Taker::Params => "params",
            Taker::Phase(phase, _) => &phase.name,
        }
    }

    /// Its parameters, in order.
    pub fn slots(&self) -> Vec<Slot<'a>> {
        match self {
            Taker::Word(word) => word.params.iter().map(Slot::Described).collect(),
            Taker::Member(member) => member.params.iter().map(Slot::Described).collect(),
            Taker::Params => vec![Slot::Described(&GLOB)],
            Taker::Phase(_, parameters) => parameters.iter().map(|d| Slot::Phase(d)).collect(),
        }
    }
}

impl<'a> Slot<'a> {
    /// What it is called.
    pub fn name(self) -> &'a str {
        match self {
            Slot::Described(param) => param.name,
            Slot::Phase(definition) => &definition.name,
        }
    }

    /// The type of its value; of one that gathers values, of each.
    pub fn ty(self) -> &'static Type {
        match self {
            Slot::Described(param) => match (&param.ty, param.many) {
                (Type::List(entry), true) => entry,
                (ty, _) => ty,
            },
            Slot::Phase(definition) => type_named(&definition.ty),
        }
    }

    /// Whether it must be given.
    pub fn is_required(self) -> bool {
        match self {
            Slot::Described(param) => param.default == Default::Required,
            Slot::Phase(definition) => definition.shown.is_empty(),
        }
    }

    fn named(self) -> bool {
        matches!(self, Slot::Described(param) if param.named)
    }

    fn many(self) -> bool {
        matches!(self, Slot::Described(param) if param.many)
    }
}

fn type_named(name: &str) -> &'static Type {
    TYPES.iter().find(|(n, _)| *n == name).map_or(&ANY, |(_, ty)| ty)
}

/// What may stand at the cursor; the answer for the innermost level, read from the outermost inwards.
pub fn expected<'a>(index: &'a Index, file: FileId, cursor: &Cursor<'_>) -> Expected<'a> {
    let mut found = nothing(&ANY);
    for (i, level) in cursor.levels.iter().enumerate() {
        let statement_called = i == 1 && level.form == Form::Call && level.at == cursor.levels[0].at;
        found = match level.form {
            Form::Statement => of_statement(index, file, level, cursor),
            Form::Call if statement_called => of_phase(index, file, level, cursor).unwrap_or(nothing(&ANY)),
            Form::Call => of_call(level, found.ty),
            Form::List => nothing(entry(found.ty)),
            Form::Group => nothing(found.ty),
            Form::Index => nothing(&INT),
        };
    }
    found
}

fn nothing(ty: &'static Type) -> Expected<'static> {
    Expected { taker: None, slot: None, ty, given: Vec::new() }
}

fn of_statement<'a>(index: &'a Index, file: FileId, level: &Level<'_>, cursor: &Cursor<'_>) -> Expected<'a> {
    match (level.callee, level.clause) {
        ("let" | "param", Clause::Default | Clause::In) => return nothing(&ANY),
        ("for", _) => return nothing(&LIST),
        ("repeat", _) => return nothing(&INT),
        (_, Clause::Otherwise) => return nothing(&ANY),
        ("if", _) => return nothing(&CONDITION),
        ("use", _) => return nothing(&TEXT),
        _ => {}
    }
    match statements::find(level.callee) {
        Some(word) => fitted(Taker::Word(word), level),
        None => of_phase(index, file, level, cursor).unwrap_or(nothing(&ANY)),
    }
}

fn of_phase<'a>(index: &'a Index, file: FileId, level: &Level<'_>, cursor: &Cursor<'_>) -> Option<Expected<'a>> {
    let names = index.in_scope(file, cursor.offset);
    let phase = names.into_iter().find(|d| d.kind == DefinitionKind::Phase && d.name == level.callee)?;
    let parameters = phase.parameters.iter().filter_map(|span| index.definition(*span)).collect();
    Some(fitted(Taker::Phase(phase, parameters), level))
}

fn of_call(level: &Level<'_>, hint: &'static Type) -> Expected<'static> {
    match member(level.callee, hint) {
        Some(member) => fitted(Taker::Member(member), level),
        None if level.callee == "params" => fitted(Taker::Params, level),
        None => nothing(&ANY),
    }
}

/// The component of that name: of the family that is wanted, else of any.
pub fn member(name: &str, hint: &Type) -> Option<&'static Member> {
    let wanted = families_of(hint).find_map(|f| catalogue::find(f, name));
    wanted.or_else(|| Family::ALL.iter().find_map(|f| catalogue::find(*f, name)))
}

/// The parameter at the cursor, by the arguments before it.
fn fitted<'a>(taker: Taker<'a>, level: &Level<'_>) -> Expected<'a> {
    let slots = taker.slots();
    let mut given = Vec::new();
    let positional =
        |given: &[usize]| (0..slots.len()).find(|i| !slots[*i].named() && (slots[*i].many() || !given.contains(i)));
    for name in &level.before {
        let index = match name {
            Some(name) => slots.iter().position(|s| s.name() == *name),
            None => positional(&given),
        };
        given.extend(index);
    }
    let index = match level.name {
        Some(name) => slots.iter().position(|s| s.name() == name),
        None => positional(&given),
    };
    let slot = index.map(|i| slots[i]);
    Expected { slot, ty: slot.map_or(&ANY, Slot::ty), taker: Some(taker), given }
}

fn entry(ty: &'static Type) -> &'static Type {
    match ty {
        Type::List(entry) => entry,
        Type::OneOf(types) => types.iter().map(entry).find(|t| **t != Type::Any).unwrap_or(&ANY),
        _ => &ANY,
    }
}

impl Expected<'_> {
    /// Whether this parameter, of the same taker, has been given before.
    pub fn is_given(&self, slot: Slot<'_>) -> bool {
        let slots = self.taker.as_ref().map(Taker::slots).unwrap_or_default();
        self.given.iter().any(|i| slots[*i].name() == slot.name())
    }

    /// Whether the name of an argument may stand here too.
    pub fn takes_names(&self, cursor: &Cursor<'_>) -> bool {
        let unnamed = cursor.level().is_some_and(|l| l.name.is_none() && l.clause == Clause::Arguments);
        self.taker.is_some() && unnamed && matches!(cursor.state, State::Argument | State::Unit)
    }
}

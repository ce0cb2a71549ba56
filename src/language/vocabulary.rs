//! Every word that means something without being defined, by the part it plays. Editors colour and complete by it.

use super::phases::TYPES;
use super::statements::{WORDS, WordKind};
use super::values::words_of;
use crate::components::selector::Kind;
use crate::components::{Family, Split, Type, Unit, catalogue};
use crate::syntax::RESERVED;
use std::collections::BTreeSet;

/// Units of time, as they are written behind a number.
pub static UNITS: &[(&str, Unit)] = &[
    ("epoch", Unit::Epochs),
    ("epochs", Unit::Epochs),
    ("step", Unit::Steps),
    ("steps", Unit::Steps),
    ("s", Unit::Seconds),
    ("min", Unit::Minutes),
    ("h", Unit::Hours),
];

/// The words among [`RESERVED`] that join two values or turn one round.
static OPERATORS: [&str; 4] = ["then", "and", "or", "not"];

/// The part that a word plays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    Step,
    Setting,
    Declaration,
    Control,
    /// `on`, `with`, `until`: words within statements
    Particle,
    /// `and`, `then`: operators that are words
    Operator,
    Type,
    Unit,
    /// What selectors begin with.
    Selector,
    /// The splits of a data set.
    Split,
    Metric,
    /// Members of the other families.
    Component,
    /// Names of arguments of statements and components.
    Parameter,
    /// What a parameter lists as its choices.
    Choice,
    Constant,
}

impl Part {
    /// All of them.
    pub const ALL: [Part; 15] = [
        Part::Step,
        Part::Setting,
        Part::Declaration,
        Part::Control,
        Part::Particle,
        Part::Operator,
        Part::Type,
        Part::Unit,
        Part::Selector,
        Part::Split,
        Part::Metric,
        Part::Component,
        Part::Parameter,
        Part::Choice,
        Part::Constant,
    ];

    /// The word for several: `steps`.
    pub fn plural(self) -> &'static str {
        match self {
            Part::Step => "steps",
            Part::Setting => "settings",
            Part::Declaration => "declarations",
            Part::Control => "control",
            Part::Particle => "particles",
            Part::Operator => "operators",
            Part::Type => "types",
            Part::Unit => "units",
            Part::Selector => "selectors",
            Part::Split => "splits",
            Part::Metric => "metrics",
            Part::Component => "components",
            Part::Parameter => "parameters",
            Part::Choice => "choices",
            Part::Constant => "constants",
        }
    }

    /// Its words in alphabetical order. A word may play several parts: `conv` is a layer and a selector.
    pub fn words(self) -> BTreeSet<&'static str> {
        // `repeat until` is `repeat` with a word within it.
        let first = |name: &'static str| name.split(' ').next().unwrap_or(name);
        let of_kind = |kind: WordKind| WORDS.iter().filter(|w| w.kind == kind).map(|w| first(w.name)).collect();
        match self {
            Part::Step => of_kind(WordKind::Step),
            Part::Setting => of_kind(WordKind::Setting),
            Part::Declaration => of_kind(WordKind::Declaration),
            Part::Control => of_kind(WordKind::Control),
            Part::Particle => RESERVED.into_iter().filter(|w| !OPERATORS.contains(w)).chain(["until"]).collect(),
            Part::Operator => OPERATORS.into(),
            Part::Type => TYPES.iter().map(|(name, _)| *name).collect(),
            Part::Unit => UNITS.iter().map(|(name, _)| *name).collect(),
            Part::Selector => {
                let kinds = Kind::ALL.into_iter().map(Kind::word);
                ["all", "layers", "blocks", "head", "params"].into_iter().chain(kinds).collect()
            }
            Part::Split => [Split::Train, Split::Validation, Split::Test].map(Split::name).into(),
            Part::Metric => members(&[Family::Metric]),
            Part::Component => {
                let families: Vec<Family> = Family::ALL.iter().copied().filter(|f| *f != Family::Metric).collect();
                // `then` is written between two schedules, as an operator.
                members(&families).into_iter().filter(|w| !RESERVED.contains(w)).collect()
            }
            Part::Parameter => parameters().map(|p| p.name).collect(),
            Part::Choice => parameters().flat_map(|p| words_of(entry(&p.ty))).collect(),
            Part::Constant => ["true", "false", "none"].into(),
        }
    }
}

fn members(families: &[Family]) -> BTreeSet<&'static str> {
    families.iter().flat_map(|f| catalogue::members(*f)).map(|m| m.name).collect()
}

/// The type of a list's entries; any other as it is.
fn entry(ty: &'static Type) -> &'static Type {
    if let Type::List(entry) = ty { entry } else { ty }
}

/// The parameters of all statements and components.
fn parameters() -> impl Iterator<Item = &'static crate::components::Param> {
    let of_components = Family::ALL.iter().flat_map(|f| catalogue::members(*f)).flat_map(|m| m.params);
    WORDS.iter().flat_map(|w| w.params).chain(of_components)
}

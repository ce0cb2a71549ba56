//! How a component describes itself: plain data, read by the checker, did-you-mean, `fsched list`, the editors and the docs.

use super::value::Value;

/// A family of components; each is a type of the language and a folder here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Family {
    Data,
    Augment,
    Model,
    /// what a model that sees makes vectors of pictures with
    Tower,
    /// what is trained beside the weights of linear layers
    Adapter,
    Layer,
    Optimizer,
    Schedule,
    Objective,
    Attack,
    /// By what weights are chosen: `forget … by:`
    Ranking,
    /// What they become: `forget … to:`
    Fill,
    /// how a stable network follows the one that is trained
    Memory,
    /// what a teacher asks for
    Recall,
    Metric,
    /// what makes tasks: parts of a data set
    Task,
    /// what is true or false of the run so far
    Condition,
}

/// A type of the language.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Type {
    Int,
    Real,
    /// a real in 0..=1, written with `%` or a decimal point
    Share,
    /// `40`, `40 epochs`, `500 steps`, `90 s`
    Duration,
    /// a Share or a Duration of a schedule's time; an Int is epochs
    Moment,
    Text,
    Bool,
    Selector,
    Metric,
    Condition,
    /// a task or several
    Tasks,
    /// one of these words
    Word(&'static [&'static str]),
    /// a component of this family, or just its name where it needs no arguments
    Component(Family),
    List(&'static Type),
    /// any of these; the first that fits
    OneOf(&'static [Type]),
    /// anything that has a value
    Any,
}

/// What a parameter is when it isn't given.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Default {
    /// must be given
    Required,
    /// [`Value::None`]
    Absent,
    Int(i64),
    Real(f64),
    Bool(bool),
    Word(&'static str),
    Reals(&'static [f64]),
    Ints(&'static [i64]),
    /// a component of the parameter's family with its own defaults
    Component(&'static str),
}

/// Range of a number; for durations of their count.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bounds {
    pub min: f64,
    pub max: f64,
    /// `min` itself is refused
    pub above: bool,
    /// `max` itself is refused
    pub below: bool,
}

/// What of a statement's argument may differ from one round of a loop to the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Varies {
    /// nothing: the plan rests on it
    Nothing,
    /// what stands in its brackets: `crop(padding: p)`, `head[c]`
    Inside,
    /// all of it
    All,
}

/// One parameter of a component or statement.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Param {
    pub name: &'static str,
    pub ty: Type,
    pub default: Default,
    pub bounds: Option<Bounds>,
    /// must be named; others may also be given by position, in order
    pub named: bool,
    /// takes all further positional arguments as a list (`measure clean, loss`)
    pub many: bool,
    /// in a statement: what of it may come from a loop's variable
    pub varies: Varies,
    /// one line
    pub doc: &'static str,
}

impl Param {
    /// A required parameter that may be given by position.
    pub const fn new(name: &'static str, ty: Type, doc: &'static str) -> Param {
        Param {
            name,
            ty,
            default: Default::Required,
            bounds: None,
            named: false,
            many: false,
            varies: Varies::Nothing,
            doc,
        }
    }

    /// With a default.
    pub const fn or(mut self, default: Default) -> Param {
        self.default = default;
        self
    }

    /// Only by name.
    pub const fn named(mut self) -> Param {
        self.named = true;
        self
    }

    /// Collects all further positional arguments.
    pub const fn many(mut self) -> Param {
        self.many = true;
        self
    }

    /// In a statement: this much of it may come from a loop's variable.
    pub const fn varies(mut self, varies: Varies) -> Param {
        self.varies = varies;
        self
    }

    /// `min..=max`
    pub const fn within(mut self, min: f64, max: f64) -> Param {
        self.bounds = Some(Bounds { min, max, above: false, below: false });
        self
    }

    /// `min..`
    pub const fn at_least(self, min: f64) -> Param {
        self.within(min, f64::INFINITY)
    }

    /// above `min`, which itself is refused
    pub const fn above(mut self, min: f64) -> Param {
        self.bounds = Some(Bounds { min, max: f64::INFINITY, above: true, below: false });
        self
    }
}

/// One component, described.
#[derive(Debug, PartialEq)]
pub struct Member {
    pub family: Family,
    /// as it is written
    pub name: &'static str,
    pub params: &'static [Param],
    /// one line
    pub doc: &'static str,
    /// paper, equation, or the framework whose arithmetic it has; empty where there is nothing to cite
    pub source: &'static str,
    /// how it is used, checked by a test
    pub example: &'static str,
}

impl Member {
    pub fn param(&self, name: &str) -> Option<(usize, &'static Param)> {
        self.params.iter().enumerate().find(|(_, p)| p.name == name)
    }
}

impl Family {
    pub const ALL: &'static [Family] = &[
        Family::Data,
        Family::Augment,
        Family::Model,
        Family::Tower,
        Family::Adapter,
        Family::Layer,
        Family::Optimizer,
        Family::Schedule,
        Family::Objective,
        Family::Attack,
        Family::Ranking,
        Family::Fill,
        Family::Memory,
        Family::Recall,
        Family::Metric,
        Family::Task,
        Family::Condition,
    ];

    /// The word for one: `attack`.
    pub fn name(self) -> &'static str {
        match self {
            Family::Data => "data",
            Family::Augment => "augment",
            Family::Model => "model",
            Family::Tower => "tower",
            Family::Adapter => "adapter",
            Family::Layer => "layer",
            Family::Optimizer => "optimizer",
            Family::Schedule => "schedule",
            Family::Objective => "objective",
            Family::Attack => "attack",
            Family::Ranking => "ranking",
            Family::Fill => "fill",
            Family::Memory => "memory",
            Family::Recall => "recall",
            Family::Metric => "metric",
            Family::Task => "task",
            Family::Condition => "condition",
        }
    }

    /// One of them, in a sentence: `attack`, `data set`.
    pub fn noun(self) -> &'static str {
        if self == Family::Data { "data set" } else { self.name() }
    }

    /// The word for several: `attacks`.
    pub fn plural(self) -> &'static str {
        match self {
            Family::Data => "data sets",
            Family::Augment => "augmentations",
            Family::Model => "models",
            Family::Tower => "towers",
            Family::Adapter => "adapters",
            Family::Layer => "layers",
            Family::Optimizer => "optimizers",
            Family::Schedule => "schedules",
            Family::Objective => "objectives",
            Family::Attack => "attacks",
            Family::Ranking => "rankings",
            Family::Fill => "fills",
            Family::Memory => "memories",
            Family::Recall => "recalls",
            Family::Metric => "metrics",
            Family::Task => "tasks",
            Family::Condition => "conditions",
        }
    }
}

impl Default {
    /// The value it stands for; `component` finds a family's member of that name.
    pub fn value(self, component: impl Fn(&str) -> Value) -> Option<Value> {
        Some(match self {
            Default::Required => return None,
            Default::Absent => Value::None,
            Default::Int(i) => Value::Int(i),
            Default::Real(r) => Value::Real(r),
            Default::Bool(b) => Value::Bool(b),
            Default::Word(w) => Value::Word(w.to_string()),
            Default::Reals(list) => Value::List(list.iter().map(|r| Value::Real(*r)).collect()),
            Default::Ints(list) => Value::List(list.iter().map(|i| Value::Int(*i)).collect()),
            Default::Component(name) => component(name),
        })
    }
}

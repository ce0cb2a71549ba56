//! The values of the language: plain data that the checker makes and the builders read.

use super::describe::{Family, Member, Type};
use super::selector::Selector;
use super::tasks::{self, Task};
use serde_json::json;

/// A value, checked against the type of the place where it stands.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// left out, or the word `none`
    None,
    Bool(bool),
    Int(i64),
    Real(f64),
    Text(String),
    /// one of a parameter's words
    Word(String),
    Duration(Duration),
    List(Vec<Value>),
    /// a list with named entries: `[projector: 2e-5]`
    Named(Vec<(String, Value)>),
    /// `0..5`, `-2..`
    Range {
        start: Option<i64>,
        end: Option<i64>,
        inclusive: bool,
    },
    Selector(Selector),
    Metric(Metric),
    Task(Task),
    Component(Spec),
    /// known only at run time: depends on a loop's variable or on a measurement; becomes a value of this type
    Later(Box<Expression>, Type),
}

/// A length of training.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Duration {
    Epochs(f64),
    Steps(u64),
    Seconds(f64),
}

/// A split of the data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Split {
    Train,
    Validation,
    Test,
}

/// What is measured, and where: `validation.robust(attack)`.
#[derive(Clone, Debug, PartialEq)]
pub struct Metric {
    /// as written; `None`: validation where there is one, else test
    pub split: Option<Split>,
    /// a member of [`Family::Metric`]
    pub spec: Spec,
}

/// A component with all its arguments, defaults filled in.
#[derive(Clone, Debug, PartialEq)]
pub struct Spec {
    pub member: &'static Member,
    /// one for each of the member's parameters, in order
    pub args: Vec<Value>,
}

/// A checked expression that waits for run time. Its leaves are constants, loop variables and metrics.
#[derive(Clone, Debug, PartialEq)]
pub enum Expression {
    Constant(Value),
    /// a loop's variable: unique number and name
    Variable(u32, String),
    Metric(Metric),
    /// a member of [`Family::Condition`]
    Holds(Spec),
    Negate(Box<Expression>),
    Not(Box<Expression>),
    Binary(crate::syntax::tree::BinaryOp, Box<Expression>, Box<Expression>),
    /// `list[index]`
    Item(Box<Expression>, Box<Expression>),
    List(Vec<Expression>),
    /// a component, some of whose arguments wait
    Component(&'static Member, Vec<Expression>),
}

/// A unit of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    Epochs,
    Steps,
    Seconds,
    Minutes,
    Hours,
}

impl Split {
    pub fn name(self) -> &'static str {
        match self {
            Split::Train => "train",
            Split::Validation => "validation",
            Split::Test => "test",
        }
    }
}

impl Spec {
    pub fn name(&self) -> &'static str {
        self.member.name
    }

    /// The argument of that parameter. Builders ask only for parameters that their own description lists.
    pub fn get(&self, name: &str) -> &Value {
        let (index, _) = self.member.param(name).expect("builders ask for described parameters only");
        &self.args[index]
    }

    /// The argument of that parameter, if there is such a parameter.
    pub fn maybe(&self, name: &str) -> Option<&Value> {
        self.member.param(name).map(|(index, _)| &self.args[index])
    }

    pub fn int(&self, name: &str) -> i64 {
        match self.get(name) {
            Value::Int(i) => *i,
            other => unchecked(self, name, other),
        }
    }

    pub fn usize(&self, name: &str) -> usize {
        usize::try_from(self.int(name)).expect("the parameter's bounds exclude negative numbers")
    }

    pub fn real(&self, name: &str) -> f64 {
        match self.get(name) {
            Value::Real(r) => *r,
            Value::Int(i) => *i as f64,
            other => unchecked(self, name, other),
        }
    }

    /// A real, or `None` where it was left out.
    pub fn maybe_real(&self, name: &str) -> Option<f64> {
        match self.get(name) {
            Value::None => None,
            Value::Word(w) if w == "none" => None,
            _ => Some(self.real(name)),
        }
    }

    pub fn bool(&self, name: &str) -> bool {
        match self.get(name) {
            Value::Bool(b) => *b,
            other => unchecked(self, name, other),
        }
    }

    /// A word of a list of words.
    pub fn word(&self, name: &str) -> &str {
        match self.get(name) {
            Value::Word(w) => w,
            other => unchecked(self, name, other),
        }
    }

    pub fn text(&self, name: &str) -> &str {
        match self.get(name) {
            Value::Text(t) => t,
            other => unchecked(self, name, other),
        }
    }

    pub fn list(&self, name: &str) -> &[Value] {
        match self.get(name) {
            Value::List(l) => l,
            other => unchecked(self, name, other),
        }
    }

    pub fn component(&self, name: &str) -> &Spec {
        match self.get(name) {
            Value::Component(s) => s,
            other => unchecked(self, name, other),
        }
    }

    /// Canonical JSON: `{"name": …, arguments …}`; part of the plan and of its hash.
    pub fn to_json(&self) -> serde_json::Value {
        let mut map = serde_json::Map::new();
        map.insert("name".into(), json!(self.member.name));
        for (param, value) in self.member.params.iter().zip(&self.args) {
            map.insert(param.name.into(), value.to_json());
        }
        map.into()
    }
}

fn unchecked(spec: &Spec, name: &str, value: &Value) -> ! {
    unreachable!("{}({name}: …) was checked, yet holds {value:?}", spec.member.name)
}

impl Metric {
    pub fn to_json(&self) -> serde_json::Value {
        json!({ "split": self.split.map(Split::name), "metric": self.spec.to_json() })
    }
}

impl Value {
    /// Canonical JSON; part of the plan and of its hash.
    pub fn to_json(&self) -> serde_json::Value {
        match self {
            Value::None => serde_json::Value::Null,
            Value::Bool(b) => json!(b),
            Value::Int(i) => json!(i),
            Value::Real(r) => json!(r),
            Value::Text(t) => json!(t),
            Value::Word(w) => json!(w),
            Value::Duration(d) => d.to_json(),
            Value::List(l) => l.iter().map(Value::to_json).collect(),
            Value::Named(l) => l.iter().map(|(n, v)| (n.clone(), v.to_json())).collect(),
            Value::Range { start, end, inclusive } => json!({ "start": start, "end": end, "inclusive": inclusive }),
            Value::Selector(s) => json!(s.to_string()),
            Value::Metric(m) => m.to_json(),
            Value::Task(task) => task.to_json(),
            Value::Component(s) => s.to_json(),
            Value::Later(e, _) => json!({ "later": e.to_string() }),
        }
    }

    /// The metric, where it is one.
    pub fn as_metric(&self) -> Option<&Metric> {
        match self {
            Value::Metric(metric) => Some(metric),
            _ => None,
        }
    }

    /// The component, where it is one of that family.
    pub fn as_component(&self, family: Family) -> Option<&Spec> {
        match self {
            Value::Component(s) if s.member.family == family => Some(s),
            _ => None,
        }
    }
}

impl Duration {
    pub fn to_json(self) -> serde_json::Value {
        match self {
            Duration::Epochs(n) => json!({ "epochs": n }),
            Duration::Steps(n) => json!({ "steps": n }),
            Duration::Seconds(n) => json!({ "seconds": n }),
        }
    }

    /// Steps at so many steps an epoch, epochs rounded up to steps; `None` where a clock decides.
    pub fn steps(self, per_epoch: u64) -> Option<u64> {
        match self {
            // The tolerance keeps 0.1 epochs of 30 steps at 3 steps: 0.1 · 30 is a little above 3 in binary.
            Duration::Epochs(n) => Some(((n * per_epoch as f64) - 1e-9).ceil().max(1.0) as u64),
            Duration::Steps(n) => Some(n),
            Duration::Seconds(_) => None,
        }
    }
}

impl std::fmt::Display for Duration {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (n, unit) = match *self {
            Duration::Epochs(n) => (n, "epoch"),
            Duration::Steps(n) => (n as f64, "step"),
            Duration::Seconds(n) => return write!(f, "{n} s"),
        };
        write!(f, "{n} {unit}{}", if n == 1.0 { "" } else { "s" })
    }
}

impl std::fmt::Display for Metric {
    /// As it is written, arguments in short: `validation.robust(pgd)`, `cost(costs.csv)`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if let Some(split) = self.split {
            write!(f, "{}.", split.name())?;
        }
        f.write_str(self.spec.name())?;
        let first = match &self.spec.args[..] {
            [Value::Component(attack), ..] => Some(attack.name().to_string()),
            [Value::Metric(inner), ..] => return write!(f, "({inner})"),
            [Value::Text(text), ..] => Some(text.clone()),
            [Value::List(items), Value::Text(since)] => {
                Some(format!("{}, since {since}", tasks::shown(&tasks::of(&Value::List(items.clone())))))
            }
            [Value::List(items), _] => Some(tasks::shown(&tasks::of(&Value::List(items.clone())))),
            [Value::Later(tasks, _), _] => Some(tasks.to_string()),
            _ => None,
        };
        let examples = super::metrics::examples(&self.spec).map(|n| format!("examples: {n}"));
        let memory = super::metrics::of_memory(&self.spec).then(|| "of: memory".to_string());
        let [mode, most] = super::metrics::truth_alignment::shown(&self.spec);
        let arguments: Vec<String> = [first, mode, most, examples, memory].into_iter().flatten().collect();
        if arguments.is_empty() { Ok(()) } else { write!(f, "({})", arguments.join(", ")) }
    }
}

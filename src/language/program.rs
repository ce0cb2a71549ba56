//! A checked program: every name resolved, every value typed, every setting that holds at a step gathered beside it.
//! Loops stay loops.

mod texts;

use super::chain::Chain;
use crate::components::data::DataFacts;
pub use crate::components::forgetting::Selected;
use crate::components::{Duration, Environment, Expression, Metric, Selector, Spec, Split, Value};
use crate::components::{objectives, recall, tasks};
use crate::nn::architecture::{Architecture, Part};
pub use crate::nn::precision::Precision;
pub use crate::nn::rounding::Rounding;
use crate::source::Span;
use std::sync::Arc;
pub use texts::{Diversify, Replay, TextSettings};

/// What `plan` counts and `runtime` runs.
#[derive(Clone, Debug)]
pub struct Program {
    pub seed: u64,
    pub device: Device,
    /// asked for by `threads`
    pub threads: Option<usize>,
    /// asked for by `precision`
    pub precision: Precision,
    /// whether what is inside of a language model's blocks is computed anew on the way back, asked for by `recompute`
    pub recompute: bool,
    /// seconds of run time after which the run ends with a checkpoint, asked for by `budget`
    pub budget: Option<f64>,
    /// names and values of the program's `param`s, overrides applied
    pub bindings: Vec<(String, Value)>,
    pub model: Arc<Model>,
    pub body: Vec<Step>,
}

/// Where tensors live.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Device {
    /// the fastest that is there
    Auto,
    Cpu,
    Cuda,
    Metal,
}

/// The one model of a program, described without its weights.
#[derive(Clone, Debug, PartialEq)]
pub struct Model {
    pub spec: Spec,
    /// what stands beside its linear layers
    pub adapt: Option<Spec>,
    /// with its adapters, as it is at the start; `zap head` may give the head other rows later
    pub architecture: Architecture,
    pub parts: Arc<[Part]>,
    /// which of them files keep in two bytes a number
    pub narrow: Arc<[bool]>,
    /// where the `model` statement stands, if there is one
    pub span: Option<Span>,
}

/// One step, loop or block.
#[derive(Clone, Debug)]
pub struct Step {
    /// static path: `3.repeat.1`
    pub id: String,
    pub span: Span,
    pub op: Op,
}

/// What a step does.
#[derive(Clone, Debug)]
pub enum Op {
    Train(Train),
    Forget(Box<Forget>),
    Zap(Zap),
    Evaluate(Evaluate),
    Checkpoint {
        name: String,
    },
    Rollback {
        name: String,
    },
    /// an assertion; `text` is how it was written
    Expect {
        condition: Expression,
        text: String,
        settings: Arc<Settings>,
    },
    Guard(Box<Guard>),
    /// leaves the training step that hosts it
    Stop,
    /// where the adapters changed most, those of later tasks are held at 0
    Protect(Protect),
    /// the adapters' updates become part of the weights, which are rounded, and fresh ones begin
    Merge {
        rounding: Rounding,
        settings: Arc<Settings>,
    },
    /// weights as others read them, in the run folder
    Export {
        what: Exported,
        /// the tensors that are written, where not all are
        only: Option<Tensors>,
        name: String,
    },
    /// loads weights in PyTorch's names; `path` is as written, resolved against the program's folder
    Load {
        path: String,
        /// the tensors that are read, where not all are
        only: Option<Tensors>,
        /// the stable network's, where saved weights are evaluated; no program says it
        memory: Option<String>,
        settings: Arc<Settings>,
    },
    /// `count` rounds; at most so many where there is an `until`
    Repeat {
        count: u64,
        until: Option<Box<Until>>,
        body: Vec<Step>,
    },
    For {
        variable: u32,
        name: String,
        values: Vec<Value>,
        body: Vec<Step>,
    },
    /// the condition needs a measurement; conditions known before the run have become [`Op::Block`]
    If {
        condition: Expression,
        settings: Arc<Settings>,
        then: Vec<Step>,
        otherwise: Vec<Step>,
    },
    /// a bare block, the taken arm of an `if`, a `with`, or the call of a phase (`label` is its name)
    Block {
        label: Option<String>,
        body: Vec<Step>,
    },
    /// an `lr` statement: its clock starts at 0 here and runs for `total` steps of training
    Schedule {
        clock: u32,
        schedule: Value,
        total: u64,
    },
    /// an `optimizer` statement with `fresh: true`: its state starts anew here
    FreshOptimizer {
        id: u32,
    },
}

impl Op {
    /// What holds at a step, where anything does.
    pub fn settings(&self) -> Option<&Settings> {
        let settings = match self {
            Op::Train(op) => &op.settings,
            Op::Forget(op) => &op.settings,
            Op::Zap(op) => &op.settings,
            Op::Evaluate(op) => &op.settings,
            Op::Expect { settings, .. }
            | Op::Load { settings, .. }
            | Op::If { settings, .. }
            | Op::Merge { settings, .. } => settings,
            Op::Guard(op) => &op.settings,
            Op::Repeat { until: Some(until), .. } => &until.settings,
            _ => return None,
        };
        Some(settings)
    }

    /// What holds at a step, and where the conditions of its triggers are looked at.
    pub fn all_settings(&self) -> impl Iterator<Item = &Settings> {
        let triggers = match self {
            Op::Train(op) => op.triggers.as_slice(),
            _ => &[],
        };
        let asked = triggers.iter().filter_map(|trigger| match &trigger.due {
            Due::When { settings, .. } => Some(settings.as_ref()),
            Due::Every(_) => None,
        });
        self.settings().into_iter().chain(asked)
    }
}

/// `train`, `learn`, `consolidate`, `relearn`.
#[derive(Clone, Debug)]
pub struct Train {
    pub word: &'static str,
    /// a [`Value::Duration`], or later
    pub duration: Value,
    pub settings: Arc<Settings>,
    /// what happens between its steps, in written order
    pub triggers: Vec<Trigger>,
}

impl Train {
    /// Whether a step of that word lets the memory follow, and begin if it hasn't.
    pub fn begins_memory(word: &str, settings: &Settings) -> bool {
        word == "consolidate" && settings.memory.is_some()
    }

    /// The terms that teachers add to the loss in a step of that word.
    pub fn recalled<'s>(word: &'s str, settings: &'s Settings) -> impl Iterator<Item = &'s Spec> {
        settings.recall.iter().filter(move |term| recall::teaches(term, word))
    }

    /// What the memory does in this step: it follows, also where that is at the end of a `relearn`.
    pub fn memory(&self) -> Option<&Memory> {
        let at_the_end = |memory: &&Memory| {
            self.word == "relearn"
                && memory.spec.member.param("cadence").is_some_and(|(place, _)| {
                    matches!(&memory.spec.args[place], Value::Word(cadence) if cadence == "relearn")
                        || memory.spec.args[place].waits()
                })
        };
        self.settings.memory.as_ref().filter(|memory| self.word == "consolidate" || at_the_end(memory))
    }
}

/// `every` or `when` in the block of a training step.
#[derive(Clone, Debug)]
pub struct Trigger {
    /// static path: the n-th trigger of the step `2` is `2.n`; its body `2.n.every.1` or `2.n.when.1` and so on
    pub id: String,
    pub span: Span,
    /// its header as it was written: `every 10 epochs`
    pub text: String,
    pub due: Due,
    pub body: Vec<Step>,
}

/// When a trigger fires.
#[derive(Clone, Debug)]
pub enum Due {
    /// after each training step that passes a multiple of so much training since its host began, the last one too
    Every(Duration),
    /// when the condition has become true: looked at after each epoch of the host, and each time that
    /// `measure … every:` measured
    When { condition: Expression, settings: Arc<Settings> },
}

impl Due {
    /// The word that it is written with, which paths of steps in its body hold.
    pub fn word(&self) -> &'static str {
        match self {
            Due::Every(_) => "every",
            Due::When { .. } => "when",
        }
    }
}

/// A condition that ends a `repeat`, looked at after each round; `text` is how it was written.
#[derive(Clone, Debug)]
pub struct Until {
    pub condition: Expression,
    pub text: String,
    pub settings: Arc<Settings>,
}

/// `guard`: what happens where the condition doesn't hold; `text` is how the condition was written.
#[derive(Clone, Debug)]
pub struct Guard {
    pub condition: Expression,
    pub text: String,
    pub settings: Arc<Settings>,
    pub otherwise: Otherwise,
}

/// What a `guard` does where its condition doesn't hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Otherwise {
    /// weights, optimizers and memory as they were at this checkpoint; histories of metrics and fired triggers stay
    Rollback(String),
    /// ends the run
    Stop,
    Warn,
}

impl Otherwise {
    /// `rollback`, `stop`, `warn`
    pub fn word(&self) -> &'static str {
        match self {
            Otherwise::Rollback(_) => "rollback",
            Otherwise::Stop => "stop",
            Otherwise::Warn => "warn",
        }
    }
}

impl std::fmt::Display for Otherwise {
    /// As it is written.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Otherwise::Rollback(name) => write!(f, "rollback {name:?}"),
            other => f.write_str(other.word()),
        }
    }
}

impl Op {
    /// The steps within it, body after body in written order.
    pub fn bodies(&self) -> impl Iterator<Item = &[Step]> {
        let (first, second, triggers): (&[Step], &[Step], &[Trigger]) = match self {
            Op::Repeat { body, .. } | Op::For { body, .. } | Op::Block { body, .. } => (body, &[], &[]),
            Op::If { then, otherwise, .. } => (then, otherwise, &[]),
            Op::Train(train) => (&[], &[], &train.triggers),
            _ => (&[], &[], &[]),
        };
        [first, second].into_iter().chain(triggers.iter().map(|t| t.body.as_slice())).filter(|body| !body.is_empty())
    }
}

/// Weights that are given other values, and which.
#[derive(Clone, Debug)]
pub struct Forget {
    pub target: Target,
    /// share of each selected tensor, in 0..=1
    pub share: Value,
    /// of all selected tensors together
    pub overall: bool,
    /// a member of [`crate::components::Family::Ranking`]
    pub by: Value,
    /// a member of [`crate::components::Family::Fill`]
    pub to: Value,
    /// `weight`, `channel`, `layer`
    pub unit: String,
    /// `keep`, `clear`, `reset`
    pub moments: String,
    /// of the layers that are hit: `none`, `initial`, `as_published`
    pub reset_norms: String,
    pub settings: Arc<Settings>,
}

/// Rows of the classifier that are drawn anew.
#[derive(Clone, Debug)]
pub struct Zap {
    pub target: Target,
    /// `per_row`, `as_published`
    pub reset_scale: String,
    /// rows that the head must have from here on: set where the whole head is zapped
    pub classes: Option<usize>,
    pub settings: Arc<Settings>,
}

/// What the task just learned needs of later ones.
#[derive(Clone, Debug, PartialEq)]
pub struct Protect {
    pub by: Method,
    /// of the term of the loss from here on
    pub weight: f64,
}

/// What is written for others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exported {
    /// a folder as PEFT keeps adapters
    Adapters,
    /// a safetensors file with PyTorch's names
    Weights,
}

impl Exported {
    /// As it is written.
    pub fn word(self) -> &'static str {
        match self {
            Exported::Adapters => "adapters",
            Exported::Weights => "weights",
        }
    }
}

/// How later tasks are held.
#[derive(Clone, Debug, PartialEq)]
pub enum Method {
    /// RegLoRA
    KeyElements {
        /// of each layer's update, in 0..=1
        share: f64,
        /// an element counts once, however many tasks chose it
        unique: bool,
    },
    /// O-LoRA
    Orthogonal {
        /// of the norms of the new factors, beside their overlap with earlier ones
        size: f64,
    },
    /// EWC
    Fisher {
        /// conversations of the task that importances are measured on
        examples: u64,
        /// in which the task is the one that is learned
        settings: Arc<Settings>,
    },
}

impl Method {
    /// As it is written.
    pub fn word(&self) -> &'static str {
        match self {
            Method::KeyElements { .. } => "key_elements",
            Method::Orthogonal { .. } => "orthogonal",
            Method::Fisher { .. } => "fisher",
        }
    }
}

/// Metrics that are measured once.
#[derive(Clone, Debug)]
pub struct Evaluate {
    pub metrics: Vec<Metric>,
    pub per_example: bool,
    /// of which weights, in written order
    pub at: Vec<At>,
    pub settings: Arc<Settings>,
}

/// The weights that an `evaluate` measures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum At {
    /// those of each checkpoint that `keep best:` keeps
    Best,
    /// those that there are now
    Last,
}

impl At {
    /// `best`, `last`
    pub fn word(self) -> &'static str {
        match self {
            At::Best => "best",
            At::Last => "last",
        }
    }
}

/// What a selector means, and what it hit where that is known before the run.
#[derive(Clone, Debug, PartialEq)]
pub struct Target {
    pub selector: Selector,
    /// `None` where a loop's variable decides
    pub selection: Option<Vec<Selected>>,
}

/// Whole tensors that a statement means, by their places among the model's parts.
#[derive(Clone, Debug, PartialEq)]
pub struct Tensors {
    pub selector: Selector,
    pub parts: Vec<usize>,
}

/// Everything that holds at a step.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    pub data: Spec,
    pub facts: Arc<DataFacts>,
    /// how conversations are trained on, where the data are some
    pub texts: TextSettings,
    pub augment: Vec<Spec>,
    pub batch: Batch,
    /// batches whose gradients are added up before one step
    pub accumulate: u64,
    pub optimizer: Optimizer,
    /// by part: base learning rates other than the optimizer's; empty where there are none
    pub rates: Arc<[Option<f64>]>,
    /// clocks of the `lr` statements in force, outermost first; the last one scales the rate
    pub clocks: Chain<u32>,
    /// the outer ones of them, which stand still here: a measurement decides whether this step runs at all
    pub held_clocks: Chain<u32>,
    pub objective: Value,
    /// how the stable network follows, where one does
    pub memory: Option<Memory>,
    /// terms that teachers add to the loss
    pub recall: Vec<Spec>,
    /// by part: gets gradients and steps
    pub trainable: Arc<[bool]>,
    /// by part's layer: running statistics stand still
    pub frozen_statistics: Arc<[usize]>,
    pub measure: Chain<Measure>,
    pub keep: Keep,
}

/// How many examples a step of training sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Batch {
    Size(u64),
    /// the whole split at once
    All,
}

/// An `optimizer` statement: it owns its state.
#[derive(Clone, Debug, PartialEq)]
pub struct Optimizer {
    /// 0 is the default optimizer
    pub id: u32,
    /// a component, some of whose arguments may be known later only
    pub spec: Spec,
}

/// A `memory` statement: it counts its own updates.
#[derive(Clone, Debug, PartialEq)]
pub struct Memory {
    pub id: u32,
    /// a member of [`crate::components::Family::Memory`], some of whose arguments may be known later only
    pub spec: Spec,
}

/// One `measure` statement.
#[derive(Clone, Debug, PartialEq)]
pub struct Measure {
    pub metrics: Vec<Metric>,
    pub when: When,
}

/// When something is measured.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum When {
    /// each so much training
    Every(Duration),
    /// before and after each `forget` and `zap`
    AtForget,
}

/// Which checkpoints stay.
#[derive(Clone, Debug, PartialEq)]
pub struct Keep {
    /// how many of the newest
    pub last: usize,
    /// how often one is written
    pub every: Duration,
    /// the best by each of these metrics, measured after each epoch
    pub best: Vec<Metric>,
}

impl Settings {
    /// Examples in an epoch. Of tasks that a loop's variable decides, as if each had its share.
    pub fn train_count(&self) -> u64 {
        let all = self.facts.count(Split::Train) as u64;
        match (&self.texts.learned, self.facts.texts()) {
            (Some(learned), _) if learned.waits() => all.div_ceil(self.facts.classes.max(1) as u64),
            (Some(learned), Some(texts)) => texts.count(&tasks::numbers(learned), Split::Train) as u64,
            _ => all,
        }
    }

    /// The same settings in a round of the loops that decide which tasks are learned; `None` where nothing waits for them.
    pub fn in_round(&self, round: &mut impl Environment) -> Option<Settings> {
        let learned = self.texts.learned.as_ref().filter(|learned| learned.waits())?;
        let learned = Some(learned.resolve(round).ok()?);
        Some(Settings { texts: TextSettings { learned, ..self.texts.clone() }, ..self.clone() })
    }

    /// Examples in one optimizer step.
    pub fn examples_per_step(&self) -> u64 {
        let all = self.train_count();
        match self.batch {
            Batch::Size(n) => (n * self.accumulate).min(all.max(1)),
            Batch::All => all.max(1),
        }
    }

    /// Optimizer steps in one epoch; the last batch may be smaller.
    pub fn steps_per_epoch(&self) -> u64 {
        self.train_count().div_ceil(self.examples_per_step()).max(1) * self.replays()
    }

    /// Steps that are taken on each batch before the next.
    pub fn replays(&self) -> u64 {
        match &self.objective {
            Value::Component(objective) => objectives::replays(objective).unwrap_or(1),
            _ => 1,
        }
    }

    /// The split that a metric without one is measured on.
    pub fn default_split(&self) -> Split {
        self.facts.default_split()
    }
}

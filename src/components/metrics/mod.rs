//! Metrics: what is measured, which way is better, and in which range it lies.

pub mod clean;
pub mod compare;
pub mod confusion;
mod conversations;
pub mod cost;
mod detail;
pub mod drift;
mod evaluate;
pub mod gap;
pub mod groups;
mod logits;
pub mod loss;
mod matrix;
pub mod overfitting;
pub mod recovery;
pub mod retention;
pub mod robust;
pub mod sensitivity;
pub mod soundness;
pub mod stages;
pub mod step_loss;
pub mod truth_alignment;

pub use conversations::conversation_losses;
pub use detail::{Detail, Flag, Part, interval, wilson};
pub use evaluate::{Evaluation, Examples, Measure, Measured, Standing, Work, evaluate};
pub use logits::{correct, predictions};
pub use matrix::{Costs, Matrix};
pub use stages::Robust;

use crate::components::{Bounds, Default, Member, Param, Spec, Type, Value, entries};

/// What a metric's numbers mean.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MetricInfo {
    pub member: &'static Member,
    /// which of two values is the better one: `keep best:`, `gap`
    pub higher_is_better: bool,
    /// values that can occur; a comparison with another number is a mistake
    pub bounds: Bounds,
    pub unit: MetricUnit,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MetricUnit {
    /// in 0..=1, shown as a percentage
    Share,
    /// a loss
    Nats,
    /// in the unit of a cost matrix
    Cost,
    /// of training
    Epochs,
}

const SHARE: Bounds = Bounds { min: 0.0, max: 1.0, above: false, below: false };

/// `of` of every metric of a single network.
const OF: Param =
    Param::new("of", Type::Word(&["model", "memory"]), "the network: the one that is trained, or the memory")
        .or(Default::Word("model"))
        .named();

/// `examples` of every metric that is a mean over examples.
const EXAMPLES: Param =
    Param::new("examples", Type::Int, "of so many alone: a stratified part of the split, by the seed")
        .or(Default::Absent)
        .named()
        .at_least(1.0);

/// On how many examples of its split it, or the metric inside of it, is measured, where not on all.
pub fn examples(spec: &Spec) -> Option<usize> {
    match spec.args.first() {
        Some(Value::Metric(inner)) => examples(&inner.spec),
        _ => match spec.member.param("examples").map(|(place, _)| &spec.args[place]) {
            Some(Value::Int(n)) => usize::try_from(*n).ok(),
            _ => None,
        },
    }
}

/// Whether it, or the metric inside of it, is measured on the memory.
pub fn of_memory(spec: &Spec) -> bool {
    match spec.args.first() {
        Some(Value::Metric(inner)) => of_memory(&inner.spec),
        _ => spec.member.param("of").is_some_and(|(place, _)| spec.args[place] == Value::Word("memory".into())),
    }
}

/// The family's members with what their numbers mean, in the order in which they are listed.
static METRICS: [(&Member, &MetricInfo); 17] = [
    (&loss::MEMBER, &loss::INFO),
    (&clean::MEMBER, &clean::INFO),
    (&robust::MEMBER, &robust::INFO),
    (&cost::MEMBER, &cost::INFO),
    (&retention::MEMBER, &retention::INFO),
    (&gap::MEMBER, &gap::INFO),
    (&overfitting::MEMBER, &overfitting::INFO),
    (&sensitivity::MEMBER, &sensitivity::INFO),
    (&recovery::MEMBER, &recovery::INFO),
    (&recovery::SAVINGS, &recovery::SAVINGS_INFO),
    (&drift::MEMBER, &drift::INFO),
    (&confusion::MEMBER, &confusion::INFO),
    (&groups::MEMBER, &groups::INFO),
    (&step_loss::MEMBER, &step_loss::INFO),
    (&truth_alignment::MEMBER, &truth_alignment::INFO),
    (&truth_alignment::KNOWLEDGE, &truth_alignment::KNOWLEDGE_INFO),
    (&truth_alignment::FORGOTTEN, &truth_alignment::FORGOTTEN_INFO),
];

/// The descriptions of all metrics.
pub static MEMBERS: &[&Member] = &entries::members(&METRICS);

/// Direction, range and unit of a metric; those of a `gap`, and of a difference of two values, follow from the metric
/// inside.
pub fn describe(spec: &Spec) -> MetricInfo {
    let info = entries::builder(&METRICS, spec.name());
    let inner = match spec.args.first() {
        Some(Value::Metric(inner)) if info.unit != MetricUnit::Epochs && info.member != &recovery::SAVINGS => inner,
        _ => return *info,
    };
    let MetricInfo { bounds, unit, .. } = describe(&inner.spec);
    let width = bounds.max - bounds.min;
    let bounds = if info.member == &gap::MEMBER { bounds } else { Bounds { min: -width, max: width, ..bounds } };
    MetricInfo { bounds, unit, ..*info }
}

/// The metric on so many examples alone.
pub fn of_few(mut spec: Spec, examples: Option<usize>) -> Spec {
    if let (Some((place, _)), Some(examples)) = (spec.member.param("examples"), examples) {
        spec.args[place] = Value::Int(examples as i64);
    }
    spec
}

/// Whether it compares the network after a change of weights with that before, which `measure … at: forget` alone has.
pub fn compares(spec: &Spec) -> bool {
    [&drift::MEMBER, &confusion::MEMBER, &groups::MEMBER].contains(&spec.member)
}

/// Whether it looks back on the values of a metric that is followed.
pub fn looks_back(spec: &Spec) -> bool {
    [&gap::MEMBER, &recovery::MEMBER, &recovery::SAVINGS].contains(&spec.member)
}

/// Whether it is of training examples unless a split is named: labels are wrong, examples learned by heart and steps
/// taken among those that were trained on.
pub fn is_of_train(spec: &Spec) -> bool {
    spec.member == &groups::MEMBER || step_loss::is_one(spec)
}

/// Whether it is a metric of its own, one that others can be made of.
pub fn is_plain(spec: &Spec) -> bool {
    !compares(spec) && !step_loss::is_one(spec) && !matches!(spec.args.first(), Some(Value::Metric(_)))
}

/// What a metric is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reads {
    Images,
    Texts,
    Both,
}

/// Whether it is of images with classes, of conversations, or of either; one that is made of another as that is.
pub fn reads_texts(spec: &Spec) -> Reads {
    if spec.member == &sensitivity::MEMBER || compares(spec) {
        return Reads::Images;
    }
    match spec.args.first() {
        Some(Value::Metric(inner)) => reads_texts(&inner.spec),
        _ if truth_alignment::generates(spec) => Reads::Texts,
        _ if spec.member == &loss::MEMBER || step_loss::is_one(spec) => Reads::Both,
        _ => Reads::Images,
    }
}

/// The same of the metric of that name; of a `gap` as if it were of a share.
pub fn named(name: &str) -> Option<MetricInfo> {
    METRICS.iter().find(|(member, _)| member.name == name).map(|(_, info)| **info)
}

impl MetricInfo {
    /// Whether `a` is a better value than `b`.
    pub fn better(&self, a: f64, b: f64) -> bool {
        if self.higher_is_better { a > b } else { a < b }
    }
}

#[cfg(test)]
mod tests;

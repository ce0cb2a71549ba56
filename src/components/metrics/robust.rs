//! Accuracy under attack.

use super::stages::shown;
use super::{MetricInfo, SHARE};
use crate::components::attacks::{self, Norm};
use crate::components::{Default, Family, Member, Param, Problem, ProblemKind, Spec, Type, Value};

pub static MEMBER: Member = Member {
    family: Family::Metric,
    name: "robust",
    params: &[
        Param::new("attack", Type::Component(Family::Attack), "if left out: the one the objective trains against")
            .or(Default::Absent),
        Param::new(
            "budgets",
            Type::List(&Type::Real),
            "further sizes of the attack; one that breaks an image is the last tried on it",
        )
        .or(Default::Absent)
        .named()
        .above(0.0),
        super::EXAMPLES,
        super::OF,
    ],
    doc: "share of images that are classified correctly both as they are and as the attack makes them",
    source: "Madry et al. 2018, arXiv 1706.06083",
    example: "evaluate robust(pgd(eps: 8/255, step: 2/255, iters: 20)) on test",
};

pub(super) static INFO: MetricInfo =
    MetricInfo { member: &MEMBER, higher_is_better: true, bounds: SHARE, unit: super::MetricUnit::Share };

/// Further budgets; none of another metric.
pub fn budgets(spec: &Spec) -> Vec<f64> {
    let Some((place, _)) = spec.member.param("budgets") else { return Vec::new() };
    let real = |value: &Value| match value {
        Value::Real(eps) => Some(*eps),
        Value::Int(eps) => Some(*eps as f64),
        _ => None,
    };
    match &spec.args[place] {
        Value::List(items) => items.iter().filter_map(real).collect(),
        _ => Vec::new(),
    }
}

/// Whether the further budgets of a metric are in order, and within what its attack, already filled in, may use.
///
/// # Errors
/// What is wrong with which of them.
pub fn check(spec: &Spec) -> Result<(), Problem> {
    let budgets = budgets(spec);
    let wrong =
        |message: String, help: String| Err(Problem::new(ProblemKind::DoesNotFit, message).help(help).of("budgets"));
    if let Some(pair) = budgets.windows(2).find(|pair| pair[0] >= pair[1]) {
        let (a, b) = (shown(pair[0]), shown(pair[1]));
        let what = if pair[0] == pair[1] {
            format!("the budget {a} is there twice")
        } else {
            format!("the budget {b} stands behind {a}")
        };
        return wrong(what, "list budgets from the smallest to the largest, each once".into());
    }
    let (Some(largest), Some(attack)) = (budgets.last(), spec.get("attack").as_component(Family::Attack)) else {
        return Ok(());
    };
    let written = attack.member.param("step").is_some_and(|_| attack.maybe_real("step").is_some());
    if written && attack.real("eps") == 0.0 {
        let message = "beside an attack of eps 0 its `step` has no length at other budgets".into();
        return wrong(message, "leave out `step`, or give the attack the eps that the step is for".into());
    }
    match attacks::build(attack).norm() {
        Norm::Linf if *largest > 1.0 => wrong(
            format!(
                "the budget {} is wider than the pixels' range; in the linf norm it is between 0 and 1",
                shown(*largest)
            ),
            format!("pixels are in 0..=1 here: for {largest} grey levels write {largest}/255"),
        ),
        _ => Ok(()),
    }
}

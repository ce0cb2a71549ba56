//! Steps down.

use super::{Moment, Schedule};
use crate::components::{Default, Family, Member, Param, Problem, Spec, Type};

pub static MEMBER: Member = Member {
    family: Family::Schedule,
    name: "drop",
    params: &[
        Param::new("at", Type::List(&Type::Moment), "when: shares of the schedule's time, epochs or steps"),
        Param::new("by", Type::Real, "what the factor is multiplied by each time")
            .or(Default::Real(0.1))
            .within(0.0, 1.0)
            .named(),
    ],
    doc: "the factor is multiplied by `by` at each of the moments, from step ⌈share·T⌉ on",
    source: "",
    example: "drop(at: [50%, 75%], by: 0.1)",
};

#[derive(Debug)]
struct Drop {
    at: Vec<Moment>,
    by: f64,
}

pub fn build(spec: &Spec) -> Result<Box<dyn Schedule>, Problem> {
    let at = spec.list("at").iter().map(|value| Moment::from(value, "at")).collect::<Result<_, _>>()?;
    Ok(Box::new(Drop { at, by: spec.real("by") }))
}

impl Schedule for Drop {
    fn factor(&self, t: u64, total: u64, epoch: u64) -> f64 {
        let passed = self.at.iter().filter(|moment| moment.steps(total, epoch) <= t).count();
        std::iter::repeat_n(self.by, passed).product()
    }

    fn needs_total(&self) -> bool {
        self.at.iter().any(|moment| moment.is_share())
    }

    fn turns(&self, total: u64, epoch: u64) -> Vec<(u64, &'static str)> {
        let mut steps: Vec<u64> = self.at.iter().map(|moment| moment.steps(total, epoch)).collect();
        steps.sort_unstable();
        steps.into_iter().map(|step| (step, "drop")).collect()
    }
}

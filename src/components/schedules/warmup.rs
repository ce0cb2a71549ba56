//! A linear rise at the start.

use super::{Moment, Schedule};
use crate::components::{Family, Member, Param, Problem, Spec, Type};

pub static MEMBER: Member = Member {
    family: Family::Schedule,
    name: "warmup",
    params: &[Param::new("over", Type::Moment, "how long: a share of the schedule's time, epochs or steps")],
    doc: "(t + 1) / W at the first W steps, then 1",
    source: "Goyal et al. 2017, Accurate, large minibatch SGD, §2.2",
    example: "warmup(3%) then cosine",
};

#[derive(Debug)]
struct Warmup {
    over: Moment,
}

pub fn build(spec: &Spec) -> Result<Box<dyn Schedule>, Problem> {
    Ok(Box::new(Warmup { over: Moment::from(spec.get("over"), "over")? }))
}

impl Schedule for Warmup {
    fn factor(&self, t: u64, total: u64, epoch: u64) -> f64 {
        let steps = self.over.steps(total, epoch);
        if t < steps { (t + 1) as f64 / steps as f64 } else { 1.0 }
    }

    fn needs_total(&self) -> bool {
        self.over.is_share()
    }

    fn length(&self, total: u64, epoch: u64) -> Option<u64> {
        Some(self.over.steps(total, epoch))
    }

    fn turns(&self, total: u64, epoch: u64) -> Vec<(u64, &'static str)> {
        vec![(self.over.steps(total, epoch), "end of warm-up")]
    }
}

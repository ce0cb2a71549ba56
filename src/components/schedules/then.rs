//! One schedule after another.

use super::{Schedule, build as build_schedule};
use crate::components::{Family, Member, Param, Problem, ProblemKind, Spec, Type};

pub static MEMBER: Member = Member {
    family: Family::Schedule,
    name: "then",
    params: &[
        Param::new("first", Type::Component(Family::Schedule), "a schedule that ends: warmup"),
        Param::new("second", Type::Component(Family::Schedule), "what follows, over the rest of the time"),
    ],
    doc: "the first until it ends, then the second over the remaining steps, counted from there",
    source: "",
    example: "warmup(3%) then cosine",
};

#[derive(Debug)]
struct Then {
    first: Box<dyn Schedule>,
    second: Box<dyn Schedule>,
}

pub fn build(spec: &Spec) -> Result<Box<dyn Schedule>, Problem> {
    let first = build_schedule(spec.component("first"))?;
    let second = build_schedule(spec.component("second"))?;
    if first.length(1, 1).is_none() {
        let message = format!("{} never ends by itself, so nothing can follow it", spec.component("first").name());
        return Err(Problem::new(ProblemKind::DoesNotFit, message)
            .of("first")
            .help("only warmup(…) can stand before `then`"));
    }
    Ok(Box::new(Then { first, second }))
}

impl Then {
    fn switch(&self, total: u64, epoch: u64) -> u64 {
        self.first.length(total, epoch).unwrap_or_else(|| unreachable!("an endless first schedule is refused"))
    }
}

impl Schedule for Then {
    fn factor(&self, t: u64, total: u64, epoch: u64) -> f64 {
        let switch = self.switch(total, epoch);
        if t < switch {
            self.first.factor(t, total, epoch)
        } else {
            self.second.factor(t - switch, total.saturating_sub(switch), epoch)
        }
    }

    fn needs_total(&self) -> bool {
        self.first.needs_total() || self.second.needs_total()
    }

    fn length(&self, total: u64, epoch: u64) -> Option<u64> {
        let switch = self.switch(total, epoch);
        Some(switch.saturating_add(self.second.length(total.saturating_sub(switch), epoch)?))
    }

    fn turns(&self, total: u64, epoch: u64) -> Vec<(u64, &'static str)> {
        let switch = self.switch(total, epoch);
        let second = self.second.turns(total.saturating_sub(switch), epoch);
        let later = second.into_iter().map(|(step, what)| (step.saturating_add(switch), what));
        self.first.turns(total, epoch).into_iter().chain(later).collect()
    }
}

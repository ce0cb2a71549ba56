//! Half a cosine down.

use super::Schedule;
use crate::components::{Default, Family, Member, Param, Problem, Spec, Type};

pub static MEMBER: Member = Member {
    family: Family::Schedule,
    name: "cosine",
    params: &[Param::new("to", Type::Real, "factor at the end").or(Default::Real(0.0)).within(0.0, 1.0)],
    doc: "to + (1 − to) · (1 + cos(π·t/T)) / 2 at step t of T",
    source: "Loshchilov & Hutter 2017, SGDR, eq. 5, without restarts",
    example: "cosine(to: 0)",
};

#[derive(Debug)]
struct Cosine {
    to: f64,
}

pub fn build(spec: &Spec) -> Result<Box<dyn Schedule>, Problem> {
    Ok(Box::new(Cosine { to: spec.real("to") }))
}

impl Schedule for Cosine {
    fn factor(&self, t: u64, total: u64, _: u64) -> f64 {
        let share = if total == 0 { 1.0 } else { t.min(total) as f64 / total as f64 };
        self.to + (1.0 - self.to) * (1.0 + (std::f64::consts::PI * share).cos()) / 2.0
    }

    fn needs_total(&self) -> bool {
        true
    }
}

//! No schedule.

use super::Schedule;
use crate::components::{Family, Member, Problem, Spec};

pub static MEMBER: Member = Member {
    family: Family::Schedule,
    name: "constant",
    params: &[],
    doc: "the base learning rate throughout",
    source: "",
    example: "constant",
};

#[derive(Debug)]
struct Constant;

pub fn build(_: &Spec) -> Result<Box<dyn Schedule>, Problem> {
    Ok(Box::new(Constant))
}

impl Schedule for Constant {
    fn factor(&self, _: u64, _: u64, _: u64) -> f64 {
        1.0
    }

    fn needs_total(&self) -> bool {
        false
    }
}

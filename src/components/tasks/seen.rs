//! Tasks that count once they have been learned.

use super::{Task, of};
use crate::components::{Family, Member, Param, Spec, Type};

pub static MEMBER: Member = Member {
    family: Family::Task,
    name: "seen",
    params: &[Param::new("tasks", Type::Tasks, "those that are meant once they have been learned")],
    doc: "of these tasks, those that the run has learned so far",
    source: "",
    example: "for task in quiz { learn task 1; evaluate truth_alignment on seen(quiz) }",
};

/// The tasks of a `seen`; `None` of what divides data.
pub fn tasks(spec: &Spec) -> Option<Vec<Task>> {
    (spec.member == &MEMBER).then(|| {
        let once = |task: &Task| Task { once_learned: true, ..task.clone() };
        of(spec.get("tasks")).into_iter().map(once).collect()
    })
}

//! What is done to adapters that change nothing, since `merge` has just begun fresh ones; and `protect … by: fisher`, whose weights
//! `merge` draws anew.

use super::super::program::{Exported, Method, Op, Program, Step};
use crate::diagnostic::{Code, Diagnostic};
use crate::language::context::Context;
use crate::source::Span;

pub(super) fn check(cx: &mut Context<'_>, program: &Program) {
    let mut walk = Walk::default();
    walk.steps(&program.body, &mut None);
    let Walk { fresh, fisher, merge } = walk;
    for (place, merge) in fresh {
        let message = "these adapters change nothing yet: `merge` began them, and nothing has trained them since";
        let d = Diagnostic::new(Code::MERGED_ADAPTERS, place, message).label(merge, "merged here");
        cx.report(d.help("write it above `merge adapters`"));
    }
    if let (Some(place), Some(merge)) = (fisher, merge) {
        let message = "`by: fisher` holds weights near what they were, and `merge` draws those of adapters anew";
        let d = Diagnostic::new(Code::MERGED_ADAPTERS, place, message).label(merge, "drawn anew here");
        cx.report(d.help("leave `merge adapters` out, or protect by `key_elements` or `orthogonal`"));
    }
}

#[derive(Default)]
struct Walk {
    /// what is done to fresh adapters, and the merge that began them
    fresh: Vec<(Span, Span)>,
    /// the first of each
    fisher: Option<Span>,
    merge: Option<Span>,
}

impl Walk {
    /// `merged`: the merge since which nothing has been trained, on every path.
    fn steps(&mut self, steps: &[Step], merged: &mut Option<Span>) {
        for step in steps {
            match &step.op {
                Op::Merge { .. } => {
                    *merged = Some(step.span);
                    self.merge.get_or_insert(step.span);
                }
                Op::Train(_) | Op::Rollback { .. } | Op::Load { .. } => *merged = None,
                Op::Protect(protect) if matches!(protect.by, Method::Fisher { .. }) => {
                    self.fisher.get_or_insert(step.span);
                }
                Op::Protect(_) | Op::Export { what: Exported::Adapters, .. } => {
                    self.fresh.extend(merged.map(|merge| (step.span, merge)));
                }
                Op::If { then, otherwise, .. } => {
                    let mut other = *merged;
                    self.steps(then, merged);
                    self.steps(otherwise, &mut other);
                    *merged = merged.and(other);
                }
                op => op.bodies().for_each(|body| self.steps(body, merged)),
            }
        }
    }
}

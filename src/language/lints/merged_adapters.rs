//! What is done to adapters that change nothing, since `merge` has just begun fresh ones; and `protect … by: fisher`, whose weights
//! `merge` draws anew.

use super::super::program::{Exported, Method, Op, Program, Step};
use crate::diagnostic::{Code, Diagnostic};
use crate::language::context::Context;
use crate::source::Span;
use std::collections::BTreeMap;

pub(super) fn check(cx: &mut Context<'_>, program: &Program) {
    let mut walk = Walk::default();
    walk.steps(&program.body, &mut State::default());
    let Walk { fresh, held, .. } = walk;
    for (place, merge) in fresh {
        let message = "these adapters change nothing yet: `merge` began them, and nothing has trained them since";
        let d = Diagnostic::new(Code::MERGED_ADAPTERS, place, message).label(merge, "merged here");
        cx.report(d.help("write it above `merge adapters`"));
    }
    if let Some((place, merge)) = held {
        let message = "`by: fisher` holds weights near what they were, and `merge` draws those of adapters anew";
        let d = Diagnostic::new(Code::MERGED_ADAPTERS, place, message).label(merge, "drawn anew here");
        cx.report(d.help("leave `merge adapters` out, or protect by `key_elements` or `orthogonal`"));
    }
}

#[derive(Default)]
struct Walk {
    /// what is done to fresh adapters, and the merge that began them
    fresh: BTreeMap<Span, Span>,
    /// the first `by: fisher` that a merge has made meaningless, with that merge
    held: Option<(Span, Span)>,
    /// within a loop
    round: bool,
}

/// On the way to a step.
#[derive(Clone, Copy, Default)]
struct State {
    /// the merge since which nothing has been trained
    merged: Option<Span>,
    fisher: Option<Span>,
    /// a `by: fisher` and a merge behind it
    redrawn: Option<(Span, Span)>,
}

impl Walk {
    fn steps(&mut self, steps: &[Step], state: &mut State) {
        for step in steps {
            match &step.op {
                Op::Merge { .. } => {
                    state.merged = Some(step.span);
                    state.redrawn = state.redrawn.or(state.fisher.map(|fisher| (fisher, step.span)));
                }
                Op::Train(_) => {
                    state.merged = None;
                    self.held = self.held.or(state.redrawn);
                }
                Op::Rollback { .. } | Op::Load { .. } => state.merged = None,
                Op::Protect(protect) if matches!(protect.by, Method::Fisher { .. }) => {
                    state.fisher = state.fisher.or(Some(step.span));
                }
                Op::Protect(_) | Op::Export { what: Exported::Adapters, .. } => {
                    self.fresh.extend(state.merged.map(|merge| (step.span, merge)));
                }
                Op::If { then, otherwise, .. } => {
                    let mut other = *state;
                    self.steps(then, state);
                    self.steps(otherwise, &mut other);
                    state.merged = state.merged.and(other.merged);
                    state.fisher = state.fisher.or(other.fisher);
                    state.redrawn = state.redrawn.or(other.redrawn);
                }
                op => {
                    // A round comes behind the rounds before it. Of loops within loops the outermost goes round, since
                    // otherwise each level would double the work.
                    let again = matches!(op, Op::Repeat { .. } | Op::For { .. }) && !self.round;
                    self.round |= again;
                    for _ in 0..if again { 2 } else { 1 } {
                        op.bodies().for_each(|body| self.steps(body, state));
                    }
                    self.round &= !again;
                }
            }
        }
    }
}

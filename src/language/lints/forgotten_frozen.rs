//! Weights that are re-drawn and stand still from then on stay random.

use super::super::program::{Forget, Op, Program, Step};
use crate::components::Value;
use crate::components::forgetting::Selected;
use crate::diagnostic::{Code, Diagnostic};
use crate::language::context::Context;
use crate::source::Span;

pub(super) fn check(cx: &mut Context<'_>, program: &Program) {
    let parts = &program.model.parts;
    let mut walk = Walk { later: vec![false; parts.len()], found: Vec::new() };
    walk.steps(&program.body);
    for (span, part) in walk.found {
        let message = format!("`{}` is forgotten here, and no later step trains it", parts[part].name);
        let d = Diagnostic::new(Code::FORGOTTEN_FROZEN, span, message);
        cx.report(d.help("`thaw` it for a step that relearns, or forget weights that are trained"));
    }
}

/// A way through the program from its end to its beginning.
struct Walk {
    /// by part: whether something later trains it, or brings it back
    later: Vec<bool>,
    found: Vec<(Span, usize)>,
}

impl Walk {
    fn steps(&mut self, steps: &[Step]) {
        for step in steps.iter().rev() {
            match &step.op {
                Op::Train(train) => {
                    self.restores(&step.op);
                    // Its own training goes on behind them.
                    train.triggers.iter().rev().for_each(|trigger| self.rounds(true, &trigger.body));
                }
                Op::Rollback { .. } | Op::Load { .. } => self.restores(&step.op),
                Op::Forget(forget) if stays_random(forget) => self.forgets(step, &forget.target.selection),
                Op::Zap(zap) => self.forgets(step, &zap.target.selection),
                Op::Repeat { count, body, .. } => self.rounds(*count > 1, body),
                Op::For { values, body, .. } => self.rounds(values.len() > 1, body),
                Op::Block { body, .. } => self.steps(body),
                Op::If { then, otherwise, .. } => {
                    let after = self.later.clone();
                    self.steps(then);
                    let taken = std::mem::replace(&mut self.later, after);
                    self.steps(otherwise);
                    self.later.iter_mut().zip(taken).for_each(|(l, t)| *l |= t);
                }
                _ => {}
            }
        }
    }

    /// The body of a loop: what a round does comes after the rounds before it.
    fn rounds(&mut self, several: bool, body: &[Step]) {
        if several {
            super::visit(body, &mut |step| self.restores(&step.op));
        }
        self.steps(body);
    }

    fn restores(&mut self, op: &Op) {
        match op {
            Op::Train(train) => self.later.iter_mut().zip(train.settings.trainable.iter()).for_each(|(l, t)| *l |= t),
            Op::Load { only: Some(tensors), .. } => tensors.parts.iter().for_each(|part| self.later[*part] = true),
            Op::Rollback { .. } | Op::Load { .. } => self.later.fill(true),
            _ => {}
        }
    }

    /// Where nothing at all is trained later, that is what there is to say.
    fn forgets(&mut self, step: &Step, selection: &Option<Vec<Selected>>) {
        if self.later.contains(&true) {
            let lost = selection.iter().flatten().find(|s| !self.later[s.part]);
            self.found.extend(lost.map(|s| (step.span, s.part)));
        }
    }
}

/// Zeros and old weights may be meant to stay.
fn stays_random(forget: &Forget) -> bool {
    matches!(&forget.to, Value::Component(fill) if matches!(fill.name(), "init" | "noise"))
}

//! Measurements and updates of a memory that are due later than training ends.

use super::super::program::{Due, Op, Program};
use super::super::time;
use crate::components::Duration;
use crate::diagnostic::{Code, Diagnostic};
use crate::language::context::Context;

pub(super) fn check(cx: &mut Context<'_>, program: &Program) {
    let Some(total) = time::train_steps(&program.body, &[]) else { return };
    let (mut epochs, mut maybe) = (Vec::new(), false);
    super::visit(&program.body, &mut |step| match &step.op {
        Op::Train(train) => {
            epochs.push(train.settings.steps_per_epoch());
            maybe |= train.triggers.iter().any(|t| matches!(t.due, Due::When { .. }));
        }
        // How long such arms train is not known.
        Op::If { .. } => maybe = true,
        _ => {}
    });
    epochs.dedup();
    let ([epoch], false) = (&epochs[..], maybe) else { return };
    let mut found = Vec::new();
    for made in cx.notes.in_use() {
        let Some(every @ (Duration::Epochs(_) | Duration::Steps(_))) = made.every else { continue };
        if every.steps(*epoch).is_some_and(|due| due > total) {
            let (code, message, help) = match made.word {
                "memory" => (
                    Code::NEVER_DUE,
                    "the memory never follows: training ends before it is due, so it stays as it began",
                    "let it follow more often, such as `every: 100 steps`",
                ),
                "keep" => (
                    Code::NEVER_MEASURED,
                    "no best checkpoint is ever chosen: training ends before its first epoch does",
                    "train for an epoch or more, or leave `best` out",
                ),
                _ => (
                    Code::NEVER_MEASURED,
                    "this is never measured: training ends before it is due",
                    "measure more often, such as `every: 1 epoch` or `every: 100 steps`",
                ),
            };
            found.push(Diagnostic::new(code, made.span, message).help(help));
        }
    }
    found.into_iter().for_each(|d| cx.report(d));
}

//! An `every` that is due for the first time when its training step has ended.

use super::super::program::{Due, Op, Program};
use super::visit;
use crate::components::Value;
use crate::diagnostic::{Code, Diagnostic};
use crate::language::context::Context;
use crate::source::Span;

pub(super) fn check(cx: &mut Context<'_>, program: &Program) {
    let mut found = Vec::new();
    visit(&program.body, &mut |step| {
        let Op::Train(train) = &step.op else { return };
        let (Value::Duration(time), epoch) = (&train.duration, train.settings.steps_per_epoch()) else { return };
        for trigger in &train.triggers {
            let Due::Every(every) = &trigger.due else { continue };
            if time.steps(epoch).zip(every.steps(epoch)).is_some_and(|(time, every)| every > time) {
                let word = Span { end: trigger.span.start + trigger.due.word().len() as u32, ..trigger.span };
                let message =
                    format!("this is never due: `{}` lasts {time}, and that is counted from its beginning", train.word);
                found.push(Diagnostic::new(Code::NEVER_DUE, word, message));
            }
        }
    });
    for d in found {
        cx.report(d.help("take a shorter time, or write the steps behind the training step"));
    }
}

//! A schedule that forgets and then ends leaves a damaged network.

use crate::components::Value;
use crate::diagnostic::{Code, Diagnostic};
use crate::language::context::Context;
use crate::language::program::{Due, Op, Program, Step, Train, Trigger};
use crate::source::Span;

pub(super) fn check(cx: &mut Context<'_>, program: &Program) {
    let mut last = None;
    walk(&program.body, &mut last);
    match last {
        Some(Last { span, between: false }) => {
            let d = Diagnostic::new(Code::FORGETS_LAST, span, "nothing is trained after this forgetting");
            cx.report(d.help("relearn afterwards, such as `relearn 5`"));
        }
        Some(Last { span, between: true }) => {
            let message = "nothing is trained after the last of these: it is due when the training step ends";
            let d = Diagnostic::new(Code::FORGETS_LAST, span, message);
            cx.report(d.help("relearn behind the step, such as `relearn 5`, or within the block of the `every`"));
        }
        None => {}
    }
}

/// A change behind which nothing has been trained yet.
#[derive(Clone, Copy)]
struct Last {
    span: Span,
    /// in an `every`
    between: bool,
}

fn walk(steps: &[Step], last: &mut Option<Last>) {
    for step in steps {
        match &step.op {
            Op::Train(train) => {
                *last = None;
                for trigger in train.triggers.iter().filter(|t| is_due_at_end(t, train)) {
                    walk(&trigger.body, last);
                    last.iter_mut().for_each(|last| last.between = true);
                }
            }
            Op::Rollback { .. } | Op::Load { .. } => *last = None,
            Op::Forget(_) | Op::Zap(_) => *last = Some(Last { span: step.span, between: false }),
            op => op.bodies().for_each(|body| walk(body, last)),
        }
    }
}

/// Whether an `every` fires with the last step of its host.
fn is_due_at_end(trigger: &Trigger, host: &Train) -> bool {
    let (Due::Every(every), Value::Duration(time)) = (&trigger.due, &host.duration) else { return false };
    let epoch = host.settings.steps_per_epoch();
    every.steps(epoch).zip(time.steps(epoch)).is_some_and(|(every, time)| time.is_multiple_of(every))
}

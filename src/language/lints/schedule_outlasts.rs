//! Turns of a learning rate schedule that lie behind the training it spans.

use super::super::program::{Op, Program, Step};
use crate::components::{Value, schedules};
use crate::diagnostic::{Code, Diagnostic};
use crate::language::context::Context;
use crate::source::Span;
use std::collections::HashMap;

pub(super) fn check(cx: &mut Context<'_>, program: &Program) {
    let mut epochs: HashMap<u32, u64> = HashMap::new();
    super::visit(&program.body, &mut |step| {
        if let Op::Train(train) = &step.op {
            let epoch = train.settings.steps_per_epoch();
            // Where one has been seen, so have those that were there before it.
            let mut clocks = train.settings.clocks.newest_first();
            while let Some(clock) = clocks.next().filter(|c| !epochs.contains_key(c)) {
                epochs.insert(*clock, epoch);
            }
        }
    });
    let mut found = Vec::new();
    look(&program.body, &epochs, &mut found);
    for (span, message) in found {
        let help = "turn within that time, such as by shares of it: `drop(at: [50%, 75%])`, `warmup(5%)`";
        cx.report(Diagnostic::new(Code::SCHEDULE_OUTLASTS, span, message).help(help));
    }
}

/// Rounds of a `for` may last differently long, so schedules in it are left alone.
fn look(steps: &[Step], epochs: &HashMap<u32, u64>, found: &mut Vec<(Span, String)>) {
    for step in steps {
        match &step.op {
            Op::Schedule { clock, schedule: Value::Component(spec), total } if *total > 0 => {
                let (Some(epoch), Ok(schedule)) = (epochs.get(clock), schedules::build(spec)) else { continue };
                let outside = |(at, what): &(u64, &str)| if *what == "drop" { at >= total } else { at > total };
                if let Some((at, what)) = schedule.turns(*total, *epoch).into_iter().find(outside) {
                    let (at, total) = (time(at, *epoch), time(*total, *epoch));
                    let message = format!("the {what} after {at} is never reached: training from here takes {total}");
                    found.push((step.span, message));
                }
            }
            Op::For { .. } => {}
            op => op.bodies().for_each(|body| look(body, epochs, found)),
        }
    }
}

fn time(steps: u64, epoch: u64) -> String {
    let (n, unit) = if steps.is_multiple_of(epoch) { (steps / epoch, "epoch") } else { (steps, "step") };
    format!("{n} {unit}{}", if n == 1 { "" } else { "s" })
}

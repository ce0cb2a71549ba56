//! Lints: what a program may say but hardly means. One file each or each small family, and one line of
//! the table.
//!
//! Each says where it looks: some at a statement as it is read, the others at the finished program, which has no errors.

mod attack_budget;
mod batches;
mod defaults_used;
mod early_layers;
mod forgets_everything;
mod forgets_last;
mod forgets_nothing;
mod forgotten_frozen;
mod idle_freeze;
mod implausible_rate;
mod merged_adapters;
mod names;
mod never_due;
mod never_measured;
mod nothing_trained;
mod schedule_outlasts;
mod settings;
mod stale_momentum;
mod test_data_decides;
mod trailing_repeat;
mod unreached;
mod weaker_test_attack;

pub(super) use names::{hidden, unused};
pub(super) use settings::{Added, Notes};
pub(super) use test_data_decides::condition as condition_on_test_data;
pub(super) use trailing_repeat::check as trailing_repeat;
pub(super) use unreached::{behind_stop, check as unreached, idle_condition};

use super::context::Context;
use super::program::{Forget, Program, Settings, Step};
use super::statements::Written;
use crate::components::Spec;
use crate::diagnostic::Code;
use crate::source::Span;
use std::sync::Arc;

/// One lint.
pub struct Lint {
    pub code: Code,
    look: Look,
}

/// What it looks at, and when.
enum Look {
    /// a `forget` as it is read
    Forget(fn(&mut Context<'_>, &Forget, &Written<'_>)),
    /// a component as it is read, all of whose arguments are known
    Component(fn(&mut Context<'_>, &Spec, Span)),
    /// a training step as it is read
    Train(fn(&mut Context<'_>, &Arc<Settings>, &Written<'_>)),
    /// the finished program
    Program(fn(&mut Context<'_>, &Program)),
    /// what reads names, settings, comments or checkpoints asks for it by name
    Reader,
}

const fn lint(code: Code, look: Look) -> Lint {
    Lint { code, look }
}

/// All lints.
pub static LINTS: &[Lint] = &[
    lint(Code::DEFAULTS_USED, Look::Program(defaults_used::check)),
    lint(Code::UNUSED_NAME, Look::Reader),
    lint(Code::HIDDEN_NAME, Look::Reader),
    lint(Code::EARLY_LAYERS, Look::Forget(early_layers::check)),
    lint(Code::FORGETS_LAST, Look::Program(forgets_last::check)),
    lint(Code::TRAILING_REPEAT, Look::Reader),
    lint(Code::SETTING_TWICE, Look::Program(settings::unused)),
    lint(Code::WEAKER_TEST_ATTACK, Look::Program(weaker_test_attack::check)),
    lint(Code::TEST_DATA_DECIDES, Look::Train(test_data_decides::best)),
    lint(Code::UNUSED_SETTING, Look::Reader),
    lint(Code::STALE_MOMENTUM, Look::Forget(stale_momentum::check)),
    lint(Code::CHECKPOINT_MAYBE, Look::Reader),
    lint(Code::UNUSED_ALLOW, Look::Reader),
    lint(Code::NOTHING_TRAINED, Look::Train(nothing_trained::check)),
    lint(Code::FORGOTTEN_FROZEN, Look::Program(forgotten_frozen::check)),
    lint(Code::UNREACHED, Look::Reader),
    lint(Code::SCHEDULE_OUTLASTS, Look::Program(schedule_outlasts::check)),
    lint(Code::IMPLAUSIBLE_RATE, Look::Component(implausible_rate::check)),
    lint(Code::ATTACK_STEP, Look::Component(attack_budget::step)),
    lint(Code::ATTACK_LIMIT, Look::Component(attack_budget::limit)),
    lint(Code::FORGETS_NOTHING, Look::Forget(forgets_nothing::check)),
    lint(Code::FORGETS_EVERYTHING, Look::Forget(forgets_everything::check)),
    lint(Code::NEVER_MEASURED, Look::Program(never_measured::check)),
    lint(Code::BATCH_TOO_LARGE, Look::Train(batches::too_large)),
    lint(Code::BATCH_OF_ONE, Look::Train(batches::of_one)),
    lint(Code::IDLE_FREEZE, Look::Program(idle_freeze::check)),
    lint(Code::NEVER_DUE, Look::Program(never_due::check)),
    lint(Code::MERGED_ADAPTERS, Look::Program(merged_adapters::check)),
];

/// What there is to say of a `forget`.
pub(super) fn of_forget(cx: &mut Context<'_>, forget: &Forget, written: &Written<'_>) {
    for lint in LINTS {
        if let Look::Forget(check) = lint.look {
            check(cx, forget, written);
        }
    }
}

/// What there is to say of a component.
pub(super) fn of_component(cx: &mut Context<'_>, spec: &Spec, span: Span) {
    for lint in LINTS {
        if let Look::Component(check) = lint.look {
            check(cx, spec, span);
        }
    }
}

/// What there is to say of a training step.
pub(super) fn of_train(cx: &mut Context<'_>, settings: &Arc<Settings>, written: &Written<'_>) {
    for lint in LINTS {
        if let Look::Train(check) = lint.look {
            check(cx, settings, written);
        }
    }
}

/// What there is to say of a program without errors.
pub(super) fn of_program(cx: &mut Context<'_>, program: &Program) {
    for lint in LINTS {
        if let Look::Program(check) = lint.look {
            check(cx, program);
        }
    }
}

/// Calls `f` with each step in program order, loop bodies once.
pub(super) fn visit<'s>(steps: &'s [Step], f: &mut impl FnMut(&'s Step)) {
    for step in steps {
        f(step);
        step.op.bodies().for_each(|body| visit(body, f));
    }
}

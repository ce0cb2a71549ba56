//! `repeat until CONDITION max: N { … }`: a loop that a measurement may end.

use super::{Lower, Word, WordKind, Written, lower_block};
use crate::components::{Param, Type, Value, Varies};
use crate::diagnostic::{Code, Diagnostic};
use crate::language::context::Context;
use crate::language::lints;
use crate::language::program::{Op, Until};

pub static REPEAT_UNTIL: Word = Word {
    name: "repeat until",
    kind: WordKind::Control,
    params: &[
        Param::new("condition", Type::Condition, "what ends it, looked at after each round").varies(Varies::All),
        Param::new("max", Type::Int, "how many rounds there are at most").named().at_least(1.0),
    ],
    on: false,
    with: false,
    block: true,
    doc: "round after round until a condition holds, but no more than `max` of them",
    example: "repeat until clean > 90% max: 20 { train 1; forget head 10%; train 1 }",
    lower: Lower::Statement(lower),
};

fn lower<'a>(cx: &mut Context<'a>, written: &Written<'a>) {
    let Some(block) = &written.simple.block else {
        if written.bound.whole() {
            let message = "`repeat until` has no block of steps to repeat";
            let d = Diagnostic::new(Code::BAD_STEP_PLACE, written.word(), message);
            cx.report(d.help("write the steps in braces: `repeat until clean > 90% max: 20 { train 1 }`"));
        }
        return;
    };
    let path = cx.next_path();
    let body = lower_block(cx, block, format!("{path}.repeat.")).steps;
    let span = written.bound.span("condition");
    let (Some(condition), Some(Value::Int(max))) = (written.bound.value("condition"), written.bound.value("max"))
    else {
        return;
    };
    let Some(settings) = cx.fitting_settings(written.word()) else { return };
    let Some(condition) = cx.condition(condition, &settings, span) else { return };
    lints::condition_on_test_data(cx, &condition, &settings, span);
    let until = Until { condition, text: cx.one_line(span), settings };
    cx.emit(written.span, Op::Repeat { count: *max as u64, until: Some(Box::new(until)), body });
}

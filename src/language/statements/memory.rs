//! `memory` and `recall`: the stable network, and what teachers ask for.

use super::{Lower, Word, WordKind, Written};
use crate::components::{Duration, Family, Param, Type, Value, Varies};
use crate::diagnostic::{Code, Diagnostic};
use crate::language::context::Context;
use crate::language::program::Memory;
use crate::language::settings::Placed;

pub static MEMORY: Word = Word {
    name: "memory",
    kind: WordKind::Setting,
    params: &[Param::new(
        "memory",
        Type::OneOf(&[Type::Component(Family::Memory), Type::Word(&["none"])]),
        "how the stable network follows; `none`: it stays as it is",
    )
    .varies(Varies::Inside)],
    on: false,
    with: false,
    block: false,
    doc: "a stable network that begins as a copy at the first `consolidate` and follows the trained one in each",
    example: "memory ema(decay: 0.999, probability: 20%); consolidate 1",
    lower: Lower::Statement(memory),
};

pub static RECALL: Word = Word {
    name: "recall",
    kind: WordKind::Setting,
    params: &[Param::new(
        "terms",
        Type::List(&Type::OneOf(&[Type::Component(Family::Recall), Type::Word(&["none"])])),
        "what is added to the loss; `none` for none",
    )
    .many()
    .varies(Varies::Inside)],
    on: false,
    with: false,
    block: false,
    doc: "in `relearn`, teachers' terms beside the objective: of the memory, or of checkpoints",
    example: "memory ema; recall kl(weight: 1.0, on: clean); consolidate 1; relearn 1",
    lower: Lower::Statement(recall),
};

fn memory<'a>(cx: &mut Context<'a>, written: &Written<'a>) {
    match written.bound.value("memory").cloned() {
        Some(Value::Component(spec)) => {
            let every = spec.member.param("every").map(|(place, _)| &spec.args[place]);
            if let Some(Value::Duration(Duration::Seconds(_))) = every {
                let message = "a clock would decide what the memory is";
                let d = Diagnostic::new(Code::WRONG_TYPE, written.bound.span("memory"), message);
                return cx.report(d.help("count training: `every: 1 epoch`, `every: 500 steps`"));
            }
            match every {
                Some(Value::Duration(every)) => cx.notes.measures(written.word(), *every),
                Some(Value::None) => cx.notes.measures(written.word(), Duration::Epochs(1.0)),
                _ => {}
            }
            // As an optimizer's: the statement in a phase's body is one, however often it is called.
            let id = cx.statement_id(written.span);
            cx.current.memory = Some(Memory { id, spec });
        }
        Some(Value::Word(_)) => cx.current.memory = None,
        _ => {}
    }
}

fn recall<'a>(cx: &mut Context<'a>, written: &Written<'a>) {
    let Some(Value::List(list)) = written.bound.value("terms") else { return };
    let specs = list.iter().filter_map(|v| v.as_component(Family::Recall)).cloned().collect();
    cx.current.recall = Placed { value: specs, span: Some(written.bound.span("terms")) };
}

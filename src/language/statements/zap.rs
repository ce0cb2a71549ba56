//! `zap`: re-draws output rows as published.

use super::{Lower, Word, WordKind, Written};
use crate::components::selector::{Index, Selector};
use crate::components::{Default, Param, Type, Value, Varies};
use crate::diagnostic::{Code, Diagnostic};
use crate::language::context::Context;
use crate::language::program::{Op, Zap};

pub static ZAP: Word = Word {
    name: "zap",
    kind: WordKind::Step,
    params: &[
        Param::new("selector", Type::Selector, "which rows: `head`, `head[3]`").varies(Varies::Inside),
        Param::new(
            "reset_scale",
            Type::Word(&["per_row", "as_published"]),
            "spread of the draw: N(0, 2/F) for each row, or N(0, 2/(kF)) for k rows together",
        )
        .or(Default::Word("per_row"))
        .named(),
    ],
    on: false,
    with: false,
    block: false,
    doc: "re-draw output rows; `zap head` also gives the head as many rows as the data has classes",
    example: "zap head",
    lower: Lower::Statement(lower),
};

fn lower<'a>(cx: &mut Context<'a>, written: &Written<'a>) {
    let bound = &written.bound;
    let settings = cx.settings(written.word());
    let Some(selector) = bound.value("selector").cloned() else { return };
    let whole_head = selector == Value::Selector(Selector::Head(Index::All));
    let (Some(settings), true) = (settings, bound.whole()) else { return };
    let word = written.word();
    if settings.facts.texts().is_some() {
        let message = "`zap` re-draws what a classifier knows of classes, and a language model has none";
        let d = Diagnostic::new(Code::NOT_OF_TEXTS, word, message);
        return cx.report(d.help("re-draw weights of it by `forget head 100%`"));
    }
    if !(whole_head || cx.measured_rows_fit(&settings, word)) || !cx.measures_known(&settings, false, word) {
        return;
    }
    let settings = cx.around_forgetting(settings, written.word());
    if whole_head {
        cx.head_classes = settings.facts.classes;
    }
    let Some(target) = cx.target(&selector, bound.span("selector")) else { return };
    let model = cx.model.clone();
    let mut hit = model.iter().flat_map(|m| target.selection.iter().flatten().map(|s| &m.parts[s.part]));
    if let Some(part) = hit.find(|part| !part.head || part.shape.len() != 2) {
        let message = format!("`zap` re-draws rows of the classifier; `{}` is none", part.name);
        let d = Diagnostic::new(Code::WRONG_TYPE, bound.span("selector"), message);
        return cx.report(d.help("write `zap head` or `zap head[3]`; other weights are re-drawn by `forget`"));
    }
    let Some(Value::Word(scale)) = bound.value("reset_scale") else { return };
    let classes = whole_head.then_some(settings.facts.classes);
    cx.note_zapped(&target.selector, bound.span("selector"));
    cx.emit(written.span, Op::Zap(Zap { target, reset_scale: scale.clone(), classes, settings }));
}

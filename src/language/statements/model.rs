//! `model` and `weights`: what is trained, and what it starts from.

use super::{Lower, Word, WordKind, Written};
use crate::components::{Default, Family, Param, Problem, ProblemKind, Type, Value};
use crate::diagnostic::{Code, Diagnostic};
use crate::language::context::{Context, Fixed};
use crate::language::program::{Model, Op, Tensors};
use crate::language::settings::Placed;
use crate::nn::weights;

pub static MODEL: Word = Word {
    name: "model",
    kind: WordKind::Setting,
    params: &[Param::new("model", Type::Component(Family::Model), "a network")],
    on: false,
    with: false,
    block: false,
    doc: "the network that is trained",
    example: "model convnet(width: 64)",
    lower: Lower::Statement(model),
};

pub static WEIGHTS: Word = Word {
    name: "weights",
    kind: WordKind::Step,
    params: &[
        Param::new("file", Type::Text, "a safetensors or GGUF file with PyTorch's names"),
        Param::new("on", Type::Selector, "only these are read, whatever else the file holds")
            .or(Default::Absent)
            .named(),
    ],
    on: false,
    with: false,
    block: false,
    doc: "weights from a file; every missing, extra and misshapen name is an error",
    example: "weights \"production.safetensors\"",
    lower: Lower::Statement(weights_file),
};

fn model<'a>(cx: &mut Context<'a>, written: &Written<'a>) {
    cx.program.model_named = true;
    let span = written.bound.span("model");
    let Some(Value::Component(spec)) = written.bound.value("model").cloned() else { return };
    if let Some(fixed) = cx.model.as_ref().filter(|m| m.spec != spec) {
        let first = fixed.span.or(cx.program.first_step).unwrap_or(span);
        let d = Diagnostic::new(Code::SECOND_MODEL, span, "a second model after the first step");
        cx.report(d.label(first, "steps have run on this one").help("one program trains one model"));
        return;
    }
    cx.current.model = Placed { value: spec, span: Some(span) };
}

fn weights_file<'a>(cx: &mut Context<'a>, written: &Written<'a>) {
    let span = written.bound.span("file");
    let Some(Value::Text(path)) = written.bound.value("file").cloned() else { return };
    let Some(settings) = cx.settings(written.word()) else { return };
    let Some(model) = cx.model_here(written.word()) else { return };
    let resolved = match cx.options.places.resolve(&path) {
        Ok(resolved) => resolved,
        Err(problem) => return cx.problem(problem, span),
    };
    let Ok(only) = only(cx, written, &model) else { return };
    let architecture = cx.architecture_here(&model);
    let fits = match &only {
        None => weights::fits(&architecture, &resolved),
        Some(tensors) => weights::some_fit(&architecture, &resolved, &architecture.tensors_of(&tensors.parts)),
    };
    if let Err(error) = fits {
        let code = if resolved.exists() { Code::BAD_WEIGHTS } else { Code::MISSING_FILE };
        // The file is called what the program calls it: where the program lies is no matter of what is wrong.
        let message = error.to_string().replace(&resolved.display().to_string(), &path);
        return cx.report(Diagnostic::new(code, span, message));
    }
    if !cx.measured_rows_fit(&settings, written.word()) {
        return;
    }
    cx.emit(written.span, Op::Load { path, only, memory: None, settings });
}

/// What `on:` of a statement about weights names: whole tensors, with the biases and norms that their layers own. An error is
/// reported.
pub(super) fn only<'a>(cx: &mut Context<'a>, written: &Written<'a>, model: &Model) -> Result<Option<Tensors>, ()> {
    let span = written.bound.span("on");
    let Some(Value::Selector(selector)) = written.bound.value("on").cloned() else { return Ok(None) };
    let selector = selector.resolve(&mut Fixed(Vec::new())).map_err(drop)?;
    cx.note_selection(&selector, span, true);
    let parts = cx.parts_here(model);
    let selection = cx.resolve(&selector, &parts, span).ok_or(())?.owned;
    if let Some(cut) = selection.iter().find(|selected| selected.rows.is_some()) {
        let message = format!(
            "`{selector}` means some rows of {}; only whole tensors are read and written",
            parts[cut.part].name
        );
        cx.problem(Problem::new(ProblemKind::DoesNotFit, message), span);
        return Err(());
    }
    let parts = selection.into_iter().map(|selected| selected.part).collect();
    Ok(Some(Tensors { selector, parts }))
}

//! `model` and `weights`: what is trained, and what it starts from.

use super::{Lower, Word, WordKind, Written};
use crate::components::{Family, Param, Type, Value};
use crate::diagnostic::{Code, Diagnostic};
use crate::language::context::Context;
use crate::language::program::Op;
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
    params: &[Param::new("file", Type::Text, "a safetensors or GGUF file with PyTorch's names")],
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
    let architecture = cx.architecture_here(&model);
    if let Err(error) = weights::fits(&architecture, &resolved) {
        let code = if resolved.exists() { Code::BAD_WEIGHTS } else { Code::MISSING_FILE };
        // The file is called what the program calls it: where the program lies is no matter of what is wrong.
        let message = error.to_string().replace(&resolved.display().to_string(), &path);
        return cx.report(Diagnostic::new(code, span, message));
    }
    if !cx.measured_rows_fit(&settings, written.word()) {
        return;
    }
    cx.emit(written.span, Op::Load { path, memory: None, settings });
}

//! `train`, `learn`, `consolidate`, `relearn`: training for a time under the current settings.

use super::{Lower, Word, WordKind, Written};
use crate::components::{Param, Type, Value, Varies, tasks};
use crate::diagnostic::{Code, Diagnostic};
use crate::language::context::Context;
use crate::language::lints;
use crate::language::program::{Op, Train};
use crate::language::settings::Placed;
use crate::syntax::tree::StatementKind;

static DURATION: &[Param] =
    &[Param::new("duration", Type::Duration, "how long: epochs unless a unit says otherwise").varies(Varies::All)];

static LEARNED: &[Param] = &[
    Param::new("tasks", Type::Tasks, "a task of conversations, or several").varies(Varies::All),
    Param::new("duration", Type::Duration, "how long: epochs unless a unit says otherwise").varies(Varies::All),
];

const fn word(name: &'static str, doc: &'static str, example: &'static str) -> Word {
    of(name, DURATION, doc, example)
}

const fn of(name: &'static str, params: &'static [Param], doc: &'static str, example: &'static str) -> Word {
    Word {
        name,
        kind: WordKind::Step,
        params,
        on: false,
        with: true,
        block: true,
        doc,
        example,
        lower: Lower::Statement(lower),
    }
}

pub static TRAIN: Word = word("train", "plain training under the current settings", "train 10 epochs");

pub static LEARN: Word =
    of("learn", LEARNED, "train on some tasks of conversations alone", "for task in quiz { learn task 1 epoch }");

pub static CONSOLIDATE: Word = word(
    "consolidate",
    "train until the network is steady; the same as `train` as long as there is no memory",
    "consolidate 40",
);

pub static RELEARN: Word = word(
    "relearn",
    "train after forgetting; the same as `train` as long as there is no memory",
    "relearn 10 with { optimizer adam(lr: 1e-3) }",
);

fn lower<'a>(cx: &mut Context<'a>, written: &Written<'a>) {
    let name = super::find(&written.simple.word.text).map_or("train", |w| w.name);
    let Some(with) = &written.simple.with else {
        let outer = cx.current.clone();
        emit_learned(cx, written, name);
        cx.current = outer;
        return;
    };
    let outer = cx.current.clone();
    // The settings' own block ends with this step, and so does the time of a schedule among them.
    let start = cx.frames.last().map_or(0, |f| f.steps.len());
    cx.scopes.push();
    for statement in &with.statements {
        match &statement.kind {
            StatementKind::Simple(simple)
                if super::find(&simple.word.text).is_none_or(|w| w.kind == WordKind::Setting) =>
            {
                cx.simple(simple, statement.span)
            }
            StatementKind::Assignment { simple, equals } => cx.assignment(simple, *equals, statement.span),
            StatementKind::Error => cx.unreadable(statement.span),
            _ => cx.only_settings(statement.span),
        }
    }
    emit_learned(cx, written, name);
    cx.scopes.pop();
    cx.current = outer;
    cx.fit_own_schedules(start);
}

/// A `learn` trains on the data of its tasks, of which it takes those alone.
fn emit_learned<'a>(cx: &mut Context<'a>, written: &Written<'a>, word: &'static str) {
    if word != LEARN.name {
        return emit(cx, written, word);
    }
    let span = written.bound.span("tasks");
    let Some(learned) = written.bound.value("tasks").cloned() else { return };
    let Some(data) = cx.data_of_tasks(&learned, span) else { return };
    if tasks::of(&learned).iter().any(|task| task.once_learned) {
        let d = Diagnostic::new(Code::WRONG_TYPE, span, "`seen` names tasks that have been learned");
        return cx.report(d.help("name the tasks that are to be learned"));
    }
    cx.current.data = Placed { value: data, span: Some(span) };
    cx.current.texts.learned = Some(learned);
    emit(cx, written, word);
}

fn emit<'a>(cx: &mut Context<'a>, written: &Written<'a>, word: &'static str) {
    let settings = cx.fitting_settings(written.word());
    // Before its blocks are read, which may measure what begins here.
    let taught = settings.clone().is_none_or(|settings| cx.remembers(word, &settings, written.word()));
    let settings = settings.map(|settings| cx.before_it_begins(settings));
    let host = settings.clone().zip(written.bound.value("duration").cloned());
    let triggers = cx.triggers(written, host);
    let (Some(settings), Some(duration)) = (settings, written.bound.value("duration")) else { return };
    if !taught || !cx.measures_known(&settings, true, written.word()) {
        return;
    }
    lints::of_train(cx, &settings, written);
    let duration: Value = duration.clone();
    cx.index.duration(written.bound.span("duration"), settings.steps_per_epoch());
    cx.emit(written.span, Op::Train(Train { word, duration, settings, triggers }));
}

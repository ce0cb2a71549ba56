//! `checkpoint` and `rollback`: named points, and back to them.

use super::{Lower, Word, WordKind, Written};
use crate::components::{Param, Type, Value};
use crate::diagnostic::{Code, Diagnostic};
use crate::language::arguments::Bound;
use crate::language::context::{Context, MadeCheckpoint};
use crate::language::program::Op;
use crate::language::suggest;
use crate::source::Span;

static NAME: &[Param] = &[Param::new("name", Type::Text, "the name of the point")];

pub static CHECKPOINT: Word = Word {
    name: "checkpoint",
    kind: WordKind::Step,
    params: NAME,
    on: false,
    with: false,
    block: false,
    doc: "a named point; made again, it is replaced",
    example: "checkpoint \"pretrained\"",
    lower: Lower::Statement(checkpoint),
};

pub static ROLLBACK: Word = Word {
    name: "rollback",
    kind: WordKind::Step,
    params: NAME,
    on: false,
    with: false,
    block: false,
    doc: "back to a named point: weights and optimizer, not the clock",
    example: "checkpoint \"good\"; train 1; rollback \"good\"",
    lower: Lower::Statement(rollback),
};

fn checkpoint<'a>(cx: &mut Context<'a>, written: &Written<'a>) {
    let Some(name) = name(cx, &written.bound) else { return };
    cx.note_checkpoint(&name, written.bound.span("name"), true);
    let always = cx.conditional == 0;
    let here = (name.clone(), written.bound.span("name"));
    let (first, made) = cx.checkpoint_folders.entry(name.to_lowercase()).or_insert(here).clone();
    if first != name {
        let message = format!("{name:?} differs from {first:?} only in the size of its letters");
        let d = Diagnostic::new(Code::WRONG_TYPE, written.bound.span("name"), message);
        cx.report(d.label(made, "made here").help("on some disks both would be one folder: choose another name"));
        return;
    }
    cx.checkpoint_names.add(&name);
    // Settled first: the model's head has its rows from the data.
    let settings = cx.settings(written.word());
    let rows = cx.head_classes;
    let made = cx.checkpoints.entry(name.clone()).or_insert(MadeCheckpoint { span: written.span, always, rows });
    made.always |= always;
    made.rows = rows;
    if settings.is_some() {
        cx.emit(written.span, Op::Checkpoint { name });
    }
}

fn rollback<'a>(cx: &mut Context<'a>, written: &Written<'a>) {
    let Some(name) = name(cx, &written.bound) else { return };
    cx.note_checkpoint(&name, written.bound.span("name"), false);
    if cx.made_checkpoint(&name, written.bound.span("name")) && cx.settings(written.word()).is_some() {
        cx.head_classes = cx.checkpoints.get(&name).map_or(cx.head_classes, |made| made.rows);
        cx.emit(written.span, Op::Rollback { name });
    }
}

pub(super) fn name(cx: &mut Context<'_>, bound: &Bound) -> Option<String> {
    let Some(Value::Text(name)) = bound.value("name") else { return None };
    if is_checkpoint_name(name) {
        return Some(name.clone());
    }
    let d = Diagnostic::new(Code::WRONG_TYPE, bound.span("name"), "this is no name for a checkpoint");
    let help = "up to 100 letters, digits, `-`, `_`, `.` and blanks; at its ends neither `.` nor blanks; nor `con` or another device";
    cx.report(d.help(help));
    None
}

/// Names become folders, on disks of every kind: letters, digits, `-`, `_`, and blanks and full stops within.
pub fn is_checkpoint_name(name: &str) -> bool {
    let fits = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | ' ');
    let edge = |c: char| matches!(c, '.' | ' ');
    let long = name.is_empty() || name.len() > 100;
    !(long || !name.chars().all(fits) || name.starts_with(edge) || name.ends_with(edge) || is_device(name))
}

/// Names that mean devices to Windows, whatever their ending and the size of their letters.
fn is_device(name: &str) -> bool {
    let stem = name.split('.').next().unwrap_or_default().trim_end().to_ascii_lowercase();
    let numbered = |port: &str| stem.strip_prefix(port).is_some_and(|n| n.len() == 1 && !matches!(n, "0"));
    matches!(stem.as_str(), "con" | "prn" | "aux" | "nul") || numbered("com") || numbered("lpt")
}

impl Context<'_> {
    /// Whether a checkpoint of that name has been made before this point.
    pub(in crate::language) fn made_checkpoint(&mut self, name: &str, span: Span) -> bool {
        if let Some(made) = self.checkpoints.get(name).cloned() {
            if !made.always && self.conditional == 0 {
                let message = format!("the checkpoint {name:?} is made on some paths only");
                let d = Diagnostic::new(Code::CHECKPOINT_MAYBE, span, message);
                self.report(d.label(made.span, "made here").help("make it before that block as well"));
            }
            return true;
        }
        let d = Diagnostic::new(Code::UNKNOWN_CHECKPOINT, span, format!("no checkpoint {name:?} has been made here"));
        let (near, made) = (&self.checkpoint_names, &self.checkpoints);
        let is_made = |n: &(usize, &str)| made.contains_key(n.1);
        let within = |most| near.within(name, most).into_iter().filter(is_made).collect();
        let guesses = suggest::closest_of(name, [], within);
        let d = match guesses.first() {
            Some(guess) => {
                let d = d.help(format!("did you mean {guess:?}?"));
                self.instead(d, span, format!("{guess:?}"), suggest::sureness(name, &guesses))
            }
            None => d.help(format!("make it before: `checkpoint {name:?}`")),
        };
        self.report(d);
        false
    }
}

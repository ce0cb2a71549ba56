//! `guard`: what happens where a condition doesn't hold.

use super::{Lower, Word, WordKind, Written, checkpoint};
use crate::components::{Param, Type, Varies};
use crate::diagnostic::{Code, Diagnostic};
use crate::language::arguments::{Owner, guessed};
use crate::language::context::Context;
use crate::language::index::{Callee, Sense};
use crate::language::lints;
use crate::language::program::{Guard, Op, Otherwise};
use crate::language::suggest;
use crate::syntax::tree::{Argument, ExprKind, Simple};

pub static GUARD: Word = Word {
    name: "guard",
    kind: WordKind::Control,
    params: &[Param::new("condition", Type::Condition, "what has to hold here").varies(Varies::All)],
    on: false,
    with: false,
    block: false,
    doc: "a rule of safety: where it doesn't hold, go back (`rollback \"name\"`), end the run (`stop`) or go on (`warn`)",
    example: "checkpoint \"good\"; train 1; guard clean > 50% else rollback \"good\"",
    lower: Lower::Statement(lower),
};

/// What may stand behind `else`.
static OTHERWISE: [&str; 3] = ["rollback", "stop", "warn"];

fn lower<'a>(cx: &mut Context<'a>, written: &Written<'a>) {
    let otherwise = match &written.simple.otherwise {
        Some(otherwise) => cx.otherwise(otherwise),
        None => cx.no_otherwise(written),
    };
    let span = written.bound.span("condition");
    let settings = cx.fitting_settings(written.word());
    let (Some(settings), Some(condition)) = (settings, written.bound.value("condition")) else { return };
    let Some(condition) = cx.condition(condition, &settings, span) else { return };
    lints::condition_on_test_data(cx, &condition, &settings, span);
    let Some(otherwise) = otherwise else { return };
    let text = cx.one_line(span);
    cx.emit(written.span, Op::Guard(Box::new(Guard { condition, text, settings, otherwise })));
}

impl<'a> Context<'a> {
    /// What stands behind `else`.
    fn otherwise(&mut self, simple: &'a Simple) -> Option<Otherwise> {
        let word = &simple.word;
        let (params, meaning): (&'static [Param], _) = match word.text.as_str() {
            "rollback" => (checkpoint::ROLLBACK.params, Sense::Word(&checkpoint::ROLLBACK)),
            "stop" => (&[], Sense::Word(&super::triggers::STOP)),
            "warn" => (&[], Sense::Choice),
            _ => {
                self.only_names(&simple.arguments);
                self.unknown_otherwise(simple);
                return None;
            }
        };
        self.index.means(word.span, meaning);
        let owner = Owner { name: &word.text, span: word.span, callee: Callee::Word(&GUARD) };
        let owner = match meaning {
            Sense::Word(word) => Owner { callee: Callee::Word(word), ..owner },
            _ => owner,
        };
        let bound = self.bind(params, &simple.arguments, owner);
        match word.text.as_str() {
            "rollback" => {
                let (name, span) = (checkpoint::name(self, &bound)?, bound.span("name"));
                self.note_checkpoint(&name, span, false);
                self.made_checkpoint(&name, span).then_some(Otherwise::Rollback(name))
            }
            "stop" => Some(Otherwise::Stop),
            _ => Some(Otherwise::Warn),
        }
    }

    fn unknown_otherwise(&mut self, simple: &Simple) {
        let (name, span) = (simple.word.text.as_str(), simple.word.span);
        let d = Diagnostic::new(Code::UNKNOWN_CHOICE, span, format!("a guard can't `{name}`"));
        let d = guessed(d, name, span, &suggest::closest(name, OTHERWISE));
        self.report(match d.help.is_some() {
            true => d,
            false => {
                d.help("behind `else` stands `rollback \"name\"`, `stop` or `warn`; for other steps write an `if`")
            }
        });
    }

    fn no_otherwise(&mut self, written: &Written<'_>) -> Option<Otherwise> {
        let unread = |argument: &Argument| matches!(argument.value.kind, ExprKind::Error);
        if written.bound.whole() && !written.simple.arguments.iter().any(unread) {
            let message = "this guard doesn't say what happens where it doesn't hold";
            let d = Diagnostic::new(Code::MISSING_ARGUMENT, written.word(), message);
            let d = d.help("put `else rollback \"name\"`, `else stop` or `else warn` behind it");
            self.report(match &written.simple.block {
                Some(_) => d,
                None => d.maybe_fix("let it `warn`", written.bound.span("condition").after(), " else warn"),
            });
        }
        None
    }
}

//! [`crate::syntax::tree::File`] → [`program::Program`]: what a program means, and everything that is wrong with it.
//!
//! [`analyze`] is total: whatever it is given, it returns what it understood and all diagnostics. The command line, the
//! runner and the editors all call it, so what one accepts, all accept.

pub mod chain;
pub mod fix;
pub mod index;
pub mod program;
pub mod selectors;
pub mod statements;
pub mod suggest;
pub mod vocabulary;

mod adapted;
mod advice;
mod apart;
mod arguments;
mod assignment;
mod calls;
mod consequences;
mod context;
mod costs;
mod digits;
mod edits;
mod followed;
mod hosted;
mod joined;
mod levels;
pub mod lints;
mod load;
mod measured;
mod mismatch;
mod model;
mod near;
mod of_texts;
mod phases;
mod pragma;
mod remembered;
mod rounds;
mod scope;
mod settings;
mod shared;
mod tasks;
mod time;
mod touching;
mod unit;
mod values;

pub use levels::{Level, Levels, Which};
pub use load::{Disk, Files, ProgramFiles, imports_at_a_glance};
pub use phases::TYPES;
pub use statements::checkpoint::is_checkpoint_name;
pub use values::{families_of, words_of};

use crate::components::data::Places;
use crate::diagnostic::{Code, Diagnostic, Severity, has_errors};
use crate::nn::architecture::Input;
use crate::source::{FileId, Sources, Span};
use crate::syntax::format::Lists;
use crate::syntax::parse;
use crate::syntax::tree::{File, Statement, StatementKind};
use context::Context;
use index::Index;
use load::{Inputs, Loaded};
use program::{Model, Program, Step};
use std::path::Path;
use std::sync::Arc;

/// What an analysis is given besides the files.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// `--set name=expr`: name and text
    pub sets: Vec<(String, String)>,
    /// where data may be looked for
    pub places: Places,
    /// how loud lints are, where no pragma says it
    pub levels: Levels,
    /// a memory is at hand from the beginning, as where saved weights are measured that have one beside them
    pub memory: bool,
}

/// Everything that is known of a program.
#[derive(Debug)]
pub struct Analysis {
    pub sources: Sources,
    /// the root file as it was written
    pub file: File,
    /// sorted by place
    pub diagnostics: Vec<Diagnostic>,
    /// `None` where there are errors
    pub program: Option<Program>,
    /// what each place means, also where there are errors
    pub index: Index,
}

/// A text in its canonical form. One that has syntax errors is refused with these, also one in which statements run into
/// each other, because its lines would be joined. What words mean does not matter.
pub fn format(text: &str) -> Result<String, Vec<Diagnostic>> {
    let (tree, mut diagnostics) = parse(FileId::default(), text);
    joined::split(&mut tree.clone(), text, &mut diagnostics);
    if has_errors(&diagnostics) {
        sort(&mut diagnostics);
        return Err(diagnostics.into_iter().map(Diagnostic::brief).collect());
    }
    crate::syntax::format::format(text, &tree, Lists(&statements::list_from)).map_err(|bug| vec![*bug])
}

/// More training than this in one program is a slip of the keyboard.
const MOST_STEPS: u64 = 1_000_000_000_000;

/// Reads, checks and resolves the program whose root file is `path`.
pub fn analyze(path: &Path, files: &dyn Files, options: &Options) -> Analysis {
    let Loaded { mut sources, root, imports, mut diagnostics } = load::load(path, files);
    let overrides = load::overrides(&options.sets, &mut sources, &mut diagnostics);
    let inputs = Inputs { places: options.places.clone(), overrides, memory: options.memory };
    let mut cx = Context::new(&sources, &inputs, &imports, diagnostics);
    let (program, index) = lower(&mut cx, &root);
    let unused = std::mem::take(&mut cx.unused);
    let files = std::iter::once(&root).chain(imports.values().map(|i| &i.file));
    let mut diagnostics = consequences::remove(cx.finish(), files, &sources, &unused);
    sort(&mut diagnostics);
    let mut files: Vec<&File> = imports.values().map(|i| &i.file).collect();
    files.sort_by_key(|f| f.source);
    files.insert(0, &root);
    diagnostics = pragma::apply(&files, &sources, &options.levels, diagnostics);
    sort(&mut diagnostics);
    let diagnostics: Vec<Diagnostic> = diagnostics.into_iter().map(Diagnostic::brief).collect();
    let program = program.filter(|_| !has_errors(&diagnostics));
    Analysis { sources, file: root, diagnostics, program, index }
}

fn lower<'a>(cx: &mut Context<'a>, root: &'a File) -> (Option<Program>, Index) {
    let whole = Span::new(root.source, 0, cx.sources.get(root.source).text.len());
    cx.scopes.push();
    cx.open(String::new());
    cx.index.enter(whole);
    cx.hoist_phases(&root.statements, false);
    statements::lower_statements(cx, &root.statements);
    for (name, phase) in cx.scopes.uncalled() {
        cx.check_uncalled(phase, &name);
    }
    let mut declared = declared_params(cx, root);
    declared.dedup();
    if root.statements.iter().all(is_declaration) {
        cx.scopes.mark_wanted_elsewhere();
    }
    cx.unknown_overrides(&declared.iter().map(String::as_str).collect::<Vec<_>>());
    let body = cx.close().steps;
    cx.leave_scope();
    let model = model(cx, root);
    let index = std::mem::take(&mut cx.index).finish(&body, model.clone());
    (model.and_then(|model| program(cx, model, body)), index)
}

/// The program's model, settled now if no step has settled it. Where there are errors, nothing more is said of it.
fn model(cx: &mut Context<'_>, root: &File) -> Option<Arc<Model>> {
    if let Some(model) = cx.model.clone() {
        return Some(model);
    }
    // A model that fits nothing is an error also where no step asks for it.
    let place = root.statements.first().map_or(Default::default(), |s| s.span);
    match has_errors(&cx.diagnostics) {
        true => cx.silently(|cx| cx.model_here(place)),
        false => cx.model_here(place),
    }
}

fn program(cx: &mut Context<'_>, model: Arc<Model>, body: Vec<Step>) -> Option<Program> {
    if has_errors(&cx.diagnostics) {
        return None;
    }
    if let Some(steps) = time::train_steps(&body, &[]).filter(|n| *n > MOST_STEPS) {
        let at = body.last().map_or(Default::default(), |s| s.span);
        // A count that was too large to go on counting is the largest there is.
        let message = match steps {
            u64::MAX => format!("this program trains for more than {MOST_STEPS} steps"),
            _ => format!("this program trains for {steps} steps"),
        };
        cx.report(
            Diagnostic::new(Code::TOO_LARGE, at, message).help(format!("a program has at most {MOST_STEPS} steps")),
        );
        return None;
    }
    let header = cx.program.clone();
    if let (Some(span), Input::Image(_)) = (header.recompute, model.architecture.input) {
        let d = Diagnostic::new(Code::BAD_MODEL, span, "`recompute` is for language models");
        cx.report(d.help("leave it out"));
        return None;
    }
    let program = Program {
        seed: header.seed,
        device: header.device,
        threads: header.threads,
        precision: header.precision,
        recompute: header.recompute.is_some(),
        budget: header.budget,
        bindings: header.bindings,
        model,
        body,
    };
    if let Some(span) = of_texts::asked_too_early(&program) {
        let d = Diagnostic::new(Code::BAD_STEP_PLACE, span, "no task has been learned here, so `seen` names none");
        cx.report(d.help("write it behind a `learn`, or name the tasks without `seen`"));
        return None;
    }
    lints::of_program(cx, &program);
    Some(program)
}

/// What `use` may bring into another file.
fn is_declaration(statement: &Statement) -> bool {
    use StatementKind::{Error, Let, Param, Phase, Use};
    matches!(statement.kind, Let { .. } | Param(_) | Phase { .. } | Use { .. } | Error)
}

/// Names of the parameters of the root file and its imports, also of those whose value could not be read.
fn declared_params(cx: &Context<'_>, root: &File) -> Vec<String> {
    let files = std::iter::once(root).chain(cx.imports.values().map(|i| &i.file));
    let statements = files.flat_map(|f| &f.statements);
    statements
        .filter_map(|s| match &s.kind {
            StatementKind::Param(p) => Some(p.name.text.clone()),
            _ => None,
        })
        .collect()
}

/// By place; one error a place: what else is said there follows from the first.
fn sort(diagnostics: &mut Vec<Diagnostic>) {
    diagnostics.sort_by_key(|d| (d.primary.span, d.severity, d.code));
    let follows = |a: &Diagnostic, b: &Diagnostic| a.severity == Severity::Error && !b.code.is_lint();
    diagnostics.dedup_by(|b, a| a.primary.span == b.primary.span && a.severity == b.severity && follows(a, b));
}

//! `fsched resume DIR`

use super::checksums::Files;
use super::failure::{Exit, Failure};
use super::input::{show, whole};
use super::job::Job;
use super::lines::Form;
use super::settle::{RunForm, Settle, look, refused};
use super::stored::{analyze_stored, places};
use crate::allocator;
use crate::diagnostic::Code;
use crate::language::program::Program;
use crate::nn::kernels::Isa;
use crate::plan::Plan;
use crate::record::{Found, InputAsGiven, Manifest, RunFolder};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Go on with a run where it stopped
#[derive(clap::Args, Debug)]
pub struct Resume {
    /// Folder of the run
    #[arg(value_hint = clap::ValueHint::DirPath)]
    folder: PathBuf,
    /// Where named data sets are looked for, if they were moved
    #[arg(long, value_name = "DIR", value_hint = clap::ValueHint::DirPath)]
    data_dir: Option<PathBuf>,
    #[command(flatten)]
    settle: Settle,
}

/// What is no part of a plan, so that it is as it is now.
pub struct Session<'a> {
    pub data_dir: Option<&'a Path>,
    /// the program at hand, of the same plan, and how it is read
    pub at_hand: Option<(&'a Program, InputAsGiven)>,
}

impl Resume {
    pub fn run(&self, out: &mut dyn Write) -> Result<Exit, Failure> {
        resume(&self.folder, &self.settle, &Session { data_dir: self.data_dir.as_deref(), at_hand: None }, out)
    }
}

/// Goes on with the program that the folder keeps; a finished run is told of.
pub fn resume(folder: &Path, settle: &Settle, session: &Session, out: &mut dyn Write) -> Result<Exit, Failure> {
    if let Found::Finished(_) = look(folder)? {
        return settle.result(&settle.finished(folder)?, out);
    }
    // Taken before anything is read, so that nobody else changes it.
    let taken = RunFolder::reopen(folder).map_err(|e| refused(&e))?;
    let mut manifest = Manifest::read(folder).map_err(|e| {
        Failure::new(Exit::RunFailed, e.to_string())
            .code(Code::BAD_RUN_FOLDER)
            .help("`fsched run FILE --resume --out DIR` goes on with the program that you have")
    })?;
    same_instructions(&manifest, settle)?;
    if let Some((_, input)) = &session.at_hand {
        manifest.input = input.clone();
    }
    if let Some(data) = session.data_dir {
        manifest.input.data_dir = whole(data);
    }
    let analysis = analyze_stored(folder, &manifest)?;
    let Some(mut program) = analysis.program else {
        let form = if settle.format == RunForm::Json { Form::Json } else { Form::Human };
        show(&analysis.sources, &analysis.diagnostics, form, super::MAX_ERRORS, out)?;
        return Ok(Exit::FileHasErrors);
    };
    // What changes no number is the program's that was given, not that of the folder.
    if let Some((given, _)) = &session.at_hand {
        (program.budget, program.recompute) = (given.budget, given.recompute);
    }
    let (program, sources, places) = (Arc::new(program), Arc::new(analysis.sources), places(&manifest));
    let files = Files::read(&program, &places, true)?;
    let plan = Plan::with_checksums(program.clone(), &sources, &files.checksums);
    let changed = settle.compare(folder, Some(&manifest), &plan)?;
    settle.memory(&plan)?;
    allocator::expect(plan.footprint.peak_memory_bytes);
    let job = Job {
        device: settle.machine.device(&program)?,
        threads: settle.machine.threads(&program),
        program,
        plan,
        sources,
        places,
        input: manifest.input,
        data: files.data,
        quiet: settle.quiet,
        wait: settle.wait(),
    };
    settle.result(&job.go_on(taken, changed)?, out)
}

/// The last bits of numbers depend on the instruction set: a run goes on with the one that it began with.
fn same_instructions(manifest: &Manifest, settle: &Settle) -> Result<(), Failure> {
    if manifest.isa.is_empty() || settle.accept_changes {
        return Ok(());
    }
    Isa::take(&manifest.isa).map_err(|why| {
        let message = format!("the run began with the instruction set {}: {why}", manifest.isa);
        Failure::new(Exit::ResumeRefused, message)
            .code(Code::PLAN_CHANGED)
            .help("`--accept-changes` goes on all the same; the last bits of its numbers will be others")
    })
}

//! The command line: one file per subcommand, and how things are shown.

mod audit;
mod check;
mod checksums;
mod completions;
mod diff;
mod diversify;
mod eval;
mod explain;
mod failure;
mod fix;
mod fmt;
mod generate;
mod input;
mod job;
pub mod lines;
mod lints;
mod list;
mod lsp;
mod machine;
mod man;
mod new;
mod plan;
pub mod render;
mod resume;
mod run;
mod sarif;
mod settle;
mod signals;
mod snippet;
mod stored;
mod text;

use crate::record::screen::Screen;
use clap::{CommandFactory, Parser, Subcommand};
use failure::{Exit, Failure};
use std::ffi::OsString;
use std::io::Write;
use std::process::ExitCode;

/// Diagnostics of a file that people are shown, unless they ask for more.
const MAX_ERRORS: usize = 50;

/// Declare how a neural network is trained, made to forget, and taught again.
#[derive(Parser, Debug)]
#[command(name = "fsched", version, arg_required_else_help = true, after_help = AFTER)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

const AFTER: &str = "\
Exit status: 0 done; 1 the file has errors; 2 wrong use of the command line; 3 the run failed;
4 an `expect` did not hold; 5 the folder holds an unfinished run, or one that cannot go on so;
130 stopped by a signal, with a checkpoint saved.";

#[derive(Subcommand, Debug)]
enum Command {
    Run(run::Run),
    Resume(resume::Resume),
    Check(check::Check),
    Fmt(fmt::Fmt),
    Fix(fix::Fix),
    Plan(plan::Plan),
    Eval(eval::Eval),
    Generate(generate::Generate),
    Diversify(diversify::Diversify),
    Audit(audit::Audit),
    Explain(explain::Explain),
    List(list::List),
    New(new::New),
    Completions(completions::Completions),
    Man(man::Man),
    Lsp(lsp::Lsp),
}

/// The command line, described.
fn command() -> clap::Command {
    Cli::command()
}

/// Runs what the arguments of the process ask for.
pub fn main() -> ExitCode {
    ExitCode::from(run(std::env::args_os()))
}

/// Runs what these arguments ask for, the first of which names the program; the exit status. Results go to stdout; what
/// people are told on the way goes to stderr.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> u8 {
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(error) => {
            // Help and mistakes both come this way; clap knows which stream and status each has.
            let shown = error.print();
            return if shown.is_ok() { error.exit_code() as u8 } else { Exit::Usage as u8 };
        }
    };
    // Not locked: the language server writes from a thread of its own.
    let mut out = std::io::stdout();
    let result = cli.command.run(&mut out).and_then(|exit| Ok(out.flush().map(|()| exit)?));
    match result {
        Ok(exit) => exit as u8,
        Err(failure) => {
            if !failure.message.is_empty() {
                input::tell(&failure.render(Screen::stderr()));
            }
            failure.exit as u8
        }
    }
}

impl Command {
    fn run(&self, out: &mut dyn Write) -> Result<Exit, Failure> {
        match self {
            Command::Run(run) => run.run(out),
            Command::Resume(resume) => resume.run(out),
            Command::Check(check) => check.run(out),
            Command::Fmt(fmt) => fmt.run(out),
            Command::Fix(fix) => fix.run(out),
            Command::Plan(plan) => plan.run(out),
            Command::Eval(eval) => eval.run(out),
            Command::Generate(generate) => generate.run(out),
            Command::Diversify(diversify) => diversify.run(out),
            Command::Audit(audit) => audit.run(out),
            Command::Explain(explain) => explain.run(out),
            Command::List(list) => list.run(out),
            Command::New(new) => new.run(out),
            Command::Completions(completions) => completions.run(out),
            Command::Man(man) => man.run(out),
            Command::Lsp(lsp) => lsp.run(),
        }
    }
}

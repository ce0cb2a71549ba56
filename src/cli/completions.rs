//! `fsched completions SHELL`

use super::failure::{Exit, Failure};
use super::list;
use crate::diagnostic::{CODES, CodeInfo};
use clap::builder::{PossibleValue, PossibleValuesParser};
use clap::{Arg, Command};
use clap_complete::{Shell, generate};
use std::io::Write;

/// Write what a shell needs to complete commands, options and their values
#[derive(clap::Args, Debug)]
#[command(after_help = AFTER)]
pub struct Completions {
    /// The shell
    #[arg(value_enum)]
    shell: Shell,
}

const AFTER: &str = "\
bash:        fsched completions bash > ~/.local/share/bash-completion/completions/fsched
zsh:         fsched completions zsh > a folder of $fpath, as `_fsched`
fish:        fsched completions fish > ~/.config/fish/completions/fsched.fish
PowerShell:  fsched completions powershell >> $PROFILE";

impl Completions {
    pub fn run(&self, out: &mut dyn Write) -> Result<Exit, Failure> {
        let mut command = with_values(super::command());
        // Written aside first: the library panics where a reader has gone.
        let mut script = Vec::new();
        generate(self.shell, &mut command, "fsched", &mut script);
        out.write_all(&script)?;
        Ok(Exit::Done)
    }
}

/// Values that are not checked by clap, because what is said of wrong ones is ours, but can be completed.
fn with_values(command: Command) -> Command {
    let named = |c: &CodeInfo| [PossibleValue::new(c.id).help(c.name), PossibleValue::new(c.name)];
    let codes = PossibleValuesParser::new(CODES.iter().flat_map(named));
    let lints = CODES.iter().filter(|c| c.code.is_lint()).flat_map(named);
    let lints = PossibleValuesParser::new(lints.chain([PossibleValue::new("lints").help("all warnings")]));
    command
        .mut_subcommand("explain", |c| c.mut_arg("code", |a| a.value_parser(codes)))
        .mut_subcommand("list", with_families)
        .mut_subcommands(|c| {
            let takes_lints = c.get_arguments().any(|a| a.get_id() == "deny");
            let levels = if takes_lints { &["deny", "warn", "allow"][..] } else { &[] };
            levels.iter().fold(c, |c, level| c.mut_arg(level, |a| a.value_parser(lints.clone())))
        })
}

/// Families as if they were commands: scripts for shells know of no other way to let one word decide which may follow.
fn with_families(list: Command) -> Command {
    list::families().into_iter().fold(list, |list, (family, entries)| {
        let names = entries.into_iter().map(|(name, doc)| PossibleValue::new(name).help(doc));
        let name = Arg::new("name").value_parser(PossibleValuesParser::new(names));
        list.subcommand(Command::new(family).arg(name))
    })
}

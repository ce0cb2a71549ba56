//! `fsched completions SHELL`

use super::failure::{Exit, Failure};
use super::list;
use crate::diagnostic::CODES;
use clap::Command;
use clap::builder::{PossibleValue, PossibleValuesParser};
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
    let codes = CODES.iter().flat_map(|c| [PossibleValue::new(c.id).help(c.name), PossibleValue::new(c.name)]);
    let codes = PossibleValuesParser::new(codes);
    let families = PossibleValuesParser::new(list::families());
    command
        .mut_subcommand("explain", |c| c.mut_arg("code", |a| a.value_parser(codes)))
        .mut_subcommand("list", |c| c.mut_arg("family", |a| a.value_parser(families)))
}

//! `fsched man`

use super::failure::{Exit, Failure};
use crate::disk;
use clap::Command;
use clap_mangen::Man as Page;
use std::io::Write;
use std::path::PathBuf;

/// Write manual pages
#[derive(clap::Args, Debug)]
#[command(after_help = "`fsched man | man -l -` shows the page of fsched.")]
pub struct Man {
    /// Write the pages of fsched and of each command into this folder, instead of one to stdout
    #[arg(long, value_name = "DIR", value_hint = clap::ValueHint::DirPath)]
    out: Option<PathBuf>,
}

impl Man {
    pub fn run(&self, out: &mut dyn Write) -> Result<Exit, Failure> {
        let mut command = super::command().disable_help_subcommand(true);
        command.build();
        let Some(folder) = &self.out else {
            out.write_all(&page(command)?.1)?;
            return Ok(Exit::Done);
        };
        let failed = |e: std::io::Error| Failure::new(Exit::RunFailed, e.to_string());
        std::fs::create_dir_all(folder).map_err(|e| failed(disk::named("make", folder, e)))?;
        for command in command.get_subcommands().cloned().chain([command.clone()]) {
            let (name, page) = page(command)?;
            let path = folder.join(name);
            disk::write_whole(&path, &page).map_err(failed)?;
            writeln!(out, "{}", path.display())?;
        }
        Ok(Exit::Done)
    }
}

/// File name and text of a command's page.
fn page(command: Command) -> std::io::Result<(String, Vec<u8>)> {
    // A page of one version is the same whenever it is made; an empty date would let what follows take its place.
    let version = concat!("fsched ", env!("CARGO_PKG_VERSION"));
    let page = Page::new(command).date(" ").source(version).manual("fsched manual");
    let mut text = Vec::new();
    page.render(&mut text)?;
    Ok((page.get_filename(), text))
}

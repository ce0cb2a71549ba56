//! `fsched diversify IN --to OUT`

use super::failure::{Exit, Failure};
use crate::components::styles::{self, Diversified, Replies, Settings, Source};
use crate::components::{Problem, ProblemKind};
use crate::diagnostic::Code;
use crate::disk;
use crate::text::instructions::{Pictures, either};
use crate::text::item::{Item, Style};
use clap::ValueHint::{DirPath, FilePath};
use clap::builder::{PossibleValuesParser, TypedValueParser};
use std::io::Write;
use std::path::{Path, PathBuf};

/// Rewrite a share of a task's questions and answers in other styles of answers
#[derive(clap::Args, Debug)]
#[command(after_help = AFTER, override_usage = USAGE)]
pub struct Diversify {
    /// Instructions: LLaVA JSON, `messages` with `images`, or a file of one of CoIN's tasks; a list, or one a line
    #[arg(value_name = "IN", value_hint = FilePath)]
    file: PathBuf,
    /// Where all items go, rewritten or not, as LLaVA JSON
    #[arg(long, value_name = "OUT", value_hint = FilePath, required_unless_present = "requests")]
    to: Option<PathBuf>,
    /// Part of the items that is rewritten: `20%` or `0.2`
    #[arg(long, default_value = "20%", value_parser = share)]
    share: f64,
    /// Styles to rewrite in; the task's own one is left out [default: all]
    #[arg(long, value_name = "STYLES", value_delimiter = ',', value_parser = style())]
    over: Vec<Style>,
    /// The task's own style [default: that of most items]
    #[arg(long, value_name = "STYLE", value_parser = style())]
    native: Option<Style>,
    /// What random draws are keyed by
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
    /// Folder of the pictures, which are then looked for; they are never opened
    #[arg(long, value_name = "DIR", value_hint = DirPath)]
    images: Option<PathBuf>,
    /// Where wrong answers come from: other answers of the file, or a language model
    #[arg(long, value_name = "SOURCE", default_value = "rule", value_parser = source())]
    wrong: Source,
    /// Where explanations come from: a template, or a language model
    #[arg(long, value_name = "SOURCE", default_value = "rule", value_parser = source())]
    explanations: Source,
    /// A language model's replies, a line `{"key": …, "reply": …}` for each request
    #[arg(long, value_name = "FILE", value_hint = FilePath)]
    replies: Option<PathBuf>,
    /// Rewrite nothing: write what a language model is to be asked, as JSON lines, but for what `--replies` has
    #[arg(long, value_name = "OUT", value_hint = FilePath, conflicts_with = "to")]
    requests: Option<PathBuf>,
    /// Put the bare answer in front of explanations
    #[arg(long)]
    prepend_answer: bool,
    /// Write over a file that is there
    #[arg(long)]
    force: bool,
}

const USAGE: &str = "\
fsched diversify [OPTIONS] <IN> --to <OUT>
       fsched diversify [OPTIONS] <IN> --requests <OUT>";

const AFTER: &str = "\
Writes the same bytes from the same file, options and seed. In the table, `before` counts the items that had a style,
`unfit` those that cannot be rewritten in it: they have it already, or no wrong or short answer is there for them.

With a language model:
  fsched diversify IN --explanations replies --requests ask.jsonl
  (have each line of ask.jsonl answered: `system`, `user` and `image` in, `key` and `reply` to replies.jsonl)
  fsched diversify IN --explanations replies --replies replies.jsonl --to OUT";

impl Diversify {
    pub fn run(&self, out: &mut dyn Write) -> Result<Exit, Failure> {
        let settings = self.settings()?;
        // Before anything that takes time.
        self.to.iter().chain(&self.requests).try_for_each(|target| self.may_write(target))?;
        let items = self.items()?;
        let replies = self.replies.as_deref().map(Replies::read).transpose().map_err(refused)?.unwrap_or_default();
        if let Some(target) = &self.requests {
            self.ask(target, &items, &settings, &replies, out)?;
        }
        if let Some(target) = &self.to {
            self.rewrite(target, items, &settings, &replies, out)?;
        }
        Ok(Exit::Done)
    }

    fn settings(&self) -> Result<Settings, Failure> {
        let asks = [self.wrong, self.explanations].contains(&Source::Replies);
        let say = "say which with `--wrong replies` or `--explanations replies`";
        match (&self.replies, &self.requests) {
            (None, None) if asks => {
                let help =
                    "`--replies FILE` names them; `--requests OUT` in place of `--to` writes what is to be asked";
                Err(Failure::usage("there are no replies of a language model").help(help))
            }
            (Some(_), _) if !asks => Err(Failure::usage("nothing is taken from the replies").help(say)),
            (_, Some(_)) if !asks => Err(Failure::usage("a language model is asked nothing").help(say)),
            _ => Ok(Settings {
                share: self.share,
                over: if self.over.is_empty() { Style::ALL.to_vec() } else { self.over.clone() },
                native: self.native,
                seed: self.seed,
                wrong: self.wrong,
                explanations: self.explanations,
                prepend_answer: self.prepend_answer,
                images: self.images.clone().unwrap_or_default(),
                ..Settings::default()
            }),
        }
    }

    /// Whether a file may be made, or written over.
    fn may_write(&self, target: &Path) -> Result<(), Failure> {
        let shown = target.display();
        if target.symlink_metadata().is_err() {
            return Ok(());
        }
        let real = target.canonicalize().ok();
        let mut read = [Some(&self.file), self.replies.as_ref()].into_iter().flatten();
        if real.is_some() && read.any(|path| path.canonicalize().ok() == real) {
            return Err(Failure::usage(format!("`{shown}` is read, so it cannot be written too"))
                .help("choose another name for what is written"));
        }
        if !target.is_file() {
            return Err(Failure::usage(format!("`{shown}` is there and is no regular file")));
        }
        match self.force {
            true => Ok(()),
            false => Err(Failure::usage(format!("`{shown}` exists already"))
                .help("choose another name; `--force` writes over it")),
        }
    }

    fn items(&self) -> Result<Vec<Item>, Failure> {
        let mut pictures = match &self.images {
            Some(folder) if !folder.is_dir() => {
                return Err(Failure::usage(format!("`{}` is no folder", folder.display())));
            }
            Some(folder) => Pictures::below(folder),
            // Nothing of them is needed here.
            None => Pictures::unsought(),
        };
        let code = if self.file.exists() { Code::BAD_FILE } else { Code::MISSING_FILE };
        either::read(&self.file, &mut pictures)
            .map_err(|wrong| Failure::new(Exit::FileHasErrors, wrong.to_string()).code(code))
    }

    fn ask(
        &self,
        target: &Path,
        items: &[Item],
        settings: &Settings,
        replies: &Replies,
        out: &mut dyn Write,
    ) -> Result<(), Failure> {
        let all = styles::requests(items, settings).map_err(refused)?;
        let lacking = replies.lacking(&all);
        let lines: String = lacking.iter().map(|request| format!("{}\n", request.to_json())).collect();
        write_file(target, &lines)?;
        let (count, shown) = (lacking.len(), target.display());
        let noun = if count == 1 { "request" } else { "requests" };
        writeln!(out, "wrote {count} {noun} to {shown}, for {} items that are rewritten with replies", all.len())?;
        Ok(())
    }

    fn rewrite(
        &self,
        target: &Path,
        items: Vec<Item>,
        settings: &Settings,
        replies: &Replies,
        out: &mut dyn Write,
    ) -> Result<(), Failure> {
        let done = styles::diversify(items, settings, replies).map_err(|problem| match problem.kind {
            ProblemKind::BadFile => refused(problem.help(
                "`--requests OUT` in place of `--to` writes what is still to be asked; add the replies to the file, where \
                 the later one of a key counts",
            )),
            _ => refused(problem),
        })?;
        write_file(target, &styles::to_llava(&done.items, &settings.images).map_err(refused)?)?;
        write!(out, "{}", table(&done))?;
        Ok(writeln!(out, "wrote {}", target.display())?)
    }
}

/// Each style with what became of the items in it.
fn table(done: &Diversified) -> String {
    let rewritten: usize = done.rewritten.iter().map(|(_, count)| count).sum();
    let mut text =
        format!("{} items, whose own style is `{}`: {rewritten} rewritten\n", done.items.len(), done.native.word());
    text += &format!("{:16}{:>9}{:>9}{:>11}\n", "style", "before", "unfit", "rewritten");
    let of = |counts: &[(Style, usize)], style| {
        let found = counts.iter().find(|(other, _)| *other == style);
        found.map_or("-".to_string(), |(_, count)| count.to_string())
    };
    for style in Style::ALL {
        let before = done.before.get(&style).copied().unwrap_or_default();
        let (unfit, rewritten) = (of(&done.unfit, style), of(&done.rewritten, style));
        text += &format!("{:16}{before:>9}{unfit:>9}{rewritten:>11}\n", style.word());
    }
    text
}

fn write_file(target: &Path, text: &str) -> Result<(), Failure> {
    let written = match target.exists() {
        true => disk::replace(target, text.as_bytes()),
        false => disk::write_whole(target, text.as_bytes()),
    };
    written.map_err(|e| Failure::new(Exit::RunFailed, e.to_string()))
}

/// A problem as the command line tells it: files with their code, and what does not fit as a wrong use.
fn refused(problem: Problem) -> Failure {
    let failure = match problem.kind {
        ProblemKind::MissingFile => Failure::new(Exit::FileHasErrors, problem.message).code(Code::MISSING_FILE),
        ProblemKind::BadFile => Failure::new(Exit::FileHasErrors, problem.message).code(Code::BAD_FILE),
        _ => Failure::usage(problem.message),
    };
    // Programs have an argument of the option's name.
    problem.help.map(|help| help.replace("`over`", "`--over`")).into_iter().fold(failure, Failure::help)
}

/// `20%` or `0.2`
fn share(text: &str) -> Result<f64, String> {
    // As one number, since dividing would round twice.
    let number = match text.trim().strip_suffix('%') {
        Some(percent) => format!("{}e-2", percent.trim_end()).parse::<f64>(),
        None => text.trim().parse(),
    };
    match number {
        Ok(share) if (0.0..=1.0).contains(&share) => Ok(share),
        Ok(_) => Err("a share is from 0 to 1, or from 0% to 100%".into()),
        Err(_) => Err("write a share as `20%` or `0.2`".into()),
    }
}

fn style() -> impl TypedValueParser<Value = Style> {
    PossibleValuesParser::new(Style::ALL.map(Style::word))
        .try_map(|word| Style::of(&word).ok_or("no style is called so"))
}

fn source() -> impl TypedValueParser<Value = Source> {
    let of = |word: String| if word == "replies" { Source::Replies } else { Source::Rule };
    PossibleValuesParser::new(["rule", "replies"]).map(of)
}

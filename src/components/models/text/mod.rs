//! Language models: what reads conversations, with the tokenizer and the template that it reads them by.

mod llama;
mod llava;
mod tiny_llava;
mod vlm;

use crate::components::data::Places;
use crate::components::{Default, Member, Param, Problem, ProblemKind, Spec, Type};
use crate::nn::architecture::{Architecture, DECODER, Part};
use crate::nn::pretrained::{self, Decoder, Form, Narrow, gguf};
use crate::nn::weights::WeightsError;
use crate::text::template::Template;
use crate::text::tokenizer::Tokenizer;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// One model: its description, its architecture (of files the headers alone), what cuts texts into tokens for it, and what
/// it starts from.
struct Entry {
    member: &'static Member,
    architecture: fn(&Spec, &Places) -> Result<Architecture, Problem>,
    tokenizer: fn(&Spec, &Places) -> Result<Tokenizer, Problem>,
    start: fn(&Spec, &Places) -> Result<Start, Problem>,
}

/// What the weights of a model are at first.
pub enum Start {
    /// drawn
    Random,
    /// those of a folder or file
    Whole(Named),
    /// a decoder's and a vision tower's of two places; what neither has is drawn
    Parts { decoder: Named, tower: Option<Named> },
}

/// A folder or file, and what the program calls it.
pub struct Named {
    pub path: PathBuf,
    pub shown: String,
}

static ENTRIES: [Entry; 4] = [
    Entry {
        member: &tiny_llava::MEMBER,
        architecture: |spec, _| tiny_llava::architecture(spec),
        tokenizer: |spec, _| tiny_llava::tokenizer(spec),
        start: |_, _| Ok(Start::Random),
    },
    Entry { member: &llama::MEMBER, architecture: llama::architecture, tokenizer: of_files, start: whole },
    Entry { member: &llava::MEMBER, architecture: llava::architecture, tokenizer: of_files, start: whole },
    Entry { member: &vlm::MEMBER, architecture: vlm::architecture, tokenizer: of_files, start: vlm::start },
];

/// The descriptions of all language models.
pub(super) static MEMBERS: [&Member; ENTRIES.len()] = {
    let mut members = [ENTRIES[0].member; ENTRIES.len()];
    let mut at = 0;
    while at < members.len() {
        members[at] = ENTRIES[at].member;
        at += 1;
    }
    members
};

fn entry(spec: &Spec) -> Option<&'static Entry> {
    ENTRIES.iter().find(|entry| entry.member == spec.member)
}

/// Whether it reads conversations.
pub fn reads_text(spec: &Spec) -> bool {
    entry(spec).is_some()
}

/// The architecture of a language model; `None` of any other.
pub(super) fn build(spec: &Spec, places: &Places) -> Option<Result<Architecture, Problem>> {
    entry(spec).map(|entry| (entry.architecture)(spec, places))
}

/// What cuts texts into tokens for it.
///
/// # Errors
/// Files that lack or that cannot be read.
///
/// # Panics
/// Of a model that reads no text.
pub fn tokenizer(spec: &Spec, places: &Places) -> Result<Tokenizer, Problem> {
    let entry = entry(spec).unwrap_or_else(|| unreachable!("`{}` reads no text", spec.name()));
    (entry.tokenizer)(spec, places)
}

/// What it starts from; a network for images from what is drawn.
///
/// # Errors
/// If a file or folder is not there.
pub fn start(spec: &Spec, places: &Places) -> Result<Start, Problem> {
    entry(spec).map_or(Ok(Start::Random), |entry| (entry.start)(spec, places))
}

/// Which of its parts stay in two bytes a number, as its files have them, until something changes them. What cannot be read
/// is told where the model is built or its weights are read.
pub fn narrow(spec: &Spec, places: &Places, parts: &[Part]) -> Vec<bool> {
    let found = |path: &Path, form: Form| Narrow::of(path, form).unwrap_or(Narrow::These(BTreeSet::new()));
    let of_decoder = |named: &Named| found(&named.path, Form::Llama);
    match start(spec, places) {
        Ok(Start::Whole(named)) => {
            let form = pretrained::describe(&named.path).map_or(Form::Llama, |pretrained| pretrained.form);
            let narrow = found(&named.path, form);
            parts.iter().map(|part| part.may_be_narrow() && narrow.has(&part.name)).collect()
        }
        Ok(Start::Parts { decoder, tower }) => {
            let (decoder, tower) = (of_decoder(&decoder), tower.map(|tower| found(&tower.path, Form::Clip)));
            let of = |part: &Part| match part.name.strip_prefix(DECODER) {
                Some(name) => decoder.has(name),
                None => part.is_of_tower() && tower.as_ref().is_some_and(|tower| tower.has(&part.name)),
            };
            parts.iter().map(|part| part.may_be_narrow() && of(part)).collect()
        }
        Ok(Start::Random) | Err(_) => vec![false; parts.len()],
    }
}

/// How conversations are written for it.
pub fn template(spec: &Spec) -> Template {
    Template::named(spec.word("template")).unwrap_or(Template::Plain)
}

/// `template:` of every language model.
const fn template_param(default: &'static str) -> Param {
    Param::new("template", Type::Word(&["vicuna_v1", "chatml", "plain"]), "what stands around questions and answers")
        .or(Default::Word(default))
        .named()
}

impl Named {
    /// What the `path` of a model names.
    fn of(spec: &Spec, places: &Places) -> Result<Named, Problem> {
        Ok(Named { path: resolved(spec, places)?, shown: spec.text("path").into() })
    }
}

/// The folder or file that a model is named by.
fn resolved(spec: &Spec, places: &Places) -> Result<PathBuf, Problem> {
    places.resolve(spec.text("path")).map_err(|e| e.of("path"))
}

fn whole(spec: &Spec, places: &Places) -> Result<Start, Problem> {
    Ok(Start::Whole(Named::of(spec, places)?))
}

fn of_files(spec: &Spec, places: &Places) -> Result<Tokenizer, Problem> {
    let path = resolved(spec, places)?;
    Tokenizer::open(&path).map_err(|e| Problem::new(ProblemKind::BadFile, e.to_string()).of("path"))
}

/// The architecture that a folder or file describes. Where its weights are there, they must fit.
fn described(spec: &Spec, places: &Places) -> Result<Architecture, Problem> {
    let path = resolved(spec, places)?;
    let architecture = if path.is_dir() { pretrained::planned(&path) } else { gguf::architecture(&path) };
    architecture.map_err(|e| unreadable(&e, &path, spec.text("path")).of("path"))
}

/// The same of a decoder, in its numbers.
fn decoder_of(spec: &Spec, places: &Places) -> Result<Decoder, Problem> {
    let path = resolved(spec, places)?;
    pretrained::decoder(&path).map_err(|e| unreadable(&e, &path, spec.text("path")).of("path"))
}

/// What is wrong with a folder or file, which is called what the program calls it: where it lies is no matter of that.
pub(in crate::components) fn unreadable(error: &WeightsError, path: &Path, shown: &str) -> Problem {
    Problem::new(ProblemKind::BadFile, error.to_string().replace(&path.display().to_string(), shown))
}

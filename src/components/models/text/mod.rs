//! Language models: what reads conversations, with the tokenizer and the template that it reads them by.

mod llama;
mod llava;
mod tiny_llava;

use crate::components::data::Places;
use crate::components::{Default, Member, Param, Problem, ProblemKind, Spec, Type};
use crate::nn::architecture::Architecture;
use crate::nn::pretrained::{self, gguf};
use crate::nn::weights::WeightsError;
use crate::text::template::Template;
use crate::text::tokenizer::Tokenizer;
use std::path::PathBuf;

/// One model: its description, its architecture (of files the headers alone), what cuts texts into tokens for it, and where
/// its weights lie; `None` where they start at random.
struct Entry {
    member: &'static Member,
    architecture: fn(&Spec, &Places) -> Result<Architecture, Problem>,
    tokenizer: fn(&Spec, &Places) -> Result<Tokenizer, Problem>,
    weights: fn(&Spec, &Places) -> Option<Result<PathBuf, Problem>>,
}

static ENTRIES: [Entry; 3] = [
    Entry {
        member: &tiny_llava::MEMBER,
        architecture: |spec, _| tiny_llava::architecture(spec),
        tokenizer: |spec, _| tiny_llava::tokenizer(spec),
        weights: |_, _| None,
    },
    Entry { member: &llama::MEMBER, architecture: llama::architecture, tokenizer: of_files, weights: kept },
    Entry { member: &llava::MEMBER, architecture: llava::architecture, tokenizer: of_files, weights: kept },
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

/// Where the weights lie that it starts from; `None` where they start at random.
///
/// # Errors
/// If there is nothing.
pub fn weights(spec: &Spec, places: &Places) -> Option<Result<PathBuf, Problem>> {
    entry(spec).and_then(|entry| (entry.weights)(spec, places))
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

/// The folder or file that a model is named by.
fn resolved(spec: &Spec, places: &Places) -> Result<PathBuf, Problem> {
    places.resolve(spec.text("path")).map_err(|e| e.of("path"))
}

fn kept(spec: &Spec, places: &Places) -> Option<Result<PathBuf, Problem>> {
    Some(resolved(spec, places))
}

fn of_files(spec: &Spec, places: &Places) -> Result<Tokenizer, Problem> {
    let path = resolved(spec, places)?;
    Tokenizer::open(&path).map_err(|e| Problem::new(ProblemKind::BadFile, e.to_string()).of("path"))
}

/// The architecture that a folder or file describes. Where its weights are there, they must fit.
fn described(spec: &Spec, places: &Places) -> Result<Architecture, Problem> {
    let path = resolved(spec, places)?;
    let wrong = |error: WeightsError| {
        // The path is called what the program calls it: where it lies is no matter of what is wrong.
        let message = error.to_string().replace(&path.display().to_string(), spec.text("path"));
        Problem::new(ProblemKind::BadFile, message).of("path")
    };
    match path.is_dir() {
        true => pretrained::planned(&path).map_err(wrong),
        false => gguf::architecture(&path).map_err(wrong),
    }
}

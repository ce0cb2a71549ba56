//! What the model answers: greedily, in batches of prompts of about equal length.

use super::super::Run;
use super::super::error::Failure;
use super::{Reader, pictures, reader};
use crate::components::data::Examples;
use crate::language::program::Settings;
use crate::nn::network::greedy;
use crate::nn::sequences::Sequences;
use crate::text::item::{Item, Turn};
use crate::text::sequence::{Batch, Sequence, Side};
use std::collections::HashMap;

/// Answers at the present weights, so that metrics of the same questions share them.
#[derive(Default)]
pub struct Known {
    at: (u64, u64, u64),
    /// by data set and split, length at most, and what was said in front of the question
    all: HashMap<(String, u64, usize, bool), String>,
}

/// Prompts that are answered together.
const AT_ONCE: usize = 32;

/// The questions of a split.
pub struct Asked<'a> {
    pub examples: &'a Examples,
    pub settings: &'a Settings,
    /// tokens of an answer at most
    pub most: usize,
    /// said in front of a question when it is asked again; by place
    pub again: Option<&'a HashMap<usize, String>>,
}

/// The answers to the questions at these places, in order.
pub fn answers(run: &mut Run, asked: &Asked, places: &[usize]) -> Result<Vec<String>, Failure> {
    let at = run.state.point();
    if run.texts.answers.at != at {
        run.texts.answers = Known { at, all: HashMap::new() };
    }
    let data = asked.settings.data.to_json().to_string();
    let ids = asked.examples.ids(places);
    let key = |id: u64| (data.clone(), id, asked.most, asked.again.is_some());
    let reader = reader(run)?;
    let mut unknown = Vec::new();
    for (place, id) in places.iter().zip(&ids) {
        if !run.texts.answers.all.contains_key(&key(*id)) {
            unknown.push((*place, *id, prompt(&reader, asked, *place)?));
        }
    }
    // Rows of a batch are as wide as its longest.
    unknown.sort_by_key(|(place, _, prompt)| (prompt.length(reader.picture), *place));
    for some in unknown.chunks(AT_ONCE) {
        let texts = generate(run, &reader, asked, &data, some)?;
        for ((_, id, _), text) in some.iter().zip(texts) {
            run.texts.answers.all.insert(key(*id), text);
        }
    }
    let known = |id: &u64| run.texts.answers.all.get(&key(*id)).cloned().unwrap_or_default();
    Ok(ids.iter().map(known).collect())
}

fn prompt(reader: &Reader, asked: &Asked, place: usize) -> Result<Sequence, Failure> {
    let item = asked.examples.item(place).ok_or_else(|| Failure::new("there is no such question"))?;
    let writer = reader.writer(asked.settings)?;
    let written = match asked.again.and_then(|again| again.get(&place)) {
        Some(stated) => writer.prompt(&asked_again(item, stated)),
        None => writer.prompt(item),
    };
    written.map_err(|what| Failure::new(what).help("give it room with `max_length`, or take it out of the data"))
}

/// The last question with its form stated in front of it.
fn asked_again(item: &Item, stated: &str) -> Item {
    let mut item = item.clone();
    if let Some(Turn { question, .. }) = item.turns.last_mut() {
        *question = format!("{stated}\n{question}");
    }
    item
}

fn generate(
    run: &mut Run,
    reader: &Reader,
    asked: &Asked,
    data: &str,
    some: &[(usize, u64, Sequence)],
) -> Result<Vec<String>, Failure> {
    let sequences: Vec<Sequence> = some.iter().map(|(.., sequence)| sequence.clone()).collect();
    let places: Vec<usize> = some.iter().map(|(place, ..)| *place).collect();
    let batch = Batch::new(&sequences, reader.picture, reader.tokenizer.padding(), Side::Left);
    let seen = pictures::seen(run, data, asked.examples, &places, reader.side)?;
    let prompts = Sequences::of(&batch, seen);
    let stop = reader.writer(asked.settings)?.stop();
    let most = asked.most.min(reader.positions.saturating_sub(prompts.length));
    if most == 0 {
        let message = format!("a question takes {} places, all that the model has", prompts.length);
        return Err(Failure::new(message).help("take it out of the data, or a model with more places"));
    }
    let texts = run.measured_network(false)?.generate(&prompts, most, &[stop], |_, logits| greedy(logits))?;
    Ok(texts.iter().map(|tokens| reader.tokenizer.decode(tokens).trim().to_string()).collect())
}

//! Conversations in tokens.

use super::super::error::Failure;
use super::super::train::{objective, teacher};
use super::super::{Run, some_examples};
use super::measure::learned_key;
use super::{Reader, reader};
use crate::components::data::{Dataset, Examples};
use crate::components::metrics::conversation_losses;
use crate::components::objectives::{Lesson, Objective, Pass, Read, read_once};
use crate::components::recall::Recall;
use crate::components::styles::{self, Prompts, Replies};
use crate::components::{Split, tasks};
use crate::language::program::{Diversify, Replay, Settings};
use crate::nn::network::{Noise, Trainable};
use crate::nn::rng::Stream;
use crate::nn::sequences::Sequences;
use crate::text::item::Item;
use crate::text::order::{Extent, by_modality};
use crate::text::sequence::{Batch, Sequence, Side};
use candle_core::Tensor;
use rayon::prelude::*;
use std::collections::BTreeSet;
use std::sync::Arc;

/// Examples of conversations with what the decoder reads of each.
pub struct Written {
    reader: Arc<Reader>,
    examples: Examples,
    /// their data set, by which pictures are known
    data: String,
    sequences: Vec<Sequence>,
    extents: Vec<Extent>,
}

/// So many of what was written last are kept: the tasks of a loop come again in each round of an outer one.
const KEPT: usize = 16;

/// So many conversations that cannot be written are named.
const SHOWN: usize = 20;

/// What a training statement learns from, written at its first use: its tasks, a share of each rewritten.
pub fn learned(run: &mut Run, data: &Dataset, settings: &Settings) -> Result<Arc<Written>, Failure> {
    let seed = run.program.seed;
    let of_tasks = || {
        let mut examples = some_examples(data, Split::Train)?.clone();
        if let Some(learned) = &settings.texts.learned {
            let wanted: BTreeSet<u32> = tasks::numbers(learned).into_iter().collect();
            examples = examples.of_classes(&wanted);
        }
        match &settings.texts.diversify {
            Some(diversify) => diversified(&examples, diversify, seed),
            None => Ok(examples),
        }
    };
    written(run, settings, &format!("learned {:?}", settings.texts), of_tasks)
}

/// What is met again of the tasks that were learned before: so many conversations of each, drawn once for the run. `None`
/// where there is nothing yet.
pub fn replayed(run: &mut Run, data: &Dataset, settings: &Settings) -> Result<Option<Arc<Written>>, Failure> {
    let Some(Replay { keep, .. }) = settings.texts.replay else { return Ok(None) };
    let now = settings.texts.learned.as_ref().map(tasks::numbers).unwrap_or_default();
    let before =
        |task: &u32| !now.contains(task) && run.state.journal.learned.contains(&learned_key(&settings.data, *task));
    let tasks: BTreeSet<u32> = (0..settings.facts.classes as u32).filter(before).collect();
    if tasks.is_empty() {
        return Ok(None);
    }
    let seed = run.program.seed;
    let some_of_each = || {
        let of_tasks = some_examples(data, Split::Train)?.of_classes(&tasks);
        let each = |task: &u32| {
            let mut places: Vec<usize> = (0..of_tasks.len()).filter(|i| of_tasks.all_labels()[*i] == *task).collect();
            places.sort_by_key(|at| Stream::new(seed, "replay", &[of_tasks.all_ids()[*at]]).next_u64());
            places.truncate(usize::try_from(keep).unwrap_or(usize::MAX));
            places
        };
        let mut places: Vec<usize> = tasks.iter().flat_map(each).collect();
        places.sort_unstable();
        Ok(of_tasks.at(&places))
    };
    let key = format!("replayed {tasks:?} {:?}", settings.texts);
    written(run, settings, &key, some_of_each).map(Some)
}

/// By parameter index the mean over so many conversations of the squared gradient of a conversation's loss, of the weights
/// that are trained.
pub fn squares(
    run: &mut Run,
    data: &Dataset,
    settings: &Settings,
    examples: u64,
) -> Result<Vec<Option<Tensor>>, Failure> {
    let written = learned(run, data, settings)?;
    let objective = objective(settings)?;
    run.state.network.widen(Trainable::Only(&settings.trainable))?;
    let mut places: Vec<usize> = (0..written.count()).collect();
    let (seed, clock) = (run.program.seed, run.state.journal.clock);
    Stream::new(seed, "importance", &[clock]).shuffle(&mut places);
    places.truncate(usize::try_from(examples).unwrap_or(usize::MAX));
    let mut sums: Vec<Option<Tensor>> = vec![None; run.state.network.parameters().len()];
    for place in &places {
        let pass = written.pass(run, objective.as_ref(), &[], &[*place], &settings.trainable)?;
        run.state.journal.gradient_evaluations += pass.passes;
        for (sum, gradient) in sums.iter_mut().zip(pass.gradients) {
            let Some(square) = gradient.map(|gradient| gradient.sqr()).transpose()? else { continue };
            *sum = Some(match sum.take() {
                Some(sum) => (sum + square)?,
                None => square,
            });
        }
    }
    let count = places.len().max(1) as f64;
    sums.into_iter().map(|sum| Ok(sum.map(|sum| sum / count).transpose()?)).collect()
}

/// A split as it is.
pub fn of_split(run: &mut Run, data: &Dataset, split: Split, settings: &Settings) -> Result<Arc<Written>, Failure> {
    let key = format!("{} {:?}", split.name(), settings.texts.max_length);
    written(run, settings, &key, || Ok(some_examples(data, split)?.clone()))
}

fn written(
    run: &mut Run,
    settings: &Settings,
    key: &str,
    examples: impl FnOnce() -> Result<Examples, Failure>,
) -> Result<Arc<Written>, Failure> {
    let data = settings.data.to_json().to_string();
    let key = format!("{data} {key}");
    if let Some((_, known)) = run.texts.written.iter().find(|(known, _)| *known == key) {
        return Ok(known.clone());
    }
    let reader = reader(run)?;
    let written = Arc::new(Written::of(reader, examples()?, data, settings)?);
    if run.texts.written.len() == KEPT {
        run.texts.written.remove(0);
    }
    run.texts.written.push((key, written.clone()));
    Ok(written)
}

/// The examples with a share of each task's rewritten.
fn diversified(examples: &Examples, diversify: &Diversify, seed: u64) -> Result<Examples, Failure> {
    let settings = styles::Settings {
        share: diversify.share,
        over: diversify.over.clone(),
        seed,
        prompts: Prompts::default(),
        ..styles::Settings::default()
    };
    let all: Vec<&Item> = examples.items().into_iter().flatten().collect();
    let mut new: Vec<Option<Item>> = vec![None; all.len()];
    let tasks: BTreeSet<u32> = examples.all_labels().iter().copied().collect();
    for task in tasks {
        let places: Vec<usize> = (0..all.len()).filter(|i| examples.all_labels()[*i] == task).collect();
        let items = places.iter().map(|i| all[*i].clone()).collect();
        let rewritten = styles::diversify(items, &settings, &Replies::default())?.items;
        places.into_iter().zip(rewritten).for_each(|(place, item)| new[place] = Some(item));
    }
    Ok(examples.rewritten(new.into_iter().flatten().collect()))
}

impl Written {
    fn of(reader: Arc<Reader>, examples: Examples, data: String, settings: &Settings) -> Result<Written, Failure> {
        let items: Vec<&Item> = examples.items().into_iter().flatten().collect();
        let writer = reader.writer(settings)?;
        let written: Vec<_> = items.par_iter().map(|item| writer.training(item)).collect();
        let extents = items.iter().map(|item| Extent::of(item)).collect();
        let wrong: Vec<&String> = written.iter().filter_map(|written| written.as_ref().err()).collect();
        if !wrong.is_empty() {
            let shown: String = wrong.iter().take(SHOWN).map(|what| format!("\n  {what}")).collect();
            let more = wrong.len().saturating_sub(SHOWN);
            let more = if more > 0 { format!("\n  and {more} more") } else { String::new() };
            let message = format!("{} conversations cannot be learned:{shown}{more}", wrong.len());
            return Err(Failure::new(message).help("give them room with `max_length`, or take them out of the data"));
        }
        let sequences = written.into_iter().flatten().collect();
        Ok(Written { reader, examples, data, sequences, extents })
    }

    /// How many conversations there are.
    pub fn count(&self) -> usize {
        self.sequences.len()
    }

    /// The conversations of an epoch, in the order in which they are met: those of a batch are alike in length.
    pub fn order(&self, batch: usize, mut stream: Stream) -> Vec<usize> {
        by_modality(&self.extents, batch, &mut |n| stream.below(n))
    }

    /// Ids of these examples.
    pub fn ids(&self, places: &[usize]) -> Vec<u64> {
        self.examples.ids(places)
    }

    /// What the decoder reads of these.
    fn batch(&self, run: &mut Run, places: &[usize]) -> Result<Sequences, Failure> {
        let sequences: Vec<Sequence> = places.iter().map(|at| self.sequences[*at].clone()).collect();
        let batch = Batch::new(&sequences, self.reader.picture, self.reader.tokenizer.padding(), Side::Right);
        let seen = super::pictures::seen(run, &self.data, &self.examples, places, self.reader.side)?;
        Ok(Sequences::of(&batch, seen))
    }

    /// Loss and gradients of these conversations: of the mean over all tokens that are learned.
    pub fn pass(
        &self,
        run: &mut Run,
        objective: &dyn Objective,
        recalls: &[Recall],
        places: &[usize],
        trainable: &[bool],
    ) -> Result<Pass, Failure> {
        let (sequences, ids) = (self.batch(run, places)?, self.ids(places));
        let (seed, clock) = (run.program.seed, run.state.journal.clock);
        let noise = Noise::Drawn { seed, clock, examples: &ids };
        let asked = |recall: &Recall| Ok(recall.ask_texts(teacher(run, recall)?, &sequences)?);
        let lessons: Vec<Lesson> = recalls.iter().map(asked).collect::<Result<_, Failure>>()?;
        let read = Read { sequences: &sequences, noise, recompute: run.program.recompute };
        Ok(read_once(objective, &run.state.network, read, &lessons, Trainable::Only(trainable))?)
    }

    /// The mean loss of each of these conversations over its learned tokens.
    pub fn losses(&self, run: &mut Run, places: &[usize]) -> Result<Vec<f64>, Failure> {
        let sequences = self.batch(run, places)?;
        Ok(conversation_losses(run.measured_network(false)?, &sequences)?)
    }
}

//! Measuring on conversations.

use super::super::error::{Failure, Halt};
use super::super::exec::first_training;
use super::super::measure::Probe;
use super::super::{Run, some_examples};
use super::answers::{Asked, answers};
use super::written::of_split;
use crate::components::data::{Dataset, Examples, TextTask};
use crate::components::metrics::truth_alignment::{FORGOTTEN, KNOWLEDGE, mode};
use crate::components::metrics::{self, Flag, Measured, Part};
use crate::components::scoring::{Judged, Mode, RIGHT, Shares, has_form, knowledge, knows, shares, stated};
use crate::components::tasks::{self, Task};
use crate::components::{Spec, Value};
use crate::language::program::Settings;
use crate::text::item::{Expected, Item};
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

/// Conversations whose losses are measured together.
const AT_ONCE: usize = 32;

/// Measures what isn't known yet at this point of training.
pub fn measure(run: &mut Run, probe: &Probe, settings: &Settings) -> Result<(), Halt> {
    if run.readings.known.contains_key(&probe.key) {
        return Ok(());
    }
    let data = run.dataset(&settings.data)?;
    let measured = match metrics::truth_alignment::generates(&probe.spec) {
        true => Questions::of(run, probe, settings, &data)?.measured(run, &probe.spec)?,
        false => losses(run, probe, settings, &data)?,
    };
    run.readings.known.insert(probe.key.clone(), measured);
    Ok(())
}

fn losses(run: &mut Run, probe: &Probe, settings: &Settings, data: &Dataset) -> Result<Measured, Failure> {
    let written = of_split(run, data, probe.split, settings)?;
    let places = match metrics::examples(&probe.spec) {
        Some(count) => some_examples(data, probe.split)?.subset(count, run.program.seed),
        None => (0..written.count()).collect(),
    };
    let mut per_example = Vec::with_capacity(places.len());
    for some in places.chunks(AT_ONCE) {
        per_example.extend(written.losses(run, some)?);
    }
    let value = per_example.iter().sum::<f64>() / per_example.len().max(1) as f64;
    Ok(Measured { value, per_example, ..Measured::default() })
}

/// What is asked for a metric.
struct Questions<'a> {
    examples: &'a Examples,
    settings: &'a Settings,
    most: usize,
    /// number and facts of each task with the places of its questions
    tasks: Vec<(u32, TextTask, Vec<usize>)>,
}

impl<'a> Questions<'a> {
    fn of(run: &Run, probe: &Probe, settings: &'a Settings, data: &'a Arc<Dataset>) -> Result<Questions<'a>, Failure> {
        let examples = some_examples(data, probe.split)?;
        let texts = settings.facts.texts().ok_or_else(|| Failure::new("the data holds no conversations"))?;
        let wanted: BTreeSet<u32> = match probe.spec.get("tasks") {
            Value::None => (0..texts.tasks.len() as u32).collect(),
            given => meant(run, given),
        };
        let chosen: BTreeSet<usize> = match metrics::examples(&probe.spec) {
            Some(count) => examples.subset(count, run.program.seed).into_iter().collect(),
            None => (0..examples.len()).collect(),
        };
        let places = |task: u32| {
            (0..examples.len()).filter(|at| examples.all_labels()[*at] == task && chosen.contains(at)).collect()
        };
        let tasks =
            wanted.into_iter().filter_map(|task| Some((task, texts.tasks.get(task as usize)?.clone(), places(task))));
        let tasks: Vec<(u32, TextTask, Vec<usize>)> =
            tasks.filter(|(.., places): &(u32, TextTask, Vec<usize>)| !places.is_empty()).collect();
        if tasks.is_empty() {
            let message = format!("`{}`: there is no question of the tasks that are meant here", probe.spec.name());
            return Err(Failure::new(message).help("`seen(…)` means tasks that `learn` has learned before"));
        }
        Ok(Questions { examples, settings, most: probe.spec.usize("max_tokens"), tasks })
    }

    fn asked(&self) -> Asked<'_> {
        Asked { examples: self.examples, settings: self.settings, most: self.most, again: None }
    }

    fn items(&self) -> Vec<&'a Item> {
        self.examples.items().into_iter().flatten().collect()
    }

    fn measured(&self, run: &mut Run, spec: &Spec) -> Result<Measured, Failure> {
        if spec.member == &FORGOTTEN {
            return self.forgotten(run, mode(spec));
        }
        let items = self.items();
        let (mut means, mut parts, mut all) = (Vec::new(), Vec::new(), Vec::new());
        for (number, task, places) in &self.tasks {
            let answers = answers(run, &self.asked(), places)?;
            let of_items = places.iter().zip(&answers).map(|(at, answer)| (items[*at], answer.as_str()));
            let (mean, scores) = match spec.member == &KNOWLEDGE {
                true => {
                    let known: Vec<f64> = of_items.map(|(item, answer)| knowledge_of(item, answer)).collect();
                    (known.iter().sum::<f64>() / known.len() as f64, known)
                }
                false => {
                    let mode = mode(spec);
                    let scores = of_items.map(|(item, answer)| score(task, mode, item, answer));
                    let scores = scores.collect::<Result<Vec<Option<f64>>, Failure>>()?;
                    let mean = task.scorer.mean(mode, &scores).unwrap_or(0.0);
                    let scores: Vec<f64> = scores.into_iter().map(|score| score.unwrap_or(0.0)).collect();
                    self.remember(run, *number, mode, places, &scores);
                    (mean, scores)
                }
            };
            means.push(mean);
            parts.push(Part::new(task.name.clone(), mean));
            all.extend(scores);
        }
        let value = (means.iter().sum::<f64>() + 0.0) / means.len() as f64;
        Ok(Measured { value, per_example: all, parts, ..Measured::default() })
    }

    /// What the answers to a task's questions were known by when it had been learned.
    fn key(&self, task: u32, mode: Mode, places: &[usize]) -> String {
        let of = crate::disk::sha256(format!("{} {places:?}", self.settings.data.to_json()).as_bytes());
        format!("{task} {} {}", mode.word(), &of[..16])
    }

    /// The first scores of a task that has been learned are what later ones are compared with.
    fn remember(&self, run: &mut Run, task: u32, mode: Mode, places: &[usize], scores: &[f64]) {
        let learned = run.state.journal.learned.contains(&learned_key(&self.settings.data, task));
        let key = self.key(task, mode, places);
        if learned && !run.state.journal.answered.contains_key(&key) {
            run.state.journal.answered.insert(key, scores.to_vec());
        }
    }

    fn forgotten(&self, run: &mut Run, mode: Mode) -> Result<Measured, Failure> {
        let items = self.items();
        let (mut sum, mut tasks, mut per_example, mut parts) = (Shares::default(), 0.0, Vec::new(), Vec::new());
        let mut lost = 0.0;
        for (number, task, places) in &self.tasks {
            let Some(before) = run.state.journal.answered.get(&self.key(*number, mode, places)).cloned() else {
                continue;
            };
            let answers = self::answers(run, &self.asked(), places)?;
            let mut judged = Vec::new();
            for (at, answer) in places.iter().zip(&answers) {
                judged.push(judge(task, mode, items[*at], answer)?);
            }
            let again = self.again(run, task, mode, (places, &before, &judged))?;
            let all = before.iter().zip(&judged).zip(places);
            let shares = shares(all.map(|((before, now), at)| (*before, *now, again.get(at).copied())));
            let right = 1.0 - shares.never;
            let wrong = shares.superficial + shares.essential;
            lost += if right > 0.0 { wrong / right } else { 0.0 };
            sum = Shares {
                kept: sum.kept + shares.kept,
                superficial: sum.superficial + shares.superficial,
                essential: sum.essential + shares.essential,
                never: sum.never + shares.never,
            };
            parts.push(Part::new(task.name.clone(), if right > 0.0 { wrong / right } else { 0.0 }));
            tasks += 1.0;
            let once_right = before.iter().zip(&judged).filter(|(before, _)| **before >= RIGHT);
            per_example.extend(once_right.map(|(_, now)| f64::from(u8::from(now.score < RIGHT))));
        }
        if tasks == 0.0 {
            let flag = Flag {
                code: "nothing-to-compare".into(),
                seen: "no `truth_alignment` of these questions in this mode was measured after a task had been learned"
                    .into(),
                help: "measure it after each task: `learn task 1; evaluate truth_alignment on seen(tasks)`".into(),
            };
            return Ok(Measured { flags: vec![flag], ..Measured::default() });
        }
        let of_all =
            [("kept", sum.kept), ("superficial", sum.superficial), ("essential", sum.essential), ("never", sum.never)];
        parts.extend(of_all.map(|(name, share)| Part::new(name, share / tasks)));
        let mut flags = Vec::new();
        if per_example.is_empty() {
            flags.push(Flag {
                code: "nothing-was-known".into(),
                seen: "no answer to these questions was right when their task had been learned".into(),
                help: "learn the tasks longer, or measure `forgotten` of others".into(),
            });
        }
        Ok(Measured { value: lost / tasks, per_example, parts, flags, ..Measured::default() })
    }

    /// The answers to questions that were once answered right and now in a wrong form, asked again with the form stated; by
    /// place.
    fn again(
        &self,
        run: &mut Run,
        task: &TextTask,
        mode: Mode,
        (places, before, judged): (&[usize], &[f64], &[Judged]),
    ) -> Result<HashMap<usize, Judged>, Failure> {
        let items = self.items();
        let asked_again =
            |i: &usize| before[*i] >= RIGHT && judged[*i].score < RIGHT && !judged[*i].form && !judged[*i].knows;
        let stated: HashMap<usize, String> = (0..places.len())
            .filter(asked_again)
            .map(|i| (places[i], stated(task.style, items[places[i]].expected.as_ref())))
            .collect();
        let mut places: Vec<usize> = stated.keys().copied().collect();
        places.sort_unstable();
        let asked = Asked { again: Some(&stated), ..self.asked() };
        let answers = answers(run, &asked, &places)?;
        let judged = places.iter().zip(&answers).map(|(at, answer)| Ok((*at, judge(task, mode, items[*at], answer)?)));
        judged.collect()
    }
}

/// The tasks that a value means at this point of the run, by number.
fn meant(run: &Run, value: &Value) -> BTreeSet<u32> {
    // Where saved weights are evaluated, nobody knows what they have learned: all of it counts.
    let evaluated = first_training(&run.program.body).is_none();
    let counts = |task: &&Task| {
        let learned = |number: &u32| run.state.journal.learned.contains(&learned_key(&task.data, *number));
        !task.once_learned || evaluated || task.classes.iter().all(learned)
    };
    tasks::of(value).into_iter().filter(counts).flat_map(|task| task.classes.iter().copied()).collect()
}

/// What a task that was learned is known by.
pub fn learned_key(data: &Spec, task: u32) -> String {
    format!("{} {task}", &crate::disk::sha256(data.to_json().to_string().as_bytes())[..16])
}

/// An empty answer is none.
fn score(task: &TextTask, mode: Mode, item: &Item, answer: &str) -> Result<Option<f64>, Failure> {
    if answer.is_empty() {
        return Ok(None);
    }
    Ok(Some(task.scorer.score(mode, answer, expected(item)?)?))
}

fn judge(task: &TextTask, mode: Mode, item: &Item, answer: &str) -> Result<Judged, Failure> {
    let expected = expected(item)?;
    let question = item.turns.last().map_or("", |turn| turn.question.as_str());
    Ok(Judged {
        score: score(task, mode, item, answer)?.unwrap_or(0.0),
        form: has_form(task.style, answer, Some(expected)),
        knows: knows(question, answer, expected),
    })
}

fn knowledge_of(item: &Item, answer: &str) -> f64 {
    let question = item.turns.last().map_or("", |turn| turn.question.as_str());
    item.expected.as_ref().map_or(0.0, |expected| knowledge(question, answer, expected))
}

fn expected(item: &Item) -> Result<&Expected, Failure> {
    item.expected.as_ref().ok_or_else(|| Failure::new(format!("`{}` has no truth to compare answers with", item.id)))
}

//! Changes of weights done again, to see whether the ledger tells of them as they were.

use super::error::{Failure, Halt};
use super::event::{Change, Event, Kind, Listener};
use super::state::State;
use super::{Run, World, exec, forget};
use crate::components::data::Places;
use crate::components::{Value, forgetting::rankings};
use crate::disk::Patience;
use crate::language::chain::Chain;
use crate::language::program::{Forget, Op, Otherwise, Program, Settings, Step};
use crate::nn::network::Network;
use candle_core::Device;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// A change of weights, as a line of the ledger names it.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    /// instance of the step: `3.repeat[2].1`
    pub step: &'a str,
    /// ordinal of the change, from 1
    pub ordinal: u64,
    /// `forget`, `zap`, `rollback`, `load`
    pub what: &'a str,
}

/// What came of doing a change again.
#[derive(Debug)]
pub enum Redone {
    /// from the very weights before it
    Exactly(Change),
    /// from other weights: which weights changed is told by the random stream alone, their norms are others
    Drawn(Change),
    /// it can't be done again; why
    Not(String),
}

/// Does a change again: from the state right before it, where there is one; else, if a random stream alone decides which
/// weights it takes, from any weights.
///
/// # Errors
/// If the program can't be carried out up to there: data that are gone, a step that it does not have.
pub fn redo(program: &Program, places: &Places, place: Place, before: Option<State>) -> Result<Redone, Failure> {
    let mut found = Found { turns: turns(place.step), variables: BTreeMap::new() };
    let Some(step) = found.step(&program.body, &plain(place.step)) else {
        return Err(Failure::new(format!("the program has no step {}", place.step)));
    };
    if place.ordinal == 0 || !makes(&step.op, place.what) {
        return Ok(Redone::Not(format!("step {} is no {}", place.step, place.what)));
    }
    let exactly = before.is_some();
    if !exactly && !is_drawn(&step.op) {
        return Ok(Redone::Not("no checkpoint from right before it is kept".into()));
    }
    let state = match before {
        Some(state) => state,
        None => State::new(Network::new(program.model.architecture.clone(), program.seed, &Device::Cpu)?),
    };
    let ear = Ear::default();
    let mut world = World {
        places: places.clone(),
        device: Device::Cpu,
        threads: 1,
        folder: None,
        plan: String::new(),
        listeners: vec![Box::new(ear.clone())],
        stop: Arc::default(),
        patience: Patience::none(),
    };
    let mut run = Run::new(program, &mut world, state);
    run.variables = found.variables;
    run.state.journal.changes = place.ordinal - 1;
    let done = match &step.op {
        Op::Guard(guard) => match &guard.otherwise {
            Otherwise::Rollback(name) => forget::rollback(&mut run, name),
            _ => Err(Failure::new("this guard changes no weights").into()),
        },
        op => exec::op(&mut run, &unmeasured(op)),
    };
    if let Err(halt) = done {
        return match halt.at(place.step, None) {
            Halt::Error(error) => Err(Failure { code: error.code, message: error.message, help: error.help }),
            _ => Err(Failure::new("it stops the run")),
        };
    }
    let change = ear.0.lock().unwrap_or_else(PoisonError::into_inner).take();
    Ok(match change {
        Some(change) if exactly => Redone::Exactly(change),
        Some(change) => Redone::Drawn(change),
        None => Redone::Not("the step changes no weights".into()),
    })
}

/// Whether a step makes changes of this kind.
fn makes(op: &Op, what: &str) -> bool {
    match op {
        Op::Forget(_) => what == "forget",
        Op::Zap(_) => what == "zap",
        Op::Rollback { .. } | Op::Guard(_) => what == "rollback",
        Op::Load { .. } => what == "load",
        Op::Merge { .. } => what == "merge",
        _ => false,
    }
}

/// Whether a random stream alone decides which weights a step changes.
fn is_drawn(op: &Op) -> bool {
    match op {
        Op::Forget(op) => {
            let blind = [&rankings::RANDOM, &rankings::KELS];
            let random = matches!(&op.by, Value::Component(spec) if blind.contains(&spec.member));
            let mut measured = false;
            op.share.visit(&mut |leaf| measured |= leaf.is_of_the_run());
            random && !measured
        }
        Op::Zap(_) => true,
        _ => false,
    }
}

/// The step without what it measures: that is in the events.
fn unmeasured(op: &Op) -> Op {
    let quiet =
        |settings: &Arc<Settings>| Arc::new(Settings { measure: Chain::default(), ..settings.as_ref().clone() });
    match op.clone() {
        Op::Forget(op) => Op::Forget(Box::new(Forget { settings: quiet(&op.settings), ..*op })),
        Op::Zap(mut op) => {
            op.settings = quiet(&op.settings);
            Op::Zap(op)
        }
        Op::Load { path, only, memory, settings } => Op::Load { path, only, memory, settings: quiet(&settings) },
        Op::Merge { rounding, settings } => Op::Merge { rounding, settings: quiet(&settings) },
        op => op,
    }
}

/// On the way to a step: the values of the loops around it.
struct Found {
    /// by static path of the loop's body
    turns: BTreeMap<String, u64>,
    variables: BTreeMap<u32, Value>,
}

impl Found {
    fn step<'p>(&mut self, steps: &'p [Step], id: &str) -> Option<&'p Step> {
        for step in steps {
            // What settings add stands before the step after them, under its path.
            if step.id == id && !matches!(step.op, Op::Schedule { .. } | Op::FreshOptimizer { .. }) {
                return Some(step);
            }
            if let Op::For { variable, values, body, .. } = &step.op {
                let around = body.first().and_then(|first| first.id.rsplit_once('.')).map(|(around, _)| around);
                let turn = around.and_then(|around| self.turns.get(around)).copied().unwrap_or(1);
                if let Some(value) = values.get(turn as usize - 1) {
                    self.variables.insert(*variable, value.clone());
                }
            }
            for body in step.op.bodies() {
                if let Some(found) = self.step(body, id) {
                    return Some(found);
                }
            }
        }
        None
    }
}

/// The static path of an instance: `3.repeat[2].1` is one of `3.repeat.1`.
fn plain(instance: &str) -> String {
    instance.split('[').map(|part| part.split_once(']').map_or(part, |(_, rest)| rest)).collect()
}

/// The turns of the loops around an instance, by the static path of their bodies.
fn turns(instance: &str) -> BTreeMap<String, u64> {
    let mut turns = BTreeMap::new();
    let opened = instance.char_indices().filter(|(_, c)| *c == '[');
    for (at, _) in opened {
        let turn = instance[at + 1..].split(']').next().and_then(|turn| turn.parse::<u64>().ok());
        turns.extend(turn.filter(|turn| *turn > 0).map(|turn| (plain(&instance[..at]), turn)));
    }
    turns
}

/// Keeps the change of which it hears.
#[derive(Clone, Default)]
struct Ear(Arc<Mutex<Option<Change>>>);

impl Listener for Ear {
    fn hear(&mut self, event: &Event) -> std::io::Result<()> {
        if let Kind::Change(change) = &event.kind {
            *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(change.clone());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instances_have_a_path_and_turns() {
        assert_eq!(plain("3.repeat[2].1.for[10].4"), "3.repeat.1.for.4");
        assert_eq!(plain("2"), "2");
        let expected = BTreeMap::from([("3.repeat".to_string(), 2), ("3.repeat.1.for".to_string(), 10)]);
        assert_eq!(turns("3.repeat[2].1.for[10].4"), expected);
        assert!(turns("3.repeat[x].1").is_empty());
    }
}

//! The stable network follows the one that is trained.

use super::Run;
use super::error::{Failure, Halt};
use super::guard::broken_weight;
use super::moment::Moment;
use super::train::{Trainer, batch_of};
use crate::components::memory::{self, Cadence, Following, Memory, Statistics};
use crate::language::program::{Batch, Settings, Train};
use crate::nn::rng::Stream;
use crate::nn::weights;

/// How the memory follows in one training statement.
pub(super) struct Follower {
    /// the `memory` statement
    id: u32,
    /// the training statement may begin the memory, and update it while it lasts
    consolidates: bool,
    following: Following,
}

impl Follower {
    /// `None` where the memory stays as it is.
    pub fn of(word: &str, settings: &Settings) -> Option<Follower> {
        let memory = settings.memory.as_ref()?;
        let consolidates = Train::begins_memory(word, settings);
        let following = memory::build(&memory.spec);
        let has_part = consolidates || word == "relearn" && following.cadence == Cadence::Relearn;
        has_part.then_some(Follower { id: memory.id, consolidates, following })
    }

    /// Before a step: a memory that hasn't begun begins.
    pub fn begin(&self, run: &mut Run) -> Result<(), Halt> {
        if self.consolidates && run.state.memory.is_none() {
            run.state.memory = Some(Memory::begin(&run.state.network, self.id)?);
        }
        Ok(())
    }

    /// After a step, when all clocks have gone on.
    pub fn after_step(&self, run: &mut Run, trainer: &Trainer, before: Moment) -> Result<(), Halt> {
        let due = match self.following.cadence {
            Cadence::Iteration => self.consolidates,
            Cadence::Every(every) => self.consolidates && run.moment().passes(every, before),
            Cadence::Phase | Cadence::Relearn => false,
        };
        if due { self.update(run, trainer) } else { Ok(()) }
    }

    /// When the statement has been done.
    pub fn at_end(&self, run: &mut Run, trainer: &Trainer) -> Result<(), Halt> {
        match (self.following.cadence, self.consolidates) {
            (Cadence::Phase, true) | (Cadence::Relearn, false) => self.update(run, trainer),
            (Cadence::Iteration, true) if self.following.statistics == Statistics::Estimate => {
                self.estimate(run, trainer)
            }
            _ => Ok(()),
        }
    }

    fn update(&self, run: &mut Run, trainer: &Trainer) -> Result<(), Halt> {
        let (seed, clock) = (run.program.seed, run.state.journal.clock);
        let drawn = Stream::new(seed, "memory", &[clock]).uniform_f64();
        let state = &mut run.state;
        let Some(memory) = state.memory.as_mut().filter(|_| drawn < self.following.probability) else { return Ok(()) };
        memory.follow(&state.network, &self.following, self.id)?;
        if self.following.estimates_each() { self.estimate(run, trainer) } else { Ok(()) }
    }

    /// The memory's own running statistics, on the training images as they are, in the data's order.
    fn estimate(&self, run: &mut Run, trainer: &Trainer) -> Result<(), Halt> {
        let (examples, device) = (trainer.examples(), &run.world.device);
        let size = match trainer.settings.batch {
            Batch::Size(n) => n as usize,
            Batch::All => examples.len(),
        };
        let all: Vec<usize> = (0..examples.len()).collect();
        let batches = all.chunks(size.max(1)).map(|chunk| Ok(batch_of(examples, chunk, device)?.pixels));
        if let Some(memory) = &mut run.state.memory {
            memory.network.estimate_statistics(batches)?;
            memory.revision += 1;
        }
        Ok(())
    }
}

/// Takes saved weights for the stable network.
pub fn load(run: &mut Run, path: &str) -> Result<(), Halt> {
    let file = run.world.places.resolve(path)?;
    let mut memory = Memory::begin(&run.state.network, 0)?;
    weights::load(&mut memory.network, &file).map_err(|e| Failure::new(e.to_string()))?;
    if let Some(name) = broken_weight(&memory.network)? {
        return Err(Failure::new(format!("{path} holds numbers in {name} that are not finite")).into());
    }
    run.state.memory = Some(memory);
    Ok(())
}

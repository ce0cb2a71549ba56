//! The training loop.
//!
//! An epoch is one pass over the training split in an order drawn at its beginning. A step takes the next examples
//! of that order, one chunk of `batch` after another, adds up their gradients by how many examples each has, and
//! lets the optimizer change the weights once. Every training statement starts a new pass.

use super::error::{Failure, Halt};
use super::event::Kind;
use super::follow::Follower;
use super::guard::{broken_weight, gradients_arrive, not_finite};
use super::moment::Moment;
use super::progress::Progress;
use super::texts::measure::learned_key;
use super::texts::{self, Written};
use super::triggers::{self, After};
use super::{Run, Snapshot, checkpoint, measure, scope, some_examples};
use crate::components::augment::{self, Augment, augment};
use crate::components::data::{Dataset, Examples};
use crate::components::objectives::{self, Batch, Crafted, Draws, Lesson, Objective, Pass};
use crate::components::optimizers::{self, Optimizer, Rates};
use crate::components::recall::{self, Recall, Teacher};
use crate::components::schedules::{self, Schedule};
use crate::components::{Duration, Family, Split, Value, tasks};
use crate::disk;
use crate::language::program::{self, Settings};
use crate::nn::architecture::Part;
use crate::nn::network::{Network, Trainable};
use crate::nn::rng::Stream;
use candle_core::{Device, Tensor};
use std::sync::Arc;

/// `train`, `consolidate`, `relearn`.
pub fn train(run: &mut Run, op: &program::Train) -> Result<(), Halt> {
    let trainer = Trainer::prepare(run, op)?;
    trainer.begin(run, op)?;
    match trainer.all_steps(run, op) {
        // `stop` in one of its blocks.
        Err(Halt::Leave) => trainer.tell_epoch(run)?,
        done => done?,
    }
    trainer.finish(run)
}

/// A learning rate schedule in force; its clock is in the state.
pub struct Rate {
    schedule: Box<dyn Schedule>,
    /// steps that it runs for
    total: u64,
}

/// An `lr` statement: its clock starts at 0 here, also when the block is entered again.
pub fn schedule(run: &mut Run, clock: u32, schedule: &Value, total: u64) -> Result<(), Halt> {
    recall_schedule(run, clock, schedule, total)?;
    run.state.journal.schedules.insert(clock, 0);
    Ok(())
}

/// An `lr` statement that a resumed run has passed: its clock is in the state.
pub fn recall_schedule(run: &mut Run, clock: u32, schedule: &Value, total: u64) -> Result<(), Halt> {
    let schedule = scope::variables(run, schedule)?;
    let Some(spec) = schedule.as_component(Family::Schedule) else {
        return Err(Failure::new(format!("`lr` takes a schedule, not {}", schedule.kind())).into());
    };
    run.schedules.insert(clock, Rate { schedule: schedules::build(spec)?, total });
    // A program that was changed may have one here that the state does not know yet.
    run.state.journal.schedules.entry(clock).or_insert(0);
    Ok(())
}

/// Whether a step was the last of its statement. Asked once for each step: where a clock decides, the answer changes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Last {
    Yes,
    No,
}

/// What one training statement works with.
pub(super) struct Trainer {
    pub(super) settings: Settings,
    duration: Duration,
    data: Arc<Dataset>,
    augment: Vec<Box<dyn Augment>>,
    objective: Box<dyn Objective>,
    recalls: Vec<Recall>,
    following: Option<Follower>,
    optimizer: Box<dyn Optimizer>,
    /// what is learned of conversations, where the data are some
    written: Option<Arc<Written>>,
    /// what is met again of tasks learned before
    replayed: Option<Arc<Written>>,
    examples_per_step: usize,
    /// examples whose gradients are formed at once
    chunk: usize,
    steps_per_epoch: u64,
}

impl Trainer {
    fn prepare(run: &mut Run, op: &program::Train) -> Result<Trainer, Halt> {
        let settings = scope::settings(run, &op.settings)?;
        let duration = match scope::value(run, &op.duration, &settings)? {
            Value::Duration(duration) => duration,
            other => return Err(Failure::new(format!("`{}` takes a duration, not {}", op.word, other.kind())).into()),
        };
        let objective = objective(&settings)?;
        let recalls = program::Train::recalled(op.word, &settings).map(recall::build).collect();
        let following = Follower::of(op.word, &settings);
        let optimizer = optimizers::build(&settings.optimizer.spec)?;
        let augment = settings.augment.iter().map(augment::build).collect();
        let data = run.dataset(&settings.data)?;
        let examples_per_step = settings.examples_per_step() as usize;
        let chunk = match settings.batch {
            program::Batch::Size(n) => (n as usize).min(examples_per_step),
            program::Batch::All => examples_per_step,
        };
        let steps_per_epoch = settings.steps_per_epoch();
        some_examples(&data, Split::Train)?;
        let (written, replayed) = match settings.facts.texts() {
            Some(_) => (Some(texts::learned(run, &data, &settings)?), texts::replayed(run, &data, &settings)?),
            None => (None, None),
        };
        run.texts.pictures.tower_moves(written.is_some() && tower_is_trained(run, &settings));
        Ok(Trainer {
            written,
            replayed,
            settings,
            duration,
            data,
            augment,
            objective,
            recalls,
            following,
            optimizer,
            examples_per_step,
            chunk,
            steps_per_epoch,
        })
    }

    pub(super) fn examples(&self) -> &Examples {
        self.data.split(Split::Train)
    }

    /// Steps in all; `None` where a clock decides.
    fn steps(&self) -> Option<u64> {
        self.duration.steps(self.steps_per_epoch)
    }

    /// Begins the statement, or goes on with it.
    fn begin(&self, run: &mut Run, op: &program::Train) -> Result<(), Halt> {
        let (what, steps) = (op.word.to_string(), self.steps());
        if let Some(progress) = run.state.journal.cursor.training() {
            let before = progress.epochs_before;
            return Ok(run.emit(Kind::Continue { what, steps, before })?);
        }
        run.emit(Kind::Start { what, steps })?;
        let clocked = matches!(self.duration, Duration::Seconds(_)) || triggers::clocked(op);
        let began = clocked.then(|| run.seconds());
        let journal = &mut run.state.journal;
        journal.clocked |= clocked;
        journal.keep_last = self.settings.keep.last;
        let progress = Progress::begin(journal.epochs, journal.clock, began);
        if let Some(frame) = journal.cursor.innermost() {
            frame.training = Some(progress);
        }
        Ok(())
    }

    fn is_done(&self, run: &Run) -> bool {
        let Some(progress) = run.state.journal.cursor.training() else { return true };
        match self.duration {
            Duration::Seconds(limit) => {
                progress.done > 0 && run.seconds() - progress.began.unwrap_or_default() >= limit
            }
            _ => self.steps().is_some_and(|steps| progress.done >= steps),
        }
    }

    /// The examples of a pass over the data, in the order in which they are met: shuffled by the run's clock at its
    /// beginning, or as the data has them where all are one batch.
    fn order(&self, run: &mut Run) -> Vec<usize> {
        let count = self.written.as_ref().map_or_else(|| self.examples().len(), |written| written.count());
        let mut order: Vec<usize> = (0..count).collect();
        let (clock, seed) = (run.state.journal.clock, run.program.seed);
        let Some(progress) = progress(run) else { return order };
        if progress.done.is_multiple_of(self.steps_per_epoch) {
            progress.pass_clock = clock;
        }
        if let program::Batch::Size(_) = self.settings.batch {
            let mut stream = Stream::new(seed, "order", &[progress.pass_clock]);
            match &self.written {
                Some(written) => order = written.order(self.examples_per_step, stream),
                None => stream.shuffle(&mut order),
            }
        }
        order
    }

    fn all_steps(&self, run: &mut Run, op: &program::Train) -> Result<(), Halt> {
        // A resumed run may have stood before the blocks that its last step made due, or in one of them.
        triggers::fire(run, op, self.steps_per_epoch)?;
        // An epoch that was begun is ended, also where the time was over while a resumed run was loaded.
        let begun = |run: &Run| run.state.journal.cursor.training().is_some_and(|progress| progress.epoch.steps > 0);
        while !self.is_done(run) || begun(run) {
            let order = self.order(run);
            let met = run.state.journal.done() % self.steps_per_epoch;
            let replays = self.settings.replays() as usize;
            let batches = order.chunks(self.examples_per_step).flat_map(|batch| std::iter::repeat_n(batch, replays));
            for examples in batches.skip(met as usize) {
                if self.step(run, op, examples)? == Last::Yes {
                    break;
                }
            }
        }
        Ok(())
    }

    /// One step of the optimizer, and all that is due after it.
    fn step(&self, run: &mut Run, op: &program::Train, examples: &[usize]) -> Result<Last, Halt> {
        let (before, steps_per_epoch) = (Moment { seconds: run.looked_at, ..run.moment() }, self.steps_per_epoch);
        if let Some(following) = &self.following {
            following.begin(run)?;
        }
        let gradients = self.gradients(run, examples)?;
        disk::point("train: gradients are formed, weights as before");
        let rate = self.update(run, &gradients)?;
        self.advance(run, &gradients, rate)?;
        // Measuring and saving need the space.
        drop(gradients);
        if let Some(following) = &self.following {
            following.after_step(run, self, before)?;
        }
        let last = if self.is_done(run) { Last::Yes } else { Last::No };
        let epoch_ends = last == Last::Yes || run.state.journal.done().is_multiple_of(steps_per_epoch);
        if epoch_ends {
            self.tell_epoch(run)?;
        }
        // One time for all that is asked, so that nothing is due twice or never.
        run.looked_at = run.seconds();
        let followed = measure::follow(run, &self.settings, before, epoch_ends)?;
        triggers::look(run, op, After { steps_per_epoch, before, look: epoch_ends || followed.any })?;
        checkpoint::after_training_step(run, &self.settings, before, &followed.best)?;
        run.heed_stop()?;
        triggers::fire(run, op, steps_per_epoch)?;
        Ok(last)
    }

    /// Forms the gradients of one step: of the mean loss over its examples, whatever chunks they come in.
    fn gradients(&self, run: &mut Run, examples: &[usize]) -> Result<Pass, Halt> {
        self.meet(run);
        // In each step: what stands between two, a rollback or weights of a file, may bring narrow ones back.
        run.state.network.widen(Trainable::Only(&self.settings.trainable))?;
        let mut whole = None;
        let mut carried = Vec::new();
        for (n, chunk) in examples.chunks(self.chunk).enumerate() {
            let mut pass = self.pass(run, chunk, n * self.chunk)?;
            carried.extend(pass.carried.take());
            if let Some(progress) = progress(run) {
                progress.count_pass(&pass);
            }
            run.state.journal.gradient_evaluations += pass.passes;
            let statistics = std::mem::take(&mut pass.statistics);
            let frozen = &self.settings.frozen_statistics;
            run.state.network.apply_statistics(statistics, |layer| frozen.contains(&layer));
            whole = Some(match whole {
                None => pass,
                Some(whole) => Pass::join(whole, pass)?,
            });
        }
        self.hand_on(run, &carried)?;
        let mut whole = whole.ok_or_else(|| Failure::new("there are no examples to train on"))?;
        run.state.protected.join(&run.state.network, &mut whole)?;
        Ok(whole)
    }

    /// A batch that is trained on several times is met with the first of them.
    fn meet(&self, run: &mut Run) {
        let (clock, replays) = (run.state.journal.clock, self.settings.replays());
        let Some(progress) = progress(run).filter(|_| replays > 1) else { return };
        if progress.done.is_multiple_of(replays) {
            progress.batch_clock = Some(clock);
        }
    }

    /// Keeps what the chunks of a step hand on to the next: the places of a smaller batch at the end of an epoch alone
    /// are renewed.
    fn hand_on(&self, run: &mut Run, carried: &[Tensor]) -> Result<(), Halt> {
        if carried.is_empty() {
            return Ok(());
        }
        let new = Tensor::cat(carried, 0)?;
        let before = run.state.carried.take().filter(|before| before.dims()[1..] == new.dims()[1..]);
        let (had, has) = (before.as_ref().map_or(0, |before| before.dims()[0]), new.dims()[0]);
        run.state.carried = Some(match before {
            Some(before) if had > has => Tensor::cat(&[&new, &before.narrow(0, has, had - has)?], 0)?,
            _ => new,
        });
        Ok(())
    }

    /// What the step before handed on for so many images from that place of the batch on; 0 where it is new.
    fn carried(&self, run: &Run, from: usize, count: usize) -> Result<Option<Tensor>, Halt> {
        let shape = self.examples().shape();
        let known = run.state.carried.as_ref().filter(|known| known.dims()[1..] == shape);
        let Some(known) = known.filter(|_| self.objective.carries()) else { return Ok(None) };
        let there = known.dims()[0].saturating_sub(from).min(count);
        let zeros = Tensor::zeros((count - there, shape[0], shape[1], shape[2]), known.dtype(), known.device())?;
        Ok(Some(match there {
            0 => zeros,
            _ => Tensor::cat(&[&known.narrow(0, from, there)?, &zeros], 0)?,
        }))
    }

    /// Loss and gradients of one chunk, which begins at `place` in the batch.
    fn pass(&self, run: &mut Run, chunk: &[usize], place: usize) -> Result<Pass, Halt> {
        let trainable = &self.settings.trainable;
        let (pass, ids) = match &self.written {
            Some(written) => {
                let pass = written.pass(run, self.objective.as_ref(), &self.recalls, chunk, trainable)?;
                (self.with_replay(run, pass, chunk.len(), place)?, written.ids(chunk))
            }
            None => self.pass_of_images(run, chunk, place)?,
        };
        if !pass.loss.is_finite() {
            return Err(not_finite(run, &format!("the loss became {}", pass.loss), &ids).into());
        }
        if run.guarded.insert(run.state.journal.cursor.id().to_string()) {
            gradients_arrive(&run.state.network, &pass.gradients, trainable)?;
        }
        Ok(pass)
    }

    /// The pass over a chunk together with one over what is met again: the mean is over the tokens of both.
    fn with_replay(&self, run: &mut Run, pass: Pass, count: usize, place: usize) -> Result<Pass, Halt> {
        let (Some(replayed), Some(replay)) = (&self.replayed, &self.settings.texts.replay) else { return Ok(pass) };
        let count = ((replay.share * count as f64).round() as usize).min(replayed.count());
        if count == 0 {
            return Ok(pass);
        }
        let (seed, clock) = (run.program.seed, run.state.journal.clock);
        let mut again = Stream::new(seed, "replayed", &[clock, place as u64]).choose_distinct(replayed.count(), count);
        again.sort_unstable();
        let more = replayed.pass(run, self.objective.as_ref(), &self.recalls, &again, &self.settings.trainable)?;
        let passes = pass.passes + more.passes;
        Ok(Pass { passes, ..Pass::join(pass, more)? })
    }

    fn pass_of_images(&self, run: &mut Run, chunk: &[usize], place: usize) -> Result<(Pass, Vec<u64>), Halt> {
        let draws = Draws { seed: run.program.seed, clock: run.state.journal.clock };
        let trainable = &self.settings.trainable;
        // A batch is trained on again as it was changed the first time.
        let met = run.state.journal.cursor.training().and_then(|progress| progress.batch_clock);
        let first = Draws { clock: met.unwrap_or(draws.clock), ..draws };
        let batch = augment(&self.augment, batch_of(self.examples(), chunk, &run.world.device)?, &first)?;
        let network = &run.state.network;
        let carried = self.carried(run, place, chunk.len())?;
        let attacked = self.objective.craft(network, &batch, carried.as_ref(), &draws)?;
        let crafted = Crafted { batch, attacked, carried };
        let lessons: Vec<Lesson> = self.recalls.iter().map(|r| ask(run, r, &crafted)).collect::<Result<_, Halt>>()?;
        let pass = self.objective.learn(network, &crafted, &lessons, Trainable::Only(trainable))?;
        Ok((pass, crafted.batch.ids))
    }

    /// One step of the optimizer; the learning rate that it used.
    fn update(&self, run: &mut Run, gradients: &Pass) -> Result<f64, Halt> {
        let factor = self.rate_factor(run);
        let state = run.state.optimizers.entry(self.settings.optimizer.id).or_default();
        let trainable = Trainable::Only(&self.settings.trainable);
        let rates = Rates { factor, own: &self.settings.rates };
        self.optimizer.step_at(&mut run.state.network, &gradients.gradients, trainable, rates, state)?;
        Ok(self.optimizer.lr() * factor)
    }

    /// The innermost `lr` statement scales the rate.
    fn rate_factor(&self, run: &Run) -> f64 {
        let Some(clock) = self.settings.clocks.last() else { return 1.0 };
        let (Some(rate), Some(t)) = (run.schedules.get(clock), run.state.journal.schedules.get(clock)) else {
            return 1.0;
        };
        rate.schedule.factor(*t, rate.total, self.steps_per_epoch)
    }

    /// All clocks go on by one step, but for schedules in an arm that a measurement decided.
    fn advance(&self, run: &mut Run, step: &Pass, rate: f64) -> Result<(), Halt> {
        let running = self.settings.clocks.len() - self.settings.held_clocks.len();
        for clock in self.settings.clocks.newest_first().take(running) {
            if let Some(t) = run.state.journal.schedules.get_mut(clock) {
                *t += 1;
            }
        }
        run.state.journal.clock += 1;
        let Some(progress) = progress(run) else { return Ok(()) };
        let done = progress.count_step(step, rate);
        run.state.journal.epochs = progress.epochs_before + done as f64 / self.steps_per_epoch as f64;
        Ok(run.emit(Kind::Progress { done, loss: step.loss, rate })?)
    }

    /// The epoch that ended, or the part of one that was trained.
    fn tell_epoch(&self, run: &mut Run) -> Result<(), Halt> {
        let epoch = progress(run).map(Progress::end_epoch).unwrap_or_default();
        if epoch.steps == 0 {
            return Ok(());
        }
        Ok(run.emit(Kind::Epoch {
            loss: epoch.loss / epoch.examples as f64,
            accuracy: epoch.correct as f64 / epoch.examples as f64,
            rate: epoch.rate,
            steps: epoch.steps,
            gradient_evaluations: epoch.passes,
        })?)
    }

    /// The last update may have broken the weights without any loss having shown it.
    fn finish(&self, run: &mut Run) -> Result<(), Halt> {
        if let Some(following) = &self.following {
            following.at_end(run, self)?;
        }
        run.texts.pictures.tower_moves(false);
        if let Some(learned) = self.settings.texts.learned.as_ref().filter(|_| self.written.is_some()) {
            let keys = tasks::numbers(learned).into_iter().map(|task| learned_key(&self.settings.data, task));
            run.state.journal.learned.extend(keys);
        }
        if let Some(name) = broken_weight(&run.state.network)? {
            return Err(not_finite(run, &format!("{name} is no longer finite"), &[]).into());
        }
        let done = run.state.journal.done();
        if let Some(frame) = run.state.journal.cursor.innermost() {
            frame.training = None;
        }
        if let Duration::Seconds(_) = self.duration {
            let message =
                format!("{} came to {done} steps; with `{done} steps` the run can be repeated", self.duration);
            run.emit(Kind::Warning { message })?;
        }
        Ok(())
    }
}

/// Whether the vision tower of a language model is trained under these settings.
fn tower_is_trained(run: &Run, settings: &Settings) -> bool {
    let trained = run.state.network.parameters().iter().zip(settings.trainable.iter()).filter(|(_, trained)| **trained);
    trained.map(|(parameter, _)| &parameter.part).any(Part::is_of_tower)
}

/// What a teacher says about a batch.
fn ask(run: &Run, recall: &Recall, crafted: &Crafted) -> Result<Lesson, Halt> {
    Ok(recall.ask(teacher(run, recall)?, crafted)?)
}

/// Whose answers a term wants.
pub fn teacher<'r>(run: &'r Run, recall: &Recall) -> Result<&'r Network, Failure> {
    Ok(match &recall.teacher {
        Teacher::Memory => &run.state.memory()?.network,
        Teacher::Checkpoint(name) => &Snapshot::find(run, name)?.network,
    })
}

/// How far the training statement under way has come.
fn progress<'r>(run: &'r mut Run) -> Option<&'r mut Progress> {
    run.state.journal.cursor.training_mut()
}

/// What the settings train for.
pub fn objective(settings: &Settings) -> Result<Box<dyn Objective>, Failure> {
    match settings.objective.as_component(Family::Objective) {
        Some(spec) => Ok(objectives::build(spec)),
        None => Err(Failure::new(format!("`objective` takes an objective, not {}", settings.objective.kind()))),
    }
}

/// Images (N, C, H, W) in [0, 1] with labels and ids.
pub fn batch_of(examples: &Examples, indices: &[usize], device: &Device) -> candle_core::Result<Batch> {
    let [c, h, w] = examples.shape();
    let pixels = Tensor::from_vec(examples.batch(indices), (indices.len(), c, h, w), device)?;
    Ok(Batch { pixels, labels: examples.labels(indices), ids: examples.ids(indices) })
}

//! Measuring a network on a split, in batches, in eval mode.

use super::logits::{correct, losses, paid};
use super::stages::{FIRST_STAGE, Robust, WITHSTOOD, WRONG};
use super::{Costs, Flag, Part, cost, loss, robust, soundness};
use crate::components::attacks::Attack;
use crate::components::objectives::{Batch, Draws};
use crate::components::{Problem, ProblemKind, Spec, Value as Argument};
use crate::nn::network::{Mode, Network};
use candle_core::{Result, Tensor, bail};
use serde::{Deserialize, Serialize};
use std::ops::Range;
use std::sync::Arc;

/// The images of a split in the data's order, without augmentation.
pub trait Examples {
    fn count(&self) -> usize;

    /// # Errors
    /// If images can't be read or decoded.
    fn batch(&self, range: Range<usize>) -> Result<Batch>;
}

/// A metric, ready to be measured.
pub enum Measure {
    Loss,
    Clean,
    Robust(Robust),
    Cost(Arc<Costs>),
}

/// What was measured on a split.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Measured {
    /// mean of `per_example`
    pub value: f64,
    /// 0 or 1 for accuracies, the losses for a loss, the costs for a cost, in the data's order
    pub per_example: Vec<f64>,
    /// what broke each example, where several attacks or budgets tried: `clean` for one that is wrong as it is
    pub broken_by: Vec<Option<String>>,
    /// what the value is made of, where it is made of several
    pub parts: Vec<Part>,
    /// what makes it doubtful
    pub flags: Vec<Flag>,
}

impl Measured {
    /// How many examples it is of.
    pub fn n(&self) -> usize {
        self.per_example.len()
    }
}

impl Measure {
    /// What has to be measured for a metric; for a `gap` that is the metric inside. `trained_against` is the
    /// objective's attack, which a bare `robust` means; `costs` reads the cost matrix of a file for the data's classes.
    ///
    /// # Errors
    /// A bare `robust` where the objective has no attack, and what `costs` returns.
    pub fn build(
        spec: &Spec,
        trained_against: Option<&Spec>,
        costs: &mut dyn FnMut(&str) -> std::result::Result<Arc<Costs>, Problem>,
    ) -> std::result::Result<Measure, Problem> {
        if let Some(Argument::Metric(inner)) = spec.args.first() {
            return Measure::build(&inner.spec, trained_against, costs);
        }
        if spec.member == &loss::MEMBER {
            return Ok(Measure::Loss);
        }
        if let Some(file) = cost::file(spec) {
            return costs(file).map(Measure::Cost);
        }
        if spec.member != &robust::MEMBER {
            return Ok(Measure::Clean);
        }
        let named = match spec.get("attack") {
            Argument::Component(attack) => Some(attack),
            _ => trained_against,
        };
        let Some(attack) = named else {
            let message = "`robust` names no attack, and the objective trains against none";
            return Err(Problem::new(ProblemKind::DoesNotFit, message)
                .help("write robust(pgd(eps: 8/255))")
                .of("attack"));
        };
        Ok(Measure::Robust(Robust::new(attack, &robust::budgets(spec))))
    }

    /// What is known of the examples of a batch before anything is attacked.
    fn of_logits(&self, logits: &Tensor, labels: &[u32], right: &[bool]) -> Result<Vec<u64>> {
        let bits = |values: Vec<f64>| values.into_iter().map(f64::to_bits).collect();
        Ok(match self {
            Measure::Loss => bits(losses(logits, labels)?),
            Measure::Cost(costs) => bits(paid(logits, labels, costs)?),
            Measure::Clean => right.iter().map(|&right| u64::from(right)).collect(),
            Measure::Robust(_) => right.iter().map(|&right| if right { WITHSTOOD } else { WRONG }).collect(),
        })
    }

    /// Whether this can have been found of an example.
    fn is_possible(&self, found: u64) -> bool {
        match self {
            Measure::Loss | Measure::Cost(_) => true,
            Measure::Clean => found <= 1,
            Measure::Robust(robust) => found < FIRST_STAGE + robust.stages().len() as u64,
        }
    }

    fn measured(&self, found: &[u64]) -> Measured {
        let mut measured = Measured::default();
        measured.per_example = match self {
            Measure::Loss | Measure::Cost(_) => found.iter().map(|bits| f64::from_bits(*bits)).collect(),
            Measure::Clean => found.iter().map(|right| *right as f64).collect(),
            Measure::Robust(robust) => robust.withstood(found),
        };
        measured.value = measured.per_example.iter().sum::<f64>() / found.len() as f64;
        if let Measure::Robust(robust) = self {
            (measured.parts, measured.broken_by) = (robust.parts(found), robust.broken_by(found));
            measured.flags.extend(soundness::black_box(&measured.parts, found.len()));
        }
        measured
    }
}

/// What an evaluation works with.
pub struct Work<'a> {
    pub network: &'a Network,
    pub examples: &'a dyn Examples,
    pub measures: &'a [Measure],
    /// images that are looked at together as they are; results don't depend on it
    pub batch_size: usize,
    /// how many of those that are left one piece of work attacks; results don't depend on it
    pub piece: &'a dyn Fn(&dyn Attack) -> usize,
    pub draws: Draws,
}

/// An evaluation under way: what is known so far. One that is saved and read again goes on to the same values.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Evaluation {
    /// examples of which all is known
    done: usize,
    /// what is known of them, by measure: bits of losses and costs, 0 and 1 of accuracies, fates under attack
    found: Vec<Vec<u64>>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    batch: Option<UnderWay>,
}

/// A batch under way.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct UnderWay {
    examples: usize,
    /// by measure
    found: Vec<Vec<u64>>,
    /// attacks that have been tried, of all measures together
    attacks: usize,
    /// place from which on the next attack has not been tried
    #[serde(default)]
    from: usize,
    /// what the attacks so far cost at most, in gradient evaluations of an image
    #[serde(default)]
    spent: u64,
}

/// How far an evaluation has come.
#[derive(Clone, Debug, PartialEq)]
pub struct Standing {
    pub done: usize,
    pub of: usize,
    /// share of the work on them that is done, those of the present batch in part
    pub share: f64,
    /// of those done, how many withstood all attacks; `None` where nothing attacks
    pub survivors: Option<usize>,
}

impl Evaluation {
    /// Does the next piece of work: the clean pass over a batch, or one attack on some of what is left of it. So attacks that
    /// cost much have few images at a time, but not those alone that are left of few. Whether that was the last one.
    ///
    /// # Errors
    /// No examples, and what reading them and the network's operations return.
    pub fn step(&mut self, work: &Work) -> Result<bool> {
        let count = work.examples.count();
        if count == 0 {
            bail!("there is no example to measure on");
        }
        self.found.resize(work.measures.len(), Vec::new());
        let size = match &self.batch {
            Some(batch) => batch.examples,
            None => work.batch_size.max(1).min(count - self.done),
        };
        let batch = work.examples.batch(self.done..self.done + size)?;
        match &mut self.batch {
            None => self.batch = Some(UnderWay::begin(work, &batch)?),
            Some(under_way) => under_way.attack(work, &batch)?,
        }
        if let Some(over) = self.batch.take_if(|batch| batch.is_over(work.measures)) {
            self.done += over.examples;
            self.found.iter_mut().zip(over.found).for_each(|(all, new)| all.extend(new));
        }
        Ok(self.done == count)
    }

    /// Whether it can be of these measures and so many examples: it may come from a file.
    pub fn fits(&self, measures: &[Measure], examples: usize) -> bool {
        let columns = |found: &[Vec<u64>], n: usize| {
            let possible = |(column, measure): (&Vec<u64>, &Measure)| {
                column.len() == n && column.iter().all(|found| measure.is_possible(*found))
            };
            found.len() == measures.len() && found.iter().zip(measures).all(possible)
        };
        let begun = |batch: &UnderWay| {
            batch.examples > 0 && batch.from <= batch.examples && columns(&batch.found, batch.examples)
        };
        let examples_of_batch = self.batch.as_ref().map_or(0, |batch| batch.examples);
        (self.found.is_empty() && self.batch.is_none() && self.done == 0)
            || columns(&self.found, self.done)
                && self.batch.as_ref().is_none_or(begun)
                && self.done.checked_add(examples_of_batch).is_some_and(|n| n <= examples)
    }

    pub fn is_over(&self, work: &Work) -> bool {
        self.done > 0 && self.done == work.examples.count()
    }

    /// What was found, once it is over.
    pub fn finish(&self, measures: &[Measure]) -> Vec<Measured> {
        measures.iter().zip(&self.found).map(|(measure, found)| measure.measured(found)).collect()
    }

    pub fn standing(&self, work: &Work) -> Standing {
        let of = work.examples.count();
        let (decided, begun) = match &self.batch {
            None => (Vec::new(), 0.0),
            Some(batch) => (batch.decided(work.measures), batch.examples as f64 * batch.share(work.measures)),
        };
        let stands = |fate: &&u64| **fate == WITHSTOOD;
        let survivors = |measure: usize| {
            let under_way = self.batch.iter().flat_map(|batch| decided.iter().map(|i| &batch.found[measure][*i]));
            self.found.get(measure).into_iter().flatten().chain(under_way).filter(stands).count()
        };
        let robust = work.measures.iter().enumerate().filter(|(_, measure)| matches!(measure, Measure::Robust(_)));
        Standing {
            done: self.done + decided.len(),
            of,
            share: (self.done as f64 + begun) / of as f64,
            survivors: robust.map(|(measure, _)| survivors(measure)).min(),
        }
    }
}

impl UnderWay {
    fn begin(work: &Work, batch: &Batch) -> Result<UnderWay> {
        let logits = work.network.logits(&batch.pixels, Mode::Eval)?;
        let right = correct(&logits, &batch.labels)?;
        let found = work.measures.iter().map(|m| m.of_logits(&logits, &batch.labels, &right));
        Ok(UnderWay {
            examples: batch.labels.len(),
            found: found.collect::<Result<_>>()?,
            attacks: 0,
            from: 0,
            spent: 0,
        })
    }

    /// Whether no attack is left that has something to attack.
    fn is_over(&self, measures: &[Measure]) -> bool {
        self.left(measures).all(|(_, _, left)| left.is_empty())
    }

    /// The attacks that are left: measure and stage, and places of the images that have withstood all before and are still to be
    /// tried.
    fn left(&self, measures: &[Measure]) -> impl Iterator<Item = (usize, usize, Vec<usize>)> {
        let attacks = attacks_of(measures).into_iter().enumerate().skip(self.attacks);
        attacks.map(|(at, (measure, stage))| {
            let from = if at == self.attacks { self.from } else { 0 };
            let left = (from..self.examples).filter(|i| self.found[measure][*i] == WITHSTOOD).collect();
            (measure, stage, left)
        })
    }

    /// The next attack that has something to attack, on a piece of that.
    fn attack(&mut self, work: &Work, batch: &Batch) -> Result<()> {
        let found = self.left(work.measures).enumerate().find(|(_, (.., left))| !left.is_empty());
        let Some((skipped, (measure, stage, mut attacked))) = found else { return Ok(()) };
        let Measure::Robust(robust) = &work.measures[measure] else { bail!("only robust accuracies attack") };
        let attack = robust.stages()[stage].attack;
        let all = attacked.len();
        attacked.truncate((work.piece)(attack).max(1));
        let last = attacked.len() == all;
        let part = batch.pick(&attacked)?;
        let adversarial = attack.perturb(work.network, Mode::Eval, &part, &work.draws)?;
        let withstood = correct(&work.network.logits(&adversarial, Mode::Eval)?, &part.labels)?;
        // It may come from a file.
        self.spent = self.spent.saturating_add(attacked.len() as u64 * costs(attack));
        self.attacks += skipped + usize::from(last);
        self.from = if last { 0 } else { attacked.last().map_or(0, |place| place + 1) };
        for (i, _) in attacked.into_iter().zip(withstood).filter(|(_, withstood)| !withstood) {
            self.found[measure][i] = FIRST_STAGE + stage as u64;
        }
        Ok(())
    }

    /// Places of the images of which all is known.
    fn decided(&self, measures: &[Measure]) -> Vec<usize> {
        let mut open = vec![false; self.examples];
        self.left(measures).flat_map(|(.., left)| left).for_each(|i| open[i] = true);
        (0..self.examples).filter(|i| !open[*i]).collect()
    }

    /// The share of the work on it that is done, as if all that is left withstood all that is left.
    fn share(&self, measures: &[Measure]) -> f64 {
        let cost = |(measure, stage, left): (usize, usize, Vec<usize>)| match &measures[measure] {
            Measure::Robust(robust) => left.len() as u64 * costs(robust.stages()[stage].attack),
            _ => 0,
        };
        // The clean pass is done.
        let done = self.spent as f64 + self.examples as f64;
        done / (done + self.left(measures).map(cost).sum::<u64>() as f64)
    }
}

/// What an attack on an image costs at most, in gradient evaluations: a forward pass is about half of one.
fn costs(attack: &dyn Attack) -> u64 {
    attack.passes().saturating_add(attack.forwards() / 2).clamp(1, 1 << 32)
}

/// The attacks of all measures, in order: measure and stage.
fn attacks_of(measures: &[Measure]) -> Vec<(usize, usize)> {
    let stages = |measure: &Measure| match measure {
        Measure::Robust(robust) => robust.stages().len(),
        _ => 0,
    };
    measures.iter().enumerate().flat_map(|(m, measure)| (0..stages(measure)).map(move |stage| (m, stage))).collect()
}

/// All of `measures` on all examples in one go: the clean pass is shared. Images that are misclassified without an
/// attack aren't attacked: their value is 0 either way.
///
/// # Errors
/// As [`Evaluation::step`].
pub fn evaluate(
    network: &Network,
    examples: &dyn Examples,
    measures: &[Measure],
    batch_size: usize,
    draws: &Draws,
) -> Result<Vec<Measured>> {
    let work = Work { network, examples, measures, batch_size, piece: &|_| batch_size, draws: *draws };
    let mut evaluation = Evaluation::default();
    while !evaluation.step(&work)? {}
    Ok(evaluation.finish(measures))
}

//! What a program takes in all, counted without unrolling its loops.

use super::cost::{PassCost, Profile};
use super::lessons::{self, StepPasses};
use super::passes::{self, Measurement, Probe};
use super::range::{Number, Range};
use super::variables::{Variables, cost_uses, measured_at_forget, metrics_in};
use crate::components::{Duration, Expression, Metric, Spec, Value};
use crate::language::program::{
    At, Evaluate, Forget, Guard, Method, Op, Otherwise, Program, Protect, Settings, Step, Train, Until, When,
};
use serde_json::json;

/// Counts of a program, or of a part of it. Where a measurement decides, from the least to the most.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Totals {
    pub epochs: Range<f64>,
    /// steps of an optimizer
    pub train_steps: Range<u64>,
    /// forward and backward passes of one batch while training, those of attacks included
    pub gradient_evaluations: Range<u64>,
    /// passes of one batch in measurements, those of attacks included. `measure … every:` counts from the beginning of
    /// the run: where its period doesn't divide the training beside it, its passes count by their share.
    pub evaluation_passes: Range<f64>,
    /// forward passes of one batch while training that form no gradient: of teachers, for targets, and for the statistics
    /// of a memory
    pub forward_passes: Range<f64>,
    /// `forget` and `zap`
    pub forget_events: Range<u64>,
    /// floating-point operations of training passes
    pub training_flops: Range<f64>,
    /// of passes of attacks, in training and in measurements
    pub attack_flops: Range<f64>,
    /// of forward passes in measurements
    pub evaluation_flops: Range<f64>,
    /// seconds that clocks give to training; their operations are in no count above
    pub clocked_seconds: Range<f64>,
}

impl Totals {
    /// One after the other.
    pub fn plus(self, other: Totals) -> Totals {
        self.zip(other, Range::plus, Range::plus)
    }

    /// The one or the other.
    pub fn or(self, other: Totals) -> Totals {
        self.zip(other, Range::or, Range::or)
    }

    /// `n` times over.
    pub fn times(self, n: u64) -> Totals {
        self.zip(self, |a, _| a.times(n), |a, _| a.times(n))
    }

    /// So many times over, within these bounds.
    pub fn within(self, times: Range<u64>) -> Totals {
        let Some(most) = times.max else {
            return self.zip(self.times(times.min), Range::unless_nothing, Range::unless_nothing);
        };
        self.zip(self, |a, _| a.times(times.min).or(a.times(most)), |a, _| a.times(times.min).or(a.times(most)))
    }

    /// All floating-point operations; no bound where a clock decides.
    pub fn flops(&self) -> Range<f64> {
        let sum = self.training_flops.plus(self.attack_flops).plus(self.evaluation_flops);
        if self.clocked_seconds.exact() == Some(0.0) { sum } else { Range::at_least(sum.min) }
    }

    /// How long it takes on a machine that computes so fast.
    pub fn seconds(&self, profile: &Profile) -> Range<f64> {
        let at = |work: Range<f64>, rate: f64| Range { min: work.min / rate, max: work.max.map(|m| m / rate) };
        at(self.training_flops, profile.training)
            .plus(at(self.attack_flops, profile.attacks))
            .plus(at(self.evaluation_flops, profile.evaluation))
            .plus(self.clocked_seconds)
    }

    /// The counts as JSON; operations in one sum.
    pub fn to_json(&self) -> serde_json::Value {
        json!({
            "epochs": self.epochs.to_json(),
            "train_steps": self.train_steps.to_json(),
            "gradient_evaluations": self.gradient_evaluations.to_json(),
            "evaluation_passes": self.evaluation_passes.rounded().to_json(),
            "forward_passes": self.forward_passes.rounded().to_json(),
            "forget_events": self.forget_events.to_json(),
            "flops": self.flops().to_json(),
        })
    }

    fn zip(
        self,
        other: Totals,
        counts: impl Fn(Range<u64>, Range<u64>) -> Range<u64>,
        reals: impl Fn(Range<f64>, Range<f64>) -> Range<f64>,
    ) -> Totals {
        Totals {
            epochs: reals(self.epochs, other.epochs),
            train_steps: counts(self.train_steps, other.train_steps),
            gradient_evaluations: counts(self.gradient_evaluations, other.gradient_evaluations),
            evaluation_passes: reals(self.evaluation_passes, other.evaluation_passes),
            forward_passes: reals(self.forward_passes, other.forward_passes),
            forget_events: counts(self.forget_events, other.forget_events),
            training_flops: reals(self.training_flops, other.training_flops),
            attack_flops: reals(self.attack_flops, other.attack_flops),
            evaluation_flops: reals(self.evaluation_flops, other.evaluation_flops),
            clocked_seconds: reals(self.clocked_seconds, other.clocked_seconds),
        }
    }
}

/// Walks a program and counts.
pub struct Counter<'a> {
    program: &'a Program,
    cost: PassCost,
    variables: Variables,
    /// what has been measured at this point of training
    pub(super) known: Vec<Probe>,
    /// a guard before this point may have ended the run
    pub(super) may_have_ended: bool,
}

impl<'a> Counter<'a> {
    pub fn new(program: &'a Program) -> Counter<'a> {
        let cost = PassCost::of_program(program);
        Counter { program, cost, variables: Variables::default(), known: Vec::new(), may_have_ended: false }
    }

    /// All steps, one after the other; those behind a guard that may end the run are taken or not.
    pub fn body(&mut self, steps: &[Step]) -> Totals {
        steps.iter().fold(Totals::default(), |sum, step| {
            let may_have_ended = self.may_have_ended;
            let totals = self.step(step);
            sum.plus(if may_have_ended { totals.or(Totals::default()) } else { totals })
        })
    }

    /// One step with all that is in it.
    pub fn step(&mut self, step: &Step) -> Totals {
        match &step.op {
            Op::Train(train) => self.train(train),
            Op::Forget(f) => self.saliency(f).plus(self.change(&f.settings)),
            Op::Zap(z) => self.change(&z.settings),
            Op::Merge { settings, .. } => self.change(settings),
            Op::Evaluate(evaluate) => self.evaluate(evaluate),
            Op::Expect { condition, settings, .. } => self.condition(condition, settings),
            Op::Repeat { count, until, body } => self.rounds(*count, until.as_deref(), body),
            Op::Guard(guard) => self.guard(guard),
            Op::For { variable, values, body, .. } => self.each(*variable, values, body),
            Op::If { condition, settings, then, otherwise } => {
                let asked = self.condition(condition, settings);
                asked.plus(self.branch(condition, then, otherwise))
            }
            Op::Block { body, .. } => self.body(body),
            Op::Rollback { .. } | Op::Load { .. } => {
                self.known.clear();
                Totals::default()
            }
            Op::Protect(protect) => self.protect(protect),
            Op::Checkpoint { .. } | Op::Schedule { .. } | Op::FreshOptimizer { .. } | Op::Stop | Op::Export { .. } => {
                Totals::default()
            }
        }
    }

    /// Importances take a pass over each of so many examples.
    fn protect(&mut self, protect: &Protect) -> Totals {
        let Method::Fisher { examples, settings } = &protect.by else { return Totals::default() };
        let count = settings.train_count().min(*examples);
        let work = self.cost.training(&self.program.model.parts, &settings.trainable);
        Totals {
            gradient_evaluations: Range::exactly(count),
            training_flops: Range::exactly(count as f64 * work),
            ..Totals::default()
        }
    }

    /// A loop that a condition or a guard in it may end after any round.
    fn rounds(&mut self, count: u64, until: Option<&Until>, body: &[Step]) -> Totals {
        self.known.clear();
        let mut round = self.body(body);
        if let Some(until) = until {
            round = round.plus(self.condition(&until.condition, &until.settings));
        }
        let all = round.times(count);
        if until.is_some() || self.may_have_ended { all.or(round) } else { all }
    }

    fn guard(&mut self, guard: &Guard) -> Totals {
        let asked = self.condition(&guard.condition, &guard.settings);
        match guard.otherwise {
            Otherwise::Rollback(_) => self.known.clear(),
            Otherwise::Stop => self.may_have_ended = true,
            Otherwise::Warn => {}
        }
        asked
    }

    /// A loop over values: multiplied where they don't change what it costs, else summed over them; equal values are
    /// counted once.
    fn each(&mut self, variable: u32, values: &[Value], body: &[Step]) -> Totals {
        if !cost_uses(body, variable) {
            return self.rounds(values.len() as u64, None, body);
        }
        let mut distinct = std::collections::BTreeMap::<String, (&Value, u64)>::new();
        for value in values {
            distinct.entry(value.to_json().to_string()).or_insert((value, 0)).1 += 1;
        }
        let mut turn = |value: &Value| {
            self.known.clear();
            self.variables.enter(variable, value.clone());
            let turn = self.body(body);
            self.variables.leave();
            turn
        };
        let first = values.first().map_or(Totals::default(), &mut turn);
        let all =
            distinct.into_values().fold(Totals::default(), |sum, (value, times)| sum.plus(turn(value).times(times)));
        if self.may_have_ended { all.or(first) } else { all }
    }

    fn branch(&mut self, condition: &Expression, then: &[Step], otherwise: &[Step]) -> Totals {
        match self.variables.decide(condition) {
            Some(true) => self.body(then),
            Some(false) => self.body(otherwise),
            None => {
                let before = self.known.clone();
                let yes = self.body(then);
                let after_yes = std::mem::replace(&mut self.known, before);
                let no = self.body(otherwise);
                self.known.retain(|p| after_yes.contains(p));
                yes.or(no)
            }
        }
    }

    pub(super) fn training(&mut self, train: &Train) -> Totals {
        match train.settings.in_round(&mut self.variables) {
            Some(settings) => self.training_in_round(&Train { settings: settings.into(), ..train.clone() }),
            None => self.training_in_round(train),
        }
    }

    fn training_in_round(&mut self, train: &Train) -> Totals {
        let settings = &*train.settings;
        let per_epoch = settings.steps_per_epoch();
        match self.variables.resolve(&train.duration) {
            Some(Value::Duration(Duration::Seconds(s))) => self.clocked(train, s),
            Some(Value::Duration(duration)) => {
                let steps = duration.steps(per_epoch).unwrap_or(1);
                let epochs = match duration {
                    Duration::Epochs(n) => n,
                    _ => steps as f64 / per_epoch as f64,
                };
                self.stretch(train, steps, epochs)
            }
            // A measurement decides: at least one step.
            _ => Totals { epochs: Range::at_least(0.0), ..unbounded(self.stretch(train, 1, 0.0)) },
        }
    }

    /// Training that a clock ends.
    fn clocked(&mut self, train: &Train, seconds: f64) -> Totals {
        let least = unbounded(self.stretch(train, 1, 0.0));
        self.known.clear();
        Totals {
            epochs: Range::at_least(0.0),
            training_flops: Range::default(),
            attack_flops: Range::default(),
            evaluation_flops: Range::default(),
            clocked_seconds: Range::exactly(seconds),
            ..least
        }
    }

    pub(super) fn stretch(&mut self, train: &Train, steps: u64, epochs: f64) -> Totals {
        let settings = &*train.settings;
        let work = passes::training(settings, steps);
        let taught: Vec<_> =
            Train::recalled(train.word, settings).map(|term| self.variables.resolve_spec(term)).collect();
        let passes = self.step_passes(&settings.objective, &taught);
        let per_image = self.cost.training(&self.program.model.parts, &settings.trainable);
        let trained = Totals {
            epochs: Range::exactly(epochs),
            train_steps: Range::exactly(steps),
            ..self.gradients(work, passes, per_image)
        }
        .plus(self.estimated(settings, lessons::estimates(train, steps)));
        trained.plus(self.followed(settings, steps))
    }

    /// Gradients of so much work, each after so many passes of an attack, at so many operations an image.
    fn gradients(&self, work: passes::Work, passes: StepPasses, per_image: f64) -> Totals {
        let images = work.images as f64;
        let StepPasses { attack, own, forwards } = passes;
        Totals {
            gradient_evaluations: Range::exactly(work.batches.saturating_mul(attack.saturating_add(own))),
            forward_passes: Range::exactly(work.batches as f64 * forwards as f64),
            training_flops: Range::exactly(images * own as f64 * per_image),
            attack_flops: Range::exactly(images * attack as f64 * self.cost.attack()),
            evaluation_flops: Range::exactly(images * forwards as f64 * self.cost.forward()),
            ..Totals::default()
        }
    }

    fn step_passes(&mut self, objective: &Value, taught: &[Spec]) -> StepPasses {
        let objective = self.variables.resolve(objective).unwrap_or_else(|| objective.clone());
        lessons::step(&objective, taught)
    }

    /// So many passes over the training images for a memory's running statistics.
    fn estimated(&self, settings: &Settings, times: f64) -> Totals {
        let work = passes::batches(settings, u64::MAX);
        Totals {
            forward_passes: Range::exactly(times * work.batches as f64),
            evaluation_flops: Range::exactly(times * work.images as f64 * self.cost.forward()),
            ..Totals::default()
        }
    }

    /// What `measure … every:` and `keep best:` take while training so many steps. Metrics of one period share their
    /// passes.
    fn followed(&mut self, settings: &Settings, steps: u64) -> Totals {
        let per_epoch = settings.steps_per_epoch();
        let whole_epochs = steps.is_multiple_of(per_epoch);
        let mut groups: Vec<(u64, Vec<Probe>)> = Vec::new();
        let mut follow = |period: u64, probe: Probe| match groups.iter_mut().find(|(p, _)| *p == period) {
            Some((_, probes)) => probes.push(probe),
            None => groups.push((period, vec![probe])),
        };
        for m in settings.measure.iter() {
            let When::Every(every) = m.when else { continue };
            let Some(period) = every.steps(per_epoch) else { continue };
            self.probes(&m.metrics, settings).into_iter().for_each(|probe| follow(period, probe));
        }
        let best = self.probes(&settings.keep.best, settings);
        if whole_epochs {
            best.iter().for_each(|best| follow(per_epoch, best.clone()));
        }
        self.known.clear();
        let mut total = Totals::default();
        for (period, probes) in groups {
            let times = steps as f64 / period as f64;
            total = total.plus(self.measured(passes::measurement(&probes, settings), times));
            if steps.is_multiple_of(period) {
                self.known.extend(probes);
            }
        }
        if !best.is_empty() && !whole_epochs {
            // Also after the last part of an epoch.
            let times = steps.div_ceil(per_epoch) as f64;
            total = total.plus(self.measured(passes::measurement(&best, settings), times));
            self.known.extend(best);
        }
        total
    }

    /// The gradients that `by: saliency` looks at.
    fn saliency(&mut self, forget: &Forget) -> Totals {
        let s = &*forget.settings;
        let by = self.variables.resolve(&forget.by);
        let asked = match &by {
            Some(Value::Component(spec)) => spec.member.param("batches").map(|(i, _)| spec.args[i].clone()),
            _ => None,
        };
        let Some(Value::Int(asked)) = asked else { return Totals::default() };
        let work = passes::batches(s, u64::try_from(asked).unwrap_or(0));
        let passes = self.step_passes(&s.objective, &[]);
        let all = vec![true; self.program.model.parts.len()];
        self.gradients(work, passes, self.cost.training(&self.program.model.parts, &all))
    }

    /// A `forget` or `zap`, measured before and after where that is asked for; comparisons look at both networks too.
    fn change(&mut self, settings: &Settings) -> Totals {
        let mut probes: Vec<Probe> = self.probes(&measured_at_forget(settings), settings);
        let both = self.measured(passes::measurement(&probes, settings), 2.0);
        probes.retain(|probe| probe.networks == 0);
        self.known = probes;
        Totals { forget_events: Range::exactly(1), ..both }
    }

    fn evaluate(&mut self, evaluate: &Evaluate) -> Totals {
        let probes = self.probes(&evaluate.metrics, &evaluate.settings);
        let best = if evaluate.at.contains(&At::Best) { evaluate.settings.keep.best.len() } else { 0 };
        let last = evaluate.at.contains(&At::Last);
        let times = best as f64 + f64::from(u8::from(last));
        let total = self.measured(passes::measurement(&probes, &evaluate.settings), times);
        if last {
            self.known.extend(probes);
        }
        total
    }

    /// What a condition takes: metrics that weren't measured at this point are measured now.
    pub(super) fn condition(&mut self, condition: &Expression, settings: &Settings) -> Totals {
        let mut probes = self.probes(&metrics_in(condition), settings);
        probes.retain(|p| !self.known.contains(p));
        let total = self.measured(passes::measurement(&probes, settings), 1.0);
        self.known.extend(probes);
        total
    }

    pub(super) fn probes(&mut self, metrics: &[Metric], settings: &Settings) -> Vec<Probe> {
        let parts = &self.program.model.parts;
        metrics.iter().flat_map(|m| passes::probes(m, settings, parts, &mut self.variables)).collect()
    }

    fn measured(&self, m: Measurement, times: f64) -> Totals {
        Totals {
            evaluation_passes: Range::exactly(m.passes as f64 * times),
            attack_flops: Range::exactly(m.attacks as f64 * times * self.cost.attack()),
            evaluation_flops: Range::exactly(m.forwards as f64 * times * self.cost.forward()),
            ..Totals::default()
        }
    }
}

/// The same without upper bounds on what training takes.
fn unbounded(least: Totals) -> Totals {
    fn open<T: Number>(range: Range<T>) -> Range<T> {
        Range::at_least(range.min)
    }
    Totals {
        train_steps: open(least.train_steps),
        gradient_evaluations: open(least.gradient_evaluations),
        evaluation_passes: open(least.evaluation_passes),
        forward_passes: open(least.forward_passes),
        training_flops: open(least.training_flops),
        attack_flops: open(least.attack_flops),
        evaluation_flops: open(least.evaluation_flops),
        ..least
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixture::*;
    use super::*;
    use crate::components::{Type, metrics};
    use crate::language::chain::Chain;
    use crate::language::program::{Batch, Keep, Measure};

    fn totals(body: Vec<Step>) -> Totals {
        let program = program(body);
        Counter::new(&program).body(&program.body)
    }

    fn variable(id: u32) -> Value {
        Value::Later(Box::new(Expression::Variable(id, "n".into())), Type::Duration)
    }

    fn each(values: &[i64], body: Vec<Step>) -> Op {
        let values = values.iter().map(|v| Value::Int(*v)).collect();
        Op::For { variable: 3, name: "n".into(), values, body }
    }

    #[test]
    fn five_cycles_of_forty_and_ten_epochs() {
        let t = totals(cycles());
        assert_eq!(t.epochs.exact(), Some(250.0));
        assert_eq!(t.train_steps.exact(), Some(2500));
        assert_eq!(t.gradient_evaluations.exact(), Some(2500));
        assert_eq!(t.forget_events.exact(), Some(5));
        assert_eq!(t.evaluation_passes.exact(), Some(0.0));
        // 28x28 and 14x14 and 7x7 outputs of 8 channels, 3x3 windows; the classifier sees 8·3·3.
        let layers = [2 * 8 * 28 * 28 * 9, 2 * 8 * 14 * 14 * 72, 2 * 8 * 7 * 7 * 72, 2 * 10 * 72u64];
        let forward: u64 = layers.iter().sum();
        let one = 3 * forward - layers[0]; // the image needs no gradient
        assert_eq!(t.flops().exact(), Some((one * 250 * 1000) as f64));
    }

    #[test]
    fn forward_passes_cost_what_the_architecture_says() {
        let program = program(Vec::new());
        let cost = PassCost::of_program(&program);
        assert_eq!(cost.forward(), program.model.architecture.forward_flops() as f64);
    }

    #[test]
    fn attack_passes_and_accumulated_batches_count() {
        let mut s = settings();
        s.objective = adversarial(pgd(10));
        assert_eq!(totals(vec![step("1", train(steps(3), s.clone()))]).gradient_evaluations.exact(), Some(33));
        s.accumulate = 4;
        // Three steps an epoch: 400, 400, 200 images in batches of 100.
        let t = totals(vec![step("1", train(epochs(2.0), s.clone()))]);
        assert_eq!((t.train_steps.exact(), t.gradient_evaluations.exact()), (Some(6), Some(11 * 20)));
        s.batch = Batch::All;
        let t = totals(vec![step("1", train(epochs(2.0), s))]);
        assert_eq!((t.train_steps.exact(), t.gradient_evaluations.exact()), (Some(2), Some(22)));
    }

    #[test]
    fn a_million_turns_are_multiplied() {
        let inner = vec![step("1.repeat.1", train(steps(1), settings()))];
        let body = vec![step("1", repeat(1_000_000, vec![step("1.1", repeat(1_000_000, inner))]))];
        assert_eq!(totals(body).train_steps.exact(), Some(1_000_000_000_000));
    }

    #[test]
    fn values_that_decide_are_summed() {
        let body = vec![step("1.for.1", train(variable(3), settings()))];
        let t = totals(vec![step("1", each(&[1, 2, 3, 2], body))]);
        assert_eq!((t.epochs.exact(), t.train_steps.exact()), (Some(8.0), Some(80)));
        let body = vec![step("1.for.1", train(epochs(2.0), settings()))];
        assert_eq!(totals(vec![step("1", each(&[1, 2, 3, 2], body))]).epochs.exact(), Some(8.0));
    }

    #[test]
    fn measured_conditions_give_a_range_and_known_ones_a_number() {
        let choice = |condition| Op::If {
            condition,
            settings: std::sync::Arc::new(settings()),
            then: vec![step("1.then.1", train(epochs(4.0), settings()))],
            otherwise: Vec::new(),
        };
        let t = totals(vec![step("1", choice(Expression::Metric(clean())))]);
        assert_eq!((t.epochs.min, t.epochs.max), (0.0, Some(4.0)));
        // 200 validation images are one batch: the condition measures them.
        assert_eq!(t.evaluation_passes.exact(), Some(1.0));
        let less = Expression::Binary(
            crate::syntax::tree::BinaryOp::Less,
            Box::new(Expression::Variable(3, "n".into())),
            Box::new(Expression::Constant(Value::Int(2))),
        );
        let t = totals(vec![step("1", each(&[0, 1, 2, 3], vec![step("1.for.1", choice(less))]))]);
        assert_eq!(t.epochs.exact(), Some(8.0));
    }

    #[test]
    fn measurements_count_their_passes() {
        let mut s = settings();
        s.objective = adversarial(pgd(10));
        let gap =
            Metric { split: None, spec: spec(&metrics::gap::MEMBER, &[("metric", Value::Metric(robust(pgd(20))))]) };
        let metrics = vec![clean(), robust(pgd(20)), gap];
        s.measure = Chain::from_iter([Measure { metrics: metrics.clone(), when: When::Every(Duration::Epochs(1.0)) }]);
        s.keep = Keep { last: 1, every: Duration::Epochs(1.0), best: vec![robust(pgd(20))] };
        // Each epoch: one pass on the 200 images as they are, 20 of the attack, one on what it made.
        let t = totals(vec![step("1", train(epochs(3.0), s.clone()))]);
        assert_eq!(t.evaluation_passes.exact(), Some(3.0 * 22.0));
        // What was just measured isn't measured again.
        let expect = |metric| Op::Expect {
            condition: Expression::Metric(metric),
            text: String::new(),
            settings: std::sync::Arc::new(s.clone()),
        };
        let t = totals(vec![
            step("1", train(epochs(3.0), s.clone())),
            step("2", expect(robust(pgd(20)))),
            step("3", expect(robust(Value::None))),
        ]);
        assert_eq!(t.evaluation_passes.exact(), Some(3.0 * 22.0 + 12.0));
    }

    #[test]
    fn forgetting_is_measured_before_and_after() {
        let mut s = settings();
        s.measure = Chain::from_iter([Measure { metrics: vec![clean()], when: When::AtForget }]);
        let t = totals(vec![step("1", Op::Forget(forget(Value::Real(0.3), s).into()))]);
        assert_eq!(t.evaluation_passes.exact(), Some(2.0));
    }

    #[test]
    fn saliency_forms_gradients() {
        let mut f = forget(Value::Real(0.3), settings());
        let four = [("batches", Value::Int(4))];
        f.by = Value::Component(spec(&crate::components::forgetting::rankings::SALIENCY, &four));
        assert_eq!(totals(vec![step("1", Op::Forget(f.into()))]).gradient_evaluations.exact(), Some(4));
    }

    #[test]
    fn a_period_longer_than_the_training_beside_it_counts_by_its_share() {
        let mut s = settings();
        s.measure = Chain::from_iter([Measure { metrics: vec![clean()], when: When::Every(Duration::Epochs(1.0)) }]);
        let cycle = vec![step("1.repeat.1", train(steps(5), s))];
        // 20 times half an epoch.
        assert_eq!(totals(vec![step("1", repeat(20, cycle))]).evaluation_passes.exact(), Some(10.0));
    }

    #[test]
    fn clocks_leave_no_upper_bound() {
        let t = totals(vec![step("1", train(Value::Duration(Duration::Seconds(90.0)), settings()))]);
        assert_eq!(t.train_steps.to_json(), json!({ "min": 1, "max": null }));
        assert_eq!(t.flops().max, None);
        let profile = Profile { training: 1e9, attacks: 1e9, evaluation: 1e9 };
        assert_eq!(t.seconds(&profile).exact(), Some(90.0));
    }

    #[test]
    fn frozen_layers_cost_no_gradients() {
        let mut s = settings();
        s.trainable = (0..14).map(|part| part >= 12).collect();
        let t = totals(vec![step("1", train(epochs(1.0), s))]);
        let program = program(Vec::new());
        let forward = program.model.architecture.forward_flops() as f64;
        assert_eq!(t.training_flops.exact(), Some(1000.0 * (forward + 2.0 * 10.0 * 72.0)));
    }
}

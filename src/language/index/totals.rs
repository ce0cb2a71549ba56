//! How much training there is in loops, blocks and calls: noted once for a program, all in one walk.

use crate::components::{Duration, Value};
use crate::language::context::Fixed;
use crate::language::program::{Due, Op, Step, Train};
use crate::language::time::uses;
use crate::source::Span;

/// Steps that are looked at before counting is given up: loops whose variables decide durations multiply.
const MOST_VISITS: usize = 300_000;

/// An amount of training; where a measurement decides, from the least to the most.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Amount {
    pub least: Training,
    pub most: Training,
    /// it could not be counted, or only a clock or a measurement says when it ends
    pub open: bool,
}

/// So much training.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Training {
    pub epochs: f64,
    /// optimizer steps
    pub steps: u64,
    /// given by a clock
    pub seconds: f64,
}

/// A statement with steps in it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BlockTotals {
    /// of the statement; a block's end is its end
    pub span: Span,
    pub amount: Amount,
    /// how often its block runs, where it is a loop
    pub rounds: u64,
}

impl Training {
    fn plus(self, o: Training) -> Training {
        Training {
            epochs: self.epochs + o.epochs,
            steps: self.steps.saturating_add(o.steps),
            seconds: self.seconds + o.seconds,
        }
    }

    fn times(self, n: u64) -> Training {
        Training {
            epochs: self.epochs * n as f64,
            steps: self.steps.saturating_mul(n),
            seconds: self.seconds * n as f64,
        }
    }

    fn pick(self, o: Training, f: impl Fn(f64, f64) -> f64, steps: impl Fn(u64, u64) -> u64) -> Training {
        Training {
            epochs: f(self.epochs, o.epochs),
            steps: steps(self.steps, o.steps),
            seconds: f(self.seconds, o.seconds),
        }
    }
}

impl Amount {
    fn exactly(training: Training) -> Amount {
        Amount { least: training, most: training, open: false }
    }

    fn plus(self, o: Amount) -> Amount {
        Amount { least: self.least.plus(o.least), most: self.most.plus(o.most), open: self.open || o.open }
    }

    fn times(self, n: u64) -> Amount {
        Amount { least: self.least.times(n), most: self.most.times(n), open: self.open }
    }

    /// The one or the other.
    pub(super) fn or(self, o: Amount) -> Amount {
        Amount {
            least: self.least.pick(o.least, f64::min, u64::min),
            most: self.most.pick(o.most, f64::max, u64::max),
            open: self.open || o.open,
        }
    }
}

impl std::fmt::Display for Amount {
    /// `40 epochs`, `30 to 40 epochs`, `10 epochs and 90 s`; empty where there is none or it isn't known.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let range = |a: f64, b: f64, unit: &str| match (number(a), number(b)) {
            (a, b) if a == b => format!("{a} {unit}{}", if a == "1" && !unit.is_empty() { "" } else { "s" }),
            (a, b) => format!("{a} to {b} {unit}s"),
        };
        if self.open {
            return Ok(());
        }
        let mut parts = Vec::new();
        if self.most.epochs > 0.0 {
            parts.push(range(self.least.epochs, self.most.epochs, "epoch"));
        }
        if self.most.seconds > 0.0 {
            parts.push(range(self.least.seconds, self.most.seconds, ""));
        }
        f.write_str(&parts.join(" and "))
    }
}

/// At most two decimals, none where they are zero; tiny amounts keep their first digits.
fn number(n: f64) -> String {
    let text = if n < 0.01 { format!("{n:.1e}") } else { format!("{n:.2}") };
    let text = if n == 0.0 { "0".to_string() } else { text };
    match text.contains('.') && !text.contains('e') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_string(),
        false => text,
    }
}

/// All blocks of a program, and the whole.
pub(super) fn count(body: &[Step]) -> (Vec<BlockTotals>, Amount) {
    let mut counter = Counter { blocks: Vec::new(), env: Fixed(Vec::new()), visits: 0 };
    let total = counter.body(body);
    (counter.blocks, total)
}

struct Counter<'v> {
    blocks: Vec<BlockTotals>,
    env: Fixed<'v>,
    visits: usize,
}

impl<'v> Counter<'v> {
    fn body(&mut self, steps: &'v [Step]) -> Amount {
        steps.iter().fold(Amount::default(), |sum, step| sum.plus(self.step(step)))
    }

    fn step(&mut self, step: &'v Step) -> Amount {
        self.visits += 1;
        let (amount, rounds) = match &step.op {
            Op::Train(train) if train.triggers.is_empty() => return self.train(train),
            Op::Train(train) => (self.hosted(train), 1),
            Op::Repeat { count, until: None, body } => (self.body(body).times(*count), *count),
            Op::Repeat { count, body, .. } => {
                let round = self.body(body);
                (round.times(*count).or(round), *count)
            }
            Op::For { variable, values, body, .. } => (self.each(*variable, values, body), values.len() as u64),
            Op::If { then, otherwise, .. } => (self.body(then).or(self.body(otherwise)), 1),
            Op::Block { body, .. } => (self.body(body), 1),
            _ => return Amount::default(),
        };
        self.blocks.push(BlockTotals { span: step.span, amount, rounds });
        amount
    }

    fn each(&mut self, variable: u32, values: &'v [Value], body: &'v [Step]) -> Amount {
        if !uses(body, variable) {
            return self.body(body).times(values.len() as u64);
        }
        let mut sum = Amount::default();
        for value in values {
            if self.visits > MOST_VISITS {
                return Amount { open: true, ..sum };
            }
            self.env.0.push((variable, value));
            sum = sum.plus(self.body(body));
            self.env.0.pop();
        }
        sum
    }

    /// A training step with what its triggers train.
    fn hosted(&mut self, train: &'v Train) -> Amount {
        let own = self.train(train);
        let steps = own.most.steps;
        let all = train.triggers.iter().fold(own, |sum, trigger| {
            let once = self.body(&trigger.body);
            sum.plus(match (trigger.firings(train, &mut self.env), &trigger.due) {
                _ if once == Amount::default() => once,
                (Some(times), _) => once.times(times),
                (None, Due::When { .. }) if steps > 0 => {
                    let (epochs, more) = train.looks(steps);
                    // Between two crossings the condition is false once at least.
                    once.times(epochs.saturating_add(more).div_ceil(2)).or(Amount::default())
                }
                _ => Amount { open: true, ..Amount::default() },
            })
        });
        match train.first_end().filter(|least| *least < steps) {
            None => all,
            Some(least) => {
                let epochs = least as f64 / train.settings.steps_per_epoch() as f64;
                all.or(Amount::exactly(Training { epochs, steps: least, seconds: 0.0 }))
            }
        }
    }

    fn train(&mut self, train: &Train) -> Amount {
        let per_epoch = train.settings.steps_per_epoch();
        let training = match train.duration.resolve(&mut self.env) {
            Ok(Value::Duration(Duration::Seconds(seconds))) => Training { seconds, ..Training::default() },
            Ok(Value::Duration(duration)) => {
                let steps = duration.steps(per_epoch).unwrap_or(1);
                let epochs = match duration {
                    Duration::Epochs(n) => n,
                    _ => steps as f64 / per_epoch as f64,
                };
                Training { epochs, steps, seconds: 0.0 }
            }
            _ => return Amount { open: true, ..Amount::default() },
        };
        Amount::exactly(training)
    }
}

//! Values that wait for run time get their leaves here: loop variables, and metrics measured on the spot.

use super::Run;
use super::error::{Failure, Halt};
use super::measure::{self, Reading};
use crate::components::{Environment, Expression, Metric, Selector, Spec, Value};
use crate::language::chain::Chain;
use crate::language::program::{Measure, Settings};
use std::collections::BTreeMap;

/// The present place of a run, as an environment for expressions.
struct Scope<'r, 'a> {
    run: &'r mut Run<'a>,
    settings: &'r Settings,
    /// what was measured, in order
    readings: Vec<Reading>,
    /// why something could not be measured
    halt: Option<Halt>,
}

impl Environment for Scope<'_, '_> {
    fn variable(&self, id: u32) -> Option<Value> {
        self.run.variables.get(&id).cloned()
    }

    fn metric(&mut self, metric: &Metric) -> Option<f64> {
        match measure::now(self.run, metric, self.settings) {
            Ok(reading) => {
                let value = reading.value;
                self.readings.push(reading);
                Some(value)
            }
            Err(halt) => {
                self.halt = Some(halt);
                None
            }
        }
    }

    fn holds(&mut self, condition: &Spec) -> Option<bool> {
        Some(measure::on_plateau(self.run, condition, self.settings))
    }
}

/// What a condition came to, and what was measured for it.
pub struct Verdict {
    pub held: bool,
    pub readings: Vec<Reading>,
}

/// Whether a condition holds at this point of training.
pub fn condition(run: &mut Run, condition: &Expression, settings: &Settings) -> Result<Verdict, Halt> {
    match within(run, settings, |scope| condition.value(scope))? {
        (Value::Bool(held), readings) => Ok(Verdict { held, readings }),
        (other, _) => Err(Failure::new(format!("a condition is true or false, but this is {}", other.kind())).into()),
    }
}

/// The value with all that waited filled in.
pub fn value(run: &mut Run, value: &Value, settings: &Settings) -> Result<Value, Halt> {
    Ok(within(run, settings, |scope| value.resolve(scope))?.0)
}

/// The value of something that may wait for loop variables, not for measurements.
pub fn variables(run: &Run, value: &Value) -> Result<Value, Halt> {
    value.resolve(&mut Variables(&run.variables)).map_err(|message| Failure::new(message).into())
}

/// The loop variables alone.
struct Variables<'a>(&'a BTreeMap<u32, Value>);

impl Environment for Variables<'_> {
    fn variable(&self, id: u32) -> Option<Value> {
        self.0.get(&id).cloned()
    }

    fn metric(&mut self, _: &Metric) -> Option<f64> {
        None
    }

    fn holds(&mut self, _: &Spec) -> Option<bool> {
        None
    }
}

/// The settings with all that waited filled in.
pub fn settings(run: &mut Run, settings: &Settings) -> Result<Settings, Halt> {
    let resolve = |scope: &mut Scope| {
        let mut now = settings.clone();
        now.optimizer.spec = now.optimizer.spec.resolve(scope)?;
        now.objective = now.objective.resolve(scope)?;
        if let Some(learned) = &mut now.texts.learned {
            *learned = learned.resolve(scope)?;
        }
        if let Some(memory) = &mut now.memory {
            memory.spec = memory.spec.resolve(scope)?;
        }
        for spec in now.augment.iter_mut().chain(&mut now.recall) {
            *spec = spec.resolve(scope)?;
        }
        let mut resolved = |m: &Metric| Ok::<_, String>(Metric { split: m.split, spec: m.spec.resolve(scope)? });
        let mut measure = Chain::default();
        for Measure { metrics, when } in now.measure.iter() {
            let metrics = metrics.iter().map(&mut resolved).collect::<Result<_, _>>()?;
            measure.push(Measure { metrics, when: *when });
        }
        now.measure = measure;
        now.keep.best = now.keep.best.iter().map(resolved).collect::<Result<_, _>>()?;
        Ok(now)
    };
    Ok(within(run, settings, resolve)?.0)
}

/// The selector with its indices known.
pub fn selector(run: &mut Run, selector: &Selector, settings: &Settings) -> Result<Selector, Halt> {
    Ok(within(run, settings, |scope| selector.resolve(scope))?.0)
}

/// The metric with all that waited filled in.
pub fn metric(run: &mut Run, metric: &Metric, settings: &Settings) -> Result<Metric, Halt> {
    let spec = within(run, settings, |scope| metric.spec.resolve(scope))?.0;
    Ok(Metric { split: metric.split, spec })
}

fn within<T>(
    run: &mut Run,
    settings: &Settings,
    resolve: impl FnOnce(&mut Scope) -> Result<T, String>,
) -> Result<(T, Vec<Reading>), Halt> {
    let mut scope = Scope { run, settings, readings: Vec::new(), halt: None };
    match resolve(&mut scope) {
        Ok(value) => Ok((value, scope.readings)),
        Err(message) => Err(scope.halt.unwrap_or_else(|| Failure::new(message).into())),
    }
}

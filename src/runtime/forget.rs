//! Changes of weights other than by gradient: `forget`, `zap`, `rollback`, `weights`. Each is one line of the ledger.

use super::checkpoint::Snapshot;
use super::compare::Before;
use super::error::{Failure, Halt};
use super::event::{Change, ChangedTensor, Comparison, Kind};
use super::guard::broken_weight;
use super::measure::{self, Reading};
use super::train::{batch_of, objective};
use super::{Run, recovery, scope, some_examples};
use crate::components::adapters::NAME;
use crate::components::forgetting::{
    self, Fill, Forgotten, Norms, Ranking, Request, ResetScale, Selected, Unit, rewinds_to, saliency_batches,
};
use crate::components::memory::Memory;
use crate::components::metrics::{of_memory, robust};
use crate::components::objectives::Draws;
use crate::components::{Family, Spec, Split, Value};
use crate::disk;
use crate::language::program::{self, Batch, Rounding, Settings, Target, Tensors};
use crate::language::selectors;
use crate::nn::network::{Network, Trainable};
use crate::nn::rng::Stream;
use crate::nn::weights;
use crate::reading;
use candle_core::Tensor;
use serde_json::json;
use std::collections::BTreeMap;

/// `forget SELECTOR SHARE`
pub fn forget(run: &mut Run, op: &program::Forget) -> Result<(), Halt> {
    let settings = scope::settings(run, &op.settings)?;
    let share = match scope::value(run, &op.share, &settings)? {
        Value::Real(share) => share,
        other => return Err(Failure::new(format!("`forget` takes a share, not {}", other.kind())).into()),
    };
    let by = component(run, &op.by, Family::Ranking, &settings)?;
    let to = component(run, &op.to, Family::Fill, &settings)?;
    let unit = Unit::chosen(&op.unit, &Value::Component(by.clone()));
    let unit = unit.ok_or_else(|| Failure::new(format!("`{}` is no unit to forget", op.unit)))?;
    let norms = Norms::of(&op.reset_norms);
    let norms = norms.ok_or_else(|| Failure::new(format!("`{}` is no reset of norms", op.reset_norms)))?;
    let (target, selection) = select(run, &op.target, &settings)?;
    let gradients = match saliency_batches(&by) {
        Some(batches) => saliency(run, &settings, batches)?,
        None => Vec::new(),
    };
    let checkpoint = match rewinds_to(&to) {
        Some(name) => Snapshot::find(run, name)?.network.state_dict()?,
        None => BTreeMap::new(),
    };
    let record = Record::open(run, "forget", &settings)?;
    let request = Request {
        selection: &selection,
        share,
        overall: op.overall,
        unit,
        by: Ranking::build(&by, &gradients),
        to: Fill::build(&to, &checkpoint),
        seed: run.program.seed,
        scope: &[record.ordinal],
    };
    let mut forgotten = forgetting::forget(&mut run.state.network, &request)?;
    for norm in forgetting::reset_norms(&mut run.state.network, &selection, norms)? {
        // A norm that was selected too is told once, as it was before.
        match forgotten.iter_mut().find(|f| f.part == norm.part) {
            Some(told) => *told = Forgotten { norm_before: told.norm_before, ..norm },
            None => forgotten.push(norm),
        }
    }
    match op.moments.as_str() {
        "clear" => clear_moments(run, &forgotten)?,
        "reset" => run.state.optimizers.clear(),
        _ => {}
    }
    let arguments = json!({
        "target": target, "share": share, "overall": op.overall, "unit": op.unit, "moments": op.moments,
        "reset_norms": op.reset_norms,
        "by": by.to_json(), "to": to.to_json(),
    });
    let stream = format!("forget, fill: seed {}, event {}", run.program.seed, record.ordinal);
    record.close(run, &settings, arguments, forgotten.iter().map(changed).collect(), Some(stream))
}

/// `zap SELECTOR`: rows of the classifier are drawn anew; the whole head also gets the rows that the data need.
pub fn zap(run: &mut Run, op: &program::Zap) -> Result<(), Halt> {
    let settings = scope::settings(run, &op.settings)?;
    let scale = ResetScale::of(&op.reset_scale)
        .ok_or_else(|| Failure::new(format!("`{}` is no scale of a zap", op.reset_scale)))?;
    let record = Record::open(run, "zap", &settings)?;
    let mut tensors = match op.classes {
        Some(classes) => resize_head(run, classes, record.ordinal)?,
        None => Vec::new(),
    };
    let (target, selection) = select(run, &op.target, &settings)?;
    let rows = selection.first().and_then(|selected| selected.rows.as_deref());
    let seed = run.program.seed;
    let zapped = forgetting::zap(&mut run.state.network, rows, scale, seed, record.ordinal)?;
    tensors.retain(|t| t.name != zapped.name);
    tensors.insert(0, changed(&zapped));
    let arguments = json!({ "target": target, "reset_scale": op.reset_scale, "classes": op.classes });
    let stream = format!("zap: seed {seed}, event {}", record.ordinal);
    record.close(run, &settings, arguments, tensors, Some(stream))
}

/// `rollback "name"`: weights, running statistics and optimizers as they were; clocks and histories go on.
pub fn rollback(run: &mut Run, name: &str) -> Result<(), Halt> {
    let before = run.state.network.copy()?;
    let record = Record::unmeasured(run, "rollback");
    Snapshot::restore(run, name)?;
    // A memory that began later is not the checkpoint's.
    resize_memory(run, run.state.network.architecture().classes, record.ordinal)?;
    let tensors = differences(&before, &run.state.network)?;
    record.tell(run, json!({ "name": name }), tensors, None, Default::default())
}

/// `weights "path"`
pub fn load(run: &mut Run, path: &str, only: Option<&Tensors>, settings: &Settings) -> Result<(), Halt> {
    let file = run.world.places.resolve(path)?;
    let before = run.state.network.copy()?;
    let record = Record::open(run, "load", settings)?;
    let network = &mut run.state.network;
    let loaded = match only {
        None => weights::load(network, &file),
        Some(only) => {
            let chosen = network.architecture().tensors_of(&only.parts);
            weights::load_some(network, &file, &chosen)
        }
    };
    loaded.map_err(|e| Failure::new(e.to_string()))?;
    if let Some(name) = broken_weight(&run.state.network)? {
        return Err(Failure::new(format!("{path} holds numbers in {name} that are not finite")).into());
    }
    let tensors = differences(&before, &run.state.network)?;
    let mut arguments = json!({ "path": path, "sha256": reading::sha256(&file).map_err(Failure::disk)? });
    if let Some(only) = only {
        arguments["on"] = json!(only.selector.to_string());
    }
    record.close(run, settings, arguments, tensors, None)
}

/// `merge adapters`: their updates become part of the weights, and fresh ones begin, of which the optimizers remember
/// nothing.
pub fn merge(run: &mut Run, rounding: Rounding, settings: &Settings) -> Result<(), Halt> {
    let settings = scope::settings(run, settings)?;
    let before = run.state.network.copy()?;
    let record = Record::open(run, "merge", &settings)?;
    let (seed, ordinal) = (run.program.seed, record.ordinal);
    let folded = run.state.network.fold(NAME, rounding);
    folded.map_err(|why| Failure::new(format!("the adapters cannot be merged: {why}")))?;
    run.state.network.restart(NAME, |part| Stream::new(seed, &format!("merge/{}", part.name), &[ordinal]))?;
    for state in run.state.optimizers.values_mut() {
        state.drop_those(|weight| before.index_of(weight).is_some_and(|i| before.parameters()[i].part.is_adapter()));
    }
    let tensors = differences(&before, &run.state.network)?;
    let stream = format!("merge: seed {seed}, event {ordinal}");
    let arguments = if rounding.is_narrow() { json!({ "dtype": rounding.name() }) } else { json!({}) };
    record.close(run, &settings, arguments, tensors, Some(stream))
}

/// A change under way.
struct Record {
    what: &'static str,
    ordinal: u64,
    /// what `measure … at: forget` asks for
    before: Vec<Reading>,
    /// the network as it was, where something compares with it
    network: Option<Before>,
}

impl Record {
    fn open(run: &mut Run, what: &'static str, settings: &Settings) -> Result<Record, Halt> {
        // A head of other classes cannot be measured on these data.
        let of_images = settings.facts.texts().is_none();
        if of_images && settings.facts.classes != run.state.network.architecture().classes {
            return Ok(Record::unmeasured(run, what));
        }
        let before = measure::around_changes(run, settings)?;
        let network = Before::keep(run, settings)?;
        Ok(Record { before, network, ..Record::unmeasured(run, what) })
    }

    fn unmeasured(run: &Run, what: &'static str) -> Record {
        Record { what, ordinal: run.state.journal.changes + 1, before: Vec::new(), network: None }
    }

    fn close(
        mut self,
        run: &mut Run,
        settings: &Settings,
        arguments: serde_json::Value,
        tensors: Vec<ChangedTensor>,
        stream: Option<String>,
    ) -> Result<(), Halt> {
        run.state.journal.changes = self.ordinal;
        if matches!(self.what, "forget" | "zap") {
            recovery::forgotten(run, &self.before);
        }
        let after = if self.before.is_empty() { Vec::new() } else { measure::around_changes(run, settings)? };
        let both = self.before.iter().zip(&after);
        let measured = both.map(|(before, after)| (before.full_name(), before.value, after.value)).collect();
        let compared = match self.network.take() {
            Some(before) => before.compare(run, settings)?,
            None => Vec::new(),
        };
        let kept = self.before.iter().zip(&after).find(|(before, after)| {
            let robust = before.split == Split::Train && before.spec.member == &robust::MEMBER;
            // Nothing is forgotten of the memory.
            robust && !of_memory(&before.spec) && after.value >= before.value
        });
        let what = self.what;
        let warning = kept.filter(|_| matches!(what, "forget" | "zap") && run.state.journal.clock > 0).map(|(a, b)| {
            let (name, before, after) = (a.full_name(), a.value * 100.0, b.value * 100.0);
            format!(
                "{name} did not fall, {before:.1}% before and {after:.1}% after, so this {what} made it forget nothing"
            )
        });
        self.tell(run, arguments, tensors, stream, (measured, compared))?;
        Ok(warning.map_or(Ok(()), |message| run.emit(Kind::Warning { message }))?)
    }

    fn tell(
        self,
        run: &mut Run,
        arguments: serde_json::Value,
        tensors: Vec<ChangedTensor>,
        stream: Option<String>,
        (measured, compared): (Vec<(String, f64, f64)>, Vec<Comparison>),
    ) -> Result<(), Halt> {
        run.state.journal.changes = self.ordinal;
        disk::point("change: weights are others, not told");
        let Record { what, ordinal, .. } = self;
        Ok(run.emit(Kind::Change(Change { what, ordinal, arguments, tensors, stream, measured, compared }))?)
    }
}

fn component(run: &mut Run, value: &Value, family: Family, settings: &Settings) -> Result<Spec, Halt> {
    match scope::value(run, value, settings)? {
        Value::Component(spec) if spec.member.family == family => Ok(spec),
        other => Err(Failure::new(format!("expected one {}, not {}", family.name(), other.kind())).into()),
    }
}

/// The selector as it reads now, and what it hits.
fn select(run: &mut Run, target: &Target, settings: &Settings) -> Result<(String, Vec<Selected>), Halt> {
    let selector = scope::selector(run, &target.selector, settings)?;
    let selection = match &target.selection {
        Some(known) => known.clone(),
        None => {
            let parts = run.state.network.architecture().parts();
            selectors::resolve(&selector, &parts).map_err(|error| Failure::new(error.to_string()))?.direct
        }
    };
    Ok((selector.to_string(), selection))
}

/// Gradients of all weights, summed over training batches; they move neither weights nor running statistics.
fn saliency(run: &mut Run, settings: &Settings, batches: usize) -> Result<Vec<Option<Tensor>>, Halt> {
    let objective = objective(settings)?;
    let data = run.dataset(&settings.data)?;
    let examples = some_examples(&data, Split::Train)?;
    let seed = run.program.seed;
    let mut order: Vec<usize> = (0..examples.len()).collect();
    Stream::new(seed, "saliency", &[run.state.journal.changes + 1]).shuffle(&mut order);
    let size = match settings.batch {
        Batch::Size(n) => n as usize,
        Batch::All => order.len(),
    };
    let draws = Draws { seed, clock: run.state.journal.clock };
    let mut sum: Vec<Option<Tensor>> = Vec::new();
    for chunk in order.chunks(size.max(1)).take(batches) {
        let batch = batch_of(examples, chunk, &run.world.device)?;
        let pass = objective.pass(&run.state.network, &batch, Trainable::All, &draws)?;
        run.state.journal.gradient_evaluations += pass.passes;
        sum = match sum.is_empty() {
            true => pass.gradients,
            false => sum.iter().zip(&pass.gradients).map(|(a, b)| plus(a, b)).collect::<Result<_, Halt>>()?,
        };
    }
    Ok(sum)
}

fn plus(a: &Option<Tensor>, b: &Option<Tensor>) -> Result<Option<Tensor>, Halt> {
    match (a, b) {
        (Some(a), Some(b)) => Ok(Some((a + b)?)),
        _ => Ok(None),
    }
}

fn clear_moments(run: &mut Run, forgotten: &[Forgotten]) -> Result<(), Halt> {
    for state in run.state.optimizers.values_mut() {
        for tensor in forgotten {
            state.clear(&tensor.name, &tensor.indices)?;
        }
    }
    Ok(())
}

/// Gives the classifier the rows that the data need, if it has others. What optimizers remember of it was of other
/// classes, so it starts at zero. All of the head counts as changed.
fn resize_head(run: &mut Run, classes: usize, ordinal: u64) -> Result<Vec<ChangedTensor>, Halt> {
    resize_memory(run, classes, ordinal)?;
    if run.state.network.architecture().classes == classes {
        return Ok(Vec::new());
    }
    let before = run.state.network.copy()?;
    run.state.network.resize_head(classes, &mut resize_stream(run.program.seed, ordinal))?;
    for parameter in run.state.network.parameters().iter().filter(|p| p.part.head) {
        let all: Vec<usize> = (0..parameter.part.count()).collect();
        for state in run.state.optimizers.values_mut() {
            state.resize_rows(&parameter.part.name, classes)?;
            state.clear(&parameter.part.name, &all)?;
        }
    }
    differences(&before, &run.state.network)
}

/// The same of the memory: the rows of classes that stay are its own, new ones are the trained network's.
fn resize_memory(run: &mut Run, classes: usize, ordinal: u64) -> Result<(), Halt> {
    let others = |memory: &&mut Memory| memory.network.architecture().classes != classes;
    if let Some(memory) = run.state.memory.as_mut().filter(others) {
        memory.network.resize_head(classes, &mut resize_stream(run.program.seed, ordinal))?;
        memory.revision += 1;
    }
    Ok(())
}

fn resize_stream(seed: u64, ordinal: u64) -> Stream {
    Stream::new(seed, "resize", &[ordinal])
}

fn changed(forgotten: &Forgotten) -> ChangedTensor {
    ChangedTensor {
        name: forgotten.name.clone(),
        shape: forgotten.shape.clone(),
        selected: forgotten.selected,
        changed: forgotten.count(),
        mask: forgotten.mask_hash(),
        norm_before: forgotten.norm_before,
        norm_after: forgotten.norm_after,
    }
}

/// The weights whose bits differ between two networks of the same layers; of tensors of another shape, all.
fn differences(before: &Network, after: &Network) -> Result<Vec<ChangedTensor>, Halt> {
    let mut tensors = Vec::new();
    for (old, new) in before.parameters().iter().zip(after.parameters()) {
        let (a, b) = (old.numbers()?, new.numbers()?);
        let same_shape = old.part.shape == new.part.shape;
        let indices: Vec<usize> = (0..b.len()).filter(|i| !same_shape || a[*i].to_bits() != b[*i].to_bits()).collect();
        if indices.is_empty() {
            continue;
        }
        let bytes: Vec<u8> = indices.iter().flat_map(|i| (*i as u64).to_le_bytes()).collect();
        tensors.push(ChangedTensor {
            name: new.part.name.clone(),
            shape: new.part.shape.clone(),
            selected: b.len(),
            changed: indices.len(),
            mask: disk::sha256(&bytes),
            norm_before: norm(&a),
            norm_after: norm(&b),
        });
    }
    Ok(tensors)
}

fn norm(numbers: &[f32]) -> f64 {
    numbers.iter().map(|x| f64::from(*x) * f64::from(*x)).sum::<f64>().sqrt()
}

//! Identity of a plan: SHA-256 over what the program does, in absolute steps.
//!
//! Two programs that do the same have one hash. Names of variables, comments, formatting, path ids, blocks and calls
//! of phases, the form of `repeat`, settings that no step uses, threads, the device, the budget of a session and `recompute` are not
//! in it. Of a model's files the architecture counts, not the weights.

use super::each_step;
use crate::components::{Duration, Expression, Metric, Spec, Split, Value};
use crate::disk::sha256;
use crate::language::chain::Chain;
use crate::language::program::{
    At, Batch, Due, Evaluate, Forget, Method, Op, Otherwise, Program, Rounding, Selected, Settings, Step, Target,
    TextSettings, Train, Trigger, When, Zap,
};
use serde_json::{Value as Json, json};
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// Raised whenever the same program would compute other numbers than before.
pub const NUMERICS_VERSION: u32 = 4;

/// SHA-256 of files by the text that names them in the program (a path, a name). A file that is listed counts by its
/// content, others by their name.
pub type Checksums = BTreeMap<String, String>;

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

/// Hash of the whole trial: seed, precision, model, and all steps.
pub fn trial(program: &Program, checksums: &Checksums) -> String {
    let model = &program.model;
    let context = Context::of(program, checksums);
    let mut canon = Canon::new(&context);
    let spec = canon.spec(&model.spec, None);
    let mut identity = json!({
        "numerics": NUMERICS_VERSION,
        "seed": program.seed,
        "precision": program.precision.name(),
        "model": spec,
        "input": model.architecture.input.picture(),
        "classes": model.architecture.classes,
        "steps": [],
    });
    if model.spec.maybe("path").is_some() {
        // What the files say of it, which the program does not.
        identity["architecture"] = json!(sha256(format!("{:?}", model.architecture.layers).as_bytes()));
    }
    if let Some(adapt) = &model.adapt {
        identity["adapt"] = canon.spec(adapt, None);
    }
    // The steps stand last, and there may be many of them: each is hashed as it is written.
    let mut hash = Sha256::new();
    hash.update(identity.to_string().trim_end_matches("]}"));
    let mut between = "";
    for step in &program.body {
        let mut written = Vec::new();
        canon.step(step, &mut written);
        for json in written {
            hash.update(between);
            hash.update(json.to_string());
            between = ",";
        }
    }
    hash.update("]}");
    hex(&hash.finalize())
}

/// What tells steps apart: the path id, and for a schedule, which has that of the step after it, its clock.
pub(super) fn key(step: &Step) -> String {
    match &step.op {
        Op::Schedule { clock, .. } => format!("{} lr {clock}", step.id),
        Op::FreshOptimizer { id } => format!("{} optimizer {id}", step.id),
        _ => step.id.clone(),
    }
}

/// Hashes of all steps by [`key`]: the first 16 hex characters each, loops with what is in them. Numbers of
/// optimizers, clocks and variables count from each step anew, so a step's hash doesn't depend on the steps before it.
pub fn steps(program: &Program, checksums: &Checksums) -> BTreeMap<String, String> {
    let context = Context::of(program, checksums);
    let mut hashes = BTreeMap::new();
    each_step(&program.body, &mut |step| {
        let content = Json::from(Canon::new(&context).body(std::slice::from_ref(step)));
        let short = |content: Json| sha256(content.to_string().as_bytes())[..16].to_string();
        hashes.insert(key(step), short(content));
        if let Op::Train(train) = &step.op {
            let epoch = train.settings.steps_per_epoch();
            hashes.extend(train.triggers.iter().map(|t| {
                let content = Canon::new(&context).trigger(t, epoch);
                (t.id.clone(), short(content))
            }));
        }
    });
    hashes
}

/// What a step's meaning needs of the rest of the program.
struct Context<'a> {
    checksums: &'a Checksums,
    /// clocks that scale a learning rate somewhere, with the steps of an epoch there
    clocks: BTreeMap<u32, u64>,
    /// optimizers that train somewhere
    optimizers: BTreeSet<u32>,
}

impl<'a> Context<'a> {
    fn of(program: &Program, checksums: &'a Checksums) -> Context<'a> {
        let mut context = Context { checksums, clocks: BTreeMap::new(), optimizers: BTreeSet::new() };
        each_step(&program.body, &mut |step| {
            if let Op::Train(train) = &step.op {
                let s = &*train.settings;
                context.optimizers.insert(s.optimizer.id);
                if let Some(clock) = s.clocks.last() {
                    context.clocks.entry(*clock).or_insert(s.steps_per_epoch());
                }
            }
        });
        context
    }
}

/// Writes steps in the one form of all that do the same. Numbers that only tell things apart are given out again, in
/// order of appearance.
struct Canon<'a> {
    context: &'a Context<'a>,
    variables: HashMap<u32, usize>,
    optimizers: HashMap<u32, usize>,
    clocks: HashMap<u32, usize>,
    memories: HashMap<u32, usize>,
}

impl<'a> Canon<'a> {
    fn new(context: &'a Context<'a>) -> Canon<'a> {
        Canon {
            context,
            variables: HashMap::new(),
            optimizers: HashMap::new(),
            clocks: HashMap::new(),
            memories: HashMap::new(),
        }
    }

    fn body(&mut self, steps: &[Step]) -> Vec<Json> {
        let mut out = Vec::new();
        steps.iter().for_each(|step| self.step(step, &mut out));
        out
    }

    fn step(&mut self, step: &Step, out: &mut Vec<Json>) {
        match &step.op {
            Op::Block { body, .. } | Op::Repeat { count: 1, until: None, body } => {
                body.iter().for_each(|s| self.step(s, out))
            }
            Op::Repeat { count, until: None, body } => self.repeat(*count, body, out),
            Op::Repeat { count, until: Some(until), body } => {
                let until = self.condition(&until.condition, &until.settings);
                out.push(json!({ "repeat": count, "until": until, "body": self.body(body) }));
            }
            Op::For { variable, values, body, .. } if !super::variables::body_uses(body, *variable) => {
                self.repeat(values.len() as u64, body, out);
            }
            Op::For { variable, values, body, .. } => {
                let values: Vec<Json> = values.iter().map(|v| self.value(v, None)).collect();
                let variable = number(&mut self.variables, *variable);
                let body = self.body(body);
                out.push(json!({ "for": variable, "values": values, "body": body }));
            }
            Op::If { condition, settings, then, otherwise } => {
                let condition = self.condition(condition, settings);
                let (then, otherwise) = (self.body(then), self.body(otherwise));
                out.push(json!({ "if": condition, "then": then, "else": otherwise }));
            }
            Op::Schedule { clock, schedule, total } => {
                if let Some(epoch) = self.context.clocks.get(clock).copied() {
                    let schedule = self.value(schedule, Some(epoch));
                    let clock = number(&mut self.clocks, *clock);
                    out.push(json!({ "lr": schedule, "clock": clock, "total": total }));
                }
            }
            Op::FreshOptimizer { id } => {
                if self.context.optimizers.contains(id) {
                    out.push(json!({ "fresh": number(&mut self.optimizers, *id) }));
                }
            }
            op => out.push(self.leaf(op)),
        }
    }

    fn repeat(&mut self, count: u64, body: &[Step], out: &mut Vec<Json>) {
        let body = self.body(body);
        if !body.is_empty() {
            out.push(json!({ "repeat": count, "body": body }));
        }
    }

    fn leaf(&mut self, op: &Op) -> Json {
        match op {
            Op::Train(train) => {
                let epoch = train.settings.steps_per_epoch();
                let duration = self.value(&train.duration, Some(epoch));
                let mut json = json!({ "train": duration, "epoch": epoch, "with": self.training(&train.settings) });
                // Words that come to the same are the same.
                if let Some(memory) = train.memory() {
                    let id = number(&mut self.memories, memory.id);
                    json["memory"] = json!([train.word, id, self.spec(&memory.spec, Some(epoch))]);
                }
                let recalled: Vec<Json> =
                    Train::recalled(train.word, &train.settings).map(|r| self.spec(r, None)).collect();
                if !recalled.is_empty() {
                    json["recall"] = recalled.into();
                }
                if !train.triggers.is_empty() {
                    json["triggers"] = train.triggers.iter().map(|t| self.trigger(t, epoch)).collect();
                }
                json
            }
            Op::Guard(guard) => {
                let otherwise = match &guard.otherwise {
                    Otherwise::Rollback(name) => json!({ "rollback": name }),
                    other => json!(other.word()),
                };
                json!({ "guard": self.condition(&guard.condition, &guard.settings), "else": otherwise })
            }
            Op::Stop => json!("stop"),
            Op::Export { what, only: None, name } => json!({ "export": [what.word(), name] }),
            Op::Export { what, only: Some(tensors), name } => json!({ "export": [what.word(), name, tensors.parts] }),
            Op::Protect(p) => match &p.by {
                Method::KeyElements { share, unique } => json!({ "protect": [share, p.weight, unique] }),
                Method::Orthogonal { size } => json!({ "protect": ["orthogonal", p.weight, size] }),
                Method::Fisher { examples, settings } => {
                    json!({ "protect": ["fisher", p.weight, examples, self.data(settings), self.texts(&settings.texts)] })
                }
            },
            Op::Merge { rounding: Rounding::Float32, settings } => json!({ "merge": self.at_forget(settings) }),
            Op::Merge { rounding, settings } => json!({ "merge": [rounding.name(), self.at_forget(settings)] }),
            Op::Forget(forget) => self.forget(forget),
            Op::Zap(zap) => self.zap(zap),
            Op::Evaluate(evaluate) => self.evaluate(evaluate),
            Op::Checkpoint { name } => json!({ "checkpoint": name }),
            Op::Rollback { name } => json!({ "rollback": name }),
            Op::Expect { condition, settings, .. } => json!({ "expect": self.condition(condition, settings) }),
            Op::Load { path, only: None, .. } => json!({ "load": self.file(path) }),
            Op::Load { path, only: Some(tensors), .. } => json!({ "load": [self.file(path), tensors.parts] }),
            _ => Json::Null,
        }
    }

    /// `epoch`: steps of its host's epoch.
    fn trigger(&mut self, trigger: &Trigger, epoch: u64) -> Json {
        match &trigger.due {
            Due::Every(every) => json!({ "every": duration(*every, Some(epoch)), "body": self.body(&trigger.body) }),
            Due::When { condition, settings } => {
                json!({ "when": self.condition(condition, settings), "body": self.body(&trigger.body) })
            }
        }
    }

    fn forget(&mut self, f: &Forget) -> Json {
        let by = self.value(&f.by, None);
        let asks_weights_alone = matches!(by["name"].as_str(), Some("random" | "kels" | "smallest" | "largest"));
        json!({
            "forget": self.target(&f.target),
            "share": self.value(&f.share, None),
            "overall": f.overall,
            "by": by,
            "to": self.value(&f.to, None),
            "unit": f.unit,
            "moments": f.moments,
            "reset_norms": f.reset_norms,
            "measure": self.at_forget(&f.settings),
            "with": if asks_weights_alone { Json::Null } else { self.training(&f.settings) },
        })
    }

    fn zap(&mut self, z: &Zap) -> Json {
        json!({
            "zap": self.target(&z.target),
            "reset_scale": z.reset_scale,
            "classes": z.classes,
            "measure": self.at_forget(&z.settings),
        })
    }

    fn evaluate(&mut self, e: &Evaluate) -> Json {
        let metrics = self.metrics(&e.metrics, &e.settings);
        let mut json = json!({ "evaluate": metrics, "per_example": e.per_example, "data": self.data(&e.settings) });
        if e.at != [At::Last] {
            let best = self.best(&e.settings);
            json["at"] = json!([e.at.iter().map(|at| at.word()).collect::<Vec<_>>(), best]);
        }
        json
    }

    /// What the best checkpoints are chosen by: nothing, one metric, or a list of several.
    fn best(&mut self, s: &Settings) -> Json {
        let mut best = self.metrics(&s.keep.best, s);
        if best.len() > 1 { Json::Array(best) } else { best.pop().unwrap_or(Json::Null) }
    }

    /// What the selector hit; the selector itself only where a loop's variable decides.
    fn target(&mut self, target: &Target) -> Json {
        match &target.selection {
            Some(selection) => selection.iter().map(|Selected { part, rows }| json!([part, rows])).collect(),
            None => self.selector(&target.selector),
        }
    }

    /// Metrics that are measured around a change, and on what.
    fn at_forget(&mut self, s: &Settings) -> Json {
        let metrics = super::variables::measured_at_forget(s);
        if metrics.is_empty() { Json::Null } else { json!([self.metrics(&metrics, s), self.data(s)]) }
    }

    fn condition(&mut self, condition: &Expression, s: &Settings) -> Json {
        let mut measures = false;
        condition.visit(&mut |e| measures |= e.is_of_the_run());
        let data = if measures { self.data(s) } else { Json::Null };
        json!([self.expression(condition, Some(s)), data])
    }

    /// All that changes what training does, or what it records.
    fn training(&mut self, s: &Settings) -> Json {
        let epoch = s.steps_per_epoch();
        let frozen: Vec<usize> = s.trainable.iter().enumerate().filter(|(_, t)| !**t).map(|(i, _)| i).collect();
        let clocks = self.used_clocks(&s.clocks);
        let held = self.used_clocks(&s.held_clocks);
        let augment: Vec<Json> = s.augment.iter().map(|a| self.spec(a, None)).collect();
        let mut measured = Vec::new();
        for m in s.measure.iter() {
            let When::Every(every) = m.when else { continue };
            let metrics = self.metrics(&m.metrics, s);
            measured.extend(metrics.into_iter().map(|metric| json!([metric, duration(every, Some(epoch))])));
        }
        let best = self.best(s);
        let mut json = json!({
            "data": self.data(s),
            "augment": augment,
            "batch": match s.batch { Batch::Size(n) => json!(n), Batch::All => json!("all") },
            "accumulate": s.accumulate,
            "optimizer": [number(&mut self.optimizers, s.optimizer.id), self.spec(&s.optimizer.spec, Some(epoch))],
            "clocks": clocks,
            "held": held,
            "objective": self.value(&s.objective, Some(epoch)),
            "frozen": frozen,
            "frozen_statistics": *s.frozen_statistics,
            "measure": measured,
            "keep": { "last": s.keep.last, "every": duration(s.keep.every, Some(epoch)), "best": best },
        });
        if !s.rates.is_empty() {
            json["rates"] = json!(*s.rates);
        }
        if s.texts != TextSettings::default() {
            json["texts"] = self.texts(&s.texts);
        }
        json
    }

    fn texts(&mut self, texts: &TextSettings) -> Json {
        let learned = texts.learned.as_ref().map(|learned| self.value(learned, None));
        let diversify = texts.diversify.as_ref().map(|d| {
            let over: Vec<&str> = d.over.iter().map(|style| style.word()).collect();
            json!([d.share, over])
        });
        let replay = texts.replay.as_ref().map(|replay| json!([replay.share, replay.keep]));
        json!({ "learned": learned, "max_length": texts.max_length, "diversify": diversify, "replay": replay })
    }

    /// Those that scale a learning rate somewhere; the others tick unheard.
    fn used_clocks(&mut self, clocks: &Chain<u32>) -> Vec<usize> {
        let used = clocks.iter().filter(|c| self.context.clocks.contains_key(c));
        used.map(|c| number(&mut self.clocks, *c)).collect()
    }

    fn data(&mut self, s: &Settings) -> Json {
        let counts: Vec<usize> = [Split::Train, Split::Validation, Split::Test].map(|x| s.facts.count(x)).to_vec();
        json!([self.spec(&s.data, None), s.facts.image(), s.facts.classes, counts])
    }

    fn metrics(&mut self, metrics: &[Metric], s: &Settings) -> Vec<Json> {
        metrics.iter().map(|m| self.metric(m, Some(s))).collect()
    }

    /// With the split and the attack that it is measured with.
    fn metric(&mut self, m: &Metric, s: Option<&Settings>) -> Json {
        let split = m.split.or(s.map(Settings::default_split)).map(Split::name);
        let attack = match s {
            Some(s) if m.spec.member.param("attack").is_some() && *m.spec.get("attack") == Value::None => {
                super::passes::attack_of(&s.objective).map(|a| self.spec(a, None))
            }
            _ => None,
        };
        let args: Vec<Json> = m
            .spec
            .args
            .iter()
            .map(|v| match v {
                Value::Metric(inner) => self.metric(inner, s),
                other => self.value(other, None),
            })
            .collect();
        json!([split, m.spec.name(), args, attack])
    }

    fn spec(&mut self, spec: &Spec, epoch: Option<u64>) -> Json {
        let named = spec.member.params.iter().zip(&spec.args);
        let mut map: serde_json::Map<String, Json> =
            named.map(|(p, v)| (p.name.to_string(), self.value(v, epoch))).collect();
        map.insert("name".into(), json!(spec.name()));
        map.into()
    }

    fn value(&mut self, value: &Value, epoch: Option<u64>) -> Json {
        match value {
            Value::Text(text) => self.file(text),
            Value::Duration(d) => duration(*d, epoch),
            Value::List(items) => items.iter().map(|v| self.value(v, epoch)).collect(),
            Value::Named(items) => items.iter().map(|(n, v)| json!([n, self.value(v, epoch)])).collect(),
            Value::Selector(s) => self.selector(s),
            Value::Metric(m) => self.metric(m, None),
            Value::Task(task) => {
                let mut json = json!({ "task": self.spec(&task.data, None), "classes": task.classes });
                if task.once_learned {
                    json["seen"] = json!(true);
                }
                json
            }
            Value::Component(spec) => self.spec(spec, epoch),
            Value::Later(e, ty) => {
                json!({ "later": self.expression(e, None), "type": format!("{ty:?}"), "epoch": epoch })
            }
            plain => plain.to_json(),
        }
    }

    fn file(&self, text: &str) -> Json {
        match self.context.checksums.get(text) {
            Some(sum) => json!({ "sha256": sum }),
            None => json!(text),
        }
    }

    fn expression(&mut self, e: &Expression, s: Option<&Settings>) -> Json {
        let mut all = |items: &[Expression]| items.iter().map(|e| self.expression(e, s)).collect::<Vec<_>>();
        match e {
            Expression::Constant(v) => self.value(v, None),
            Expression::Variable(id, _) => json!({ "variable": number(&mut self.variables, *id) }),
            Expression::Metric(m) => json!({ "metric": self.metric(m, s) }),
            Expression::Holds(spec) => {
                let epoch = s.map(Settings::steps_per_epoch);
                let args: Vec<Json> = spec
                    .args
                    .iter()
                    .map(|arg| match arg {
                        Value::Metric(m) => self.metric(m, s),
                        other => self.value(other, epoch),
                    })
                    .collect();
                json!({ "holds": spec.name(), "args": args })
            }
            Expression::Negate(e) => json!({ "-": self.expression(e, s) }),
            Expression::Not(e) => json!({ "not": self.expression(e, s) }),
            Expression::Binary(op, a, b) => json!({ op.symbol(): [self.expression(a, s), self.expression(b, s)] }),
            Expression::Item(list, i) => json!({ "item": [self.expression(list, s), self.expression(i, s)] }),
            Expression::List(items) => json!({ "list": all(items) }),
            Expression::Component(member, args) => json!({ "component": member.name, "args": all(args) }),
        }
    }

    /// A selector that waits for a variable.
    fn selector(&mut self, selector: &crate::components::Selector) -> Json {
        use crate::components::Selector::*;
        match selector {
            Layers(i) => json!({ "layers": self.index(i) }),
            Blocks(i) => json!({ "blocks": self.index(i) }),
            Head(i) => json!({ "head": self.index(i) }),
            Union(a, b) => json!({ "+": [self.selector(a), self.selector(b)] }),
            Difference(a, b) => json!({ "-": [self.selector(a), self.selector(b)] }),
            Intersection(a, b) => json!({ "&": [self.selector(a), self.selector(b)] }),
            All | Params(_) | Kind(_) => json!(selector.to_string()),
        }
    }

    fn index(&mut self, index: &crate::components::selector::Index) -> Json {
        use crate::components::selector::Index::*;
        match index {
            All => Json::Null,
            One(e) => self.expression(e, None),
            Slice { start, end, inclusive } => {
                let start = start.as_ref().map(|e| self.expression(e, None));
                let end = end.as_ref().map(|e| self.expression(e, None));
                json!([start, end, inclusive])
            }
        }
    }
}

/// The place of a number among those that were met so far.
fn number(met: &mut HashMap<u32, usize>, id: u32) -> usize {
    let next = met.len();
    *met.entry(id).or_insert(next)
}

/// In steps, where the steps of an epoch are known and no clock decides.
fn duration(d: Duration, epoch: Option<u64>) -> Json {
    match epoch.and_then(|epoch| d.steps(epoch)) {
        Some(steps) => json!({ "steps": steps }),
        None => d.to_json(),
    }
}

#[cfg(test)]
mod tests;

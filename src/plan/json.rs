//! The plan as JSON (`fsched plan --format json`, `plan.json` of a run folder). Keys are sorted, so equal plans have
//! equal bytes.

use super::lr::{self, Rated};
use super::targets::{self, Hits};
use super::totals::Counter;
use super::{Plan, Profile};
use crate::components::{Duration, Metric, Split, Value};
use crate::language::program::{
    Batch, Due, Evaluate, Forget, Guard, Keep, Measure, Memory, Method, Op, Otherwise, Program, Selected, Settings,
    Step, Target, Tensors, TextSettings, Train, Trigger, When, Zap,
};
use serde_json::{Map, Value as Json, json};

/// Raised when a field is renamed or removed.
pub const FORMAT: u32 = 1;

impl Plan {
    /// The plan with an estimate of seconds: null where no calibration is known.
    pub fn to_json(&self, profile: Option<&Profile>) -> Json {
        let seconds = profile.map_or(Json::Null, |p| self.totals.seconds(p).to_json());
        self.json(Some(seconds))
    }

    /// The plan for the run folder: a function of the program and its files alone.
    pub fn to_record(&self) -> Json {
        self.json(None)
    }

    fn json(&self, seconds: Option<Json>) -> Json {
        let program = &*self.program;
        let mut totals = self.totals.to_json();
        totals["checkpoint_bytes"] = json!(self.footprint.checkpoint_bytes);
        totals["peak_memory_bytes"] = json!(self.footprint.peak_memory_bytes);
        if let Some(seconds) = seconds {
            totals["seconds_estimate"] = seconds;
        }
        let bindings: Map<String, Json> = program.bindings.iter().map(|(n, v)| (n.clone(), v.to_json())).collect();
        let (counter, rated) = (Counter::new(program), lr::rated(program));
        let steps = Writer { plan: self, counter, rated }.body(&program.body);
        json!({
            "format": FORMAT,
            "program": self.program_hash,
            "plan": self.hash,
            "seed": program.seed,
            "precision": program.precision.name(),
            "recompute": program.recompute,
            "budget": program.budget,
            "model": model(program),
            "trials": [{ "id": self.trial, "bindings": bindings, "steps": steps, "totals": totals }],
        })
    }
}

fn model(program: &Program) -> Json {
    let model = &program.model;
    let mut json = model.spec.to_json();
    if let Some(adapt) = &model.adapt {
        json["adapt"] = adapt.to_json();
    }
    json["input"] = json!(model.architecture.input.picture());
    json["classes"] = json!(model.architecture.classes);
    json["weights"] = json!(model.parts.iter().map(|p| p.count() as u64).sum::<u64>());
    json["tensors"] = json!(model.parts.len());
    json
}

struct Writer<'a> {
    plan: &'a Plan,
    counter: Counter<'a>,
    rated: Rated<'a>,
}

impl Writer<'_> {
    fn body(&mut self, steps: &[Step]) -> Json {
        steps.iter().map(|step| self.step(step)).collect()
    }

    fn step(&mut self, step: &Step) -> Json {
        let place = self.plan.place(step.span);
        let mut json = match &step.op {
            Op::Repeat { count, until, body } => {
                let mut json = json!({ "kind": "repeat", "count": count, "body": self.body(body) });
                if let Some(until) = until {
                    json["until"] = json!(until.condition.to_string());
                }
                json
            }
            Op::Train(train) if !train.triggers.is_empty() => {
                let mut json = leaf(&self.plan.program, &step.op);
                json["triggers"] = train.triggers.iter().map(|t| self.trigger(t)).collect();
                json
            }
            Op::For { name, values, body, .. } => {
                let listed: Json = values.iter().map(Value::to_json).collect();
                json!({ "kind": "for", "variable": name, "count": values.len(), "values": listed, "body": self.body(body) })
            }
            Op::Block { label, body } => json!({ "kind": "block", "label": label, "body": self.body(body) }),
            Op::If { condition, then, otherwise, .. } => json!({
                "kind": "if", "condition": condition.to_string(),
                "body": self.body(then), "else": self.body(otherwise),
            }),
            Op::Schedule { clock, schedule, total } => {
                self::schedule(self.rated.get(clock).copied(), *clock, schedule, *total)
            }
            op => leaf(&self.plan.program, op),
        };
        json["id"] = json!(step.id);
        json["line"] = json!(place.line);
        json["text"] = json!(place.text);
        json["hash"] = json!(self.plan.step_hash(step));
        if !matches!(step.op, Op::Train(_)) && json.get("body").is_some() {
            let totals = self.counter.step(step);
            json["epochs"] = totals.epochs.to_json();
            json["train_steps"] = totals.train_steps.to_json();
        }
        if json["kind"] == "block" && json["label"].is_null() {
            json.as_object_mut().map(|map| map.remove("label"));
        }
        json
    }

    /// Like a step, so that it can be compared like one.
    fn trigger(&mut self, trigger: &Trigger) -> Json {
        let place = self.plan.place(trigger.span);
        let mut json = match &trigger.due {
            Due::Every(every) => json!({ "every": every.to_json() }),
            Due::When { condition, .. } => json!({ "condition": condition.to_string() }),
        };
        json["kind"] = json!(trigger.due.word());
        json["id"] = json!(trigger.id);
        json["line"] = json!(place.line);
        json["text"] = json!(place.text);
        json["hash"] = json!(self.plan.trigger_hash(trigger));
        json["body"] = self.body(&trigger.body);
        json
    }
}

fn guard(g: &Guard) -> Json {
    let mut json = json!({ "kind": "guard", "condition": g.condition.to_string(), "otherwise": g.otherwise.word() });
    if let Otherwise::Rollback(name) = &g.otherwise {
        json["name"] = json!(name);
    }
    json
}

fn leaf(program: &Program, op: &Op) -> Json {
    match op {
        Op::Train(train) => self::train(program, train),
        Op::Forget(forget) => self::forget(program, forget),
        Op::Zap(zap) => self::zap(program, zap),
        Op::Evaluate(evaluate) => self::evaluate(evaluate),
        Op::Checkpoint { name } => json!({ "kind": "checkpoint", "name": name }),
        Op::Rollback { name } => json!({ "kind": "rollback", "name": name }),
        Op::Expect { text, .. } => json!({ "kind": "expect", "condition": text }),
        Op::Guard(guard) => self::guard(guard),
        Op::Stop => json!({ "kind": "stop" }),
        Op::Export { what, only, name } => {
            on(json!({ "kind": "export", "what": what.word(), "name": name }), only.as_ref())
        }
        Op::Protect(p) => {
            let mut json = json!({ "kind": "protect", "by": p.by.word(), "weight": p.weight });
            match &p.by {
                Method::KeyElements { share, unique } => {
                    json["top"] = json!(share);
                    json["duplicates"] = json!(if *unique { "unique" } else { "keep" });
                }
                Method::Orthogonal { size } => json["size"] = json!(size),
                Method::Fisher { examples, .. } => json["examples"] = json!(examples),
            }
            json
        }
        Op::Merge { rounding, settings } => {
            let mut json = json!({ "kind": "merge", "measure": around(settings) });
            if rounding.is_narrow() {
                json["dtype"] = json!(rounding.name());
            }
            json
        }
        Op::Load { path, only, .. } => on(json!({ "kind": "weights", "path": path }), only.as_ref()),
        Op::FreshOptimizer { id } => json!({ "kind": "fresh_optimizer", "optimizer": id }),
        Op::Repeat { .. } | Op::For { .. } | Op::If { .. } | Op::Block { .. } | Op::Schedule { .. } => json!({}),
    }
}

/// A step of these tensors alone, where it is of some.
fn on(mut json: Json, only: Option<&Tensors>) -> Json {
    if let Some(tensors) = only {
        json["on"] = json!(tensors.selector.to_string());
    }
    json
}

fn train(program: &Program, train: &Train) -> Json {
    let s = &*train.settings;
    let mut json = settings(program, s);
    let (steps, epochs) = match &train.duration {
        Value::Duration(Duration::Epochs(n)) => (Duration::Epochs(*n).steps(s.steps_per_epoch()), Some(*n)),
        Value::Duration(d) => {
            let steps = d.steps(s.steps_per_epoch());
            (steps, steps.map(|n| n as f64 / s.steps_per_epoch() as f64))
        }
        _ => (None, None),
    };
    json["kind"] = json!("train");
    json["word"] = json!(train.word);
    json["duration"] = train.duration.to_json();
    json["steps"] = json!(steps);
    json["epochs"] = epochs.map_or(Json::Null, |n| super::range::Range::exactly(n).to_json());
    json
}

/// Everything that holds at a training step.
fn settings(program: &Program, s: &Settings) -> Json {
    let frozen: Vec<&str> = program
        .model
        .parts
        .iter()
        .zip(s.trainable.iter())
        .filter(|(_, t)| !**t)
        .map(|(p, _)| p.name.as_str())
        .collect();
    let layers = program.model.architecture.layers();
    let still: Vec<&String> = s.frozen_statistics.iter().filter_map(|l| layers.get(*l)).collect();
    let mut json = json!({
        "data": data(s),
        "augment": s.augment.iter().map(|a| a.to_json()).collect::<Vec<_>>(),
        "batch": match s.batch { Batch::Size(n) => json!(n), Batch::All => json!("all") },
        "accumulate": s.accumulate,
        "steps_per_epoch": s.steps_per_epoch(),
        "optimizer": optimizer(s),
        "schedule": s.clocks.last(),
        "objective": s.objective.to_json(),
        "memory": s.memory.as_ref().map(memory),
        "recall": s.recall.iter().map(|r| r.to_json()).collect::<Vec<_>>(),
        "frozen": frozen,
        "frozen_statistics": still,
        "measure": s.measure.iter().map(|m| measure(m, s)).collect::<Vec<_>>(),
        "keep": keep(&s.keep),
    });
    if !s.rates.is_empty() {
        let parts = program.model.parts.iter().zip(s.rates.iter());
        let own: Map<String, Json> = parts.filter_map(|(p, rate)| Some((p.name.clone(), json!((*rate)?)))).collect();
        json["rates"] = own.into();
    }
    if s.texts != TextSettings::default() {
        let TextSettings { learned, max_length, diversify, replay } = &s.texts;
        let diversify = diversify.as_ref().map(|d| {
            let over: Vec<&str> = d.over.iter().map(|style| style.word()).collect();
            json!({ "share": d.share, "over": over })
        });
        let learned = learned.as_ref().map(Value::to_json);
        let replay = replay.as_ref().map(|r| json!({ "share": r.share, "keep": r.keep }));
        json["texts"] =
            json!({ "learned": learned, "max_length": max_length, "diversify": diversify, "replay": replay });
    }
    json
}

fn data(s: &Settings) -> Json {
    let mut json = s.data.to_json();
    let examples = match s.facts.texts() {
        Some(_) => "conversations",
        None => {
            json["shape"] = json!(s.facts.image());
            "images"
        }
    };
    json[examples] = json!({
        "train": s.facts.count(Split::Train),
        "validation": s.facts.count(Split::Validation),
        "test": s.facts.count(Split::Test),
    });
    json["classes"] = json!(s.facts.classes);
    json
}

fn optimizer(s: &Settings) -> Json {
    let mut json = s.optimizer.spec.to_json();
    json["id"] = json!(s.optimizer.id);
    json
}

fn memory(memory: &Memory) -> Json {
    let mut json = memory.spec.to_json();
    json["id"] = json!(memory.id);
    json
}

fn measure(m: &Measure, s: &Settings) -> Json {
    let metrics: Vec<Json> = m.metrics.iter().map(|metric| measured(metric, s)).collect();
    match m.when {
        When::Every(duration) => {
            json!({ "metrics": metrics, "every": duration.to_json(), "every_steps": duration.steps(s.steps_per_epoch()) })
        }
        When::AtForget => json!({ "metrics": metrics, "at": "forget" }),
    }
}

/// A metric with the split that it is measured on.
fn measured(metric: &Metric, s: &Settings) -> Json {
    Metric { split: Some(metric.split.unwrap_or(s.default_split())), spec: metric.spec.clone() }.to_json()
}

/// Nothing, the one, or a list of several.
fn of_several(items: impl Iterator<Item = Json>) -> Json {
    let mut items: Vec<Json> = items.collect();
    if items.len() > 1 { Json::Array(items) } else { items.pop().unwrap_or(Json::Null) }
}

fn keep(keep: &Keep) -> Json {
    json!({ "last": keep.last, "every": keep.every.to_json(), "best": of_several(keep.best.iter().map(Metric::to_json)) })
}

fn forget(program: &Program, f: &Forget) -> Json {
    let mut json = target(&f.target);
    json["kind"] = json!("forget");
    json["share"] = f.share.to_json();
    json["overall"] = json!(f.overall);
    json["by"] = f.by.to_json();
    json["to"] = f.to.to_json();
    json["unit"] = json!(f.unit);
    json["moments"] = json!(f.moments);
    json["reset_norms"] = json!(f.reset_norms);
    json["measure"] = around(&f.settings);
    if let (Some(hits), Some(selection)) = (targets::forgotten(program, f), &f.target.selection) {
        hit(&mut json, program, &hits, selection);
    }
    json
}

fn zap(program: &Program, z: &Zap) -> Json {
    let mut json = target(&z.target);
    json["kind"] = json!("zap");
    json["reset_scale"] = json!(z.reset_scale);
    json["classes"] = json!(z.classes);
    json["measure"] = around(&z.settings);
    if let Some(selection) = &z.target.selection {
        hit(&mut json, program, &targets::zapped(program, selection), selection);
    }
    json
}

/// What is measured before and after a change.
fn around(s: &Settings) -> Json {
    super::variables::measured_at_forget(s).iter().map(|metric| measured(metric, s)).collect()
}

fn target(target: &Target) -> Json {
    json!({ "target": target.selector.to_string(), "tensors": Json::Null, "selected": Json::Null, "forgotten": Json::Null })
}

fn hit(json: &mut Json, program: &Program, hits: &Hits, selection: &[Selected]) {
    let tensor = |(t, s): (&targets::Hit, &Selected)| {
        let part = &program.model.parts[t.part];
        let mut json =
            json!({ "name": part.name, "shape": part.shape, "selected": t.selected, "forgotten": t.forgotten });
        if let Some(rows) = &s.rows {
            json["rows"] = json!(rows);
        }
        json
    };
    json["tensors"] = hits.tensors.iter().zip(selection).map(tensor).collect();
    json["selected"] = json!(hits.selected());
    json["forgotten"] = json!(hits.forgotten);
}

fn evaluate(e: &Evaluate) -> Json {
    let metrics: Vec<Json> = e.metrics.iter().map(|m| measured(m, &e.settings)).collect();
    let at: Vec<&str> = e.at.iter().map(|at| at.word()).collect();
    json!({ "kind": "evaluate", "metrics": metrics, "per_example": e.per_example, "at": at, "data": data(&e.settings) })
}

fn schedule(first: Option<&Settings>, clock: u32, schedule: &Value, total: u64) -> Json {
    let course = lr::course(first, schedule, total);
    let turns = course.map(|course| -> Json {
        course.turns.iter().map(|t| json!({ "step": t.step, "what": t.what, "factor": t.factor })).collect()
    });
    json!({ "kind": "lr", "clock": clock, "schedule": schedule.to_json(), "total_steps": total, "turns": turns })
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{self, cycles, plan, step};
    use super::*;
    use crate::components::{Expression, Type};

    fn keys(json: &Json) -> Vec<&str> {
        json.as_object().expect("an object").keys().map(String::as_str).collect()
    }

    #[test]
    fn the_one_line_program_field_by_field() {
        let json = plan(cycles()).to_json(None);
        assert_eq!(
            keys(&json),
            ["budget", "format", "model", "plan", "precision", "program", "recompute", "seed", "trials"]
        );
        assert_eq!(json["format"], 1);
        assert_eq!(json["seed"], 0);
        assert_eq!(json["precision"], "fast");
        assert_eq!(json["plan"].as_str().map(str::len), Some(64));
        assert_eq!(json["program"].as_str().map(str::len), Some(64));
        let trial = &json["trials"][0];
        assert_eq!(keys(trial), ["bindings", "id", "steps", "totals"]);
        let totals = &trial["totals"];
        assert_eq!(totals["epochs"], 250);
        assert_eq!(totals["train_steps"], 2500);
        assert_eq!(totals["gradient_evaluations"], 2500);
        assert_eq!(totals["forget_events"], 5);
        assert_eq!(totals["evaluation_passes"], 0);
        assert!(
            totals["flops"].is_u64() && totals["checkpoint_bytes"].is_u64() && totals["peak_memory_bytes"].is_u64()
        );
        assert_eq!(totals["seconds_estimate"], Json::Null);
        let cycle = &trial["steps"][0];
        assert_eq!(keys(cycle), ["body", "count", "epochs", "hash", "id", "kind", "line", "text", "train_steps"]);
        assert_eq!((&cycle["id"], &cycle["kind"], &cycle["count"]), (&json!("1"), &json!("repeat"), &json!(5)));
        assert_eq!((&cycle["epochs"], &cycle["train_steps"]), (&json!(250), &json!(2500)));
        let consolidate = &cycle["body"][0];
        assert_eq!((&consolidate["steps"], &consolidate["epochs"]), (&json!(400), &json!(40)));
        assert_eq!(consolidate["duration"], json!({ "epochs": 40.0 }));
        assert_eq!(consolidate["optimizer"], json!({ "id": 0, "name": "sgd", "lr": 0.1, "momentum": 0.9 }));
        assert_eq!(consolidate["data"]["images"], json!({ "train": 1000, "validation": 200, "test": 500 }));
        assert_eq!(consolidate["frozen"], json!([]));
    }

    #[test]
    fn selectors_show_what_they_hit() {
        let json = plan(cycles()).to_record();
        let forget = &json["trials"][0]["steps"][0]["body"][1];
        assert_eq!((&forget["kind"], &forget["target"]), (&json!("forget"), &json!("layers[-2..]")));
        let tensors = json!([
            { "name": "encoder.block3.conv.weight", "shape": [8, 8, 3, 3], "selected": 576, "forgotten": 172 },
            { "name": "classifier.weight", "shape": [10, 72], "selected": 720, "forgotten": 216 },
        ]);
        assert_eq!(forget["tensors"], tensors);
        assert_eq!((&forget["selected"], &forget["forgotten"]), (&json!(1296), &json!(388)));
    }

    #[test]
    fn the_record_has_no_seconds_and_an_estimate_needs_a_profile() {
        let plan = plan(cycles());
        assert!(plan.to_record()["trials"][0]["totals"].get("seconds_estimate").is_none());
        let profile = Profile { training: plan.totals.training_flops.min / 50.0, attacks: 1.0, evaluation: 1.0 };
        assert_eq!(plan.to_json(Some(&profile))["trials"][0]["totals"]["seconds_estimate"], 50);
        assert_eq!(plan.to_record().to_string(), super::super::fixture::plan(cycles()).to_record().to_string());
    }

    #[test]
    fn what_a_loop_decides_stays_symbolic() {
        let mut f = fixture::forget(
            Value::Later(Box::new(Expression::Variable(1, "s".into())), Type::Share),
            fixture::settings(),
        );
        f.target.selection = None;
        f.target.selector = crate::components::Selector::Head(crate::components::selector::Index::One(Box::new(
            Expression::Variable(2, "c".into()),
        )));
        let json = plan(vec![step("1", Op::Forget(f.into()))]).to_record();
        let forget = &json["trials"][0]["steps"][0];
        assert_eq!(forget["target"], "head[c]");
        assert_eq!(forget["share"], json!({ "later": "s" }));
        assert_eq!((&forget["tensors"], &forget["forgotten"]), (&Json::Null, &Json::Null));
    }

    #[test]
    fn units_and_overall_count_exactly_or_say_that_the_run_decides() {
        let forgotten = |unit: &str, overall, share| {
            let mut f = fixture::forget(Value::Real(share), fixture::settings());
            (f.unit, f.overall) = (unit.into(), overall);
            let json = plan(vec![step("1", Op::Forget(f.into()))]).to_record();
            let step = json["trials"][0]["steps"][0].clone();
            (
                step["tensors"][0]["forgotten"].clone(),
                step["tensors"][1]["forgotten"].clone(),
                step["forgotten"].clone(),
            )
        };
        // 8 channels of 72 weights, 10 rows of 72.
        assert_eq!(forgotten("channel", false, 0.3), (json!(144), json!(216), json!(360)));
        assert_eq!(forgotten("weight", true, 0.3), (Json::Null, Json::Null, json!(388)));
        assert_eq!(forgotten("channel", true, 0.5), (Json::Null, Json::Null, Json::Null));
        assert_eq!(forgotten("layer", false, 0.5), (Json::Null, Json::Null, Json::Null));
        assert_eq!(forgotten("layer", false, 1.0), (json!(576), json!(720), json!(1296)));
        assert_eq!(forgotten("weight", true, 0.0), (json!(0), json!(0), json!(0)));
    }
}

//! The plan as text for people (`fsched plan`).

use super::lr::{self, Rated};
use super::settings_text::{self, differences};
use super::table::{Column, Table, WIDTH};
use super::targets::{self, Hits};
use super::totals::{Counter, Totals};
use super::variables::measured_at_forget;
use super::words;
use super::{Plan, Profile, each_step};
use crate::components::{Duration, Type, Value};
use crate::language::program::{
    At, Due, Evaluate, Forget, Op, Otherwise, Precision, Rounding, Settings, Step, Train, Zap,
};
use std::collections::BTreeSet;

impl Plan {
    /// The plan as text, at most 100 columns wide: what holds, every step with what it hits, and what all of it
    /// takes. Without a profile there is no estimate of time.
    pub fn listing(&self, profile: Option<&Profile>) -> String {
        let exact = match self.program.precision {
            Precision::Fast => "",
            Precision::Exact => ", precision exact",
        };
        let recompute = if self.program.recompute { ", recompute blocks" } else { "" };
        let budget = self
            .program
            .budget
            .map_or(String::new(), |s| format!(", budget {}", words::duration(Duration::Seconds(s))));
        let mut out = format!("Plan {}, seed {}{exact}{recompute}{budget}\n\n", &self.hash[..16], self.program.seed);
        let first = self.first_settings();
        settings_text::header(&mut out, &self.program, first);
        let program = &*self.program;
        let counter = Counter::new(program);
        let (rated, table) = (lr::rated(program), Table::default());
        let mut listing = Listing { plan: self, counter, first, differing: None, rated, table };
        listing.body(&self.program.body, "");
        out.push('\n');
        listing.table.print(&mut out);
        out.push('\n');
        self.totals_text(&mut out, profile);
        self.notes(&mut out);
        out
    }

    /// What holds at the first step that trains or, where nothing trains, evaluates.
    fn first_settings(&self) -> Option<&Settings> {
        let (mut trains, mut evaluates) = (None, None);
        each_step(&self.program.body, &mut |step| match &step.op {
            Op::Train(train) => drop(trains.get_or_insert(&*train.settings)),
            Op::Evaluate(evaluate) => drop(evaluates.get_or_insert(&*evaluate.settings)),
            _ => {}
        });
        trains.or(evaluates)
    }

    fn totals_text(&self, out: &mut String, profile: Option<&Profile>) {
        let t = &self.totals;
        let time = match profile {
            Some(p) => format!("about {}", words::range(&t.seconds(p), words::time)),
            None => "not known before the first run on this machine".into(),
        };
        let bytes = |n: u64| format!("at most {}", words::scaled(n as f64, "B"));
        let rows = [
            ("epochs", words::range(&t.epochs, words::real)),
            ("training steps", words::range(&t.train_steps, words::count)),
            ("gradient evaluations", words::range(&t.gradient_evaluations, words::count)),
            ("forward passes", words::range(&t.forward_passes.rounded(), words::count)),
            ("evaluation passes", words::range(&t.evaluation_passes.rounded(), words::count)),
            ("forget events", words::range(&t.forget_events, words::count)),
            ("operations", words::range(&t.flops(), |n| words::scaled(n, "FLOP"))),
            ("time", time),
            ("memory", bytes(self.footprint.peak_memory_bytes)),
            ("checkpoints", bytes(self.footprint.checkpoint_bytes)),
        ];
        out.push_str("Totals\n");
        for (name, text) in rows {
            out.push_str(&format!("  {name:<22}{text}\n"));
        }
    }

    fn notes(&self, out: &mut String) {
        let notes = [self.same_words(), self.measured_choice(), self.clock()];
        for (i, note) in notes.into_iter().flatten().enumerate() {
            out.push_str(if i == 0 { "\nNotes\n" } else { "" });
            out.push_str(&super::table::wrap(&note, "  - ", "    ", WIDTH));
        }
    }

    /// `consolidate` and `relearn` train like `train` where no second model stands beside the first.
    fn same_words(&self) -> Option<String> {
        let (mut words, mut differ) = (BTreeSet::new(), false);
        each_step(&self.program.body, &mut |step| {
            if let Op::Train(train) = &step.op {
                words.insert(train.word);
                differ |= train.memory().is_some() || Train::recalled(train.word, &train.settings).next().is_some();
            }
        });
        let named: Vec<&str> = words.into_iter().collect();
        let (last, others) = named.split_last()?;
        (!others.is_empty() && !differ).then(|| {
            format!("{} and {last} come to the same here: there is no memory and no recall", others.join(", "))
        })
    }

    fn measured_choice(&self) -> Option<String> {
        let mut ids = Vec::new();
        each_step(&self.program.body, &mut |step| match &step.op {
            Op::If { .. } | Op::Repeat { until: Some(_), .. } => ids.push(step.id.clone()),
            Op::Guard(guard) if guard.otherwise == Otherwise::Stop => ids.push(step.id.clone()),
            Op::Train(train) => {
                let asked = train.triggers.iter().filter(|t| matches!(t.due, Due::When { .. }));
                ids.extend(asked.map(|t| t.id.clone()));
            }
            _ => {}
        });
        let ranges = self.totals.train_steps.exact().is_none() || self.totals.forget_events.exact().is_none();
        (ranges && !ids.is_empty())
            .then(|| format!("what is measured decides at {}, so totals go from the least to the most", ids.join(", ")))
    }

    fn clock(&self) -> Option<String> {
        let clocked = self.totals.clocked_seconds.exact() != Some(0.0);
        clocked.then(|| "a clock ends some training: the steps it comes to are recorded, for a replay".into())
    }
}

struct Listing<'a> {
    plan: &'a Plan,
    counter: Counter<'a>,
    first: Option<&'a Settings>,
    /// the settings of the last training step, and how they differ from the first ones
    differing: Option<(&'a Settings, Vec<String>)>,
    rated: Rated<'a>,
    table: Table,
}

impl<'a> Listing<'a> {
    /// Steps below one another; `trunk` is what stands before the branches of this level.
    fn body(&mut self, steps: &'a [Step], trunk: &str) {
        let steps = shown(steps);
        for (i, step) in steps.iter().copied().enumerate() {
            let (branch, below) = branch(trunk, i + 1 == steps.len());
            self.step(step, branch, &below);
        }
    }

    fn step(&mut self, step: &'a Step, branch: String, below: &str) {
        let totals = self.counter.step(step);
        let line = self.plan.place(step.span).line;
        let is_setting = matches!(step.op, Op::Schedule { .. } | Op::FreshOptimizer { .. });
        let id = if is_setting { String::new() } else { step.id.clone() };
        let column = Column { id, line, branch, below: below.into() };
        self.table.step(column, self.text(step), epochs(step, &totals), steps(step, &totals));
        for detail in self.details(step) {
            self.table.detail(below, detail);
        }
        match &step.op {
            Op::Repeat { body, .. } | Op::For { body, .. } | Op::Block { body, .. } => self.body(body, below),
            Op::If { then, otherwise, .. } => {
                self.body(then, below);
                if !otherwise.is_empty() {
                    self.table.detail(below.trim_end(), "else".into());
                    self.body(otherwise, below);
                }
            }
            Op::Train(train) => self.triggers(train, below),
            _ => {}
        }
    }

    fn triggers(&mut self, train: &'a Train, trunk: &str) {
        for (i, trigger) in train.triggers.iter().enumerate() {
            let (branch, below) = branch(trunk, i + 1 == train.triggers.len());
            let line = self.plan.place(trigger.span).line;
            let column = Column { id: trigger.id.clone(), line, branch, below: below.clone() };
            let text = match &trigger.due {
                Due::Every(time) => format!("every {}", words::duration(*time)),
                Due::When { .. } => trigger.text.clone(),
            };
            self.table.step(column, text, String::new(), String::new());
            self.body(&trigger.body, &below);
        }
    }

    /// The step with its arguments as they were resolved.
    fn text(&self, step: &Step) -> String {
        match &step.op {
            Op::Train(train) => {
                let learned = train.settings.texts.learned.as_ref();
                let learned =
                    learned.map_or(String::new(), |tasks| format!("{} ", words::value(tasks, Some(&Type::Tasks))));
                format!("{} {learned}{}", train.word, words::value(&train.duration, None))
            }
            Op::Forget(f) => forget(f),
            Op::Zap(z) => zap(z),
            Op::Evaluate(e) => evaluate(e),
            Op::Checkpoint { name } => format!("checkpoint {name:?}"),
            Op::Rollback { name } => format!("rollback {name:?}"),
            Op::Expect { text, .. } => format!("expect {}", text.trim_start_matches("expect ")),
            Op::Load { path, only: None, .. } => format!("weights {path:?}"),
            Op::Load { path, only: Some(only), .. } => format!("weights {path:?} on: {}", only.selector),
            Op::Guard(guard) => format!("guard {} else {}", guard.text, guard.otherwise),
            Op::Stop => "stop".into(),
            Op::Export { what, only: None, name } => format!("export {} to {name:?}", what.word()),
            Op::Export { what, only: Some(only), name } => {
                format!("export {} to {name:?} on: {}", what.word(), only.selector)
            }
            Op::Protect(p) => words::protect(p),
            Op::Merge { rounding: Rounding::Float32, .. } => "merge adapters".into(),
            Op::Merge { rounding, .. } => format!("merge adapters dtype: {}", rounding.name()),
            Op::Repeat { count, until: Some(until), .. } => {
                format!("repeat until {}: at most {}", until.text, words::plural(*count, "time"))
            }
            Op::Repeat { count, .. } => format!("repeat {}", words::plural(*count, "time")),
            Op::For { values, .. } => format!("{}: {}", self.header(step), words::plural(values.len() as u64, "time")),
            Op::If { .. } | Op::Block { .. } => self.header(step),
            Op::Schedule { schedule, total, .. } => {
                format!("lr {} over {}", words::value(schedule, None), words::plural(*total, "step"))
            }
            Op::FreshOptimizer { .. } => "optimizer starts fresh".into(),
        }
    }

    /// A statement as it was written, up to its block.
    fn header(&self, step: &Step) -> String {
        let text = self.plan.place(step.span).text;
        text.split('{').next().unwrap_or_default().trim_end().to_string()
    }

    fn details(&mut self, step: &'a Step) -> Vec<String> {
        let program = &*self.plan.program;
        match &step.op {
            Op::Train(train) => self.differing(&train.settings),
            Op::Forget(f) => {
                let hits = match targets::forgotten(program, f) {
                    None => vec!["the loop decides which tensors".into()],
                    Some(hits) => self.hits(&hits),
                };
                hits.into_iter().chain(around(&f.settings)).collect()
            }
            Op::Zap(z) => {
                let hits = match &z.target.selection {
                    None => vec!["the loop decides which rows".into()],
                    Some(selection) => self.hits(&targets::zapped(program, selection)),
                };
                hits.into_iter().chain(around(&z.settings)).collect()
            }
            Op::Merge { settings, .. } => around(settings).into_iter().collect(),
            Op::Schedule { clock, schedule, total } => self.rates(*clock, schedule, *total),
            _ => Vec::new(),
        }
    }

    /// How settings differ from the first ones; most steps have those of the step before.
    fn differing(&mut self, here: &'a Settings) -> Vec<String> {
        let Some(first) = self.first else { return Vec::new() };
        match &self.differing {
            Some((last, differences)) if std::ptr::eq(*last, here) => differences.clone(),
            _ => {
                let differences = differences(&self.plan.program, first, here);
                self.differing.insert((here, differences)).1.clone()
            }
        }
    }

    /// The tensors that a selector hit, one a line, and their sum.
    fn hits(&self, hits: &Hits) -> Vec<String> {
        let parts = &self.plan.program.model.parts;
        let rows: Vec<[String; 4]> = hits
            .tensors
            .iter()
            .map(|t| {
                let part = &parts[t.part];
                let shape = part.shape.iter().map(usize::to_string).collect::<Vec<_>>().join("x");
                let forgotten = t.forgotten.map_or("some".to_string(), words::count);
                [part.name.clone(), shape, forgotten, words::count(t.selected)]
            })
            .collect();
        let width = |column: usize| rows.iter().map(|r| r[column].chars().count()).max().unwrap_or(0);
        let (a, b, c, d) = (width(0), width(1), width(2), width(3));
        let line = |[name, shape, some, all]: &[String; 4]| format!("{name:<a$}  {shape:<b$}  {some:>c$} of {all:>d$}");
        let mut lines: Vec<String> = rows.iter().map(line).collect();
        const MOST: usize = 12;
        if lines.len() > MOST {
            let more = lines.split_off(MOST - 1).len() as u64;
            lines.push(format!("and {}", words::plural(more, "more tensor")));
        }
        let sum = [
            words::plural(hits.tensors.len() as u64, "tensor"),
            words::plural(hits.selected(), "weight"),
            hits.forgotten
                .map_or("the run decides how many are forgotten".into(), |n| format!("{} forgotten", words::count(n))),
        ];
        lines.push(sum.join(", "));
        lines
    }

    /// Where the rate falls, in steps since the `lr` statement.
    fn rates(&self, clock: u32, schedule: &Value, total: u64) -> Vec<String> {
        let first = self.rated.get(&clock).copied();
        let Some(course) = lr::course(first, schedule, total) else { return Vec::new() };
        let base = first.map_or(1.0, |s| match s.optimizer.spec.member.param("lr") {
            Some((i, _)) => match s.optimizer.spec.args[i] {
                Value::Real(lr) => lr,
                _ => 1.0,
            },
            None => 1.0,
        });
        let rate = |factor: f64| words::real(factor * base);
        let mut at = vec![format!("{} at first", rate(course.start))];
        at.extend(
            course.turns.iter().map(|t| format!("{} from step {} ({})", rate(t.factor), words::count(t.step), t.what)),
        );
        if course.end != course.turns.last().map_or(course.start, |t| t.factor) {
            at.push(format!("{} at the end", rate(course.end)));
        }
        vec![at.join(", ")]
    }
}

fn epochs(step: &Step, totals: &Totals) -> String {
    if trains(step) { words::range(&totals.epochs, words::real).replace("at least ", "≥ ") } else { String::new() }
}

fn steps(step: &Step, totals: &Totals) -> String {
    if trains(step) {
        words::range(&totals.train_steps, words::count).replace("at least ", "≥ ")
    } else {
        String::new()
    }
}

/// What stands before a step and before what is below it, where `trunk` stands before the branches of its level.
fn branch(trunk: &str, last: bool) -> (String, String) {
    match (trunk.is_empty(), last) {
        (true, _) => (String::new(), " ".to_string()),
        (false, false) => (format!("{trunk}├─ "), format!("{trunk}│  ")),
        (false, true) => (format!("{trunk}└─ "), format!("{trunk}   ")),
    }
}

/// Steps as they are listed: blocks that only bound settings are left out, what is in them isn't.
fn shown(steps: &[Step]) -> Vec<&Step> {
    let mut out = Vec::new();
    for step in steps {
        match &step.op {
            Op::Block { label: None, body } => out.extend(shown(body)),
            _ => out.push(step),
        }
    }
    out
}

/// Whether there is training in it.
fn trains(step: &Step) -> bool {
    let mut found = false;
    each_step(std::slice::from_ref(step), &mut |step| found |= matches!(step.op, Op::Train(_)));
    found
}

fn forget(f: &Forget) -> String {
    let mut text =
        format!("forget {} {}", f.target.selector, words::value(&f.share, Some(&crate::components::Type::Share)));
    for (name, value, usual) in [
        ("by", words::value(&f.by, None), "random"),
        ("to", words::value(&f.to, None), "init"),
        ("unit", f.unit.clone(), "weight"),
        ("moments", f.moments.clone(), "keep"),
        ("reset_norms", f.reset_norms.clone(), "none"),
    ] {
        if value != usual {
            text.push_str(&format!(", {name}: {value}"));
        }
    }
    if f.overall { text + ", overall: true" } else { text }
}

/// What is measured around a change.
fn around(s: &Settings) -> Option<String> {
    let attack = super::passes::attack_of(&s.objective);
    let metrics: Vec<String> = measured_at_forget(s).iter().map(|metric| words::metric_under(metric, attack)).collect();
    (!metrics.is_empty()).then(|| format!("measured before and after: {}", words::list(metrics)))
}

fn zap(z: &Zap) -> String {
    let mut text = format!("zap {}", z.target.selector);
    if let Some(classes) = z.classes {
        text.push_str(&format!(" for {}", words::plural(classes as u64, "class")));
    }
    if z.reset_scale != "per_row" {
        text.push_str(&format!(", reset_scale: {}", z.reset_scale));
    }
    text
}

fn evaluate(e: &Evaluate) -> String {
    let splits: BTreeSet<_> = e.metrics.iter().map(|m| m.split.unwrap_or(e.settings.default_split())).collect();
    let mut text = match splits.into_iter().collect::<Vec<_>>().as_slice() {
        [split] => {
            let bare = e.metrics.iter().map(|m| words::spec(&m.spec));
            format!("evaluate {} on {}", words::list(bare), split.name())
        }
        _ => format!("evaluate {}", words::list(e.metrics.iter().map(words::metric))),
    };
    if e.at.contains(&At::Best) {
        text += &format!(", of the best by {}", words::list(e.settings.keep.best.iter().map(words::metric)));
        text += if e.at.contains(&At::Last) { " and of the present weights" } else { "" };
    }
    text
}

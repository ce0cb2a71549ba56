//! The state of a check: what is known at the place that is being read.

use super::assignment;
use super::calls::Call;
use super::costs::Matrices;
use super::followed::Filled;
use super::index::Recorder;
use super::lints::Notes;
use super::load::{Imported, Inputs};
use super::near::Near;
use super::program::{Model, Op, Settings, Step};
use super::remembered::Begun;
use super::scope::Scopes;
use super::settings::Current;
use super::shared::Shared;
use super::time;
use crate::components::data::DataFacts;
use crate::components::{Environment, Metric, Spec, Type, Value};
use crate::diagnostic::{Code, Diagnostic, Severity};
use crate::nn::architecture::Part;
use crate::source::{Sources, Span};
use crate::syntax::tree::Argument;
use std::cell::Cell;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// How many statements calls of phases may come to. Phases that call others twice or more double with each of them.
const MOST_WRITTEN_OUT: usize = 250_000;

/// How many errors of meaning are told. Each may be compared with all names that there are.
pub(super) const MOST_ERRORS: usize = 500;

pub(super) struct Context<'a> {
    pub sources: &'a Sources,
    pub options: &'a Inputs,
    /// imported files by the span of the `use` statement that names them
    pub imports: &'a HashMap<Span, Imported>,
    pub diagnostics: Vec<Diagnostic>,
    /// those of the syntax that tell an assignment, by the place of the `=`
    pub assignments: HashMap<Span, usize>,
    /// those of them that are told better further down
    pub superseded: Vec<usize>,
    /// codes and places of all that was said
    said: HashSet<(Code, Span)>,
    /// errors among them
    errors: usize,
    pub scopes: Scopes<'a>,
    pub current: Shared<Current>,
    /// blocks that are being lowered, innermost last
    pub frames: Vec<Frame>,
    /// loops around this place
    pub loops: Vec<LoopVariable>,
    pub model: Option<Arc<Model>>,
    /// the data of the first tasks that are learned or measured: what a program has that names none
    pub first_tasks: Option<Spec>,
    /// the model's tensors with another number of rows in its head, as `zap head` gave it last
    pub zapped: Option<(usize, Arc<[Part]>)>,
    /// rows of the head at this point of the program
    pub head_classes: usize,
    /// names made so far, and whether on every path
    pub checkpoints: Shared<HashMap<String, MadeCheckpoint>>,
    /// where the memory began, if it has
    pub begun: Option<Begun>,
    /// names of checkpoints in small letters, with the first that was written so and its place
    pub checkpoint_folders: HashMap<String, (String, Span)>,
    /// the names of these, and of some that were only tried
    pub checkpoint_names: Near,
    /// phases whose bodies are being lowered, innermost last
    pub phases: Vec<Call<'a>>,
    /// inside an arm of an `if` that a measurement decides
    pub conditional: usize,
    /// training steps around this place whose `every` or `when` it stands in
    pub hosts: usize,
    /// results are thrown away: a body is only checked
    pub scratch: bool,
    pub program: Header,
    /// what lints remember of what was read
    pub notes: Notes,
    /// names that were bound and never used
    pub unused: Vec<(String, Span)>,
    /// what editors want to know of each place
    pub index: Recorder,
    /// values of loop variables that have been tried
    pub tried: Cell<usize>,
    /// statements that were lowered in the bodies of phases
    written_out: usize,
    facts: HashMap<String, Option<Arc<DataFacts>>>,
    /// the data set that was asked for last
    last_facts: Option<(Spec, Option<Arc<DataFacts>>)>,
    statements: HashMap<Span, u32>,
    last_settings: Option<Arc<Settings>>,
    /// what `measure` statements come to
    pub measures: Filled,
    /// where `retention` names a checkpoint first
    pub since: HashMap<String, Span>,
    /// cost matrices that `cost` names
    pub matrices: Matrices,
    /// the settings of the last step that forgets, without and with what is measured around it
    pub around: Option<(Arc<Settings>, Arc<Settings>)>,
    /// what was last settled, and what it came to
    pub settled: Option<(Shared<Current>, Arc<Settings>)>,
    next_id: u32,
    /// clocks of schedules whose time is known for good: those of single steps
    fitted: HashSet<u32>,
}

/// What the program as a whole settles.
#[derive(Clone, Debug)]
pub(super) struct Header {
    pub seed: u64,
    pub device: super::program::Device,
    pub threads: Option<usize>,
    pub precision: super::program::Precision,
    /// where `recompute blocks` stands
    pub recompute: Option<Span>,
    pub budget: Option<f64>,
    pub bindings: Vec<(String, Value)>,
    /// the first step, which ends what must stand before all steps
    pub first_step: Option<Span>,
    /// a `data` or `model` statement was read
    pub data_named: bool,
    pub model_named: bool,
}

#[derive(Clone, Debug)]
pub(super) struct MadeCheckpoint {
    pub span: Span,
    pub always: bool,
    /// rows of the head when it was made last
    pub rows: usize,
}

/// A block that is being lowered.
#[derive(Debug)]
pub(super) struct Frame {
    /// path of the block: `3.repeat.`
    pub prefix: String,
    /// steps that have a number so far
    pub count: usize,
    pub steps: Vec<Step>,
}

/// A loop's variable and all the values it takes.
#[derive(Clone, Debug)]
pub(super) struct LoopVariable {
    pub id: u32,
    pub name: String,
    pub values: Vec<Value>,
}

/// Loop variables at fixed values; metrics are not known before the run.
pub(super) struct Fixed<'v>(pub Vec<(u32, &'v Value)>);

impl Environment for Fixed<'_> {
    fn variable(&self, id: u32) -> Option<Value> {
        self.0.iter().find(|(v, _)| *v == id).map(|(_, value)| (*value).clone())
    }

    fn metric(&mut self, _: &Metric) -> Option<f64> {
        None
    }

    fn holds(&mut self, _: &Spec) -> Option<bool> {
        None
    }
}

impl<'a> Context<'a> {
    /// Nothing has been read yet.
    pub fn new(
        sources: &'a Sources,
        options: &'a Inputs,
        imports: &'a HashMap<Span, Imported>,
        diagnostics: Vec<Diagnostic>,
    ) -> Context<'a> {
        Context {
            sources,
            options,
            imports,
            assignments: assignment::told_by_syntax(&diagnostics),
            superseded: Vec::new(),
            diagnostics,
            said: HashSet::new(),
            errors: 0,
            scopes: Scopes::default(),
            current: Shared::default(),
            frames: Vec::new(),
            loops: Vec::new(),
            model: None,
            first_tasks: None,
            zapped: None,
            head_classes: 0,
            checkpoints: Shared::default(),
            begun: options.memory.then(Begun::before),
            checkpoint_folders: HashMap::new(),
            checkpoint_names: Near::default(),
            phases: Vec::new(),
            conditional: 0,
            hosts: 0,
            scratch: false,
            program: Header {
                seed: 0,
                device: super::program::Device::Auto,
                threads: None,
                precision: super::program::Precision::default(),
                recompute: None,
                budget: None,
                bindings: Vec::new(),
                first_step: None,
                data_named: false,
                model_named: false,
            },
            notes: Notes::default(),
            index: Recorder::default(),
            unused: Vec::new(),
            tried: Cell::new(0),
            written_out: 0,
            facts: HashMap::new(),
            last_facts: None,
            statements: HashMap::new(),
            last_settings: None,
            measures: Filled::default(),
            since: HashMap::new(),
            matrices: Matrices::default(),
            around: None,
            settled: None,
            next_id: 1,
            fitted: HashSet::new(),
        }
    }

    /// Adds a diagnostic once: bodies that are read several times say the same thing again.
    pub fn report(&mut self, diagnostic: Diagnostic) {
        if self.is_full() || !self.said.insert((diagnostic.code, diagnostic.primary.span)) {
            return;
        }
        self.errors += usize::from(diagnostic.severity == Severity::Error);
        self.diagnostics.push(match self.is_full() {
            false => {
                let at = diagnostic.primary.span;
                self.blaming_calls(self.blaming_definition(diagnostic, at))
            }
            true => {
                let message = format!("there are more errors than the {MOST_ERRORS} told");
                let d = Diagnostic::new(diagnostic.code, diagnostic.primary.span, message);
                d.at("the next one is here, and nothing was read behind it").help("correct the ones above first")
            }
        });
    }

    /// Whether so much is wrong that no more is read.
    pub fn is_full(&self) -> bool {
        self.errors > MOST_ERRORS
    }

    /// Counts a statement that is lowered because a phase is called; with too many of them nothing more is read.
    pub fn count_written_out(&mut self, span: Span) {
        self.written_out += usize::from(!self.phases.is_empty());
        if self.written_out > MOST_WRITTEN_OUT && !self.is_full() {
            let message = format!("the calls of phases come to more than {MOST_WRITTEN_OUT} statements");
            let d = Diagnostic::new(Code::TOO_LARGE, span, message);
            self.report(d.help("repeat with `repeat 5 { … }` or `for`, not with phases that call each other"));
            self.errors = MOST_ERRORS + 1;
        }
    }

    /// Reports an error without help.
    pub fn error(&mut self, code: Code, span: Span, message: impl Into<String>) {
        self.report(Diagnostic::new(code, span, message));
    }

    /// A number for an optimizer, a clock or a variable.
    pub fn fresh_id(&mut self) -> u32 {
        self.next_id += 1;
        self.next_id - 1
    }

    /// A number for a statement, the same each time it is lowered.
    pub fn statement_id(&mut self, span: Span) -> u32 {
        let next = self.next_id;
        let id = *self.statements.entry(span).or_insert(next);
        self.next_id += u32::from(id == next);
        id
    }

    /// Begins a block whose steps have paths with this prefix.
    pub fn open(&mut self, prefix: String) {
        self.frames.push(Frame { prefix, count: 0, steps: Vec::new() });
    }

    /// Ends the innermost block: its schedules learn how much training time they have.
    pub fn close(&mut self) -> Frame {
        let mut frame = self.frames.pop().expect("each block that is closed was opened");
        self.fit_schedules(&mut frame.steps);
        frame
    }

    fn frame(&mut self) -> &mut Frame {
        self.frames.last_mut().expect("statements are lowered inside a block")
    }

    /// The path that the next step of this block gets; loops open their body's frame with it.
    pub fn next_path(&mut self) -> String {
        let frame = self.frame();
        format!("{}{}", frame.prefix, frame.count + 1)
    }

    /// Adds a step with the block's next number.
    pub fn emit(&mut self, span: Span, op: Op) {
        let id = self.next_path();
        self.program.first_step.get_or_insert(span);
        self.settings_used(&op);
        let frame = self.frame();
        frame.count += 1;
        frame.steps.push(Step { id, span, op });
    }

    /// Adds what is no step of its own (a schedule's start): it has the path of the step that follows.
    pub fn emit_silent(&mut self, span: Span, op: Op) {
        let id = self.next_path();
        self.frame().steps.push(Step { id, span, op });
    }

    /// Gives the schedules of one step's own settings the time of that step, whatever follows it.
    pub fn fit_own_schedules(&mut self, start: usize) {
        let Some(mut frame) = self.frames.pop() else { return };
        self.fit_schedules(&mut frame.steps[start..]);
        let clock = |s: &Step| match s.op {
            Op::Schedule { clock, .. } => Some(clock),
            _ => None,
        };
        self.fitted.extend(frame.steps[start..].iter().filter_map(clock));
        self.frames.push(frame);
    }

    /// Whether it is a schedule for the steps behind it, not one that belongs to the settings of a step.
    pub fn spans_steps(&self, step: &Step) -> bool {
        matches!(step.op, Op::Schedule { clock, .. } if !self.fitted.contains(&clock))
    }

    /// Gives each schedule of a finished block the training time from where it stands to the block's end.
    pub fn fit_schedules(&mut self, steps: &mut [Step]) {
        if !steps.iter().any(|s| matches!(s.op, Op::Schedule { .. })) {
            return;
        }
        let mut time = Some(0u64);
        // The last step of whose time nothing is known.
        let mut unknown = None;
        for step in steps.iter_mut().rev() {
            let span = step.span;
            if matches!(step.op, Op::Schedule { clock, .. } if self.fitted.contains(&clock)) {
                continue;
            }
            let Op::Schedule { schedule, total, .. } = &mut step.op else {
                let here = time::train_steps(std::slice::from_ref(step), &self.loops);
                time = time.zip(here).map(|(a, b)| a.saturating_add(b));
                unknown = unknown.or(here.is_none().then_some(span));
                continue;
            };
            match time {
                Some(time) => *total = time,
                None if time::needs_total(schedule) && !self.scratch => {
                    let message = "this schedule is a share of a time that isn't known before the run";
                    let help = "give durations, such as `warmup(500 steps)` or `drop(at: [10 epochs])`";
                    let d = Diagnostic::new(Code::UNKNOWN_TIME, span, message).help(help);
                    let d = unknown
                        .map(|step| self.header(step))
                        .into_iter()
                        .fold(d, |d, step| d.label(step, "how long this takes, a clock or a measurement decides"));
                    self.report(d);
                }
                None => {}
            }
        }
    }

    /// A statement up to its block.
    fn header(&self, statement: Span) -> Span {
        let text = self.sources.text(statement).split('{').next().unwrap_or_default().trim_end();
        Span { end: statement.start + text.len() as u32, ..statement }
    }

    /// The facts of a data set, read once; `None` where they could not be (reported at `span`).
    pub fn facts(&mut self, spec: &Spec, span: Span) -> Option<Arc<DataFacts>> {
        if let Some((_, facts)) = self.last_facts.as_ref().filter(|(last, _)| last == spec) {
            return facts.clone();
        }
        let facts = self.known_facts(spec, span);
        self.last_facts = Some((spec.clone(), facts.clone()));
        facts
    }

    fn known_facts(&mut self, spec: &Spec, span: Span) -> Option<Arc<DataFacts>> {
        let key = spec.to_json().to_string();
        if let Some(known) = self.facts.get(&key) {
            return known.clone();
        }
        let facts = match crate::components::data::describe(spec, &self.options.places, self.program.seed) {
            Ok(facts) => Some(Arc::new(facts)),
            Err(problem) => {
                self.problem(problem, span);
                None
            }
        };
        self.facts.insert(key, facts.clone());
        facts
    }

    /// One shared copy of equal settings.
    pub fn share(&mut self, settings: Settings) -> Arc<Settings> {
        match &self.last_settings {
            Some(last) if **last == settings => last.clone(),
            _ => self.last_settings.insert(Arc::new(settings)).clone(),
        }
    }

    /// Does something without a word: what is said of it would follow from what has been said already. Whatever
    /// [`Context::report`] keeps is as it was before.
    pub fn silently<T>(&mut self, act: impl FnOnce(&mut Context<'a>) -> T) -> T {
        let (said, superseded) = (self.diagnostics.len(), self.superseded.len());
        let result = act(self);
        self.superseded.truncate(superseded);
        for d in self.diagnostics.drain(said..) {
            self.said.remove(&(d.code, d.primary.span));
            self.errors -= usize::from(d.severity == Severity::Error);
        }
        result
    }

    /// All diagnostics, in the order in which they were found.
    pub fn finish(self) -> Vec<Diagnostic> {
        let superseded: HashSet<usize> = self.superseded.into_iter().collect();
        let kept = self.diagnostics.into_iter().enumerate().filter(|(i, _)| !superseded.contains(i));
        kept.map(|(_, d)| d).collect()
    }

    /// Reads what belongs to something unknown, for the names in it alone.
    pub fn only_names(&mut self, arguments: &'a [Argument]) {
        self.silently(|cx| {
            for argument in arguments {
                cx.evaluate(&argument.value, &Type::Any);
            }
        });
    }

    /// Runs `check` on a state that is thrown away afterwards; the diagnostics stay. It leaves the scopes as they are
    /// but for what is used: blocks bind in scopes of their own.
    pub fn scratch(&mut self, check: impl FnOnce(&mut Context<'a>)) {
        let (current, model, head) = (self.current.clone(), self.model.clone(), self.head_classes);
        let (checkpoints, begun, program) = (self.checkpoints.clone(), self.begun, self.program.clone());
        let was = std::mem::replace(&mut self.scratch, true);
        self.open(String::new());
        check(self);
        self.close();
        self.scratch = was;
        self.current = current;
        self.model = model;
        self.head_classes = head;
        self.checkpoints = checkpoints;
        self.begun = begun;
        self.program = program;
    }
}

//! The state of a check: what is known at the place that is being read.

use super::index::Recorder;
use super::load::{Imported, Inputs};
use super::program::{Model, Op, Settings, Step};
use super::scope::Scopes;
use super::settings::Current;
use super::time;
use crate::components::data::DataFacts;
use crate::components::{Environment, Metric, Spec, Value};
use crate::diagnostic::{Code, Diagnostic};
use crate::source::{Sources, Span};
use std::collections::HashMap;
use std::sync::Arc;

pub(super) struct Context<'a> {
    pub sources: &'a Sources,
    pub options: &'a Inputs,
    /// imported files by the span of the `use` statement that names them
    pub imports: &'a HashMap<Span, Imported>,
    pub diagnostics: Vec<Diagnostic>,
    pub scopes: Scopes<'a>,
    pub current: Current,
    /// blocks that are being lowered, innermost last
    pub frames: Vec<Frame>,
    /// loops around this place
    pub loops: Vec<LoopVariable>,
    pub model: Option<Model>,
    /// rows of the head at this point of the program
    pub head_classes: usize,
    /// names made so far, and whether on every path
    pub checkpoints: HashMap<String, MadeCheckpoint>,
    /// phases whose bodies are being lowered, innermost last
    pub phases: Vec<String>,
    /// inside an arm of an `if` that a measurement decides
    pub conditional: usize,
    /// results are thrown away: a body is only checked
    pub scratch: bool,
    pub program: Header,
    /// names that were bound and never used
    pub unused: Vec<(String, Span)>,
    /// what editors want to know of each place
    pub index: Recorder,
    facts: HashMap<String, Option<DataFacts>>,
    statements: HashMap<Span, u32>,
    last_settings: Option<Arc<Settings>>,
    next_id: u32,
}

/// What the program as a whole settles.
#[derive(Clone, Debug)]
pub(super) struct Header {
    pub seed: u64,
    pub device: super::program::Device,
    pub threads: Option<usize>,
    pub precision: super::program::Precision,
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
}

impl<'a> Context<'a> {
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
            diagnostics,
            scopes: Scopes::default(),
            current: Current::default(),
            frames: Vec::new(),
            loops: Vec::new(),
            model: None,
            head_classes: 0,
            checkpoints: HashMap::new(),
            phases: Vec::new(),
            conditional: 0,
            scratch: false,
            program: Header {
                seed: 0,
                device: super::program::Device::Auto,
                threads: None,
                precision: super::program::Precision::default(),
                bindings: Vec::new(),
                first_step: None,
                data_named: false,
                model_named: false,
            },
            index: Recorder::default(),
            unused: Vec::new(),
            facts: HashMap::new(),
            statements: HashMap::new(),
            last_settings: None,
            next_id: 1,
        }
    }

    /// Adds a diagnostic once: bodies that are read several times say the same thing again.
    pub fn report(&mut self, diagnostic: Diagnostic) {
        let same = |d: &Diagnostic| d.code == diagnostic.code && d.primary.span == diagnostic.primary.span;
        if !self.diagnostics.iter().any(same) {
            self.diagnostics.push(diagnostic);
        }
    }

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
        let frame = self.frame();
        frame.count += 1;
        frame.steps.push(Step { id, span, op });
    }

    /// Adds what is no step of its own (a schedule's start): it has the path of the step that follows.
    pub fn emit_silent(&mut self, span: Span, op: Op) {
        let id = self.next_path();
        self.frame().steps.push(Step { id, span, op });
    }

    /// Gives each schedule of a finished block the training time from where it stands to the block's end.
    pub fn fit_schedules(&mut self, steps: &mut [Step]) {
        for i in 0..steps.len() {
            let (before, after) = steps.split_at_mut(i + 1);
            let Op::Schedule { schedule, total, .. } = &mut before[i].op else { continue };
            let Some(time) = time::train_steps(after, &self.loops) else {
                if time::needs_total(schedule) && !self.scratch {
                    let d = Diagnostic::new(
                        Code::UNKNOWN_TIME,
                        before[i].span,
                        "this schedule is a share of a time that isn't known before the run",
                    );
                    let help = "give durations, such as `warmup(500 steps)` or `drop(at: [10 epochs])`";
                    self.report(d.help(help));
                }
                continue;
            };
            *total = time;
        }
    }

    /// The facts of a data set, read once; `None` where they could not be (reported at `span`).
    pub fn facts(&mut self, spec: &Spec, span: Span) -> Option<DataFacts> {
        let key = spec.to_json().to_string();
        if let Some(known) = self.facts.get(&key) {
            return known.clone();
        }
        let facts = match crate::components::data::describe(spec, &self.options.places, self.program.seed) {
            Ok(facts) => Some(facts),
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

    /// Runs `check` on a state that is thrown away afterwards; the diagnostics stay.
    pub fn scratch(&mut self, check: impl FnOnce(&mut Context<'a>)) {
        let (current, model, head) = (self.current.clone(), self.model.clone(), self.head_classes);
        let (checkpoints, program, scopes) = (self.checkpoints.clone(), self.program.clone(), self.scopes.clone());
        let was = std::mem::replace(&mut self.scratch, true);
        self.open(String::new());
        check(self);
        self.close();
        self.scratch = was;
        self.current = current;
        self.model = model;
        self.head_classes = head;
        self.checkpoints = checkpoints;
        self.program = program;
        self.scopes = merge_uses(scopes, &self.scopes);
    }
}

/// The scopes as they were, with the uses that the scratch reading found.
fn merge_uses<'a>(mut before: Scopes<'a>, after: &Scopes<'a>) -> Scopes<'a> {
    before.take_uses(after);
    before
}

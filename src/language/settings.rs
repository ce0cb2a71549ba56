//! The settings in force at a place, and what they come to at a step.

use super::chain::Chain;
use super::context::Context;
use super::lints::{self, Added};
use super::program::{Batch, Keep, Measure, Memory, Model, Optimizer, Settings, TextSettings};
use super::selectors;
use crate::components::catalogue::{find, with_defaults};
use crate::components::data::{DataFacts, texts};
use crate::components::metrics;
use crate::components::{
    Duration, Family, Metric, Problem, ProblemKind, Selector, Spec, Split, Type, Value, attacks, objectives,
};
use crate::diagnostic::{Code, Diagnostic};
use crate::nn::architecture::{Part, PartKind};
use crate::source::Span;
use std::sync::Arc;

/// What settings say here. A poisoned one (its error is reported) silences what would follow from it.
#[derive(Clone, Debug)]
pub(super) struct Current {
    pub data: Placed<Spec>,
    pub model: Placed<Spec>,
    pub adapt: Placed<Option<Spec>>,
    pub texts: TextSettings,
    /// the statement that says how long a conversation may be
    pub max_length: Option<Span>,
    pub augment: Vec<Spec>,
    pub batch: Batch,
    pub accumulate: u64,
    pub optimizer: Optimizer,
    /// weights with learning rates of their own
    pub groups: Placed<Vec<(Selector, f64)>>,
    pub clocks: Chain<u32>,
    pub held_clocks: Chain<u32>,
    pub objective: Value,
    pub memory: Option<Memory>,
    pub recall: Placed<Vec<Spec>>,
    /// those that are not in `trained` yet
    pub frozen: Chain<Freezing>,
    /// what those before them come to
    pub trained: Option<Trained>,
    pub measure: Chain<Measure>,
    /// one of them measures with the objective's attack
    pub bare: bool,
    /// `measure none` was said: nothing is measured that isn't asked for
    pub silent: bool,
    /// one of them, or `keep best:`, needs more than the data: a checkpoint, a history, the memory, stages of the model
    pub retains: bool,
    pub keep: Keep,
    /// the settings in force of words that hold once: word, index in the notes, and how many steps the program had then
    pub made: Vec<(&'static str, usize, usize)>,
    /// the newest of those that add up
    pub added: Added,
    pub poisoned: bool,
}

#[derive(Clone, Debug)]
pub(super) struct Placed<T> {
    pub value: T,
    /// the statement; `None`: the default
    pub span: Option<Span>,
}

/// One `freeze`, `thaw` or `train_only`.
#[derive(Clone, Debug)]
pub(super) struct Freezing {
    pub how: How,
    pub selector: Selector,
    pub span: Span,
    pub statistics: bool,
}

/// What is trained of a model.
#[derive(Clone, Debug)]
pub(super) struct Trained {
    /// by part
    pub trainable: Arc<[bool]>,
    /// layers whose running statistics stand still, in order
    pub frozen_statistics: Arc<[usize]>,
}

impl Trained {
    /// All that is in a pass; of a model with adapters those alone, as their layers' norms stand still with the weights.
    fn start(parts: &[Part]) -> Trained {
        let adapted = parts.iter().any(|part| part.kind == PartKind::Adapter);
        let trained = |part: &Part| match adapted {
            true => part.kind == PartKind::Adapter,
            false => part.kind != PartKind::Idle,
        };
        let mut still: Vec<usize> = parts.iter().filter(|_| adapted).map(|part| part.layer).collect();
        still.dedup();
        Trained { trainable: parts.iter().map(trained).collect(), frozen_statistics: still.into() }
    }

    fn apply(&mut self, freezing: &Freezing, selection: &selectors::Selection, parts: &[Part]) {
        let layers = || selection.owned.iter().map(|s| parts[s.part].layer);
        let mut still = self.frozen_statistics.to_vec();
        match freezing.how {
            How::Freeze if freezing.statistics => still.extend(layers()),
            How::Freeze => {}
            How::Thaw => still.retain(|l| !layers().any(|layer| layer == *l)),
            How::Only => still.clear(),
        }
        still.sort_unstable();
        still.dedup();
        if *still != *self.frozen_statistics {
            self.frozen_statistics = still.into();
        }
        let trainable = Arc::make_mut(&mut self.trainable);
        if freezing.how == How::Only {
            trainable.fill(false);
        }
        selection.owned.iter().for_each(|s| trainable[s.part] = freezing.how != How::Freeze);
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum How {
    Freeze,
    Thaw,
    Only,
}

impl Default for Current {
    /// What a program runs with that says nothing.
    fn default() -> Current {
        let spec = |family, name| {
            let member = find(family, name).expect("the defaults are members of the catalogue");
            with_defaults(member).expect("the defaults need no arguments")
        };
        let sgd = find(Family::Optimizer, "sgd").expect("sgd is a member of the catalogue");
        let arg = |p: &crate::components::Param| match p.name {
            "lr" => Value::Real(0.05),
            "momentum" => Value::Real(0.9),
            _ => crate::components::catalogue::default_value(&p.default, p).expect("sgd requires nothing but lr"),
        };
        Current {
            data: Placed { value: spec(Family::Data, "fashion"), span: None },
            model: Placed { value: spec(Family::Model, "convnet"), span: None },
            adapt: Placed { value: None, span: None },
            texts: TextSettings::default(),
            max_length: None,
            augment: Vec::new(),
            batch: Batch::Size(64),
            accumulate: 1,
            optimizer: Optimizer { id: 0, spec: Spec { member: sgd, args: sgd.params.iter().map(arg).collect() } },
            groups: Placed { value: Vec::new(), span: None },
            clocks: Chain::default(),
            held_clocks: Chain::default(),
            objective: Value::Component(spec(Family::Objective, "cross_entropy")),
            memory: None,
            recall: Placed { value: Vec::new(), span: None },
            frozen: Chain::default(),
            trained: None,
            measure: Chain::default(),
            bare: false,
            silent: false,
            retains: false,
            keep: Keep { last: 2, every: Duration::Seconds(600.0), best: Vec::new() },
            made: Vec::new(),
            added: Added::default(),
            poisoned: false,
        }
    }
}

impl Current {
    /// Whether a single setting of that word is in force: its index in the notes of lints.
    pub fn made(&self, word: &str) -> Option<usize> {
        self.made.iter().rev().find(|(w, ..)| *w == word).map(|(_, index, _)| *index)
    }
}

impl Context<'_> {
    /// The settings at a step; `None` where an error makes them unknown.
    pub fn settings(&mut self, span: Span) -> Option<Arc<Settings>> {
        if self.current.poisoned {
            return None;
        }
        if let Some((current, settings)) = &self.settled
            && current.is(&self.current)
        {
            return Some(settings.clone());
        }
        let settings = self.settle(span)?;
        self.settled = Some((self.current.clone(), settings.clone()));
        Some(settings)
    }

    fn settle(&mut self, span: Span) -> Option<Arc<Settings>> {
        let data = self.data_here();
        let facts = self.facts(&data.value, data.span.unwrap_or(span))?;
        let model = self.fixed_model(&facts, span)?;
        self.fold_freezes(&model)?;
        let Trained { trainable, frozen_statistics } = self.current.trained.clone()?;
        let rates = self.rates(&model, span)?;
        let current = Current::clone(&self.current);
        let measure = self.filled_measures(&facts, span)?;
        let best = current.keep.best.iter().map(|metric| self.filled(metric, &facts, span));
        let best = best.collect::<Option<Vec<Metric>>>()?;
        Some(self.share(Settings {
            data: data.value,
            facts,
            texts: current.texts,
            augment: current.augment,
            batch: current.batch,
            accumulate: current.accumulate,
            optimizer: current.optimizer,
            rates,
            clocks: current.clocks,
            held_clocks: current.held_clocks,
            objective: current.objective,
            memory: current.memory,
            recall: current.recall.value,
            trainable,
            frozen_statistics,
            measure,
            keep: Keep { best, ..current.keep },
        }))
    }

    /// As [`Context::settings`], at a step that feeds the data to the model: their classes must fit.
    pub fn fitting_settings(&mut self, span: Span) -> Option<Arc<Settings>> {
        let settings = self.settings(span)?;
        if settings.facts.texts().is_some() {
            return self.suits_texts(&settings, span).then_some(settings);
        }
        if settings.facts.classes != self.head_classes {
            let (have, need) = (self.head_classes, settings.facts.classes);
            let message = format!("the head has {have} rows, but this data has {need} classes");
            let mut d = Diagnostic::new(Code::CLASS_COUNT, span, message);
            if let Some(data) = self.current.data.span {
                d = d.label(data, format!("this data has {need} classes"));
            }
            self.report(d.help("give the head new rows first: `zap head`"));
            return None;
        }
        let attack = self.objectives_attack();
        attack.is_none_or(|attack| self.attack_fits(&attack, &settings.facts, span)).then_some(settings)
    }

    /// Whether an attack's loss is defined for the classes of the data. Told once for all steps.
    fn attack_fits(&mut self, attack: &Spec, facts: &DataFacts, span: Span) -> bool {
        if attack.args.iter().any(Value::waits) {
            return true;
        }
        let Err(problem) = attacks::fits(attack, facts.classes) else { return true };
        if !self.diagnostics.iter().any(|d| d.code == Code::ATTACK_CLASSES && d.message == problem.message) {
            let mut d = Diagnostic::new(Code::ATTACK_CLASSES, span, problem.message);
            d.help = problem.help;
            self.report(d);
        }
        false
    }

    /// What the freezes in force come to. They are folded as soon as there is a model, so that each is looked at once.
    pub fn fold_freezes(&mut self, model: &Model) -> Option<()> {
        let mut trained = match &self.current.trained {
            Some(_) if self.current.frozen.is_empty() => return Some(()),
            Some(trained) => trained.clone(),
            None => Trained::start(&model.parts),
        };
        for freezing in self.current.frozen.clone().iter() {
            let selection = self.resolve(&freezing.selector, &model.parts, freezing.span)?;
            if selection.owned.iter().any(|s| s.rows.is_some()) {
                let d = Diagnostic::new(Code::WRONG_TYPE, freezing.span, "single rows can't be frozen or thawed");
                self.report(d.help("name whole layers, such as `head` or `layers[..-2]`"));
                return None;
            }
            let before = trained.trainable.clone();
            trained.apply(freezing, &selection, &model.parts);
            let changes = freezing.statistics || trained.trainable != before;
            if changes || !self.scratch {
                self.notes.freeze(freezing.span, freezing.how, changes);
            }
        }
        self.current.trained = Some(trained);
        self.current.frozen = Chain::default();
        Some(())
    }

    /// Folds the freezes so far where the model is known already.
    pub fn fold_known_freezes(&mut self) {
        if let Some(model) = self.model.take_if(|_| !self.current.frozen.is_empty()) {
            self.fold_freezes(&model);
            self.model = Some(model);
        }
    }

    /// By part the learning rates of `groups:`; of a weight in several of them the last one's.
    fn rates(&mut self, model: &Model, span: Span) -> Option<Arc<[Option<f64>]>> {
        let Placed { value: groups, span: placed } = self.current.groups.clone();
        if groups.is_empty() {
            return Some(Arc::default());
        }
        let mut rates = vec![None; model.parts.len()];
        for (selector, rate) in groups {
            let selection = self.resolve(&selector, &model.parts, placed.unwrap_or(span))?;
            selection.owned.iter().for_each(|selected| rates[selected.part] = Some(rate));
        }
        Some(rates.into())
    }

    /// Resolves a selector without loop variables; an error is reported at `span`.
    pub fn resolve(&mut self, selector: &Selector, parts: &[Part], span: Span) -> Option<selectors::Selection> {
        match selectors::resolve(selector, parts) {
            Ok(selection) => Some(selection),
            Err(selectors::SelectorError::Index(message)) => {
                let d = Diagnostic::new(Code::SELECTOR_INDEX, span, message);
                let d = d.help("count from 0, or from the end: the last one is `[-1]`");
                let model = self.model.as_ref().and_then(|m| m.span);
                self.report(match model {
                    Some(model) => d.label(model, "of this model"),
                    None => d,
                });
                None
            }
            Err(selectors::SelectorError::Empty(message)) => {
                let d = Diagnostic::new(Code::EMPTY_SELECTOR, span, message);
                let wider = match selector {
                    Selector::Params(glob) => selectors::wider(glob, parts).map(|w| Selector::Params(w).to_string()),
                    _ => None,
                };
                let Some(wider) = wider else {
                    self.report(d);
                    return None;
                };
                let d = d.help(format!("did you mean `{wider}`?"));
                self.report(match self.sources.text(span) == selector.to_string() {
                    true => d.maybe_fix(format!("replace with `{wider}`"), span, wider),
                    false => d,
                });
                None
            }
        }
    }

    /// The metric with what it leaves out filled in: a bare `robust` has the objective's attack.
    pub fn filled(&mut self, metric: &Metric, facts: &DataFacts, span: Span) -> Option<Metric> {
        if metric.split.is_none() && metrics::is_of_train(&metric.spec) {
            let on_train = Metric { split: Some(Split::Train), spec: metric.spec.clone() };
            return self.filled(&on_train, facts, span);
        }
        if let Some(split) = metric.split.filter(|s| facts.count(*s) == 0) {
            self.no_split(metric, split, span);
            return None;
        }
        let split = metric.split.unwrap_or(facts.default_split());
        if facts.texts().is_some() && facts.count(split) == 0 {
            self.no_split(metric, split, span);
            return None;
        }
        if !self.of_its_kind(metric, facts, span)
            || !self.costs_fit(&metric.spec, facts)
            || !self.tasks_fit(metric, facts, split, span)
        {
            return None;
        }
        let mut filled = metric.clone();
        for (param, arg) in metric.spec.member.params.iter().zip(&mut filled.spec.args) {
            match arg {
                Value::Metric(inner) => *inner = self.filled(&inner.clone(), facts, span)?,
                Value::None if param.name == "attack" => {
                    let Some(attack) = self.objectives_attack() else {
                        let message = format!("`{}` of what attack? The objective here has none", metric.spec.name());
                        let d = Diagnostic::new(Code::MISSING_ARGUMENT, span, message);
                        self.report(
                            d.help("name it, such as `robust(pgd(eps: 8/255))`, or set `objective adversarial(…)`"),
                        );
                        return None;
                    };
                    *arg = Value::Component(attack);
                }
                Value::Component(attack)
                    if attack.member.family == Family::Attack && !self.attack_fits(attack, facts, span) =>
                {
                    return None;
                }
                _ => {}
            }
        }
        self.can_be_measured(&filled, facts, split, span).then_some(filled)
    }

    /// Told once for all steps: it is one mistake of the data, or of what is measured.
    fn no_split(&mut self, metric: &Metric, split: Split, span: Span) {
        let message = format!("`{metric}`: this data has no {} split", split.name());
        if self.diagnostics.iter().any(|d| d.code == Code::NO_SPLIT && d.message == message) {
            return;
        }
        let Placed { value: data, span: placed } = self.data_here();
        let d = Diagnostic::new(Code::NO_SPLIT, span, message);
        let d = match split {
            Split::Validation if !texts::is_one(&data) => {
                d.help(format!("make one: `data {}(validation: 10%)`", data.name()))
            }
            _ if texts::is_one(&data) => d.help("give the data a test split, or measure on one that it has"),
            _ => d.help("measure on a split that it has"),
        };
        self.report(placed.into_iter().fold(d, |d, data| d.label(data, "this data")));
    }

    /// The attack that the objective trains against, if it has one.
    pub fn objectives_attack(&self) -> Option<Spec> {
        objectives::attack_of(self.current.objective.as_component(Family::Objective)?).cloned()
    }

    /// Reports what a component found wrong at `span`, or at the argument of it that is to blame.
    pub fn problem(&mut self, problem: Problem, span: Span) {
        let code = match problem.kind {
            ProblemKind::MissingFile => Code::MISSING_FILE,
            ProblemKind::BadFile => Code::BAD_FILE,
            ProblemKind::ForbiddenPath => Code::FORBIDDEN_PATH,
            ProblemKind::DoesNotFit => Code::BAD_MODEL,
            ProblemKind::NothingMeant => Code::EMPTY_SELECTOR,
            ProblemKind::NoSplit => Code::NO_SPLIT,
        };
        let mut d = Diagnostic::new(code, span, problem.message);
        d.help = problem.help;
        self.report(d);
    }

    /// Checks a component's arguments against each other.
    pub fn check_component(&mut self, spec: &Spec, span: Span) -> bool {
        if !self.settled_arguments(spec, span) || !self.within_budget(spec, span) || !self.goes_together(spec, span) {
            return false;
        }
        if !spec.args.iter().any(Value::waits) {
            lints::of_component(self, spec, span);
        }
        true
    }

    /// Whether what an objective is made of goes together.
    fn goes_together(&mut self, spec: &Spec, span: Span) -> bool {
        let wrong = (spec.member.family == Family::Objective).then(|| objectives::check(spec).err()).flatten();
        let Some(problem) = wrong else { return true };
        let mut d = Diagnostic::new(Code::WRONG_TYPE, span, problem.message);
        d.help = problem.help;
        self.report(d);
        false
    }

    /// Whether an attack can use its budget, in each round of the loops that decide it.
    fn within_budget(&mut self, spec: &Spec, span: Span) -> bool {
        if spec.member.family != Family::Attack {
            return true;
        }
        let wrong =
            |(with, value): (String, Value)| Some((with, attacks::check(value.as_component(Family::Attack)?).err()?));
        let Some((with, problem)) = self.rounds(&Value::Component(spec.clone())).into_iter().find_map(wrong) else {
            return true;
        };
        let mut d = Diagnostic::new(Code::ATTACK_BUDGET, span, format!("{with}{}", problem.message));
        d.help = problem.help;
        self.report(d);
        false
    }

    /// Whether nothing in a component waits for a measurement, nor for a loop to say what is measured.
    fn settled_arguments(&mut self, spec: &Spec, span: Span) -> bool {
        for (param, value) in spec.member.params.iter().zip(&spec.args) {
            let Value::Later(expression, _) = value else { continue };
            let mut measured = false;
            expression.visit(&mut |e| measured |= e.is_of_the_run());
            if measured || param.ty == Type::Metric {
                let message = format!("`{}` of `{}` must be known before the run", param.name, spec.name());
                let d = Diagnostic::new(Code::UNKNOWN_TIME, span, message);
                self.report(d.help(match measured {
                    true => "metrics may stand in conditions only",
                    false => "write the rounds of the loop out, each with its metric, such as `clean`",
                }));
                return false;
            }
        }
        true
    }
}

//! Tasks, what is left of them (`retention`), and conditions on the run's past (`plateau`).

use super::context::Context;
use super::program::{Settings, When};
use crate::components::data::{DataFacts, texts};
use crate::components::metrics::{drift, retention, sensitivity};
use crate::components::tasks;
use crate::components::{Expression, Family, Metric, Problem, Spec, Split, Type, Value, conditions};
use crate::diagnostic::{Code, Diagnostic};
use crate::source::Span;

impl Context<'_> {
    /// The tasks that a component makes; its arguments stand at `spans`.
    pub(super) fn tasks(&mut self, spec: &Spec, spans: &[Span]) -> Option<Value> {
        for ((param, arg), span) in spec.member.params.iter().zip(&spec.args).zip(spans) {
            if arg.waits() {
                let message = format!("`{}` of `{}` must be the same in each round of a loop", param.name, spec.name());
                let d = Diagnostic::new(Code::WRONG_TYPE, *span, message);
                self.report(d.help("write the rounds out, each with its own tasks"));
                return None;
            }
        }
        if let Some(tasks) = tasks::seen::tasks(spec) {
            return Some(Value::List(tasks.into_iter().map(Value::Task).collect()));
        }
        let facts = self.facts(spec.component("data"), spans[0])?;
        match tasks::build(spec, &facts) {
            Ok(tasks) => Some(Value::List(tasks.into_iter().map(Value::Task).collect())),
            Err(problem) => {
                self.out_of_range(spec, problem, spans);
                None
            }
        }
    }

    /// A data set of conversations where tasks or a list are wanted: it is the list of its tasks.
    pub(super) fn as_tasks(&mut self, value: Value, ty: &Type, span: Span) -> Option<Value> {
        let wanted = matches!(ty, Type::Tasks | Type::List(Type::Any));
        let data = match value.as_component(Family::Data) {
            Some(data) if wanted && texts::is_one(data) => data.clone(),
            _ => return Some(value),
        };
        let facts = self.facts(&data, span)?;
        tasks::of_data(&data, &facts)
    }

    /// The one data set of tasks, the same in each round of the loops that decide which tasks they are. It must be of
    /// conversations.
    pub(super) fn data_of_tasks(&mut self, tasks: &Value, span: Span) -> Option<Spec> {
        let mut data: Vec<Spec> = Vec::new();
        for (_, value) in self.rounds(tasks) {
            for task in tasks::of(&value) {
                if !data.contains(&task.data) {
                    data.push(task.data.clone());
                }
            }
        }
        let of_texts = |spec: &&Spec| texts::is_one(spec);
        let d = match data.as_slice() {
            [one] if texts::is_one(one) => {
                self.first_tasks.get_or_insert_with(|| one.clone());
                return Some(one.clone());
            }
            [] => return None,
            several if several.iter().all(|spec| of_texts(&spec)) => {
                let message = "these tasks are of several data sets";
                Diagnostic::new(Code::WRONG_TYPE, span, message).help("write the rounds out, each with tasks of one")
            }
            _ => {
                let message = "these tasks are classes of images, which are trained together";
                let help = "write `train`; tasks of conversations, such as those of `quiz`, are learned one by one";
                Diagnostic::new(Code::WRONG_TYPE, span, message).help(help)
            }
        };
        self.report(d);
        None
    }

    /// A condition on the run's past, known at run time only.
    pub(super) fn looking_back(&mut self, spec: Spec, spans: &[Span]) -> Option<Value> {
        let wrong = |(_, value): (String, Value)| match value {
            Value::Component(spec) => conditions::check(&spec).err(),
            _ => None,
        };
        if let Some(problem) = self.rounds(&Value::Component(spec.clone())).into_iter().find_map(wrong) {
            self.out_of_range(&spec, problem, spans);
            return None;
        }
        Some(Value::Later(Box::new(Expression::Holds(spec)), Type::Condition))
    }

    fn out_of_range(&mut self, spec: &Spec, problem: Problem, spans: &[Span]) {
        let blamed = problem.argument.and_then(|name| spec.member.param(name)).map_or(0, |(place, _)| place);
        let mut d = Diagnostic::new(Code::OUT_OF_RANGE, spans[blamed], problem.message);
        d.help = problem.help;
        self.report(d);
    }

    /// Whether the checkpoint that a `retention` names is known before the run.
    pub(super) fn since_is_known(&mut self, spec: &Spec, span: Span) -> bool {
        match spec.get("since") {
            Value::Later(..) => {
                let message = "`since` of `retention` must be the same in each round of a loop";
                let d = Diagnostic::new(Code::WRONG_TYPE, span, message);
                self.report(d.help("write the rounds out, each with its own text in quotes"));
                false
            }
            Value::Text(name) => {
                self.note_checkpoint(name, span, false);
                self.since.entry(name.clone()).or_insert(span);
                true
            }
            _ => true,
        }
    }

    /// Whether the network that is trained on data with these facts can be measured on the tasks of a `retention`; of a
    /// metric of another kind, true.
    pub(super) fn tasks_fit(&mut self, metric: &Metric, facts: &DataFacts, split: Split, span: Span) -> bool {
        if metric.spec.member != &retention::MEMBER {
            return true;
        }
        let rounds = self.rounds(metric.spec.get("tasks"));
        let mut data: Vec<Spec> = Vec::new();
        for task in rounds.iter().flat_map(|(_, value)| tasks::of(value)) {
            if !data.contains(&task.data) {
                data.push(task.data.clone());
            }
        }
        data.iter().all(|data| self.task_data_fits(metric, data, facts, split, span))
    }

    fn task_data_fits(&mut self, metric: &Metric, data: &Spec, facts: &DataFacts, split: Split, span: Span) -> bool {
        let Some(own) = self.facts(data, span) else { return false };
        let name = data.name();
        let ours = "divide the data that is trained on: `let shop = fashion(validation: 20%)`, `data shop`, \
                    `split(shop, by: class, size: 5)`";
        let d = match () {
            () if own.image() != facts.image() => {
                let ([c, h, w], [c2, h2, w2]) = (own.image(), facts.image());
                let message =
                    format!("these tasks are of `{name}`, {c}x{h}x{w} images, but the model has {c2}x{h2}x{w2} here");
                Diagnostic::new(Code::BAD_MODEL, span, message)
            }
            () if own.classes != facts.classes => {
                let message = format!(
                    "these tasks are of `{name}`, which has {} classes, but the head has {} here",
                    own.classes, facts.classes
                );
                Diagnostic::new(Code::CLASS_COUNT, span, message)
            }
            () if own.count(split) == 0 => {
                let message = format!("`{metric}`: the data of these tasks has no {} split", split.name());
                if self.diagnostics.iter().any(|d| d.code == Code::NO_SPLIT && d.message == message) {
                    return false;
                }
                Diagnostic::new(Code::NO_SPLIT, span, message)
            }
            () => return true,
        };
        self.report(d.help(ours));
        false
    }

    /// Whether a checkpoint has been made that a `retention` in this metric can look back to.
    pub(super) fn checkpoint_known(&mut self, spec: &Spec, span: Span) -> bool {
        if let Some(Value::Metric(inner)) = spec.args.first() {
            return self.checkpoint_known(&inner.spec, span);
        }
        let Some((_, since)) = retention::parts(spec) else { return true };
        if let Some(name) = since {
            let name = name.to_string();
            let place = self.since.get(&name).copied().unwrap_or(span);
            return self.made_checkpoint(&name, place) && self.same_classes(&name, place);
        }
        let made: Vec<_> = self.checkpoints.values().cloned().collect();
        if made.iter().any(|made| made.always || self.conditional > 0) {
            let first = self.checkpoints.iter().min_by_key(|(_, made)| made.span).map(|(name, _)| name.clone());
            return first.is_none_or(|first| self.same_classes(&first, span));
        }
        let first = made.iter().map(|made| made.span).min();
        self.report(match first {
            Some(first) => {
                let message = "what this compares with is a checkpoint that is made on some paths only";
                let d = Diagnostic::new(Code::CHECKPOINT_MAYBE, span, message);
                d.label(first, "made here").help("make it before the `if` as well")
            }
            None => {
                let message = "`retention` compares with a checkpoint, but none has been made here";
                let d = Diagnostic::new(Code::UNKNOWN_CHECKPOINT, span, message);
                d.help("make one where the tasks have been learned: `checkpoint \"learned\"`")
            }
        });
        first.is_some()
    }

    /// Whether the head had as many rows at a checkpoint as it has here, so that both networks know the same classes.
    fn same_classes(&mut self, name: &str, span: Span) -> bool {
        self.as_many_rows(name, span, "compare with a checkpoint that was made after `zap head`: `since: \"name\"`")
    }

    /// The same of a checkpoint that teaches.
    pub(super) fn same_rows(&mut self, name: &str, span: Span) -> bool {
        self.as_many_rows(name, span, "make a checkpoint after `zap head`, and let that teach")
    }

    fn as_many_rows(&mut self, name: &str, span: Span, help: &str) -> bool {
        let Some(made) = self.checkpoints.get(name).filter(|made| made.rows != self.head_classes) else { return true };
        let (then, now, place) = (made.rows, self.head_classes, made.span);
        let message = format!("the head had {then} rows at the checkpoint {name:?}, and has {now} here");
        let d = Diagnostic::new(Code::CLASS_COUNT, span, message).label(place, "made here");
        self.report(d.help(help));
        false
    }

    /// The same of all that is measured while a step trains, or before and after it changes weights.
    pub(super) fn measures_known(&mut self, settings: &Settings, training: bool, span: Span) -> bool {
        if !self.current.retains {
            return true;
        }
        let due = |when: When| matches!(when, When::Every(_)) == training;
        let measured = settings.measure.iter().filter(|m| due(m.when)).flat_map(|m| &m.metrics);
        let best = settings.keep.best.iter().filter(|_| training);
        let all: Vec<Metric> = measured.chain(best).cloned().collect();
        all.iter().all(|m| self.history_known(m, settings, span) && self.stages_known(&m.spec, span))
    }

    /// Whether the network can be measured on the data before and after a change of weights, where that is asked for.
    pub(super) fn measured_rows_fit(&mut self, settings: &Settings, span: Span) -> bool {
        let (have, need) = (self.head_classes, settings.facts.classes);
        if settings.facts.texts().is_some() || have == need || settings.measure.iter().all(|m| m.when != When::AtForget)
        {
            return true;
        }
        let message = format!("the head has {have} rows, but this data has {need} classes, so nothing can be measured");
        let mut d = Diagnostic::new(Code::CLASS_COUNT, span, message);
        if let Some(data) = self.current.data.span {
            d = d.label(data, format!("this data has {need} classes"));
        }
        self.report(d.help("give the head new rows first: `zap head`; or write `measure none` above"));
        false
    }

    /// Whether there are stages to compare, where a metric does so stage by stage.
    pub(super) fn stages_known(&mut self, spec: &Spec, span: Span) -> bool {
        let by_stage = spec.member == &drift::MEMBER
            || spec.member == &sensitivity::MEMBER && *spec.get("per") == Value::Word("blocks".into());
        let Some(model) = self.model.clone().filter(|m| by_stage && m.architecture.blocks() == 0) else { return true };
        let message = format!("`{}` goes block by block, and this model has none", spec.name());
        let d = Diagnostic::new(Code::BAD_MODEL, span, message);
        let d = model.span.into_iter().fold(d, |d, model| d.label(model, "this model"));
        self.report(match spec.member == &sensitivity::MEMBER {
            true => d.help("go layer by layer: `per: layers`"),
            false => d.help("of a `sequential`, each `residual` is a block"),
        });
        false
    }
}

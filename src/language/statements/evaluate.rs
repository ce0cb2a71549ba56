//! `evaluate`: measures now.

use super::{Lower, Word, WordKind, Written};
use crate::components::metrics as catalogue;
use crate::components::{Default, Metric, Param, Split, Type, Value, Varies};
use crate::diagnostic::{Code, Diagnostic};
use crate::language::context::Context;
use crate::language::followed::Stand;
use crate::language::index::Sense;
use crate::language::program::{At, Evaluate, Op, Settings};
use crate::language::settings::Placed;
use crate::language::values::{Place, split_of, unknown_split};
use crate::source::Span;
use crate::syntax::tree::{Expr, ExprKind};

/// Which weights may be measured.
const PLACES: &[&str] = &["best", "last"];

pub static EVALUATE: Word = Word {
    name: "evaluate",
    kind: WordKind::Step,
    params: &[
        Param::new("metrics", Type::List(&Type::Metric), "what is measured").many().varies(Varies::Inside),
        Param::new(
            "at",
            Type::OneOf(&[Type::Word(PLACES), Type::List(&Type::Word(PLACES))]),
            "of which weights: those that there are now, those that `keep best:` keeps, or both and how far they are apart",
        )
        .or(Default::Word("last"))
        .named(),
        Param::new("per_example", Type::Bool, "also record each example's own value").or(Default::Bool(false)).named(),
    ],
    on: true,
    with: false,
    block: false,
    doc: "measure now, on a split of the data",
    example: "evaluate clean, loss on test",
    lower: Lower::Statement(lower),
};

fn lower<'a>(cx: &mut Context<'a>, written: &Written<'a>) {
    let outer = cx.current.clone();
    measured(cx, written);
    cx.current = outer;
}

fn measured<'a>(cx: &mut Context<'a>, written: &Written<'a>) {
    let span = written.bound.span("metrics");
    let on = cx.on_tasks(written.bound.value("metrics"), written.simple.on.as_ref());
    let Some(tasks) = on else { return };
    let settings = cx.fitting_settings(written.word());
    let (Some(settings), Some(metrics)) = (settings, written.bound.value("metrics").and_then(metrics)) else { return };
    if !metrics.iter().all(|m| cx.metric_stands(m, Stand::Evaluate, span)) {
        return;
    }
    let metrics = match tasks {
        Some(tasks) => Some(metrics.into_iter().map(|m| metrics_on(m, &tasks)).collect()),
        None => cx.split_metrics(metrics, written.simple.on.as_ref(), span),
    };
    let Some(metrics) = metrics else { return };
    let filled: Option<Vec<Metric>> = metrics.iter().map(|m| cx.filled(m, &settings.facts, span)).collect();
    let Some(metrics) = filled else { return };
    if !metrics.iter().all(|m| cx.history_known(m, &settings, span) && cx.stages_known(&m.spec, span)) {
        return;
    }
    let per_example = written.bound.value("per_example") == Some(&Value::Bool(true));
    let Some(at) = written.bound.value("at").map(places) else { return };
    if at.contains(&At::Best) && !cx.can_be_had_at_best(&metrics, &settings, written.bound.span("at")) {
        return;
    }
    cx.emit(written.span, Op::Evaluate(Evaluate { metrics, per_example, at, settings }));
}

/// A metric of conversations on these tasks.
fn metrics_on(mut metric: Metric, tasks: &Value) -> Metric {
    if let Some((place, _)) = metric.spec.member.param("tasks") {
        metric.spec.args[place] = tasks.clone();
    }
    metric
}

/// `best`, `[best, last]`: each once.
fn places(value: &Value) -> Vec<At> {
    let words = match value {
        Value::List(items) => items.as_slice(),
        one => std::slice::from_ref(one),
    };
    let mut at = Vec::new();
    for word in words {
        let place = if *word == Value::Word("best".into()) { At::Best } else { At::Last };
        if !at.contains(&place) {
            at.push(place);
        }
    }
    at
}

/// The metrics of a list of them.
pub(super) fn metrics(list: &Value) -> Option<Vec<Metric>> {
    let Value::List(items) = list else { return None };
    let metric = |v: &Value| match v {
        Value::Metric(m) => Some(m.clone()),
        _ => None,
    };
    items.iter().map(metric).collect()
}

impl<'a> Context<'a> {
    /// The tasks that `on` names, where the metrics are of conversations, and then their data is in force; `Some(None)`
    /// where it names a split or nothing.
    fn on_tasks(&mut self, metrics: Option<&Value>, on: Option<&'a Expr>) -> Option<Option<Value>> {
        let Some(on) = on else { return Some(None) };
        let named = matches!(&on.kind, ExprKind::Name(name) if split_of(name).is_some());
        let metrics = metrics.and_then(self::metrics).unwrap_or_default();
        let of_texts = |metric: &Metric| catalogue::truth_alignment::generates(&metric.spec);
        if named || !metrics.iter().any(of_texts) {
            return Some(None);
        }
        if let Some(other) = metrics.iter().find(|metric| !of_texts(metric)) {
            let message = format!("`{other}` is not measured on single tasks");
            let d = Diagnostic::new(Code::NOT_OF_TEXTS, on.span, message);
            self.report(d.help("evaluate it in a statement of its own, on a split"));
            return None;
        }
        let named = |metric: &&Metric| !matches!(metric.spec.get("tasks"), Value::None);
        if let Some(metric) = metrics.iter().find(named) {
            let message = format!("`{}` names tasks, and `on` names others", metric.spec.name());
            let d = Diagnostic::new(Code::WRONG_TYPE, on.span, message);
            self.report(d.help("leave out one of the two"));
            return None;
        }
        let place = Place { what: &"`on` of `evaluate`", ty: &Type::Tasks, bounds: None };
        let tasks = self.value(on, place)?;
        let data = self.data_of_tasks(&tasks, on.span)?;
        self.current.data = Placed { value: data, span: Some(on.span) };
        Some(Some(tasks))
    }

    /// Whether there are best checkpoints, and the metrics are of weights alone.
    fn can_be_had_at_best(&mut self, metrics: &[Metric], settings: &Settings, span: Span) -> bool {
        if settings.keep.best.is_empty() {
            let d = Diagnostic::new(Code::NOT_FOLLOWED, span, "`at: best`, but nothing keeps a best checkpoint here");
            self.report(d.help("keep one while training goes on: `keep best: validation.clean`"));
            return false;
        }
        // What looks back, or beside the weights, means something at the present moment only.
        let Some(other) = metrics.iter().find(|m| m.spec.member.param("examples").is_none()) else { return true };
        let message = format!("`{other}` is of the run at this moment, and can't be had at the best checkpoint");
        let d = Diagnostic::new(Code::NOT_FOLLOWED, span, message);
        self.report(d.help("evaluate it in a statement of its own, without `at: best`"));
        false
    }

    /// The metrics on the split that `on` names.
    fn split_metrics(&mut self, metrics: Vec<Metric>, on: Option<&'a Expr>, span: Span) -> Option<Vec<Metric>> {
        let Some(on) = on else { return Some(metrics) };
        let split = match &on.kind {
            ExprKind::Error => return None,
            ExprKind::Name(name) => split_of(name),
            _ => None,
        };
        let Some(split) = split else {
            let written = self.sources.text(on.span).to_string();
            let splits = "splits are `train`, `validation` and `test`";
            self.report(unknown_split(Code::NO_SPLIT, &written, on.span, splits));
            return None;
        };
        self.index.means(on.span, Sense::Split(split));
        if let Some(other) = metrics.iter().find(|m| m.split.is_some_and(|s| s != split)) {
            let message = format!("`{other}` names one split, `on {}` another", split.name());
            self.error(Code::NO_SPLIT, span, message);
            return None;
        }
        Some(metrics.into_iter().map(|m| Metric { split: Some(split), ..m }).collect())
    }

    /// Whether what a metric looks back on is known: a history for `gap(M)`, a checkpoint for `retention`.
    pub(in crate::language) fn history_known(&mut self, metric: &Metric, settings: &Settings, span: Span) -> bool {
        if !self.checkpoint_known(&metric.spec, span) || !self.measurable(metric, span) {
            return false;
        }
        let inner = match metric.spec.args.first() {
            Some(Value::Metric(inner)) if catalogue::looks_back(&metric.spec) => inner,
            _ => return true,
        };
        self.inner_followed(metric, metric.split, inner, settings, span)
    }

    /// Whether the metric inside of something that looks back is followed.
    pub(super) fn inner_followed(
        &mut self,
        whole: &dyn std::fmt::Display,
        split: Option<Split>,
        inner: &Metric,
        settings: &Settings,
        span: Span,
    ) -> bool {
        let mut candidates = vec![inner.clone()];
        candidates.push(Metric { split: split.or(inner.split), ..inner.clone() });
        let default = Some(settings.default_split());
        candidates.push(Metric { split: inner.split.or(default), ..inner.clone() });
        if inner.split == default {
            candidates.push(Metric { split: None, ..inner.clone() });
        }
        if candidates.iter().any(|m| self.followed(m, settings)) {
            return true;
        }
        let message = format!("`{whole}` looks back, but nothing follows `{inner}`");
        let d = Diagnostic::new(Code::NOT_FOLLOWED, span, message);
        self.report(d.help(format!("measure it as training goes on: `measure {inner} every: 1 epoch`")));
        false
    }
}

//! What people mean who write what another tool would take, or a value of another kind than its place: help and fixes.

use super::context::Context;
use super::suggest;
use super::values::{Place, families_of, words_of};
use crate::components::coerce::words;
use crate::components::{Family, Member, Param, Type, catalogue};
use crate::diagnostic::{Applicability, Code, Diagnostic, Edit};
use crate::source::{Sources, Span};
use crate::syntax::tree::{Argument, BinaryOp, Expr, ExprKind, Simple};

/// Names of components in other tools, and what they are here.
static COMPONENTS: &[(Family, &[&str], &str)] = &[
    (Family::Data, &["fmnist", "fashionmnist", "fashion_mnist"], "fashion"),
    (Family::Data, &["cifar"], "cifar10"),
    (Family::Data, &["imagefolder", "images", "folder"], "image_folder"),
    (Family::Model, &["cnn", "conv", "convolutional", "simplecnn"], "convnet"),
    (Family::Model, &["dense", "perceptron", "fc", "feedforward"], "mlp"),
    (Family::Model, &["wrn", "wideresnet"], "wide_resnet"),
    (Family::Model, &["preactresnet", "preactresnet18", "prn18"], "preact_resnet18"),
    (Family::Adapter, &["peft", "low_rank", "loraconfig"], "lora"),
    (Family::Optimizer, &["momentum", "nesterov"], "sgd"),
    (Family::Schedule, &["cosineannealinglr", "cosine_annealing", "cosine_decay"], "cosine"),
    (Family::Schedule, &["step", "steplr", "multistep", "multisteplr", "piecewise"], "drop"),
    (Family::Schedule, &["linear", "linear_warmup", "linearlr"], "warmup"),
    (Family::Schedule, &["none", "fixed", "constantlr"], "constant"),
    (Family::Objective, &["ce", "crossentropy", "crossentropyloss", "nll", "nllloss", "xent"], "cross_entropy"),
    (Family::Objective, &["at", "adv", "pgd_at", "madry"], "adversarial"),
    (Family::Objective, &["free_at", "freeat"], "free"),
    (Family::Memory, &["average", "moving_average", "polyak", "ema_model"], "ema"),
    (Family::Memory, &["averaged_model", "weight_averaging", "wa"], "swa"),
    (Family::Recall, &["kd", "distillation", "kl_div", "kldiv"], "kl"),
    (Family::Recall, &["l2", "mse_loss", "squares"], "mse"),
    (Family::Attack, &["bim", "ifgsm", "i_fgsm", "madry"], "pgd"),
    (Family::Attack, &["apgd", "auto_pgd", "autopgd"], "apgd_ce"),
    (Family::Attack, &["aa", "auto_attack"], "autoattack"),
    (Family::Augment, &["randomcrop", "random_crop"], "crop"),
    (Family::Augment, &["hflip", "randomhorizontalflip", "horizontal_flip", "mirror"], "flip"),
    (Family::Ranking, &["magnitude", "lowest", "min"], "smallest"),
    (Family::Ranking, &["highest", "max"], "largest"),
    (Family::Fill, &["zeros", "0"], "zero"),
    (Family::Fill, &["reset", "initial", "random", "reinit"], "init"),
    (Family::Metric, &["accuracy", "acc", "acc1", "top1", "standard"], "clean"),
    (Family::Metric, &["robustness", "robust_accuracy", "adv_acc", "adversarial"], "robust"),
    (Family::Metric, &["cross_entropy", "ce"], "loss"),
];

/// Those of them that say more than ours does, or may stand for another one too.
const GUESSES: [&str; 7] = ["cifar", "linear", "momentum", "nesterov", "apgd", "auto_pgd", "autopgd"];

/// Words for parts of a network, and the selector that means them.
static PARTS: &[(&[&str], &str)] = &[
    (&["last", "last_layer", "final", "top"], "layers[-1]"),
    (&["first", "first_layer", "input"], "layers[0]"),
    (&["layer"], "layers"),
    (&["block", "stages", "stage"], "blocks"),
    (&["classifier", "fc", "output", "logits", "out"], "head"),
    (&["everything", "weights", "model", "network"], "all"),
    (&["convs", "convolutions", "conv2d"], "conv"),
    (&["bn", "batchnorm", "norm", "batch_norm"], "norms"),
    (&["bias"], "biases"),
];

/// Words that a sentence would have between arguments, and whether nothing is lost without them.
const FILLERS: [(&str, Applicability); 6] = [
    ("for", Applicability::Safe),
    ("of", Applicability::Safe),
    ("the", Applicability::Safe),
    ("to", Applicability::Unsafe),
    ("from", Applicability::Unsafe),
    ("at", Applicability::Unsafe),
];

/// Whether a word is one that sentences have between arguments.
pub(super) fn is_filler(word: &str) -> bool {
    FILLERS.iter().any(|(filler, _)| *filler == word)
}

/// The family's member that another tool's name stands for, if there is one.
fn component(family: Family, name: &str) -> Option<&'static str> {
    let name = name.to_lowercase();
    let member = |name: &str| catalogue::find(family, name).map(|m| m.name);
    let alias = |name: &str| {
        let (.., ours) = COMPONENTS.iter().find(|(f, names, _)| *f == family && names.contains(&name))?;
        member(ours)
    };
    let without_hyphens = || {
        let spellings = ["", "_"].map(|instead| name.replace('-', instead));
        spellings.iter().filter(|s| **s != name).find_map(|s| alias(s).or_else(|| member(s)))
    };
    alias(&name).or_else(without_hyphens)
}

/// The name that stands furthest left in a difference.
fn leftmost(expr: &Expr) -> Option<(&str, Span)> {
    match &expr.kind {
        ExprKind::Name(name) => Some((name, expr.span)),
        ExprKind::Binary { op: BinaryOp::Subtract, left, .. } => leftmost(left),
        _ => None,
    }
}

/// The statement's word that a component stands behind, and its name.
pub(super) fn word_before(member: &Member) -> Option<(&'static str, &'static str)> {
    let word = match member.family {
        Family::Data
        | Family::Model
        | Family::Adapter
        | Family::Optimizer
        | Family::Objective
        | Family::Augment
        | Family::Memory
        | Family::Recall => {
            if member.family == Family::Adapter {
                "adapt"
            } else {
                member.family.name()
            }
        }
        Family::Schedule => "lr",
        Family::Metric => "evaluate",
        _ => return None,
    };
    Some((word, member.name))
}

/// For a component that stands where a statement should: `fashion(validation: 10%)` for `data fashion(…)`.
pub(super) fn advise_member(d: Diagnostic, member: &Member, span: Span) -> Diagnostic {
    let Some((word, _)) = word_before(member) else {
        return d.help(format!("`{}` is one of the {}", member.name, member.family.plural()));
    };
    let d = d.help(format!("write `{word} {} …`", member.name));
    d.fix(format!("write `{word}` before it"), span.before(), format!("{word} "))
}

/// For a statement of another tool that has another name here, and else is the same: `batch_size 64`.
pub(super) fn rename_statement(d: Diagnostic, simple: &Simple, ours: &str) -> Diagnostic {
    let [argument] = &simple.arguments[..] else { return d };
    let plain = argument.name.is_none() && !simple.called && !matches!(argument.value.kind, ExprKind::Error);
    let Some(unit) = suggest::renamed(&simple.word.text).filter(|_| plain) else { return d };
    let mut edits = vec![Edit { span: simple.word.span, text: ours.to_string() }];
    if !unit.is_empty() && matches!(argument.value.kind, ExprKind::Int(_)) {
        edits.push(Edit { span: argument.span.after(), text: unit.to_string() });
    }
    d.with_fix(format!("write `{ours}`"), Applicability::Safe, edits)
}

/// `train(3)`, without its brackets.
pub(super) fn without_brackets(d: Diagnostic, simple: &Simple, sources: &Sources) -> Diagnostic {
    let (Some(first), Some(last)) = (simple.arguments.first(), simple.arguments.last()) else { return d };
    let text = &sources.get(last.span.file).text;
    let behind = &text[last.span.end as usize..];
    let Some(closer) = behind.find(')').filter(|n| behind[..*n].trim().is_empty()) else { return d };
    let open = Span { end: first.span.start, ..simple.word.span.after() };
    let close = Span { end: last.span.end + closer as u32 + 1, ..last.span.after() };
    let edits = vec![Edit { span: open, text: " ".into() }, Edit { span: close, text: String::new() }];
    d.with_fix("remove the brackets", Applicability::Safe, edits)
}

impl Context<'_> {
    /// For a component that another tool calls by this name.
    pub(super) fn advise_component(&self, d: Diagnostic, name: &str, span: Span, family: Family) -> Option<Diagnostic> {
        let ours = component(family, name)?;
        let d = d.help(format!("the {} is called `{ours}` here", family.noun()));
        let title = format!("replace with `{ours}`");
        // In brackets, the other tool's component may take other arguments.
        let called = self.sources.get(span.file).text[span.end as usize..].starts_with('(');
        Some(match called || GUESSES.contains(&&*name.to_lowercase()) {
            true => d.maybe_fix(title, span, ours),
            false => d.fix(title, span, ours),
        })
    }

    /// `Fashion-MNIST` is the name of a component elsewhere, not a difference: tells it as one word.
    pub(super) fn hyphenated(&mut self, left: &Expr, right: &Expr, hint: &Type) -> bool {
        let (Some(family), Some((first, start))) = (families_of(hint).next(), leftmost(left)) else { return false };
        let end = match &right.kind {
            ExprKind::Call { callee, .. } => callee.span,
            _ => right.span,
        };
        let span = start.to(end);
        // The canonical form puts blanks around the `-`.
        let word: String = self.sources.text(span).split_whitespace().collect();
        let one_word = word.chars().all(|c| c.is_alphanumeric() || ['-', '_'].contains(&c));
        if !one_word || self.scopes.place(first).is_some() {
            return false;
        }
        // `clean - loss` is a difference of two metrics, whether or not it may stand here.
        let is_member = |name: &str| catalogue::find(family, name).is_some();
        if word.split_once('-').is_some_and(|(a, b)| is_member(a) && is_member(b)) {
            return false;
        }
        self.unknown_component(&word, span, family, &[]);
        true
    }

    /// For a name that no selector has.
    pub(super) fn advise_selector(&self, d: Diagnostic, name: &str, span: Span) -> Diagnostic {
        let lower = name.to_lowercase();
        match PARTS.iter().find(|(names, _)| names.contains(&lower.as_str())) {
            Some((_, ours)) => {
                d.help(format!("did you mean `{ours}`?")).maybe_fix(format!("replace with `{ours}`"), span, *ours)
            }
            None => d.help(
                "selectors are `layers[-2..]`, `blocks[-1]`, `head`, `conv`, `norms`, `params(\"name*\")`, `all` …",
            ),
        }
    }

    /// For a word that a sentence would have here: `train for 10 epochs`.
    pub(super) fn advise_filler(&self, d: Diagnostic, name: &str, span: Span) -> Option<Diagnostic> {
        let (_, sureness) = FILLERS.iter().find(|(filler, _)| *filler == name)?;
        let text = &self.sources.get(span.file).text[span.end as usize..];
        let rest = text.trim_start_matches([' ', '\t']);
        if rest.is_empty() || rest.starts_with(['\r', '\n', ';', '}', ')', ']', '#']) {
            return None;
        }
        let blanks = text.len() - rest.len();
        let d = d.help("arguments stand one after another, with no words between: leave it out");
        let edit = Edit { span: Span { end: span.end + blanks as u32, ..span }, text: String::new() };
        Some(d.with_fix(format!("leave out `{name}`"), *sureness, vec![edit]))
    }

    /// For a value of another type than its place takes.
    pub(super) fn advise_type(&self, d: Diagnostic, span: Span, place: Place<'_>) -> Diagnostic {
        let text = self.sources.text(span);
        if place.what.to_string() == "`schedule` of `lr`" && text.parse::<f64>().is_ok() {
            return d.help(format!(
                "the rate is the optimizer's: `optimizer sgd(lr: {text})`; `lr cosine` changes it over time"
            ));
        }
        if let Some(family) = families_of(place.ty).next() {
            let bare = text.trim_matches('"');
            if bare.len() < text.len() && catalogue::find(family, bare).is_some() {
                return d.help(format!("write `{bare}`, without quotes")).fix("remove the quotes", span, bare);
            }
            let members: Vec<_> = catalogue::members(family).iter().map(|m| m.name).collect();
            return d.help(format!("{} are {}", family.plural(), words(&members).replace(" or ", " and ")));
        }
        let bare = text.trim_matches('"');
        if let Some(word) = words_of(place.ty).find(|w| *w == bare) {
            return d.help(format!("write `{word}`, without quotes")).fix("remove the quotes", span, word);
        }
        if let Some(word) = suggest::foreign_choice(bare, &words_of(place.ty).collect::<Vec<_>>()) {
            return d.help(format!("write `{word}`"));
        }
        let share = text.ends_with('%') || (text.starts_with(['0', '.']) && text.contains('.'));
        match place.ty {
            Type::Selector if place.what.to_string().ends_with("of `forget`") && share => {
                d.help(format!("say first which weights: `forget layers[-2..] {text}`"))
            }
            Type::Selector if text.parse::<i64>().is_ok() => d.help(format!("layer {text} is `layers[{text}]`")),
            Type::Text => d.help("texts stand in quotes"),
            Type::Tasks => d.help("divide a data set into tasks: `split(fashion, by: class, size: 5)`"),
            _ => d,
        }
    }

    /// For an argument that has no name here: `train epochs: 10`.
    pub(super) fn advise_duration(&self, d: Diagnostic, argument: &Argument, params: &[Param]) -> Option<Diagnostic> {
        let name = argument.name.as_ref()?;
        let takes_time = params.iter().any(|p| !p.named && p.ty == Type::Duration);
        let unit = match name.text.as_str() {
            "epochs" | "epoch" | "n_epochs" | "num_epochs" | "ep" => "epochs",
            "steps" | "iters" | "iterations" | "max_steps" => "steps",
            _ => return None,
        };
        if !takes_time || !matches!(argument.value.kind, ExprKind::Int(_)) {
            return None;
        }
        let text = format!("{} {unit}", self.sources.text(argument.value.span));
        Some(d.help(format!("write `{text}`, without a name")).fix(format!("write `{text}`"), argument.span, text))
    }

    /// `by smallest` for `by: smallest`: tells it, and says for which parameter the next argument is.
    pub(super) fn missing_colon(
        &mut self,
        argument: &Argument,
        next: Option<&Argument>,
        params: &[Param],
    ) -> Option<usize> {
        let ExprKind::Name(name) = &argument.value.kind else { return None };
        if argument.name.is_some() || next.is_none_or(|n| n.name.is_some()) {
            return None;
        }
        let index = params.iter().position(|p| p.named && p.name == name)?;
        let next = next?;
        // `forget head to 5%` names no fill: its `to` is a word of the sentence.
        let number = matches!(next.value.kind, ExprKind::Int(_) | ExprKind::Real(_) | ExprKind::Percent(_));
        if number && is_filler(name) && families_of(&params[index].ty).next().is_some() {
            return None;
        }
        let value = self.sources.text(next.span);
        let d = Diagnostic::new(Code::FOREIGN_SYNTAX, argument.span, "a `:` follows the name of an argument");
        let d = d.help(format!("write `{name}: {value}`"));
        self.report(d.fix("write `:`", argument.span.after(), ":"));
        Some(index)
    }

    /// `clip: noen`: tells what is meant where `none` may stand.
    pub(super) fn misspelt_none(&mut self, argument: &Argument) -> bool {
        let ExprKind::Name(name) = &argument.value.kind else { return false };
        if self.any_member(name).is_some() || self.scopes.get(name).is_some() {
            return false;
        }
        let Some(none) = suggest::nearest(name, ["none"]) else { return false };
        let d = Diagnostic::new(Code::UNKNOWN_NAME, argument.value.span, format!("nothing here is called `{name}`"));
        let d = d.help(format!("did you mean `{none}`?"));
        self.report(d.fix(format!("replace with `{none}`"), argument.value.span, none));
        true
    }

    /// `warmup(5%) tehn cosine`: tells what is meant by a word between two values that is close to an operator.
    pub(super) fn misspelt_operator(&mut self, argument: &Argument, next: Option<&Argument>) -> bool {
        let ExprKind::Name(name) = &argument.value.kind else { return false };
        let known = name.chars().count() < 3
            || is_filler(name)
            || self.any_member(name).is_some()
            || self.scopes.get(name).is_some();
        if known || argument.name.is_some() || next.is_none_or(|n| n.name.is_some()) {
            return false;
        }
        let Some(meant) = suggest::nearest(name, ["then", "and", "with", "not"]) else { return false };
        let d = Diagnostic::new(Code::UNKNOWN_NAME, argument.span, format!("nothing here is called `{name}`"));
        self.report(d.help(format!("did you mean `{meant}`?")).fix(
            format!("replace with `{meant}`"),
            argument.span,
            meant,
        ));
        true
    }
}

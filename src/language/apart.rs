//! Arguments that stand apart and are one value: `sgd lr: 0.1` without its brackets, selectors with commas between them,
//! `layer 3` and `last layer`, words such as `for` before a value. Each is told once, and read as what is meant.

use super::advice::is_filler;
use super::arguments::Owner;
use super::context::Context;
use super::index::Sense;
use super::values::{families_of, selector_word, words_of};
use crate::components::arithmetic;
use crate::components::{Member, Param, Type, Value, catalogue};
use crate::diagnostic::{Applicability, Code, Diagnostic, Edit};
use crate::source::{Sources, Span};
use crate::syntax::tree::{Argument, BinaryOp, Expr, ExprKind};

/// Selectors that are read as their sum.
const MOST_JOINED: usize = 100;

/// How many arguments are one value, and the value.
pub(super) type Together = (usize, Option<Value>);

impl<'a> Context<'a> {
    /// The value for `param` that the first of the arguments is together with some that follow.
    pub(super) fn apart(
        &mut self,
        arguments: &'a [Argument],
        params: &'static [Param],
        param: &'static Param,
        owner: Owner<'_>,
    ) -> Option<Together> {
        let fillers = arguments.windows(2).take_while(|pair| self.is_filler(pair, param)).count();
        for filler in &arguments[..fillers] {
            self.unknown_name(self.sources.text(filler.span), filler.span, &Type::Any);
        }
        let rest = &arguments[fillers..];
        let together = self.together(rest, params, param);
        if together.is_none() && fillers == 0 {
            return None;
        }
        let (count, value) = together.unwrap_or_else(|| (1, self.argument(&rest[0], param, owner)));
        Some((fillers + count, value))
    }

    /// `for` in `train for 10 epochs`: a word that stands before what is meant, and means nothing.
    fn is_filler(&self, pair: &[Argument], param: &Param) -> bool {
        let [Argument { name: None, value, .. }, Argument { name: None, .. }] = pair else { return false };
        let ExprKind::Name(name) = &value.kind else { return false };
        is_filler(name) && self.scopes.place(name).is_none() && words_of(&param.ty).all(|w| w != name)
    }

    fn together(
        &mut self,
        arguments: &'a [Argument],
        params: &'static [Param],
        param: &'static Param,
    ) -> Option<Together> {
        self.without_call(arguments, params, param)
            .or_else(|| self.listed_selectors(arguments, param))
            .or_else(|| self.counted_from_an_end(arguments, param))
            .or_else(|| self.bare_index(arguments, params, param))
            .or_else(|| self.unit_apart(arguments, param))
    }

    /// `sgd lr: 0.1` for `sgd(lr: 0.1)`
    fn without_call(
        &mut self,
        arguments: &'a [Argument],
        params: &'static [Param],
        param: &'static Param,
    ) -> Option<Together> {
        let (first, rest) = arguments.split_first()?;
        let ExprKind::Name(name) = &first.value.kind else { return None };
        let ty = match (&param.ty, param.many) {
            (Type::List(entry), true) => entry,
            (ty, _) => ty,
        };
        let member: &'static Member = families_of(ty).find_map(|f| catalogue::find(f, name))?;
        if self.scopes.place(name).is_some() {
            return None;
        }
        let has = |params: &[Param], name: &str| params.iter().any(|p| p.name == name);
        let its_own =
            |a: &&Argument| a.name.as_ref().is_some_and(|n| has(member.params, &n.text) && !has(params, &n.text));
        let count = rest.iter().take_while(its_own).count();
        let last = rest[..count].last()?;
        let texts: Vec<&str> = rest[..count].iter().map(|a| self.sources.text(a.span)).collect();
        let text = format!("{name}({})", texts.join(", "));
        let message = format!("the arguments of `{name}` stand in brackets");
        let d = Diagnostic::new(Code::FOREIGN_SYNTAX, rest[0].span.to(last.span), message);
        let d = d.help(format!("write `{text}`"));
        let mut edits = between(&arguments[..=count], ", ", self.sources);
        if let Some(edits) = &mut edits {
            edits[0].text = "(".into();
            edits.push(Edit { span: last.span.after(), text: ")".into() });
        }
        self.report(match edits {
            Some(edits) => d.with_fix("write the brackets", Applicability::Safe, edits),
            None => d,
        });
        self.index.means(first.value.span, Sense::Member(member));
        Some((count + 1, self.component(member, &rest[..count], first.span.to(last.span))))
    }

    /// `layers[-2], layers[-1]` for `layers[-2] + layers[-1]`; without commas, as in `conv layers`, either what both hit
    /// may be meant or what any of them hits.
    fn listed_selectors(&mut self, arguments: &'a [Argument], param: &'static Param) -> Option<Together> {
        let (first, rest) = arguments.split_first()?;
        if param.ty != Type::Selector || param.many || !self.is_selector(&first.value) {
            return None;
        }
        let more = |a: &&Argument| a.name.is_none() && (self.is_selector(&a.value) || self.is_layer(&a.value));
        let count = rest.iter().take_while(more).count();
        let last = rest[..count].last()?;
        let (listed, span) = (&arguments[..=count], rest[0].span.to(last.span));
        let commas = listed.windows(2).all(|p| self.gap(&p[0], &p[1]).contains(','));
        if !commas {
            self.side_by_side(listed, span);
            return Some((count + 1, None));
        }
        if rest[..count].iter().any(|a| self.is_layer(&a.value)) {
            return None;
        }
        let d = Diagnostic::new(Code::FOREIGN_SYNTAX, span, "selectors are joined by `+`");
        let texts: Vec<&str> = listed.iter().map(|a| self.sources.text(a.value.span)).collect();
        let d = d.help(format!("write `{}`", texts.join(" + ")));
        self.report(match between(listed, " + ", self.sources) {
            Some(edits) => d.with_fix("write `+`", Applicability::Safe, edits),
            None => d,
        });
        let values: Vec<Option<Value>> =
            arguments[..=count].iter().map(|a| self.evaluate(&a.value, &Type::Selector)).collect();
        let union = |a: Value, b: Value| arithmetic::binary(BinaryOp::Add, &a, &b).ok();
        // A sum nests with each of its parts.
        let value = (count < MOST_JOINED).then(|| values.into_iter().reduce(|a, b| union(a?, b?)).flatten()).flatten();
        Some((count + 1, value))
    }

    /// `conv layers`
    fn side_by_side(&mut self, listed: &'a [Argument], span: Span) {
        self.only_names(listed);
        let layers: Vec<_> = listed.iter().filter(|a| self.is_layer(&a.value)).map(|a| a.span).collect();
        let texts: Vec<&str> = listed
            .iter()
            .map(|a| if layers.contains(&a.span) { "layers" } else { self.sources.text(a.span) })
            .collect();
        let d = Diagnostic::new(Code::FOREIGN_SYNTAX, span, "selectors stand next to each other with nothing between");
        let (both, any) = (texts.join(" & "), texts.join(" + "));
        let mut d = d.help(format!("write `{both}` for what is in all of them, `{any}` for what is in any"));
        for sign in ["&", "+"] {
            let Some(mut edits) = between(listed, &format!(" {sign} "), self.sources) else { continue };
            edits.extend(layers.iter().map(|span| Edit { span: *span, text: "layers".into() }));
            d = d.with_fix(format!("write `{sign}`"), Applicability::Unsafe, edits);
        }
        self.report(d);
    }

    /// What stands between two arguments.
    fn gap(&self, first: &Argument, second: &Argument) -> &str {
        self.sources.text(Span { end: second.span.start, ..first.span.after() })
    }

    /// `layer`, behind selectors
    fn is_layer(&self, expr: &Expr) -> bool {
        matches!(&expr.kind, ExprKind::Name(name) if name == "layer" && self.scopes.place(name).is_none())
    }

    /// `last layer` for `layers[-1]`, `first 2 blocks` for `blocks[..2]`.
    fn counted_from_an_end(&mut self, arguments: &'a [Argument], param: &'static Param) -> Option<Together> {
        let [Argument { name: None, value: end, .. }, Argument { name: None, value: what, .. }, ..] = arguments else {
            return None;
        };
        let (end_word, words) = (self.sources.text(end.span), self.sources.text(what.span));
        let last = ["last", "final"].contains(&end_word);
        let bound = |name: &str| self.scopes.place(name).is_some();
        if param.ty != Type::Selector || param.many || !(last || end_word == "first") || bound(end_word) {
            return None;
        }
        let (count, word) = match &what.kind {
            ExprKind::Name(word) if !bound(word) => (None, word),
            ExprKind::Quantity { unit, .. } => (words.split_whitespace().next(), &unit.text),
            _ => return None,
        };
        let (ours, one) = match word.as_str() {
            "layer" | "layers" => ("layers", word == "layer"),
            "block" | "blocks" => ("blocks", word == "block"),
            _ => return None,
        };
        let text = match (count, last) {
            (None, true) => format!("{ours}[-1]"),
            (None, false) => format!("{ours}[0]"),
            (Some(n), true) => format!("{ours}[-{n}..]"),
            (Some(n), false) => format!("{ours}[..{n}]"),
        };
        let whole = end.span.to(what.span);
        let d = Diagnostic::new(Code::FOREIGN_SYNTAX, whole, format!("{ours} are selected by their index"));
        let countable = count.is_some_and(|n| n.parse::<u32>().is_ok_and(|n| n > 0));
        self.report(match countable || (count.is_none() && one) {
            true => d.help(format!("write `{text}`")).fix(format!("write `{text}`"), whole, text),
            // How many of them is open.
            false => d.help(format!("write which ones: the last two are `{ours}[-2..]`, the first two `{ours}[..2]`")),
        });
        Some((2, None))
    }

    /// Whether an expression is sure to be a selector, and one that may stand in a sum.
    fn is_selector(&self, expr: &Expr) -> bool {
        let unbound = |name: &str| self.scopes.place(name).is_none();
        match &expr.kind {
            ExprKind::Name(name) => selector_word(name).is_some() && unbound(name),
            ExprKind::Index { base, .. } => {
                matches!(&base.kind, ExprKind::Name(name) if selector_word(name).is_some() && unbound(name))
            }
            ExprKind::Call { callee, .. } => callee.text == "params",
            _ => false,
        }
    }

    /// `layer 3` for `layers[3]`, where more arguments follow than there are places for.
    fn bare_index(
        &mut self,
        arguments: &'a [Argument],
        params: &'static [Param],
        param: &'static Param,
    ) -> Option<Together> {
        let [Argument { name: None, value: first, .. }, Argument { name: None, value: index, .. }, ..] = arguments
        else {
            return None;
        };
        let (ExprKind::Name(name), ExprKind::Int(_)) = (&first.kind, &index.kind) else { return None };
        let ours = match name.as_str() {
            "layer" | "layers" => "layers",
            "block" | "blocks" | "stage" => "blocks",
            _ => return None,
        };
        if param.ty != Type::Selector || self.scopes.place(name).is_some() {
            return None;
        }
        let places = params.iter().skip_while(|p| p.name != param.name).filter(|p| !p.named).count();
        if arguments.iter().filter(|a| a.name.is_none()).take(places + 1).count() <= places {
            return None;
        }
        let whole = first.span.to(index.span);
        let text = format!("{ours}[{}]", self.sources.text(index.span));
        let message = format!("`{name}` and its index stand apart");
        let d = Diagnostic::new(Code::FOREIGN_SYNTAX, whole, message);
        // People who count layers from 1 would mean another one.
        let d = d.help(format!("write `{text}`; the first one is `{ours}[0]`"));
        self.report(d.maybe_fix(format!("write `{text}`"), whole, text));
        Some((2, None))
    }
}

/// What replaces all that stands between arguments by `text`; `None` where that is more than blanks and a comma.
fn between(arguments: &[Argument], text: &str, sources: &Sources) -> Option<Vec<Edit>> {
    let gaps = arguments.windows(2).map(|pair| Span { end: pair[1].span.start, ..pair[0].span.after() });
    gaps.map(|span| {
        let plain = sources.text(span).trim_matches([' ', '\t', ',']).is_empty();
        plain.then(|| Edit { span, text: text.to_string() })
    })
    .collect()
}

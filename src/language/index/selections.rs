//! Selectors that stand in a text, and what they hit: worked out when somebody asks.

use super::Index;
use crate::components::Selector;
use crate::components::forgetting::{self, Selected, Unit};
use crate::language::context::Fixed;
use crate::language::selectors;
use crate::nn::architecture::Part;
use crate::source::Span;
use std::sync::Arc;

/// A selector where it is written.
#[derive(Clone, Debug, PartialEq)]
pub struct Selection {
    pub span: Span,
    pub selector: Selector,
    /// what is re-drawn of it; `None` where nothing is
    pub forgotten: Option<Forgotten>,
    /// the biases and norms that layers own are meant too: `freeze`
    pub owned: bool,
    /// rows of the head at this point of the program
    pub head_rows: usize,
}

/// How much a `forget` re-draws.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Forgotten {
    /// `None` where a loop's variable decides
    pub share: Option<f64>,
    pub overall: bool,
    pub unit: Unit,
}

/// One tensor that a selector hits.
#[derive(Clone, Debug, PartialEq)]
pub struct Hit {
    pub name: String,
    pub shape: Vec<usize>,
    pub selected: usize,
    /// `None` where nothing is re-drawn, or only the run decides how much
    pub forgotten: Option<usize>,
}

/// All that a selector hits.
#[derive(Clone, Debug, PartialEq)]
pub struct Hits {
    pub tensors: Vec<Hit>,
    pub forgotten: Option<usize>,
}

impl Hits {
    /// Weights in all tensors together.
    pub fn selected(&self) -> usize {
        self.tensors.iter().map(|t| t.selected).sum()
    }
}

impl std::fmt::Display for Hits {
    /// `2 tensors, 23,050 weights, 6,915 forgotten`
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let plural = |n: usize, word: &str| format!("{} {word}{}", grouped(n), if n == 1 { "" } else { "s" });
        write!(f, "{}, {}", plural(self.tensors.len(), "tensor"), plural(self.selected(), "weight"))?;
        self.forgotten.map_or(Ok(()), |n| write!(f, ", {} forgotten", grouped(n)))
    }
}

/// `23050` as `23,050`.
pub fn grouped(n: usize) -> String {
    let digits = n.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

impl Index {
    /// What a selector hits; `None` where the model isn't known, a loop's variable decides, or it hits nothing.
    pub fn hits(&self, selection: &Selection) -> Option<Hits> {
        let parts = self.parts(selection.head_rows)?;
        let selector = selection.selector.resolve(&mut Fixed(Vec::new())).ok()?;
        let found = selectors::resolve(&selector, &parts).ok()?;
        let chosen = if selection.owned { found.owned } else { found.direct };
        (!chosen.is_empty()).then(|| counted(&parts, &chosen, selection.forgotten))
    }

    /// The model's tensors where its head has so many rows.
    pub fn parts(&self, head_rows: usize) -> Option<Arc<[Part]>> {
        let model = self.model.as_ref()?;
        if head_rows == 0 || head_rows == model.architecture.classes {
            return Some(model.parts.clone());
        }
        Some(model.architecture.clone().with_classes(head_rows).parts().into())
    }
}

fn counted(parts: &[Part], chosen: &[Selected], forgotten: Option<Forgotten>) -> Hits {
    let known = forgotten.and_then(|f| Some((f.share?, f.overall, f.unit)));
    let (share, overall, unit) = known.unwrap_or((0.0, false, Unit::Weight));
    let planned = forgetting::planned(parts, chosen, share, overall, unit);
    let hit = |(s, p): (&Selected, forgetting::Planned)| Hit {
        name: parts[s.part].name.clone(),
        shape: parts[s.part].shape.clone(),
        selected: p.selected,
        forgotten: known.and(p.forgotten),
    };
    Hits {
        tensors: chosen.iter().zip(planned).map(hit).collect(),
        forgotten: known.and_then(|_| forgetting::total(parts, chosen, share, overall, unit)),
    }
}

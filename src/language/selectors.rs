//! Which tensors, and which rows of them, a selector hits. Pure: no weights are needed.

use super::program::Selected;
use crate::components::selector::{Index, Kind, Selector};
use crate::components::{Expression, Value};
use crate::nn::architecture::{Part, PartKind, Region};

/// What a selector hit.
#[derive(Clone, Debug, PartialEq)]
pub struct Selection {
    /// what is forgotten: the weights themselves, and biases and norms only where they were named
    pub direct: Vec<Selected>,
    /// what is frozen: also the biases and norms that the selected layers own
    pub owned: Vec<Selected>,
}

/// Why a selector hits nothing.
#[derive(Clone, Debug, PartialEq)]
pub enum SelectorError {
    /// an index past the end, or one that isn't a whole number
    Index(String),
    /// nothing is hit
    Empty(String),
}

impl std::fmt::Display for SelectorError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (SelectorError::Index(message) | SelectorError::Empty(message)) = self;
        f.write_str(message)
    }
}

/// How a row is hit; the order matters: union takes the larger.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Hit {
    No,
    Owned,
    Direct,
}

/// For each part, a hit for each of its rows (first dimension).
type Hits = Vec<Vec<Hit>>;

/// Resolves a selector whose indices are known against the parts of a model.
pub fn resolve(selector: &Selector, parts: &[Part]) -> Result<Selection, SelectorError> {
    let hits = hits(selector, parts)?;
    let selection = Selection { direct: selected(&hits, Hit::Direct), owned: selected(&hits, Hit::Owned) };
    if selection.owned.is_empty() {
        let there = if let Selector::Params(_) = selector { tensors(parts) } else { inventory(parts) };
        return Err(SelectorError::Empty(format!("`{selector}` hits nothing; the model has {there}")));
    }
    Ok(selection)
}

fn selected(hits: &Hits, least: Hit) -> Vec<Selected> {
    let rows_of = |rows: &Vec<Hit>| -> Option<Option<Vec<usize>>> {
        let hit: Vec<usize> = (0..rows.len()).filter(|r| rows[*r] >= least).collect();
        match hit.len() {
            0 => None,
            n if n == rows.len() => Some(None),
            _ => Some(Some(hit)),
        }
    };
    hits.iter().enumerate().filter_map(|(part, rows)| rows_of(rows).map(|rows| Selected { part, rows })).collect()
}

fn hits(selector: &Selector, parts: &[Part]) -> Result<Hits, SelectorError> {
    match selector {
        Selector::All => Ok(of_parts(parts, own_or_direct)),
        Selector::Layers(index) => {
            let chosen = chosen(index, "layers", &layer_names(parts))?;
            Ok(of_parts(parts, |p| if chosen.contains(&p.layer) { own_or_direct(p) } else { Hit::No }))
        }
        Selector::Blocks(index) => {
            let chosen = chosen(index, "blocks", &block_names(parts))?;
            let inside = |p: &Part| p.block.is_some_and(|b| chosen.contains(&b));
            Ok(of_parts(parts, |p| if inside(p) { own_or_direct(p) } else { Hit::No }))
        }
        Selector::Head(index) => head(index, parts),
        Selector::Params(glob) => {
            let meant = |p: &Part| p.kind != PartKind::Idle && matches(glob, &p.name);
            Ok(of_parts(parts, |p| if meant(p) { Hit::Direct } else { Hit::No }))
        }
        // Of a part of a model, weights are meant themselves, as of layers.
        Selector::Kind(kind @ (Kind::Vision | Kind::Projector | Kind::Language)) => {
            Ok(of_parts(parts, |p| if is_kind(p, *kind) { own_or_direct(p) } else { Hit::No }))
        }
        Selector::Kind(kind) => Ok(of_parts(parts, |p| if is_kind(p, *kind) { Hit::Direct } else { Hit::No })),
        Selector::Union(a, b) => combine(a, b, parts, |a, b| a.max(b)),
        Selector::Difference(a, b) => combine(a, b, parts, |a, b| if b > Hit::No { Hit::No } else { a }),
        Selector::Intersection(a, b) => {
            combine(a, b, parts, |a, b| if a > Hit::No && b > Hit::No { a.max(b) } else { Hit::No })
        }
    }
}

fn of_parts(parts: &[Part], hit: impl Fn(&Part) -> Hit) -> Hits {
    parts.iter().map(|p| vec![hit(p); p.shape[0]]).collect()
}

fn combine(a: &Selector, b: &Selector, parts: &[Part], op: impl Fn(Hit, Hit) -> Hit) -> Result<Hits, SelectorError> {
    let (a, b) = (hits(a, parts)?, hits(b, parts)?);
    Ok(a.iter().zip(&b).map(|(a, b)| a.iter().zip(b).map(|(a, b)| op(*a, *b)).collect()).collect())
}

/// A layer's own weight is meant itself; its bias and norm come along.
fn own_or_direct(part: &Part) -> Hit {
    match part.kind {
        PartKind::ConvWeight | PartKind::LinearWeight | PartKind::Embedding => Hit::Direct,
        PartKind::Bias | PartKind::NormWeight | PartKind::NormBias => Hit::Owned,
        PartKind::Idle | PartKind::Adapter => Hit::No,
    }
}

fn is_kind(part: &Part, kind: Kind) -> bool {
    match kind {
        Kind::Conv => part.kind == PartKind::ConvWeight,
        Kind::Linear => part.kind == PartKind::LinearWeight,
        Kind::Norms => matches!(part.kind, PartKind::NormWeight | PartKind::NormBias),
        Kind::Biases => part.kind == PartKind::Bias,
        Kind::Embeddings => part.kind == PartKind::Embedding,
        Kind::Adapters => part.kind == PartKind::Adapter,
        Kind::Vision => Region::of(&part.name) == Some(Region::Tower),
        Kind::Projector => Region::of(&part.name) == Some(Region::Projector),
        Kind::Language => Region::of(&part.name) == Some(Region::Decoder),
    }
}

fn head(index: &Index, parts: &[Part]) -> Result<Hits, SelectorError> {
    let rows = parts.iter().filter(|p| p.head).map(|p| p.shape[0]).max().unwrap_or(0);
    let names: Vec<String> = (0..rows).map(|r| r.to_string()).collect();
    let chosen = chosen(index, "head", &names)?;
    let row = |p: &Part, r: usize| if p.head && chosen.contains(&r) { own_or_direct(p) } else { Hit::No };
    Ok(parts.iter().map(|p| (0..p.shape[0]).map(|r| row(p, r)).collect()).collect())
}

/// The indices that `index` names in a row of `names`.
fn chosen(index: &Index, what: &str, names: &[String]) -> Result<std::ops::Range<usize>, SelectorError> {
    let n = names.len() as i64;
    let place = |e: &Expression, end: bool| -> Result<i64, SelectorError> {
        let Expression::Constant(Value::Int(i)) = e else {
            return Err(SelectorError::Index(format!("an index of `{what}` is a whole number")));
        };
        let at = if *i < 0 { i + n } else { *i };
        if at < 0 || at > n || (at == n && !end) {
            return Err(SelectorError::Index(format!("`{what}` has {}; {i} is past the end", listed(what, names))));
        }
        Ok(at)
    };
    let range = match index {
        Index::All => 0..n,
        Index::One(e) => place(e, false).map(|i| i..i + 1)?,
        Index::Slice { start, end, inclusive } => {
            let start = start.as_deref().map_or(Ok(0), |e| place(e, true))?;
            let end = match end.as_deref() {
                Some(e) if *inclusive => place(e, false)? + 1,
                Some(e) => place(e, true)?,
                None => n,
            };
            start..end
        }
    };
    if range.start >= range.end {
        return Err(SelectorError::Empty(format!("this slice is empty: `{what}` has {}", listed(what, names))));
    }
    Ok(range.start as usize..range.end as usize)
}

fn listed(what: &str, names: &[String]) -> String {
    if what == "head" {
        return format!("{} rows, 0 to {}", names.len(), names.len().saturating_sub(1));
    }
    let shown = names.iter().enumerate().map(|(i, n)| format!("{i} {n}"));
    match names.len() {
        0 => "none".into(),
        n if n <= 8 => format!("{n}: {}", shown.collect::<Vec<_>>().join(", ")),
        n => {
            let ends: Vec<String> = shown.collect();
            format!("{n}: {}, …, {}", ends[..3].join(", "), ends[n - 3..].join(", "))
        }
    }
}

/// Names of the weight-bearing layers, in forward order.
pub fn layer_names(parts: &[Part]) -> Vec<String> {
    let mut weights: Vec<_> = parts
        .iter()
        .filter(|p| matches!(p.kind, PartKind::ConvWeight | PartKind::LinearWeight | PartKind::Embedding))
        .map(|p| (p.layer, p.kind, p.name.strip_suffix(".weight").unwrap_or(&p.name).to_string()))
        .collect();
    // Patches have two tables beside their convolution, whose name they go by.
    weights.sort_by_key(|w| (w.0, w.1));
    weights.dedup_by_key(|w| w.0);
    weights.into_iter().map(|w| w.2).collect()
}

/// Names of the stages: what the names of their tensors have in common.
pub fn block_names(parts: &[Part]) -> Vec<String> {
    let count = parts.iter().filter_map(|p| p.block).max().map_or(0, |b| b + 1);
    let common = |b: usize| {
        let mut names = parts.iter().filter(|p| p.block == Some(b)).map(|p| p.name.as_str());
        let first = names.next().unwrap_or_default();
        let prefix = names
            .fold(first.len(), |n, name| n.min(first.bytes().zip(name.bytes()).take_while(|(a, b)| a == b).count()));
        first[..prefix]
            .trim_end_matches(|c: char| c == '.' || !c.is_alphanumeric())
            .trim_end_matches(".weight")
            .to_string()
    };
    (0..count).map(common).collect()
}

/// What there is to select, in short.
fn inventory(parts: &[Part]) -> String {
    let layers = layer_names(parts);
    format!("{} layers ({})", layers.len(), listed("layers", &layers))
}

/// Some names of tensors: of each layer's, where there are few, else the first and the last ones.
fn tensors(parts: &[Part]) -> String {
    let names: Vec<String> = parts.iter().map(|p| format!("`{}`", p.name)).collect();
    let shown = match names.len() {
        n if n <= 6 => names.join(", "),
        n => format!("{}, …, {}", names[..3].join(", "), names[n - 2..].join(", ")),
    };
    format!("{} tensors: {shown}", names.len())
}

/// The glob that hits something when it may begin anywhere in a name, and end anywhere.
pub fn wider(glob: &str, parts: &[Part]) -> Option<String> {
    let wide = format!("*{}*", glob.trim_matches('*'));
    let hits = |glob: &str| parts.iter().any(|p| matches(glob, &p.name));
    (!glob.trim_matches('*').is_empty() && hits(&wide)).then_some(wide)
}

/// Whether `name` matches the glob: `*` any characters, `?` any one.
pub fn matches(glob: &str, name: &str) -> bool {
    let (glob, name): (Vec<char>, Vec<char>) = (glob.chars().collect(), name.chars().collect());
    // reach[j]: the glob so far matches the first j characters.
    let mut reach: Vec<bool> = (0..=name.len()).map(|j| j == 0).collect();
    for g in glob {
        let mut next = vec![false; name.len() + 1];
        next[0] = g == '*' && reach[0];
        for j in 1..=name.len() {
            next[j] = match g {
                '*' => reach[j] || next[j - 1],
                '?' => reach[j - 1],
                c => reach[j - 1] && c == name[j - 1],
            };
        }
        reach = next;
    }
    reach[name.len()]
}

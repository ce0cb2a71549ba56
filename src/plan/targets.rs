//! What a selector hit: tensors, and how many of their weights go.

use super::range::Range;
use crate::language::program::{Forget, Selected};
use crate::nn::architecture::Part;

/// One selected tensor.
#[derive(Clone, Debug, PartialEq)]
pub struct Hit {
    /// index into [`crate::language::program::Model::parts`]
    pub part: usize,
    /// weights that the selector means
    pub selected: u64,
    /// weights that are replaced; `None` where only the run decides how many fall on this tensor
    pub forgotten: Option<u64>,
}

/// All of them.
#[derive(Clone, Debug, PartialEq)]
pub struct Hits {
    pub tensors: Vec<Hit>,
    /// weights that are replaced in all
    pub forgotten: Range<u64>,
}

impl Hits {
    /// Weights that the selector means in all.
    pub fn selected(&self) -> u64 {
        self.tensors.iter().map(|t| t.selected).sum()
    }
}

/// ⌊share·n⌋: how many of n things a share of them is.
pub fn share_of(share: f64, n: u64) -> u64 {
    // The tolerance keeps 29% of 100 at 29: 0.29 · 100 is a little below 29 in binary.
    ((share * n as f64 * (1.0 + 1e-12)).floor() as u64).min(n)
}

/// What a zap hits: all of each selected row.
pub fn zapped(selection: &[Selected], parts: &[Part]) -> Hits {
    let tensors: Vec<Hit> = selection
        .iter()
        .map(|s| {
            let (rows, row) = rows(s, &parts[s.part]);
            Hit { part: s.part, selected: rows * row, forgotten: Some(rows * row) }
        })
        .collect();
    let all = tensors.iter().map(|t| t.selected).sum();
    Hits { tensors, forgotten: Range::exactly(all) }
}

/// What a forget hits with that share.
pub fn forgotten(forget: &Forget, selection: &[Selected], share: f64, parts: &[Part]) -> Hits {
    let shapes: Vec<(u64, u64)> = selection.iter().map(|s| rows(s, &parts[s.part])).collect();
    let each = |count: &dyn Fn(u64, u64) -> Option<u64>| -> Vec<Hit> {
        let hit = |(s, (n, row)): (&Selected, &(u64, u64))| Hit {
            part: s.part,
            selected: n * row,
            forgotten: count(*n, *row),
        };
        selection.iter().zip(&shapes).map(hit).collect()
    };
    let exactly = |tensors: Vec<Hit>| {
        let sum = tensors.iter().filter_map(|t| t.forgotten).sum();
        Hits { tensors, forgotten: Range::exactly(sum) }
    };
    // The things that are drawn among all tensors together, by their number of weights.
    let drawn: Vec<(u64, u64)> = match (forget.unit.as_str(), forget.overall) {
        ("layer", _) => shapes.iter().map(|(n, row)| (1, n * row)).collect(),
        ("channel", true) => shapes.clone(),
        ("channel", false) => return exactly(each(&|n, row| Some(share_of(share, n) * row))),
        (_, true) => shapes.iter().map(|(n, row)| (n * row, 1)).collect(),
        (_, false) => return exactly(each(&|n, row| Some(share_of(share, n * row)))),
    };
    let things: u64 = drawn.iter().map(|(n, _)| n).sum();
    let chosen = share_of(share, things);
    let tensors = each(&|n, row| match chosen {
        0 => Some(0),
        all if all == things => Some(n * row),
        _ if selection.len() == 1 && forget.unit != "layer" => {
            Some(chosen * if forget.unit == "channel" { row } else { 1 })
        }
        _ => None,
    });
    Hits { tensors, forgotten: Range { min: least(&drawn, chosen), max: Some(most(&drawn, chosen)) } }
}

/// Selected rows of a tensor, and weights in each.
fn rows(selected: &Selected, part: &Part) -> (u64, u64) {
    let all = part.shape.first().copied().unwrap_or(1);
    let row = part.count().checked_div(all).unwrap_or(0);
    (selected.rows.as_ref().map_or(all, Vec::len) as u64, row as u64)
}

/// Weights in the `chosen` smallest of the things `(how many, weights each)`.
fn least(things: &[(u64, u64)], chosen: u64) -> u64 {
    let mut sorted = things.to_vec();
    sorted.sort_by_key(|(_, size)| *size);
    take(&sorted, chosen)
}

/// The same of the largest.
fn most(things: &[(u64, u64)], chosen: u64) -> u64 {
    let mut sorted = things.to_vec();
    sorted.sort_by_key(|(_, size)| std::cmp::Reverse(*size));
    take(&sorted, chosen)
}

fn take(things: &[(u64, u64)], mut chosen: u64) -> u64 {
    let mut sum = 0;
    for (n, size) in things {
        let now = chosen.min(*n);
        sum += now * size;
        chosen -= now;
    }
    sum
}

//! How much is forgotten: counts that are known before the run.

use super::rankings;
use crate::components::Value;
use crate::nn::architecture::Part;
use std::collections::BTreeSet;

/// One selected tensor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selected {
    /// index of the parameter, in the order of the model's parts
    pub part: usize,
    /// rows (first dimension), sorted; `None`: all of them
    pub rows: Option<Vec<usize>>,
}

/// What is forgotten as a whole, and what a share is a share of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// single numbers
    Weight,
    /// rows of the first dimension: output channels of a convolution, output neurons of a linear layer
    Channel,
    /// the selected tensors of a layer (its weight, and its bias and norm where they are selected)
    Layer,
    /// a share of channels, where `by: kels` keeps the first ones of each tensor
    Block,
}

/// What a `forget` step will do to one tensor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Planned {
    /// numbers that the selection holds
    pub selected: usize,
    /// numbers of them that will be replaced; `None` where draws or weights decide which tensors they fall on
    pub forgotten: Option<usize>,
}

impl Unit {
    /// As it is written.
    pub const WORDS: &[&str] = &["weight", "channel", "layer"];

    /// The unit of that word, one of [`Unit::WORDS`].
    pub fn of(word: &str) -> Option<Unit> {
        match word {
            "weight" => Some(Unit::Weight),
            "channel" => Some(Unit::Channel),
            "layer" => Some(Unit::Layer),
            _ => None,
        }
    }

    /// The unit of that word where weights are chosen so; `None` for a word that is none, or where a loop's variable
    /// decides what chooses them.
    pub fn chosen(word: &str, by: &Value) -> Option<Unit> {
        match by {
            Value::Component(spec) if spec.member == &rankings::KELS => Some(Unit::Block),
            Value::Component(_) => Unit::of(word),
            _ => None,
        }
    }
}

/// ⌊share·n⌋ for the number that was written: 29% of 100 is 29, though 0.29·100 is a little below it in binary.
pub fn count(share: f64, n: usize) -> usize {
    // Four roundings of half a unit in the last place each: share and product, and two that made the share (3.5 / 100).
    ((share * n as f64 * (1.0 + 2.0 * f64::EPSILON)).floor() as usize).min(n)
}

/// What `forget` with these arguments will do to each selected tensor.
///
/// With `overall`, and for whole layers, a share is of all selected tensors together: then how much is known
/// ([`total`]), but not where.
pub fn planned(parts: &[Part], selection: &[Selected], share: f64, overall: bool, unit: Unit) -> Vec<Planned> {
    let together = unit != Unit::Block && (overall || unit == Unit::Layer);
    let one = |selected: &Selected| {
        let slot = Slot::new(&parts[selected.part], selected);
        let forgotten = match unit {
            _ if together => None,
            Unit::Channel => Some(count(share, slot.rows()) * slot.row),
            Unit::Block => {
                let kept = Kept::of(&parts[selected.part], share);
                Some(slot.len() - kept.among(&slot))
            }
            Unit::Weight | Unit::Layer => Some(count(share, slot.len())),
        };
        Planned { selected: slot.len(), forgotten }
    };
    selection.iter().map(one).collect()
}

/// Numbers that `forget` with these arguments will replace in all; `None` where it depends on which channels or layers
/// of different sizes are hit.
pub fn total(parts: &[Part], selection: &[Selected], share: f64, overall: bool, unit: Unit) -> Option<usize> {
    let planned = planned(parts, selection, share, overall, unit);
    let all = planned.iter().map(|p| p.selected).sum();
    if planned.iter().all(|p| p.forgotten.is_some()) {
        return planned.iter().map(|p| p.forgotten).sum();
    }
    let units: usize = match unit {
        Unit::Weight | Unit::Block => return Some(count(share, all)),
        Unit::Channel => selection.iter().map(|s| Slot::new(&parts[s.part], s).rows()).sum(),
        Unit::Layer => selection.iter().map(|s| parts[s.part].layer).collect::<BTreeSet<_>>().len(),
    };
    match count(share, units) {
        0 => Some(0),
        some if some == units => Some(all),
        _ => None,
    }
}

/// A selected tensor with its shape: its selected numbers are counted row by row.
pub(super) struct Slot<'a> {
    /// numbers in one row
    pub row: usize,
    all_rows: usize,
    chosen: Option<&'a [usize]>,
}

impl<'a> Slot<'a> {
    pub fn new(part: &Part, selected: &'a Selected) -> Slot<'a> {
        let all_rows = part.shape.first().copied().unwrap_or(1);
        Slot { row: part.shape.iter().skip(1).product(), all_rows, chosen: selected.rows.as_deref() }
    }

    /// Selected rows.
    pub fn rows(&self) -> usize {
        self.chosen.map_or(self.all_rows, <[usize]>::len)
    }

    /// Selected numbers.
    pub fn len(&self) -> usize {
        self.rows() * self.row
    }

    /// The place in the tensor of the selected number `i`.
    pub fn place(&self, i: usize) -> usize {
        match self.chosen {
            Some(rows) => rows[i / self.row] * self.row + i % self.row,
            None => i,
        }
    }

    /// The row of the tensor that a selected row is.
    fn row_at(&self, i: usize) -> usize {
        self.chosen.map_or(i, |rows| rows[i])
    }

    /// Whether all selected rows are there, sorted and different.
    pub fn fits(&self) -> bool {
        self.chosen.is_none_or(|rows| {
            rows.windows(2).all(|pair| pair[0] < pair[1]) && rows.last().is_none_or(|&last| last < self.all_rows)
        })
    }
}

/// What `by: kels` keeps of a tensor: the first outputs and, of each of them, the first inputs.
pub(super) struct Kept {
    outputs: usize,
    inputs: usize,
    /// numbers in one row, and of them those of one input
    row: usize,
    per_input: usize,
}

impl Kept {
    /// With rate = 1 − share: ⌈rate·outputs⌉ and ⌈rate·inputs⌉; all inputs of the network's first layer, all outputs of
    /// its classifier. A tensor with one number an output has no inputs.
    pub fn of(part: &Part, share: f64) -> Kept {
        let kept = |n: usize| n - count(share, n);
        let outputs = part.shape.first().copied().unwrap_or(1);
        let inputs = part.shape.get(1).copied().unwrap_or(1);
        let all_inputs = part.layer == 0 || part.shape.len() < 2;
        Kept {
            outputs: if part.head { outputs } else { kept(outputs) },
            inputs: if all_inputs { inputs } else { kept(inputs) },
            row: part.shape.iter().skip(1).product(),
            per_input: part.shape.iter().skip(2).product(),
        }
    }

    /// Whether the number at that place of the tensor is kept.
    pub fn holds(&self, place: usize) -> bool {
        place / self.row < self.outputs && place % self.row / self.per_input < self.inputs
    }

    /// How many selected numbers are kept.
    fn among(&self, slot: &Slot) -> usize {
        let rows = (0..slot.rows()).filter(|i| slot.row_at(*i) < self.outputs).count();
        rows * self.inputs * self.per_input
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::architecture::{Init, PartKind};

    #[test]
    fn counts_are_those_of_the_written_share() {
        for n in (0..3000).chain([11_172_170, 46_160_474]) {
            for permille in 0..=1000u64 {
                let exact = (permille * n as u64 / 1000) as usize;
                assert_eq!(count(permille as f64 / 1000.0, n), exact, "{permille} of 1000 of {n}");
                assert_eq!(count(permille as f64 * 0.1 / 100.0, n), exact, "{permille} by product, of {n}");
            }
        }
        assert_eq!(count(1.0 / 3.0, 9), 3);
        assert_eq!(count(0.2999999, 10), 2);
    }

    fn part(layer: usize, shape: &[usize]) -> Part {
        let kind = if shape.len() == 1 { PartKind::Bias } else { PartKind::LinearWeight };
        let name = format!("{layer}.{shape:?}");
        Part { name, shape: shape.to_vec(), kind, layer, block: None, head: false, init: Init::Default, fan_in: 3 }
    }

    #[test]
    fn plans_count_by_tensor_or_overall() {
        let parts = [part(0, &[10, 3, 3, 3]), part(0, &[10]), part(1, &[7, 11])];
        let whole = |part| Selected { part, rows: None };
        let selection = [whole(0), whole(1), Selected { part: 2, rows: Some(vec![1, 4, 5]) }];
        let counts = |overall, unit| {
            let planned = planned(&parts, &selection, 0.35, overall, unit);
            assert_eq!(planned.iter().map(|p| p.selected).collect::<Vec<_>>(), [270, 10, 33]);
            (planned.iter().map(|p| p.forgotten).collect::<Vec<_>>(), total(&parts, &selection, 0.35, overall, unit))
        };
        assert_eq!(counts(false, Unit::Weight), (vec![Some(94), Some(3), Some(11)], Some(108)));
        assert_eq!(counts(true, Unit::Weight), (vec![None; 3], Some(109)));
        assert_eq!(counts(false, Unit::Channel), (vec![Some(81), Some(3), Some(11)], Some(95)));
        assert_eq!(counts(true, Unit::Channel), (vec![None; 3], None));
        assert_eq!(counts(false, Unit::Layer), (vec![None; 3], Some(0)));
        assert_eq!(total(&parts, &selection, 1.0, false, Unit::Layer), Some(313));
    }
}

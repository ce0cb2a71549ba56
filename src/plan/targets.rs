//! What a selector hit: tensors, and how many of their weights are replaced.

use super::variables::Variables;
use crate::components::Value;
use crate::components::forgetting::{self, Planned, Unit};
use crate::language::program::{Forget, Program, Selected};

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
    /// weights that are replaced in all; `None` where only the run decides
    pub forgotten: Option<u64>,
}

impl Hits {
    /// Weights that the selector means in all.
    pub fn selected(&self) -> u64 {
        self.tensors.iter().map(|t| t.selected).sum()
    }

    fn new(selection: &[Selected], planned: Vec<Planned>, total: Option<usize>) -> Hits {
        let tensors = selection.iter().zip(planned).map(|(s, p)| Hit {
            part: s.part,
            selected: p.selected as u64,
            forgotten: p.forgotten.map(|n| n as u64),
        });
        let mut hits = Hits { tensors: tensors.collect(), forgotten: total.map(|n| n as u64) };
        // All or nothing in all is all or nothing in each.
        let all = hits.selected();
        if let Some(total) = hits.forgotten.filter(|n| *n == 0 || *n == all) {
            hits.tensors.iter_mut().for_each(|t| t.forgotten = Some(if total == 0 { 0 } else { t.selected }));
        }
        hits
    }
}

/// What a zap hits: all of each selected row.
pub fn zapped(program: &Program, selection: &[Selected]) -> Hits {
    with_share(program, selection, 1.0, false, Unit::Weight)
}

/// What a forget hits; `None` where a loop's variable decides which tensors. Where one decides the share, or by what
/// weights are chosen, no number of forgotten weights is known.
pub fn forgotten(program: &Program, f: &Forget) -> Option<Hits> {
    let selection = f.target.selection.as_ref()?;
    let mut variables = Variables::default();
    let by = variables.resolve(&f.by).unwrap_or_else(|| f.by.clone());
    match (variables.resolve(&f.share), Unit::chosen(&f.unit, &by)) {
        (Some(Value::Real(share)), Some(unit)) => Some(with_share(program, selection, share, f.overall, unit)),
        _ => {
            let mut hits = zapped(program, selection);
            hits.tensors.iter_mut().for_each(|t| t.forgotten = None);
            Some(Hits { forgotten: None, ..hits })
        }
    }
}

fn with_share(program: &Program, selection: &[Selected], share: f64, overall: bool, unit: Unit) -> Hits {
    let parts = &program.model.parts;
    let planned = forgetting::planned(parts, selection, share, overall, unit);
    Hits::new(selection, planned, forgetting::total(parts, selection, share, overall, unit))
}

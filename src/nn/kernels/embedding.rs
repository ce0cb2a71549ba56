//! Rows of a table picked by number.

use super::buffer::{Pieces, unfilled};
use rayon::prelude::*;

/// Row `ids[n]` of `table` (rows of `d` numbers) for every n; an id out of range is a panic.
pub fn gather(table: &[f32], d: usize, ids: &[u32]) -> Vec<f32> {
    // SAFETY: every row is written below.
    let mut y = unsafe { unfilled(ids.len() * d) };
    let rows = y.par_chunks_mut(d.max(1)).zip(ids).with_min_len(32);
    rows.for_each(|(y, &id)| y.copy_from_slice(&table[id as usize * d..][..d]));
    y
}

/// The gradient of a table of `rows` rows: row i is the sum of the rows n of `dy` with `ids[n]` = i, in order of n.
pub fn scatter_add(dy: &[f32], d: usize, ids: &[u32], rows: usize) -> Vec<f32> {
    assert_eq!(dy.len(), ids.len() * d, "the gradient of {} rows of {d}", ids.len());
    let mut dtable = vec![0f32; rows * d];
    if d == 0 {
        return dtable;
    }
    // Equal ids side by side, each group in order of n.
    let mut order: Vec<(u32, u32)> = ids.iter().copied().zip(0..).collect();
    order.sort_unstable();
    let pieces = Pieces::new(&mut dtable, d);
    let groups: Vec<&[(u32, u32)]> = order.chunk_by(|a, b| a.0 == b.0).collect();
    groups.par_iter().with_min_len(16).for_each(|group| {
        // SAFETY: one group for each id, so the row has one user.
        let sum = unsafe { pieces.piece(group[0].0 as usize) };
        for &(_, n) in *group {
            sum.iter_mut().zip(&dy[n as usize * d..][..d]).for_each(|(sum, dy)| *sum += dy);
        }
    });
    dtable
}

//! Rows of a table picked by number.

use super::buffer::{Pieces, unfilled};
use super::narrow::Numbers;
use super::simd::Isa;
use rayon::prelude::*;

/// Row `ids[n]` of `table` (rows of `d` numbers) for every n; an id out of range is a panic.
pub fn gather(table: Numbers, d: usize, ids: &[u32]) -> Vec<f32> {
    let isa = Isa::in_use();
    // SAFETY: every row is written below.
    let mut y = unsafe { unfilled(ids.len() * d) };
    let rows = y.par_chunks_mut(d.max(1)).zip(ids).with_min_len(32);
    rows.for_each(|(y, &id)| table.part(id as usize * d..(id as usize + 1) * d).read_into(isa, y));
    y
}

/// The gradient of a table of `rows` rows of `d` numbers: row i is the sum of the rows n of `dy` (N, d) with
/// `ids[n]` = i, in f32 in order of n.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repeated_rows_are_summed_in_order() {
        let table: Vec<f32> = (0..15).map(|i| i as f32).collect();
        assert_eq!(gather(table.as_slice().into(), 3, &[4, 0, 4]), [12.0, 13.0, 14.0, 0.0, 1.0, 2.0, 12.0, 13.0, 14.0]);
        // In another order the large numbers would swallow the small one.
        let dy = [1e8, -1e8, 1.0, 2.0];
        assert_eq!(scatter_add(&dy, 1, &[2, 2, 2, 0], 4), [2.0, 0.0, 1.0, 0.0]);
        let many: Vec<u32> = (0..3000).map(|i| i * 7 % 100).collect();
        let ones = vec![1.0; 3000 * 2];
        assert!(scatter_add(&ones, 2, &many, 101).chunks(2).take(100).all(|row| row == [30.0, 30.0]));
        assert!(gather(table.as_slice().into(), 3, &[]).is_empty());
    }
}

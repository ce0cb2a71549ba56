//! In which order items are trained on: batches of about equal lengths, with pictures or without, as LLaVA's sampler
//! (`group_by_modality_length`) makes them.

use super::item::Item;

/// What the order goes by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extent {
    /// questions and answers together, cut at spaces
    pub words: usize,
    pub picture: bool,
}

impl Extent {
    pub fn of(item: &Item) -> Extent {
        let words = |text: &str| text.split_whitespace().count();
        let words = item.turns.iter().map(|turn| words(&turn.question) + words(&turn.answer)).sum::<usize>();
        // The mark of the picture is a word too.
        let marked = item.turns.iter().any(|turn| turn.question.starts_with(super::IMAGE));
        let picture = item.picture.is_some();
        Extent { words: words + usize::from(picture && !marked), picture }
    }
}

/// Indices of the items, each once; from the start, each `batch` of them are a batch. All but at most two batches are of
/// items with pictures alone or without alone. `below(n)` draws a number below `n`, each equally likely: the order
/// depends on nothing else.
pub fn by_modality(items: &[Extent], batch: usize, below: &mut dyn FnMut(usize) -> usize) -> Vec<usize> {
    let batch = batch.max(1);
    let (with, without): (Vec<usize>, Vec<usize>) = (0..items.len()).partition(|i| items[*i].picture);
    let mut with = by_length(with, items, batch, below);
    let mut without = by_length(without, items, batch, below);
    if with.is_empty() || without.is_empty() {
        return with.into_iter().chain(without).flatten().collect();
    }
    // The last ones, which may be short, are joined and come at the end.
    let mut rest: Vec<usize> = [with.pop(), without.pop()].into_iter().flatten().flatten().collect();
    rest.sort_unstable();
    let mut batches: Vec<Vec<usize>> = with.into_iter().chain(without).collect();
    shuffle(&mut batches, below);
    batches.into_iter().flatten().chain(rest).collect()
}

/// Batches of items in random order, the longest one of each first.
fn by_length(
    mut indices: Vec<usize>,
    items: &[Extent],
    batch: usize,
    below: &mut dyn FnMut(usize) -> usize,
) -> Vec<Vec<usize>> {
    shuffle(&mut indices, below);
    let mut batches: Vec<Vec<usize>> = indices.chunks(batch).map(<[usize]>::to_vec).collect();
    batches.iter_mut().for_each(|batch| batch.sort_by_key(|i| std::cmp::Reverse(items[*i].words)));
    batches
}

/// Fisher-Yates from the end.
fn shuffle<T>(items: &mut [T], below: &mut dyn FnMut(usize) -> usize) {
    for last in (1..items.len()).rev() {
        items.swap(last, below(last + 1));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draws() -> impl FnMut(usize) -> usize {
        let mut state = 7u64;
        move |n| {
            state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            (state >> 33) as usize % n
        }
    }

    #[test]
    fn batches_are_of_one_modality_save_the_last_ones() {
        let items: Vec<Extent> = (0..53).map(|i| Extent { words: i * 7 % 31, picture: i % 3 != 0 }).collect();
        let order = by_modality(&items, 4, &mut draws());
        let mut sorted = order.clone();
        sorted.sort_unstable();
        assert_eq!(sorted, (0..53).collect::<Vec<_>>());
        // 35 with and 18 without: 8 and 4 whole batches, then 3 + 2 that are left.
        for batch in order.chunks(4).take(12) {
            assert!(batch.iter().all(|i| items[*i].picture == items[batch[0]].picture), "{batch:?}");
            assert!(batch.windows(2).all(|w| items[w[0]].words >= items[w[1]].words), "{batch:?}");
        }
        assert!(order[48..].is_sorted());
        assert_eq!(order, by_modality(&items, 4, &mut draws()));
        assert_ne!(order, by_modality(&items, 4, &mut |_| 0));
    }

    #[test]
    fn one_modality_needs_no_rest() {
        for picture in [false, true] {
            let items: Vec<Extent> = (0..10).map(|words| Extent { words, picture }).collect();
            let order = by_modality(&items, 4, &mut draws());
            assert_eq!(order.len(), 10);
            assert!(order.chunks(4).all(|batch| batch.windows(2).all(|w| w[0] > w[1])), "{order:?}");
        }
        assert!(by_modality(&[], 4, &mut draws()).is_empty());
    }
}

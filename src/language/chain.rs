//! A list that only grows at its end, and whose beginning is shared by all that were cloned from it.

use std::sync::Arc;

/// Entries in the order in which they were added. Cloning and adding cost nothing, however long it is, so each step of a
/// program can hold all settings that add up.
pub struct Chain<T>(Option<Arc<Link<T>>>);

struct Link<T> {
    entry: T,
    before: Chain<T>,
    length: usize,
}

impl<T> Chain<T> {
    /// Adds an entry; who shares the list so far does not see it.
    pub fn push(&mut self, entry: T) {
        let before = std::mem::take(self);
        let length = before.len() + 1;
        self.0 = Some(Arc::new(Link { entry, before, length }));
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.as_ref().map_or(0, |link| link.length)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// The newest entry.
    pub fn last(&self) -> Option<&T> {
        self.0.as_ref().map(|link| &link.entry)
    }

    /// The list without its newest entry.
    pub fn before(&self) -> Option<&Chain<T>> {
        self.0.as_ref().map(|link| &link.before)
    }

    /// The newest entry first.
    pub fn newest_first(&self) -> impl Iterator<Item = &T> {
        std::iter::successors(Some(self), |chain| chain.before()).filter_map(Chain::last)
    }

    /// In the order in which they were added.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &T> + ExactSizeIterator {
        let mut all: Vec<&T> = self.newest_first().collect();
        all.reverse();
        all.into_iter()
    }

    /// What tells this list from all others that live at the same time; equal for lists that were cloned from each other.
    pub(super) fn identity(&self) -> usize {
        self.0.as_ref().map_or(0, |link| Arc::as_ptr(link).addr())
    }
}

impl<T> Clone for Chain<T> {
    fn clone(&self) -> Chain<T> {
        Chain(self.0.clone())
    }
}

impl<T> Default for Chain<T> {
    fn default() -> Chain<T> {
        Chain(None)
    }
}

impl<T> FromIterator<T> for Chain<T> {
    fn from_iter<I: IntoIterator<Item = T>>(entries: I) -> Chain<T> {
        let mut chain = Chain::default();
        entries.into_iter().for_each(|entry| chain.push(entry));
        chain
    }
}

impl<T: PartialEq> PartialEq for Chain<T> {
    /// Only what is not shared is compared.
    fn eq(&self, other: &Chain<T>) -> bool {
        let (mut a, mut b) = (self, other);
        if a.len() != b.len() {
            return false;
        }
        while let (Some(x), Some(y)) = (&a.0, &b.0) {
            if Arc::ptr_eq(x, y) {
                return true;
            }
            if x.entry != y.entry {
                return false;
            }
            (a, b) = (&x.before, &y.before);
        }
        true
    }
}

impl<T: std::fmt::Debug> std::fmt::Debug for Chain<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

impl<T> Drop for Chain<T> {
    /// One link after the other: a long list must not take the stack.
    fn drop(&mut self) {
        let mut next = self.0.take();
        while let Some(link) = next {
            next = Arc::into_inner(link).and_then(|mut link| link.before.0.take());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_share_their_beginning() {
        let mut all: Chain<u32> = (0..3).collect();
        let three = all.clone();
        all.push(3);
        assert_eq!(all.iter().copied().collect::<Vec<_>>(), [0, 1, 2, 3]);
        assert_eq!(three.newest_first().copied().collect::<Vec<_>>(), [2, 1, 0]);
        assert_eq!((all.len(), all.last(), three.last()), (4, Some(&3), Some(&2)));
        assert_eq!(all.before(), Some(&three));
        assert_eq!(three, (0..3).collect());
        assert_ne!(three, (1..4).collect());
        assert_eq!(format!("{three:?}"), "[0, 1, 2]");
    }

    #[test]
    fn long_ones_are_dropped_without_a_deep_stack() {
        drop((0..1_000_000).collect::<Chain<u32>>());
    }
}

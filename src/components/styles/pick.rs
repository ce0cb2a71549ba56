//! Which items are rewritten, and in which style.

use crate::components::{Problem, ProblemKind};
use crate::nn::rng::Stream;
use crate::text::item::Style;
use sha2::{Digest, Sha256};
use std::collections::HashMap;

/// What names an item's random draws: its id, and how many items before it have the same one. Where ids differ, the order
/// of the file changes nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Key(pub(super) [u64; 2]);

impl Key {
    /// The keys of items with these ids, in their order: the first eight bytes of the id's SHA-256, little-endian, and the
    /// count.
    pub(super) fn all<'i>(ids: impl Iterator<Item = &'i str>) -> Vec<Key> {
        let mut seen: HashMap<u64, u64> = HashMap::new();
        let key = |id: &str| {
            let hash = Sha256::digest(id.as_bytes());
            let hash = hash.iter().take(8).rev().fold(0u64, |sum, byte| sum << 8 | u64::from(*byte));
            let count = seen.entry(hash).or_default();
            *count += 1;
            Key([hash, *count - 1])
        };
        ids.map(key).collect()
    }

    /// The stream of a purpose, for one turn of the item.
    pub(super) fn stream(self, seed: u64, purpose: &str, turn: usize) -> Stream {
        let [id, count] = self.0;
        Stream::new(seed, purpose, &[id, count, turn as u64])
    }
}

/// How many items become each of these styles: the share of all, rounded, in parts as equal as can be; where they aren't,
/// the first styles get one more.
pub(super) fn quotas(items: usize, share: f64, styles: &[Style]) -> Vec<(Style, usize)> {
    let total = (share * items as f64).round() as usize;
    let count = styles.len().max(1);
    let quota = |(at, style): (usize, &Style)| (*style, total / count + usize::from(at < total % count));
    styles.iter().enumerate().map(quota).collect()
}

/// The style of each item that is rewritten. Items are ranked by a number from their own stream; each style in turn takes
/// the first ones that are left and can become it.
///
/// # Errors
/// Too few items that can become a style.
pub(super) fn pick(
    keys: &[Key],
    quotas: &[(Style, usize)],
    seed: u64,
    can: impl Fn(usize, Style) -> bool,
) -> Result<Vec<Option<Style>>, Problem> {
    let rank = |at: &usize| (keys[*at].stream(seed, "diversify/order", 0).next_u64(), keys[*at]);
    let mut left: Vec<usize> = (0..keys.len()).collect();
    left.sort_by_cached_key(rank);
    let mut styles = vec![None; keys.len()];
    for (style, quota) in quotas {
        let mut taken = 0;
        left.retain(|at| {
            let take = taken < *quota && can(*at, *style);
            if take {
                styles[*at] = Some(*style);
                taken += 1;
            }
            !take
        });
        if taken < *quota {
            return Err(too_few(*style, *quota, taken));
        }
    }
    Ok(styles)
}

fn too_few(style: Style, quota: usize, found: usize) -> Problem {
    let why = match style {
        Style::YesNo => "items whose answers are yes or no already are left alone, and others need a wrong answer",
        Style::MultipleChoice => "items with options already are left alone, and others need a wrong answer",
        Style::Short => "items with short answers already are left alone, and texts come to no short answer by a rule",
        Style::Brief | Style::Detailed => "items in this style already are left alone",
    };
    let message =
        format!("{quota} items should become `{}`, but only {found} of those that are left can: {why}", style.word());
    Problem::new(ProblemKind::DoesNotFit, message).help("lower the share, or leave that style out of `over`")
}

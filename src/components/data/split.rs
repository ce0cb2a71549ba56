//! What every data set can be asked for: a validation split, a smaller train split, wrong labels.

use super::Examples;
use super::reader::{Header, RawSplit};
use crate::components::{Default, Param, Problem, ProblemKind, Spec, Type, Value};
use crate::nn::rng::Stream;

/// `validation:`
pub(super) const VALIDATION: Param =
    Param::new("validation", Type::Share, "share of the train images that becomes the validation split, stratified")
        .or(Default::Real(0.0))
        .named();

/// `train:`
pub(super) const TRAIN: Param = Param::new(
    "train",
    Type::OneOf(&[Type::Share, Type::Int]),
    "how much of the train images to keep, stratified: a share or a number (after validation is taken)",
)
.or(Default::Absent)
.above(0.0)
.named();

/// `label_noise:`
pub(super) const LABEL_NOISE: Param =
    Param::new("label_noise", Type::Share, "share of the train images that get a wrong label, drawn uniformly")
        .or(Default::Real(0.0))
        .named();

/// The common arguments of a data set.
///
/// Which examples are taken is decided by one random key per example (its id and the seed): in each class those with
/// the smallest keys. So the validation split is the same for every `train:`; a smaller `train:` is part of a larger
/// one of the same seed wherever no class's count shrinks (always, where the classes are balanced), and so for noise.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Settings {
    validation: f64,
    train: Amount,
    label_noise: f64,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Amount {
    All,
    Share(f64),
    Count(u64),
}

/// Which rows of the train file go where, each in the file's order.
pub(super) struct Division {
    pub(super) train: Vec<usize>,
    pub(super) validation: Vec<usize>,
}

impl Settings {
    /// Reads the common arguments; a value that waits for run time is refused.
    pub(super) fn of(spec: &Spec) -> Result<Settings, Problem> {
        let share = |name: &'static str| match spec.get(name) {
            Value::Real(share) if (0.0..=1.0).contains(share) => Ok(*share),
            _ => Err(unfit(name, "must be a share from 0% to 100%")),
        };
        let train = match spec.get("train") {
            Value::None => Amount::All,
            Value::Real(share) if (0.0..=1.0).contains(share) => Amount::Share(*share),
            Value::Int(count) if *count > 0 => Amount::Count(*count as u64),
            _ => return Err(unfit("train", "must be a share up to 100% or a number of images from 1")),
        };
        Ok(Settings { validation: share("validation")?, train, label_noise: share("label_noise")? })
    }

    /// Images in train, validation and test once the settings are applied to a data set of that header.
    pub(super) fn counts(&self, header: &Header) -> Result<[usize; 3], Problem> {
        let [all, own_validation, test] = header.counts;
        if all == 0 {
            let unused = [("validation", self.validation > 0.0), ("train", self.train != Amount::All)];
            return match unused.into_iter().chain([("label_noise", self.label_noise > 0.0)]).find(|(_, set)| *set) {
                Some((name, _)) => Err(Problem::new(ProblemKind::NoSplit, "the data has no train split").of(name)),
                None => Ok(header.counts),
            };
        }
        let validation = self.validation_count(all, own_validation)?;
        let train = self.train_count(all - validation)?;
        if self.label_noise > 0.0 && header.class_names.len() < 2 {
            return Err(unfit("label_noise", "needs at least two classes; there is one"));
        }
        Ok([train, own_validation.max(validation), test])
    }

    fn validation_count(&self, all: usize, own: usize) -> Result<usize, Problem> {
        if self.validation == 0.0 {
            return Ok(0);
        }
        if own > 0 {
            return Err(unfit("validation", format!("is asked for, but the data has its own {own} validation images")));
        }
        match share_of(self.validation, all) {
            0 => Err(unfit("validation", format!("of {all} train images is no image; ask for a larger share"))),
            count if count == all => Err(unfit("validation", "leaves no image to train; ask for less than 100%")),
            count => Ok(count),
        }
    }

    fn train_count(&self, rest: usize) -> Result<usize, Problem> {
        match self.train {
            Amount::All => Ok(rest),
            Amount::Share(share) => match share_of(share, rest) {
                0 => Err(unfit("train", format!("of {rest} images is no image; ask for a larger share"))),
                count => Ok(count),
            },
            Amount::Count(count) => usize::try_from(count).ok().filter(|count| *count <= rest).ok_or_else(|| {
                unfit("train", format!("asks for {count} images; there are {rest} once validation is taken"))
            }),
        }
    }

    /// Divides the rows of the train file into `counts` of [`Settings::counts`].
    pub(super) fn divide(&self, all: &RawSplit, counts: [usize; 3], classes: usize, seed: u64) -> Division {
        let rows: Vec<usize> = (0..all.labels.len()).collect();
        let validation = if self.validation > 0.0 { counts[1] } else { 0 };
        let (validation, rest) =
            stratified((&all.labels, &all.ids), rows, validation, classes, |id| key(seed, "data.validation", id));
        let (train, _) =
            stratified((&all.labels, &all.ids), rest, counts[0], classes, |id| key(seed, "data.subset", id));
        Division { train, validation }
    }

    /// The labels of these train rows with noise: exactly ⌊share·n⌋ are replaced, each by another class, all other
    /// classes alike likely. `None` where there is no noise.
    pub(super) fn noisy_labels(&self, all: &RawSplit, rows: &[usize], classes: usize, seed: u64) -> Option<Vec<u32>> {
        if self.label_noise == 0.0 {
            return None;
        }
        let mut labels: Vec<u32> = rows.iter().map(|row| all.labels[*row]).collect();
        let draw = |(i, row): (usize, &usize)| {
            let mut stream = Stream::new(seed, "data.label_noise", &[all.ids[*row]]);
            (stream.next_u64(), i, stream.below(classes - 1) as u32)
        };
        let mut draws: Vec<(u64, usize, u32)> = rows.iter().enumerate().map(draw).collect();
        draws.sort_unstable();
        for (_, i, other) in draws.into_iter().take(share_of(self.label_noise, rows.len())) {
            labels[i] = other + u32::from(other >= labels[i]);
        }
        Some(labels)
    }
}

/// ⌊share·n⌋. The tolerance is for shares that binary cannot hold: 0.29 · 100 is a little below 29.
fn share_of(share: f64, n: usize) -> usize {
    ((share * n as f64 * (1.0 + 1e-12)).floor() as usize).min(n)
}

/// What an example is ranked by, the same whatever else is in the data.
fn key(seed: u64, purpose: &str, id: u64) -> u64 {
    Stream::new(seed, purpose, &[id]).next_u64()
}

/// Takes `count` of the rows so that every class keeps its share: (taken, left), both in the given order.
fn stratified(
    (labels, ids): (&[u32], &[u64]),
    rows: Vec<usize>,
    count: usize,
    classes: usize,
    key: impl Fn(u64) -> u64,
) -> (Vec<usize>, Vec<usize>) {
    if count == 0 {
        return (Vec::new(), rows);
    }
    if count >= rows.len() {
        return (rows, Vec::new());
    }
    let mut by_class = vec![Vec::new(); classes];
    for row in &rows {
        by_class[labels[*row] as usize].push((key(ids[*row]), *row));
    }
    let sizes: Vec<usize> = by_class.iter().map(Vec::len).collect();
    let mut taken = vec![false; labels.len()];
    for (mut members, quota) in by_class.into_iter().zip(quotas(&sizes, count)) {
        members.sort_unstable();
        members.into_iter().take(quota).for_each(|(_, row)| taken[row] = true);
    }
    rows.into_iter().partition(|row| taken[*row])
}

impl Examples {
    /// Places of `count` of them, in order, that a metric with `examples: count` is measured on: of each class those with
    /// the smallest keys, as for `train:`. All of them where there are no more.
    pub fn subset(&self, count: usize, seed: u64) -> Vec<usize> {
        self.subset_of((0..self.len()).collect(), count, seed)
    }

    /// The same of some of them: those at these places.
    pub fn subset_of(&self, places: Vec<usize>, count: usize, seed: u64) -> Vec<usize> {
        let classes = self.all_labels().iter().max().map_or(0, |label| *label as usize + 1);
        let all = (self.all_labels(), self.all_ids());
        stratified(all, places, count, classes, |id| key(seed, "metric.examples", id)).0
    }
}

/// Divides `count` among classes of these sizes: the floor of the exact share each, then one more to the largest
/// remainders, ties to the lower class. `count` is at most the sum of the sizes.
fn quotas(sizes: &[usize], count: usize) -> Vec<usize> {
    let all = sizes.iter().sum::<usize>() as u128;
    let exact = |size: usize| size as u128 * count as u128;
    let mut quotas: Vec<usize> = sizes.iter().map(|size| (exact(*size) / all) as usize).collect();
    let mut order: Vec<usize> = (0..sizes.len()).collect();
    order.sort_by_key(|class| std::cmp::Reverse(exact(sizes[*class]) % all));
    let short = count - quotas.iter().sum::<usize>();
    order.into_iter().take(short).for_each(|class| quotas[class] += 1);
    quotas
}

fn unfit(name: &'static str, why: impl std::fmt::Display) -> Problem {
    Problem::new(ProblemKind::DoesNotFit, format!("`{name}` {why}")).of(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn largest_remainders_get_what_the_floors_leave() {
        // exact: 3.33 3.33 1.67 1.67; the floors leave two, and the remainders .67 are the largest
        assert_eq!(quotas(&[4, 4, 2, 2], 10), [3, 3, 2, 2]);
        // exact: 1.25 each: the tie goes to the lower class
        assert_eq!(quotas(&[3, 3, 3, 3], 5), [2, 1, 1, 1]);
        assert_eq!(quotas(&[0, 7, 0], 3), [0, 3, 0]);
    }

    #[test]
    fn shares_that_binary_cannot_hold_count_as_written() {
        for percent in 0..=100 {
            assert_eq!(share_of(f64::from(percent) / 100.0, 60_000), 600 * percent as usize, "{percent} %");
        }
        assert_eq!([share_of(0.29, 100), share_of(0.299, 100), share_of(1.0, 7)], [29, 29, 7]);
    }

    proptest! {
        #[test]
        fn quotas_are_within_one_of_exact(sizes in prop::collection::vec(0usize..1000, 1..20), part in 0.0..1.0f64) {
            let all: usize = sizes.iter().sum();
            prop_assume!(all > 0);
            let count = (all as f64 * part) as usize;
            let quotas = quotas(&sizes, count);
            prop_assert_eq!(quotas.iter().sum::<usize>(), count);
            for (quota, size) in quotas.into_iter().zip(sizes) {
                prop_assert!(quota <= size);
                prop_assert!((quota as f64 - size as f64 * count as f64 / all as f64).abs() < 1.0);
            }
        }
    }
}

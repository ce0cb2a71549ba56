//! Superficial and essential forgetting told apart (as SEFE names them): an answer of the wrong form, though the content is
//! there, and an answer of the wrong content.

use serde_json::{Value, json};

/// What is known of an answer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Judged {
    /// from 0 to 1, by the task's [`super::Scorer`]
    pub score: f64,
    /// whether it has the form that was asked for: [`super::has_form`]
    pub form: bool,
    /// whether it contains the truth in any form: [`super::knows`]
    pub knows: bool,
}

/// What became of an item that was once answered well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Kept,
    /// the form is wrong, but the content is there
    Superficial,
    /// the content is wrong
    Essential,
}

/// What became of a task's items, as shares of all of them. The four add up to 1.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Shares {
    pub kept: f64,
    pub superficial: f64,
    pub essential: f64,
    /// was never answered well
    pub never: f64,
}

/// A score from which an answer counts as right. Only `textvqa` and people's answers have scores between 0 and 1: there
/// it takes two people of ten who agree.
pub const RIGHT: f64 = 0.5;

/// What became of an item that was answered well, by its answer now and, where that has the wrong form, by the answer to
/// the same question asked again with its form stated (`again`).
///
/// A right answer is kept. An answer of the wrong form is superficial forgetting if it contains the truth, or if the
/// question asked again is answered right; everything else is essential.
pub fn verdict(now: Judged, again: Option<Judged>) -> Verdict {
    let content = now.knows || again.is_some_and(|again| again.score >= RIGHT);
    match (now.score >= RIGHT, now.form) {
        (true, _) => Verdict::Kept,
        (false, false) if content => Verdict::Superficial,
        _ => Verdict::Essential,
    }
}

/// The shares over a task's items, each with its score right after its task was learned, its answer now, and the answer
/// when asked again.
pub fn shares(items: impl IntoIterator<Item = (f64, Judged, Option<Judged>)>) -> Shares {
    let (mut counts, mut all) = (Shares::default(), 0.0);
    for (before, now, again) in items {
        all += 1.0;
        let count = match (before >= RIGHT).then(|| verdict(now, again)) {
            None => &mut counts.never,
            Some(Verdict::Kept) => &mut counts.kept,
            Some(Verdict::Superficial) => &mut counts.superficial,
            Some(Verdict::Essential) => &mut counts.essential,
        };
        *count += 1.0;
    }
    let share = |count: f64| if all > 0.0 { count / all } else { 0.0 };
    Shares {
        kept: share(counts.kept),
        superficial: share(counts.superficial),
        essential: share(counts.essential),
        never: share(counts.never),
    }
}

impl Shares {
    /// For records.
    pub fn to_json(self) -> Value {
        let Shares { kept, superficial, essential, never } = self;
        json!({ "kept": kept, "superficial": superficial, "essential": essential, "never": never })
    }
}

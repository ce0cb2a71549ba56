//! Answer style diversification (SEFE, Chen et al. 2025, arXiv 2505.02486): a share of a task's training items is
//! asked and answered in other forms than the task's own, so that a model that learns one task after another forgets less
//! of how to answer.
//!
//! The paper's program and wording are not published. What is done here:
//!
//! - The share X of the items is rewritten, in place: as many items come out as go in, in the same order. Each style but the
//!   task's own gets the same part of X, each rewritten item one style, with all its turns. The own style is that of most
//!   items unless it is given. Items that have a style already are not picked for it.
//! - `yes_no`: the question with a candidate answer, which is the truth or a wrong answer, equally likely.
//!   `multiple_choice`: the truth and up to three wrong answers in random order, and the letter. `short`: the bare answer; of a
//!   question with options they stay in the question. `brief`, `detailed`: an explanation, by a language model or by a rule.
//! - Wrong answers come from the other options, else from the answers of the task that are of the same kind (yes or no,
//!   number, box, text), each as likely, or from a language model. A wrong box overlaps the right one by half at most.
//! - Each rewritten question ends with its style's response format prompt, in place of the one that it had. Items that are not
//!   rewritten stay as they are.
//! - All draws are keyed by seed, item and turn, so the order of the file and the number of threads change nothing.

mod convert;
mod explain;
mod llava;
mod native;
pub mod options;
mod pick;
mod pool;
mod prompts;
mod replies;
mod requests;

pub use llava::to_llava;
pub use prompts::Prompts;
pub use replies::Replies;
pub use requests::Request;

use crate::components::{Problem, ProblemKind};
use crate::text::item::{Item, Style};
use native::{Kind, Reading};
use pick::Key;
use pool::Pool;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// Where something comes from that no rule of conversion gives.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Source {
    /// the answers of the task, sentences around the truth
    #[default]
    Rule,
    /// a language model's replies
    Replies,
}

/// How a task is diversified.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// of the items that are rewritten
    pub share: f64,
    /// the styles; the task's own one is left out
    pub over: Vec<Style>,
    /// the task's own style; none: that of most items
    pub native: Option<Style>,
    pub seed: u64,
    pub prompts: Prompts,
    /// where wrong answers in words and numbers come from; those that are boxes or options always come from a rule
    pub wrong: Source,
    /// where explanations come from
    pub explanations: Source,
    /// the bare answer stands before the explanation
    pub prepend_answer: bool,
    /// the folder that pictures are named from where a language model is asked, so that keys of replies do not depend on where
    /// it lies; empty: they are named as items have them
    pub images: PathBuf,
}

/// The items of a task, some of them rewritten.
#[derive(Clone, Debug, PartialEq)]
pub struct Diversified {
    /// as many as before, in the same order
    pub items: Vec<Item>,
    /// the task's own style
    pub native: Style,
    /// how many items were rewritten in each style
    pub rewritten: Vec<(Style, usize)>,
    /// how many items had each style before
    pub before: BTreeMap<Style, usize>,
    /// how many items could not be rewritten in each style: they have it, or what it needs of them is not there
    pub unfit: Vec<(Style, usize)>,
}

impl Default for Settings {
    /// The paper's: 20 %, all five styles.
    fn default() -> Settings {
        Settings {
            share: 0.2,
            over: Style::ALL.to_vec(),
            native: None,
            seed: 0,
            prompts: Prompts::default(),
            wrong: Source::Rule,
            explanations: Source::Rule,
            prepend_answer: false,
            images: PathBuf::new(),
        }
    }
}

/// Rewrites a share of a task's items.
///
/// # Errors
/// A share outside 0..=1; no style but the task's own; fewer items that can become a style than should; replies that lack or
/// that cannot be used, all of them at once.
pub fn diversify(items: Vec<Item>, settings: &Settings, replies: &Replies) -> Result<Diversified, Problem> {
    let plan = Plan::of(&items, settings)?;
    let given = replies.for_requests(&plan.requests(&items, settings))?;
    let unfit = plan.unfit(settings);
    let rewrite = |(at, item): (usize, Item)| match plan.styles[at] {
        None => item,
        Some(style) => {
            let made = convert::Made { pool: &plan.pool, given: given.get(&at), settings };
            made.item(&item, &plan.readings[at], style, plan.keys[at])
        }
    };
    let items = items.into_iter().enumerate().map(rewrite).collect();
    Ok(Diversified { items, native: plan.native, rewritten: plan.quotas, before: plan.before, unfit })
}

/// What a language model is to be asked before [`diversify`] with these settings; empty where everything comes from rules.
///
/// # Errors
/// As [`diversify`], but for replies.
pub fn requests(items: &[Item], settings: &Settings) -> Result<Vec<Request>, Problem> {
    Ok(Plan::of(items, settings)?.requests(items, settings))
}

/// What is done with each item.
struct Plan {
    readings: Vec<Vec<Reading>>,
    keys: Vec<Key>,
    pool: Pool,
    native: Style,
    before: BTreeMap<Style, usize>,
    quotas: Vec<(Style, usize)>,
    /// of those that are rewritten
    styles: Vec<Option<Style>>,
}

impl Plan {
    fn of(items: &[Item], settings: &Settings) -> Result<Plan, Problem> {
        if !(0.0..=1.0).contains(&settings.share) {
            return Err(wrong(format!("a share of {} cannot be rewritten; it is from 0 to 1", settings.share)));
        }
        let readings: Vec<Vec<Reading>> = items.iter().map(|item| native::readings(item, &settings.prompts)).collect();
        let mut before: BTreeMap<Style, usize> = BTreeMap::new();
        readings.iter().filter_map(|r| native::style_of(r)).for_each(|style| *before.entry(style).or_default() += 1);
        // The first of equally frequent ones.
        let most = before.iter().rev().max_by_key(|(_, count)| **count).map(|(style, _)| *style);
        let native = settings.native.or(most).unwrap_or(Style::Short);
        let targets: Vec<Style> =
            Style::ALL.into_iter().filter(|style| *style != native && settings.over.contains(style)).collect();
        if targets.is_empty() && settings.share > 0.0 {
            let message = format!("there is no style to rewrite items in: their own is `{}`", native.word());
            return Err(wrong(message).help("name other styles in `over`").of("over"));
        }
        let pool = Pool::of(readings.iter().flatten());
        let keys = Key::all(items.iter().map(|item| item.id.as_str()));
        let quotas = pick::quotas(items.len(), settings.share, &targets);
        let can = |at: usize, style| can_become(&readings[at], style, &pool, settings);
        let styles = pick::pick(&keys, &quotas, settings.seed, can)?;
        Ok(Plan { readings, keys, pool, native, before, quotas, styles })
    }

    /// How many items cannot become each style.
    fn unfit(&self, settings: &Settings) -> Vec<(Style, usize)> {
        let unfit = |style| self.readings.iter().filter(|item| !can_become(item, style, &self.pool, settings)).count();
        self.quotas.iter().map(|(style, _)| (*style, unfit(*style))).collect()
    }

    fn requests(&self, items: &[Item], settings: &Settings) -> Vec<Request> {
        let picked = self.styles.iter().enumerate().filter_map(|(at, style)| Some((at, (*style)?)));
        picked.filter_map(|(at, style)| Request::of(at, &items[at], &self.readings[at], style, settings)).collect()
    }
}

/// Whether an item can be rewritten in a style: not all of its turns have it, and the others can get it.
fn can_become(readings: &[Reading], style: Style, pool: &Pool, settings: &Settings) -> bool {
    let turn = |reading: &Reading| {
        let asked = settings.wrong == Source::Replies && is_asked_for(reading);
        reading.style == style
            || match style {
                Style::YesNo | Style::MultipleChoice => reading.truth.is_some() && (asked || pool.has_wrong(reading)),
                Style::Short => reading.truth.is_some(),
                // A long text is no brief one, whatever is put around it.
                Style::Brief => {
                    let short = reading.truth.is_some() || reading.style != Style::Detailed;
                    short || settings.explanations == Source::Replies
                }
                Style::Detailed => true,
            }
    };
    readings.iter().any(|reading| reading.style != style) && readings.iter().all(turn)
}

/// Whether a language model may be asked for wrong answers to a question.
fn is_asked_for(reading: &Reading) -> bool {
    reading.options.is_empty() && matches!(reading.kind, Kind::Number | Kind::Text)
}

fn wrong(message: String) -> Problem {
    Problem::new(ProblemKind::DoesNotFit, message)
}

#[cfg(test)]
mod golden_tests;
#[cfg(test)]
mod tests;

//! Explanations where no language model writes them: sentences around the truth, of the length that is asked for. They
//! teach the form; of what stands in the picture they say no more than the answer does.

use super::native::{Kind, Reading};
use crate::text::item::Style;

/// About 20 or about 50 words that support the truth. `picture` says whether the item is about one.
pub(super) fn explanation(reading: &Reading, answer: &str, style: Style, picture: bool) -> String {
    let seen = if picture { "the picture" } else { "the text" };
    let said = said(reading, answer);
    if style == Style::Brief {
        return format!("{said} This follows from what {seen} shows, and nothing else in it speaks against it.");
    }
    format!(
        "{said} To find this, look at {seen} as a whole first and then at each of its parts. Everything that matters for the \
         question fits this answer. Other answers were considered too, but none of them agrees as well with what \
         {seen} shows."
    )
}

/// The truth in a sentence.
fn said(reading: &Reading, answer: &str) -> String {
    let Some(truth) = &reading.truth else { return finished(answer) };
    let truth = truth.trim().trim_end_matches('.');
    match reading.kind {
        Kind::YesNo => format!("The answer to the question is {}.", truth.to_lowercase()),
        Kind::Number => format!("The right number here is {truth}."),
        Kind::Region => format!("What is asked for lies in the box {truth}."),
        Kind::Text => format!("The right answer to the question is {truth}."),
    }
}

/// The text with a full stop.
fn finished(text: &str) -> String {
    let text = text.trim();
    if text.ends_with(['.', '!', '?']) { text.to_string() } else { format!("{text}.") }
}

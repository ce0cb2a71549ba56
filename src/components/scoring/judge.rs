//! A language model as judge of what answers show of knowledge, as CoIN asks one (its knowledge capability): the question to
//! it, and how its answer is read. The wording is ours.

use crate::text::item::Expected;

/// The most points a judge gives.
const MOST: f64 = 10.0;

/// What a judge is asked about one answer. `question` is without the sentence about the form of its answer
/// ([`crate::components::styles::Prompts::bare`]), since the form does not count here.
pub fn question_for_judge(question: &str, truth: &str, answer: &str, expected: &Expected) -> String {
    let rule = match expected {
        Expected::Region(_) => {
            "Both are boxes in a picture, written as left, top, right and bottom from 0 to 1. Give 10 points where they are \
             the same, fewer the less they overlap, and 0 where they do not overlap or the answer is no box."
        }
        _ => {
            "Give 10 points where the answer says all that the right answer says, whatever its wording, length and form; \
             fewer the less of it is said or the more is added that is wrong; 0 where nothing of it is said."
        }
    };
    format!(
        "Judge an answer to a question about a picture that you cannot see.\nQuestion: {}\nRight answer: {}\nAnswer: \
         {}\n{rule}\nReply with the number of points alone, from 0 to 10.",
        question.trim(),
        truth.trim(),
        answer.trim()
    )
}

/// The points in what a judge wrote, from 0 to 10, read as CoIN's script does: a number; else the number before a `/`; else
/// the first digit from 1 to 9. What is more than 10 or cannot be read counts 0, and here also what is below 0.
pub fn judged(reply: &str) -> f64 {
    let number = |text: &str| text.trim().parse::<f64>().ok();
    let before_slash = || reply.split_once('/').and_then(|(before, _)| number(before));
    let digit = || reply.chars().find_map(|c| c.to_digit(10).filter(|digit| *digit > 0)).map(f64::from);
    let points = number(reply).or_else(before_slash).or_else(digit).unwrap_or(0.0);
    if (0.0..=MOST).contains(&points) { points } else { 0.0 }
}

/// The share of all points that answers got; none where there is no answer.
pub fn rating(points: &[f64]) -> Option<f64> {
    (!points.is_empty()).then(|| points.iter().sum::<f64>() / (MOST * points.len() as f64))
}

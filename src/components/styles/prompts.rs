//! Response format prompts: the sentence below a question that says in which form to answer.

use crate::text::item::Style;

/// Sentences of this kind that instruction files have, beside our own; compared without case and final full stop.
const KNOWN: &[&str] = &[
    "Answer the question using a single word or phrase.",
    "Answer the question with a single word or phrase.",
    "Answer with the option's letter from the given choices directly.",
    "Answer with the option's letter from the given choices.",
    "Please answer yes or no.",
    "Answer yes or no.",
];

/// One sentence for each style. SEFE's own wording is not published: those of `multiple_choice` and `short` are LLaVA-1.5's
/// (Liu et al. 2024, arXiv 2310.03744), the others ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prompts {
    pub yes_no: String,
    pub multiple_choice: String,
    pub short: String,
    pub brief: String,
    pub detailed: String,
}

impl Default for Prompts {
    fn default() -> Prompts {
        Prompts {
            yes_no: "Answer with Yes or No.".to_string(),
            multiple_choice: "Answer with the option's letter from the given choices directly.".to_string(),
            short: "Answer the question using a single word or phrase.".to_string(),
            brief: "Answer with a brief explanation of about 20 words.".to_string(),
            detailed: "Answer with a detailed explanation of about 50 words.".to_string(),
        }
    }
}

impl Prompts {
    /// The sentence of a style.
    pub fn of(&self, style: Style) -> &str {
        match style {
            Style::YesNo => &self.yes_no,
            Style::MultipleChoice => &self.multiple_choice,
            Style::Short => &self.short,
            Style::Brief => &self.brief,
            Style::Detailed => &self.detailed,
        }
    }

    /// The question without the sentence about its form, where it ends with one of ours or of [`KNOWN`]; without space
    /// around it.
    pub fn bare<'q>(&self, question: &'q str) -> &'q str {
        let ours = Style::ALL.into_iter().map(|style| self.of(style));
        let all: Vec<&str> = ours.chain(KNOWN.iter().copied()).map(core).filter(|prompt| !prompt.is_empty()).collect();
        let mut bare = question.trim();
        loop {
            // The longest that fits: one may be the end of another.
            let found = all.iter().filter(|prompt| ends_with(bare, prompt)).max_by_key(|prompt| prompt.len());
            let Some(front) = found.map(|prompt| &core(bare)[..core(bare).len() - prompt.len()]) else { return bare };
            // A question that is nothing but such a sentence stays, as does a word that only ends like one.
            if front.trim().is_empty() || !front.ends_with(char::is_whitespace) {
                return bare;
            }
            bare = front.trim();
        }
    }

    /// The question with the sentence of a style in a line below, in place of the one that it has.
    pub fn asked(&self, question: &str, style: Style) -> String {
        let bare = self.bare(question);
        match self.of(style) {
            "" => bare.to_string(),
            prompt => format!("{bare}\n{prompt}"),
        }
    }

    /// The question asked again in a style: with a sentence in front that states the form plainly
    /// ([`crate::components::scoring::stated`]), and the style's own sentence below.
    pub fn asked_again(&self, question: &str, style: Style, stated: &str) -> String {
        format!("{stated}\n{}", self.asked(question, style))
    }
}

/// What is compared of a sentence.
fn core(prompt: &str) -> &str {
    prompt.trim().trim_end_matches('.')
}

/// Whether a question ends with this sentence.
fn ends_with(question: &str, prompt: &str) -> bool {
    let end = core(question);
    let at = end.len().checked_sub(prompt.len()).and_then(|at| end.get(at..));
    at.is_some_and(|end| end.eq_ignore_ascii_case(prompt))
}

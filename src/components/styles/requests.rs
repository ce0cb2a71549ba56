//! What a language model is asked: one request for an item that is rewritten with its help, with all its questions.

use super::native::Reading;
use super::{Settings, Source, is_asked_for};
use crate::disk::sha256;
use crate::text::item::{Item, Picture, Style};
use serde_json::{Value, json};

/// A request to a language model that sees pictures.
#[derive(Clone, Debug, PartialEq)]
pub struct Request {
    /// place of the item
    pub(super) at: usize,
    /// of the item
    pub id: String,
    pub style: Style,
    /// the picture's file below [`Settings::images`], where there is one
    pub image: Option<String>,
    /// (question, right answer, whether it is asked for) of each turn
    pub(super) entries: Vec<(String, String, bool)>,
    /// answers that are right, by turn
    pub(super) right: Vec<Reading>,
    /// SHA-256 of what is asked: a reply serves every item, share and seed that ask the same
    pub key: String,
}

/// What is wanted of a language model for each question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    Explanation,
    /// so many wrong answers
    Wrong(usize),
}

impl Request {
    /// What is to be asked for this item in this style, if anything.
    pub(super) fn of(
        at: usize,
        item: &Item,
        readings: &[Reading],
        style: Style,
        settings: &Settings,
    ) -> Option<Request> {
        let source = match wanted(style)? {
            Wanted::Explanation => settings.explanations,
            Wanted::Wrong(_) => settings.wrong,
        };
        let asked = |reading: &Reading| {
            let by_reply = wanted(style) == Some(Wanted::Explanation) || is_asked_for(reading);
            source == Source::Replies && reading.style != style && by_reply
        };
        if !readings.iter().any(asked) {
            return None;
        }
        let answer = |at: usize, reading: &Reading| match &reading.truth {
            Some(truth) => truth.clone(),
            None => item.turns[at].answer.trim().to_string(),
        };
        let entries: Vec<(String, String, bool)> = readings
            .iter()
            .enumerate()
            .map(|(at, reading)| (reading.question.clone(), answer(at, reading), asked(reading)))
            .collect();
        let image = match &item.picture {
            Some(Picture::File(path)) => {
                Some(path.strip_prefix(&settings.images).unwrap_or(path).display().to_string())
            }
            _ => None,
        };
        let asked_for = json!([style.word(), image, entries]);
        let key = sha256(asked_for.to_string().as_bytes());
        Some(Request { at, id: item.id.clone(), style, image, entries, right: readings.to_vec(), key })
    }

    /// As a line of JSON: what a script hands to any language model, whose reply it writes as `{"key": …, "reply": …}`.
    pub fn to_json(&self) -> Value {
        let asked = self.entries.iter().enumerate().filter(|(_, (_, _, asked))| *asked);
        let entry = |(at, (question, answer, _)): (usize, &(String, String, bool))| json!({ "question_index": at, "question": question, "answer": answer });
        let questions: Vec<Value> = asked.map(entry).collect();
        json!({
            "key": self.key,
            "id": self.id,
            "style": self.style.word(),
            "image": self.image,
            "system": self.system(),
            "user": Value::from(questions).to_string(),
        })
    }

    fn system(&self) -> String {
        let form = match wanted(self.style) {
            Some(Wanted::Wrong(1)) => {
                "write one wrong answer that somebody could give who did not look closely. Reply with a JSON list of \
                 objects {\"question_index\", \"distractor_option\"}"
            }
            Some(Wanted::Wrong(_)) => {
                "write three different wrong answers that somebody could give who did not look closely. Reply with a \
                 JSON list of objects {\"question_index\", \"distractor_options\": [three texts]}"
            }
            _ if self.style == Style::Brief => {
                "explain in about 20 words what supports the right answer. Reply with a JSON list of objects \
                 {\"question_index\", \"explanation\"}"
            }
            _ => {
                "explain in about 50 words what supports the right answer. Reply with a JSON list of objects \
                 {\"question_index\", \"explanation\"}"
            }
        };
        let seen = if self.image.is_some() { "You see a picture and get" } else { "You get" };
        format!(
            "{seen} a JSON list of questions with their right answers. For each question, {form}. The right answers are \
             given: do not doubt them. Reply with the JSON alone."
        )
    }
}

/// What a style needs that rules give only in part.
pub(super) fn wanted(style: Style) -> Option<Wanted> {
    match style {
        Style::YesNo => Some(Wanted::Wrong(1)),
        Style::MultipleChoice => Some(Wanted::Wrong(super::convert::WRONG_OPTIONS)),
        Style::Brief | Style::Detailed => Some(Wanted::Explanation),
        Style::Short => None,
    }
}

//! An item rewritten in another style.

use super::explain::explanation;
use super::native::{Kind, Reading};
use super::options::letter;
use super::pick::Key;
use super::pool::Pool;
use super::replies::Given;
use super::{Settings, Source, is_asked_for};
use crate::nn::rng::Stream;
use crate::text::item::{Expected, Item, Origin, Style, Turn};

/// Wrong answers beside the truth of a question with options.
pub(super) const WRONG_OPTIONS: usize = 3;

/// What items are rewritten with.
pub(super) struct Made<'m> {
    pub(super) pool: &'m Pool,
    /// what a language model gave for the item, by turn
    pub(super) given: Option<&'m Vec<Given>>,
    pub(super) settings: &'m Settings,
}

/// A turn rewritten, and what an answer to it is compared with.
type Rewritten = (Turn, Option<Expected>);

impl Made<'_> {
    /// The item in that style, with the style's word behind its id.
    pub(super) fn item(&self, item: &Item, readings: &[Reading], style: Style, key: Key) -> Item {
        let mut expected = item.expected.clone();
        let mut turns = Vec::with_capacity(item.turns.len());
        for (at, (turn, reading)) in item.turns.iter().zip(readings).enumerate() {
            let stream = key.stream(self.settings.seed, &format!("diversify/{}", style.word()), at);
            let (turn, now) = if reading.style == style {
                (self.turn(&reading.question, style, turn.answer.trim().to_string()), None)
            } else {
                self.rewritten(turn, reading, style, at, item.picture.is_some(), stream)
            };
            if let Some(now) = now.filter(|_| item.expected.is_some() && at + 1 == item.turns.len()) {
                expected = Some(now);
            }
            turns.push(turn);
        }
        let origin = Some(Origin { style, source: item.id.clone(), seed: self.settings.seed });
        let id = format!("{}:{}", item.id, style.word());
        Item { id, picture: item.picture.clone(), turns, expected, origin }
    }

    fn rewritten(
        &self,
        turn: &Turn,
        reading: &Reading,
        style: Style,
        at: usize,
        picture: bool,
        mut stream: Stream,
    ) -> Rewritten {
        let truth = reading.truth.clone().unwrap_or_default();
        match style {
            Style::YesNo => self.statement(reading, &truth, at, &mut stream),
            Style::MultipleChoice => self.choice(reading, &truth, at, &mut stream),
            Style::Short => {
                let expected = match reading.kind {
                    // A box is compared as the item has it.
                    Kind::Region => None,
                    _ => Some(Expected::Text(truth.clone())),
                };
                (self.turn(&reading.question, style, truth), expected)
            }
            Style::Brief | Style::Detailed => {
                let given = self.given.and_then(|given| given.get(at)).and_then(|given| given.explanation.clone());
                let text = given.unwrap_or_else(|| explanation(reading, &turn.answer, style, picture));
                let text = match &reading.truth {
                    Some(truth) if self.settings.prepend_answer => {
                        format!("{}. {text}", truth.trim().trim_end_matches('.'))
                    }
                    _ => text,
                };
                let known = reading.truth.clone().filter(|_| reading.kind != Kind::Region);
                (self.turn(&reading.question, style, text), known.map(Expected::Text))
            }
        }
    }

    fn statement(&self, reading: &Reading, truth: &str, at: usize, stream: &mut Stream) -> Rewritten {
        let is_right = stream.below(2) == 0;
        let candidate = match is_right {
            true => truth.to_string(),
            false => self.wrong(reading, 1, at, stream).pop().unwrap_or_default(),
        };
        let question = format!("{}\nIs this the right answer: {}", reading.question, as_question(&candidate));
        let answer = if is_right { "Yes" } else { "No" }.to_string();
        (self.turn(&question, Style::YesNo, answer.clone()), Some(Expected::Text(answer)))
    }

    fn choice(&self, reading: &Reading, truth: &str, at: usize, stream: &mut Stream) -> Rewritten {
        // Whether an option is right goes with it, since wrong ones may come from a stranger.
        let mut options = vec![(true, truth.to_string())];
        options.extend(self.wrong(reading, WRONG_OPTIONS, at, stream).into_iter().map(|wrong| (false, wrong)));
        stream.shuffle(&mut options);
        let right = options.iter().position(|(right, _)| *right).unwrap_or_default();
        let line = |(place, (_, text)): (usize, &(bool, String))| format!("\n{}. {}", letter(place), text.trim());
        let listed: String = options.iter().enumerate().map(line).collect();
        let question = format!("{}{listed}", reading.question);
        let expected = Expected::Option { right, options: options.len() };
        (self.turn(&question, Style::MultipleChoice, letter(right).to_string()), Some(expected))
    }

    fn wrong(&self, reading: &Reading, count: usize, at: usize, stream: &mut Stream) -> Vec<String> {
        let given = self.given.and_then(|given| given.get(at)).map(|given| given.wrong.clone());
        match given.filter(|_| self.settings.wrong == Source::Replies && is_asked_for(reading)) {
            Some(wrong) => wrong,
            None => self.pool.draw(reading, count, stream),
        }
    }

    fn turn(&self, question: &str, style: Style, answer: String) -> Turn {
        Turn { question: self.settings.prompts.asked(question, style), answer }
    }
}

/// The candidate with a question mark.
fn as_question(candidate: &str) -> String {
    format!("{}?", candidate.trim().trim_end_matches(['.', '?']))
}

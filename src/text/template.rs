//! How questions and answers become one text: a template says what stands around them.

use super::IMAGE;
use super::item::{Item, Turn};
use super::tokenizer::Tokenizer;
use std::ops::Range;

/// A way of writing conversations.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Template {
    /// Vicuna 1.1's and LLaVA-1.5's: `SYSTEM USER: … ASSISTANT: …</s>USER: …`
    VicunaV1,
    /// SmolLM2's, of which Qwen's differs by its system text: `<|im_start|>user\n…<|im_end|>\n<|im_start|>assistant\n…<|im_end|>`
    Chatml,
    /// nothing but the texts: question, line break, answer, end of text
    Plain,
}

/// What Vicuna 1.1 was told before each conversation.
const VICUNA_SYSTEM: &str = "A chat between a curious user and an artificial intelligence assistant. The assistant gives helpful, detailed, and polite answers to the user's questions.";

/// What SmolLM2's own template says where a conversation has no system text.
const SMOLLM_SYSTEM: &str = "You are a helpful AI assistant named SmolLM, trained by Hugging Face";

/// A conversation as one text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rendered {
    pub text: String,
    /// where the answers stand with the ends that close them: what is learned. A space between the mark of the answer
    /// and the answer belongs to it, since the model has to say it.
    pub answers: Vec<Range<usize>>,
    /// where the picture stands
    pub picture: Option<usize>,
}

impl Template {
    /// All, by their names in programs.
    pub const ALL: [(&'static str, Template); 3] =
        [("vicuna_v1", Template::VicunaV1), ("chatml", Template::Chatml), ("plain", Template::Plain)];

    /// The template of that name.
    pub fn named(name: &str) -> Option<Template> {
        Template::ALL.iter().find(|(n, _)| *n == name).map(|(_, template)| *template)
    }

    pub fn name(self) -> &'static str {
        match self {
            Template::VicunaV1 => "vicuna_v1",
            Template::Chatml => "chatml",
            Template::Plain => "plain",
        }
    }

    /// The text that closes an answer, and its token, at which generation stops.
    ///
    /// # Errors
    /// If this tokenizer has no such token.
    pub fn end(self, tokenizer: &Tokenizer) -> Result<(String, u32), String> {
        let eos = tokenizer.special().eos.and_then(|id| tokenizer.written(id));
        let text = match (self, eos) {
            (Template::VicunaV1 | Template::Plain, Some(eos)) => eos,
            (Template::VicunaV1 | Template::Plain, None) => "</s>".to_string(),
            (Template::Chatml, _) => "<|im_end|>".to_string(),
        };
        match tokenizer.encode(&text, false).as_ref().map(|e| e.ids.as_slice()) {
            Ok([id]) => Ok((text, *id)),
            _ => Err(format!(
                "the template `{}` ends answers with `{text}`, which is no token of this tokenizer",
                self.name()
            )),
        }
    }

    /// A conversation with its answers. `end` is that of [`Template::end`].
    pub fn training(self, item: &Item, end: &str) -> Rendered {
        self.conversation(item, end, item.turns.len())
    }

    /// A conversation up to where the answer to the last question begins.
    pub fn prompt(self, item: &Item, end: &str) -> Rendered {
        self.conversation(item, end, item.turns.len().saturating_sub(1))
    }

    /// A conversation of which so many questions are answered.
    fn conversation(self, item: &Item, end: &str, answered: usize) -> Rendered {
        let mut out = self.opening();
        let picture = picture_turn(item);
        for (i, turn) in item.turns.iter().enumerate() {
            self.question(&mut out, turn, picture == Some(i));
            if i == answered {
                break;
            }
            let from = out.text.len();
            self.answer(&mut out.text, &turn.answer, end);
            out.answers.push(from..out.text.len());
            if self == Template::Chatml {
                out.text.push('\n');
            }
        }
        out
    }

    fn opening(self) -> Rendered {
        let text = match self {
            Template::VicunaV1 => format!("{VICUNA_SYSTEM} "),
            Template::Chatml => format!("<|im_start|>system\n{SMOLLM_SYSTEM}<|im_end|>\n"),
            Template::Plain => String::new(),
        };
        Rendered { text, ..Rendered::default() }
    }

    /// The question and all that stands between it and the answer.
    fn question(self, out: &mut Rendered, turn: &Turn, picture: bool) {
        out.text.push_str(match self {
            Template::VicunaV1 => "USER: ",
            Template::Chatml => "<|im_start|>user\n",
            Template::Plain => "",
        });
        let question = marked(turn).unwrap_or(&turn.question);
        if picture {
            out.picture = Some(out.text.len());
            if !question.is_empty() {
                out.text.push('\n');
            }
        }
        out.text.push_str(question);
        match self {
            Template::VicunaV1 => out.text.push_str(" ASSISTANT:"),
            Template::Chatml => out.text.push_str("<|im_end|>\n<|im_start|>assistant\n"),
            Template::Plain if question.is_empty() => {}
            Template::Plain => out.text.push('\n'),
        }
    }

    fn answer(self, text: &mut String, answer: &str, end: &str) {
        if self == Template::VicunaV1 {
            text.push(' ');
        }
        text.push_str(answer);
        text.push_str(end);
    }
}

/// The question without the mark of the picture, where it has one.
fn marked(turn: &Turn) -> Option<&str> {
    turn.question.strip_prefix(IMAGE).map(|rest| rest.strip_prefix('\n').unwrap_or(rest))
}

/// The turn that the picture stands in: that with the mark, else the first one.
fn picture_turn(item: &Item) -> Option<usize> {
    item.picture.as_ref()?;
    Some(item.turns.iter().position(|turn| marked(turn).is_some()).unwrap_or(0))
}

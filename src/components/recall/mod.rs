//! What a teacher asks of the network that is trained: a term of the loss beside the objective's own.

pub mod kl;
pub mod mse;

use crate::components::objectives::{Crafted, Lesson, Likeness, On};
use crate::components::{Default, Member, Param, Spec, Type, Value, entries};
use crate::nn::network::{Asked, Network, Noise, Trainable};
use crate::nn::sequences::Sequences;
use candle_core::Result;

/// A term of the loss.
pub struct Recall {
    pub weight: f64,
    pub likeness: Likeness,
    on: &'static [On],
    pub teacher: Teacher,
    /// in plain `train` and `consolidate` too
    pub always: bool,
}

/// Whose answers are to be given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Teacher {
    /// the stable network
    Memory,
    /// the network as it was at this checkpoint
    Checkpoint(String),
}

const ON: Param = Param::new(
    "on",
    Type::Word(&["adversarial", "clean", "both"]),
    "the images as the objective's attack makes them, as they are, or both, a term each",
)
.or(Default::Word("adversarial"))
.named();

const TEACHER: Param = Param::new(
    "teacher",
    Type::OneOf(&[Type::Word(&["memory"]), Type::Text]),
    "whose answers are to be given, in eval mode: the memory, or a checkpoint of the run",
)
.or(Default::Word("memory"))
.named();

const DURING: Param = Param::new("during", Type::Word(&["relearn", "all"]), "which training steps it is a part of")
    .or(Default::Word("relearn"))
    .named();

type Build = fn(&Spec) -> Recall;

/// The family's members with their builders, in the order in which they are listed.
static RECALLS: [(&Member, Build); 2] = [(&kl::MEMBER, kl::build), (&mse::MEMBER, mse::build)];

/// The descriptions of all recalls.
pub static MEMBERS: &[&Member] = &entries::members(&RECALLS);

/// The term that `spec` describes.
pub fn build(spec: &Spec) -> Recall {
    entries::builder(&RECALLS, spec.name())(spec)
}

fn term(spec: &Spec, likeness: Likeness) -> Recall {
    Recall {
        weight: spec.real("weight"),
        likeness,
        on: match spec.word("on") {
            "adversarial" => &[On::Attacked],
            "clean" => &[On::Clean],
            _ => &[On::Clean, On::Attacked],
        },
        teacher: teacher(spec),
        always: spec.word("during") == "all",
    }
}

/// The teacher of a recall.
pub fn teacher(spec: &Spec) -> Teacher {
    match spec.get("teacher") {
        Value::Text(name) => Teacher::Checkpoint(name.clone()),
        _ => Teacher::Memory,
    }
}

/// Whether it is a part of the training steps of that word.
pub fn teaches(spec: &Spec, word: &str) -> bool {
    word == "relearn" || *spec.get("during") == Value::Word("all".into())
}

impl Recall {
    /// What the teacher says about a batch.
    ///
    /// # Errors
    /// What the network's operations return.
    pub fn ask(&self, teacher: &Network, crafted: &Crafted) -> Result<Lesson> {
        Lesson::of(teacher, crafted, self.on, self.weight, self.likeness)
    }

    /// What the teacher says of the tokens that are learned.
    ///
    /// # Errors
    /// What the network's operations return.
    pub fn ask_texts(&self, teacher: &Network, sequences: &Sequences) -> Result<Lesson> {
        let tape = teacher.tape();
        let answers = teacher.read(&tape, sequences, Asked::Learned, Trainable::None, Noise::Off)?.logits;
        Ok(Lesson::given(answers.tensor().clone(), self.weight, self.likeness))
    }
}

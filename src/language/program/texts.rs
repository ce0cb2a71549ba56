//! What a program says of conversations.

use crate::components::Value;
use crate::text::item::Style;

/// How conversations are trained on.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TextSettings {
    /// the tasks of `learn`: [`Value::Task`]s, or later; none: all of the data
    pub learned: Option<Value>,
    /// places of the decoder; none: as many as the model was made for
    pub max_length: Option<u64>,
    /// what is rewritten before it is learned
    pub diversify: Option<Diversify>,
    /// what is met again of tasks learned before
    pub replay: Option<Replay>,
}

/// Conversations of tasks learned before, beside those of a batch.
#[derive(Clone, Debug, PartialEq)]
pub struct Replay {
    /// of the conversations of a batch, in 0..=1
    pub share: f64,
    /// conversations that are kept of each task
    pub keep: u64,
}

/// Answer style diversification of what is learned.
#[derive(Clone, Debug, PartialEq)]
pub struct Diversify {
    /// of each task's conversations, in 0..=1
    pub share: f64,
    pub over: Vec<Style>,
}

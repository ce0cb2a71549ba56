//! Text for language models: what is asked and answered, and how that becomes numbers.

pub mod item;

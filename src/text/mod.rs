//! Text for language models: what is asked and answered, and how that becomes numbers.

pub mod bpe;
#[cfg(test)]
mod golden;
pub mod instructions;
pub mod item;
pub mod order;
pub mod picture;
pub mod resize;
pub mod sequence;
pub mod template;
pub mod tokenizer;

/// A target that is not learned: the decoder's loss leaves such positions out.
pub const IGNORED: u32 = u32::MAX;

/// What stands for the picture in files of instructions.
pub const IMAGE: &str = "<image>";

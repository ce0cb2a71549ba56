//! Folders of pretrained models as Hugging Face keeps them: `config.json`, weights in one file or several.

mod build;
mod config;
mod fields;
mod names;
pub mod peft;
mod shards;
#[cfg(test)]
mod tests;

pub use build::{ClipTower, Decoder, Llava, Projector};
pub use config::{Form, Pretrained};
pub use names::canonical;
pub use shards::{Shards, load};

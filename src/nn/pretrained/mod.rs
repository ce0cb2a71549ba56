//! Folders of pretrained models as Hugging Face keeps them: `config.json`, weights in one file or several.

mod build;
mod config;
mod fields;
pub mod gguf;
mod names;
mod narrow;
mod open;
pub mod peft;
mod shards;
#[cfg(test)]
mod tests;

pub use build::{ClipTower, Decoder, Llava, Projector};
pub use config::{Form, Pretrained};
pub use names::canonical;
pub use narrow::Narrow;
pub use open::{decoder, describe, load_tower, open, planned, tower, tower_fits};
pub use shards::{Shards, load};

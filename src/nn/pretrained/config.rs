//! `config.json`: which family, and its numbers.

use super::build::{ClipTower, Decoder, Llava, Projector};
use super::fields::Fields;
use crate::nn::architecture::{Activation, Architecture, Rotary, Scaling};
use crate::text::picture::{CLIP_MEAN, CLIP_STD};
use serde_json::Value as Json;
use std::cell::RefCell;

/// A model that was trained elsewhere.
#[derive(Clone, Debug, PartialEq)]
pub struct Pretrained {
    pub architecture: Architecture,
    pub form: Form,
}

/// Whose names and fields a folder has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    Llama,
    /// as transformers keeps LLaVA
    Llava,
    /// as its authors keep it: the tower is often in a folder of its own
    OriginalLlava,
    /// CLIP's tower alone, or all of CLIP, of which the tower is read
    Clip,
}

impl Pretrained {
    /// What a `config.json` describes.
    ///
    /// # Errors
    /// Everything that is wrong with it, a sentence each: fields of another kind, and values that change the mathematics
    /// to something that is not supported.
    pub fn of(json: &Json) -> Result<Pretrained, Vec<String>> {
        let found = whole(json, |fields| match fields.text("model_type") {
            Some("llama") => Some((decoder(fields, "llama").architecture(), Form::Llama)),
            Some("llava" | "llava_llama") if fields.get("mm_vision_tower").is_some() => {
                Some((original(fields).architecture(), Form::OriginalLlava))
            }
            Some("llava") => Some((llava(fields).architecture(), Form::Llava)),
            Some(other) => {
                let other = other.escape_debug();
                fields.wrong("model_type", &format!("is \"{other}\"; supported are llama and llava"));
                None
            }
            None => {
                fields.wrong("model_type", "is missing; supported are llama and llava");
                None
            }
        })?;
        // Without one, there was a problem.
        let (architecture, form) = found.ok_or_else(Vec::new)?;
        architecture.check().map_err(|why| vec![why])?;
        Ok(Pretrained { architecture, form })
    }
}

impl Decoder {
    /// What the `config.json` of a decoder describes.
    ///
    /// # Errors
    /// As [`Pretrained::of`].
    pub fn of(json: &Json) -> Result<Decoder, Vec<String>> {
        whole(json, |fields| decoder(fields, "llama"))
    }
}

impl ClipTower {
    /// What the `config.json` of CLIP, or of its tower alone, describes.
    ///
    /// # Errors
    /// As [`Pretrained::of`].
    pub fn of(json: &Json) -> Result<ClipTower, Vec<String>> {
        whole(json, |fields| match fields.text("model_type") {
            Some("clip") => tower(&fields.within("vision_config")),
            _ => tower(fields),
        })
    }
}

/// What `read` makes of a file, or everything that is wrong with it.
fn whole<T>(json: &Json, read: impl Fn(&Fields) -> T) -> Result<T, Vec<String>> {
    let problems = RefCell::new(Vec::new());
    let found = read(&Fields::new(json, &problems));
    let mut problems = problems.into_inner();
    problems.dedup();
    if problems.is_empty() { Ok(found) } else { Err(problems) }
}

/// Fields and defaults are those of transformers' LlamaConfig.
fn decoder(fields: &Fields, family: &'static str) -> Decoder {
    fields.one_of("model_type", &[family]);
    fields.one_of("hidden_act", &["silu"]);
    let width = fields.size("hidden_size", 4096);
    let heads = fields.size("num_attention_heads", 32);
    let kv_heads = fields.size("num_key_value_heads", heads);
    if !heads.is_multiple_of(kv_heads) {
        fields.wrong("num_key_value_heads", &format!("is {kv_heads}, which does not divide {heads} heads"));
    }
    let head = fields.size("head_dim", (width / heads).max(1));
    if !head.is_multiple_of(2) {
        fields.wrong("head_dim", &format!("is {head}; positions turn pairs of numbers, so it must be even"));
    }
    if fields.flag("mlp_bias", false) {
        fields.wrong("mlp_bias", "is true, which is not supported");
    }
    let biased = fields.flag("attention_bias", false);
    if biased {
        fields.wrong("attention_bias", "is true, which is not supported");
    }
    Decoder {
        vocabulary: fields.size("vocab_size", 32_000),
        width,
        inner: fields.size("intermediate_size", 11_008),
        layers: fields.size("num_hidden_layers", 32),
        heads,
        kv_heads,
        head,
        epsilon: fields.positive("rms_norm_eps", 1e-6),
        rotary: rotary(fields),
        biased,
        tied: fields.flag("tie_word_embeddings", false),
        spread: fields.positive("initializer_range", 0.02) as f32,
    }
}

/// `rope_theta` and `rope_scaling`, or as transformers 5 writes them, `rope_parameters`.
fn rotary(fields: &Fields) -> Rotary {
    let newer = fields.within("rope_parameters");
    let theta = newer.positive("rope_theta", fields.positive("rope_theta", 10_000.0));
    let positions = fields.size("max_position_embeddings", 2048);
    let scaling = match fields.get("rope_scaling") {
        Some(_) => scaling(&fields.within("rope_scaling"), positions),
        None => scaling(&newer, positions),
    };
    Rotary { theta, positions, scaling }
}

fn scaling(fields: &Fields, positions: usize) -> Scaling {
    const KINDS: &[&str] = &["default", "linear", "llama3"];
    let kind = if fields.get("rope_type").is_some() { "rope_type" } else { "type" };
    match fields.one_of(kind, KINDS) {
        "linear" => Scaling::Linear(fields.positive("factor", 1.0)),
        "llama3" => {
            let (low, high) = (fields.positive("low_freq_factor", 1.0), fields.positive("high_freq_factor", 4.0));
            if high <= low {
                fields.wrong("high_freq_factor", &format!("is {high}, which is not above low_freq_factor, {low}"));
            }
            let original = fields.size("original_max_position_embeddings", positions) as f64;
            Scaling::Llama3 { factor: fields.positive("factor", 8.0), low, high, original }
        }
        _ => Scaling::None,
    }
}

/// Fields and defaults are those of transformers' CLIPVisionConfig.
fn tower(fields: &Fields) -> ClipTower {
    fields.one_of("model_type", &["clip_vision_model"]);
    let (width, heads) = (fields.size("hidden_size", 768), fields.size("num_attention_heads", 12));
    let (size, patch) = (fields.size("image_size", 224), fields.size("patch_size", 32));
    if !width.is_multiple_of(heads) {
        fields.wrong("num_attention_heads", &format!("is {heads}, which does not divide a width of {width}"));
    }
    if !size.is_multiple_of(patch) {
        fields.wrong("patch_size", &format!("is {patch}, which does not divide pictures of {size}"));
    }
    if fields.positive("layer_norm_eps", 1e-5) != 1e-5 {
        fields.wrong("layer_norm_eps", "is not 1e-5, the one that is supported");
    }
    let channels = fields.size("num_channels", 3);
    if channels != 3 {
        fields.wrong("num_channels", &format!("is {channels}; pictures have 3"));
    }
    ClipTower {
        width,
        inner: fields.size("intermediate_size", 3072),
        layers: fields.size("num_hidden_layers", 12),
        heads,
        channels: 3,
        size,
        patch,
        activation: activation(fields, "hidden_act", &["quick_gelu", "gelu"]),
        mean: CLIP_MEAN.to_vec(),
        std: CLIP_STD.to_vec(),
        spread: fields.positive("initializer_range", 0.02) as f32,
    }
}

fn activation(fields: &Fields, name: &str, known: &[&'static str]) -> Activation {
    match fields.one_of(name, known) {
        "quick_gelu" => Activation::Quick,
        _ => Activation::Exact,
    }
}

/// How many layers a place among a tower's hidden states takes: 0 are the patches, −1 is the last layer's output.
fn taken(fields: &Fields, name: &str, layers: usize) -> usize {
    let place = fields.integer(name, -2);
    let from_start = if place < 0 { place.saturating_add(layers as i64 + 1) } else { place };
    match usize::try_from(from_start) {
        Ok(taken) if taken <= layers => taken,
        _ => {
            fields.wrong(name, &format!("is {place}; the tower has {layers} layers"));
            layers
        }
    }
}

/// Fields and defaults are those of transformers' LlavaConfig.
fn llava(fields: &Fields) -> Llava {
    let mut decoder = decoder(&fields.within("text_config"), "llama");
    decoder.tied |= fields.flag("tie_word_embeddings", false);
    let tower = tower(&fields.within("vision_config"));
    let select = fields.one_of("vision_feature_select_strategy", &["default", "full"]);
    let newer = fields.integer("image_token_id", 32_000);
    Llava {
        taken: taken(fields, "vision_feature_layer", tower.layers),
        keep_class: select == "full",
        placeholder: placeholder(fields, fields.integer("image_token_index", newer), decoder.vocabulary),
        projector: Projector {
            biased: fields.flag("multimodal_projector_bias", true),
            activation: activation(fields, "projector_hidden_act", &["gelu"]),
        },
        tower,
        decoder,
    }
}

fn placeholder(fields: &Fields, token: i64, vocabulary: usize) -> u32 {
    match u32::try_from(token) {
        Ok(token) if (token as usize) < vocabulary => token,
        _ => {
            fields.wrong("image_token_index", &format!("is {token}; the vocabulary has {vocabulary} tokens"));
            0
        }
    }
}

/// The folder of LLaVA's authors: the decoder's fields stand beside those that start with `mm_`.
fn original(fields: &Fields) -> Llava {
    let family = if fields.text("model_type") == Some("llava") { "llava" } else { "llava_llama" };
    let decoder = decoder(fields, family);
    fields.one_of("mm_projector_type", &["mlp2x_gelu"]);
    for unused in ["mm_use_im_start_end", "mm_use_im_patch_token"] {
        if fields.flag(unused, false) {
            fields.wrong(unused, "is true, which is not supported");
        }
    }
    let tower = match fields.text("mm_vision_tower") {
        Some(name) if name.ends_with("clip-vit-large-patch14-336") => large_336(),
        name => {
            let name = name.unwrap_or_default().escape_debug();
            fields.wrong("mm_vision_tower", &format!("is \"{name}\"; supported is openai/clip-vit-large-patch14-336"));
            large_336()
        }
    };
    if fields.size("mm_hidden_size", tower.width) != tower.width {
        fields.wrong("mm_hidden_size", &format!("is not {}, the width of the tower", tower.width));
    }
    Llava {
        taken: taken(fields, "mm_vision_select_layer", tower.layers),
        keep_class: fields.one_of("mm_vision_select_feature", &["patch", "cls_patch"]) == "cls_patch",
        // Its tokenizer has no token for a picture; 0 is its unknown token, which no text holds.
        placeholder: 0,
        projector: Projector { biased: true, activation: Activation::Exact },
        tower,
        decoder,
    }
}

/// CLIP ViT-L/14 for pictures of 336 x 336.
fn large_336() -> ClipTower {
    ClipTower {
        width: 1024,
        inner: 4096,
        layers: 24,
        heads: 16,
        channels: 3,
        size: 336,
        patch: 14,
        activation: Activation::Quick,
        mean: CLIP_MEAN.to_vec(),
        std: CLIP_STD.to_vec(),
        spread: 0.02,
    }
}

//! A model from wherever it lies.

use super::build::{ClipTower, Decoder};
use super::config::{Form, Pretrained};
use super::gguf;
use super::shards::Shards;
use crate::nn::architecture::{Architecture, TOWER};
use crate::nn::network::Network;
use crate::nn::weights::WeightsError;
use crate::reading::{self, json, limits};
use candle_core::Device;
use serde_json::Value as Json;
use std::path::Path;

/// The model of a folder (`config.json` and weights) or of a GGUF file, and whose names its files have.
///
/// # Errors
/// What is missing, broken or not supported, all that is known of it at once.
pub fn open(path: &Path, device: &Device) -> Result<(Network, Form), WeightsError> {
    if !path.is_dir() {
        let mut network = Network::blank(gguf::architecture(path)?, device)?;
        gguf::load(&mut network, path)?;
        return Ok((network, Form::Llama));
    }
    let Pretrained { architecture, form } = describe(path)?;
    // Before memory is taken for it.
    let shards = Shards::of(path)?;
    shards.fit(&architecture, form, path)?;
    let mut network = Network::blank(architecture, device)?;
    shards.read(&mut network, form)?;
    Ok((network, form))
}

/// The architecture of a folder before a run: what its `config.json` describes. Weights may come later; those that are
/// there must fit.
///
/// # Errors
/// As [`open`], but for weights that are not there.
pub fn planned(folder: &Path) -> Result<Architecture, WeightsError> {
    let Pretrained { architecture, form } = describe(folder)?;
    there_fit("", &architecture, form, folder)?;
    Ok(architecture)
}

/// What the `config.json` of a folder describes.
///
/// # Errors
/// If there is none, or all that is wrong with it.
pub fn describe(folder: &Path) -> Result<Pretrained, WeightsError> {
    configured(folder, Pretrained::of)
}

/// What is made of the `config.json` of a folder.
fn configured<T>(folder: &Path, of: impl Fn(&Json) -> Result<T, Vec<String>>) -> Result<T, WeightsError> {
    let path = folder.join("config.json");
    let text = reading::content(&path, limits::MANIFEST_BYTES)
        .map_err(|source| WeightsError::Io { path: path.clone(), source })?;
    let bad = |what: String| WeightsError::Form { path: path.clone(), form: "model's", what };
    let json: Json = json::parse(&text, json::Kind::Any).map_err(|e| bad(format!("it is no JSON: {e}")))?;
    of(&json).map_err(|problems| bad(problems.join("; ")))
}

/// The decoder of a folder or of a GGUF file, in its numbers. Weights may come later; those that are there must fit.
///
/// # Errors
/// As [`planned`].
pub fn decoder(path: &Path) -> Result<Decoder, WeightsError> {
    if !path.is_dir() {
        return gguf::decoder(path);
    }
    let decoder = configured(path, Decoder::of)?;
    there_fit("", &decoder.architecture(), Form::Llama, path)?;
    Ok(decoder)
}

/// The tower of a folder of CLIP, in its numbers.
///
/// # Errors
/// As [`describe`].
pub fn tower(folder: &Path) -> Result<ClipTower, WeightsError> {
    configured(folder, ClipTower::of)
}

/// Whether the weights of a tower that are in a folder of CLIP, if any, are those of a network.
///
/// # Errors
/// If a file cannot be read, or the weights are others.
pub fn tower_fits(architecture: &Architecture, folder: &Path) -> Result<(), WeightsError> {
    there_fit(TOWER, architecture, Form::Clip, folder)
}

/// Whether the weights of a folder, if it has any, are those of a part of a network.
fn there_fit(part: &str, architecture: &Architecture, form: Form, folder: &Path) -> Result<(), WeightsError> {
    match Shards::are_there(folder) {
        true => Shards::of(folder)?.fit_part(part, architecture, form, folder),
        false => Ok(()),
    }
}

/// Reads the weights of a tower from a folder of CLIP into a network that has one.
///
/// # Errors
/// If there are none, or they are others.
pub fn load_tower(network: &mut Network, folder: &Path) -> Result<(), WeightsError> {
    let shards = Shards::of(folder)?;
    shards.fit_part(TOWER, network.architecture(), Form::Clip, folder)?;
    shards.read(network, Form::Clip)
}

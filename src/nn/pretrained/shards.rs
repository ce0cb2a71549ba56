//! The weights of a folder: one file, or several with an index.

use super::config::Form;
use super::names::canonical;
use crate::nn::architecture::Architecture;
use crate::nn::network::Network;
use crate::nn::weights::{self, Mismatch, TensorFacts, WeightsError};
use crate::reading::{self, json, limits};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

const ONE: &str = "model.safetensors";
const INDEX: &str = "model.safetensors.index.json";

/// The files of weights of a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shards {
    pub files: Vec<PathBuf>,
}

#[derive(Deserialize)]
struct Index {
    /// file by tensor
    weight_map: BTreeMap<String, String>,
}

impl Shards {
    /// Whether a folder has weights, in one file or several.
    pub fn are_there(folder: &Path) -> bool {
        folder.join(INDEX).is_file() || folder.join(ONE).is_file()
    }

    /// Those of a folder, by its index where it has one.
    ///
    /// # Errors
    /// If there are none, files of the index are missing (all are named), or the index is broken.
    pub fn of(folder: &Path) -> Result<Shards, WeightsError> {
        let index = folder.join(INDEX);
        if !index.is_file() {
            let file = folder.join(ONE);
            if file.is_file() {
                return Ok(Shards { files: vec![file] });
            }
            return Err(WeightsError::Form { path: folder.into(), form: "folder", what: nothing(folder) });
        }
        let bad = |what: String| WeightsError::Form { path: index.clone(), form: "index", what };
        let text = reading::content(&index, limits::WEIGHTS_HEADER_BYTES)
            .map_err(|source| WeightsError::Io { path: index.clone(), source })?;
        let Index { weight_map } =
            json::parse(&text, json::Kind::Known).map_err(|e| bad(format!("it is no index of weights: {e}")))?;
        let mut names: Vec<String> = weight_map.into_values().collect();
        names.sort_unstable();
        names.dedup();
        if let Some(name) = names.iter().find(|name| Path::new(name).components().count() != 1 || name.starts_with('.'))
        {
            return Err(bad(format!("it names the file {}, which is not beside it", name.escape_debug())));
        }
        let files: Vec<PathBuf> = names.iter().map(|name| folder.join(name)).collect();
        let missing: Vec<&str> =
            names.iter().zip(&files).filter(|(_, file)| !file.is_file()).map(|(name, _)| name.as_str()).collect();
        match missing.as_slice() {
            [] if files.is_empty() => Err(bad("it names no file".into())),
            [] => Ok(Shards { files }),
            missing => Err(bad(format!("files that it names are missing: {}", missing.join(", ")))),
        }
    }

    /// Whether their tensors, under their names here, are those of a network; all that differs is told at once.
    ///
    /// # Errors
    /// If a file cannot be read, or the tensors are others.
    pub fn fit(&self, architecture: &Architecture, form: Form, folder: &Path) -> Result<(), WeightsError> {
        self.fit_part("", architecture, form, folder)
    }

    /// The same of a part of a network, whose tensors' names start so; the others may lack.
    ///
    /// # Errors
    /// As [`fit`](Self::fit).
    pub fn fit_part(
        &self,
        part: &str,
        architecture: &Architecture,
        form: Form,
        folder: &Path,
    ) -> Result<(), WeightsError> {
        let mut found: BTreeMap<String, TensorFacts> = BTreeMap::new();
        let mut twice = Vec::new();
        for file in &self.files {
            for facts in weights::describe(file)? {
                let Some(name) = kept(architecture, form, &facts.name) else { continue };
                if found.insert(name.clone(), TensorFacts { name: name.clone(), ..facts }).is_some() {
                    twice.push(format!("{name} is there twice"));
                }
            }
        }
        let found: Vec<TensorFacts> = found.into_values().collect();
        let mut mismatch = weights::compare(architecture, &found).unwrap_or_default();
        mismatch.missing.retain(|name| name.starts_with(part));
        mismatch.misshapen.extend(twice);
        match mismatch == Mismatch::default() {
            true => Ok(()),
            false => Err(WeightsError::Mismatch { path: folder.into(), mismatch }),
        }
    }
}

impl Shards {
    /// Reads their weights, which [`fit`](Self::fit), into a network.
    ///
    /// # Errors
    /// If a file cannot be read.
    pub fn read(&self, network: &mut Network, form: Form) -> Result<(), WeightsError> {
        for file in &self.files {
            weights::each(file, |name, tensor| match kept(network.architecture(), form, name) {
                Some(name) => Ok(network.take_over(&name, &tensor)?),
                None => Ok(()),
            })?;
        }
        Ok(())
    }
}

/// What a tensor of a file is called here; a classifier beside an embedding that it is tied to is left out.
fn kept(architecture: &Architecture, form: Form, name: &str) -> Option<String> {
    let name = canonical(form, name)?;
    let tied = name.ends_with("lm_head.weight") && architecture.head().is_some_and(|head| !head.ends_with("lm_head"));
    (!tied).then_some(name)
}

/// Reads all weights of a folder into a network, one tensor after the other. Nothing changes if they are not its own.
///
/// # Errors
/// As [`Shards::of`] and [`Shards::fit`].
pub fn load(network: &mut Network, form: Form, folder: &Path) -> Result<(), WeightsError> {
    let shards = Shards::of(folder)?;
    shards.fit(network.architecture(), form, folder)?;
    shards.read(network, form)
}

/// What a folder without weights that are read holds instead.
fn nothing(folder: &Path) -> String {
    let pickles = std::fs::read_dir(folder).into_iter().flatten().filter_map(io::Result::ok);
    let mut pickles = pickles.map(|entry| entry.path()).filter(|path| path.extension().is_some_and(|e| e == "bin"));
    match pickles.next() {
        Some(_) => format!(
            "there is no {ONE} and no {INDEX}, but files of Python pickles (.bin), which can run code and are not read; \
             save the model with safe_serialization=True"
        ),
        None => format!("there is no {ONE} and no {INDEX}"),
    }
}

//! What a model sees of conversations: pixels, or what a tower that stands still has made of them before.

use super::super::Run;
use super::super::error::Failure;
use crate::components::data::Examples;
use crate::nn::sequences::Seen;
use crate::text::picture::{CLIP_MEAN, Fit, pixels};
use candle_core::{Device, Tensor};
use rayon::prelude::*;
use std::collections::HashMap;

/// Vectors of pictures, kept as long as the tower stands still.
#[derive(Default)]
pub struct Pictures {
    /// by data set and example: (vectors, W)
    kept: HashMap<(String, u64), Tensor>,
    bytes: usize,
    /// weights that were changed other than by training before these were made
    changes: u64,
    /// the training statement under way trains the tower
    moving: bool,
}

/// Vectors of so many bytes are kept; further pictures are looked at each time.
const MOST_BYTES: usize = 1 << 30;

/// Pictures that a tower looks at together.
const AT_ONCE: usize = 32;

impl Pictures {
    /// A training statement begins, or ends with nothing trained.
    pub fn tower_moves(&mut self, moving: bool) {
        if moving || self.moving {
            self.forget();
        }
        self.moving = moving;
    }

    fn forget(&mut self) {
        (self.kept, self.bytes) = (HashMap::new(), 0);
    }
}

/// What the decoder sees beside these examples of a data set.
pub fn seen(run: &mut Run, data: &str, examples: &Examples, places: &[usize], side: usize) -> Result<Seen, Failure> {
    let has_one = |at: &usize| examples.item(*at).is_some_and(|item| item.picture.is_some());
    let shown: Vec<usize> = places.iter().copied().filter(has_one).collect();
    if shown.is_empty() {
        return Ok(Seen::Nothing);
    }
    let device = run.world.device.clone();
    if run.texts.pictures.moving {
        return Ok(Seen::Pixels(pixels_of(examples, &shown, side, &device)?));
    }
    let changes = run.state.journal.changes;
    if run.texts.pictures.changes != changes {
        run.texts.pictures.forget();
        run.texts.pictures.changes = changes;
    }
    let ids = examples.ids(&shown);
    let key = |id: u64| (data.to_string(), id);
    let unknown: Vec<(usize, u64)> = shown
        .iter()
        .copied()
        .zip(ids.iter().copied())
        .filter(|(_, id)| !run.texts.pictures.kept.contains_key(&key(*id)))
        .collect();
    let mut new: HashMap<u64, Tensor> = HashMap::new();
    for some in unknown.chunks(AT_ONCE) {
        let at: Vec<usize> = some.iter().map(|(at, _)| *at).collect();
        let features = run.measured_network(false)?.look(&pixels_of(examples, &at, side, &device)?)?;
        let each = features.dim(0)? / some.len();
        for (i, (_, id)) in some.iter().enumerate() {
            new.insert(*id, features.narrow(0, i * each, each)?.copy()?);
        }
    }
    let pictures = &mut run.texts.pictures;
    let mut all = Vec::with_capacity(ids.len());
    for id in &ids {
        let found = match new.get(id) {
            Some(found) => found.clone(),
            None => pictures.kept.get(&key(*id)).cloned().ok_or_else(|| Failure::new("a picture was lost"))?,
        };
        all.push(found);
    }
    for (id, features) in new {
        let size = 4 * features.elem_count();
        if pictures.bytes + size <= MOST_BYTES {
            pictures.bytes += size;
            pictures.kept.insert(key(id), features);
        }
    }
    Ok(Seen::Features(Tensor::cat(&all, 0)?))
}

/// (P, 3, side, side) in [0, 1]
fn pixels_of(examples: &Examples, places: &[usize], side: usize, device: &Device) -> Result<Tensor, Failure> {
    let of = |at: &usize| match examples.item(*at).and_then(|item| item.picture.as_ref()) {
        Some(picture) => pixels(picture, Fit::pad(CLIP_MEAN), side).map_err(Failure::new),
        None => Ok(Vec::new()),
    };
    let bytes: Vec<Vec<u8>> = places.par_iter().map(of).collect::<Result<_, _>>()?;
    let numbers: Vec<f32> = bytes.into_iter().flatten().map(|byte| f32::from(byte) / 255.0).collect();
    Ok(Tensor::from_vec(numbers, (places.len(), 3, side, side), device)?)
}

//! Augmentation: random changes of training images that keep their meaning.

pub mod crop;
pub mod flip;

use crate::components::objectives::{Batch, Draws};
use crate::components::{Member, Spec, entries};
use crate::nn::rng::Stream;
use candle_core::{Result, Tensor};
use rayon::prelude::*;

/// A random change of one image.
pub trait Augment: Send + Sync {
    /// Changes an image of shape (C, H, W), drawing from the stream.
    fn apply(&self, image: &mut [f32], shape: [usize; 3], stream: &mut Stream);
}

type Build = fn(&Spec) -> Box<dyn Augment>;

/// The family's members with their builders, in the order in which they are listed.
static AUGMENTATIONS: [(&Member, Build); 2] = [(&crop::MEMBER, crop::build), (&flip::MEMBER, flip::build)];

/// The descriptions of all augmentations.
pub static MEMBERS: &[&Member] = &entries::members(&AUGMENTATIONS);

/// The augmentation that `spec` describes.
pub fn build(spec: &Spec) -> Box<dyn Augment> {
    entries::builder(&AUGMENTATIONS, spec.name())(spec)
}

/// The batch with each image changed by all of `steps`, in order.
///
/// Image i draws from one stream, (seed, "augment", [id, clock]), whatever its place in the batch.
///
/// # Errors
/// If the pixels aren't of shape (N, C, H, W).
pub fn augment(steps: &[Box<dyn Augment>], batch: Batch, draws: &Draws) -> Result<Batch> {
    if steps.is_empty() {
        return Ok(batch);
    }
    let (n, c, h, w) = batch.pixels.dims4()?;
    let mut pixels: Vec<f32> = batch.pixels.flatten_all()?.to_vec1()?;
    pixels.par_chunks_mut((c * h * w).max(1)).zip(&batch.ids).for_each(|(image, &id)| {
        let mut stream = draws.stream("augment", &[id, draws.clock]);
        steps.iter().for_each(|step| step.apply(image, [c, h, w], &mut stream));
    });
    let pixels = Tensor::from_vec(pixels, (n, c, h, w), batch.pixels.device())?;
    Ok(Batch { pixels, ..batch })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::components::Value;
    use crate::nn::check::bits;
    use candle_core::Device;

    fn steps() -> Vec<Box<dyn Augment>> {
        let crop = Spec { member: &crop::MEMBER, args: vec![Value::Int(4)] };
        let flip = Spec { member: &flip::MEMBER, args: vec![Value::Real(0.5)] };
        vec![build(&crop), build(&flip)]
    }

    /// Images whose pixels are all different: pixel p of image i is i + p / 1000.
    fn batch(ids: &[u64]) -> Batch {
        let data: Vec<f32> = ids.iter().flat_map(|&id| (0..72).map(move |p| id as f32 + p as f32 / 1000.0)).collect();
        let pixels = Tensor::from_vec(data, (ids.len(), 2, 6, 6), &Device::Cpu).unwrap();
        Batch { pixels, labels: vec![0; ids.len()], ids: ids.to_vec() }
    }

    #[test]
    fn an_image_changes_alike_wherever_it_stands_in_the_batch() {
        let draws = Draws { seed: 3, clock: 17 };
        let one = augment(&steps(), batch(&[5, 9, 40]), &draws).unwrap();
        let other = augment(&steps(), batch(&[40, 5]), &draws).unwrap();
        assert_eq!(bits(&one.pixels.get(2).unwrap()), bits(&other.pixels.get(0).unwrap()));
        assert_eq!(bits(&one.pixels.get(0).unwrap()), bits(&other.pixels.get(1).unwrap()));
        let later = augment(&steps(), batch(&[5, 9, 40]), &Draws { clock: 18, ..draws }).unwrap();
        assert_ne!(bits(&one.pixels), bits(&later.pixels));
    }

    #[test]
    fn half_of_the_images_are_mirrored() {
        let ids: Vec<u64> = (0..4000).collect();
        let flip = vec![build(&Spec { member: &flip::MEMBER, args: vec![Value::Real(0.5)] })];
        let before = batch(&ids);
        let after = augment(&flip, before.clone(), &Draws { seed: 0, clock: 0 }).unwrap();
        let (before, after) = (before.pixels.to_vec2_of_rows(), after.pixels.to_vec2_of_rows());
        let mut mirrored = 0;
        for (before, after) in before.iter().zip(&after) {
            let mirror: Vec<f32> = before.chunks(6).flat_map(|row| row.iter().rev().copied()).collect();
            assert!(after == before || *after == mirror);
            mirrored += usize::from(*after == mirror);
        }
        // 4000 draws: 2000 expected, standard deviation 32.
        assert!((1870..2130).contains(&mirrored), "{mirrored}");
    }

    #[test]
    fn crops_are_uniform_over_all_shifts_and_pad_with_zeros() {
        let ids: Vec<u64> = (1..8101).collect();
        let crop = vec![build(&Spec { member: &crop::MEMBER, args: vec![Value::Int(4)] })];
        let before = batch(&ids).pixels.to_vec2_of_rows();
        let after = augment(&crop, batch(&ids), &Draws { seed: 0, clock: 0 }).unwrap().pixels.to_vec2_of_rows();
        let mut counts = std::collections::BTreeMap::new();
        for (before, after) in before.iter().zip(&after) {
            let shift = (-4..=4).flat_map(|y| (-4..=4).map(move |x| (y, x))).find(|&s| shifted(before, s) == *after);
            *counts.entry(shift.expect("every crop is a shift by at most 4, filled up with zeros")).or_insert(0) += 1;
        }
        // 81 shifts, 100 each expected, standard deviation 10.
        assert_eq!(counts.len(), 81);
        assert!(counts.values().all(|count| (55..=150).contains(count)), "{counts:?}");
    }

    fn shifted(image: &[f32], (dy, dx): (isize, isize)) -> Vec<f32> {
        let at = |c: usize, y: isize, x: isize| match (0..6).contains(&y) && (0..6).contains(&x) {
            true => image[c * 36 + y as usize * 6 + x as usize],
            false => 0.0,
        };
        let places = (0..2).flat_map(|c| (0..6).flat_map(move |y| (0..6).map(move |x| (c, y, x))));
        places.map(|(c, y, x)| at(c, y + dy, x + dx)).collect()
    }

    trait Rows {
        fn to_vec2_of_rows(&self) -> Vec<Vec<f32>>;
    }

    impl Rows for Tensor {
        /// One row for each image.
        fn to_vec2_of_rows(&self) -> Vec<Vec<f32>> {
            self.flatten_from(1).and_then(|t| t.to_vec2()).unwrap()
        }
    }
}

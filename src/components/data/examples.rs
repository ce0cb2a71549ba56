//! The examples of one split, as training and evaluation see them.

use crate::text::item::Item;
use std::collections::BTreeSet;
use std::sync::Arc;

/// Images or conversations of one split, with labels and ids. Splits and subsets share one copy of them.
#[derive(Clone, Debug)]
pub struct Examples {
    content: Content,
    /// for each example, which of the shared ones is its own
    rows: Vec<u32>,
    /// classes of images; of conversations their tasks
    labels: Vec<u32>,
    /// the labels before noise, where there is noise
    true_labels: Option<Vec<u32>>,
    ids: Vec<u64>,
}

#[derive(Clone, Debug)]
enum Content {
    Images(Arc<Pixels>),
    Texts(Arc<[Item]>),
}

/// Images as bytes, one after another, each in the order C, H, W.
#[derive(Debug)]
pub(super) struct Pixels {
    bytes: Vec<u8>,
    shape: [usize; 3],
    /// what each byte means, in [0, 1]
    values: [f32; 256],
}

impl Pixels {
    /// `white` is the byte that means 1.0.
    pub(super) fn new(bytes: Vec<u8>, shape: [usize; 3], white: u8) -> Pixels {
        // A true division, as PyTorch's ToTensor does it: multiplying by 1/255 differs in the last bit.
        let values = std::array::from_fn(|byte| byte as f32 / f32::from(white));
        Pixels { bytes, shape, values }
    }
}

impl Examples {
    /// `rows`, `labels` and `ids` are of one length; each row is an image of `pixels`.
    pub(super) fn new(pixels: Arc<Pixels>, rows: Vec<u32>, labels: Vec<u32>, ids: Vec<u64>) -> Examples {
        Examples { content: Content::Images(pixels), rows, labels, true_labels: None, ids }
    }

    /// Conversations, each with the number of its task and its id.
    pub(super) fn of_texts(items: Vec<Item>, labels: Vec<u32>, ids: Vec<u64>) -> Examples {
        let rows = (0..items.len() as u32).collect();
        Examples { content: Content::Texts(items.into()), rows, labels, true_labels: None, ids }
    }

    /// The same examples with other conversations in their places, as many as before.
    pub fn rewritten(&self, items: Vec<Item>) -> Examples {
        let rows = (0..items.len() as u32).collect();
        Examples { content: Content::Texts(items.into()), rows, ..self.clone() }
    }

    /// Those of some classes, by their labels, in the same order.
    pub fn of_classes(&self, classes: &BTreeSet<u32>) -> Examples {
        let taken: Vec<usize> = (0..self.len()).filter(|i| classes.contains(&self.labels[*i])).collect();
        self.at(&taken)
    }

    /// Those at these places, in their order.
    pub fn at(&self, places: &[usize]) -> Examples {
        let of = |all: &[u32]| places.iter().map(|i| all[*i]).collect::<Vec<u32>>();
        Examples {
            content: self.content.clone(),
            rows: of(&self.rows),
            labels: of(&self.labels),
            true_labels: self.true_labels.as_deref().map(of),
            ids: self.ids(places),
        }
    }

    /// With other labels; the present ones are kept as the true ones.
    pub(super) fn relabelled(self, labels: Vec<u32>) -> Examples {
        Examples { true_labels: Some(self.labels), labels, ..self }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether the data has no such split.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// C, H, W of images; zeros of conversations
    pub fn shape(&self) -> [usize; 3] {
        match &self.content {
            Content::Images(pixels) => pixels.shape,
            Content::Texts(_) => [0; 3],
        }
    }

    /// The conversations, where they are some; in order.
    pub fn items(&self) -> Option<impl ExactSizeIterator<Item = &Item>> {
        match &self.content {
            Content::Images(_) => None,
            Content::Texts(items) => Some(self.rows.iter().map(|row| &items[*row as usize])),
        }
    }

    /// The conversation at a place below [`Examples::len`], where they are conversations.
    pub fn item(&self, at: usize) -> Option<&Item> {
        match &self.content {
            Content::Images(_) => None,
            Content::Texts(items) => Some(&items[self.rows[at] as usize]),
        }
    }

    /// Pixels in [0, 1] of these examples, in the order N, C, H, W; of conversations none. Indices are below
    /// [`Examples::len`].
    pub fn batch(&self, indices: &[usize]) -> Vec<f32> {
        let Content::Images(pixels) = &self.content else { return Vec::new() };
        let size = pixels.shape.iter().product::<usize>();
        let mut out = Vec::with_capacity(indices.len() * size);
        for index in indices {
            let start = self.rows[*index] as usize * size;
            out.extend(pixels.bytes[start..start + size].iter().map(|b| pixels.values[*b as usize]));
        }
        out
    }

    /// Labels of these examples, noise included.
    pub fn labels(&self, indices: &[usize]) -> Vec<u32> {
        indices.iter().map(|i| self.labels[*i]).collect()
    }

    /// Stable ids of these examples: the index in the original train file, test from 2^32 on; the same whatever
    /// `train:`, `validation:` and the seed are.
    pub fn ids(&self, indices: &[usize]) -> Vec<u64> {
        indices.iter().map(|i| self.ids[*i]).collect()
    }

    /// All labels in order, noise included.
    pub fn all_labels(&self) -> &[u32] {
        &self.labels
    }

    /// All labels in order as they were before noise.
    pub fn true_labels(&self) -> &[u32] {
        self.true_labels.as_deref().unwrap_or(&self.labels)
    }

    /// All ids in order.
    pub fn all_ids(&self) -> &[u64] {
        &self.ids
    }
}

//! Zapping: the classifier's rows are drawn anew, as published.
//!
//! Frati, Traft, Clune, Cheney 2024, "Reset It and Forget It" (arXiv 2310.07996): weight rows only; the bias, everything
//! before the classifier and the optimizer's state stay.

use super::{Forgotten, Selected, replace};
use crate::nn::architecture::PartKind;
use crate::nn::network::Network;
use crate::nn::rng::Stream;
use candle_core::{Result, bail};

/// Variance of the new rows, with F input features and k rows drawn in one call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResetScale {
    /// 2/F whatever k: Kaiming normal, row by row
    PerRow,
    /// 2/(kF): what the published code does, which hands its k rows over as one 1×k×F tensor
    AsPublished,
}

impl ResetScale {
    /// As it is written.
    pub const WORDS: &[&str] = &["per_row", "as_published"];

    /// The scale of that word, one of [`ResetScale::WORDS`].
    pub fn of(word: &str) -> Option<ResetScale> {
        match word {
            "per_row" => Some(ResetScale::PerRow),
            "as_published" => Some(ResetScale::AsPublished),
            _ => None,
        }
    }

    /// Standard deviation of the new numbers.
    pub fn std(self, features: usize, rows: usize) -> f64 {
        let fan_in = match self {
            ResetScale::PerRow => features,
            ResetScale::AsPublished => features * rows,
        };
        (2.0 / fan_in as f64).sqrt()
    }
}

/// Draws rows of the classifier's weight anew from N(0, std²), from the stream (seed, "zap/NAME", [event]) in the order
/// of the rows; `rows` are sorted, `None` is all of them.
///
/// A head with another number of rows is made by [`Network::resize_head`] before.
///
/// # Errors
/// A network with no linear classifier, rows that it hasn't got.
pub fn zap(
    network: &mut Network,
    rows: Option<&[usize]>,
    scale: ResetScale,
    seed: u64,
    event: u64,
) -> Result<Forgotten> {
    let head = |p: &crate::nn::network::Parameter| p.part.head && p.part.kind == PartKind::LinearWeight;
    let Some(part) = network.parameters().iter().position(head) else {
        bail!("the network has no linear classifier to zap");
    };
    let selected = Selected { part, rows: rows.map(<[usize]>::to_vec) };
    super::check(network, std::slice::from_ref(&selected))?;
    let head = &network.parameters()[part].part;
    let slot = super::count::Slot::new(head, &selected);
    let std = scale.std(head.fan_in, slot.rows());
    let mut new = vec![0.0; slot.len()];
    Stream::new(seed, &format!("zap/{}", head.name), &[event]).fill_normal(&mut new, 0.0, std as f32);
    let places = (0..slot.len()).map(|i| slot.place(i)).collect();
    replace(network, &selected, places, &new)
}

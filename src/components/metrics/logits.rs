//! What logits say of each image: right or wrong, its loss, what its prediction costs.

use super::Costs;
use candle_core::{Result, Tensor, bail};

/// Whether each row of `logits` (N, K) is largest at its label. Of equal logits the first one counts; where one is NaN
/// the answer is wrong.
///
/// # Errors
/// If the number of labels isn't N or a label isn't below K.
pub fn correct(logits: &Tensor, labels: &[u32]) -> Result<Vec<bool>> {
    let rows: Vec<Vec<f32>> = logits.to_vec2()?;
    check_labels(logits, labels)?;
    let wins = |(row, &label): (&Vec<f32>, &u32)| {
        let label = label as usize;
        row[..label].iter().all(|&other| other < row[label]) && row[label..].iter().all(|&other| other <= row[label])
    };
    Ok(rows.iter().zip(labels).map(wins).collect())
}

/// log Σ e^logits − logit of the label, for each row, in f64.
pub(super) fn losses(logits: &Tensor, labels: &[u32]) -> Result<Vec<f64>> {
    let rows: Vec<Vec<f32>> = logits.to_vec2()?;
    check_labels(logits, labels)?;
    let loss = |(row, &label): (&Vec<f32>, &u32)| {
        let max = f64::from(row.iter().copied().fold(f32::NEG_INFINITY, f32::max));
        let sum: f64 = row.iter().map(|&x| (f64::from(x) - max).exp()).sum();
        max + sum.ln() - f64::from(row[label as usize])
    };
    Ok(rows.iter().zip(labels).map(loss).collect())
}

/// What each prediction costs. Of equal logits the first one is predicted; a row with NaN predicts nothing.
pub(super) fn paid(logits: &Tensor, labels: &[u32], costs: &Costs) -> Result<Vec<f64>> {
    let rows: Vec<Vec<f32>> = logits.to_vec2()?;
    check_labels(logits, labels)?;
    let (_, classes) = logits.dims2()?;
    if classes != costs.classes() {
        bail!("costs of {} classes for a network with {classes}", costs.classes());
    }
    Ok(rows.iter().zip(labels).map(|(row, &label)| costs.of(label as usize, predicted(row))).collect())
}

/// The class that each row of `logits` (N, K) is largest at, the first of equal ones; where one is NaN, the first class.
///
/// # Errors
/// If the logits are not of two dimensions.
pub fn predictions(logits: &Tensor) -> Result<Vec<u32>> {
    let rows: Vec<Vec<f32>> = logits.to_vec2()?;
    Ok(rows.iter().map(|row| predicted(row).unwrap_or(0) as u32).collect())
}

/// The place of the largest number, the first of equal ones; `None` where one is NaN.
fn predicted(row: &[f32]) -> Option<usize> {
    if row.iter().any(|x| x.is_nan()) {
        return None;
    }
    (0..row.len()).reduce(|best, i| if row[i] > row[best] { i } else { best })
}

fn check_labels(logits: &Tensor, labels: &[u32]) -> Result<()> {
    let (n, classes) = logits.dims2()?;
    if labels.len() != n {
        bail!("{} labels for {n} images", labels.len());
    }
    match labels.iter().find(|&&label| label as usize >= classes) {
        Some(label) => bail!("label {label} of a network with {classes} classes"),
        None => Ok(()),
    }
}

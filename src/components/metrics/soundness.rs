//! What makes a robust accuracy doubtful, as far as a program can see it.

use super::{Flag, Part};

/// More than this share first broken by queries alone says that the attacks with gradients missed something:
/// `check_square_sr` of pyautoattack 0.2.0.
const BLACK_BOX: f64 = 0.002;

/// Square breaks images that withstood the attacks with gradients before it.
pub(super) fn black_box(parts: &[Part]) -> Option<Flag> {
    let at = parts.iter().position(|part| part.name.ends_with("square"))?;
    let before = parts.get(at.checked_sub(1)?)?;
    let (square, gain) = (&parts[at], before.value - parts[at].value);
    (gain > BLACK_BOX).then(|| Flag {
        code: "square-beats-white-box".into(),
        seen: format!("square broke {} images that withstood all attacks with gradients", square.broke.unwrap_or(0)),
        help: "gradients are of little use to attack this network: take more steps and restarts, or another loss".into(),
    })
}

//! What makes a robust accuracy doubtful, as far as a program can see it.

use super::{Flag, Part};

/// More than this share first broken by queries alone says that the attacks with gradients missed something:
/// `check_square_sr` of pyautoattack 0.2.0.
const BLACK_BOX: f64 = 0.002;

/// Square breaks images that withstood the attacks with gradients before it, of the same budget.
pub(super) fn black_box(parts: &[Part]) -> Option<Flag> {
    let budget = |part: &Part| part.name.rsplit_once(' ').map_or(String::new(), |(eps, _)| eps.to_string());
    let gained = |pair: &&[Part]| {
        let square = pair[1].name.ends_with("square") && budget(&pair[0]) == budget(&pair[1]);
        square && pair[0].value - pair[1].value > BLACK_BOX
    };
    let square = &parts.windows(2).find(gained)?[1];
    let seen = format!("square broke {} images that withstood all attacks with gradients", square.broke.unwrap_or(0));
    let help = "gradients are of little use to attack this network: take more steps and restarts, or another loss";
    Some(Flag { code: "square-beats-white-box".into(), seen, help: help.into() })
}

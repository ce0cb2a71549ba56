//! Boxes: x1, y1, x2, y2 as shares of the side of a picture that was padded to a square.

use super::Mode;

/// The box of an answer, or none where it is no box.
///
/// `strict`: [`region`]. Published: all square brackets are taken out, then the first and the last character of what is
/// left, whatever they are; what remains has to be four numbers between commas.
pub(super) fn found(mode: Mode, answer: &str) -> Option<[f64; 4]> {
    if mode == Mode::Strict {
        return region(answer);
    }
    let open = answer.replace(['[', ']'], "");
    let mut inner = open.chars();
    inner.next();
    inner.next_back();
    four(inner.as_str(), python_float)
}

/// A box as `[0.1,0.2,0.5,0.9]`, with or without the brackets, space anywhere between: left before right, top before
/// bottom, all within 0 and 1.
pub fn region(text: &str) -> Option<[f64; 4]> {
    let text = text.trim();
    let text = text.strip_suffix('.').filter(|t| t.ends_with(']')).unwrap_or(text);
    let inner = match (text.strip_prefix('['), text.strip_suffix(']')) {
        (Some(_), Some(_)) => &text[1..text.len() - 1],
        (None, None) => text,
        _ => return None,
    };
    let found = four(inner, |number| number.trim().parse().ok())?;
    let [left, top, right, bottom] = found;
    let inside = found.iter().all(|x| (0.0..=1.0).contains(x));
    (inside && left < right && top < bottom).then_some(found)
}

/// As questions and answers write a box: two decimals, as many as CoIN's have.
pub fn written(region: [f64; 4]) -> String {
    let [left, top, right, bottom] = region;
    format!("[{left:.2},{top:.2},{right:.2},{bottom:.2}]")
}

/// Area that two boxes share, over the area that either covers; 0 where that is not above 0.
pub fn iou(a: [f64; 4], b: [f64; 4]) -> f64 {
    let overlap = |low: usize| (a[low + 2].min(b[low + 2]) - a[low].max(b[low])).max(0.0);
    let area = |r: [f64; 4]| (r[2] - r[0]) * (r[3] - r[1]);
    let shared = overlap(0) * overlap(1);
    let union = area(a) + area(b) - shared;
    if union > 0.0 { shared / union } else { 0.0 }
}

/// A box of pixels (left, top, width, height) of a picture of that width and height, after the picture was padded to a
/// square with itself in the middle.
pub fn padded([x, y, w, h]: [f64; 4], width: f64, height: f64) -> [f64; 4] {
    let side = width.max(height);
    let (dx, dy) = ((side - width) / 2.0, (side - height) / 2.0);
    [x + dx, y + dy, x + w + dx, y + h + dy].map(|at| at / side)
}

fn four(text: &str, number: impl Fn(&str) -> Option<f64>) -> Option<[f64; 4]> {
    let numbers: Vec<f64> = text.split(',').map(number).collect::<Option<_>>()?;
    let four: [f64; 4] = numbers.try_into().ok()?;
    // One that is infinite or no number makes an intersection over union of 0.
    four.iter().all(|x| x.is_finite()).then_some(four)
}

/// A number as Python's `float` reads it, for what is written in ASCII.
fn python_float(text: &str) -> Option<f64> {
    let text = text.trim_matches(|c: char| c.is_whitespace() || ('\u{1c}'..='\u{1f}').contains(&c));
    let bytes = text.as_bytes();
    let between_digits = |at: usize| {
        let digit = |at: Option<usize>| at.and_then(|at| bytes.get(at)).is_some_and(u8::is_ascii_digit);
        digit(at.checked_sub(1)) && digit(Some(at + 1))
    };
    if bytes.iter().enumerate().any(|(at, byte)| *byte == b'_' && !between_digits(at)) {
        return None;
    }
    text.replace('_', "").parse().ok()
}

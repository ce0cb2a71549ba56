//! The smallest move of a point of the box 0..=1 that reaches a hyperplane without leaving the box, in three norms: what
//! FAB takes its steps with (Croce and Hein 2020, section 2.3). The order of operations is that of pyautoattack 0.2.0, whose
//! running sums are rounded from f64, and whose bisections end after ⌈log₂ n⌉ halvings; plain sums are formed in f64 here.
//!
//! Where the box has no point on the hyperplane, the move goes to the corner that comes closest to it.

use super::Norm;

/// Where it stands for infinity: a coordinate that the hyperplane doesn't depend on.
const FAR: f32 = 1e12;

/// The move from `t` (in 0..=1) onto {x : w·x = b}; no move where `w` has no direction.
pub(super) fn project(norm: Norm, t: &[f32], w: &[f32], b: f32) -> Vec<f32> {
    if w.iter().all(|&w| w == 0.0) {
        return vec![0.0; t.len()];
    }
    // The side of the hyperplane on which w·t ≥ b.
    let sign = if dot(w, t) - b >= 0.0 { 1.0 } else { -1.0 };
    let w: Vec<f32> = w.iter().map(|w| w * sign).collect();
    match norm {
        Norm::Linf => linf(t, &w, b * sign),
        Norm::L2 => l2(t, &w, dot(&w, t) - b * sign),
        Norm::L1 => l1(t, &w, dot(&w, t) - b * sign),
    }
}

/// All coordinates move by λ against the sign of w, each as far as the box lets it.
fn linf(t: &[f32], w: &[f32], b: f32) -> Vec<f32> {
    let n = t.len();
    let up = |i: usize| w[i] < 0.0;
    let to_edge = |i: usize| if up(i) { 1.0 - t[i] } else { 0.0 - t[i] };
    let mut d: Vec<f32> = (0..n).map(|i| if w[i] == 0.0 { 0.0 } else { to_edge(i) }).collect();
    let room = |i: usize| if up(i) { 1.0 - t[i] } else { t[i] };
    let mut order = ascending(n, room);
    order.reverse();
    let b = b - dot(w, t);
    let b0 = dot(w, &d);
    let s = running_sum(order.iter().map(|&i| w[i].abs()));
    let sb: Vec<f32> = running_sum(order.iter().map(|&i| -w[i] * d[i])).into_iter().map(|sum| sum + b0).collect();
    let beyond = |k: usize| b - (sb[k] - s[k] * room(order[k])) > 0.0;
    let lambda = |k: usize| ((b - sb[k]) / -s[k]).max(0.0);
    if beyond(n - 1) {
        let lambda = lambda(n - 1);
        (0..n).filter(|&i| w[i] != 0.0).for_each(|i| d[i] = if up(i) { lambda } else { -lambda });
    } else if b - b0 > 0.0 {
        let lambda = lambda(last_that(n - 1, n, beyond));
        (0..n).filter(|&i| w[i] != 0.0).for_each(|i| d[i] = if up(i) { lambda.min(d[i]) } else { (-lambda).max(d[i]) });
    }
    d
}

/// A move along −w, of which the box cuts coordinates off; `c` = w·t − b ≥ 0.
fn l2(t: &[f32], w: &[f32], c: f32) -> Vec<f32> {
    let n = t.len();
    let flat = |i: usize| w[i].abs() <= 1e-8;
    // How far along −w each coordinate comes before it leaves the box.
    let reach: Vec<f32> = (0..n)
        .map(|i| if w[i].abs() < 1e-8 { FAR } else { (t[i] / w[i]).max((t[i] - 1.0) / w[i]).clamp(-FAR, FAR) })
        .map(|reach| if reach == -FAR { FAR } else { reach })
        .collect();
    let order = ascending(n, |i| reach[i]);
    let sorted = |k: usize| order.get(k).map_or(0.0, |&i| if reach[i] == FAR { 0.0 } else { reach[i] });
    let squares = dot(w, w);
    let free: Vec<f32> = running_sum(order.iter().map(|&i| w[i] * w[i])).into_iter().map(|cut| squares - cut).collect();
    let first = -squares * sorted(0);
    let later = running_sum((0..n).map(|k| (sorted(k) - sorted(k + 1)) * free[k]));
    let s = |k: usize| if k == 0 { first } else { later[k - 1] + first };
    let mut d: Vec<f32> = (0..n).map(|i| if flat(i) { 0.0 } else { -(reach[i] * w[i]) }).collect();
    if s(0) + c < 0.0 {
        let alpha = c / squares;
        (0..n).filter(|&i| !flat(i)).for_each(|i| d[i] = -alpha * w[i]);
    } else if dot(&d, w) + c <= 0.0 {
        let k = last_that(n - 1, n, |k| s(k) + c > 0.0);
        let alpha = if free[k] == 0.0 { 0.0 } else { (s(k) + c) / free[k] + sorted(k) };
        (0..n).filter(|&i| !flat(i) && alpha <= reach[i]).for_each(|i| d[i] = -alpha * w[i]);
    }
    d
}

/// The coordinates that turn w·x most go to the edge of the box, one after the other; the last one as far as needed.
fn l1(t: &[f32], w: &[f32], c: f32) -> Vec<f32> {
    let n = t.len();
    let flat = |i: usize| w[i].abs() <= 1e-8;
    let order = ascending(n, |i| w[i].recip().abs().min(FAR));
    let edge = |i: usize| if w[i] < 0.0 { 1.0 - t[i] } else { -t[i] };
    let mut d: Vec<f32> = (0..n).map(|i| if flat(i) { 0.0 } else { edge(i) }).collect();
    let gains = order.iter().map(|&i| (-w[i] * t[i]).min(w[i] * (1.0 - t[i])));
    let s = running_sum(std::iter::once(c).chain(gains));
    if s[n] < 0.0 {
        let k = last_that(n + 1, n, |k| s[k] > 0.0);
        order[k..].iter().for_each(|&i| d[i] = 0.0);
        let last = order[k];
        if !flat(last) {
            d[last] = -s[k] / w[last];
        }
    }
    d
}

/// The indices below `n` by rising `key`, equal ones in order.
pub(super) fn ascending(n: usize, key: impl Fn(usize) -> f32) -> Vec<usize> {
    let mut order: Vec<usize> = (0..n).collect();
    order.sort_by(|&a, &b| key(a).total_cmp(&key(b)));
    order
}

/// Σ of the numbers up to each of them, added up in f64.
fn running_sum(numbers: impl Iterator<Item = f32>) -> Vec<f32> {
    let mut sum = 0f64;
    let add = |x: f32| {
        sum += f64::from(x);
        sum as f32
    };
    numbers.map(add).collect()
}

/// Where `holds` turns from true to false between 0 and `end`: halved ⌈log₂ `n`⌉ times, 0 if it holds nowhere.
fn last_that(end: usize, n: usize, holds: impl Fn(usize) -> bool) -> usize {
    let (mut low, mut high) = (0, end);
    for _ in 0..n.next_power_of_two().trailing_zeros() {
        let middle = (low + high) / 2;
        if holds(middle) {
            low = middle;
        } else {
            high = middle;
        }
    }
    low
}

/// Σ aᵢ·bᵢ, products rounded to f32 and added up in f64.
pub(super) fn dot(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| f64::from(a * b)).sum::<f64>() as f32
}

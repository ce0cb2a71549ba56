//! Every instruction set of this processor against plain arithmetic.

use super::{Isa, LANES, Simd, dispatch};

/// Sixteen lanes of each operation on fixed inputs under its name, the same list for every instruction set.
#[inline(always)]
unsafe fn everything<S: Simd>(a: &[f32; 16], b: &[f32; 16], c: &[f32; 16]) -> Vec<(String, [f32; 16])> {
    let mut results = Vec::new();
    // SAFETY: the arrays hold sixteen numbers each; `dispatch` picks what the processor has.
    unsafe {
        let (va, vb, vc) = (S::load(a.as_ptr()), S::load(b.as_ptr()), S::load(c.as_ptr()));
        let ((even, odd), (low, high)) = (S::even_odd(va, vb), S::interleave(va, vb));
        let mut named = vec![
            ("add".to_string(), S::add(va, vb)),
            ("sub".to_string(), S::sub(va, vb)),
            ("mul".to_string(), S::mul(va, vb)),
            ("div".to_string(), S::div(va, vb)),
            ("fma".to_string(), S::fma(va, vb, vc)),
            ("fnma".to_string(), S::fnma(va, vb, vc)),
            ("max".to_string(), S::max(va, vb)),
            ("min".to_string(), S::min(va, vb)),
            ("max_or_nan".to_string(), S::max_or_nan(va, vb)),
            ("where_above".to_string(), S::where_above(va, vb, vc)),
            ("round".to_string(), S::round(vc)),
            ("exp2_whole".to_string(), S::exp2_whole(S::round(vc))),
            ("relu".to_string(), S::relu(va)),
            ("splat".to_string(), S::splat(a[3])),
            ("zero".to_string(), S::zero()),
            ("even".to_string(), even),
            ("odd".to_string(), odd),
            ("low".to_string(), low),
            ("high".to_string(), high),
            ("sum".to_string(), S::splat(S::sum(va))),
            ("largest".to_string(), S::splat(S::largest(va))),
        ];
        let mut rows: [S::V; 16] = std::array::from_fn(|i| S::add(va, S::splat(100.0 * i as f32)));
        S::transpose(&mut rows);
        named.extend(rows.into_iter().enumerate().map(|(i, row)| (format!("transpose {i}"), row)));
        for (name, v) in named {
            let mut out = [0.0; 16];
            S::store(out.as_mut_ptr(), v);
            results.push((name, out));
        }
        for n in 0..=LANES {
            let mut out = [7.0; 16];
            S::store_first(out.as_mut_ptr(), n, va);
            results.push((format!("store_first {n}"), out));
            S::store(out.as_mut_ptr(), S::load_first(b.as_ptr(), n));
            results.push((format!("load_first {n}"), out));
        }
    }
    results
}

dispatch! {
    unsafe fn run(a: &[f32; 16], b: &[f32; 16], c: &[f32; 16]) -> Vec<(String, [f32; 16])> => everything
}

/// What lane `i` of the operation of that name should be.
fn expected(name: &str, i: usize, a: &[f32; 16], b: &[f32; 16], c: &[f32; 16]) -> f32 {
    let pair = |i: usize| if i < 16 { a[i] } else { b[i - 16] };
    let mixed = |i: usize| [a, b][i % 2][i / 2];
    let (operation, number) = name.split_once(' ').unwrap_or((name, "0"));
    let number: usize = number.parse().expect("a number stands behind the operation");
    match operation {
        "add" => a[i] + b[i],
        "sub" => a[i] - b[i],
        "mul" => a[i] * b[i],
        "div" => a[i] / b[i],
        "fma" => a[i].mul_add(b[i], c[i]),
        "fnma" => (-a[i]).mul_add(b[i], c[i]),
        "max" | "max_or_nan" => a[i].max(b[i]),
        "min" => a[i].min(b[i]),
        "where_above" => {
            if a[i] > b[i] {
                c[i]
            } else {
                0.0
            }
        }
        "round" => c[i].round_ties_even(),
        "exp2_whole" => c[i].round_ties_even().exp2(),
        "relu" => a[i].max(0.0),
        "splat" => a[3],
        "zero" => 0.0,
        "even" => pair(2 * i),
        "odd" => pair(2 * i + 1),
        "low" => mixed(i),
        "high" => mixed(i + 16),
        "sum" => a.iter().sum(),
        "largest" => a[15],
        "transpose" => a[number] + 100.0 * i as f32,
        "store_first" => {
            if i < number {
                a[i]
            } else {
                7.0
            }
        }
        "load_first" => {
            if i < number {
                b[i]
            } else {
                0.0
            }
        }
        other => panic!("{other} is not known"),
    }
}

#[test]
fn every_instruction_set_does_what_the_names_say() {
    let a: [f32; 16] = std::array::from_fn(|i| (i as f32 - 7.3) * 0.37);
    let b: [f32; 16] = std::array::from_fn(|i| 1.0 + (i * 7 % 16) as f32 * 0.21 - 2.0 * (i % 2) as f32);
    let c: [f32; 16] = std::array::from_fn(|i| (i as f32 - 8.0) * 2.5);
    for isa in Isa::available() {
        // SAFETY: `everything` reads and writes within the arrays.
        for (name, found) in unsafe { run(isa, &a, &b, &c) } {
            // Where the instruction set cannot fuse, or sums in another order, the last bits differ.
            let bound = if matches!(name.as_str(), "fma" | "fnma" | "sum") { 1e-5 } else { 0.0 };
            for (i, found) in found.into_iter().enumerate() {
                let expected = expected(&name, i, &a, &b, &c);
                assert!((found - expected).abs() <= bound, "{isa}, {name}, lane {i}: {found} instead of {expected}");
            }
        }
    }
}

#[test]
fn nan_is_above_everything_and_passes_the_maximum() {
    #[inline(always)]
    unsafe fn of_nan<S: Simd>() -> [f32; 4] {
        // SAFETY: registers only.
        unsafe {
            let (nan, one) = (S::splat(f32::NAN), S::splat(1.0));
            let maxima = [S::max_or_nan(nan, one), S::max_or_nan(one, nan)];
            [maxima[0], maxima[1], S::where_above(nan, one, one), S::where_above(one, nan, one)].map(|v| S::sum(v))
        }
    }
    dispatch! { unsafe fn run() -> [f32; 4] => of_nan }
    for isa in Isa::available() {
        // SAFETY: registers only.
        let [left, right, above, below] = unsafe { run(isa) };
        assert!(left.is_nan() && right.is_nan() && above == 16.0 && below == 16.0, "{isa}");
    }
}

#[test]
fn nan_passes_relu() {
    #[inline(always)]
    unsafe fn relu_of_nan<S: Simd>() -> f32 {
        // SAFETY: registers only.
        unsafe { S::sum(S::relu(S::splat(f32::NAN))) }
    }
    dispatch! { unsafe fn run() -> f32 => relu_of_nan }
    for isa in Isa::available() {
        // SAFETY: registers only.
        assert!(unsafe { run(isa) }.is_nan(), "{isa}");
    }
}

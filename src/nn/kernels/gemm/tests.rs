//! Products against f64 on odd sizes, and the bits they promise.

use super::*;
use crate::nn::check::singles;

const SIZES: [(usize, usize, usize); 12] = [
    (1, 1, 1),
    (3, 1, 17),
    (1, 7, 33),
    (7, 3, 1),
    (13, 31, 15),
    (12, 64, 32),
    (17, 65, 31),
    (25, 257, 48),
    (65, 33, 65),
    (128, 300, 10),
    (130, 520, 70),
    (300, 129, 100),
];

/// A matrix of that shape in memory of its own, transposed if asked for, with rows some numbers apart.
struct Owned {
    data: Vec<f32>,
    rows: usize,
    columns: usize,
    gap: usize,
    transposed: bool,
}

impl Owned {
    fn new(rows: usize, columns: usize, gap: usize, transposed: bool, seed: u64) -> Owned {
        let (lines, length) = if transposed { (columns, rows) } else { (rows, columns) };
        let used = (lines - 1) * (length + gap) + length;
        Owned { data: singles(used, seed), rows, columns, gap, transposed }
    }

    fn matrix(&self) -> Matrix<'_> {
        match self.transposed {
            true => Matrix::new(&self.data, self.columns, self.rows, self.rows + self.gap).t(),
            false => Matrix::new(&self.data, self.rows, self.columns, self.columns + self.gap),
        }
    }

    fn at(&self, row: usize, column: usize) -> f64 {
        let (line, place, length) =
            if self.transposed { (column, row, self.rows) } else { (row, column, self.columns) };
        f64::from(self.data[line * (length + self.gap) + place])
    }
}

/// max|error| / max|expected| of numbers that should be `expected(row, column)`.
fn error(found: &[f32], stride: usize, rows: usize, columns: usize, expected: impl Fn(usize, usize) -> f64) -> f64 {
    let (mut worst, mut size) = (0f64, 1e-30);
    for row in 0..rows {
        for column in 0..columns {
            let (found, expected) = (f64::from(found[row * stride + column]), expected(row, column));
            assert!(!found.is_nan(), "{row}, {column} was not written");
            worst = worst.max((found - expected).abs());
            size = f64::max(size, expected.abs());
        }
    }
    worst / size
}

fn dot(a: &Owned, b: &Owned, row: usize, column: usize) -> f64 {
    (0..a.columns).map(|i| a.at(row, i) * b.at(i, column)).sum()
}

#[test]
fn products_are_near_f64_in_all_transpositions_on_every_instruction_set() {
    for (rows, depth, columns) in SIZES {
        for (transposed, gap) in [(0, 0), (1, 0), (2, 3), (3, 1)] {
            let a = Owned::new(rows, depth, gap, transposed & 1 == 1, 1);
            let b = Owned::new(depth, columns, 2 * gap, transposed & 2 == 2, 2);
            let bias = singles(columns, 3);
            for isa in Isa::available() {
                let found = product_on(isa, a.matrix(), b.matrix(), Epilogue::default());
                let plain = error(&found, columns, rows, columns, |i, j| dot(&a, &b, i, j));
                let epilogue = Epilogue { bias: Some(&bias), relu: true };
                let found = product_on(isa, a.matrix(), b.matrix(), epilogue);
                let finished = |i: usize, j: usize| (dot(&a, &b, i, j) + f64::from(bias[j])).max(0.0);
                let finished = error(&found, columns, rows, columns, finished);
                assert!(
                    plain < 1e-6 && finished < 1e-6,
                    "{isa}, {rows}x{depth}x{columns}, {transposed}: {plain} {finished}"
                );
            }
        }
    }
}

#[test]
fn products_are_added_between_the_rows_of_a_wider_output() {
    for (rows, depth, columns) in SIZES {
        let (a, b) = (Owned::new(rows, depth, 1, true, 1), Owned::new(depth, columns, 0, false, 2));
        let stride = columns + 5;
        let before = singles(rows * stride, 3);
        for isa in Isa::available() {
            let mut out = before.clone();
            multiply_on(isa, &mut out, stride, a.matrix(), b.matrix(), true);
            let sum = |i: usize, j: usize| f64::from(before[i * stride + j]) + dot(&a, &b, i, j);
            let found = error(&out, stride, rows, columns, sum);
            assert!(found < 1e-6, "{isa}, {rows}x{depth}x{columns}: {found}");
            for (i, (out, before)) in out.iter().zip(&before).enumerate() {
                assert!(i % stride < columns || out.to_bits() == before.to_bits(), "{isa}: number {i} is not its own");
            }
        }
    }
}

#[test]
fn a_product_without_steps_is_zero_and_empty_ones_are_empty() {
    let nothing = Matrix::new(&[], 3, 0, 0);
    assert_eq!(product(nothing, Matrix::new(&[], 0, 2, 2)), [0.0; 6]);
    assert_eq!(product(Matrix::new(&[], 0, 2, 2), Matrix::new(&[1.0, 2.0], 2, 1, 1)), [0f32; 0]);
    assert_eq!(product(Matrix::new(&[1.0, 2.0], 2, 1, 1), Matrix::new(&[], 1, 0, 0)), [0f32; 0]);
    let mut out = [1.0, 2.0];
    multiply(&mut out, 1, Matrix::new(&[], 2, 0, 0), Matrix::new(&[], 0, 1, 1), true);
    assert_eq!(out, [1.0, 2.0]);
}

#[test]
fn not_a_number_and_infinity_go_through() {
    let (a, b) = ([f32::NAN, 1.0, f32::INFINITY], [1.0, -2.0]);
    for isa in Isa::available() {
        let relu = Epilogue { bias: None, relu: true };
        let found = product_on(isa, Matrix::new(&a, 3, 1, 1), Matrix::new(&b, 1, 2, 2), relu);
        assert!(found[0].is_nan() && found[1].is_nan(), "{isa}: {found:?}");
        assert_eq!(found[2..], [1.0, 0.0, f32::INFINITY, 0.0], "{isa}");
    }
}

#[test]
fn equal_rows_and_columns_give_equal_bits_wherever_they_stand() {
    let depth = 600;
    let (row, column) = (singles(depth, 1), singles(depth, 2));
    for isa in Isa::available() {
        let mut seen = Vec::new();
        for (rows, columns, transposed) in [(1, 1, false), (29, 83, false), (29, 83, true), (300, 130, false)] {
            let a = row.repeat(rows);
            let mut b = column.repeat(columns);
            let b = if transposed {
                Matrix::new(&b, columns, depth, depth).t()
            } else {
                b = (0..depth * columns).map(|i| column[i / columns]).collect();
                Matrix::new(&b, depth, columns, columns)
            };
            seen.extend(product_on(isa, Matrix::new(&a, rows, depth, depth), b, Epilogue::default()));
        }
        assert!(seen.iter().all(|x| x.to_bits() == seen[0].to_bits()), "{isa}");
    }
}

#[test]
fn same_bits_on_any_number_of_threads() {
    let (a, b) = (Owned::new(300, 520, 0, false, 1), Owned::new(520, 400, 0, true, 2));
    let run = |threads: usize| -> Vec<u32> {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| product(a.matrix(), b.matrix()).into_iter().map(f32::to_bits).collect())
    };
    let one = run(1);
    assert!(one == run(2) && one == run(3));
}

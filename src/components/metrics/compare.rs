//! What two networks make of the same examples: how far features lie apart, which predictions changed, which groups of
//! examples lost accuracy.

use super::Part;
use candle_core::{DType, Result, Tensor, bail};

/// Linear centred kernel alignment of two sets of features of the same n examples, (n, p) and (n, q), each numbers in any
/// further dimensions: ‖YᵀX‖² / (‖XᵀX‖ ‖YᵀY‖) of centred columns. 1 where one is the other rotated and scaled. Kornblith et
/// al. 2019, arXiv 1905.00414, eq. 4 and 5; computed from the Gram matrices, which are the same numbers.
///
/// # Errors
/// Different numbers of examples.
pub fn linear_cka(x: &Gram, y: &Gram) -> Result<f64> {
    if x.0.len() != y.0.len() {
        bail!("features of {} numbers beside {}", x.0.len(), y.0.len());
    }
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    let (xx, yy) = (dot(&x.0, &x.0), dot(&y.0, &y.0));
    // Features that are the same for all examples say nothing of them, so nothing can have moved but to or from that.
    Ok(match (xx == 0.0, yy == 0.0) {
        (true, true) => 1.0,
        (false, false) => dot(&x.0, &y.0) / (xx.sqrt() * yy.sqrt()),
        _ => 0.0,
    })
}

/// Products of each two examples' centred features, row-major.
#[derive(Clone, Debug)]
pub struct Gram(Vec<f64>);

impl Gram {
    /// Of features (n, …).
    ///
    /// # Errors
    /// Memory that cannot be had.
    pub fn of(features: &Tensor) -> Result<Gram> {
        let n = features.dim(0)?;
        let x = features.reshape((n, features.elem_count() / n.max(1)))?.to_dtype(DType::F32)?;
        // Centred before they are multiplied, so that a large common part costs no digits.
        let centred = x.broadcast_sub(&x.mean_keepdim(0)?)?.contiguous()?;
        let products = centred.matmul(&centred.t()?)?.flatten_all()?.to_vec1::<f32>()?;
        Ok(Gram(products.into_iter().map(f64::from).collect()))
    }
}

/// A classifier's predictions: true labels in rows, predicted ones in columns.
pub type Matrix = Vec<Vec<u64>>;

/// How often each class was taken for each. Counts the classes that both labels and network know.
pub fn confusion(labels: &[u32], predicted: &[u32], classes: usize) -> Matrix {
    let mut matrix = vec![vec![0; classes]; classes];
    for (label, predicted) in labels.iter().zip(predicted) {
        if let Some(times) = matrix.get_mut(*label as usize).and_then(|row| row.get_mut(*predicted as usize)) {
            *times += 1;
        }
    }
    matrix
}

/// The pairs of classes that gained or lost most, as shares of all examples: `shoe as bag`, more often than before where
/// the value is above 0. At most so many, the largest first; of equal ones in the order of the classes.
pub fn moved(before: &Matrix, after: &Matrix, names: &[String], most: usize) -> Vec<Part> {
    let n = before.iter().flatten().sum::<u64>().max(1) as f64;
    let mut pairs = Vec::new();
    for (label, (then, now)) in before.iter().zip(after).enumerate() {
        for (predicted, (then, now)) in then.iter().zip(now).enumerate() {
            let change = *now as i64 - *then as i64;
            if change != 0 {
                pairs.push((label, predicted, change));
            }
        }
    }
    pairs.sort_by_key(|(_, _, change)| std::cmp::Reverse(change.unsigned_abs()));
    let name = |class: usize| names.get(class).cloned().unwrap_or_else(|| class.to_string());
    let part = |(label, predicted, change): (usize, usize, i64)| match label == predicted {
        true => Part::new(name(label), change as f64 / n),
        false => Part::new(format!("{} as {}", name(label), name(predicted)), change as f64 / n),
    };
    pairs.into_iter().take(most).map(part).collect()
}

/// Which group an example belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Group {
    /// rightly labelled, with a loss up to the median of those
    Easy,
    /// rightly labelled, with a loss above it
    Hard,
    /// of another label than the true one
    Mislabelled,
}

impl Group {
    pub const ALL: [Group; 3] = [Group::Easy, Group::Hard, Group::Mislabelled];

    pub fn name(self) -> &'static str {
        match self {
            Group::Easy => "easy",
            Group::Hard => "hard",
            Group::Mislabelled => "mislabelled",
        }
    }
}

/// The groups of examples with these losses; `wrong`: labels that are not the true ones.
pub fn groups(losses: &[f64], wrong: &[bool]) -> Vec<Group> {
    let mut right: Vec<f64> = losses.iter().zip(wrong).filter(|(_, wrong)| !**wrong).map(|(loss, _)| *loss).collect();
    right.sort_by(f64::total_cmp);
    let median = match right.len() {
        0 => 0.0,
        n if n % 2 == 1 => right[n / 2],
        n => (right[n / 2 - 1] + right[n / 2]) / 2.0,
    };
    let group = |(loss, wrong): (&f64, &bool)| match (wrong, *loss <= median) {
        (true, _) => Group::Mislabelled,
        (false, true) => Group::Easy,
        (false, false) => Group::Hard,
    };
    losses.iter().zip(wrong).map(group).collect()
}

/// What each group lost: the mean of its values before less that after. Groups of no example are left out.
pub fn lost(groups: &[Group], before: &[f64], after: &[f64]) -> Vec<Part> {
    let of = |group: Group| {
        let losses: Vec<f64> =
            (0..groups.len()).filter(|i| groups[*i] == group).map(|i| before[i] - after[i]).collect();
        (!losses.is_empty()).then(|| Part::new(group.name(), losses.iter().sum::<f64>() / losses.len() as f64))
    };
    Group::ALL.into_iter().filter_map(of).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::Device;

    #[test]
    fn linear_cka_is_numpys() {
        // tests/goldens/make_drift.py
        let bytes = include_bytes!("../../../tests/goldens/drift.safetensors");
        let golden = candle_core::safetensors::load_buffer(bytes, &Device::Cpu).unwrap();
        let gram = |name: &str| Gram::of(&golden[name]).unwrap();
        for (x, y) in [("x", "y"), ("x", "z"), ("y", "z"), ("x", "rotated")] {
            let expected = golden[&format!("cka.{x}.{y}")].to_scalar::<f64>().unwrap();
            let found = linear_cka(&gram(x), &gram(y)).unwrap();
            assert!((found - expected).abs() < 1e-5, "{x} {y}: {found} for {expected}");
        }
    }

    #[test]
    fn features_that_do_not_depend_on_the_example_are_told_apart() {
        let constant = Gram::of(&Tensor::ones((5, 3), DType::F32, &Device::Cpu).unwrap()).unwrap();
        let others = Gram::of(&Tensor::arange(0f32, 15.0, &Device::Cpu).unwrap().reshape((5, 3)).unwrap()).unwrap();
        assert_eq!(linear_cka(&constant, &constant).unwrap(), 1.0);
        assert_eq!(linear_cka(&constant, &others).unwrap(), 0.0);
    }

    #[test]
    fn confusion_tells_what_moved() {
        let labels = [0, 0, 0, 1, 1, 2];
        let (before, after) = (confusion(&labels, &[0, 0, 0, 1, 1, 0], 3), confusion(&labels, &[0, 1, 1, 1, 1, 2], 3));
        assert_eq!(before, [[3, 0, 0], [0, 2, 0], [1, 0, 0]]);
        let names = ["cat", "dog", "cow"].map(String::from);
        let parts = moved(&before, &after, &names, 3);
        let told: Vec<(&str, f64)> = parts.iter().map(|p| (p.name.as_str(), p.value * 6.0)).collect();
        assert_eq!(told, [("cat", -2.0), ("cat as dog", 2.0), ("cow as cat", -1.0)]);
    }

    #[test]
    fn groups_go_by_loss_and_label() {
        let groups = groups(&[0.1, 0.4, 0.2, 9.0, 0.3], &[false, false, false, true, false]);
        use Group::{Easy, Hard, Mislabelled};
        assert_eq!(groups, [Easy, Hard, Easy, Mislabelled, Hard]);
        let parts = lost(&groups, &[1.0, 1.0, 1.0, 1.0, 0.0], &[1.0, 0.0, 0.0, 0.0, 1.0]);
        let told: Vec<(&str, f64)> = parts.iter().map(|p| (p.name.as_str(), p.value)).collect();
        assert_eq!(told, [("easy", 0.5), ("hard", 0.0), ("mislabelled", 1.0)]);
        assert!(lost(&[Easy], &[1.0], &[1.0]).len() == 1);
    }
}

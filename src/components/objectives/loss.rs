//! Losses of logits with their derivatives, in plain numbers: what lies between a forward pass and the way back.

use super::{Crafted, Logits};
use crate::nn::network::{Mode, Network};
use crate::nn::ops::{self, Reduction};
use crate::nn::tape::Tape;
use candle_core::{Result, Tensor, bail};

/// Which images a pass is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum On {
    /// as they are
    Clean,
    /// as an attack made them
    Attacked,
}

/// A loss, and its derivatives with respect to the logits (N, K) that it was formed of.
#[derive(Debug, Default)]
pub struct Loss {
    /// mean over the examples
    pub value: f64,
    pub clean: Option<Tensor>,
    pub attacked: Option<Tensor>,
}

impl Loss {
    /// A loss of one kind of images.
    pub fn new(on: On, value: f64, gradient: Tensor) -> Loss {
        match on {
            On::Clean => Loss { value, clean: Some(gradient), attacked: None },
            On::Attacked => Loss { value, clean: None, attacked: Some(gradient) },
        }
    }

    /// Its derivative with respect to the logits of these images.
    pub fn gradient(&self, on: On) -> Option<&Tensor> {
        match on {
            On::Clean => self.clean.as_ref(),
            On::Attacked => self.attacked.as_ref(),
        }
    }

    /// `weight` times the loss.
    pub fn times(self, weight: f64) -> Result<Loss> {
        let scaled = |gradient: Option<Tensor>| gradient.map(|gradient| gradient * weight).transpose();
        Ok(match weight {
            1.0 => self,
            _ => Loss { value: weight * self.value, clean: scaled(self.clean)?, attacked: scaled(self.attacked)? },
        })
    }

    /// The sum of two losses.
    pub fn plus(self, other: Loss) -> Result<Loss> {
        let sum = |a: Option<Tensor>, b: Option<Tensor>| match (a, b) {
            (Some(a), Some(b)) => (a + b).map(Some),
            (a, b) => Ok(a.or(b)),
        };
        let (clean, attacked) = (sum(self.clean, other.clean)?, sum(self.attacked, other.attacked)?);
        Ok(Loss { value: self.value + other.value, clean, attacked })
    }
}

/// Mean cross-entropy of logits (N, K) with N labels, and its derivative.
pub(super) fn cross_entropy(logits: &Tensor, labels: &[u32], label_smoothing: f64) -> Result<(f64, Tensor)> {
    let tape = Tape::new();
    let leaf = tape.leaf(logits);
    let loss = ops::cross_entropy(&tape, &leaf, labels, label_smoothing, Reduction::Mean)?;
    let value = f64::from(loss.tensor().to_scalar::<f32>()?);
    match tape.backward(&loss)?.take(&leaf) {
        Some(gradient) => Ok((value, gradient)),
        None => bail!("the loss doesn't depend on the logits"),
    }
}

/// In what a student is to be like its teacher.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Likeness {
    /// T²·mean over images of KL(softmax(teacher/T) ‖ softmax(student/T))
    Divergence { temperature: f64 },
    /// mean over images and classes of the squared difference of logits
    Squares,
}

/// What one teacher said about a batch, and what comes of it.
#[derive(Debug)]
pub struct Lesson {
    pub weight: f64,
    pub likeness: Likeness,
    /// which images, with the teacher's logits (N, K)
    answers: Vec<(On, Tensor)>,
}

impl Lesson {
    /// Asks a teacher, in eval mode, about the images of these kinds; where nothing is attacked they are all the images
    /// as they are, which are asked about once.
    ///
    /// # Errors
    /// What the network's operations return.
    pub fn of(teacher: &Network, crafted: &Crafted, on: &[On], weight: f64, likeness: Likeness) -> Result<Lesson> {
        let mut answers: Vec<(On, Tensor)> = Vec::new();
        for on in on {
            let on = if crafted.attacked.is_some() { *on } else { On::Clean };
            if answers.iter().all(|(known, _)| *known != on) {
                answers.push((on, teacher.logits(crafted.pixels(on), Mode::Eval)?));
            }
        }
        Ok(Lesson { weight, likeness, answers })
    }

    /// What a teacher has answered, (N, K), about the examples as they are.
    pub fn given(answers: Tensor, weight: f64, likeness: Likeness) -> Lesson {
        Lesson { weight, likeness, answers: vec![(On::Clean, answers)] }
    }

    /// The images that it is about.
    pub fn reads(&self) -> impl Iterator<Item = On> {
        self.answers.iter().map(|(on, _)| *on)
    }

    /// Its term of the loss: of each kind of images once.
    pub(super) fn loss(&self, logits: &Logits) -> Result<Loss> {
        let term = |(on, answer): &(On, Tensor)| {
            let student = logits.of(*on)?;
            let (value, gradient) = match self.likeness {
                Likeness::Divergence { temperature } => divergence(answer, student, temperature)?,
                Likeness::Squares => squares(answer, student)?,
            };
            Loss::new(*on, value, gradient).times(self.weight)
        };
        self.answers.iter().try_fold(Loss::default(), |sum, answer| sum.plus(term(answer)?))
    }
}

/// T²·mean over rows of KL(softmax(teacher/T) ‖ softmax(student/T)), and its derivative with respect to the student's
/// logits, T·(softmax(student/T) − softmax(teacher/T))/N.
fn divergence(teacher: &Tensor, student: &Tensor, temperature: f64) -> Result<(f64, Tensor)> {
    let (teacher, students) = (Rows::of(teacher)?, Rows::of(student)?);
    students.same_shape(&teacher)?;
    let n = students.rows.len() as f64;
    let mut gradient = Vec::with_capacity(students.rows.len() * students.classes);
    let mut value = 0.0;
    for (t, s) in teacher.rows.iter().zip(&students.rows) {
        let (t, s) = (log_softmax(t, temperature), log_softmax(s, temperature));
        value += t.iter().zip(&s).map(|(t, s)| t.exp() * (t - s)).sum::<f64>();
        gradient.extend(t.iter().zip(&s).map(|(t, s)| (temperature * (s.exp() - t.exp()) / n) as f32));
    }
    Ok((temperature * temperature * value / n, students.tensor(gradient, student)?))
}

/// Mean over rows and columns of (student − teacher)², and its derivative with respect to the student's logits.
fn squares(teacher: &Tensor, student: &Tensor) -> Result<(f64, Tensor)> {
    let (teacher, students) = (Rows::of(teacher)?, Rows::of(student)?);
    students.same_shape(&teacher)?;
    let count = (students.rows.len() * students.classes) as f64;
    let both = || teacher.rows.iter().flatten().zip(students.rows.iter().flatten()).map(|(t, s)| s - t);
    let value = both().map(|d| d * d).sum::<f64>() / count;
    Ok((value, students.tensor(both().map(|d| (2.0 * d / count) as f32).collect(), student)?))
}

/// Logits (N, K) in f64, row by row.
///
/// # Errors
/// If they are no matrix.
pub fn rows(logits: &Tensor) -> Result<Vec<Vec<f64>>> {
    Ok(Rows::of(logits)?.rows)
}

/// [`rows`] with their number of classes.
pub(super) struct Rows {
    pub rows: Vec<Vec<f64>>,
    pub classes: usize,
}

impl Rows {
    pub fn of(logits: &Tensor) -> Result<Rows> {
        let (_, classes) = logits.dims2()?;
        let rows: Vec<Vec<f32>> = logits.to_vec2()?;
        Ok(Rows { rows: rows.into_iter().map(|row| row.into_iter().map(f64::from).collect()).collect(), classes })
    }

    pub fn same_shape(&self, other: &Rows) -> Result<()> {
        let shape = |rows: &Rows| (rows.rows.len(), rows.classes);
        match shape(self) == shape(other) {
            true => Ok(()),
            false => bail!("logits of shape {:?} beside those of shape {:?}", shape(self), shape(other)),
        }
    }

    /// Numbers of these rows as a tensor beside `like`.
    pub fn tensor(&self, numbers: Vec<f32>, like: &Tensor) -> Result<Tensor> {
        Tensor::from_vec(numbers, (self.rows.len(), self.classes), like.device())
    }
}

/// log softmax(row / temperature)
pub fn log_softmax(row: &[f64], temperature: f64) -> Vec<f64> {
    let scaled: Vec<f64> = row.iter().map(|x| x / temperature).collect();
    let max = scaled.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let log_sum = max + scaled.iter().map(|x| (x - max).exp()).sum::<f64>().ln();
    scaled.iter().map(|x| x - log_sum).collect()
}

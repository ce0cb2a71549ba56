//! The Square attack: random search with squares, without a gradient.

use super::apgd::{EPS, NORM};
use super::candidate::{self, Candidate, Patterns};
use super::standing::Standing;
use super::{Attack, Norm};
use crate::components::objectives::{Batch, Draws};
use crate::components::{Default, Family, Member, Param, Spec, Type};
use crate::nn::network::{Mode, Network};
use crate::nn::ops::{Reduction, cross_entropy};
use crate::nn::rng::Stream;
use crate::nn::tape::{Tape, Value};
use candle_core::{Result, Tensor};
use rayon::prelude::*;

pub static MEMBER: Member = Member {
    family: Family::Attack,
    name: "square",
    params: &[
        EPS,
        NORM,
        Param::new("queries", Type::Int, "changes that are tried, a forward pass each")
            .or(Default::Int(5000))
            .named()
            .within(1.0, 1e8),
        Param::new("p_init", Type::Real, "share of the image that the first squares cover; they shrink with time")
            .or(Default::Real(0.8))
            .named()
            .within(0.0, 1.0),
        Param::new(
            "loss",
            Type::Word(&["margin", "ce"]),
            "what a change must lower to be kept: the margin of the true class, or minus its cross-entropy",
        )
        .or(Default::Word("margin"))
        .named(),
        Param::new("restarts", Type::Int, "searches, each for the images that withstood the ones before")
            .or(Default::Int(1))
            .named()
            .within(1.0, 1e4),
    ],
    doc: "random search with squares of the corners' colours; uses no gradient, so none can be hidden from it",
    source: "Andriushchenko et al. 2020, arXiv 1912.00049; arithmetic of pyautoattack 0.2.0 SquareAttack with the published schedule",
    example: "evaluate robust(square(eps: 8/255)) on test",
};

pub(super) fn build(spec: &Spec) -> Box<dyn Attack> {
    Box::new(Square {
        eps: spec.real("eps"),
        norm: Norm::of(spec),
        queries: spec.usize("queries"),
        p_init: spec.real("p_init"),
        by: if spec.word("loss") == "margin" { By::Margin } else { By::CrossEntropy },
        restarts: spec.usize("restarts"),
    })
}

#[derive(Clone)]
struct Square {
    eps: f64,
    norm: Norm,
    queries: usize,
    p_init: f64,
    by: By,
    restarts: usize,
}

/// What is lowered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum By {
    /// logit of the label − largest other logit
    Margin,
    /// log of the label's probability
    CrossEntropy,
}

/// One image's search.
struct Search<'a> {
    original: &'a [f32],
    best: Vec<f32>,
    label: u32,
    /// logit of the label − largest other logit; not above 0 where the image is wrong
    margin: f32,
    loss: f32,
    stream: Stream,
}

impl Attack for Square {
    /// The search of image i draws from stream (seed, "square", [id, clock, restart]).
    fn perturb(&self, network: &Network, mode: Mode, batch: &Batch, draws: &Draws) -> Result<Tensor> {
        let mut standing = Standing::of(network, mode, batch)?;
        for restart in 0..self.restarts as u64 {
            let Some(left) = standing.left()? else { break };
            let streams = left.ids.iter().map(|&id| draws.stream("square", &[id, draws.clock, restart])).collect();
            standing.fooled(self.search(network, mode, &left, streams)?);
        }
        standing.images()
    }

    fn passes(&self) -> u64 {
        0
    }

    /// The start of each search and its queries.
    fn forwards(&self) -> u64 {
        ((self.queries + 1) * self.restarts) as u64
    }

    fn norm(&self) -> Norm {
        self.norm
    }

    fn eps(&self) -> f64 {
        self.eps
    }

    fn with_eps(&self, eps: f64) -> Box<dyn Attack> {
        Box::new(Square { eps, ..self.clone() })
    }
}

impl Square {
    /// One search for each image; `None` where it found nothing wrong.
    fn search(
        &self,
        network: &Network,
        mode: Mode,
        batch: &Batch,
        streams: Vec<Stream>,
    ) -> Result<Vec<Option<Vec<f32>>>> {
        let originals: Vec<Vec<f32>> = batch.pixels.flatten_from(1)?.to_vec2()?;
        let (_, channels, height, width) = batch.pixels.dims4()?;
        let frame = Candidate { norm: self.norm, eps: self.eps as f32, channels, height, width };
        let parts = originals.iter().zip(&batch.labels).zip(streams);
        let mut all: Vec<Search> =
            parts.map(|((original, &label), stream)| Search::new(original, label, stream)).collect();
        let mut patterns = Patterns::new(self.norm, frame.start_side());
        all.par_iter_mut().for_each(|search| search.best = frame.start(search.original, &patterns, &mut search.stream));
        let starts = all.iter().map(|search| search.best.clone()).collect();
        let seen = self.look(network, mode, batch, &mut all.iter_mut().collect::<Vec<_>>(), starts)?;
        for (search, (_, margin, loss)) in all.iter_mut().zip(seen) {
            (search.margin, search.loss) = (margin, loss);
        }
        for query in 0..self.queries {
            let mut going: Vec<&mut Search> = all.iter_mut().filter(|search| search.margin > 0.0).collect();
            if going.is_empty() {
                break;
            }
            let side = frame.side(candidate::share(self.p_init, query));
            if patterns.side() != side {
                patterns = Patterns::new(self.norm, side);
            }
            let try_ =
                |search: &mut &mut Search| frame.next(search.original, &search.best, &patterns, &mut search.stream);
            let candidates: Vec<Vec<f32>> = going.par_iter_mut().map(try_).collect();
            let seen = self.look(network, mode, batch, &mut going, candidates)?;
            for (search, (candidate, margin, loss)) in going.into_iter().zip(seen) {
                search.consider(candidate, margin, loss);
            }
        }
        Ok(all.into_iter().map(|search| (search.margin <= 0.0).then_some(search.best)).collect())
    }

    /// Each candidate with its margin and loss: one forward pass.
    fn look(
        &self,
        network: &Network,
        mode: Mode,
        batch: &Batch,
        going: &mut [&mut Search],
        candidates: Vec<Vec<f32>>,
    ) -> Result<Vec<(Vec<f32>, f32, f32)>> {
        let mut dims = batch.pixels.dims().to_vec();
        dims[0] = going.len();
        let logits = network.logits(&Tensor::from_vec(candidates.concat(), dims, batch.pixels.device())?, mode)?;
        let labels: Vec<u32> = going.iter().map(|search| search.label).collect();
        let rows: Vec<Vec<f32>> = logits.to_vec2()?;
        let margins: Vec<f32> = rows.iter().zip(&labels).map(|(row, &label)| margin(row, label as usize)).collect();
        let losses = match self.by {
            By::Margin => margins.clone(),
            By::CrossEntropy => {
                let losses = cross_entropy(&Tape::new(), &Value::constant(logits), &labels, 0.0, Reduction::None)?;
                losses.tensor().neg()?.to_vec1()?
            }
        };
        Ok(candidates
            .into_iter()
            .zip(margins)
            .zip(losses)
            .map(|((image, margin), loss)| (image, margin, loss))
            .collect())
    }
}

impl<'a> Search<'a> {
    fn new(original: &'a [f32], label: u32, stream: Stream) -> Search<'a> {
        Search { original, best: Vec::new(), label, margin: f32::INFINITY, loss: f32::INFINITY, stream }
    }

    /// Keeps a candidate that lowers the loss or is wrong.
    fn consider(&mut self, candidate: Vec<f32>, margin: f32, loss: f32) {
        let lower = loss < self.loss;
        if lower {
            self.loss = loss;
        }
        if lower || margin <= 0.0 {
            (self.best, self.margin) = (candidate, margin);
        }
    }
}

/// Logit of the label − largest other logit.
fn margin(logits: &[f32], label: usize) -> f32 {
    let others = logits.iter().enumerate().filter(|(class, _)| *class != label);
    logits[label] - others.fold(f32::NEG_INFINITY, |largest, (_, &logit)| largest.max(logit))
}

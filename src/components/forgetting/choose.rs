//! Which weights are forgotten.

use super::count::{Kept, Selected, Slot, Unit, count};
use super::{Ranking, Request};
use crate::nn::network::{Network, Parameter};
use crate::nn::rng::Stream;
use candle_core::{Result, Tensor, bail};
use std::cmp::Ordering;
use std::collections::BTreeSet;

/// For each selected tensor the places of its forgotten numbers, sorted.
pub(super) fn choose(network: &Network, request: &Request) -> Result<Vec<Vec<usize>>> {
    let parameters = network.parameters();
    let slots: Vec<Slot> = request.selection.iter().map(|s| Slot::new(&parameters[s.part].part, s)).collect();
    match request.unit {
        Unit::Layer => return choose_layers(network, request, &slots),
        Unit::Block => {
            let one = |(selected, slot): (&Selected, &Slot)| {
                let kept = Kept::of(&parameters[selected.part].part, request.share);
                (0..slot.len()).map(|i| slot.place(i)).filter(|place| !kept.holds(*place)).collect()
            };
            return Ok(request.selection.iter().zip(&slots).map(one).collect());
        }
        Unit::Weight | Unit::Channel => {}
    }
    let sizes: Vec<usize> = slots.iter().map(|slot| if request.unit == Unit::Weight { 1 } else { slot.row }).collect();
    let units: Vec<usize> = slots.iter().zip(&sizes).map(|(slot, size)| slot.len() / (*size).max(1)).collect();
    let scores = |i: usize| -> Result<Option<Vec<f32>>> {
        let values = importance(&parameters[request.selection[i].part], &request.selection[i], &slots[i], &request.by)?;
        Ok(values.map(|values| values.chunks(sizes[i].max(1)).map(mean).collect()))
    };
    let chosen: Vec<Vec<usize>> = if request.overall {
        let all =
            (0..slots.len()).map(scores).collect::<Result<Option<Vec<Vec<f32>>>>>()?.map(|scores| scores.concat());
        let together = pick(units.iter().sum(), all, request, "forget");
        split(&together, &units)
    } else {
        let name = |i: usize| &parameters[request.selection[i].part].part.name;
        let one = |i: usize| Ok(pick(units[i], scores(i)?, request, &format!("forget/{}", name(i))));
        (0..slots.len()).map(one).collect::<Result<_>>()?
    };
    let places = chosen.iter().zip(slots.iter().zip(sizes));
    Ok(places
        .map(|(chosen, (slot, size))| {
            chosen.iter().flat_map(|&unit| (unit * size..(unit + 1) * size).map(|i| slot.place(i))).collect()
        })
        .collect())
}

/// Whole layers: all their selected tensors, or none.
fn choose_layers(network: &Network, request: &Request, slots: &[Slot]) -> Result<Vec<Vec<usize>>> {
    let parameters = network.parameters();
    let layer_of = |selected: &Selected| parameters[selected.part].part.layer;
    let layers: Vec<usize> = BTreeSet::from_iter(request.selection.iter().map(layer_of)).into_iter().collect();
    let mut scores = Some(Vec::new());
    for layer in &layers {
        let mut values = Vec::new();
        for (selected, slot) in request.selection.iter().zip(slots).filter(|(selected, _)| layer_of(selected) == *layer)
        {
            match importance(&parameters[selected.part], selected, slot, &request.by)? {
                Some(more) => values.extend(more),
                None => scores = None,
            }
        }
        scores.iter_mut().for_each(|scores| scores.push(mean(&values)));
    }
    let chosen: Vec<usize> = pick(layers.len(), scores, request, "forget").into_iter().map(|i| layers[i]).collect();
    let hit = |(selected, slot): (&Selected, &Slot)| match chosen.binary_search(&layer_of(selected)) {
        Ok(_) => (0..slot.len()).map(|i| slot.place(i)).collect(),
        Err(_) => Vec::new(),
    };
    Ok(request.selection.iter().zip(slots).map(hit).collect())
}

/// The share's count of `units`, sorted: those of lowest score, of equal ones the first; with no scores drawn from the
/// stream (seed, purpose, scope), of a fixed mask (seed, purpose, []).
fn pick(units: usize, scores: Option<Vec<f32>>, request: &Request, purpose: &str) -> Vec<usize> {
    let k = count(request.share, units);
    let Some(scores) = scores else {
        let scope = if matches!(request.by, Ranking::Random { fixed: true }) { &[] } else { request.scope };
        return Stream::new(request.seed, purpose, scope).choose_distinct(units, k);
    };
    let order = |a: &usize, b: &usize| -> Ordering { scores[*a].total_cmp(&scores[*b]).then(a.cmp(b)) };
    let mut lowest: Vec<usize> = (0..units).collect();
    if 0 < k && k < units {
        lowest.select_nth_unstable_by(k - 1, order);
    }
    lowest.truncate(k);
    lowest.sort_unstable();
    lowest
}

/// Sorted numbers of the concatenation of ranges of these lengths, back in their ranges.
fn split(together: &[usize], lengths: &[usize]) -> Vec<Vec<usize>> {
    let (mut rest, mut start) = (together, 0);
    let one = |length: &usize| {
        let (here, after) = rest.split_at(rest.partition_point(|&i| i < start + length));
        let found = here.iter().map(|i| i - start).collect();
        (rest, start) = (after, start + length);
        found
    };
    lengths.iter().map(one).collect()
}

/// A number for each selected weight, low ones to be forgotten first; `None` where chance decides.
fn importance(parameter: &Parameter, selected: &Selected, slot: &Slot, by: &Ranking) -> Result<Option<Vec<f32>>> {
    let all: Vec<f32> = match by {
        Ranking::Random { .. } | Ranking::Block => return Ok(None),
        Ranking::Smallest => parameter.numbers()?.into_iter().map(f32::abs).collect(),
        Ranking::Largest => parameter.numbers()?.into_iter().map(|w| -w.abs()).collect(),
        Ranking::Saliency { gradients, highest } => {
            let gradient = gradient(parameter, selected, gradients)?;
            let sign = if *highest { -1.0 } else { 1.0 };
            parameter.numbers()?.into_iter().zip(gradient).map(|(w, g)| sign * (w * g).abs()).collect()
        }
    };
    Ok(Some((0..slot.len()).map(|i| all[slot.place(i)]).collect()))
}

fn gradient(parameter: &Parameter, selected: &Selected, gradients: &[Option<Tensor>]) -> Result<Vec<f32>> {
    let name = &parameter.part.name;
    match gradients.get(selected.part) {
        Some(Some(gradient)) if gradient.dims() == parameter.tensor.dims() => gradient.flatten_all()?.to_vec1(),
        Some(Some(gradient)) => bail!("the gradient of {name} has shape {:?}", gradient.dims()),
        _ => bail!("there is no gradient of {name} to rank its weights by"),
    }
}

/// In f64, so that it doesn't depend on how many there are. A single weight's is the weight's own.
fn mean(values: &[f32]) -> f32 {
    (values.iter().map(|&x| f64::from(x)).sum::<f64>() / values.len().max(1) as f64) as f32
}

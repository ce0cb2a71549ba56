//! A model with its adapters: which layers they stand beside.

use super::selectors;
use crate::components::{Problem, ProblemKind, Selector, Spec, Value, adapters};
use crate::nn::architecture::{Architecture, Input, PartKind, Region};
use std::collections::BTreeSet;

/// The architecture with the adapters that `spec` describes beside its layers.
///
/// # Errors
/// Targets and selections that mean no linear layer, and what images' networks cannot do.
pub(super) fn adapted(spec: &Spec, architecture: Architecture) -> Result<Architecture, Problem> {
    let adapter = adapters::build(spec);
    let linears: Vec<String> = architecture.linears().into_iter().map(|linear| linear.name.clone()).collect();
    let mut wanted: BTreeSet<String> = match adapters::targets(spec) {
        Some(targets) => targeted(&targets, &linears)?,
        None => by_default(&architecture, &linears),
    };
    if let Value::Selector(selector) = spec.get("on") {
        let within = selected(selector, &architecture)?;
        // What a selection names is meant also where it would not be by default.
        wanted = match adapters::targets(spec) {
            Some(_) => wanted.intersection(&within).cloned().collect(),
            None => within,
        };
    }
    if wanted.is_empty() {
        let message = "there is no linear layer that the adapters could stand beside";
        return Err(Problem::new(ProblemKind::NothingMeant, message).help(known(&linears)));
    }
    if !adapter.rank.is_multiple_of(adapter.experts) {
        let message = format!("a rank of {} is not divided by {} experts", adapter.rank, adapter.experts);
        return Err(Problem::new(ProblemKind::DoesNotFit, message).of("experts"));
    }
    if adapter.experts > 1 && matches!(architecture.input, Input::Image(_)) {
        let message = "`experts` of adapters are for language models";
        return Err(Problem::new(ProblemKind::DoesNotFit, message).help("leave them out").of("experts"));
    }
    if adapter.dropout > 0.0 && matches!(architecture.input, Input::Image(_)) {
        let message = "`dropout` of adapters is for language models";
        return Err(Problem::new(ProblemKind::DoesNotFit, message).help("leave it out").of("dropout"));
    }
    Ok(architecture.adapted(&adapter, |name| wanted.contains(name)).0)
}

/// All but the classifier, where there are others, and nothing of a vision tower or its projector.
fn by_default(architecture: &Architecture, linears: &[String]) -> BTreeSet<String> {
    let head = architecture.head();
    let sees = |name: &str| matches!(Region::of(name), Some(Region::Tower | Region::Projector));
    let inner = linears.iter().filter(|name| head != Some(name.as_str()) && !sees(name));
    let inner: BTreeSet<String> = inner.cloned().collect();
    if inner.is_empty() { linears.iter().filter(|name| !sees(name)).cloned().collect() } else { inner }
}

fn targeted(targets: &[&str], linears: &[String]) -> Result<BTreeSet<String>, Problem> {
    let mut wanted = BTreeSet::new();
    for target in targets {
        let meant: Vec<String> = linears.iter().filter(|name| adapters::means(target, name)).cloned().collect();
        if meant.is_empty() {
            let message = format!("`{target}` names no linear layer of the model");
            return Err(Problem::new(ProblemKind::NothingMeant, message).help(known(linears)).of("targets"));
        }
        wanted.extend(meant);
    }
    Ok(wanted)
}

/// Linear layers whose weights a selector means.
fn selected(selector: &Selector, architecture: &Architecture) -> Result<BTreeSet<String>, Problem> {
    let parts = architecture.parts();
    let wrong = |message: String| Problem::new(ProblemKind::NothingMeant, message).of("on");
    let found = selectors::resolve(selector, &parts).map_err(|error| wrong(error.to_string()))?;
    let weights = found.owned.iter().map(|s| &parts[s.part]).filter(|part| part.kind == PartKind::LinearWeight);
    Ok(weights.filter_map(|part| part.name.strip_suffix(".weight")).map(str::to_string).collect())
}

/// What the layers are called, or how they end where there are many.
fn known(linears: &[String]) -> String {
    let ends: BTreeSet<&str> = linears.iter().map(|name| name.rsplit('.').next().unwrap_or(name)).collect();
    let names: Vec<&str> =
        if linears.len() > 8 { ends.into_iter().collect() } else { linears.iter().map(String::as_str).collect() };
    format!("its linear layers are {}", names.join(", "))
}

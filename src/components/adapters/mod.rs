//! Adapters: small factors that are trained beside the weights of linear layers, which stand still.

pub mod lora;

use crate::components::{Member, Spec, Value, entries};
use crate::nn::architecture::Adapter;

type Build = fn(&Spec) -> Adapter;

/// The family's members with their builders, in the order in which they are listed.
static ADAPTERS: [(&Member, Build); 1] = [(&lora::MEMBER, lora::build)];

/// The descriptions of all adapters.
pub static MEMBERS: &[&Member] = &entries::members(&ADAPTERS);

/// The name of a program's adapters among the tensors of a layer: PEFT's for those that nobody named.
pub const NAME: &str = "default";

/// What `spec` puts beside each layer that it is for.
pub fn build(spec: &Spec) -> Adapter {
    entries::builder(&ADAPTERS, spec.name())(spec)
}

/// The layers that `targets:` names, where it does.
pub fn targets(spec: &Spec) -> Option<Vec<&str>> {
    match spec.get("targets") {
        Value::List(items) => Some(
            items
                .iter()
                .filter_map(|item| match item {
                    Value::Text(text) => Some(text.as_str()),
                    _ => None,
                })
                .collect(),
        ),
        _ => None,
    }
}

/// Whether a layer is one that a target means: of that name, or ending in it behind a dot, as PEFT reads a list.
pub fn means(target: &str, layer: &str) -> bool {
    layer.strip_suffix(target).is_some_and(|before| before.is_empty() || before.ends_with('.'))
}

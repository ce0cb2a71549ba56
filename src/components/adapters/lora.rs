//! LoRA.

use super::NAME;
use crate::components::{Default, Family, Member, Param, Spec, Type, Value};
use crate::nn::architecture::Adapter;
use crate::nn::pretrained::peft;

pub static MEMBER: Member = Member {
    family: Family::Adapter,
    name: "lora",
    params: &[
        Param::new("rank", Type::Int, "r: numbers between the two factors").or(Default::Int(8)).within(1.0, 65_536.0),
        Param::new("alpha", Type::Real, "the update is multiplied by alpha / rank; none: 2 · rank")
            .or(Default::Absent)
            .named()
            .above(0.0),
        Param::new("dropout", Type::Share, "share of its inputs that a training pass leaves out")
            .or(Default::Real(0.0))
            .named(),
        Param::new("rslora", Type::Bool, "multiply by alpha / √rank instead").or(Default::Bool(false)).named(),
        Param::new("experts", Type::Int, "above 1: so many adapters of rank / experts each, which a router weighs by each input (MoELoRA)")
            .or(Default::Int(1))
            .named()
            .within(1.0, 1024.0),
        Param::new(
            "targets",
            Type::List(&Type::Text),
            "names of layers, or how they end: `q_proj`; none: all linear layers but the classifier (where there are others), and none of a vision tower",
        )
        .or(Default::Absent)
        .named(),
        Param::new("on", Type::Selector, "only layers whose weights are among these").or(Default::Absent).named(),
    ],
    doc: "beside each weight w the update alpha/rank · b a with a (rank, inputs) and b (outputs, rank); b starts at 0",
    source: "Hu et al. 2022, LoRA, eq. 3; PEFT; rslora: Kalajdzievski 2023, arXiv 2312.03732",
    example: "adapt lora(rank: 16, alpha: 32)",
};

pub(super) fn build(spec: &Spec) -> Adapter {
    let rank = spec.usize("rank");
    let alpha = match spec.get("alpha") {
        Value::None => 2.0 * rank as f64,
        _ => spec.real("alpha"),
    };
    let scale = peft::scale(alpha, rank, spec.bool("rslora"));
    Adapter { name: NAME.into(), rank, scale, dropout: spec.real("dropout"), experts: spec.usize("experts") }
}

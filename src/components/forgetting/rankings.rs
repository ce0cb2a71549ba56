//! `forget … by:`: which weights go first.

use crate::components::{Default, Family, Member, Param, Type};

/// The family's members, in the order in which they are listed.
pub static MEMBERS: &[&Member] = &[&RANDOM, &KELS, &SMALLEST, &LARGEST, &SALIENCY];

pub static RANDOM: Member = Member {
    family: Family::Ranking,
    name: "random",
    params: &[Param::new(
        "mask",
        Type::Word(&["fresh", "fixed"]),
        "drawn anew at each event, or one draw for each tensor that all events of a run share",
    )
    .or(Default::Word("fresh"))
    .named()],
    doc: "drawn without replacement, each with the same chance",
    source: "Ramkumar et al. 2024, arXiv 2402.11733; fixed: WELS of Taha et al. 2021, arXiv 2103.05152",
    example: "forget layers[-2..] 30% by: random(mask: fixed)",
};

pub static KELS: Member = Member {
    family: Family::Ranking,
    name: "kels",
    params: &[],
    doc: "keeps each tensor's first channels: of the rest of the share, ceil(rest * outputs) x ceil(rest * inputs) of \
          them; of the first layer all inputs, of the classifier all outputs",
    source: "Taha et al. 2021, arXiv 2103.05152 (kernel-level split)",
    example: "forget layers 20% by: kels",
};

pub static SMALLEST: Member = Member {
    family: Family::Ranking,
    name: "smallest",
    params: &[],
    doc: "smallest magnitude first; a channel's or tensor's is the mean of its weights'",
    source: "Zhou et al. 2022, arXiv 2202.00155 (magnitude masks)",
    example: "forget layers[-2..] 30% by: smallest",
};

pub static LARGEST: Member = Member {
    family: Family::Ranking,
    name: "largest",
    params: &[],
    doc: "largest magnitude first; a channel's or tensor's is the mean of its weights'",
    source: "the mirror image of smallest, as a control",
    example: "forget layers[-2..] 30% by: largest",
};

pub static SALIENCY: Member = Member {
    family: Family::Ranking,
    name: "saliency",
    params: &[
        Param::new("batches", Type::Int, "training batches whose gradients are summed")
            .or(Default::Int(1))
            .within(1.0, 1e9),
        Param::new("order", Type::Word(&["lowest", "highest"]), "which end of the ranking goes first")
            .or(Default::Word("lowest"))
            .named(),
    ],
    doc: "by |gradient * weight| on training batches, lowest first",
    source: "SNIP: Lee et al. 2019, arXiv 1810.02340; used so by LURE (NeurAI-Lab)",
    example: "forget layers[-2..] 20% by: saliency(batches: 4)",
};

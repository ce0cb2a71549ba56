//! Projected gradient descent in the linf or l2 ball.

use crate::components::{Default, Family, Member, Param, Type};

pub static MEMBER: Member = Member {
    family: Family::Attack,
    name: "pgd",
    params: &[
        Param::new("eps", Type::Real, "radius of the ball around the image, pixels in 0..=1; at most 1 for linf")
            .at_least(0.0),
        Param::new("step", Type::Real, "length of one step; 2.5 * eps / iters if left out")
            .or(Default::Absent)
            .above(0.0),
        Param::new("iters", Type::Int, "number of steps").or(Default::Int(10)).within(1.0, 1e6),
        Param::new("norm", Type::Word(&["linf", "l2"]), "the norm that eps and step are measured in")
            .or(Default::Word("linf"))
            .named(),
        Param::new("random_start", Type::Bool, "start at a random point of the ball, not at the image")
            .or(Default::Bool(true))
            .named(),
        Param::new("restarts", Type::Int, "tries; of each image the one that harms most is kept")
            .or(Default::Int(1))
            .named()
            .within(1.0, 1e4),
        Param::new("loss", Type::Word(&["ce"]), "what is driven up: cross-entropy with the true label")
            .or(Default::Word("ce"))
            .named(),
        Param::new("crafted_in", Type::Word(&["train", "eval"]), "mode of batch norm while crafting for training")
            .or(Default::Word("train"))
            .named(),
    ],
    doc: "projected gradient descent; evaluation always crafts in eval mode",
    source: "Madry et al. 2018, arXiv 1706.06083; arithmetic of torchattacks 3.5.1 PGD and PGDL2",
    example: "objective adversarial(pgd(eps: 8/255, step: 2/255, iters: 10))",
};

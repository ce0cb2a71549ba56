//! `coin("folder")`: CoIN's eight instruction tasks.

use super::{MOST_ITEMS, Part, Places, Problem, style_of, unreadable};
use crate::components::scoring::Scorer;
use crate::components::{Default, Family, Member, Param, Spec, Type, Value};
use crate::text::instructions::{Pictures, coin};

/// CoIN's names.
const TASKS: &[&str] = &["scienceqa", "textvqa", "imagenet", "gqa", "vizwiz", "grounding", "vqav2", "ocrvqa"];

pub static MEMBER: Member = Member {
    family: Family::Data,
    name: "coin",
    params: &[
        Param::new("folder", Type::Text, "holds annotations/TASK/train.json and test.json, and the pictures"),
        Param::new(
            "order",
            Type::List(&Type::Word(TASKS)),
            "its tasks in the order of learning; none: all, as published",
        )
        .or(Default::Absent)
        .named(),
        Param::new("train", Type::Text, "file of each task that is learned; CoIN-ASD's is train_x20.json")
            .or(Default::Absent)
            .named(),
    ],
    doc: "CoIN: eight tasks of visual instructions; each is a task of its own",
    source: "Chen et al. 2024, arXiv 2403.08350",
    example: "data coin(\"data/CoIN\", order: [scienceqa, textvqa])",
};

pub(super) fn read(spec: &Spec, places: &Places) -> Result<Vec<Part>, Problem> {
    let folder = places.resolve(spec.text("folder")).map_err(|e| e.of("folder"))?;
    let train = match spec.get("train") {
        Value::Text(name) => name.as_str(),
        _ => "train.json",
    };
    let mut pictures = Pictures::below(&folder);
    let mut parts = Vec::new();
    for name in words(spec.get("order"), TASKS) {
        let (Some(at), Some(task)) = (TASKS.iter().position(|t| *t == name), coin::Task::named(name)) else { continue };
        let wrong = |wrong| unreadable(wrong, "folder", &[(&folder, spec.text("folder"))]);
        let train = task.train(&folder, train, &mut pictures).map_err(wrong)?;
        let test = task.test(&folder, &mut pictures).map_err(wrong)?;
        let scorer = Scorer::of(name).unwrap_or(Scorer::Gqa);
        parts.push(Part {
            name: name.into(),
            scorer,
            style: style_of(scorer),
            train,
            test,
            first_id: at as u64 * MOST_ITEMS,
        });
    }
    Ok(parts)
}

/// The words of a list, each once; all of them where there is none.
pub(super) fn words<'w>(value: &'w Value, all: &[&'w str]) -> Vec<&'w str> {
    let Value::List(items) = value else { return all.to_vec() };
    let mut words = Vec::new();
    for item in items {
        if let Value::Word(word) = item
            && !words.contains(&word.as_str())
        {
            words.push(word.as_str());
        }
    }
    words
}

//! `nlvr("file")`: whether sentences about drawn pictures are true.

use super::{Part, Places, Problem, beside, unreadable};
use crate::components::scoring::Scorer;
use crate::components::{Family, Member, Param, Spec, Type};
use crate::text::instructions::nlvr;
use crate::text::item::Style;

pub static MEMBER: Member = Member {
    family: Family::Data,
    name: "nlvr",
    params: &[Param::new("file", Type::Text, "one JSON object a line, which names its split; pictures beside it")],
    doc: "NLVR v1: sentences by people about drawn pictures, true or false; `train` is learned, `dev` is the test; one task",
    source: "Suhr et al. 2017, NLVR",
    example: "data nlvr(\"data/nlvr/all.jsonl\")",
};

pub(super) fn read(spec: &Spec, places: &Places) -> Result<Vec<Part>, Problem> {
    let written = spec.text("file");
    let file = places.resolve(written).map_err(|e| e.of("file"))?;
    let wrong = |wrong| unreadable(wrong, "file", &[(&file, written), beside(&file, written)]);
    let split = |name: &str| nlvr::read(&file, name).map_err(wrong);
    let (train, test) = (split("train")?, split("dev")?);
    Ok(vec![Part { name: "nlvr".into(), scorer: Scorer::VqaV2, style: Style::Short, train, test, first_id: 0 }])
}

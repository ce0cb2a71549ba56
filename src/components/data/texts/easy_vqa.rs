//! `easy_vqa("folder")`: questions about coloured shapes.

use super::{Part, Places, Problem, unreadable};
use crate::components::scoring::Scorer;
use crate::components::{Family, Member, Param, Spec, Type};
use crate::text::instructions::easy_vqa;
use crate::text::item::Style;

pub static MEMBER: Member = Member {
    family: Family::Data,
    name: "easy_vqa",
    params: &[Param::new("folder", Type::Text, "holds train/ and test/ with questions.json and images/")],
    doc: "easy-VQA as PyPI's package has it: 48,248 questions about 5,000 pictures of coloured shapes; one task",
    source: "Zhou 2019, easy-vqa",
    example: "data easy_vqa(\"data/easy-vqa\")",
};

pub(super) fn read(spec: &Spec, places: &Places) -> Result<Vec<Part>, Problem> {
    let folder = places.resolve(spec.text("folder")).map_err(|e| e.of("folder"))?;
    let split = |name: &str| easy_vqa::read(&folder, name).map_err(|e| unreadable(e).of("folder"));
    let (train, test) = (split("train")?, split("test")?);
    Ok(vec![Part { name: "easy_vqa".into(), scorer: Scorer::VqaV2, style: Style::Short, train, test, first_id: 0 }])
}

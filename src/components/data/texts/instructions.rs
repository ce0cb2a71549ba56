//! `instructions("train.json")`: one's own conversations.

use super::{Part, Places, Problem, TEXT_SCORERS, beside, expecting, style_of, unreadable};
use crate::components::scoring::Scorer;
use crate::components::{Default, Family, Member, Param, Spec, Type, Value};
use crate::text::instructions::{Pictures, conversations};

pub static MEMBER: Member = Member {
    family: Family::Data,
    name: "instructions",
    params: &[
        Param::new(
            "train",
            Type::Text,
            "file of conversations: LLaVA's JSON, or messages with roles; a list, or one a line",
        ),
        Param::new("test", Type::Text, "file of the same form, whose last answers are the truth")
            .or(Default::Absent)
            .named(),
        Param::new("images", Type::Text, "folder that pictures are named from; none: the folder of the file")
            .or(Default::Absent)
            .named(),
        Param::new("scorer", Type::Word(TEXT_SCORERS), "what compares answers with the truth")
            .or(Default::Word("gqa"))
            .named(),
    ],
    doc: "conversations from files, about pictures or about none; one task",
    source: "Liu et al. 2023, LLaVA; the forms of LLaMA-Factory and ShareGPT",
    example: "data instructions(\"data/train.json\", test: \"data/test.json\", images: \"data/images\")",
};

pub(super) fn read(spec: &Spec, places: &Places) -> Result<Vec<Part>, Problem> {
    let text = |name: &str| match spec.get(name) {
        Value::Text(text) => Some(text.clone()),
        _ => None,
    };
    let images = text("images");
    let below = images.as_ref().map(|folder| places.resolve(folder).map_err(|e| e.of("images"))).transpose()?;
    let file = |name: &'static str| -> Result<Option<Vec<_>>, Problem> {
        let Some(path) = text(name) else { return Ok(None) };
        let resolved = places.resolve(&path).map_err(|e| e.of(name))?;
        let pictures = below.as_deref().zip(images.as_deref()).unwrap_or(beside(&resolved, &path));
        let items = conversations::read(&resolved, &mut Pictures::below(pictures.0));
        items.map(Some).map_err(|wrong| unreadable(wrong, name, &[(&resolved, &path), pictures]))
    };
    let (train, test) = (expecting(file("train")?.unwrap_or_default()), expecting(file("test")?.unwrap_or_default()));
    let scorer = Scorer::of(spec.word("scorer")).unwrap_or(Scorer::Gqa);
    Ok(vec![Part { name: "instructions".into(), scorer, style: style_of(scorer), train, test, first_id: 0 }])
}

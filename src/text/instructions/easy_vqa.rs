//! easy-VQA (PyPI `easy-vqa` 1.0, a zip): `data/train` and `data/test`, each with `questions.json`, a list of question, answer
//! and number of a picture, and `images/NUMBER.png`.

use super::super::item::{Expected, Item, Picture, Turn};
use super::elements::each;
use super::fields::{kind, list, text};
use super::pictures::Pictures;
use super::wrong::{Collected, Wrong};
use serde_json::Value;
use std::path::Path;

/// The questions of `train` or `test` below the folder `data`.
///
/// # Errors
/// All that is wrong, with its place.
pub fn read(data: &Path, split: &str) -> Result<Vec<Item>, Wrong> {
    let folder = data.join(split);
    let file = folder.join("questions.json");
    let mut pictures = Pictures::below(&folder.join("images"));
    let mut collected = Collected::of(&file);
    each(&file, &mut |element| {
        let read = element.value.as_ref().map_err(Clone::clone);
        let read = read.and_then(|value| item(value, split, element.index, &mut pictures));
        collected.take(read.map_err(|what| format!("{}: {what}", element.named())))
    })?;
    collected.done()
}

fn item(value: &Value, split: &str, index: usize, pictures: &mut Pictures) -> Result<Item, String> {
    let [question, answer, picture] = list(value, "it")? else {
        return Err("it is not three values: question, answer, number of the picture".into());
    };
    let number = picture.as_u64().ok_or_else(|| format!("the number of its picture is {}", kind(picture)))?;
    let (question, answer) = (text(question, "the question")?, text(answer, "the answer")?);
    Ok(Item {
        id: format!("{split}-{index}"),
        picture: Some(Picture::File(pictures.find(&format!("{number}.png"))?)),
        turns: vec![Turn { question: question.into(), answer: answer.into() }],
        expected: Some(Expected::Text(answer.into())),
        origin: None,
    })
}

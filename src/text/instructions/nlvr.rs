//! NLVR v1 (Suhr et al. 2017): sentences by people about drawn pictures, which are true or false. One JSON object a line with
//! `identifier`, `sentence`, `label`, and the picture in `image` (with its `split`) or, as the original has it, in
//! `images/DIRECTORY/SPLIT-IDENTIFIER-0.png`.

use super::super::item::{Expected, Item, Picture, Turn};
use super::elements::each;
use super::fields::Fields;
use super::pictures::Pictures;
use super::wrong::{Collected, Wrong};
use std::path::Path;

/// What is asked about each sentence.
const ASKED: &str = "True or false?";

/// The items of a file whose lines are of this split; all, if they name none. Pictures lie beside the file.
///
/// # Errors
/// All that is wrong, with line and field.
pub fn read(file: &Path, split: &str) -> Result<Vec<Item>, Wrong> {
    let mut pictures = Pictures::below(file.parent().unwrap_or(Path::new("")));
    let mut collected = Collected::of(file);
    each(file, &mut |element| {
        let read = element.value.as_ref().map_err(Clone::clone);
        let read = read.and_then(|value| item(&Fields::of(value)?, split, &mut pictures));
        match read.transpose() {
            None => Ok(()),
            Some(read) => collected.take(read.map_err(|what| format!("{}: {what}", element.named()))),
        }
    })?;
    collected.done()
}

fn item(fields: &Fields, split: &str, pictures: &mut Pictures) -> Result<Option<Item>, String> {
    if fields.text("split")?.is_some_and(|own| own != split) {
        return Ok(None);
    }
    let id = fields.needed("identifier")?;
    let answer = match fields.needed("label")? {
        answer @ ("true" | "false") => answer,
        other => return Err(format!("`label` is `{}`; `true` and `false` are read", other.escape_debug())),
    };
    let picture = match (fields.text("image")?, fields.id("directory")?) {
        (Some(name), _) => name.to_string(),
        (None, Some(folder)) => format!("images/{folder}/{split}-{id}-0.png"),
        (None, None) => return Err("`image` is missing".into()),
    };
    Ok(Some(Item {
        id: format!("{split}-{id}"),
        picture: Some(Picture::File(pictures.find(&picture).map_err(|e| format!("`image`: {e}"))?)),
        turns: vec![Turn {
            question: format!("{}\n{ASKED}", fields.needed("sentence")?.trim()),
            answer: answer.into(),
        }],
        expected: Some(Expected::Text(answer.into())),
        origin: None,
    }))
}

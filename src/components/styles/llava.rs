//! Items as a file of LLaVA's form.

use super::wrong;
use crate::components::Problem;
use crate::text::IMAGE;
use crate::text::item::{Item, Picture};
use serde_json::{Map, Value, json};
use std::path::Path;

/// The items as a JSON list of `{id, image, conversations}`, an item a line. Pictures are named relative to the folder
/// `images`, and `<image>` stands in front of the first question, unless it
/// stands in front of another one. Rewritten items also have `style`, `source_id` and `seed`.
///
/// # Errors
/// Items whose pictures are no files, or lie outside that folder.
pub fn to_llava(items: &[Item], images: &Path) -> Result<String, Problem> {
    let mut text = String::from("[");
    for (at, item) in items.iter().enumerate() {
        text.push_str(if at == 0 { "\n" } else { ",\n" });
        text.push_str(&Value::Object(object(item, images)?).to_string());
    }
    text.push_str("\n]\n");
    Ok(text)
}

fn object(item: &Item, images: &Path) -> Result<Map<String, Value>, Problem> {
    let mut object = Map::new();
    object.insert("id".into(), json!(item.id));
    match &item.picture {
        None => {}
        Some(Picture::File(path)) => {
            let Some(relative) = path.strip_prefix(images).ok().and_then(Path::to_str) else {
                let (path, images) = (path.display(), images.display());
                return Err(wrong(format!("the picture `{path}` of item `{}` is not within `{images}`", item.id)));
            };
            object.insert("image".into(), json!(relative));
        }
        Some(Picture::Pixels { .. }) => {
            return Err(wrong(format!("the picture of item `{}` is no file that could be named", item.id)));
        }
    }
    let mut conversations = Vec::with_capacity(2 * item.turns.len());
    let marked = item.turns.iter().any(|turn| turn.question.starts_with(IMAGE));
    for (at, turn) in item.turns.iter().enumerate() {
        let mark = if at == 0 && item.picture.is_some() && !marked { "<image>\n" } else { "" };
        conversations.push(json!({ "from": "human", "value": format!("{mark}{}", turn.question) }));
        conversations.push(json!({ "from": "gpt", "value": turn.answer }));
    }
    object.insert("conversations".into(), conversations.into());
    if let Some(origin) = &item.origin {
        object.insert("style".into(), json!(origin.style.word()));
        object.insert("source_id".into(), json!(origin.source));
        object.insert("seed".into(), json!(origin.seed));
    }
    Ok(object)
}

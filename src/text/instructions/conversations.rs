//! Conversations in JSON: LLaVA's (`image`, `conversations` with `from` and `value`), the chat format (`messages` with
//! `role` and `content`, `images`), and what LLaMA-Factory and ShareGPT mix of the two; a list, or one a line.

use super::super::IMAGE;
use super::super::item::{Item, Origin, Picture, Style, Turn};
use super::elements::each;
use super::fields::{Fields, kind, list, text};
use super::pictures::Pictures;
use super::wrong::{Collected, Wrong};
use serde_json::Value;
use std::path::Path;

/// The items of a file, whose pictures lie below a folder.
///
/// # Errors
/// All that is wrong, with item and field; missing pictures too.
pub fn read(file: &Path, pictures: &mut Pictures) -> Result<Vec<Item>, Wrong> {
    let mut collected = Collected::of(file);
    each(file, &mut |element| {
        let read = element.value.as_ref().map_err(Clone::clone).and_then(|value| {
            let fields = Fields::of(value)?;
            item(&fields, element.index, pictures)
        });
        collected.take(read.map_err(|what| format!("{}: {what}", element.named())))
    })?;
    collected.done()
}

/// The item of an element.
pub fn item(fields: &Fields, index: usize, pictures: &mut Pictures) -> Result<Item, String> {
    let id = fields.id("id")?.unwrap_or_else(|| index.to_string());
    let mut said = said(fields)?;
    // LLaVA leaves out what an assistant says before anybody has asked.
    if said.first().is_some_and(|said| said.who == Who::Assistant) {
        said.remove(0);
    }
    let mut named = picture_names(fields)?;
    named.extend(said.iter().filter_map(|said| said.picture.clone()));
    let marks: usize = said.iter().map(|said| said.marks()).sum();
    let picture = match (named.as_slice(), marks) {
        ([], 0) => None,
        ([], _) => return Err(format!("it says `{IMAGE}` and has no `image`")),
        ([name], 0 | 1) => Some(Picture::File(pictures.find(name).map_err(|e| format!("`image`: {e}"))?)),
        ([_], _) => return Err(format!("it says `{IMAGE}` {marks} times; once is read")),
        (several, _) => return Err(format!("it has {} pictures; one is read", several.len())),
    };
    Ok(Item { id, picture, turns: turns(&said)?, expected: None, origin: origin(fields)? })
}

/// What `fsched diversify` writes beside an item that it has rewritten; other programs' `style` may be anything.
fn origin(fields: &Fields) -> Result<Option<Origin>, String> {
    let style = fields.get("style").and_then(Value::as_str).and_then(Style::of);
    let seed = fields.get("seed").and_then(Value::as_u64);
    Ok(match (style, fields.id("source_id")?, seed) {
        (Some(style), Some(source), Some(seed)) => Some(Origin { style, source, seed }),
        _ => None,
    })
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Who {
    Person,
    Assistant,
}

/// One thing that is said.
struct Said {
    /// the field, for errors
    place: String,
    who: Who,
    text: String,
    /// a picture that stands in it
    picture: Option<String>,
}

impl Said {
    fn marks(&self) -> usize {
        self.text.matches(IMAGE).count()
    }
}

fn said(fields: &Fields) -> Result<Vec<Said>, String> {
    let names = ["conversations", "messages"];
    let (name, value) =
        names.iter().find_map(|n| fields.get(n).map(|v| (*n, v))).ok_or("`conversations` is missing")?;
    let all = list(value, name)?;
    if all.is_empty() {
        return Err(format!("`{name}` is empty"));
    }
    all.iter().enumerate().map(|(i, value)| one(value, &format!("{name}[{i}]"))).collect()
}

fn one(value: &Value, place: &str) -> Result<Said, String> {
    let fields = Fields::of(value).map_err(|_| format!("`{place}` is {}, no object", kind(value)))?;
    let either = |a: &str, b: &str| {
        let found = [a, b].into_iter().find_map(|n| fields.get(n).map(|v| (format!("{place}.{n}"), v)));
        found.ok_or_else(|| format!("`{place}.{a}` is missing"))
    };
    let (who_field, who) = either("from", "role")?;
    let who = match text(who, &who_field)? {
        "human" | "user" => Who::Person,
        "gpt" | "assistant" => Who::Assistant,
        "system" => return Err(format!("`{who_field}` is `system`; the template has a system text of its own")),
        other => {
            let other = other.escape_debug();
            return Err(format!("`{who_field}` is `{other}`; `human`, `gpt`, `user` and `assistant` are read"));
        }
    };
    let (field, content) = either("value", "content")?;
    let (text, picture) = match content {
        Value::Array(parts) => joined(parts, &field)?,
        other => (text(other, &field)?.to_string(), None),
    };
    Ok(Said { place: field, who, text, picture })
}

/// A content in parts: texts, and a picture with its file or with none, where `images` has it.
fn joined(parts: &[Value], field: &str) -> Result<(String, Option<String>), String> {
    let (mut text, mut picture) = (String::new(), None);
    for (i, part) in parts.iter().enumerate() {
        let place = format!("{field}[{i}]");
        let fields = Fields::of(part).map_err(|_| format!("`{place}` is {}, no object", kind(part)))?;
        match fields.text("type")? {
            Some("text") => text.push_str(fields.text("text")?.ok_or_else(|| format!("`{place}.text` is missing"))?),
            Some("image") => {
                text.push_str(IMAGE);
                let name = ["image", "path", "url"].into_iter().find_map(|n| fields.get(n));
                picture = name.map(|value| file_name(value, &place)).transpose()?.or(picture);
            }
            other => {
                let other = other.unwrap_or("missing").escape_debug();
                return Err(format!("`{place}.type` is `{other}`; `text` and `image` are read"));
            }
        }
    }
    Ok((text, picture))
}

/// `image`: a path; `images`: a list of paths, or of objects with `path`.
fn picture_names(fields: &Fields) -> Result<Vec<String>, String> {
    let mut names = Vec::new();
    for name in ["image", "images"] {
        match fields.get(name) {
            None => {}
            Some(Value::Array(all)) => {
                let place = |i: usize| format!("{name}[{i}]");
                let each = all.iter().enumerate().map(|(i, value)| file_name(value, &place(i)));
                names.extend(each.collect::<Result<Vec<_>, _>>()?);
            }
            Some(value) => names.push(file_name(value, name)?),
        }
    }
    Ok(names)
}

fn file_name(value: &Value, place: &str) -> Result<String, String> {
    let path = value.get("path").unwrap_or(value);
    text(path, place).map(str::to_string)
}

fn turns(said: &[Said]) -> Result<Vec<Turn>, String> {
    let mut turns = Vec::new();
    for (i, said) in said.iter().enumerate() {
        let expected = if i % 2 == 0 { Who::Person } else { Who::Assistant };
        if said.who != expected {
            let who = if expected == Who::Person { "the person's" } else { "the assistant's" };
            return Err(format!("`{}` is not {who} turn", said.place));
        }
    }
    for pair in said.chunks(2) {
        let [question, answer] = pair else { return Err("it ends with a question".into()) };
        let text = question_text(question, turns.is_empty());
        if text.is_empty() && question.marks() == 0 {
            return Err(format!("`{}` is empty", question.place));
        }
        if answer.marks() > 0 {
            return Err(format!("`{}` is an answer and says `{IMAGE}`", answer.place));
        }
        if answer.text.trim().is_empty() {
            return Err(format!("`{}` is empty", answer.place));
        }
        turns.push(Turn { question: text, answer: answer.text.clone() });
    }
    match turns.is_empty() {
        true => Err("nobody asks anything".into()),
        false => Ok(turns),
    }
}

/// The text without the mark of the picture, which stands in front of the first question unless another one has it.
fn question_text(said: &Said, first: bool) -> String {
    match (said.marks(), first) {
        (0, _) => said.text.clone(),
        (_, true) => unmarked(&said.text),
        (_, false) => format!("{IMAGE}\n{}", unmarked(&said.text)).trim().to_string(),
    }
}

/// As LLaVA takes the mark out: and the space around what is left.
pub fn unmarked(text: &str) -> String {
    text.replace(IMAGE, "").trim().to_string()
}

//! CoIN's layout (Chen et al. 2024, github.com/zackschen/CoIN): `annotations/TASK/train.json` and `test.json`, picture paths
//! from one folder. CoIN-ASD's `train_ori.json` and `train_x20.json` lie beside them.

use super::super::item::{Expected, Item, Picture, Turn};
use super::conversations::{self, unmarked};
use super::elements::each;
use super::fields::{Fields, list, text};
use super::pictures::Pictures;
use super::wrong::{Collected, Wrong};
use crate::reading::json::{Kind, parse};
use crate::reading::limits::RECORD_BYTES;
use crate::reading::whole;
use serde_json::Value;
use std::collections::HashMap;
use std::path::{Path, PathBuf};

/// What a task asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// the letter of an option
    Option,
    /// a text that one truth is known of
    Text,
    /// a text, of which several people's answers are known
    People,
    /// a box
    Region,
}

/// One of the eight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Task {
    /// in programs
    pub name: &'static str,
    /// below `annotations`
    pub folder: &'static str,
    pub form: Form,
}

const fn task(name: &'static str, folder: &'static str, form: Form) -> Task {
    Task { name, folder, form }
}

/// In the order of the paper.
pub const TASKS: [Task; 8] = [
    task("scienceqa", "ScienceQA", Form::Option),
    task("textvqa", "TextVQA", Form::People),
    task("imagenet", "ImageNet", Form::Text),
    task("gqa", "GQA", Form::Text),
    task("vizwiz", "VizWiz", Form::Text),
    task("grounding", "Grounding", Form::Region),
    task("vqav2", "VQAv2", Form::Text),
    task("ocrvqa", "OCRVQA", Form::Text),
];

/// The answers of ten people to each question of TextVQA, as the data set itself has them.
const PEOPLE: &str = "TextVQA_0.5.1_val.json";

impl Task {
    pub fn named(name: &str) -> Option<Task> {
        TASKS.into_iter().find(|task| task.name == name)
    }

    /// The folder with its files.
    pub fn place(self, root: &Path) -> PathBuf {
        root.join("annotations").join(self.folder)
    }

    /// What it trains on: `train.json`, or another file of its folder.
    ///
    /// # Errors
    /// As [`conversations::read`].
    pub fn train(self, root: &Path, file: &str, pictures: &mut Pictures) -> Result<Vec<Item>, Wrong> {
        conversations::read(&self.place(root).join(file), pictures)
    }

    /// What it is tested on.
    ///
    /// # Errors
    /// As [`test`].
    pub fn test(self, root: &Path, pictures: &mut Pictures) -> Result<Vec<Item>, Wrong> {
        let file = self.place(root).join("test.json");
        let people = if self.form == Form::People { People::beside(&file)? } else { None };
        test(&file, self.form, people.as_ref(), pictures)
    }
}

/// The items of a file of `question_id`, `image`, `text`, `answer`; boxes in `answer_bbox` with `size`. Where `people` are given,
/// their answers count.
///
/// # Errors
/// All that is wrong, with item and field.
pub fn test(file: &Path, form: Form, people: Option<&People>, pictures: &mut Pictures) -> Result<Vec<Item>, Wrong> {
    let mut collected = Collected::of(file);
    each(file, &mut |element| {
        let read = element.value.as_ref().map_err(Clone::clone).and_then(|value| {
            let fields = Fields::of(value)?;
            asked(&fields, form, people, element.index, pictures)
        });
        collected.take(read.map_err(|what| format!("{}: {what}", element.named())))
    })?;
    collected.done()
}

/// The item of an element of such a file.
pub fn asked(
    fields: &Fields,
    form: Form,
    people: Option<&People>,
    index: usize,
    pictures: &mut Pictures,
) -> Result<Item, String> {
    let id = fields.id("question_id")?.unwrap_or_else(|| index.to_string());
    let question = unmarked(fields.needed("text")?);
    let name = fields.text("image")?;
    let picture = name.map(|name| pictures.find(name).map_err(|e| format!("`image`: {e}"))).transpose()?;
    let answer = fields.get("answer").ok_or("`answer` is missing")?;
    let expected = match form {
        Form::Option => option(fields, answer, &question)?,
        Form::Text => Expected::Text(spoken(answer)?),
        Form::People => self::people(answer, people.map(|all| all.of(&id, name, &question)).transpose()?)?,
        Form::Region => Expected::Region(region(fields)?),
    };
    let answer = match answer {
        Value::Array(all) => all.first().map(spoken).transpose()?.ok_or("`answer` is empty")?,
        other => spoken(other)?,
    };
    let picture = picture.map(Picture::File);
    Ok(Item { id, picture, turns: vec![Turn { question, answer }], expected: Some(expected), origin: None })
}

/// Texts, and numbers as they are written.
fn spoken(value: &Value) -> Result<String, String> {
    match value {
        Value::Number(number) => Ok(number.to_string()),
        other => text(other, "answer").map(str::to_string),
    }
}

fn option(fields: &Fields, answer: &Value, question: &str) -> Result<Expected, String> {
    let options = match fields.get("choices") {
        Some(choices) => list(choices, "choices")?.len(),
        None => options(question),
    };
    let right = match answer {
        Value::Number(number) => number.as_u64().and_then(|n| usize::try_from(n).ok()),
        other => letter(text(other, "answer")?),
    };
    let right = right.ok_or("`answer` is no letter of an option")?;
    match right < options {
        true => Ok(Expected::Option { right, options }),
        false => Err(format!("`answer` is option {}, and {options} are found in `text`", right + 1)),
    }
}

/// `B`, `B.` or `(B)` → 1
fn letter(text: &str) -> Option<usize> {
    let inner = text.trim().trim_start_matches('(').trim_end_matches(['.', ')']);
    let mut letters = inner.chars();
    let letter = letters.next().filter(|c| c.is_ascii_uppercase() && letters.next().is_none())?;
    Some(letter as usize - 'A' as usize)
}

/// How many options a question lists: `A. …` at the beginning of lines, or `(A) …` anywhere.
fn options(question: &str) -> usize {
    let there = |letter: &char| {
        let lines = question.lines().any(|line| line.trim_start().starts_with(&format!("{letter}.")));
        lines || question.contains(&format!("({letter})"))
    };
    ('A'..='Z').take_while(there).count()
}

fn people(answer: &Value, found: Option<Vec<String>>) -> Result<Expected, String> {
    match (found, answer) {
        (Some(answers), _) => Ok(Expected::People(answers)),
        (None, Value::Array(all)) if !all.is_empty() => Ok(Expected::People(texts(all, "answer")?)),
        (None, other) => Ok(Expected::Text(spoken(other)?)),
    }
}

fn texts(all: &[Value], name: &str) -> Result<Vec<String>, String> {
    all.iter().map(|value| text(value, name).map(str::to_string)).collect()
}

/// Boxes as the reference has them: x1, y1, x2, y2 of the padded picture, or x, y, width and height in pixels where one of them
/// exceeds 1, which `size` brings to the other form.
fn region(fields: &Fields) -> Result<[f64; 4], String> {
    let value = fields.get("answer_bbox").or_else(|| fields.get("answer")).ok_or("`answer_bbox` is missing")?;
    let numbers: Option<Vec<f64>> = match value {
        Value::String(text) => text.trim().trim_matches(['[', ']']).split(',').map(|n| n.trim().parse().ok()).collect(),
        Value::Array(all) => all.iter().map(Value::as_f64).collect(),
        _ => None,
    };
    let numbers = numbers.and_then(|n| <[f64; 4]>::try_from(n).ok()).filter(|n| n.iter().all(|n| n.is_finite()));
    let numbers = numbers.ok_or("`answer_bbox` is not four numbers, as in `[0.1, 0.2, 0.5, 0.6]`")?;
    if numbers.iter().all(|n| (0.0..=1.0).contains(n)) {
        return Ok(numbers);
    }
    let size = fields.get("size").ok_or("`answer_bbox` is in pixels, and `size` is missing")?;
    match list(size, "size")?.iter().map(Value::as_f64).collect::<Option<Vec<f64>>>().as_deref() {
        Some([w, h]) if *w > 0.0 && *h > 0.0 => Ok(padded(numbers, *w, *h)),
        _ => Err("`size` is not width and height in pixels".into()),
    }
}

/// x, y, width, height in pixels → x1, y1, x2, y2 of the picture padded to a square.
fn padded([x, y, width, height]: [f64; 4], w: f64, h: f64) -> [f64; 4] {
    let side = w.max(h);
    let (x, y) = (x + (side - w) / 2.0, y + (side - h) / 2.0);
    [x / side, y / side, (x + width) / side, (y + height) / side]
}

/// Several people's answers to questions.
#[derive(Debug)]
pub struct People {
    by_id: HashMap<String, Vec<String>>,
    /// by picture and question, since others number the questions anew
    by_question: HashMap<(String, String), Vec<String>>,
}

impl People {
    /// Those of TextVQA's file in the folder of another one, if it is there.
    ///
    /// # Errors
    /// As [`People::read`].
    pub fn beside(file: &Path) -> Result<Option<People>, Wrong> {
        let people = Some(file.with_file_name(PEOPLE)).filter(|file| file.exists());
        people.map(|file| People::read(&file)).transpose()
    }

    /// TextVQA's file: `data`, a list with `question_id`, `image_id`, `question` and `answers`.
    ///
    /// # Errors
    /// If it is another one.
    pub fn read(file: &Path) -> Result<People, Wrong> {
        let wrong = |what: String| Wrong::all(file, what);
        let bytes = whole(file, RECORD_BYTES).map_err(|e| wrong(e.to_string()))?;
        let value: Value = parse(&bytes, Kind::Any).map_err(|e| wrong(e.to_string()))?;
        let all = value.get("data").and_then(Value::as_array).ok_or_else(|| wrong("`data` is no list".into()))?;
        let mut people = People { by_id: HashMap::new(), by_question: HashMap::new() };
        for (i, value) in all.iter().enumerate() {
            people.take(value).map_err(|what| wrong(format!("`data[{i}]`: {what}")))?;
        }
        Ok(people)
    }

    fn take(&mut self, value: &Value) -> Result<(), String> {
        let fields = Fields::of(value)?;
        let answers = list(fields.get("answers").ok_or("`answers` is missing")?, "answers")?;
        let answers = texts(answers, "answers")?;
        if let Some(id) = fields.id("question_id")? {
            self.by_id.insert(id, answers.clone());
        }
        if let (Some(image), Some(question)) = (fields.id("image_id")?, fields.text("question")?) {
            self.by_question.insert((image, question.trim().to_lowercase()), answers);
        }
        Ok(())
    }

    fn of(&self, id: &str, image: Option<&str>, question: &str) -> Result<Vec<String>, String> {
        let stem = image.and_then(|name| Path::new(name).file_stem()?.to_str().map(str::to_string));
        let line = question.lines().next().unwrap_or_default().trim().to_lowercase();
        let asked = stem.and_then(|stem| self.by_question.get(&(stem, line)));
        let found = asked.or_else(|| self.by_id.get(id)).cloned();
        found.ok_or_else(|| format!("{PEOPLE} has no answers to it"))
    }
}

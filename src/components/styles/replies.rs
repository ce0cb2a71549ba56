//! Replies of a language model, kept in a file of JSON lines and found by what was asked.

use super::pool::{folded, is_wrong};
use super::requests::{Request, Wanted, wanted};
use crate::components::{Problem, ProblemKind};
use crate::reading::json::{Kind, parse};
use crate::reading::limits::REPLIES_BYTES;
use crate::reading::lines::Lines;
use serde_json::{Map, Value};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::Path;

/// Faults that a message lists; the others are counted.
const MOST_SHOWN: usize = 20;

/// Replies by the key of their request.
#[derive(Clone, Debug, Default)]
pub struct Replies {
    /// lines as they are in the file: as values they would take several times as much
    by_key: HashMap<String, String>,
    /// the file; none where there is none
    shown: Option<String>,
}

/// What a reply holds for one question.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Given {
    pub(super) wrong: Vec<String>,
    pub(super) explanation: Option<String>,
}

impl Replies {
    /// Reads a file with a line `{"key": …, "reply": …}` for each request: the reply as JSON, or as the text that the model
    /// wrote, in which JSON stands. Where a key comes twice the later line counts, so that a file can be added to.
    ///
    /// # Errors
    /// A file that cannot be read, and lines that are no such objects, all of them at once.
    pub fn read(path: &Path) -> Result<Replies, Problem> {
        let unreadable = |e: std::io::Error| Problem::new(ProblemKind::MissingFile, e.to_string());
        let shown = path.display().to_string();
        let mut replies = Replies { shown: Some(shown.clone()), ..Replies::default() };
        let mut faults = Faults::default();
        let mut bytes = 0u64;
        for (at, line) in Lines::open(path).map_err(unreadable)?.enumerate() {
            let line = line.map_err(unreadable)?;
            bytes += line.len() as u64;
            if bytes > REPLIES_BYTES {
                let message = format!("`{shown}` has more than the {REPLIES_BYTES} bytes of replies that are read");
                return Err(Problem::new(ProblemKind::BadFile, message));
            }
            if line.trim().is_empty() {
                continue;
            }
            match keyed(&line) {
                Ok((key, _)) => drop(replies.by_key.insert(key, line)),
                Err(what) => faults.add(format!("line {}: {what}", at + 1)),
            }
        }
        faults.end(&replies.named()).map(|()| replies)
    }

    /// Those that have no reply yet, or none that can be used; one that several items share comes once.
    pub fn lacking<'r>(&self, requests: &'r [Request]) -> Vec<&'r Request> {
        let mut seen = HashSet::new();
        requests.iter().filter(|request| self.given(request).is_err() && seen.insert(&request.key)).collect()
    }

    /// What the replies to these requests hold, by the item's place, for each of its turns.
    ///
    /// # Errors
    /// Replies that are missing or cannot be used, all of them at once.
    pub(super) fn for_requests(&self, requests: &[Request]) -> Result<BTreeMap<usize, Vec<Given>>, Problem> {
        let mut faults = Faults::default();
        let mut all = BTreeMap::new();
        for request in requests {
            match self.given(request) {
                Ok(given) => drop(all.insert(request.at, given)),
                Err(what) => faults.add(format!("`{}`, {}: {what}", request.id, request.style.word())),
            }
        }
        faults.end(&self.named()).map(|()| all)
    }

    fn given(&self, request: &Request) -> Result<Vec<Given>, String> {
        let line = self.by_key.get(&request.key).ok_or("there is no reply")?;
        keyed(line).and_then(|(_, reply)| given(&reply, request))
    }

    /// Whose replies they are, in a sentence.
    fn named(&self) -> String {
        match &self.shown {
            Some(shown) => format!("of `{shown}`"),
            None => "of the language model".to_string(),
        }
    }
}

/// What is wrong, told at once.
#[derive(Default)]
struct Faults {
    shown: Vec<String>,
    count: usize,
}

impl Faults {
    fn add(&mut self, fault: String) {
        self.count += 1;
        if self.shown.len() < MOST_SHOWN {
            self.shown.push(fault);
        }
    }

    fn end(self, whose: &str) -> Result<(), Problem> {
        if self.count == 0 {
            return Ok(());
        }
        let noun = if self.count == 1 { "reply" } else { "replies" };
        let more = self.count - self.shown.len();
        let rest = if more > 0 { format!("\n  and {more} more") } else { String::new() };
        let message = format!("{} {noun} {whose} cannot be used:\n  {}{rest}", self.count, self.shown.join("\n  "));
        let help = "ask for these again, and add the lines to the file: the later one of a key counts";
        Err(Problem::new(ProblemKind::BadFile, message).help(help))
    }
}

fn keyed(line: &str) -> Result<(String, Value), String> {
    let value: Value = parse(line.as_bytes(), Kind::Any).map_err(|e| format!("it is no JSON: {e}"))?;
    let Value::Object(mut object) = value else { return Err("it is no JSON object".to_string()) };
    match (object.remove("key"), object.remove("reply")) {
        (Some(Value::String(key)), Some(reply)) => Ok((key, reply)),
        (Some(Value::String(_)), None) => Err("it has no `reply`".to_string()),
        (Some(_), _) => Err("its `key` is no text".to_string()),
        (None, _) => Err("it has no `key`".to_string()),
    }
}

/// What a reply holds for each turn of the item: nothing for turns that were not asked for.
fn given(reply: &Value, request: &Request) -> Result<Vec<Given>, String> {
    let written;
    let reply = match reply {
        Value::String(text) => {
            written = within(text)?;
            &written
        }
        other => other,
    };
    let single;
    let entries = match reply {
        Value::Array(entries) => entries,
        entry @ Value::Object(_) => {
            single = vec![entry.clone()];
            &single
        }
        _ => return Err("it is neither a JSON object nor a list".to_string()),
    };
    let mut all = vec![None; request.entries.len()];
    for (turn, entry) in placed(entries, request)? {
        let what = if request.entries.len() > 1 { format!("question {turn}: ") } else { String::new() };
        let given = one(entry, request, turn).map_err(|e| format!("{what}{e}"))?;
        if all[turn].replace(given).is_some() {
            return Err(format!("question {turn} is answered twice"));
        }
    }
    let missing = |turn: &usize| request.entries[*turn].2 && all[*turn].is_none();
    match (0..all.len()).find(missing) {
        Some(turn) => Err(format!("question {turn} is not answered")),
        None => Ok(all.into_iter().map(Option::unwrap_or_default).collect()),
    }
}

/// The JSON within what a model wrote: between the first bracket and the last.
fn within(text: &str) -> Result<Value, String> {
    let none = || "there is no JSON in it".to_string();
    let start = text.find(['{', '[']).ok_or_else(none)?;
    let end = text.rfind(['}', ']']).filter(|end| *end > start).ok_or_else(none)?;
    parse(&text.as_bytes()[start..=end], Kind::Any).map_err(|e| format!("its JSON cannot be read: {e}"))
}

/// Entries with the turn that each is about.
type Placed<'e> = Vec<(usize, &'e Map<String, Value>)>;

/// Each entry with its turn. One question needs no index; indices count from 0, or from 1 where that is
/// how all of them are.
fn placed<'e>(entries: &'e [Value], request: &Request) -> Result<Placed<'e>, String> {
    let asked: Vec<usize> = (0..request.entries.len()).filter(|turn| request.entries[*turn].2).collect();
    let mut found = Vec::new();
    for entry in entries {
        let Value::Object(object) = entry else { return Err("an entry is no JSON object".to_string()) };
        let index = ["question_index", "target_index", "index"].iter().find_map(|name| object.get(*name));
        let index = match index {
            Some(index) => Some(number(index).ok_or_else(|| format!("an index is {index}, which is no number"))?),
            None => None,
        };
        found.push((index, object));
    }
    if let ([turn], [(_, object)]) = (&asked[..], &found[..]) {
        return Ok(vec![(*turn, object)]);
    }
    let indices: Option<Vec<usize>> = found.iter().map(|(index, _)| *index).collect();
    let indices = indices.ok_or("an entry has no `question_index`")?;
    let from_one: Vec<usize> = asked.iter().map(|turn| turn + 1).collect();
    let mut sorted = indices.clone();
    sorted.sort_unstable();
    let offset = usize::from(sorted == from_one);
    let place = |index: &usize| match index.checked_sub(offset).filter(|turn| asked.contains(turn)) {
        Some(turn) => Ok(turn),
        None => Err(format!("question {index} was not asked")),
    };
    let turns: Vec<usize> = indices.iter().map(place).collect::<Result<_, String>>()?;
    Ok(turns.into_iter().zip(found.into_iter().map(|(_, object)| object)).collect())
}

fn number(index: &Value) -> Option<usize> {
    match index {
        Value::String(text) => text.trim().parse().ok(),
        index => index.as_u64().and_then(|index| usize::try_from(index).ok()),
    }
}

/// What an entry holds for its question.
fn one(entry: &Map<String, Value>, request: &Request, turn: usize) -> Result<Given, String> {
    let answer = &request.entries[turn].1;
    for name in ["answer", "correct_answer"] {
        if let Some(Value::String(said)) = entry.get(name).filter(|said| said.is_string())
            && folded(said) != folded(answer)
        {
            return Err(format!("its `{name}` is {said:?}, but the right answer is {answer:?}"));
        }
    }
    match wanted(request.style) {
        Some(Wanted::Wrong(1)) => {
            let wrong = vec![text(entry, &["distractor_option"])?];
            fitting(wrong, request, turn)
        }
        Some(Wanted::Wrong(count)) => {
            let Some(Value::Array(list)) = entry.get("distractor_options") else {
                return Err("it has no list `distractor_options`".to_string());
            };
            let texts = list.iter().map(|value| value.as_str().map(|text| text.trim().to_string()));
            let wrong = texts.collect::<Option<Vec<String>>>().ok_or("a wrong answer is no text")?;
            match wrong.len() == count {
                true => fitting(wrong, request, turn),
                false => Err(format!("it has {} wrong answers; {count} were asked for", wrong.len())),
            }
        }
        _ => Ok(Given { explanation: Some(text(entry, &["explanation", "description"])?), wrong: Vec::new() }),
    }
}

fn text(entry: &Map<String, Value>, names: &[&str]) -> Result<String, String> {
    match names.iter().find_map(|name| entry.get(*name)) {
        Some(Value::String(text)) if !text.trim().is_empty() => Ok(text.trim().to_string()),
        Some(_) => Err(format!("its `{}` is no text", names[0])),
        None => Err(format!("it has no `{}`", names[0])),
    }
}

/// Wrong answers that are wrong, and different.
fn fitting(wrong: Vec<String>, request: &Request, turn: usize) -> Result<Given, String> {
    for (at, candidate) in wrong.iter().enumerate() {
        if candidate.is_empty() || candidate.contains('\n') {
            return Err("a wrong answer is empty or has several lines".to_string());
        }
        if !is_wrong(&request.right[turn], &request.entries[turn].1, candidate) {
            return Err(format!("the wrong answer {candidate:?} is right"));
        }
        if wrong[..at].iter().any(|other| folded(other) == folded(candidate)) {
            return Err(format!("the wrong answer {candidate:?} comes twice"));
        }
    }
    Ok(Given { wrong, explanation: None })
}

//! What differs between two plans (`fsched plan --diff OTHER`), from their JSON: a plan of a run folder serves as well
//! as one just made.

use super::words;
use serde_json::Value as Json;
use std::fmt;

/// One difference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// path ids of the steps that it concerns, in the newer plan where they are there; none for the whole plan
    pub steps: Vec<String>,
    /// `forget`, `train`; empty where it concerns steps of several kinds, or none
    pub kind: String,
    /// `share 0.3 → 0.5`
    pub what: String,
    /// of the first of the steps
    pub line: Option<u64>,
}

/// All differences from `old` to `new`: of the whole plan, of its steps in order, of its totals. The same difference in
/// several steps is one. Names, formatting and the order of settings make none.
pub fn diff(old: &Json, new: &Json) -> Vec<Change> {
    let mut out = Differences::default();
    out.leaves("seed", &old["seed"], &new["seed"], None);
    out.leaves("precision", &old["precision"], &new["precision"], None);
    out.leaves("recompute", &old["recompute"], &new["recompute"], None);
    out.leaves("budget", &old["budget"], &new["budget"], None);
    out.leaves("model", &old["model"], &new["model"], None);
    let (old, new) = (&old["trials"][0], &new["trials"][0]);
    out.bodies(steps(&old["steps"]), steps(&new["steps"]));
    out.leaves("totals", &old["totals"], &new["totals"], None);
    out.changes
}

fn steps(json: &Json) -> &[Json] {
    json.as_array().map_or(&[], Vec::as_slice)
}

#[derive(Default)]
struct Differences {
    changes: Vec<Change>,
}

/// What follows from other fields, says where a step stands, or is a body that is compared step by step.
const DERIVED: [&str; 17] = [
    "id",
    "line",
    "text",
    "hash",
    "kind",
    "word",
    "body",
    "else",
    "triggers",
    "tensors",
    "selected",
    "epochs",
    "steps",
    "train_steps",
    "clock",
    "schedule_clock",
    "seconds_estimate",
];

impl Differences {
    /// Siblings: steps of one content stay together, of the others those of one kind in order.
    fn bodies(&mut self, old: &[Json], new: &[Json]) {
        let same = |a: &Json, b: &Json| a["hash"] == b["hash"] && a["kind"] == b["kind"];
        let (mut i, mut j) = (0, 0);
        for (next_i, next_j) in common(old, new, same).into_iter().chain([(old.len(), new.len())]) {
            self.gap(&old[i..next_i], &new[j..next_j]);
            (i, j) = (next_i + 1, next_j + 1);
        }
    }

    fn gap(&mut self, old: &[Json], new: &[Json]) {
        let (mut i, mut j) = (0, 0);
        for (next_i, next_j) in common(old, new, |a, b| a["kind"] == b["kind"]) {
            old[i..next_i].iter().for_each(|step| self.whole("removed", step));
            new[j..next_j].iter().for_each(|step| self.whole("added", step));
            self.pair(&old[next_i], &new[next_j]);
            (i, j) = (next_i + 1, next_j + 1);
        }
        old[i..].iter().for_each(|step| self.whole("removed", step));
        new[j..].iter().for_each(|step| self.whole("added", step));
    }

    fn pair(&mut self, old: &Json, new: &Json) {
        self.leaves("", old, new, Some(new));
        for body in ["body", "else", "triggers"] {
            self.bodies(steps(&old[body]), steps(&new[body]));
        }
    }

    fn whole(&mut self, what: &str, step: &Json) {
        let text = step["text"].as_str().unwrap_or_default();
        self.change(Some(step), format!("{what}: {text}"));
    }

    /// Fields that differ, down to single values; another component is one difference.
    fn leaves(&mut self, path: &str, old: &Json, new: &Json, step: Option<&Json>) {
        match (old.as_object(), new.as_object()) {
            (Some(a), Some(b)) if comparable(old, new) => {
                let mut names: Vec<&String> = a.keys().chain(b.keys().filter(|k| !a.contains_key(*k))).collect();
                names.sort();
                for name in names.into_iter().filter(|name| step.is_none() || !DERIVED.contains(&name.as_str())) {
                    let inner = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                    let null = &Json::Null;
                    let inside = step.filter(|_| path.is_empty());
                    let (a, b) = (a.get(name).unwrap_or(null), b.get(name).unwrap_or(null));
                    self.leaf_or_deeper(&inner, a, b, inside.or(step));
                }
            }
            _ => self.leaf(path, old, new, step),
        }
    }

    fn leaf_or_deeper(&mut self, path: &str, old: &Json, new: &Json, step: Option<&Json>) {
        if old != new && path != "totals.seconds_estimate" {
            self.leaves(path, old, new, step);
        }
    }

    fn leaf(&mut self, path: &str, old: &Json, new: &Json, step: Option<&Json>) {
        if old != new {
            let (a, b) = (shown(old), shown(new));
            // Long values may differ only behind what is shown of them.
            self.change(step, if a == b { format!("{path} differs") } else { format!("{path} {a} → {b}") });
        }
    }

    fn change(&mut self, step: Option<&Json>, what: String) {
        let text = |name: &str| step.map_or(String::new(), |s| s[name].as_str().unwrap_or_default().to_string());
        let (id, kind) = (text("id"), text("kind"));
        match self.changes.iter_mut().find(|c| step.is_some() && c.what == what && !c.steps.is_empty()) {
            Some(known) => {
                known.steps.push(id);
                if known.kind != kind {
                    known.kind.clear();
                }
            }
            None => {
                let steps = step.map(|_| id).into_iter().collect();
                self.changes.push(Change { steps, kind, what, line: step.and_then(|s| s["line"].as_u64()) });
            }
        }
    }
}

/// Two descriptions of the same component, or two of something that has no name.
fn comparable(old: &Json, new: &Json) -> bool {
    let is_step = |json: &Json| json.get("kind").is_some();
    is_step(old) && is_step(new) || old.get("name") == new.get("name") && !is_value(old) && !is_value(new)
}

/// `{"epochs": 40}` and what waits for a loop's variable are single values, in whichever unit.
fn is_value(json: &Json) -> bool {
    let units = ["epochs", "steps", "seconds", "later"];
    json.as_object().is_some_and(|m| m.len() == 1 && m.keys().all(|k| units.contains(&k.as_str())))
}

/// A longest common subsequence, as pairs of indices. What both begin and end with is found first, so that two long
/// programs with one difference take no time.
pub(super) fn common(a: &[Json], b: &[Json], same: impl Fn(&Json, &Json) -> bool) -> Vec<(usize, usize)> {
    let start = a.iter().zip(b).take_while(|(a, b)| same(a, b)).count();
    let rest = a.len().min(b.len()) - start;
    let end = a.iter().rev().zip(b.iter().rev()).take(rest).take_while(|(a, b)| same(a, b)).count();
    let (rows, columns) = (a.len() - start - end, b.len() - start - end);
    let mut longest = vec![vec![0usize; columns + 1]; rows + 1];
    for i in (0..rows).rev() {
        for j in (0..columns).rev() {
            longest[i][j] = match same(&a[start + i], &b[start + j]) {
                true => longest[i + 1][j + 1] + 1,
                false => longest[i + 1][j].max(longest[i][j + 1]),
            };
        }
    }
    let mut pairs: Vec<(usize, usize)> = (0..start).map(|i| (i, i)).collect();
    let (mut i, mut j) = (0, 0);
    while i < rows && j < columns {
        if same(&a[start + i], &b[start + j]) {
            pairs.push((start + i, start + j));
            (i, j) = (i + 1, j + 1);
        } else if longest[i + 1][j] >= longest[i][j + 1] {
            i += 1;
        } else {
            j += 1;
        }
    }
    pairs.extend((0..end).map(|k| (a.len() - end + k, b.len() - end + k)));
    pairs
}

/// A value in a line: components as they are written, long ones cut.
fn shown(json: &Json) -> String {
    const LONGEST: usize = 60;
    let text = written(json);
    match text.char_indices().nth(LONGEST) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text,
    }
}

fn written(json: &Json) -> String {
    match json {
        Json::Null => "none".into(),
        Json::Bool(b) => b.to_string(),
        Json::String(s) => s.clone(),
        Json::Number(n) => match (n.as_u64(), n.as_f64()) {
            (Some(n), _) => words::count(n),
            (None, Some(x)) => words::real(x),
            (None, None) => n.to_string(),
        },
        Json::Array(items) => format!("[{}]", words::list(items.iter().map(written))),
        Json::Object(map) => {
            if let (Some(metric), Some(split)) = (map.get("metric"), map.get("split")) {
                let split = split.as_str().map_or(String::new(), |s| format!("{s}."));
                return format!("{split}{}", written(metric));
            }
            if let ([unit], Some(n)) =
                (map.keys().map(String::as_str).collect::<Vec<_>>().as_slice(), map.values().next())
            {
                return if *unit == "later" { written(n) } else { format!("{} {unit}", written(n)) };
            }
            let fields = map.iter().filter(|(k, v)| *k != "name" && !v.is_null());
            let fields = words::list(fields.map(|(k, v)| format!("{k}: {}", written(v))));
            match map.get("name").and_then(Json::as_str) {
                Some(name) if fields.is_empty() => name.into(),
                Some(name) => format!("{name}({fields})"),
                None => format!("{{{fields}}}"),
            }
        }
    }
}

impl fmt::Display for Change {
    /// `step 3.repeat.2 forget: share 0.3 → 0.5 (line 4)`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN: usize = 4;
        let kind = if self.kind.is_empty() { String::new() } else { format!(" {}", self.kind) };
        match self.steps.as_slice() {
            [] => f.write_str(&self.what)?,
            [one] => write!(f, "step {one}{kind}: {}", self.what)?,
            several => {
                let shown = several.iter().take(SHOWN).cloned().collect::<Vec<_>>().join(", ");
                let more =
                    if several.len() > SHOWN { format!(" and {} more", several.len() - SHOWN) } else { String::new() };
                write!(f, "steps {shown}{more}{kind}: {}", self.what)?;
            }
        }
        match self.line {
            Some(line) if self.steps.len() == 1 => write!(f, " (line {line})"),
            _ => Ok(()),
        }
    }
}

//! Where a run stands in a program that was changed.

use super::diff::common;
use serde_json::Value as Json;

/// The steps of a new plan (as JSON) that those of an old one have become in which a run stands, outermost first: each by
/// its content where that stayed, else as the same kind of step between the same neighbours.
///
/// # Errors
/// The id of the first step that is not there any more, with its text.
pub fn moved(old: &Json, new: &Json, path: &[String]) -> Result<Vec<String>, (String, String)> {
    let trial = |plan: &Json| plan["trials"][0]["steps"].clone();
    let (mut old, mut new) = (trial(old), trial(new));
    let mut found = Vec::new();
    for (n, id) in path.iter().enumerate() {
        let (before, after) = (list(&old), list(&new));
        let lost = |step: Option<&Json>| {
            (id.clone(), step.and_then(|step| step["text"].as_str()).unwrap_or_default().to_string())
        };
        // What settings add stands before the step after them, under its path.
        let i = before.iter().rposition(|step| step["id"] == *id).ok_or_else(|| lost(None))?;
        let j = counterpart(before, after, i).ok_or_else(|| lost(before.get(i)))?;
        found.push(after[j]["id"].as_str().unwrap_or_default().to_string());
        let inside =
            |key: &&str| list(&before[i][*key]).iter().any(|step| path.get(n + 1).is_some_and(|id| step["id"] == *id));
        let key = ["body", "else", "triggers"].into_iter().find(|key| inside(key)).unwrap_or("body");
        (old, new) = (before[i][key].clone(), after[j][key].clone());
    }
    Ok(found)
}

fn list(steps: &Json) -> &[Json] {
    steps.as_array().map_or(&[], Vec::as_slice)
}

/// The place that the i-th of some siblings has among others.
fn counterpart(old: &[Json], new: &[Json], i: usize) -> Option<usize> {
    let kept = common(old, new, |a, b| a["hash"] == b["hash"] && a["kind"] == b["kind"]);
    if let Some((_, j)) = kept.iter().find(|(a, _)| *a == i) {
        return Some(*j);
    }
    let (a, b) = kept.iter().rfind(|(a, _)| *a < i).map_or((0, 0), |(a, b)| (a + 1, b + 1));
    let (c, d) = kept.iter().find(|(a, _)| *a > i).copied().unwrap_or((old.len(), new.len()));
    let between = common(&old[a..c], &new[b..d], |x, y| x["kind"] == y["kind"]);
    between.into_iter().find(|(x, _)| a + x == i).map(|(_, y)| b + y)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn plan(steps: &[(&str, &str)]) -> Json {
        let step = |(n, (kind, hash)): (usize, &(&str, &str))| {
            let id = (n + 1).to_string();
            json!({ "id": id, "kind": kind, "hash": hash, "text": hash, "body": [
                { "id": format!("{id}.repeat.1"), "kind": "train", "hash": "t", "text": "t" }] })
        };
        json!({ "trials": [{ "steps": steps.iter().enumerate().map(step).collect::<Vec<_>>() }] })
    }

    #[test]
    fn a_step_is_found_by_what_it_does() {
        let old = plan(&[("train", "a"), ("checkpoint", "b"), ("repeat", "c"), ("evaluate", "d")]);
        let path = ["3".to_string(), "3.repeat.1".to_string()];
        let go = |steps: &[(&str, &str)]| moved(&old, &plan(steps), &path);
        let at = |n: usize| Ok(vec![n.to_string(), format!("{n}.repeat.1")]);
        assert_eq!(go(&[("checkpoint", "b"), ("repeat", "c"), ("evaluate", "d")]), at(2), "one before it is gone");
        assert_eq!(go(&[("evaluate", "x"), ("train", "a"), ("checkpoint", "b"), ("repeat", "c")]), at(4), "one is new");
        assert_eq!(go(&[("train", "a"), ("checkpoint", "b"), ("repeat", "other"), ("evaluate", "d")]), at(3), "edited");
        let lost = Err(("3".to_string(), "c".to_string()));
        assert_eq!(go(&[("train", "a"), ("checkpoint", "b"), ("evaluate", "d")]), lost);
        assert_eq!(go(&[("train", "a"), ("checkpoint", "b"), ("for", "c"), ("evaluate", "d")]), lost);
    }
}

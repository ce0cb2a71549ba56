//! Files under `evaluations/`: what has no room in a line of events.

use super::line::What;
use crate::disk::{self, Patience};
use crate::runtime::event::{Event, Kind};
use serde_json::json;
use std::collections::BTreeSet;
use std::io;
use std::path::Path;

/// What names of files end in that say what broke each example.
const BROKEN_BY: &str = "-broken-by";

/// The files so far, by their names without `.json`.
#[derive(Debug, Default)]
pub struct Evaluations(BTreeSet<String>);

impl Evaluations {
    /// Those that a line of events names.
    pub fn recall(&mut self, what: &What) {
        let name = |file: &str| file.strip_prefix("evaluations/")?.strip_suffix(".json").map(str::to_string);
        match what {
            What::Measure { per_example: Some(file), .. } => {
                self.0.extend(name(file).into_iter().flat_map(|name| [format!("{name}{BROKEN_BY}"), name]));
            }
            What::Forget(change) | What::Load(change) | What::Merge(change) => {
                self.0.extend(change.compared.iter().filter_map(|c| name(c.matrices.as_deref()?)));
            }
            _ => {}
        }
    }

    /// Writes what an event has; the paths, relative to the run folder: single values as
    /// `evaluations/<step>-<metric>.json`, of several weights with which they are, and what broke each example as `…-broken-by.json`; the matrices of each `confusion`.
    ///
    /// # Errors
    /// Of the disk.
    pub fn write(&mut self, run: &Path, patience: &Patience, event: &Event) -> io::Result<Vec<Option<String>>> {
        match &event.kind {
            Kind::Measure { split, metric, per_example: Some(values), broken_by, detail, .. } => {
                let at = detail.at.as_ref().map_or(String::new(), |at| format!("-at-{}", file_name(at)));
                let metric = file_name(metric) + &at;
                let other = format!("{}-{metric}", split.name());
                let Some(name) = self.free_name(event, &[metric, other]) else { return Ok(Vec::new()) };
                let by = format!("{name}{BROKEN_BY}");
                let broken_by =
                    broken_by.as_ref().map(|broken| write_one(run, patience, &by, &json!(broken))).transpose()?;
                let values = write_one(run, patience, &name, &values_json(values))?;
                self.0.extend([by, name]);
                Ok(vec![Some(values), broken_by])
            }
            Kind::Change(change) => {
                let mut files = Vec::new();
                for comparison in &change.compared {
                    let Some(confusion) = &comparison.confusion else { continue };
                    let metric = file_name(&comparison.metric);
                    let plain = metric.split_once('.').map_or(metric.clone(), |(_, name)| name.to_string());
                    let Some(name) = self.free_name(event, &[plain, metric]) else { continue };
                    files.push(Some(write_one(run, patience, &name, &json!(confusion))?));
                    self.0.insert(name);
                }
                Ok(files)
            }
            _ => Ok(Vec::new()),
        }
    }

    /// A name of a file for one of these names of a metric that is free: the first, else the first with a number.
    fn free_name(&self, event: &Event, metrics: &[String]) -> Option<String> {
        // Steps have paths without such letters; a name is no path, whatever it says.
        let step = &event.step.replace(['/', '\\'], "_");
        let name = |metric: &String| short(&format!("{step}-{metric}"));
        let numbered = (2..).map(|n| format!("{}-{n}", name(&metrics[0])));
        metrics.iter().map(name).chain(numbered).find(|name| !self.0.contains(name))
    }
}

fn write_one(run: &Path, patience: &Patience, name: &str, value: &serde_json::Value) -> io::Result<String> {
    let (folder, file) = (run.join("evaluations"), format!("{name}.json"));
    let (path, text) = (folder.join(&file), value.to_string());
    patience.with(|| disk::make_folder(&folder).and_then(|()| disk::write_whole(&path, text.as_bytes())))?;
    Ok(format!("evaluations/{file}"))
}

/// Right and wrong as 1 and 0, other values as they are.
fn values_json(values: &[f64]) -> serde_json::Value {
    if values.iter().all(|v| *v == 0.0 || *v == 1.0) {
        return values.iter().map(|v| *v as u8).collect();
    }
    json!(values)
}

/// `robust(pgd)` as `robust-pgd`
fn file_name(metric: &str) -> String {
    let safe = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_');
    metric.split(|c| !safe(c)).filter(|part| !part.is_empty()).collect::<Vec<_>>().join("-")
}

/// File systems take names of up to 255 bytes: of longer ones the beginning, and what tells it from others.
fn short(name: &str) -> String {
    match name.char_indices().nth(150) {
        Some((cut, _)) => format!("{}-{}", &name[..cut], &disk::sha256(name.as_bytes())[..16]),
        None => name.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deep_steps_get_names_that_disks_take() {
        let deep = "1.repeat[1000000].".repeat(40);
        let names = [short(&format!("{deep}1-clean")), short(&format!("{deep}2-clean"))];
        assert!(names[0] != names[1] && names.iter().all(|n| n.len() < 200), "{names:?}");
        assert_eq!(short("1-clean"), "1-clean");
    }
}

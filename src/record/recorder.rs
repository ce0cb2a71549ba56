//! Writes what happens in a run into its folder. It never influences the run, except that a record that cannot be
//! written stops it.

use super::evaluations::Evaluations;
use super::folder::RunFolder;
use super::ledger;
use super::line::{EventLine, LedgerLine, Place, What, status_word};
use super::lock;
use super::log::Log;
use super::manifest::{DataSum, InputAsGiven, LedgerHead, Manifest, Program, utc};
use super::program::{HASHED, keep_earlier, write_program};
use crate::disk::{self, Patience};
use crate::reading;
use crate::runtime::event::{Change, Event, Kind, Listener, Mark, Status};
use crate::source::Sources;
use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Instant, SystemTime};

/// What the manifest says of a run before it begins.
#[derive(Clone, Debug)]
pub struct About {
    /// hash of the plan
    pub plan: String,
    pub seed: u64,
    pub bindings: BTreeMap<String, serde_json::Value>,
    pub device: String,
    pub threads: usize,
    /// instruction set that the kernels use: `avx512`
    pub isa: String,
    pub data: Vec<DataSum>,
    pub command: Vec<String>,
    pub input: InputAsGiven,
}

/// Where a run that was cut off goes on.
#[derive(Clone, Debug, Default)]
pub struct Resume {
    /// the checkpoint, relative to the run folder; without one it starts over
    pub checkpoint: Option<String>,
    /// how far the records had come there
    pub marks: BTreeMap<String, Mark>,
    /// seconds that the run had taken
    pub seconds: f64,
    /// the program and plan are others than before
    pub changed: bool,
}

/// The records of one run.
#[derive(Debug)]
pub struct Recorder {
    folder: RunFolder,
    sources: Arc<Sources>,
    manifest: Manifest,
    events: Log,
    ledger: Log,
    sessions: Log,
    evaluations: Evaluations,
    /// seconds of earlier sessions
    before: f64,
    started: Instant,
    ended: bool,
    patience: Patience,
}

const EVENTS: &str = "events.jsonl";
const LEDGER: &str = "ledger.jsonl";
const SESSIONS: &str = "sessions.jsonl";
const FILES: [&str; 3] = [EVENTS, LEDGER, SESSIONS];

impl Recorder {
    /// Writes all that is known before the run: the program and what it brings in, `plan.json` with `plan`, the manifest.
    /// Where that fails, nothing of the folder is left.
    pub fn begin(
        folder: RunFolder,
        sources: Arc<Sources>,
        plan: &str,
        about: About,
        patience: Patience,
    ) -> io::Result<Recorder> {
        let path = folder.path.clone();
        Recorder::write_beginning(folder, sources, plan, about, patience).inspect_err(|_| {
            // The folder was empty when it became ours, so all in it is ours.
            let _ = std::fs::remove_dir_all(path);
        })
    }

    fn write_beginning(
        folder: RunFolder,
        sources: Arc<Sources>,
        plan: &str,
        about: About,
        patience: Patience,
    ) -> io::Result<Recorder> {
        let path = folder.path.clone();
        let program = write_program(&path, &sources)?;
        disk::write_whole(&path.join("plan.json"), plan.as_bytes())?;
        let manifest = manifest(about, program);
        let [events, ledger, sessions] = FILES.map(|name| Log::create(&path.join(name), &patience));
        let (events, ledger, sessions) = (events?, ledger?, sessions?);
        // Last, for with it the names of all of them reach the disk.
        manifest.write(&path)?;
        let mut recorder = Recorder {
            sources,
            manifest,
            events,
            ledger,
            sessions,
            evaluations: Evaluations::default(),
            before: 0.0,
            started: Instant::now(),
            ended: false,
            folder,
            patience,
        };
        recorder.session("start", "")?;
        Ok(recorder)
    }

    /// Goes on with the records of a run: events and ledger are cut back to where the checkpoint left them.
    ///
    /// # Errors
    /// If they are shorter than that or the ledger is another one, and what the file system says.
    pub fn resume(
        folder: RunFolder,
        sources: Arc<Sources>,
        plan: &str,
        about: About,
        patience: Patience,
        from: &Resume,
    ) -> io::Result<Recorder> {
        let path = folder.path.clone();
        let found = Manifest::read(&path).ok();
        if from.changed {
            keep_earlier(&path)?;
        }
        let program = match &found {
            Some(found) if !from.changed => found.program.clone(),
            // Without a manifest nothing says which texts there are.
            _ => write_program(&path, &sources)?,
        };
        if from.changed || !path.join("plan.json").exists() {
            disk::write_whole(&path.join("plan.json"), plan.as_bytes())?;
        }
        let fresh = manifest(about, program);
        let mut manifest = match found {
            Some(found) if !from.changed => Manifest { program: fresh.program, input: fresh.input, ..found },
            Some(found) => Manifest { started: found.started, command: found.command, ..fresh },
            None => fresh,
        };
        (manifest.status, manifest.reason, manifest.ended) = ("running".into(), None, None);
        manifest.files.clear();
        (manifest.expectations_held, manifest.ledger) = (true, LedgerHead { lines: 0, sha256: ledger::genesis() });
        let lines = |name: &str| Some(from.marks.get(name).map_or(0, |mark| mark.lines));
        let mut evaluations = Evaluations::default();
        let events = Log::reopen(&path.join(EVENTS), lines(EVENTS), &patience, |line| {
            let event: EventLine = serde_json::from_str(line)?;
            match event.what {
                What::Expect { held, .. } => manifest.expectations_held &= held,
                what => evaluations.recall(&what),
            }
            Ok(())
        })?;
        let head = &mut manifest.ledger;
        let ledger = Log::reopen(&path.join(LEDGER), lines(LEDGER), &patience, |line| {
            *head = LedgerHead { lines: head.lines + 1, sha256: disk::sha256(line.as_bytes()) };
            Ok(())
        })?;
        let sessions = Log::reopen(&path.join(SESSIONS), None, &patience, |_| Ok(()))?;
        manifest.write(&path)?;
        let mut recorder = Recorder {
            sources,
            manifest,
            events,
            ledger,
            sessions,
            evaluations,
            before: from.seconds,
            started: Instant::now(),
            ended: false,
            folder,
            patience,
        };
        if from.changed {
            recorder.session("change", "the program is another one from here on")?;
        }
        recorder.session("resume", from.checkpoint.as_deref().unwrap_or("the beginning"))?;
        Ok(recorder)
    }

    /// Closes the records; only the first call counts. `reason` says why a run failed or was stopped.
    pub fn end(&mut self, status: Status, reason: Option<String>) -> io::Result<()> {
        if self.ended {
            return Ok(());
        }
        self.ended = true;
        let word = status_word(status);
        self.manifest.status = word.into();
        self.manifest.reason = reason;
        self.manifest.finished = matches!(status, Status::Done | Status::Ended);
        self.manifest.ended = Some(utc(SystemTime::now()));
        self.manifest.seconds = Some(self.seconds());
        // The manifest says that all is there: so it is, first.
        self.events.flush()?;
        self.ledger.flush()?;
        let path = &self.folder.path;
        for name in HASHED {
            if path.join(name).exists() {
                self.manifest.files.insert(name.into(), reading::sha256(&path.join(name))?);
            }
        }
        let manifest = &self.manifest;
        self.patience.with(|| manifest.write(path))?;
        self.session("end", word)
    }

    pub fn folder(&self) -> &Path {
        &self.folder.path
    }

    /// `what`: the status of an end, the folder of a save.
    fn session(&mut self, kind: &str, what: &str) -> io::Result<()> {
        let now = utc(SystemTime::now());
        let (host, pid, seconds) = (lock::host(), std::process::id(), self.seconds());
        self.sessions.append(&Session { time: &now, kind, what, seconds, host: &host, pid }).map(|_| ())
    }

    /// Since the run began, without the time between its sessions, to the millisecond.
    fn seconds(&self) -> f64 {
        ((self.before + self.started.elapsed().as_secs_f64()) * 1000.0).round() / 1000.0
    }

    fn record(&mut self, event: &Event) -> io::Result<()> {
        let files = self.evaluations.write(&self.folder.path, &self.patience, event)?;
        let Some(what) = What::of(event, &self.sources, files) else { return Ok(()) };
        let place = Place::of(event, &self.sources);
        // The ledger comes first: an event without its line in the ledger would be a gap in the audit.
        if let Kind::Change(change) = &event.kind {
            self.enter(event, change, place.clone())?;
        }
        if let Kind::Expect { held: false, .. } = event.kind {
            self.manifest.expectations_held = false;
        }
        let t = self.seconds();
        let step = event.step.clone();
        self.events.append(&EventLine { t, step, what, place, clock: event.clock, epochs: event.epochs })?;
        Ok(())
    }

    fn enter(&mut self, event: &Event, change: &Change, place: Place) -> io::Result<()> {
        let line = self.ledger.append(&LedgerLine::of(event, change, place, &self.manifest.ledger.sha256))?;
        self.manifest.ledger =
            LedgerHead { lines: self.manifest.ledger.lines + 1, sha256: disk::sha256(line.as_bytes()) };
        Ok(())
    }
}

impl Listener for Recorder {
    fn hear(&mut self, event: &Event) -> io::Result<()> {
        self.record(event)
    }

    fn saved(&mut self, folder: &str) -> io::Result<()> {
        self.session("save", folder)
    }

    fn marks(&mut self) -> io::Result<Vec<(String, Mark)>> {
        let head = Some(self.manifest.ledger.sha256.clone());
        let ledger = Mark { sha256: head, ..self.ledger.flush()? };
        Ok(vec![(EVENTS.into(), self.events.flush()?), (LEDGER.into(), ledger)])
    }
}

/// A recorder that the run listens to and the caller closes.
#[derive(Clone, Debug)]
pub struct SharedRecorder(Arc<Mutex<Recorder>>);

impl SharedRecorder {
    pub fn new(recorder: Recorder) -> SharedRecorder {
        SharedRecorder(Arc::new(Mutex::new(recorder)))
    }

    /// [`Recorder::end`]
    pub fn end(&self, status: Status, reason: Option<String>) -> io::Result<()> {
        self.recorder().end(status, reason)
    }

    /// A panic elsewhere leaves the records as sound as they were.
    fn recorder(&self) -> MutexGuard<'_, Recorder> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Listener for SharedRecorder {
    fn hear(&mut self, event: &Event) -> io::Result<()> {
        self.recorder().hear(event)
    }

    fn saved(&mut self, folder: &str) -> io::Result<()> {
        self.recorder().saved(folder)
    }

    fn marks(&mut self) -> io::Result<Vec<(String, Mark)>> {
        self.recorder().marks()
    }
}

/// One line of `sessions.jsonl`.
#[derive(serde::Serialize)]
struct Session<'a> {
    time: &'a str,
    kind: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    what: &'a str,
    /// of the run so far
    seconds: f64,
    host: &'a str,
    pid: u32,
}

fn manifest(about: About, program: Program) -> Manifest {
    let version = ("fsched".to_string(), env!("CARGO_PKG_VERSION").to_string());
    Manifest {
        format: 1,
        status: "running".into(),
        reason: None,
        finished: false,
        expectations_held: true,
        program,
        plan: about.plan,
        seed: about.seed,
        bindings: about.bindings,
        device: about.device,
        threads: about.threads,
        isa: about.isa,
        data: about.data,
        command: about.command,
        input: about.input,
        versions: BTreeMap::from([version]),
        started: utc(SystemTime::now()),
        ended: None,
        seconds: None,
        ledger: LedgerHead { lines: 0, sha256: ledger::genesis() },
        files: BTreeMap::new(),
        seal: String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::components::Split;
    use crate::record::{Found, Import, verify};
    use crate::runtime::event::ChangedTensor;
    use crate::source::{FileId, Source, Span};
    use serde_json::json;

    fn sources() -> Arc<Sources> {
        let mut sources = Sources::default();
        sources.add(Source::new("dir/a.fsched", "use \"sub/b.fsched\"\nforget head 30%\n"));
        sources.add(Source::new("dir/sub/b.fsched", "let n = 1\n"));
        sources.add(Source::new("<--set n>", "2"));
        Arc::new(sources)
    }

    fn about() -> About {
        About {
            plan: "abc".into(),
            seed: 7,
            bindings: BTreeMap::from([("n".into(), json!(2))]),
            device: "cpu".into(),
            threads: 2,
            isa: "avx2".into(),
            data: Vec::new(),
            command: vec!["fsched".into(), "run".into()],
            input: InputAsGiven::default(),
        }
    }

    fn event(kind: Kind) -> Event {
        let span = Some(Span::new(FileId::default(), 19, 34));
        Event { step: "2.repeat[1].1".into(), span, clock: 94, epochs: 1.0, kind }
    }

    fn change(ordinal: u64) -> Kind {
        Kind::Change(Change {
            what: "forget",
            ordinal,
            arguments: json!({"share": 0.3, "by": "random"}),
            tensors: vec![ChangedTensor {
                name: "classifier.weight".into(),
                shape: vec![10, 72],
                selected: 720,
                changed: 216,
                mask: "00ff".into(),
                norm_before: 3.5,
                norm_after: 3.25,
            }],
            stream: Some("forget/1".into()),
            measured: vec![("clean".into(), 0.8, 0.25)],
            compared: Vec::new(),
        })
    }

    fn measure(per_example: Vec<f64>) -> Kind {
        let n = per_example.len();
        Kind::Measure {
            split: Split::Test,
            metric: "robust(pgd)".into(),
            spec: serde_json::json!({ "name": "robust" }),
            value: 0.5,
            n,
            per_example: Some(per_example),
            broken_by: Some(vec![Some("apgd_ce".into()), None]),
            detail: crate::components::metrics::Detail::default(),
        }
    }

    fn begin(folder: &Path) -> Recorder {
        let folder = RunFolder::create(folder).unwrap();
        Recorder::begin(folder, sources(), "{}", about(), Patience::none()).unwrap()
    }

    fn record(folder: &Path) {
        let mut recorder = begin(folder);
        for kind in [
            Kind::RunStart { total_steps: Some(94) },
            Kind::Progress { done: 1, loss: 1.0, rate: 0.1 },
            Kind::Epoch { loss: f64::NAN, accuracy: 0.5, rate: 0.1, steps: 94, gradient_evaluations: 94 },
            change(1),
            change(2),
            measure(vec![0.0, 1.0]),
            measure(vec![0.5, 1.0]),
            Kind::Expect { text: "clean > 85%".into(), held: false, values: vec![("clean".into(), 0.8)] },
            Kind::End { status: Status::Done, gradient_evaluations: 0 },
        ] {
            recorder.hear(&event(kind)).unwrap();
        }
        recorder.saved("checkpoints/4").unwrap();
        let marks: Vec<(String, u64)> =
            recorder.marks().unwrap().into_iter().map(|(f, mark)| (f, mark.lines)).collect();
        assert_eq!(marks, [EVENTS, LEDGER].map(|f| (f.to_string(), read(folder, f).lines().count() as u64)));
        recorder.end(Status::Done, None).unwrap();
    }

    fn read(folder: &Path, name: &str) -> String {
        std::fs::read_to_string(folder.join(name)).unwrap()
    }

    #[test]
    fn the_folder_holds_all_that_formats_promises() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("run");
        record(&folder);
        assert_eq!(read(&folder, "program.fsched"), "use \"sub/b.fsched\"\nforget head 30%\n");
        assert_eq!(read(&folder, "sub/b.fsched"), "let n = 1\n");
        assert_eq!(read(&folder, "evaluations/2.repeat[1].1-robust-pgd.json"), "[0,1]");
        assert_eq!(read(&folder, "evaluations/2.repeat[1].1-test-robust-pgd.json"), "[0.5,1.0]");
        assert_eq!(read(&folder, "evaluations/2.repeat[1].1-robust-pgd-broken-by.json"), "[\"apgd_ce\",null]");
        let manifest = Manifest::read(&folder).unwrap();
        assert_eq!((manifest.status.as_str(), manifest.expectations_held, manifest.seed), ("done", false, 7));
        let import = Import { name: "dir/sub/b.fsched".into(), file: "sub/b.fsched".into() };
        assert_eq!(manifest.program.imports, [import]);
        let ledger = read(&folder, "ledger.jsonl");
        assert_eq!(manifest.ledger, LedgerHead { lines: 2, sha256: verify(&ledger).unwrap() });
        let sessions: Vec<serde_json::Value> =
            read(&folder, "sessions.jsonl").lines().map(|l| serde_json::from_str(l).unwrap()).collect();
        let kinds: Vec<_> = sessions.iter().map(|l| (l["kind"].clone(), l["what"].clone())).collect();
        let null = serde_json::Value::Null;
        let save = (json!("save"), json!("checkpoints/4"));
        assert_eq!(kinds, [(json!("start"), null), save, (json!("end"), json!("done"))]);
        assert!(!folder.join("lock").exists());
        assert!(matches!(Found::at(&folder).unwrap(), Found::Finished(_)));
    }

    #[test]
    fn events_are_lines_with_kind_step_and_place() {
        let dir = tempfile::tempdir().unwrap();
        record(&dir.path().join("run"));
        let events = read(&dir.path().join("run"), "events.jsonl");
        let lines: Vec<serde_json::Value> = events.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
        let kinds: Vec<&str> = lines.iter().map(|l| l["kind"].as_str().unwrap()).collect();
        assert_eq!(kinds, ["start", "epoch", "forget", "forget", "measure", "measure", "expect", "end"]);
        assert_eq!(lines[1]["loss"], serde_json::Value::Null);
        assert_eq!((&lines[2]["line"], &lines[2]["changed"]), (&json!(2), &json!(216)));
        let tail = events.lines().nth(4).unwrap().split_once(",\"step\"").unwrap().1;
        let expected = r#":"2.repeat[1].1","kind":"measure","split":"test","metric":"robust(pgd)","spec":{"name":"robust"},"value":0.5,"n":2,"per_example":"evaluations/2.repeat[1].1-robust-pgd.json","broken_by":"evaluations/2.repeat[1].1-robust-pgd-broken-by.json","line":2,"clock":94,"epochs":1.0}"#;
        assert_eq!(tail, expected);
        for line in events.lines() {
            let typed: EventLine = serde_json::from_str(line).unwrap();
            assert_eq!(serde_json::to_string(&typed).unwrap(), line);
        }
    }

    #[test]
    fn a_beginning_that_fails_leaves_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("run");
        let folder = RunFolder::create(&path).unwrap();
        std::fs::create_dir(path.join("plan.json")).unwrap();
        let error = Recorder::begin(folder, sources(), "{}", about(), Patience::none()).unwrap_err();
        assert!(error.to_string().contains("plan.json`"), "{error}");
        assert!(!path.exists());
    }

    #[test]
    fn two_runs_differ_in_times_alone() {
        let dir = tempfile::tempdir().unwrap();
        let (a, b) = (dir.path().join("a"), dir.path().join("b"));
        record(&a);
        record(&b);
        assert_eq!(read(&a, "ledger.jsonl"), read(&b, "ledger.jsonl"));
        let timeless = |folder| -> Vec<String> {
            read(folder, "events.jsonl").lines().map(|l| l.split_once(",\"step\"").unwrap().1.to_string()).collect()
        };
        assert_eq!(timeless(&a), timeless(&b));
    }
}

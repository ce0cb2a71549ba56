//! The program as its users meet it: arguments in; stdout, stderr, status and files out.

mod diagnostics;
mod diversify;
mod generate;

use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

/// A folder of its own for each test.
struct Place {
    dir: tempfile::TempDir,
}

/// What a command left.
struct Ran {
    status: i32,
    stdout: String,
    stderr: String,
}

/// Ends in well under a second.
const QUICK: &str = "\
data digits(validation: 20%)
model mlp(hidden: [16])
measure clean every: 1 epoch
measure clean at: forget
param cycles = 2
train 1
repeat cycles {
  forget layers[-1..] 50%
  relearn 1
}
checkpoint \"end\"
evaluate clean on test
expect clean > 1%
";

impl Place {
    fn new() -> Place {
        Place { dir: tempfile::tempdir().unwrap() }
    }

    fn with(name: &str, text: impl AsRef<[u8]>) -> Place {
        let place = Place::new();
        fs::write(place.path(name), text).unwrap();
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap_or_else(|e| panic!("{name}: {e}"))
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_fsched"));
        command.args(arguments).current_dir(self.dir.path());
        for name in ["NO_COLOR", "CLICOLOR_FORCE", "CLICOLOR", "COLUMNS", "FSCHED_DATA", "FSCHED_ISA", "LC_ALL"] {
            command.env_remove(name);
        }
        command
    }

    fn run(&self, arguments: &[&str]) -> Ran {
        Ran::of(self.command(arguments).output().unwrap())
    }

    /// The one folder under `runs/`.
    fn only_run(&self) -> PathBuf {
        let runs: Vec<_> = fs::read_dir(self.path("runs")).unwrap().map(|e| e.unwrap().path()).collect();
        assert_eq!(runs.len(), 1, "{runs:?}");
        runs[0].clone()
    }
}

impl Ran {
    fn of(output: Output) -> Ran {
        Ran {
            status: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// Ended with that status; else shows everything.
    #[track_caller]
    fn status(self, status: i32) -> Ran {
        assert_eq!(self.status, status, "stdout:\n{}\nstderr:\n{}", self.stdout, self.stderr);
        self
    }

    /// stdout as JSON lines.
    fn json_lines(&self) -> Vec<Value> {
        self.stdout.lines().map(|l| serde_json::from_str(l).unwrap_or_else(|e| panic!("{e}: {l}"))).collect()
    }
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|e| panic!("{e}: {text}"))
}

#[test]
fn a_new_file_can_be_run_as_it_is_and_is_never_overwritten() {
    let place = Place::new();
    place.run(&["new", "first"]).status(0);
    place.run(&["check", "first.fsched", "--deny", "lints"]).status(0);
    assert!(place.run(&["new", "first.fsched"]).status(2).stderr.contains("exists already"));
}

#[test]
fn the_one_line_program_is_planned_with_its_loop() {
    let place = Place::with("a.fsched", "consolidate 40; forget layers[-2..] 0.3; relearn 10; repeat 5\n");
    let ran = place.run(&["plan", "a.fsched", "--format", "json"]).status(0);
    let plan = json(&ran.stdout);
    let trial = &plan["trials"][0];
    assert_eq!((&trial["totals"]["epochs"], &trial["totals"]["forget_events"]), (&Value::from(250), &Value::from(5)));
    assert!(place.run(&["plan", "a.fsched"]).status(0).stdout.contains("forget layers[-2..] 30%"));
}

#[test]
fn a_run_leaves_its_records_and_shows_its_summary() {
    let place = Place::with("a.fsched", QUICK);
    let ran = place.run(&["run", "a.fsched"]).status(0);
    for expected in ["done in", "forget layers[-1..] 50%", "validation.clean", "test.clean", "held   clean > 1%"] {
        assert!(ran.stdout.contains(expected), "{expected}: {}", ran.stdout);
    }
    for expected in ["train 1 (", "epoch 1: loss", "80 of 160 weights in 1 tensor", "checkpoint \"end\""] {
        assert!(ran.stderr.contains(expected), "{expected}: {}", ran.stderr);
    }
    let run = place.only_run();
    assert_eq!(fs::read_to_string(run.join("program.fsched")).unwrap(), QUICK);
    let manifest = json(&fs::read_to_string(run.join("manifest.json")).unwrap());
    assert_eq!((&manifest["status"], &manifest["bindings"]["cycles"]), (&Value::from("done"), &Value::from(2)));
    let plan = json(&fs::read_to_string(run.join("plan.json")).unwrap());
    assert_eq!(manifest["plan"], plan["plan"]);
    assert_eq!(manifest["data"][0]["checksum"].as_str().map(str::len), Some(64));
    let kinds: Vec<String> = fs::read_to_string(run.join("events.jsonl"))
        .unwrap()
        .lines()
        .map(|l| json(l)["kind"].as_str().unwrap().to_string())
        .collect();
    assert_eq!(kinds.iter().filter(|k| *k == "forget").count(), 2);
    assert_eq!(kinds.last().map(String::as_str), Some("end"));
    assert!(run.join("final.safetensors").exists() && !run.join("lock").exists());
}

#[test]
fn a_finished_run_is_shown_again_not_run_again() {
    let place = Place::with("a.fsched", QUICK);
    let first = place.run(&["run", "a.fsched"]).status(0);
    let events = fs::read(place.only_run().join("events.jsonl")).unwrap();
    let again = place.run(&["run", "a.fsched"]).status(0);
    assert_eq!(again.stdout, first.stdout);
    assert_eq!(fs::read(place.only_run().join("events.jsonl")).unwrap(), events);
    let ledger = place.only_run().join("ledger.jsonl");
    fs::write(&ledger, fs::read_to_string(&ledger).unwrap().replace("\"ordinal\":1", "\"ordinal\":9")).unwrap();
    assert!(place.run(&["run", "a.fsched"]).status(0).stderr.contains("was changed after the run"));
}

#[test]
fn the_same_plan_gives_the_same_bytes_on_any_number_of_threads() {
    let place = Place::with("a.fsched", QUICK);
    for (out, threads) in [("one", "1"), ("two", "2"), ("again", "2")] {
        place.run(&["run", "a.fsched", "--quiet", "--out", out, "--threads", threads]).status(0);
    }
    for name in ["final.safetensors", "ledger.jsonl", "plan.json"] {
        let bytes = |out: &str| fs::read(place.path(out).join(name)).unwrap();
        assert_eq!(bytes("one"), bytes("two"), "{name}");
        assert_eq!(bytes("two"), bytes("again"), "{name}");
    }
    let events = |out: &str| -> Vec<Value> {
        let lines = place.read(&format!("{out}/events.jsonl"));
        let timeless = |mut line: Value| {
            line.as_object_mut().unwrap().remove("t");
            line
        };
        lines.lines().map(|l| timeless(json(l))).collect()
    };
    assert_eq!(events("one"), events("two"));
}

#[test]
fn an_instruction_set_can_be_asked_for_and_is_written_down() {
    let place = Place::with("a.fsched", QUICK);
    let with = |isa: &str, out: &str| {
        let mut command = place.command(&["run", "a.fsched", "--quiet", "--out", out]);
        Ran::of(command.env("FSCHED_ISA", isa).output().unwrap())
    };
    with("portable", "portable").status(0);
    assert_eq!(json(&place.read("portable/manifest.json"))["isa"], "portable");
    let refused = with("avx9", "other").status(2);
    assert!(refused.stderr.contains("avx9") && refused.stderr.contains("portable"), "{}", refused.stderr);
    assert!(!place.path("other").exists());
}

#[test]
fn a_cost_matrix_is_part_of_the_plan_by_what_it_holds() {
    let text =
        "data digits(train: 64)\nmodel mlp(hidden: [4])\ntrain 1 step\nevaluate cost(matrix: \"costs.csv\") on test\n";
    let place = Place::with("a.fsched", text);
    let costs = |wrong: u32| {
        let row = |t: usize| (0..10).map(|p| if p == t { "0".into() } else { wrong.to_string() }).collect::<Vec<_>>();
        let rows: String = (0..10).map(|t| format!("{t},{}\n", row(t).join(","))).collect();
        fs::write(place.path("costs.csv"), format!(",0,1,2,3,4,5,6,7,8,9\n{rows}")).unwrap();
    };
    let plan = || json(&place.run(&["plan", "a.fsched", "--format", "json"]).status(0).stdout)["plan"].clone();
    let run = || json(&place.run(&["run", "a.fsched", "--format", "json"]).status(0).stdout);
    costs(1);
    let (first, cheap) = (plan(), run());
    costs(2);
    let (second, dear) = (plan(), run());
    assert_ne!(first, second);
    let value = |result: &Value| result["results"][0]["value"].as_f64().unwrap_or_else(|| panic!("{result}"));
    assert_eq!(value(&dear), 2.0 * value(&cheap), "the run with the other file is another run");
    costs(1);
    assert_eq!((plan(), run()), (first, cheap));
    fs::remove_file(place.path("costs.csv")).unwrap();
    let missing = place.run(&["run", "a.fsched"]).status(1).stderr;
    assert!(missing.contains("FS0401") && missing.contains("there is no `costs.csv`"), "{missing}");
}

#[test]
fn precision_is_part_of_the_plan() {
    let place = Place::with("a.fsched", QUICK);
    fs::write(place.path("b.fsched"), format!("precision exact\n{QUICK}")).unwrap();
    let plan = |name: &str| place.run(&["plan", name]).status(0).stdout;
    assert!(plan("b.fsched").contains("precision exact") && !plan("a.fsched").contains("precision"));
    let differences = place.run(&["plan", "b.fsched", "--diff", "a.fsched"]).status(0).stdout;
    assert!(differences.contains("precision") && differences.contains("exact"), "{differences}");
    fs::write(place.path("c.fsched"), format!("precision exakt\n{QUICK}")).unwrap();
    let wrong = place.run(&["check", "c.fsched"]).status(1).stderr;
    assert!(wrong.contains("did you mean `exact`"), "{wrong}");
}

#[test]
fn a_run_that_a_guard_ends_is_done_with_and_says_why() {
    let text = "data digits(validation: 20%)\nmodel mlp(hidden: [16])\ntrain 1\n\
                guard clean > 99.9% else warn\nguard loss < 0.0001 else stop\ntrain 500\n";
    let place = Place::with("a.fsched", text);
    let ran = place.run(&["run", "a.fsched"]).status(0);
    assert!(ran.stdout.contains("stopped in") && ran.stdout.contains("the guard `loss < 0.0001` did not hold"));
    assert!(ran.stderr.contains("guard clean > 99.9%: false, warn") && ran.stderr.contains("false, stop"));
    let run = place.only_run();
    let manifest = json(&fs::read_to_string(run.join("manifest.json")).unwrap());
    assert_eq!((&manifest["status"], &manifest["finished"]), (&json!("stopped"), &json!(true)));
    assert!(run.join("final.safetensors").exists());
    let events = fs::read_to_string(run.join("events.jsonl")).unwrap();
    let guard = events.lines().map(json).find(|e| e["kind"] == "guard" && e["action"] == "stop").unwrap();
    assert_eq!((&guard["step"], &guard["held"], &guard["line"]), (&json!("3"), &json!(false), &json!(5)));
    assert!(guard["values"]["validation.loss"].as_f64().is_some_and(|loss| loss > 0.0001), "{guard}");
    // Nothing is left to do, so it is shown again.
    assert!(place.run(&["run", "a.fsched"]).status(0).stderr.contains("has been run already"));
}

#[test]
fn plans_show_triggers_guards_ends_of_loops_and_the_budget_and_differences_name_them() {
    let text = |every: &str, floor: &str| {
        format!(
            "budget 90 min\ndata digits(validation: 20%)\nmodel mlp(hidden: [16])\nmeasure clean every: 1 epoch\n\
             checkpoint \"good\"\nconsolidate 12 {{\n  every {every} {{ forget head 10%; train 1 }}\n  \
             when gap(clean) > 5% {{ if clean < 20% {{ stop }} }}\n}}\n\
             repeat until clean > 95% max: 4 {{ train 1 }}\nguard clean > {floor} else rollback \"good\"\n"
        )
    };
    let place = Place::with("a.fsched", text("4 epochs", "50%"));
    fs::write(place.path("b.fsched"), text("3 epochs", "60%")).unwrap();
    let listing = place.run(&["plan", "a.fsched"]).status(0).stdout;
    for shown in [
        "seed 0, budget 90 min",
        "every 4 epochs",
        "when gap(clean) > 5%",
        "repeat until clean > 95%: at most 4 times",
        "guard clean > 50% else rollback \"good\"",
        "what is measured decides at 2.2, 2.2.when.1, 3",
    ] {
        assert!(listing.contains(shown), "{shown}: {listing}");
    }
    let plan = json(&place.run(&["plan", "a.fsched", "--format", "json"]).status(0).stdout);
    assert_eq!(plan["budget"], 5400.0);
    let steps = &plan["trials"][0]["steps"];
    let triggers = &steps[1]["triggers"];
    assert_eq!((&triggers[0]["id"], &triggers[0]["kind"]), (&json!("2.1"), &json!("every")));
    assert_eq!((&triggers[0]["every"], &triggers[0]["line"]), (&json!({ "epochs": 4.0 }), &json!(7)));
    assert_eq!(triggers[0]["body"][1]["id"], "2.1.every.2");
    assert_eq!((&triggers[1]["kind"], &triggers[1]["body"][0]["body"][0]["kind"]), (&json!("when"), &json!("stop")));
    assert_eq!((&steps[2]["count"], &steps[2]["until"]), (&json!(4), &json!("(clean > 0.95)")));
    assert_eq!((&steps[3]["otherwise"], &steps[3]["name"]), (&json!("rollback"), &json!("good")));
    // 12 epochs and 3 of the `every`, or one that `stop` leaves; 1 to 4 of the loop.
    assert_eq!(plan["trials"][0]["totals"]["epochs"], json!({ "min": 2, "max": 19 }));
    let differences = place.run(&["plan", "a.fsched", "--diff", "b.fsched"]).stdout;
    for told in
        ["step 2.1 every: every 3 epochs → 4 epochs (line 7)", "step 4 guard: condition (clean > 0.6) → (clean > 0.5)"]
    {
        assert!(differences.contains(told), "{told}: {differences}");
    }
}

#[test]
fn a_false_expectation_is_status_4_also_when_shown_again() {
    let place = Place::with("a.fsched", QUICK.replace("clean > 1%", "clean > 99.9%"));
    let ran = place.run(&["run", "a.fsched"]).status(4);
    assert!(ran.stdout.contains("false  clean > 99.9%"), "{}", ran.stdout);
    place.run(&["run", "a.fsched"]).status(4);
}

#[test]
fn results_for_programs_are_one_object_on_stdout() {
    let place = Place::with("a.fsched", QUICK);
    let ran = place.run(&["run", "a.fsched", "--format", "json", "--quiet"]).status(0);
    assert_eq!(ran.stderr, "");
    let result = &ran.json_lines()[0];
    assert_eq!((&result["status"], result["phases"].as_array().map(Vec::len)), (&Value::from("done"), Some(5)));
    let wrong = place.run(&["run", "a.fsched", "--format", "json", "--set", "cycls=3"]).status(1);
    assert_eq!(wrong.json_lines()[0]["code"], "FS0108");
}

#[test]
fn a_parameter_can_be_set_from_outside() {
    let place = Place::with("a.fsched", QUICK);
    let plan = json(&place.run(&["plan", "a.fsched", "--format", "json", "--set", "cycles=5"]).status(0).stdout);
    assert_eq!(plan["trials"][0]["totals"]["forget_events"], 5);
}

#[test]
fn plans_are_compared_with_programs_and_with_run_folders() {
    let place = Place::with("a.fsched", QUICK);
    fs::write(place.path("b.fsched"), QUICK.replace("50%", "30%")).unwrap();
    let changed = place.run(&["plan", "b.fsched", "--diff", "a.fsched"]).status(0).stdout;
    assert!(changed.contains("forget: share 0.5 → 0.3"), "{changed}");
    place.run(&["run", "a.fsched", "--quiet", "--out", "run"]).status(0);
    let same = place.run(&["plan", "a.fsched", "--diff", "run"]).status(0).stdout;
    assert_eq!(same, "the plans are the same\n");
    let set = place.run(&["plan", "a.fsched", "--set", "cycles=3", "--diff", "a.fsched", "--format", "json"]).status(0);
    assert!(!json(&set.stdout)["changes"].as_array().unwrap().is_empty(), "{}", set.stdout);
    assert!(place.run(&["plan", "a.fsched", "--diff", "b.txt"]).status(2).stderr.contains("cannot read `b.txt`"));
}

#[test]
fn a_memory_beside_saved_weights_is_evaluated_though_the_program_trains_nothing() {
    let settings = "data digits(train: 100)\nmodel mlp(hidden: [8])\n";
    let place = Place::with("a.fsched", format!("{settings}memory ema(decay: 0.9)\nconsolidate 5 steps\n"));
    fs::write(place.path("b.fsched"), format!("{settings}evaluate clean, clean(of: memory) on test\n")).unwrap();
    place.run(&["run", "a.fsched", "--quiet", "--out", "run"]).status(0);
    let found = place.run(&["eval", "run", "b.fsched"]).status(0).stdout;
    assert!(found.contains("test.clean(of: memory)"), "{found}");
    fs::remove_file(place.path("run/final_memory.safetensors")).unwrap();
    let told = place.run(&["eval", "run", "b.fsched"]).status(1).stderr;
    assert!(told.contains("FS0508"), "{told}");
}

#[test]
fn saved_weights_are_evaluated_as_they_were_in_the_run() {
    let place = Place::with("a.fsched", QUICK);
    let run = json(&place.run(&["run", "a.fsched", "--quiet", "--out", "run", "--format", "json"]).status(0).stdout);
    for weights in ["run", "run/final.safetensors", "run/checkpoints/end"] {
        let eval = json(&place.run(&["eval", weights, "a.fsched", "--format", "json"]).status(0).stdout);
        assert_eq!(eval["results"][0]["metric"], "test.clean");
        assert_eq!(eval["results"][0]["value"], run["results"][0]["value"]);
    }
    assert!(place.run(&["eval", "run", "a.fsched"]).status(0).stdout.contains("test.clean"));
    fs::write(place.path("b.fsched"), QUICK.replace("[16]", "[8]")).unwrap();
    let other = place.run(&["eval", "run", "b.fsched"]).status(3);
    assert!(other.stderr.contains("error[FS0306 weights-do-not-fit]"), "{}", other.stderr);
    // There is no history beside saved weights.
    fs::write(place.path("d.fsched"), QUICK.replace("clean on test", "clean, recovery(clean), savings(clean)"))
        .unwrap();
    let eval = json(&place.run(&["eval", "run", "d.fsched", "--format", "json"]).status(0).stdout);
    let metrics: Vec<&str> =
        eval["results"].as_array().unwrap().iter().map(|r| r["metric"].as_str().unwrap()).collect();
    assert_eq!(metrics, ["validation.clean"]);
    // A memory beside them is read with the same care as they are.
    let mut memory = fs::read(place.path("run/final.safetensors")).unwrap();
    memory.iter_mut().rev().take(4).for_each(|byte| *byte = 0xff);
    fs::write(place.path("run/final_memory.safetensors"), memory).unwrap();
    let broken = place.run(&["eval", "run", "a.fsched"]).status(3).stderr;
    assert!(broken.contains("final_memory.safetensors") && broken.contains("not finite"), "{broken}");
    fs::write(place.path("c.fsched"), "data digits\nmodel mlp(hidden: [16])\ntrain 1\n").unwrap();
    assert!(place.run(&["eval", "run", "c.fsched"]).status(2).stderr.contains("no `evaluate` statement"));
}

#[test]
fn folders_that_cannot_be_used_are_refused_untouched() {
    let place = Place::with("a.fsched", QUICK);
    fs::write(place.path("letter"), "dear").unwrap();
    fs::create_dir(place.path("mail")).unwrap();
    fs::write(place.path("mail/letter"), "dear").unwrap();
    let file = place.run(&["run", "a.fsched", "--out", "letter/run"]).status(3);
    assert!(file.stderr.contains("error[FS0701 bad-run-folder]: cannot use `letter/run`"), "{}", file.stderr);
    let full = place.run(&["run", "a.fsched", "--out", "mail"]).status(3);
    assert!(full.stderr.contains("not a run folder and not empty"), "{}", full.stderr);
    assert_eq!(fs::read_dir(place.path("mail")).unwrap().count(), 1);
    place.run(&["run", "a.fsched", "--quiet", "--out", "done"]).status(0);
    let other = place.run(&["run", "a.fsched", "--out", "done", "--set", "cycles=1"]).status(5);
    assert!(other.stderr.contains("another plan"), "{}", other.stderr);
}

#[test]
fn a_live_run_is_left_alone_and_a_killed_one_is_unfinished() {
    let place = Place::with("a.fsched", QUICK.replace("train 1\n", "train 100000\n"));
    let mut live = place
        .command(&["run", "a.fsched", "--out", "run"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    wait_for(&place.path("run/events.jsonl"));
    let refused = place.run(&["run", "a.fsched", "--out", "run"]);
    live.kill().unwrap();
    live.wait().unwrap();
    let refused = refused.status(5);
    assert!(refused.stderr.contains(&format!("is being written by process {}", live.id())), "{}", refused.stderr);
    let left = place.run(&["run", "a.fsched", "--out", "run"]).status(5);
    assert!(left.stderr.contains("unfinished") && left.stderr.contains("--fresh"), "{}", left.stderr);
    assert_eq!(json(&place.read("run/manifest.json"))["status"], "running");
}

fn wait_for(path: &Path) {
    let patience = Instant::now() + Duration::from_secs(60);
    while !path.exists() {
        assert!(Instant::now() < patience, "{} did not appear", path.display());
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn fresh_starts_beside_what_is_there() {
    let place = Place::with("a.fsched", QUICK);
    place.run(&["run", "a.fsched", "--quiet", "--out", "run"]).status(0);
    let fresh = place.run(&["run", "a.fsched", "--out", "run", "--fresh"]).status(0);
    assert!(fresh.stdout.contains("records in run-2"), "{}", fresh.stdout);
    assert_eq!(
        fs::read(place.path("run/final.safetensors")).unwrap(),
        fs::read(place.path("run-2/final.safetensors")).unwrap()
    );
}

#[test]
fn a_loss_that_is_not_finite_ends_the_run_with_its_line() {
    let program = "data digits\nmodel mlp(hidden: [16])\noptimizer sgd(lr: 1e30)\ntrain 3\n";
    let place = Place::with("a.fsched", program);
    let ran = place.run(&["run", "a.fsched", "--out", "run"]).status(3);
    assert!(
        ran.stderr.contains("error[FS0602 loss-not-finite]") && ran.stderr.contains("a.fsched:4:1"),
        "{}",
        ran.stderr
    );
    let manifest = json(&place.read("run/manifest.json"));
    assert_eq!(manifest["status"], "failed");
    assert!(manifest["reason"].as_str().is_some_and(|r| !r.is_empty()), "{manifest}");
    place.run(&["run", "a.fsched", "--out", "run"]).status(5);
}

#[test]
fn a_reader_that_closes_the_pipe_is_no_failure() {
    let place = Place::new();
    let mut child = place.command(&["explain"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let ran = Ran::of(child.wait_with_output().unwrap()).status(0);
    assert_eq!(ran.stderr, "");
}

#[test]
#[cfg(unix)]
fn an_interrupted_run_saves_a_checkpoint_and_says_so() {
    let place = Place::with("long.fsched", "data digits\nmodel mlp(hidden: [8])\nkeep every: 10 steps\ntrain 100000\n");
    for signal in ["-INT", "-TERM"] {
        let out = format!("out{signal}");
        let mut run = place.command(&["run", "long.fsched", "--out", &out, "--quiet"]).spawn().unwrap();
        wait_for(&place.path(&out).join("checkpoints"));
        let id = run.id().to_string();
        assert!(Command::new("kill").args([signal, &id]).status().unwrap().success());
        assert_eq!(run.wait().unwrap().code(), Some(130), "{signal}");
        let manifest = json(&place.read(&format!("{out}/manifest.json")));
        assert_eq!(manifest["status"], "stopped", "{signal}");
        let end = json(place.read(&format!("{out}/events.jsonl")).lines().last().unwrap());
        assert!(end["clock"].as_u64() > Some(0) && end["gradient_evaluations"] == end["clock"], "{end}");
        assert!(!place.path(&format!("{out}/lock")).exists(), "the folder is free again");
        let saved = fs::read_dir(place.path(&out).join("checkpoints")).unwrap();
        let whole = saved.filter(|e| e.as_ref().unwrap().path().join("weights.safetensors").exists()).count();
        assert!(whole > 0, "{signal}: no checkpoint was saved");
    }
}

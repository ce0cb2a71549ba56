//! Plans of programs as text, as JSON and by their hashes.

use fsched::diagnostic::Applicability;
use fsched::language::fix::fix;
use fsched::language::{Files, Options, analyze};
use fsched::plan::{Plan, Profile};
use serde_json::json;
use std::path::Path;
use std::sync::Arc;

/// One program, in memory.
struct Text(String);

impl Files for Text {
    fn read(&self, _: &Path) -> std::io::Result<Vec<u8>> {
        Ok(self.0.clone().into_bytes())
    }
}

fn plan(text: &str) -> Plan {
    plan_with(text, &[])
}

fn plan_with(text: &str, sets: &[(&str, &str)]) -> Plan {
    let sets = sets.iter().map(|(n, v)| (n.to_string(), v.to_string())).collect();
    let options = Options { sets, ..Options::default() };
    let analysis = analyze(Path::new("a.fsched"), &Text(text.into()), &options);
    let errors: Vec<&str> = analysis.diagnostics.iter().map(|d| d.message.as_str()).collect();
    let program = analysis.program.unwrap_or_else(|| panic!("{text}\n{errors:?}"));
    Plan::new(Arc::new(program), &analysis.sources)
}

const CYCLES: &str = "consolidate 40; forget layers[-2..] 0.3; relearn 10; repeat 5";

const MAIN_JOB: &str = include_str!("goldens/plan/main_job.fsched");

const EPISODES: &str = include_str!("goldens/plan/episodes.fsched");

/// Compares with `tests/goldens/plan/NAME.txt`; `FSCHED_BLESS=1` writes it instead.
fn golden(name: &str, found: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/goldens/plan").join(format!("{name}.txt"));
    if std::env::var_os("FSCHED_BLESS").is_some() {
        std::fs::write(&path, found).unwrap();
    }
    let expected = std::fs::read_to_string(&path).unwrap();
    assert_eq!(found, expected, "{} is out of date; look at it, then bless it with FSCHED_BLESS=1", path.display());
}

#[test]
fn the_listing_of_the_one_line_program() {
    golden("cycles", &plan(CYCLES).listing(None));
}

#[test]
fn the_listing_of_a_whole_job_with_an_estimate_of_time() {
    let profile = Profile { training: 4e9, attacks: 5e9, evaluation: 8e9 };
    golden("main_job", &plan(MAIN_JOB).listing(Some(&profile)));
}

#[test]
fn the_listing_of_loops_phases_and_choices() {
    golden("episodes", &plan(EPISODES).listing(None));
}

#[test]
fn the_listing_of_a_staged_roll_out() {
    golden("staged_rollout", &plan(include_str!("../examples/staged_rollout.fsched")).listing(None));
}

#[test]
fn listings_are_at_most_a_hundred_columns_wide() {
    for text in [CYCLES, MAIN_JOB, EPISODES] {
        for line in plan(text).listing(None).lines() {
            assert!(line.chars().count() <= 100, "{line}");
            assert_eq!(line, line.trim_end());
        }
    }
}

fn changes(old: &str, new: &str) -> Vec<String> {
    fsched::plan::diff(&plan(old).to_record(), &plan(new).to_record()).iter().map(ToString::to_string).collect()
}

#[test]
fn differences_name_the_step_the_argument_and_the_line() {
    let text = |share: &str, batch: &str| {
        format!("batch {batch}\nrepeat 5 {{\n  consolidate 40\n  forget layers[-2..] {share}\n  relearn 10\n}}\n")
    };
    assert_eq!(changes(&text("30%", "50"), &text("30%", "50")), [""; 0]);
    let found = changes(&text("30%", "50"), &text("50%", "50"));
    let expected = [
        "step 1.repeat.2 forget: forgotten 3,628 → 6,048 (line 4)",
        "step 1.repeat.2 forget: share 0.3 → 0.5 (line 4)",
    ];
    assert_eq!(found, expected);
    let found = changes(&text("30%", "50"), &text("30%", "100"));
    assert!(found.contains(&"steps 1.repeat.1, 1.repeat.3 train: batch 50 → 100".to_string()), "{found:?}");
    assert!(found.contains(&"totals.train_steps 10,000 → 5,000".to_string()), "{found:?}");
}

#[test]
fn differences_of_steps_that_came_and_went() {
    let found = changes("seed 1; train 1\ntrain 2\nevaluate clean\n", "train 1; checkpoint \"a\"\nevaluate clean\n");
    let steps: Vec<&String> = found.iter().filter(|c| !c.starts_with("totals")).collect();
    let expected = [
        "seed 1 → 0",
        "step 2 train: removed: train 2 (line 2)",
        "step 2 checkpoint: added: checkpoint \"a\" (line 1)",
    ];
    assert_eq!(steps, expected);
}

#[test]
fn another_component_is_one_difference() {
    let found = changes("optimizer sgd(lr: 0.1); train 1", "optimizer adam(lr: 0.1); train 1");
    assert!(found[0].starts_with("step 1 train: optimizer sgd("), "{found:?}");
    let found = changes("optimizer sgd(lr: 0.1); train 1", "optimizer sgd(lr: 0.2); train 1");
    assert_eq!(found, ["step 1 train: optimizer.lr 0.1 → 0.2 (line 1)"]);
}

/// Programs that do the same in other words.
#[test]
fn other_words_for_the_same_have_the_same_hash() {
    let hash = plan(CYCLES).hash;
    let same = [
        "repeat 5 { consolidate 40; forget layers[-2..] 30%; relearn 10 }",
        "# a comment\n\n  repeat   5 {\n consolidate 40 # forty\n forget layers[-2..] 3/10\n relearn 10\n}\n",
        "let n = 40; let part = layers[-2..]\nrepeat 5 { train n; forget part 0.3; train 10 }",
        "param n = 40; repeat 5 { consolidate n; forget layers[-2..] 30%; relearn 10 }",
        "phase cycle(n: Duration) { consolidate n; forget layers[-2..] 30%; relearn 10 }\nrepeat 5 { cycle(40) }",
        "repeat 5 { { consolidate 40 }; forget layers[2..4] 30%; { relearn 320 steps } }",
        "for i in 0..5 { consolidate 40; if 1 < 2 { forget layers[-2..] 30% } else { zap head }; relearn 10 }",
        "threads 2; repeat 5 { consolidate 40; forget layers[-2..] 30%; relearn 10 }",
        "augment flip; augment none; repeat 5 { consolidate 40; forget layers[-2..] 30%; relearn 10 }",
        "data fashion; repeat 5 { consolidate 40; forget layers[-2..] 30%, by: random, unit: weight; relearn 10 }",
    ];
    for text in same {
        assert_eq!(plan(text).hash, hash, "{text}");
    }
    assert_eq!(
        plan_with("param n = 1; consolidate n; forget layers[-2..] 0.3; relearn 10; repeat 5", &[("n", "40")]).hash,
        hash
    );
}

/// The steps above a `repeat` at the end of its block, and what is repeated written as its block.
#[test]
fn both_forms_of_repeat_have_the_same_schedules() {
    let forms = [
        ("train 1\nlr cosine\nrelearn 2\nrepeat 3\n", "repeat 3 {\n  train 1\n  lr cosine\n  relearn 2\n}\n"),
        (
            "lr warmup(10%)\ntrain 1\nlr cosine\nforget head 10%\nlr drop(at: [50%])\nrelearn 2\nrepeat 3\n",
            "lr warmup(10%)\nrepeat 3 {\n  train 1\n  lr cosine\n  forget head 10%\n  lr drop(at: [50%])\n  relearn 2\n}\n",
        ),
        (
            "train 1 with { lr cosine }\nrelearn 2\ntrain 3 with { lr cosine }\ntrain 1\nrepeat 3\n",
            "repeat 3 {\n  train 1 with { lr cosine }\n  relearn 2\n  train 3 with { lr cosine }\n  train 1\n}\n",
        ),
        (
            "train 4 { every 2 { train 1 } }\nlr cosine\nrelearn 2 { every 1 { train 1 } }\nrepeat 3\n",
            "repeat 3 {\n  train 4 { every 2 { train 1 } }\n  lr cosine\n  relearn 2 { every 1 { train 1 } }\n}\n",
        ),
        (
            "for i in 1..3 {\n  train i\n  lr cosine\n  relearn 2\n  repeat 3\n}\n",
            "for i in 1..3 {\n  repeat 3 {\n    train i\n    lr cosine\n    relearn 2\n  }\n}\n",
        ),
    ];
    for (trailing, block) in forms {
        let listing = |text: &str| {
            let listing = plan(text).listing(None);
            listing.lines().filter(|l| l.contains(" over ")).map(|l| l.trim().to_string()).collect::<Vec<_>>()
        };
        let over = |text: &str| listing(text).iter().filter_map(|l| Some(l.split_once("lr ")?.1.into())).collect();
        let spans: Vec<String> = over(trailing);
        assert!(!spans.is_empty() && spans.iter().all(|s| !s.ends_with("over 0 steps")), "{trailing}{spans:?}");
        assert_eq!(spans, over(block), "{trailing}");
        assert_eq!(plan(trailing).hash, plan(block).hash, "{trailing}");
        let fixed = fix(Path::new("a.fsched"), &Text(trailing.into()), &Options::default(), Applicability::Safe);
        assert_eq!(fixed.text, block);
    }
}

#[test]
fn a_schedule_of_one_step_has_the_time_of_that_step_alone() {
    let found = plan("train 1\ntrain 10 steps with { lr cosine }\nrelearn 2").listing(None);
    assert!(found.contains("lr cosine over 10 steps"), "{found}");
}

#[test]
fn training_within_an_every_is_of_a_schedules_time_and_within_a_when_is_not() {
    let text =
        "lr cosine\ntrain 10 steps {\n  every 5 steps { train 2 steps }\n  when clean > 90% { train 100 steps }\n}";
    let found = plan(text).listing(None);
    assert!(found.contains("lr cosine over 14 steps"), "{found}");
    let own = plan("train 10 steps with { lr cosine } { every 3 steps { train 1 step } }\ntrain 5").listing(None);
    assert!(own.contains("lr cosine over 13 steps"), "{own}");
    let loops = plan("lr cosine\nfor n in [1 step, 3 steps] { train n { every 1 step { train n } } }").listing(None);
    assert!(loops.contains("lr cosine over 14 steps"), "1 + 1 and 3 + 9: {loops}");
}

#[test]
fn totals_go_from_the_first_chance_to_stop_to_all_that_may_happen() {
    // 32 steps an epoch.
    for (text, steps) in [
        ("train 4 { every 2 { train 1 } }", json!(192)),
        ("train 5 { every 2 { train 1 } }", json!(224)),
        ("train 4 { when clean > 90% { train 1 } }", json!({ "min": 128, "max": 192 })),
        ("train 4 { when clean > 90% { stop } }", json!({ "min": 32, "max": 128 })),
        ("measure clean every: 5 steps\ntrain 4 { when clean > 90% { stop } }", json!({ "min": 5, "max": 128 })),
        ("train 4 { every 3 { if clean > 90% { stop } } }", json!({ "min": 96, "max": 128 })),
        ("train 4 { every 3 { train 1 { every 1 { stop } } } }", json!(160)),
        ("train 4 { when clean < 1% { guard clean > 2% else stop } }\ntrain 1", json!({ "min": 32, "max": 160 })),
        ("train 1 min { every 2 { train 1 } }", json!({ "min": 1, "max": null })),
        ("train 4 { every 1 min { train 1 } }", json!({ "min": 128, "max": 4224 })),
        ("repeat until clean > 90% max: 3 { train 1 }", json!({ "min": 32, "max": 96 })),
    ] {
        let totals = &plan(text).to_record()["trials"][0]["totals"];
        assert_eq!(totals["train_steps"], steps, "{text}");
    }
    let looks = |text: &str| plan(text).to_record()["trials"][0]["totals"]["evaluation_passes"].clone();
    let passes = looks("evaluate clean on test").as_u64().unwrap();
    assert_eq!(looks("train 4 { when clean > 90% { stop } }"), json!({ "min": passes, "max": 4 * passes }));
    assert_eq!(looks("measure clean\ntrain 4 { when clean > 90% { checkpoint \"a\" } }"), json!(4 * passes));
}

#[test]
fn what_conditions_and_times_decide_is_part_of_the_hash() {
    let hash = |text: &str| plan(&format!("checkpoint \"a\"\n{text}")).hash;
    let base = hash("train 8 { every 2 { forget head 10%; train 1 } }");
    let same = [
        "let n = 2\ntrain 8 epochs {\n  every n { forget head 10%; { train 1 } } # twice\n}",
        "consolidate 8 { every 64 steps { forget head 1/10; relearn 1 } }",
        "train 8 { every 2 { forget head 10%; train 1 } } # in sessions of an hour",
    ];
    same.iter().for_each(|text| assert_eq!(hash(text), base, "{text}"));
    let mut all: Vec<String> = [
        "train 8 { every 2 { forget head 10%; train 1 } }",
        "train 8",
        "train 8 { every 3 { forget head 10%; train 1 } }",
        "train 8 { every 2 { forget head 20%; train 1 } }",
        "train 8 { when clean > 50% { forget head 10%; train 1 } }",
        "train 8 { when clean > 60% { forget head 10%; train 1 } }",
        "train 8 { when clean > 60% { stop } }",
        "train 8\nguard clean > 50% else warn",
        "train 8\nguard clean > 50% else stop",
        "train 8\nguard clean > 50% else rollback \"a\"",
        "repeat 8 { train 1 }",
        "repeat until clean > 50% max: 8 { train 1 }",
        "repeat until clean > 50% max: 9 { train 1 }",
        "repeat until clean > 60% max: 8 { train 1 }",
    ]
    .map(|text| plan(&text.replace("train 8", "checkpoint \"a\"\ntrain 8")).hash)
    .into();
    let count = all.len();
    all.sort();
    all.dedup();
    assert_eq!(all.len(), count, "two of them have one hash");
}

#[test]
fn a_repeat_at_the_end_stays_where_something_above_it_may_stand_in_no_block() {
    let text = "train 1\nphase more { train 1 }\nmore()\nrepeat 3\n";
    let fixed = fix(Path::new("a.fsched"), &Text(text.into()), &Options::default(), Applicability::Unsafe);
    assert_eq!(fixed.text, text);
}

#[test]
fn other_programs_have_other_hashes() {
    let hash = plan(CYCLES).hash;
    let different = [
        "seed 1; consolidate 40; forget layers[-2..] 0.3; relearn 10; repeat 5",
        "consolidate 40; forget layers[-2..] 0.3; relearn 10; repeat 6",
        "consolidate 41; forget layers[-2..] 0.3; relearn 10; repeat 5",
        "consolidate 40; forget layers[-2..] 0.31; relearn 10; repeat 5",
        "consolidate 40; forget layers[-1] 0.3; relearn 10; repeat 5",
        "consolidate 40; relearn 10; repeat 5",
        "model convnet(width: 16); consolidate 40; forget layers[-2..] 0.3; relearn 10; repeat 5",
        "data digits; model mlp; consolidate 40; forget layers[-2..] 0.3; relearn 10; repeat 5",
        "data fashion(validation: 10%); consolidate 40; forget layers[-2..] 0.3; relearn 10; repeat 5",
        "freeze norms; consolidate 40; forget layers[-2..] 0.3; relearn 10; repeat 5",
    ];
    for text in different {
        assert_ne!(plan(text).hash, hash, "{text}");
    }
}

#[test]
fn what_merged_weights_are_rounded_to_is_told_where_they_are() {
    let merged =
        |how: &str| plan(&format!("model mlp(hidden: [8]); adapt lora; train 1; merge adapters{how}; train 1"));
    let [plain, same, half, brain] = ["", " dtype: float32", " dtype: float16", " dtype: bfloat16"].map(merged);
    assert_eq!(plain.hash, same.hash);
    assert!(plain.hash != half.hash && half.hash != brain.hash);
    // As runs from before there was a choice have recorded it.
    let step = |plan: &Plan| plan.to_json(None)["trials"][0]["steps"][1].clone();
    assert_eq!((&step(&same)["kind"], step(&same).get("dtype")), (&json!("merge"), None));
    assert_eq!(step(&half)["dtype"], "float16");
    assert!(half.listing(None).contains("merge adapters dtype: float16"), "{}", half.listing(None));
}

#[test]
fn the_one_line_program_as_json() {
    let json = plan(CYCLES).to_json(None);
    let trial = &json["trials"][0];
    assert_eq!((&trial["totals"]["epochs"], &trial["totals"]["forget_events"]), (&250.into(), &5.into()));
    assert_eq!(trial["totals"]["train_steps"], 250 * 32);
    let forget = &trial["steps"][0]["body"][1];
    let tensors = serde_json::json!([
        { "name": "encoder.block3.conv.weight", "shape": [32, 32, 3, 3], "selected": 9216, "forgotten": 2764 },
        { "name": "classifier.weight", "shape": [10, 288], "selected": 2880, "forgotten": 864 },
    ]);
    assert_eq!(forget["tensors"], tensors);
    assert_eq!((&forget["line"], &forget["text"]), (&1.into(), &"forget layers[-2..] 0.3".into()));
}

#[test]
fn long_loops_are_counted_at_once() {
    // A thousand times as many turns would not come to an end if they were unrolled.
    let many = plan(
        "data digits; model mlp; for c in 0..9000 { zap head[3]; train 20 steps }\nrepeat 1_000_000_000 { train 1 step }",
    );
    assert_eq!(many.totals.train_steps.exact(), Some(9000 * 20 + 1_000_000_000));
    assert_eq!(many.totals.forget_events.exact(), Some(9000));
}

const TASKS: &str = "let shop = digits(validation: 20%)\nlet tasks = split(shop, by: class, size: 4)\n\
                     data shop\nmodel mlp(hidden: [8])\nbatch 128\nmeasure clean every: 1 epoch\ntrain 2\n\
                     checkpoint \"a\"\ncheckpoint \"b\"\n";

#[test]
fn tasks_checkpoints_and_plateaus_are_part_of_the_plan_and_names_for_them_are_not() {
    let of = |statement: &str| plan(&format!("{TASKS}{statement}")).hash;
    let retained = of("evaluate retention(tasks[0])");
    assert_eq!(of("let old = tasks[0]; evaluate retention([old])"), retained);
    assert_eq!(
        of("let old = split(digits(validation: 20%), by: class, size: 4); evaluate retention(old[0])"),
        retained
    );
    let others = [
        "evaluate retention(tasks[1])",
        "evaluate retention(tasks)",
        "evaluate retention(tasks[0], since: \"a\")",
        "evaluate retention(tasks[0], since: \"b\")",
        "evaluate retention(tasks[0]) on test",
        "evaluate clean",
    ];
    let mut hashes: Vec<String> = others.map(of).into();
    hashes.push(retained);
    hashes.sort();
    hashes.dedup();
    assert_eq!(hashes.len(), 7);
    // 1,038 images are 9 batches.
    let plateau = of("expect plateau(clean, 2)");
    assert_eq!(of("let d = 18 steps; let stuck = plateau(validation.clean, d); expect stuck"), plateau);
    for other in ["expect plateau(clean, 3)", "expect not plateau(clean, 2)", "expect clean > 0%"] {
        assert_ne!(of(other), plateau, "{other}");
    }
}

#[test]
fn tasks_are_shown_by_their_classes_and_cost_their_share_of_a_pass() {
    let plan = plan(&format!(
        "{TASKS}measure retention(tasks[0]), gap(retention(tasks[0])) every: 1 epoch\ntrain 2\n\
         for t in tasks {{ evaluate retention(t, since: \"b\") on test }}\n\
         if plateau(clean, 2) or plateau(clean, 20 steps) {{ train 1 }}"
    ));
    let text = plan.listing(None);
    for shown in [
        "measure retention(classes 0..=3), gap(retention(classes 0..=3)) (on validation",
        "evaluate retention(t, since: \"b\") on test",
        "if plateau(clean, 2) or plateau(clean, 20 steps)",
    ] {
        assert!(text.contains(shown), "{shown}\n{text}");
    }
    let json = plan.to_record();
    let steps = &json["trials"][0]["steps"];
    let metric = &steps[3]["measure"][1]["metrics"][0]["metric"];
    assert_eq!((&metric["name"], &metric["since"]), (&"retention".into(), &serde_json::Value::Null), "{steps}");
    assert_eq!(metric["tasks"][0]["classes"], serde_json::json!([0, 1, 2, 3]));
    assert_eq!(metric["tasks"][0]["data"]["name"], "digits");
    // 259 images of validation are two batches: 4 epochs, 5 with the arm. 4 tenths of them are one batch, which is asked
    // of two networks: after 2 epochs, 3 with the arm. So is each task of the test data.
    assert_eq!(
        json["trials"][0]["totals"]["evaluation_passes"],
        serde_json::json!({ "min": 4 * 2 + 2 * 2 + 3 * 2, "max": 5 * 2 + 3 * 2 + 3 * 2 })
    );
}

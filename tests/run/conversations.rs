//! Language models in programs: conversations are learned task by task, answered and compared.

use crate::support::*;
use candle_core::{Device, Tensor};
use fsched::nn::network::Network;
use fsched::nn::weights;
use fsched::runtime::event::Kind;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

const TINY: &str = "model tiny_llava(width: 32, layers: 1, heads: 2, vocabulary: 300)\n\
    let tasks = quiz(order: [option, yes_no, count], train: 48, test: 8)\ndata quiz(order: [option, yes_no, count], train: 48, test: 8)\n\
    batch 16\noptimizer adamw(lr: 3e-3)\n";

fn tiny(statements: &str) -> Outcome {
    run_program(&program(&format!("{TINY}{statements}")))
}

/// Parts of the last measurement of `split.metric`.
fn parts(outcome: &Outcome, name: &str) -> Vec<(String, f64)> {
    let of = |kind: &Kind| match kind {
        Kind::Measure { split, metric, detail, .. } if format!("{}.{metric}", split.name()) == name => {
            Some(detail.parts.iter().map(|part| (part.name.clone(), part.value)).collect())
        }
        _ => None,
    };
    outcome.events.iter().filter_map(|event| of(&event.kind)).next_back().unwrap_or_default()
}

fn close(a: &Outcome, b: &Outcome, most: f32) {
    let (a, b) = (a.numbers("final.safetensors"), b.numbers("final.safetensors"));
    assert!(a.keys().eq(b.keys()));
    for (name, numbers) in &a {
        let off = numbers.iter().zip(&b[name]).fold(0f32, |m, (x, y)| m.max((x - y).abs()));
        assert!(off < most, "{name}: {off}");
    }
}

#[test]
fn learning_lowers_the_loss_and_the_same_run_gives_the_same_bytes() {
    let text = format!("{TINY}evaluate loss on test\ntrain 6\nevaluate loss on test\nevaluate truth_alignment");
    let [one, two] = [1, 3].map(|threads| run_with(&program(&text), threads, |_| {}));
    let losses: Vec<f64> = one.measured("test.loss").iter().map(|m| m.1).collect();
    assert!(losses[1] < losses[0] / 2.0, "{losses:?}");
    assert_eq!(one.weights("final.safetensors"), two.weights("final.safetensors"));
    assert_eq!(one.measured("test.truth_alignment"), two.measured("test.truth_alignment"));
    let names: Vec<String> = parts(&one, "test.truth_alignment").into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["option", "yes_no", "count"]);
}

#[test]
fn batches_that_are_accumulated_are_one_large_batch() {
    let train = "optimizer sgd(lr: 0.1)\ntrain 4 steps";
    close(&tiny(&format!("batch 16\n{train}")), &tiny(&format!("batch 4; accumulate 4\n{train}")), 1e-5);
}

#[test]
fn a_task_is_learned_from_its_own_conversations_alone() {
    // Three tasks of 48: an epoch of one has as many steps as its share of all.
    let outcome = tiny("learn tasks[1] 1\nlearn tasks[0] + tasks[2] 1\ntrain 1");
    assert_eq!(outcome.summary().steps, 3 + 6 + 9);
    let outcome = tiny("for task in tasks { learn task 2 }");
    assert_eq!(outcome.summary().steps, 18);
    // The other tasks' conversations change nothing.
    let of = |order: &str| {
        run_program(&program(&format!(
            "{}data quiz(order: {order}, train: 48, test: 8)\nlearn quiz(order: {order}, train: 48, test: 8)[0] 1",
            TINY.split("data").next().unwrap()
        )))
    };
    assert_eq!(of("[yes_no, count]").weights("final.safetensors"), of("[yes_no]").weights("final.safetensors"));
}

#[test]
fn tasks_count_as_seen_once_they_have_been_learned() {
    let outcome = tiny("for task in tasks { learn task 1; evaluate truth_alignment(max_tokens: 4) on seen(tasks) }");
    let counts: Vec<usize> = outcome
        .events
        .iter()
        .filter_map(|event| match &event.kind {
            Kind::Measure { n, .. } => Some(*n),
            _ => None,
        })
        .collect();
    assert_eq!(counts, [8, 16, 24]);
}

#[test]
fn what_was_known_and_is_lost_is_forgotten() {
    let outcome = tiny(
        "learn tasks[1] 30\nevaluate truth_alignment(max_tokens: 4) on tasks[1]\nevaluate forgotten(max_tokens: 4) on tasks[1]\n\
         learn tasks[0] 30\nevaluate truth_alignment(max_tokens: 4) on tasks[1]\nevaluate forgotten(max_tokens: 4) on tasks[1]",
    );
    let of = |metric: &str| -> Vec<f64> {
        let value = |kind: &Kind| match kind {
            Kind::Measure { metric: name, value, .. } if name.starts_with(metric) => Some(*value),
            _ => None,
        };
        outcome.events.iter().filter_map(|event| value(&event.kind)).collect()
    };
    let (right, lost) = (of("truth_alignment"), of("forgotten"));
    assert!(right[0] >= 0.5, "two answers are half right by chance: {right:?}");
    assert_eq!(lost[0], 0.0);
    assert!(right[1] < right[0] && lost[1] > 0.0, "letters are no yes or no: {right:?} {lost:?}");
}

#[test]
fn replay_protection_and_rewriting_change_what_is_learned() {
    let with = |setting: &str, step: &str| {
        tiny(&format!("adapt lora(rank: 2)\n{setting}\nlearn tasks[1] 1\n{step}\nlearn tasks[0] 1"))
            .weights("final.safetensors")
    };
    let all = [
        with("", ""),
        with("replay 50% keep: 8", ""),
        with("diversify 50%", ""),
        with("", "protect adapters top: 10%, weight: 100"),
        with("", "protect adapters by: orthogonal, weight: 5"),
        with("", "protect adapters by: fisher, tasks: tasks[1], weight: 1e6"),
        with("", "merge adapters"),
    ];
    for (i, one) in all.iter().enumerate() {
        assert!(all[..i].iter().all(|other| other != one), "{i}");
    }
}

#[test]
fn a_teacher_keeps_a_student_near() {
    let far = |recall: &str| {
        let outcome = tiny(&format!("learn tasks[1] 4\ncheckpoint \"then\"\n{recall}\nlearn tasks[0] 4"));
        let (then, now) =
            (outcome.numbers("checkpoints/then/weights.safetensors"), outcome.numbers("final.safetensors"));
        then.iter().flat_map(|(name, x)| x.iter().zip(&now[name])).map(|(x, y)| (x - y).powi(2)).sum::<f32>()
    };
    let (free, held) = (far(""), far("recall kl(weight: 100, teacher: \"then\", on: clean, during: all)"));
    assert!(held < free, "{held} {free}");
}

#[test]
fn dropout_is_drawn_from_the_seed_and_the_clock() {
    let with = |dropout: &str| {
        tiny(&format!("adapt lora(rank: 2, dropout: {dropout})\ntrain 3 steps")).weights("final.safetensors")
    };
    assert_eq!(with("20%"), with("20%"));
    assert_ne!(with("20%"), with("0%"));
}

#[test]
fn exports_are_what_others_read() {
    let outcome =
        tiny("adapt lora(rank: 2, on: language)\ntrain 1 step\nexport adapters to: \"a\"\nexport weights to: \"w\"");
    assert_eq!(outcome.names("exports/a"), ["adapter_config.json", "adapter_model.safetensors"]);
    let adapters: BTreeSet<String> = outcome.weights("exports/a/adapter_model.safetensors").into_keys().collect();
    assert!(
        adapters.iter().all(|name| name.starts_with("base_model.model.") && name.contains(".lora_")),
        "{adapters:?}"
    );
    assert_eq!(outcome.weights("exports/w.safetensors"), outcome.weights("final.safetensors"));
}

#[test]
fn conversations_that_have_no_room_are_named_together() {
    let outcome = tiny("max_length 20\ntrain 1");
    let error = outcome.error();
    assert!(error.message.starts_with("144 conversations cannot be learned"), "{}", error.message);
    assert!(
        error.message.contains("quiz/option/train/0000") && error.message.contains("and 124 more"),
        "{}",
        error.message
    );
}

#[test]
fn the_best_is_measured_with_its_own_weights() {
    let outcome = tiny(
        "keep best: test.loss\ntrain 3\ntrain 1 with { optimizer sgd(lr: 3) }\nevaluate loss, truth_alignment(max_tokens: 4) at: [best, last] on test",
    );
    let losses: Vec<f64> = outcome.measured("test.loss").iter().map(|m| m.1).collect();
    let [followed @ .., best, last] = losses.as_slice() else { panic!("{losses:?}") };
    let least = followed.iter().copied().fold(f64::INFINITY, f64::min);
    assert!(*best == least && *last == followed[followed.len() - 1] && last > best, "{losses:?}");
}

#[test]
fn conversations_without_pictures_are_learned_by_a_model_that_sees() {
    let folder = tempfile::tempdir().unwrap();
    let line = |q: &str, a: &str| {
        format!(
            "{{\"messages\": [{{\"role\": \"user\", \"content\": \"{q}\"}}, {{\"role\": \"assistant\", \"content\": \"{a}\"}}]}}\n"
        )
    };
    std::fs::write(folder.path().join("a.jsonl"), [line("2 + 2?", "4"), line("3 + 3?", "6")].concat()).unwrap();
    let text = "data instructions(\"a.jsonl\", test: \"a.jsonl\")\nmodel tiny_llava(width: 16, layers: 1, heads: 2, vocabulary: 270)\n\
                batch 2; optimizer adamw(lr: 1e-2)\nevaluate loss on test\ntrain 20\nevaluate loss on test\nevaluate truth_alignment on train";
    let outcome = run_with(&program_in(folder.path(), text), 1, |world| world.places.program = folder.path().into());
    let losses: Vec<f64> = outcome.measured("test.loss").iter().map(|m| m.1).collect();
    assert!(losses[1] < losses[0] / 2.0, "{losses:?}");
    let right = outcome.measured("train.truth_alignment")[0].1;
    assert!(right.is_sign_positive(), "{right}");
}

#[test]
fn a_decoder_learns_to_see_through_a_projector() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let decoder = r#"{ "model_type": "llama", "hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 2, "vocab_size": 512,
        "num_attention_heads": 4, "num_key_value_heads": 2, "max_position_embeddings": 256, "tie_word_embeddings": true }"#;
    let tower = r#"{ "model_type": "clip_vision_model", "hidden_size": 24, "intermediate_size": 32, "num_hidden_layers": 3,
        "num_attention_heads": 2, "image_size": 32, "patch_size": 16 }"#;
    let tokenizer = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/goldens/text/bytes");
    std::fs::create_dir(at("decoder")).unwrap();
    for file in std::fs::read_dir(tokenizer).unwrap().map(Result::unwrap) {
        std::fs::copy(file.path(), at("decoder").join(file.file_name())).unwrap();
    }
    std::fs::write(at("decoder/config.json"), decoder).unwrap();
    std::fs::create_dir(at("clip")).unwrap();
    std::fs::write(at("clip/config.json"), tower).unwrap();
    let run = |text: &str| {
        let head = "data quiz(order: [option, count], train: 16, test: 4)\nmodel vlm(\"decoder\", vision: clip(\"clip\"))\n\
                    batch 8; optimizer adamw(lr: 1e-2)\n";
        let program = program_in(folder.path(), &format!("{head}{text}"));
        run_with(&program, 1, |world| world.places.program = folder.path().into())
    };
    let error = run("train 1 step").error().clone();
    assert!(error.message.contains("decoder is not a folder file of weights"), "{}", error.message);
    let drawn = Network::new(
        program_in(folder.path(), "model vlm(\"decoder\", vision: clip(\"clip\")); data quiz; train 1")
            .model
            .architecture
            .clone(),
        7,
        &Device::Cpu,
    );
    let all = drawn.unwrap().state_dict().unwrap();
    let of = |prefix: &str| -> BTreeMap<String, Tensor> {
        all.iter().filter_map(|(name, t)| Some((name.strip_prefix(prefix)?.to_string(), t.clone()))).collect()
    };
    weights::write(&of("language_model."), &at("decoder/model.safetensors")).unwrap();
    weights::write(&of("vision_tower."), &at("clip/model.safetensors")).unwrap();

    let outcome = run("train_only projector\nevaluate loss on train\ntrain 10\nevaluate loss on train\n\
                       export weights to: \"projector\" on: projector");
    let losses: Vec<f64> = outcome.measured("train.loss").iter().map(|m| m.1).collect();
    assert!(losses[1] < losses[0], "{losses:?}");
    weights::write(&all, &outcome.path("all.safetensors")).unwrap();
    let (before, after) = (outcome.weights("all.safetensors"), outcome.weights("final.safetensors"));
    assert!(before.keys().eq(after.keys()));
    for (name, numbers) in &after {
        assert_eq!(*numbers != before[name], name.starts_with("multi_modal_projector."), "{name}");
    }
    let projector = outcome.weights("exports/projector.safetensors");
    assert_eq!(projector.len(), 4);
    assert!(projector.iter().all(|(name, numbers)| after[name] == *numbers));

    // Put before another model, it is all that is read; of a file with more, too.
    std::fs::copy(outcome.path("exports/projector.safetensors"), at("projector.safetensors")).unwrap();
    std::fs::copy(outcome.path("all.safetensors"), at("all.safetensors")).unwrap();
    for (file, expected) in [("projector", &after), ("all", &before)] {
        let outcome = run(&format!("weights \"{file}.safetensors\" on: projector"));
        let found = outcome.weights("final.safetensors");
        for (name, numbers) in &found {
            assert_eq!(numbers, &expected[name], "{name}");
        }
    }
}

#[test]
fn blocks_that_are_computed_again_give_the_same_weights() {
    for trained in ["", "adapt lora(rank: 4, dropout: 10%, on: language)\n", "train_only language - embeddings\n"] {
        let [kept, again] =
            ["nothing", "blocks"].map(|what| tiny(&format!("recompute {what}\n{trained}train 4 steps")));
        assert_eq!((kept.summary().steps, again.summary().steps), (4, 4), "{trained}");
        assert_eq!(kept.weights("final.safetensors"), again.weights("final.safetensors"), "{trained}");
    }
}

use super::super::golden::{golden, numbers, pieces_with, tokenizer};
use super::super::item::{Picture, Turn};
use super::*;
use serde_json::Value;
use std::path::PathBuf;

const ROOM: Room = Room { max_length: 2048, picture: 4 };

fn items(golden: &Value) -> Vec<Item> {
    let turn = |turn: &Value| {
        let text = |i: usize| turn[i].as_str().unwrap().to_string();
        Turn { question: text(0), answer: text(1) }
    };
    let item = |(i, item): (usize, &Value)| Item {
        id: i.to_string(),
        picture: item["picture"].as_bool().unwrap().then(|| Picture::File(PathBuf::new())),
        turns: item["turns"].as_array().unwrap().iter().map(turn).collect(),
        expected: None,
        origin: None,
    };
    golden["items"].as_array().unwrap().iter().enumerate().map(item).collect()
}

fn asked(question: &str, answer: &str) -> Item {
    let turns = vec![Turn { question: question.into(), answer: answer.into() }];
    Item { id: "x".into(), picture: Some(Picture::File(PathBuf::new())), turns, expected: None, origin: None }
}

/// LLaVA finds the answers by the lengths of their tokens, we by where they stand; transformers' templates and tokenizers make
/// the others.
#[test]
fn targets_are_those_of_llava_and_transformers() {
    let golden = golden();
    let (legacy, bytes) = (tokenizer("pieces"), tokenizer("bytes"));
    let fast = tokenizer("fast");
    let modern = pieces_with(r#"{"legacy": false}"#).unwrap();
    let mut compared = 0;
    for (name, tokenizer, template) in [
        ("vicuna", &legacy, Template::VicunaV1),
        ("vicuna_modern", &modern, Template::VicunaV1),
        ("vicuna_fast", &fast, Template::VicunaV1),
        ("chatml", &bytes, Template::Chatml),
    ] {
        let writer = Writer::new(tokenizer, template, ROOM).unwrap();
        for (item, expected) in items(&golden).iter().zip(golden[name].as_array().unwrap()) {
            let sequence = writer.training(item).unwrap();
            assert_eq!(sequence.ids, numbers(&expected["ids"]), "{name} {item:?}");
            assert_eq!(sequence.image_at, expected["image_at"].as_u64().map(|at| at as usize), "{name} {item:?}");
            // Where lengths do not add up, LLaVA leaves the whole conversation out, with a warning.
            if expected["sound"].as_bool().unwrap() {
                assert_eq!(sequence.targets, numbers(&expected["targets"]), "{name} {item:?}");
                compared += 1;
            }
        }
    }
    assert!(compared >= 12, "{compared}");
}

/// What is learned are the answers and what ends them, and the prompt is what comes before the last one.
#[test]
fn prompts_lead_to_the_answers() {
    let golden = golden();
    for (name, template) in [
        ("pieces", Template::VicunaV1),
        ("bytes", Template::Chatml),
        ("bytes", Template::Plain),
        ("pieces", Template::Plain),
    ] {
        let tokenizer = tokenizer(name);
        let writer = Writer::new(&tokenizer, template, ROOM).unwrap();
        for item in items(&golden) {
            let (all, prompt) = (writer.training(&item).unwrap(), writer.prompt(&item).unwrap());
            assert_eq!(all.ids[..prompt.ids.len()], prompt.ids, "{name} {template:?} {item:?}");
            assert_eq!(all.image_at, prompt.image_at);
            let rest = &all.targets[prompt.ids.len()..];
            let learned: Vec<u32> = rest.iter().copied().filter(|t| *t != IGNORED).collect();
            assert_eq!(learned[..], all.ids[prompt.ids.len()..][..learned.len()]);
            assert_eq!(learned.last(), Some(&writer.stop()));
            let ends = all.targets.iter().filter(|t| **t == writer.stop()).count();
            assert_eq!(ends, item.turns.len(), "each answer's end is learned");
            let answer = tokenizer.decode(&learned);
            assert_eq!(answer.trim(), item.turns.last().unwrap().answer.trim(), "{name} {template:?}");
        }
    }
}

#[test]
fn rows_are_cut_with_the_picture_counted() {
    let tokenizer = tokenizer("bytes");
    let writer = |max_length, picture| Writer::new(&tokenizer, Template::Plain, Room { max_length, picture }).unwrap();
    let item = asked("ab", "cdefghij");
    let all = writer(100, 4).training(&item).unwrap();
    let whole = all.length(4);
    assert_eq!((whole, all.image_at), (all.ids.len() + 4, Some(0)));
    let cut = writer(whole - 3, 4).training(&item).unwrap();
    assert_eq!((cut.length(4), &cut.ids[..]), (whole - 3, &all.ids[..all.ids.len() - 3]));
    let error = |max_length, picture| writer(max_length, picture).training(&item).unwrap_err();
    assert_eq!(error(7, 4), "`x`: none of its answers has room in 7 places");
    assert_eq!(error(7, 8), "`x`: its picture takes 8 of 7 places, behind 0");
    let prompt = writer(7, 4).prompt(&item).unwrap_err();
    assert!(prompt.starts_with("`x` takes 8 places; there are 7"), "{prompt}");
}

#[test]
fn a_template_needs_its_end() {
    let tokenizer = tokenizer("pieces");
    let error = Writer::new(&tokenizer, Template::Chatml, ROOM).unwrap_err();
    let expected = "the template `chatml` ends answers with `<|im_end|>`, which is no token of this tokenizer";
    assert_eq!(error, expected);
    for (name, template) in Template::ALL {
        assert_eq!((Template::named(name), template.name()), (Some(template), name));
    }
    assert_eq!(Template::named("vicuna"), None);
}

#[test]
fn batches_are_filled_up_on_one_side_and_pictures_expanded() {
    let with = Sequence { ids: vec![1, 2, 3], targets: vec![IGNORED, IGNORED, 3], image_at: Some(1) };
    let without = Sequence { ids: vec![4, 5], targets: vec![IGNORED, 5], image_at: None };
    let sequences = [with, without];
    let right = Batch::new(&sequences, 2, 0, Side::Right);
    assert_eq!((right.rows, right.width), (2, 5));
    assert_eq!(right.ids, [1, 0, 0, 2, 3, 4, 5, 0, 0, 0]);
    let no = IGNORED;
    assert_eq!(right.targets, [no, no, no, no, 3, no, 5, no, no, no]);
    assert_eq!((&right.starts[..], &right.lengths[..], &right.pictures[..]), (&[0, 0][..], &[5, 2][..], &[(0, 1)][..]));
    assert_eq!(right.positions(), [0, 1, 2, 3, 4, 0, 1, 0, 0, 0]);
    let left = Batch::new(&sequences, 2, 0, Side::Left);
    assert_eq!(left.ids, [1, 0, 0, 2, 3, 0, 0, 0, 4, 5]);
    assert_eq!((&left.starts[..], &left.pictures[..]), (&[0, 3][..], &[(0, 1)][..]));
    assert_eq!(left.positions(), [0, 1, 2, 3, 4, 0, 0, 0, 0, 1]);
    let none = Batch::new(&[], 2, 0, Side::Left);
    assert_eq!((none.rows, none.width, none.ids.len()), (0, 0, 0));
    // A picture behind all that is asked.
    let last = Sequence { ids: vec![7], targets: vec![no], image_at: Some(1) };
    assert_eq!(Batch::new(&[last], 2, 0, Side::Left).ids, [7, 0, 0]);
}

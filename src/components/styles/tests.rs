//! What a user sees of diversification: shares, forms, replies, messages.

use super::*;
use crate::text::item::{Expected, Picture, Turn};
use serde_json::json;
use std::path::{Path, PathBuf};

fn turn(question: &str, answer: &str) -> Turn {
    Turn { question: question.to_string(), answer: answer.to_string() }
}

fn item(id: usize, turns: Vec<Turn>) -> Item {
    let picture = Some(Picture::File(PathBuf::from(format!("images/{id}.png"))));
    Item { id: format!("i{id}"), picture, turns, expected: None, origin: None }
}

/// Short answers of five animals.
fn animals(count: usize) -> Vec<Item> {
    let names = ["dog", "cat", "cow", "hen", "fox"];
    (0..count).map(|id| item(id, vec![turn("Which animal is it?", names[id % 5])])).collect()
}

fn settings(share: f64, over: &[Style]) -> Settings {
    Settings { share, over: over.to_vec(), ..Settings::default() }
}

fn done(items: Vec<Item>, settings: &Settings) -> Diversified {
    diversify(items, settings, &Replies::default()).unwrap()
}

fn rewritten(done: &Diversified) -> Vec<&Item> {
    done.items.iter().filter(|item| item.origin.is_some()).collect()
}

#[test]
fn the_share_is_exact_and_even() {
    for (count, share, expected) in [
        (100, 0.2, [5, 5, 5, 5]),
        (100, 0.1, [3, 3, 2, 2]),
        (37, 0.2, [2, 2, 2, 1]),
        (100, 0.0, [0; 4]),
        (100, 1.0, [25; 4]),
    ] {
        let done = done(animals(count), &settings(share, &Style::ALL));
        assert_eq!(done.native, Style::Short);
        let counts: Vec<usize> = done.rewritten.iter().map(|(_, count)| *count).collect();
        assert_eq!(counts, expected);
        let of = |style| rewritten(&done).iter().filter(|i| i.origin.as_ref().unwrap().style == style).count();
        assert!(done.rewritten.iter().all(|(style, count)| of(*style) == *count));
        assert_eq!(rewritten(&done).len(), expected.iter().sum::<usize>());
    }
}

#[test]
fn what_is_not_rewritten_stays_as_it_was() {
    let before = animals(50);
    let done = done(before.clone(), &settings(0.4, &Style::ALL));
    for (item, before) in done.items.iter().zip(&before) {
        match &item.origin {
            None => assert_eq!(item, before),
            Some(origin) => {
                assert_eq!((&origin.source, origin.seed, &item.picture), (&before.id, 0, &before.picture));
                assert_eq!(item.id, format!("{}:{}", before.id, origin.style.word()));
            }
        }
    }
}

#[test]
fn a_larger_share_rewrites_other_items_by_the_same_ranks() {
    // With one style the items of a smaller share are among those of a larger one.
    let ids = |share| {
        let done = done(animals(60), &settings(share, &[Style::Brief]));
        rewritten(&done).iter().map(|item| item.id.clone()).collect::<Vec<_>>()
    };
    let (few, many) = (ids(0.2), ids(0.5));
    assert!(few.len() == 12 && many.len() == 30 && few.iter().all(|id| many.contains(id)));
}

#[test]
fn statements_are_right_about_half_the_time() {
    let done = done(animals(400), &settings(1.0, &[Style::YesNo]));
    let mut yes = 0;
    for (item, before) in done.items.iter().zip(animals(400)) {
        let truth = &before.turns[0].answer;
        let Turn { question, answer } = &item.turns[0];
        let names_truth = question.contains(&format!("Is this the right answer: {truth}?"));
        assert_eq!(names_truth, answer == "Yes", "{question:?} {answer:?}");
        assert!(question.starts_with("Which animal is it?\n") && question.ends_with("?\nAnswer with Yes or No."));
        yes += usize::from(answer == "Yes");
    }
    // Five standard deviations.
    assert!((150..=250).contains(&yes), "{yes}");
}

#[test]
fn options_hold_the_truth_and_three_other_answers() {
    let done = done(animals(100), &settings(1.0, &[Style::MultipleChoice]));
    let mut places = [0; 4];
    for (item, before) in done.items.iter().zip(animals(100)) {
        let options = options::of(&item.turns[0].question);
        let place = (item.turns[0].answer.as_bytes()[0] - b'A') as usize;
        assert_eq!((options.len(), &options[place]), (4, &before.turns[0].answer));
        let different: std::collections::BTreeSet<&String> = options.iter().collect();
        assert_eq!(different.len(), 4);
        places[place] += 1;
    }
    assert!(places.iter().all(|count| (7..=43).contains(count)), "{places:?}");
}

#[test]
fn wrong_answers_are_of_the_same_kind() {
    let answers = ["1", "2", "3", "4", "red", "blue", "green", "[0.10,0.10,0.20,0.20]", "[0.50,0.50,0.90,0.90]"];
    let items: Vec<Item> = (0..45).map(|id| item(id, vec![turn("What?", answers[id % 9])])).collect();
    let done = done(items.clone(), &settings(1.0, &[Style::MultipleChoice]));
    for (item, before) in done.items.iter().zip(&items) {
        let kind = native::kind_of(&before.turns[0].answer);
        let options = options::of(&item.turns[0].question);
        assert!(options.iter().all(|option| native::kind_of(option) == kind), "{options:?}");
        let count = match kind {
            Kind::Number => 4,
            Kind::Text => 3,
            _ => 2,
        };
        assert_eq!(options.len(), count, "{options:?}");
    }
}

#[test]
fn answers_that_people_gave_are_no_wrong_answers() {
    let mut items = animals(50);
    for item in &mut items {
        item.expected = Some(Expected::People(["cat", "Dog", "cow."].map(String::from).to_vec()));
    }
    items[4].turns[0].answer = "owl".to_string();
    items[4].expected = None;
    let done = done(items, &settings(1.0, &[Style::MultipleChoice]));
    for item in done.items.iter().filter(|item| item.expected.is_some()) {
        let options = options::of(&item.turns[0].question);
        let people = options.iter().filter(|option| ["cat", "dog", "cow"].contains(&option.as_str())).count();
        assert!(people <= 1, "{options:?}");
    }
}

#[test]
fn items_that_have_a_style_already_are_not_picked_for_it() {
    let answer = |id: usize| if id.is_multiple_of(3) { "yes" } else { ["red", "blue"][id % 2] };
    let items: Vec<Item> = (0..90).map(|id| item(id, vec![turn("What?", answer(id))])).collect();
    let done = done(items, &settings(0.4, &[Style::YesNo, Style::Brief]));
    assert_eq!((done.before[&Style::YesNo], done.before[&Style::Short]), (30, 60));
    assert_eq!(done.rewritten, [(Style::YesNo, 18), (Style::Brief, 18)]);
    for item in rewritten(&done).iter().filter(|item| item.origin.as_ref().unwrap().style == Style::YesNo) {
        assert!(item.turns[0].question.contains("Is this the right answer: "), "{item:?}");
    }
}

#[test]
fn too_few_items_for_a_style_are_an_error() {
    let items: Vec<Item> = (0..10).map(|id| item(id, vec![turn("Is it?", "yes")])).collect();
    let settings = Settings { native: Some(Style::Short), ..settings(0.5, &[Style::YesNo]) };
    let problem = diversify(items, &settings, &Replies::default()).unwrap_err();
    let found = "5 items should become `yes_no`, but only 0 of those that are left can: items whose answers are yes or no \
                 already are left alone, and others need a wrong answer";
    assert_eq!(problem.message, found);
    assert!(problem.help.unwrap().contains("lower the share"));
    let told = |settings: &Settings| diversify(animals(5), settings, &Replies::default()).unwrap_err().message;
    let own = "there is no style to rewrite items in: their own is `short`";
    assert_eq!(told(&self::settings(0.5, &[Style::Short])), own);
    let share = "a share of 1.5 cannot be rewritten; it is from 0 to 1";
    assert_eq!(told(&self::settings(1.5, &Style::ALL)), share);
}

#[test]
fn sentences_about_the_form_are_replaced() {
    let prompts = Prompts::default();
    let short = "What is it?\nAnswer the question using a single word or phrase.";
    for question in [
        short,
        "What is it?",
        " What is it?\nAnswer the question using a single word or phrase.\n",
        "What is it? answer the question using a single word or phrase",
        "What is it?\nPlease answer yes or no.\nAnswer with Yes or No.",
    ] {
        assert_eq!(prompts.bare(question), "What is it?", "{question:?}");
        assert_eq!(prompts.asked(question, Style::Short), short);
    }
    // A question that is nothing else stays.
    assert_eq!(prompts.bare("Please answer yes or no."), "Please answer yes or no.");
    let none = Prompts { short: String::new(), ..Prompts::default() };
    assert_eq!(none.asked(short, Style::Short), "What is it?");
    let again = prompts.asked_again("What is it?", Style::YesNo, "The answer must be one word, Yes or No.");
    assert_eq!(again, "The answer must be one word, Yes or No.\nWhat is it?\nAnswer with Yes or No.");
}

#[test]
fn options_are_found_in_the_forms_that_files_have() {
    let three = ["west", "east", "up there"].map(String::from).to_vec();
    for question in [
        "Where?\nA. west\nB. east\nC. up there",
        "Where?\n(A) west\n(B) east\n(C) up there\nAnswer.",
        "Where?\nA) west\nB) east\nC) up there",
        "Where?\nOptions: (A) west (B) east (C) up there",
        "A. not one of them\nWhere?\nA: west\nB: east\nC: up there",
    ] {
        assert_eq!(options::of(question), three, "{question:?}");
    }
    for question in ["Where?", "Where?\nA. alone", "Where?\nB. east\nC. up", "A.B. writes", ""] {
        assert!(options::of(question).is_empty(), "{question:?}");
    }
}

#[test]
fn a_question_with_options_becomes_a_short_one_with_the_options_left_in() {
    let question = "Where?\nA. west\nB. east";
    let items: Vec<Item> = (0..8).map(|id| item(id, vec![turn(question, "B")])).collect();
    let done = done(items, &settings(1.0, &[Style::Short, Style::YesNo]));
    assert_eq!(done.native, Style::MultipleChoice);
    for item in rewritten(&done) {
        let Turn { question, answer } = &item.turns[0];
        assert!(question.starts_with("Where?\nA. west\nB. east\n"));
        match item.origin.as_ref().unwrap().style {
            Style::Short => assert_eq!(answer, "east"),
            _ => assert!(question.contains(if answer == "Yes" { "answer: east?" } else { "answer: west?" })),
        }
    }
}

#[test]
fn what_is_expected_follows_the_rewriting() {
    let mut items = animals(40);
    items.iter_mut().for_each(|item| item.expected = Some(Expected::Text(item.turns[0].answer.clone())));
    let done = done(items, &settings(1.0, &Style::ALL));
    for item in rewritten(&done) {
        let style = item.origin.as_ref().unwrap().style;
        let answer = &item.turns[0].answer;
        match (style, item.expected.as_ref().unwrap()) {
            (Style::MultipleChoice, Expected::Option { right, options: 4 }) => {
                assert_eq!(answer, &char::from(b'A' + *right as u8).to_string());
            }
            (Style::YesNo, Expected::Text(truth)) => assert_eq!(truth, answer),
            (_, Expected::Text(truth)) => assert!(answer.contains(truth.as_str())),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn replies_are_used_where_they_are_asked_for() {
    let settings = Settings {
        wrong: Source::Replies,
        explanations: Source::Replies,
        ..settings(1.0, &[Style::YesNo, Style::MultipleChoice, Style::Brief])
    };
    let mut items = animals(12);
    // Several turns: one of them is a yes already, for which nobody is asked.
    items.iter_mut().for_each(|item| item.turns.extend([turn("Is it wild?", "no"), turn("How many?", "3")]));
    let asked = requests(&items, &settings).unwrap();
    assert_eq!(asked.len(), 12);
    let reply = |request: &Request| {
        let json = request.to_json();
        let questions: Vec<serde_json::Value> = serde_json::from_str(json["user"].as_str().unwrap()).unwrap();
        assert!(json["system"].as_str().unwrap().contains("a picture") && json["image"].is_string());
        let entry = |question: &serde_json::Value| {
            let index = &question["question_index"];
            match request.style {
                Style::YesNo => json!({ "question_index": index, "distractor_option": "emu" }),
                Style::MultipleChoice => {
                    json!({ "question_index": index, "distractor_options": ["emu", "elk", "eel"] })
                }
                _ => {
                    json!({ "question_index": index, "explanation": "Because it is so.", "answer": question["answer"] })
                }
            }
        };
        let list: Vec<serde_json::Value> = questions.iter().map(entry).collect();
        // Models like to write around the JSON that they were asked for.
        let text = format!("Here it is:\n```json\n{}\n```", serde_json::Value::from(list));
        json!({ "key": request.key, "reply": text }).to_string()
    };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("replies.jsonl");
    let lines: Vec<String> = asked.iter().map(reply).collect();
    std::fs::write(&path, lines.join("\n")).unwrap();
    let done = diversify(items, &settings, &Replies::read(&path).unwrap()).unwrap();
    for item in &done.items {
        let first = &item.turns[0];
        match item.origin.as_ref().unwrap().style {
            Style::YesNo => {
                assert!(first.answer == "Yes" || first.question.contains("emu?"), "{item:?}");
                assert_eq!(item.turns[1].answer, "no");
            }
            Style::MultipleChoice => {
                assert!(["emu", "elk", "eel"].iter().all(|name| first.question.contains(name)), "{item:?}");
                assert_eq!(options::of(&item.turns[1].question).len(), 2, "yes and no are there by rule");
            }
            _ => assert!(item.turns.iter().all(|turn| turn.answer == "Because it is so."), "{item:?}"),
        }
    }
    // The same questions of another share and seed have the same keys.
    let more = Settings { seed: 0, share: 0.5, ..settings.clone() };
    let again = requests(&done_before(), &more).unwrap();
    let of = |request: &Request| asked.iter().any(|asked| asked.key == request.key || asked.style != request.style);
    assert!(again.iter().all(of));
}

fn done_before() -> Vec<Item> {
    let mut items = animals(12);
    items.iter_mut().for_each(|item| item.turns.extend([turn("Is it wild?", "no"), turn("How many?", "3")]));
    items
}

#[test]
fn replies_that_cannot_be_used_are_told_all_at_once() {
    let settings = Settings { wrong: Source::Replies, ..settings(1.0, &[Style::MultipleChoice]) };
    let items = animals(30);
    let asked = requests(&items, &settings).unwrap();
    assert_eq!(asked.len(), 30);
    let bad = [
        json!({ "distractor_options": ["a", "b"] }),
        json!({ "distractor_options": ["a", "b", " DOG. "] }),
        json!({ "distractor_options": ["a", "b", "A"] }),
        json!("I am sorry."),
        json!({ "explanation": "x" }),
        json!([{ "question_index": 0, "distractor_options": ["a", "b", "c"], "correct_answer": "eel" }]),
        json!(5),
        json!({ "distractor_options": ["a", "b", 3] }),
    ];
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("replies.jsonl");
    let line =
        |(request, reply): (&Request, &serde_json::Value)| json!({"key": request.key, "reply": reply}).to_string();
    let dogs = asked.iter().filter(|request| request.entries[0].1 == "dog");
    let lines: Vec<String> = dogs.clone().zip(&bad).map(line).collect();
    assert_eq!(lines.len(), 6, "there are six dogs");
    std::fs::write(&path, lines.join("\n")).unwrap();
    let replies = Replies::read(&path).unwrap();
    let message = diversify(items, &settings, &replies).unwrap_err().message;
    assert!(
        message.starts_with(&format!("30 replies of `{}` cannot be used:\n  `i0`, multiple_choice: ", path.display())),
        "{message}"
    );
    for what in [
        "`i0`, multiple_choice: it has 2 wrong answers; 3 were asked for",
        "`i5`, multiple_choice: the wrong answer \"DOG.\" is right",
        "`i10`, multiple_choice: the wrong answer \"A\" comes twice",
        "`i15`, multiple_choice: there is no JSON in it",
        "`i1`, multiple_choice: there is no reply",
        "\n  and 10 more",
    ] {
        assert!(message.contains(what), "{what}: {message}");
    }
    for (at, what) in
        [(4, "no list `distractor_options`"), (5, "its `correct_answer` is \"eel\", but the right answer is \"dog\"")]
    {
        let request = dogs.clone().nth(at).unwrap();
        let message = replies.for_requests(std::slice::from_ref(request)).unwrap_err().message;
        assert!(message.starts_with("1 reply ") && message.contains(what), "{message}");
    }
    std::fs::write(&path, "{\"key\":1,\"reply\":2}\n\nx\n{\"key\":\"a\"}\n[]\n").unwrap();
    let message = Replies::read(&path).unwrap_err().message;
    for what in ["4 replies of", "line 1: its `key` is no text", "line 3: it is no JSON", "line 4: it has no `reply`"] {
        assert!(message.contains(what), "{what}: {message}");
    }
    assert!(Replies::read(Path::new("/nowhere.jsonl")).unwrap_err().message.contains("/nowhere.jsonl"));
}

#[test]
fn files_name_pictures_within_their_folder() {
    let items = animals(2);
    let text = to_llava(&items, Path::new("images")).unwrap();
    let json: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(json[0]["image"], "0.png");
    assert_eq!(json[0]["conversations"][0]["value"], "<image>\nWhich animal is it?");
    assert_eq!(text.lines().count(), 4, "an item a line");
    let told = to_llava(&items, Path::new("other")).unwrap_err().message;
    assert_eq!(told, "the picture `images/0.png` of item `i0` is not within `other`");
    let text_only = Item { picture: None, ..items[0].clone() };
    let json: serde_json::Value = serde_json::from_str(&to_llava(&[text_only], Path::new("")).unwrap()).unwrap();
    assert_eq!((json[0].get("image"), &json[0]["conversations"][0]["value"]), (None, &json!("Which animal is it?")));
    assert_eq!(to_llava(&[], Path::new("")).unwrap(), "[\n]\n");
}

//! `fsched diversify`: a file of instructions in, another one out.

use super::*;

/// So many questions about five animals in LLaVA's form.
fn animals(count: usize) -> Value {
    let names = ["dog", "cat", "cow", "hen", "fox"];
    let item = |id: usize| {
        json!({ "id": id, "image": format!("zoo/{id}.png"), "conversations": [
            { "from": "human", "value": "<image>\nWhich animal is it?" }, { "from": "gpt", "value": names[id % 5] }] })
    };
    (0..count).map(item).collect()
}

fn place(items: &Value) -> Place {
    Place::with("in.json", items.to_string())
}

/// The items of a file that have this style.
fn of_style<'a>(items: &'a Value, style: &str) -> Vec<&'a Value> {
    items.as_array().unwrap().iter().filter(|item| item["style"] == style).collect()
}

#[test]
fn the_share_is_rewritten_exactly_and_each_item_says_where_it_comes_from() {
    let before = animals(100);
    let place = place(&before);
    let said = place.run(&["diversify", "in.json", "--to", "out.json", "--seed", "3"]).status(0);
    assert_eq!(
        (said.stdout.as_str(), said.stderr.as_str()),
        (
            "100 items, whose own style is `short`: 20 rewritten\n\
             style              before    unfit  rewritten\n\
             yes_no                  0        0          5\n\
             multiple_choice         0        0          5\n\
             short                 100        -          -\n\
             brief                   0        0          5\n\
             detailed                0        0          5\n\
             wrote out.json\n",
            ""
        )
    );
    let text = place.read("out.json");
    let after = json(&text);
    for style in ["yes_no", "multiple_choice", "brief", "detailed"] {
        assert_eq!(of_style(&after, style).len(), 5, "{style}");
    }
    assert_eq!(after.as_array().unwrap().len(), 100);
    for (id, (item, before)) in after.as_array().unwrap().iter().zip(before.as_array().unwrap()).enumerate() {
        assert_eq!(item["image"], before["image"]);
        match item["style"].as_str() {
            Some(style) => {
                assert_eq!((&item["source_id"], &item["seed"]), (&json!(id.to_string()), &json!(3)));
                assert_eq!(item["id"], format!("{id}:{style}"));
                let question = item["conversations"][0]["value"].as_str().unwrap();
                assert!(question.starts_with("<image>\nWhich animal is it?\n"), "{question}");
            }
            None => assert_eq!(item["conversations"], before["conversations"]),
        }
    }
    // The same bytes again, others with another seed, and nothing left beside them.
    place.run(&["diversify", "in.json", "--to", "again.json", "--seed", "3", "--share", "0.2"]).status(0);
    assert_eq!(place.read("again.json"), text);
    place.run(&["diversify", "in.json", "--to", "other.json", "--seed", "4"]).status(0);
    assert_ne!(place.read("other.json"), text);
    let mut names: Vec<_> = fs::read_dir(place.path("")).unwrap().map(|e| e.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["again.json", "in.json", "other.json", "out.json"]);
}

#[test]
fn shares_and_styles_are_those_that_were_asked_for() {
    let place = place(&animals(40));
    let counts = |arguments: &[&str]| {
        place.run(&[&["diversify", "in.json", "--to", "out.json", "--force"], arguments].concat()).status(0);
        let after = json(&place.read("out.json"));
        ["yes_no", "multiple_choice", "short", "brief", "detailed"].map(|style| of_style(&after, style).len())
    };
    assert_eq!(counts(&["--share", "35%", "--over", "yes_no,brief"]), [7, 0, 0, 7, 0]);
    assert_eq!(counts(&["--share", "7.5 %", "--over", "detailed"]), [0, 0, 0, 0, 3]);
    assert_eq!(counts(&["--share", "0"]), [0; 5]);
    // Items with short answers are left alone though another style is said to be their own.
    let told =
        place.run(&["diversify", "in.json", "--to", "no.json", "--native", "brief", "--over", "short"]).status(2);
    assert!(told.stderr.contains("8 items should become `short`, but only 0"), "{}", told.stderr);
    assert!(told.stderr.contains("leave that style out of `--over`"), "{}", told.stderr);
    assert!(!place.path("no.json").exists());
    counts(&["--share", "1", "--over", "brief", "--prepend-answer"]);
    let after = json(&place.read("out.json"));
    assert!(after[1]["conversations"][1]["value"].as_str().unwrap().starts_with("cat. The right answer "));
}

#[test]
fn items_that_have_a_style_already_are_counted() {
    let answer = |id: usize| if id.is_multiple_of(4) { "yes" } else { ["red", "blue"][id % 2] };
    let item = |id: usize| json!({ "id": id, "conversations": [{ "from": "human", "value": "What?" }, { "from": "gpt", "value": answer(id) }] });
    let place = place(&(0..40).map(item).collect());
    let said = place.run(&["diversify", "in.json", "--to", "out.json", "--over", "yes_no,multiple_choice"]).status(0);
    assert!(said.stdout.contains("\nyes_no                 10       10          4\n"), "{}", said.stdout);
    // A wrong answer to a question whose answer is yes is there: no.
    assert!(said.stdout.contains("\nmultiple_choice         0        0          4\n"), "{}", said.stdout);
}

#[test]
fn chats_and_tests_of_coin_are_read_too() {
    let chat = |id: usize| {
        let content = json!([{ "type": "image" }, { "type": "text", "text": "How many?" }]);
        json!({ "messages": [{ "role": "user", "content": content }, { "role": "assistant", "content": id.to_string() }],
                "images": ["a.png"] })
    };
    let lines: Vec<String> = (0..8).map(|id| chat(id).to_string()).collect();
    let place = Place::with("chat.jsonl", lines.join("\n"));
    place.run(&["diversify", "chat.jsonl", "--to", "out.json", "--share", "50%"]).status(0);
    let after = json(&place.read("out.json"));
    let plain = after.as_array().unwrap().iter().find(|item| item["style"].is_null()).unwrap();
    assert_eq!(plain["image"], "a.png");
    assert_eq!(plain["conversations"][0], json!({ "from": "human", "value": "<image>\nHow many?" }));

    let letters = ["A", "B"];
    let options = "Where?\nA. west\nB. east";
    let question =
        |id: usize| json!({ "question_id": id, "image": "a.png", "text": options, "answer": letters[id % 2] });
    fs::write(place.path("test.json"), (0..8).map(question).collect::<Value>().to_string()).unwrap();
    let said = place.run(&["diversify", "test.json", "--to", "test_out.json", "--share", "50%", "--over", "short"]);
    assert!(
        said.stdout.contains("whose own style is `multiple_choice`: 4 rewritten"),
        "{}{}",
        said.stdout,
        said.stderr
    );
    let after = json(&place.read("test_out.json"));
    for item in of_style(&after, "short") {
        let odd = item["source_id"].as_str().unwrap().parse::<usize>().unwrap() % 2;
        assert_eq!(item["conversations"][1]["value"], ["west", "east"][odd]);
    }
}

/// A language model that knows three animals; its replies to the lines of a file.
fn replies(asked: &str) -> Vec<String> {
    let reply = |line: &str| {
        let request = json(line);
        assert!(request["system"].as_str().unwrap().contains("JSON") && request["image"].is_string(), "{request}");
        let asked = json(request["user"].as_str().unwrap());
        let given = match request["style"].as_str().unwrap() {
            "yes_no" => json!({ "distractor_option": "emu" }),
            "multiple_choice" => json!({ "distractor_options": ["emu", "elk", "eel"] }),
            _ => json!({ "explanation": format!("It looks like a {}.", asked[0]["answer"].as_str().unwrap()) }),
        };
        json!({ "key": request["key"], "reply": given }).to_string() + "\n"
    };
    asked.lines().map(reply).collect()
}

#[test]
fn what_a_language_model_is_asked_and_what_it_replies() {
    let place = place(&animals(40));
    let from = ["diversify", "in.json", "--wrong", "replies", "--explanations", "replies"];
    let run = |arguments: &[&str]| place.run(&[&from, arguments].concat());
    let said = run(&["--requests", "ask.jsonl"]).status(0);
    assert_eq!(said.stdout, "wrote 8 requests to ask.jsonl, for 8 items that are rewritten with replies\n");
    let given = replies(&place.read("ask.jsonl"));
    assert_eq!(given.len(), 8);
    // Half of the replies, and one of them of no use.
    fs::write(place.path("replies.jsonl"), given[..4].concat().replace("\"emu\"", "\"cat\"")).unwrap();
    let told = run(&["--replies", "replies.jsonl", "--to", "out.json"]).status(1).stderr;
    assert!(
        told.contains("error[FS0402 bad-file]: ") && told.contains("replies of `replies.jsonl` cannot be used:"),
        "{told}"
    );
    assert!(told.contains(": there is no reply\n") && told.contains("`--requests OUT`"), "{told}");
    let bad = told.lines().filter(|line| line.starts_with("  `")).count();
    assert!((4..=8).contains(&bad) && !place.path("out.json").exists(), "{told}");
    // What is still to be asked.
    let said = run(&["--replies", "replies.jsonl", "--requests", "more.jsonl"]).status(0);
    assert_eq!(said.stdout.split(", ").next().unwrap(), format!("wrote {bad} requests to more.jsonl"));
    let lines: String = given.concat();
    assert!(place.read("more.jsonl").lines().all(|line| place.read("ask.jsonl").contains(line)));
    fs::write(place.path("replies.jsonl"), &lines).unwrap();
    run(&["--replies", "replies.jsonl", "--to", "out.json"]).status(0);
    let after = json(&place.read("out.json"));
    for item in of_style(&after, "multiple_choice") {
        let question = item["conversations"][0]["value"].as_str().unwrap();
        assert!(["emu", "elk", "eel"].iter().all(|name| question.contains(name)), "{question}");
    }
    for style in ["brief", "detailed"] {
        assert_eq!(of_style(&after, style).len(), 2);
        let answers =
            of_style(&after, style).into_iter().map(|item| item["conversations"][1]["value"].as_str().unwrap());
        answers.for_each(|answer| assert!(answer.starts_with("It looks like a "), "{answer}"));
    }
    let said = run(&["--replies", "replies.jsonl", "--requests", "none.jsonl"]).status(0);
    assert!(said.stdout.starts_with("wrote 0 requests"), "{}", said.stdout);
    // A larger share takes the same items for the first style, and one more.
    run(&["--replies", "replies.jsonl", "--requests", "larger.jsonl", "--share", "25%"]).status(0);
    let larger = place.read("larger.jsonl");
    assert_eq!(larger.lines().filter(|line| json(line)["style"] == "yes_no").count(), 1, "{larger}");
}

#[test]
fn keys_do_not_depend_on_where_the_pictures_lie() {
    let place = place(&animals(20));
    let run = |arguments: &[&str]| {
        place.run(&[&["diversify", "in.json", "--explanations", "replies", "--requests"], arguments].concat())
    };
    let told = run(&["a.jsonl", "--images", "."]).status(1).stderr;
    assert!(told.contains("20 things are wrong") && told.contains("there is no `zoo/0.png` in `.`"), "{told}");
    assert!(run(&["a.jsonl", "--images", "nowhere"]).status(2).stderr.contains("`nowhere` is no folder"));
    fs::create_dir_all(place.path("far/zoo")).unwrap();
    fs::create_dir(place.path("zoo")).unwrap();
    for folder in ["zoo", "far/zoo"] {
        (0..20).for_each(|id| fs::write(place.path(&format!("{folder}/{id}.png")), "").unwrap());
    }
    run(&["a.jsonl"]).status(0);
    run(&["b.jsonl", "--images", "."]).status(0);
    run(&["c.jsonl", "--images", "far"]).status(0);
    let asked = place.read("a.jsonl");
    assert!(asked.lines().count() == 2 && asked.contains("\"image\":\"zoo/"), "{asked}");
    assert_eq!([place.read("b.jsonl"), place.read("c.jsonl")], [asked.clone(), asked]);
}

#[test]
fn files_that_are_there_stay_unless_they_may_go() {
    let place = place(&animals(20));
    fs::write(place.path("out.json"), "mine").unwrap();
    let run = |arguments: &[&str]| place.run(&[&["diversify", "in.json", "--to"], arguments].concat());
    let told = run(&["out.json"]).status(2).stderr;
    assert!(told.contains("`out.json` exists already") && told.contains("`--force` writes over it"), "{told}");
    assert_eq!(place.read("out.json"), "mine");
    run(&["out.json", "--force"]).status(0);
    assert!(place.read("out.json").starts_with("[\n{"));
    let before = place.read("in.json");
    let told = run(&["./in.json", "--force"]).status(2).stderr;
    assert!(told.contains("`./in.json` is read, so it cannot be written too"), "{told}");
    assert_eq!(place.read("in.json"), before);
    fs::create_dir(place.path("folder")).unwrap();
    assert!(run(&["folder", "--force"]).status(2).stderr.contains("is no regular file"));
    let told = run(&["nowhere/out.json"]).status(3).stderr;
    assert!(told.contains("cannot write `nowhere/out.json`"), "{told}");
}

#[test]
fn what_is_wrong_is_told_all_at_once_and_nothing_is_written() {
    let mut items = animals(5);
    items[1]["conversations"][1]["value"] = json!("");
    items[3]["conversations"] = json!(7);
    let place = place(&items);
    let run = |arguments: &[&str]| {
        let said = place.run(&[&["diversify"], arguments, &["--to", "out.json"]].concat());
        assert!(said.status != 0 && said.stdout.is_empty() && !place.path("out.json").exists(), "{}", said.stdout);
        (said.status, said.stderr)
    };
    let (status, told) = run(&["in.json"]);
    assert_eq!(
        (status, told.as_str()),
        (
            1,
            "error[FS0402 bad-file]: cannot take instructions from `in.json`: 2 things are wrong\n  \
             item 1 (line 1, id `1`): `conversations[1].value` is empty\n  \
             item 3 (line 1, id `3`): `conversations` is a number, no list\n"
        )
    );
    let told = |arguments: &[&str], status: i32, what: &str| {
        let found = run(arguments);
        assert!(found.0 == status && found.1.contains(what), "{arguments:?}: {} {}", found.0, found.1);
    };
    told(&["nowhere.json"], 1, "FS0401");
    fs::write(place.path("text.json"), "Dear reader").unwrap();
    told(&["text.json"], 1, "a list or one object a line was expected");
    fs::write(place.path("empty.json"), "[]").unwrap();
    told(&["empty.json"], 1, "it has none");
    fs::write(place.path("bytes.json"), [b'[', 0xff, 0xfe, b']']).unwrap();
    told(&["bytes.json"], 1, "it is no JSON");
    fs::write(place.path("in.json"), animals(5).to_string()).unwrap();
    told(&["in.json", "--share", "120%"], 2, "a share is from 0 to 1");
    told(&["in.json", "--share", "20"], 2, "a share is from 0 to 1");
    told(&["in.json", "--share", "half"], 2, "write a share as `20%` or `0.2`");
    told(&["in.json", "--over", "short,bref"], 2, "a similar value exists: 'brief'");
    told(&["in.json", "--over", "short"], 2, "name other styles in `--over`");
    told(&["in.json", "--wrong", "replies"], 2, "there are no replies of a language model");
    told(&["in.json", "--replies", "in.json"], 2, "nothing is taken from the replies");
    told(&["in.json", "--replies", "no.jsonl", "--wrong", "replies"], 1, "FS0401");
    told(&["in.json", "--requests", "x"], 2, "cannot be used with");
    let said = place.run(&["diversify", "in.json", "--requests", "x"]).status(2);
    assert!(said.stderr.contains("a language model is asked nothing"), "{}", said.stderr);
    let said = place.run(&["diversify", "in.json"]).status(2);
    assert!(said.stderr.contains("--to <OUT>"), "{}", said.stderr);
}

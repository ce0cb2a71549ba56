use super::super::item::{Expected, Item, Origin, Picture, Style, Turn};
use super::coin::{Form, Task};
use super::*;
use std::fs;
use std::path::Path;

/// A folder with `a.png` and `b/c.png`, and these files.
fn place(files: &[(&str, &str)]) -> tempfile::TempDir {
    let place = tempfile::tempdir().unwrap();
    for (name, text) in [("a.png", ""), ("b/c.png", "")].iter().chain(files) {
        let path = place.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    place
}

fn read(text: &str) -> Result<Vec<Item>, String> {
    let place = place(&[("f.json", text)]);
    let mut pictures = Pictures::below(place.path());
    let shown = |text: String| text.replace(&place.path().display().to_string(), "PLACE");
    let items = conversations::read(&place.path().join("f.json"), &mut pictures).map_err(|e| shown(e.to_string()))?;
    let root = place.path();
    let relative = |mut item: Item| {
        if let Some(Picture::File(path)) = &mut item.picture {
            *path = path.strip_prefix(root).unwrap().to_path_buf();
        }
        item
    };
    Ok(items.into_iter().map(relative).collect())
}

fn item(id: &str, picture: Option<&str>, turns: &[(&str, &str)]) -> Item {
    let turn = |(question, answer): &(&str, &str)| Turn { question: question.to_string(), answer: answer.to_string() };
    Item {
        id: id.into(),
        picture: picture.map(|name| Picture::File(name.into())),
        turns: turns.iter().map(turn).collect(),
        expected: None,
        origin: None,
    }
}

#[test]
fn llava_and_chat_formats_are_read_as_a_list_or_by_lines() {
    let llava = r#"{"id": 7, "image": "a.png", "conversations": [
        {"from": "human", "value": "What is it?\n<image>"}, {"from": "gpt", "value": "A \"bag\" [x]."},
        {"from": "human", "value": " Sure? "}, {"from": "gpt", "value": "Yes"}]}"#;
    let chat = r#"{"messages": [{"role": "user", "content": [{"type": "image"}, {"type": "text", "text": "Q"}]},
        {"role": "assistant", "content": "A"}], "images": [{"path": "b/c.png"}]}"#;
    let mixed = r#"{"id": "7", "conversations": [{"from": "gpt", "value": "Hello!"}, {"from": "human", "value": "Q"},
        {"from": "gpt", "value": "A"}], "image": null}"#;
    let late = r#"{"messages": [{"role": "user", "content": "Q"}, {"role": "assistant", "content": "A"},
        {"role": "user", "content": "<image>And here?"}, {"role": "assistant", "content": "B"}], "images": ["a.png"]}"#;
    let expected = [
        item("7", Some("a.png"), &[("What is it?", "A \"bag\" [x]."), (" Sure? ", "Yes")]),
        item("1", Some("b/c.png"), &[("Q", "A")]),
        item("7#2", None, &[("Q", "A")]),
        item("3", Some("a.png"), &[("Q", "A"), ("<image>\nAnd here?", "B")]),
    ];
    let list = format!("\u{feff} [{llava},\n{chat} , {mixed},{late}]\n");
    assert_eq!(read(&list).unwrap(), expected);
    let lines = [llava, chat, mixed, late].map(|one| one.replace('\n', " ")).join("\n");
    assert_eq!(read(&lines).unwrap(), expected);
}

#[test]
fn where_an_item_comes_from_is_read_back() {
    let with = |fields: &str| {
        let talk = r#"[{"from": "human", "value": "Q"}, {"from": "gpt", "value": "A"}]"#;
        read(&format!(r#"[{{"conversations": {talk}, {fields}}}]"#)).unwrap().remove(0).origin
    };
    let origin = Origin { style: Style::YesNo, source: "7".into(), seed: 3 };
    assert_eq!(with(r#""style": "yes_no", "source_id": 7, "seed": 3"#), Some(origin));
    assert_eq!(with(r#""style": "impressionist", "source_id": 7, "seed": 3"#), None);
}

#[test]
fn all_that_is_wrong_is_told_at_once() {
    let one = |rest: &str| format!(r#"{{"id": "x", {rest}}}"#);
    let said = |who: &str, what: &str| format!(r#"{{"from": "{who}", "value": "{what}"}}"#);
    let talk = |parts: &[String]| one(&format!(r#""conversations": [{}]"#, parts.join(",")));
    let sound = talk(&[said("human", "Q"), said("gpt", "A")]);
    let text = [
        sound.clone(),
        "3".into(),
        one(r#""image": "a.png""#),
        talk(&[said("human", "Q")]),
        talk(&[said("human", "Q"), said("human", "A")]),
        talk(&[said("robot", "Q")]),
        talk(&[said("system", "Q")]),
        talk(&[said("human", ""), said("gpt", "A")]),
        talk(&[said("human", "Q"), said("gpt", " ")]),
        talk(&[said("human", "<image>"), said("gpt", "A")]),
        sound.replace("\"id\"", r#""image": "no.png", "id""#),
        sound.replace("\"id\"", r#""image": "../a.png", "id""#),
        sound.replace("\"id\"", r#""images": ["a.png", "b/c.png"], "id""#),
        sound.replace("\"Q\"", "7"),
        sound.replace("\"x\"", "[]"),
        "{\"id\" \"y\"}".into(),
    ]
    .join(",\n");
    let expected = "cannot take instructions from `PLACE/f.json`: 15 things are wrong
  item 1 (line 2): it is a number, no object
  item 2 (line 3, id `x`): `conversations` is missing
  item 3 (line 4, id `x`): it ends with a question
  item 4 (line 5, id `x`): `conversations[1].value` is not the assistant's turn
  item 5 (line 6, id `x`): `conversations[0].from` is `robot`; `human`, `gpt`, `user` and `assistant` are read
  item 6 (line 7, id `x`): `conversations[0].from` is `system`; the template has a system text of its own
  item 7 (line 8, id `x`): `conversations[0].value` is empty
  item 8 (line 9, id `x`): `conversations[1].value` is empty
  item 9 (line 10, id `x`): it says `<image>` and has no `image`
  item 10 (line 11, id `x`): `image`: there is no `no.png` in `PLACE`
  item 11 (line 12, id `x`): `image`: `../a.png` leads out of `PLACE`
  item 12 (line 13, id `x`): it has 2 pictures; one is read
  item 13 (line 14, id `x`): `conversations[0].value` is a number, no text
  item 14 (line 15): `id` is a list, no id
  item 15 (line 16): it is no JSON: expected `:`";
    assert_eq!(read(&format!("[{text}]")).unwrap_err(), expected);
}

#[test]
fn many_are_counted_and_files_that_are_none_are_told() {
    let many = read(&format!("[{}0]", "0,".repeat(30))).unwrap_err();
    assert!(many.contains("31 things are wrong") && many.ends_with("\n  and 11 more"), "{many}");
    for (text, what) in [
        ("", "it has none"),
        ("[]", "it has none"),
        ("words", "line 1: a list or one object a line was expected"),
        ("[{\"id\": 1}", "line 1: the list has no end"),
        ("[\n{} {}]", "line 2: `,` or `]` was expected"),
        (
            "{},{}]\n",
            "3 things are wrong\n  item 0 (line 1): `conversations` is missing\n  item 1 (line 1): it is no JSON: expected value\n  item 2 (line 1): it is no JSON: expected value",
        ),
        ("[1] 2", "line 1: something follows the list"),
    ] {
        assert_eq!(
            read(text).unwrap_err(),
            format!("cannot take instructions from `PLACE/f.json`: {what}"),
            "{text:?}"
        );
    }
    let long = read(&format!("[\n\"{}\"]", "x".repeat(1 << 20))).unwrap_err();
    assert!(long.ends_with("line 2: item 0 has more than 1048576 bytes"), "{long}");
}

#[cfg(unix)]
#[test]
fn pictures_do_not_lead_out_of_their_folder() {
    let outside = place(&[]);
    let inside = place(&[]);
    std::os::unix::fs::symlink(outside.path().join("a.png"), inside.path().join("link.png")).unwrap();
    let mut pictures = Pictures::below(inside.path());
    let mut error = |name: &str| pictures.find(name).unwrap_err();
    assert!(error("link.png").contains("is a link that leads out of"));
    assert!(error("/etc/passwd").contains("leads out of"));
    assert!(error("b").contains("is no file"));
}

#[test]
fn coin_has_a_truth_for_each_form() {
    let options = r#"Which?\nA. one\nB. two\nC. three"#;
    let science = format!(r#"[{{"question_id": "5", "text": "<image>\n{options}", "answer": "B", "image": "a.png"}}]"#);
    let boxes = r#"[{"question_id": 1, "text": "Where?", "answer": "[0.1,0.2,0.5,0.6]", "answer_bbox": "[0.1,0.2,0.5,0.6]"},
        {"question_id": 2, "text": "Where?", "answer": "there", "answer_bbox": [10, 20, 30, 40], "size": [200, 100]}]"#;
    let words = r#"[{"question_id": 3, "text": "What?", "answer": "Stop"}]"#;
    let people =
        r#"{"data": [{"question_id": 9, "image_id": "a", "question": "What? ", "answers": ["stop", "halt"]}]}"#;
    let asked = r#"[{"question_id": 3, "image": "a.png", "text": "What?\nAnswer briefly.", "answer": "stop"}]"#;
    let train = r#"[{"conversations": [{"from": "human", "value": "Q"}, {"from": "gpt", "value": "A"}]}]"#;
    let place = place(&[
        ("annotations/ScienceQA/test.json", &science),
        ("annotations/Grounding/test.json", boxes),
        ("annotations/GQA/test.json", words),
        ("annotations/GQA/train_x20.json", train),
        ("annotations/TextVQA/test.json", asked),
        ("annotations/TextVQA/TextVQA_0.5.1_val.json", people),
        ("annotations/VizWiz/test.json", "[{\"text\": \"What?\"}]"),
        ("annotations/OCRVQA/test.json", "[{\"text\": \"What?\", \"answer\": 1988}]"),
    ]);
    let mut pictures = Pictures::below(place.path());
    let mut test = |name: &str| Task::named(name).unwrap().test(place.path(), &mut pictures);
    let expected = |items: Vec<Item>| -> Vec<Expected> { items.into_iter().filter_map(|item| item.expected).collect() };
    let science = test("scienceqa").unwrap();
    assert_eq!(science[0].turns[0].question, options.replace("\\n", "\n"));
    assert_eq!(expected(science), [Expected::Option { right: 1, options: 3 }]);
    // 200x100: 50 pixels are added above.
    let boxes = [[0.1, 0.2, 0.5, 0.6], [0.05, 0.35, 0.2, 0.55]].map(Expected::Region);
    assert_eq!(expected(test("grounding").unwrap()), boxes);
    assert_eq!(expected(test("gqa").unwrap()), [Expected::Text("Stop".into())]);
    assert_eq!(expected(test("textvqa").unwrap()), [Expected::People(vec!["stop".into(), "halt".into()])]);
    assert_eq!(expected(test("ocrvqa").unwrap()), [Expected::Text("1988".into())]);
    let error = test("vizwiz").unwrap_err().to_string();
    assert!(error.ends_with("item 0 (line 1): `answer` is missing"), "{error}");
    let train = Task::named("gqa").unwrap().train(place.path(), "train_x20.json", &mut pictures).unwrap();
    assert_eq!((train.len(), train[0].expected.is_none()), (1, true));
    assert!(coin::TASKS.iter().all(|task| Task::named(task.name) == Some(*task)));
}

#[test]
fn options_and_boxes_that_are_none_are_told() {
    let wrong = |form: Form, rest: &str| {
        let place = place(&[("t.json", &format!("[{{\"text\": \"Which? (A) x (B) y\", {rest}}}]"))]);
        let mut pictures = Pictures::below(place.path());
        let error = coin::test(&place.path().join("t.json"), form, None, &mut pictures).unwrap_err().to_string();
        error.rsplit("(line 1): ").next().unwrap().to_string()
    };
    assert_eq!(wrong(Form::Option, r#""answer": "C""#), "`answer` is option 3, and 2 are found in `text`");
    assert_eq!(wrong(Form::Option, r#""answer": "yes""#), "`answer` is no letter of an option");
    let four = "`answer_bbox` is not four numbers, as in `[0.1, 0.2, 0.5, 0.6]`";
    assert_eq!(wrong(Form::Region, r#""answer": "left", "answer_bbox": "left""#), four);
    let pixels = "`answer_bbox` is in pixels, and `size` is missing";
    assert_eq!(wrong(Form::Region, r#""answer": "x", "answer_bbox": [1, 2, 3, 4]"#), pixels);
}

#[test]
fn files_whose_form_nobody_names_are_read_element_by_element() {
    let talk = r#"{"id": 1, "image": "a.png", "conversations": [{"from": "human", "value": "<image>\nQ"}, {"from": "gpt", "value": "A"}]}"#;
    let question = r#"{"question_id": 2, "image": "../no.png", "text": "<image>\nQ", "answer": "A"}"#;
    let place =
        place(&[("f.json", &format!("[{talk},\n{question}]")), ("g.json", &format!("[{{\"id\": 3}},{question}]"))]);
    let read = |name: &str, mut pictures: Pictures| either::read(&place.path().join(name), &mut pictures);
    let expected = [item("1", Some("a.png"), &[("Q", "A")]), item("2", Some("../no.png"), &[("Q", "A")])];
    let mut found = read("f.json", Pictures::unsought()).unwrap();
    assert_eq!(found[1].expected.take(), Some(Expected::Text("A".into())));
    assert_eq!(found, expected);
    let error = read("f.json", Pictures::below(place.path())).unwrap_err();
    assert!(
        error.count == 1 && error.shown[0].starts_with("item 1 (line 2, id `2`): `image`: `../no.png` leads"),
        "{error}"
    );
    let error = read("g.json", Pictures::unsought()).unwrap_err();
    assert_eq!(error.shown, ["item 0 (line 1, id `3`): `conversations` is missing"]);
    // What people said stands beside it.
    let people = r#"{"data": [{"question_id": 2, "answers": ["A", "B"]}]}"#;
    fs::write(place.path().join("TextVQA_0.5.1_val.json"), people).unwrap();
    let found = read("f.json", Pictures::unsought()).unwrap();
    assert_eq!(found[1].expected, Some(Expected::People(vec!["A".into(), "B".into()])));
    fs::write(place.path().join("TextVQA_0.5.1_val.json"), "{}").unwrap();
    assert!(read("f.json", Pictures::unsought()).unwrap_err().to_string().ends_with("`data` is no list"));
}

fn asked(items: &[Item]) -> Vec<(&str, &str, &str)> {
    let one = |item: &Item| assert_eq!(item.expected, Some(Expected::Text(item.turns[0].answer.clone())));
    items.iter().for_each(one);
    items.iter().map(|i| (i.id.as_str(), i.turns[0].question.as_str(), i.turns[0].answer.as_str())).collect()
}

#[test]
fn easy_vqa_and_nlvr_are_read_as_they_are_published() {
    let lines = r#"{"split": "dev", "identifier": "1-0", "image": "a.png", "sentence": "There is a box.", "label": "true"}
{"split": "test", "identifier": "2-0", "image": "no.png", "sentence": "x", "label": "false"}
{"identifier": "3-1", "directory": "8", "sentence": "There is none", "label": "false"}"#;
    let place = place(&[
        ("data/test/questions.json", r#"[["what is the red shape?", "triangle", 0], ["is it red?", "no", 12]]"#),
        ("data/test/images/0.png", ""),
        ("data/test/images/12.png", ""),
        ("data/train/questions.json", r#"[["what?", "red", 5], ["what?", 1, 0], ["what?"]]"#),
        ("examples.jsonl", lines),
        ("images/8/dev-3-1-0.png", ""),
    ]);
    let data = place.path().join("data");
    let test = easy_vqa::read(&data, "test").unwrap();
    assert_eq!(asked(&test), [("test-0", "what is the red shape?", "triangle"), ("test-1", "is it red?", "no")]);
    let ends =
        |item: &Item, name: &str| matches!(&item.picture, Some(Picture::File(path)) if path.ends_with(Path::new(name)));
    assert!(ends(&test[1], "data/test/images/12.png"));
    let error = easy_vqa::read(&data, "train").unwrap_err();
    assert_eq!(error.count, 3);
    assert!(error.shown[0].starts_with("item 0 (line 1): there is no `5.png` in"), "{error}");
    assert_eq!(error.shown[1], "item 1 (line 1): `the answer` is a number, no text");
    let file = place.path().join("examples.jsonl");
    let dev = nlvr::read(&file, "dev").unwrap();
    let expected =
        [("dev-1-0", "There is a box.\nTrue or false?", "true"), ("dev-3-1", "There is none\nTrue or false?", "false")];
    assert_eq!(asked(&dev), expected);
    assert!(ends(&dev[1], "images/8/dev-3-1-0.png"));
    assert_eq!(nlvr::read(&file, "test").unwrap_err().count, 2);
}

//! The scorers against values of make_sefe.py, and each rule in words.

use super::*;
use crate::text::item::Style;
use serde_json::Value;

/// Values from an independent computation in Python: tests/goldens/make_sefe.py.
fn golden(part: &str) -> Vec<Value> {
    let text = include_str!("../../../tests/goldens/sefe.json");
    let mut all: Value = serde_json::from_str(text).expect("the golden file is JSON");
    serde_json::from_value(all[part].take()).unwrap()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

fn expected(value: &Value) -> Expected {
    if let Some(truth) = value["text"].as_str() {
        return Expected::Text(truth.to_string());
    }
    if let Some(people) = value["people"].as_array() {
        return Expected::People(people.iter().map(|person| text(person).to_string()).collect());
    }
    if let Some(right) = value["right"].as_u64() {
        return Expected::Option { right: right as usize, options: value["options"].as_u64().unwrap() as usize };
    }
    Expected::Region(serde_json::from_value(value["region"].clone()).unwrap())
}

fn truth(text: &str) -> Expected {
    Expected::Text(text.to_string())
}

fn score(scorer: Scorer, mode: Mode, answer: &str, expected: &Expected) -> f64 {
    scorer.score(mode, answer, expected).unwrap()
}

#[test]
fn scores_are_those_of_an_independent_computation() {
    let rows = golden("scores");
    assert!(rows.len() > 1500, "{}", rows.len());
    for row in rows {
        let (scorer, mode) = (Scorer::of(text(&row[0])).unwrap(), Mode::of(text(&row[1])).unwrap());
        let found = score(scorer, mode, text(&row[2]), &expected(&row[3]));
        assert!((found - row[4].as_f64().unwrap()).abs() < 1e-12, "{row}: {found}");
    }
}

#[test]
fn answers_are_compared_in_the_published_form() {
    for row in golden("normalize") {
        assert_eq!(normalize(text(&row[0])), text(&row[1]), "{row}");
    }
}

#[test]
fn metrics_of_streams_are_those_of_an_independent_computation() {
    for matrix in golden("matrices") {
        let mut accuracies = Accuracies::default();
        for row in matrix["rows"].as_array().unwrap() {
            accuracies.push(serde_json::from_value(row.clone()).unwrap()).unwrap();
        }
        let found = [
            ("mft", accuracies.mft()),
            ("mfn", accuracies.mfn()),
            ("maa", accuracies.maa()),
            ("bwt_T", accuracies.bwt_t()),
            ("bwt_Tm1", accuracies.bwt_tm1()),
        ];
        for (name, found) in found {
            match matrix[name].as_f64() {
                Some(value) => assert!((found.unwrap() - value).abs() < 1e-12, "{name}: {found:?}, {value}"),
                None => assert_eq!(found, None, "{name}"),
            }
        }
    }
}

#[test]
fn figures_of_a_published_row_fit_together() {
    // MLLM-CL's row of SEFE: MFT 65.01, MFN 58.51, BWT -8.13 over five tasks; only the means are known.
    let mut accuracies = Accuracies::default();
    for tasks in 1..=4 {
        accuracies.push(vec![65.01; tasks]).unwrap();
    }
    let earlier = 65.01 - 8.13;
    accuracies.push(vec![earlier, earlier, earlier, earlier, 65.01]).unwrap();
    assert!((accuracies.bwt_tm1().unwrap() + 8.13).abs() < 1e-9);
    assert!((accuracies.mfn().unwrap() - 58.51).abs() < 0.005);
    assert!((accuracies.bwt_t().unwrap() - (accuracies.mfn().unwrap() - accuracies.mft().unwrap())).abs() < 1e-9);
}

#[test]
fn rows_of_a_matrix_have_a_score_for_each_task_so_far() {
    let mut accuracies = Accuracies::default();
    assert_eq!((accuracies.mft(), accuracies.mfn(), accuracies.maa(), accuracies.bwt_t()), (None, None, None, None));
    accuracies.push(vec![0.5]).unwrap();
    let told = |row| Accuracies::push(&mut accuracies.clone(), row).unwrap_err().message;
    assert_eq!(told(vec![0.5]), "after task 2 there are 1 scores; 2 tasks were seen");
    assert_eq!(told(vec![0.5, f64::NAN]), "after task 2 the score of task 2 is no finite number");
}

#[test]
fn oddities_of_the_published_scripts_are_in_their_modes_only() {
    let (class, none) = (truth("tench"), "");
    assert_eq!([Mode::Reference, Mode::Strict].map(|mode| score(Scorer::ImageNet, mode, none, &class)), [1.0, 0.0]);
    let unanswerable = truth("Unanswerable");
    let scores = [Mode::Reference, Mode::Strict].map(|mode| score(Scorer::OcrVqa, mode, "Unanswerable", &unanswerable));
    assert_eq!(scores, [0.0, 1.0]);
    // The first and last character go: 1.00 becomes .00, and the right side's last digit is lost.
    let region = Expected::Region([0.5, 0.0, 1.0, 1.0]);
    let answer = "[0.51,0.00,1.0,1]";
    let scores = [Mode::Reference, Mode::Strict].map(|mode| score(Scorer::Grounding, mode, answer, &region));
    assert_eq!(scores, [0.0, 1.0]);
    let option = Expected::Option { right: 1, options: 4 };
    let scores = Mode::ALL.map(|mode| score(Scorer::ScienceQa, mode, "I'd say b", &option));
    assert_eq!(scores, [0.0; 3], "CoIN finds the I first");
    let scores = Mode::ALL.map(|mode| score(Scorer::ScienceQa, mode, "surely b", &option));
    assert_eq!(scores, [0.0, 0.0, 1.0]);
}

#[test]
fn an_intersection_of_half_is_not_enough() {
    let region = Expected::Region([0.0, 0.0, 1.0, 1.0]);
    assert_eq!(score(Scorer::Grounding, Mode::Strict, "[0,0,0.5,1]", &region), 0.0);
    assert_eq!(score(Scorer::Grounding, Mode::Strict, "[0,0,0.51,1]", &region), 1.0);
}

#[test]
fn boxes_move_with_the_padding() {
    let close = |a: [f64; 4], b: [f64; 4]| a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-12);
    assert!(close(padded([10.0, 20.0, 30.0, 40.0], 200.0, 100.0), [0.05, 0.35, 0.2, 0.55]));
    assert!(close(padded([10.0, 20.0, 30.0, 40.0], 100.0, 200.0), [0.3, 0.1, 0.45, 0.3]));
    assert!(close(padded([10.0, 20.0, 30.0, 40.0], 100.0, 100.0), [0.1, 0.2, 0.4, 0.6]));
    assert_eq!(written([0.05, 0.35, 0.2, 0.55]), "[0.05,0.35,0.20,0.55]");
    assert_eq!(region(&written([0.05, 0.35, 0.2, 0.55])), Some([0.05, 0.35, 0.2, 0.55]));
}

#[test]
fn truths_that_do_not_fit_are_told() {
    let told = |scorer: Scorer, mode, expected| scorer.score(mode, "x", &expected).unwrap_err().message;
    let people = || Expected::People(vec!["x".to_string(); 9]);
    let found = "`textvqa` compares with 10 people's answers, not 9";
    assert_eq!(told(Scorer::TextVqa, Mode::Reference, people()), found);
    assert_eq!(score(Scorer::TextVqa, Mode::Strict, "x", &people()), 1.0);
    let found = "`scienceqa` compares with an option; the truth of the item is a text";
    assert_eq!(told(Scorer::ScienceQa, Mode::Strict, truth("x")), found);
    let found = "`grounding` compares with a box; the truth of the item is an option";
    assert_eq!(told(Scorer::Grounding, Mode::Strict, Expected::Option { right: 0, options: 2 }), found);
}

#[test]
fn unanswered_items_count_where_the_scripts_count_them() {
    let scores = [Some(1.0), None, Some(0.5), None];
    assert_eq!(Scorer::ScienceQa.mean(Mode::Strict, &scores), Some(0.375));
    assert_eq!(Scorer::ScienceQa.mean(Mode::Coin, &scores), Some(0.375));
    assert_eq!(Scorer::ScienceQa.mean(Mode::Reference, &scores), Some(0.75));
    assert_eq!(Scorer::Gqa.mean(Mode::Coin, &scores), Some(0.75));
    assert_eq!(Scorer::Gqa.mean(Mode::Reference, &[None]), None);
    assert_eq!(Scorer::Gqa.mean(Mode::Strict, &[]), None);
}

#[test]
fn forms_are_told_apart() {
    let option = Expected::Option { right: 0, options: 3 };
    let region = Expected::Region([0.0, 0.0, 1.0, 1.0]);
    let words = |n: usize| vec!["word"; n].join(" ");
    let (brief, detailed) = (words(20), words(50));
    for (style, answer, expected, has) in [
        (Style::YesNo, "Yes", None, true),
        (Style::YesNo, "no.", None, true),
        (Style::YesNo, "Yes, it is", None, false),
        (Style::MultipleChoice, "B", Some(&option), true),
        (Style::MultipleChoice, "(C).", Some(&option), true),
        (Style::MultipleChoice, "D", Some(&option), false),
        (Style::MultipleChoice, "cat", Some(&option), false),
        (Style::MultipleChoice, "D", None, true),
        (Style::Short, "cat", Some(&truth("dog")), true),
        (Style::Short, "A", Some(&truth("dog")), false),
        (Style::Short, "A", Some(&truth("B")), true),
        (Style::Short, "Yes", Some(&truth("dog")), false),
        (Style::Short, "Yes", Some(&truth("no")), true),
        (Style::Short, "7", Some(&truth("7")), true),
        (Style::Short, "", Some(&truth("dog")), false),
        (Style::Short, "[0.1,0.2,0.3,0.4]", Some(&truth("dog")), false),
        (Style::Short, "[0.1,0.2,0.3,0.4]", Some(&region), true),
        (Style::Short, "cat", Some(&region), false),
        (Style::Short, &brief, Some(&truth("dog")), false),
        (
            Style::Short,
            "a word of title with seven words",
            Some(&truth("another title with the same seven words")),
            true,
        ),
        (Style::Brief, &brief, None, true),
        (Style::Brief, "cat", None, false),
        (Style::Brief, &detailed, None, false),
        (Style::Detailed, &detailed, None, true),
        (Style::Detailed, &brief, None, false),
    ] {
        assert_eq!(has_form(style, answer, expected), has, "{style:?} {answer:?} {expected:?}");
    }
}

#[test]
fn knowledge_is_found_in_any_form() {
    let question = "Which is it?\nA. red dog\nB. cat\nC. dog";
    let option = Expected::Option { right: 1, options: 3 };
    for (answer, expected, found) in [
        ("B", &option, 1.0),
        ("B. cat", &option, 1.0),
        ("It is a cat, surely.", &option, 1.0),
        ("a cat or a dog", &option, 0.0),
        ("A cat", &option, 1.0),
        ("A. cat", &option, 0.0),
        ("C", &option, 0.0),
        ("The picture shows a red dog.", &truth("red dog"), 1.0),
        ("a dog that is red", &truth("red dog"), 0.5),
        ("a dog", &truth("red dog"), 0.25),
        ("cat", &truth("red dog"), 0.0),
        ("two of them", &truth("2"), 1.0),
        ("Yes, there is no dog", &truth("yes"), 1.0),
        ("There is no dog", &truth("Yes"), 0.0),
        ("A box of 0.0, 0.0, 0.5 and 1.0.", &Expected::Region([0.0, 0.0, 1.0, 1.0]), 0.5),
        ("somewhere", &Expected::Region([0.0, 0.0, 1.0, 1.0]), 0.0),
        ("the cat", &Expected::People(vec!["dog".into(), "cat".into()]), 1.0),
    ] {
        assert_eq!(knowledge(question, answer, expected), found, "{answer:?} {expected:?}");
        assert_eq!(knows(question, answer, expected), found == 1.0, "{answer:?}");
    }
}

#[test]
fn wrong_form_and_wrong_content_are_told_apart() {
    let judged = |score, form, knows| Judged { score, form, knows };
    let (right, wrong) = (judged(1.0, true, true), judged(0.0, true, false));
    let other_form = judged(0.0, false, false);
    assert_eq!(verdict(right, None), Verdict::Kept);
    assert_eq!(verdict(wrong, Some(right)), Verdict::Essential, "its form was right, so nothing is asked again");
    assert_eq!(verdict(other_form, None), Verdict::Essential);
    assert_eq!(verdict(other_form, Some(right)), Verdict::Superficial);
    assert_eq!(verdict(other_form, Some(wrong)), Verdict::Essential);
    assert_eq!(verdict(judged(0.0, false, true), None), Verdict::Superficial);
    let items = [
        (1.0, right, None),
        (1.0, other_form, Some(right)),
        (1.0, wrong, None),
        (0.0, right, None),
        (0.3, wrong, None),
    ];
    let found = shares(items);
    assert_eq!(found, Shares { kept: 0.2, superficial: 0.2, essential: 0.2, never: 0.4 });
    assert_eq!(shares([]), Shares::default());
}

#[test]
fn words_name_scorers_and_modes() {
    assert!(Scorer::ALL.into_iter().all(|scorer| Scorer::of(scorer.word()) == Some(scorer)));
    assert!(Mode::ALL.into_iter().all(|mode| Mode::of(mode.word()) == Some(mode)));
    assert_eq!((Scorer::of("x"), Mode::of("x")), (None, None));
}

#[test]
fn judges_are_read_as_the_published_script_reads_them() {
    for (reply, points) in [
        ("7", 7.0),
        (" 7.5\n", 7.5),
        ("8/10", 8.0),
        ("Score: 6/10", 6.0),
        ("I give it 9 points.", 9.0),
        ("0", 0.0),
        ("10", 10.0),
        ("11", 0.0),
        ("-3", 0.0),
        ("nan", 0.0),
        ("none", 0.0),
        ("", 0.0),
        ("10 points", 1.0),
    ] {
        assert_eq!(judged(reply), points, "{reply:?}");
    }
    assert_eq!(rating(&[10.0, 5.0, 0.0, 1.0]), Some(0.4));
    assert_eq!(rating(&[]), None);
    let asked = question_for_judge("What is it?", "a dog", "It is a dog.\n", &truth("a dog"));
    assert!(
        asked.contains("Question: What is it?\nRight answer: a dog\nAnswer: It is a dog.\nGive 10 points"),
        "{asked}"
    );
    let asked = question_for_judge("Where?", "[0,0,1,1]", "x", &Expected::Region([0.0, 0.0, 1.0, 1.0]));
    assert!(asked.contains("Both are boxes"), "{asked}");
}

#[test]
fn records_name_the_metrics_as_tables_do() {
    let mut accuracies = Accuracies::default();
    accuracies.push(vec![1.0]).unwrap();
    accuracies.push(vec![0.5, 0.75]).unwrap();
    let found = accuracies.to_json();
    let expected = serde_json::json!({
        "accuracies": [[1.0], [0.5, 0.75]],
        "mft": 0.875, "mfn": 0.625, "maa": 0.8125, "bwt_T": -0.25, "bwt_Tm1": -0.5,
    });
    assert_eq!(found, expected);
}

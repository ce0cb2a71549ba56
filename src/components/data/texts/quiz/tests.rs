//! The tasks through the public function.

use super::*;
use crate::components::scoring::Mode;
use crate::components::styles::{Replies, Settings, diversify};
use crate::text::item::Expected;
use std::collections::{BTreeMap, BTreeSet};

const SMALL: Size = Size { train: 120, test: 60 };

fn quiz(task: QuizTask) -> Quiz {
    build(task, SMALL, 7, &Prompts::default()).unwrap()
}

fn bytes(item: &Item) -> &[u8] {
    match &item.picture {
        Some(Picture::Pixels { shape: [3, 32, 32], bytes }) => bytes,
        other => panic!("{}: {other:?}", item.id),
    }
}

#[test]
fn every_answer_is_right_by_its_scorer_and_has_its_form() {
    for task in QuizTask::ALL {
        let quiz = quiz(task);
        assert_eq!((quiz.train.len(), quiz.test.len()), (SMALL.train, SMALL.test));
        for item in quiz.train.iter().chain(&quiz.test) {
            let turn = &item.turns[0];
            let expected = item.expected.as_ref().unwrap();
            for mode in Mode::ALL {
                assert_eq!(task.scorer().score(mode, &turn.answer, expected), Ok(1.0), "{mode:?} {item:?}");
            }
            assert!(crate::components::scoring::has_form(task.style(), &turn.answer, Some(expected)), "{turn:?}");
            assert!(turn.question.ends_with(Prompts::default().of(task.style())), "{turn:?}");
            assert!(turn.question.is_ascii() && turn.answer.is_ascii(), "{turn:?}");
            let bytes = bytes(item);
            assert!(bytes.iter().any(|byte| *byte > 100), "{} is black", item.id);
            assert!(bytes[..1024] == bytes[1024..2048] && bytes[..1024] == bytes[2048..], "{} has colours", item.id);
        }
    }
}

#[test]
fn train_and_test_show_other_images() {
    // Of what is shown whole, no picture may be in both parts; grids are made of the same parts.
    for task in [QuizTask::Option, QuizTask::Short, QuizTask::Class, QuizTask::YesNo, QuizTask::Sentence] {
        let quiz = build(task, Size { train: 600, test: 300 }, 1, &Prompts::default()).unwrap();
        let seen: BTreeSet<&[u8]> = quiz.train.iter().map(bytes).collect();
        assert!(quiz.test.iter().all(|item| !seen.contains(bytes(item))), "{task:?}");
    }
}

#[test]
fn answers_are_spread_over_all_there_are() {
    let kinds = [
        (QuizTask::Option, 4),
        (QuizTask::Short, 5),
        (QuizTask::Class, 8),
        (QuizTask::YesNo, 2),
        (QuizTask::Sentence, 10),
        (QuizTask::Box, 4),
        (QuizTask::Count, 4),
        (QuizTask::Reading, 100),
    ];
    for (task, kinds) in kinds {
        let size = Size { train: 40 * kinds, test: 0 };
        let quiz = build(task, size, 3, &Prompts::default()).unwrap();
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        quiz.train.iter().for_each(|item| *counts.entry(&item.turns[0].answer).or_default() += 1);
        assert_eq!(counts.len(), kinds, "{task:?}: {counts:?}");
        // 40 of each are expected; the bounds are five standard deviations away.
        assert!(counts.values().all(|count| (9..=71).contains(count)), "{task:?}: {counts:?}");
    }
}

#[test]
fn questions_vary() {
    for task in QuizTask::ALL {
        let quiz = quiz(task);
        let questions: BTreeSet<&str> = quiz.train.iter().map(|item| item.turns[0].question.as_str()).collect();
        assert!(questions.len() >= 4, "{task:?}: {questions:?}");
    }
}

#[test]
fn size_seed_and_prompts_are_all_that_counts() {
    for task in QuizTask::ALL {
        let (small, again) = (quiz(task), quiz(task));
        assert_eq!(small, again);
        let large = build(task, Size { train: 200, test: 61 }, 7, &Prompts::default()).unwrap();
        assert_eq!((&large.train[..SMALL.train], &large.test[..SMALL.test]), (&small.train[..], &small.test[..]));
        let other = build(task, SMALL, 8, &Prompts::default()).unwrap();
        assert_ne!(other.train, small.train);
        let ids: BTreeSet<&str> = small.train.iter().chain(&small.test).map(|item| item.id.as_str()).collect();
        assert_eq!(ids.len(), SMALL.train + SMALL.test);
    }
}

#[test]
fn boxes_lie_where_the_thing_is() {
    // A grid with one bright image only: its cell is the box.
    let bright = vec![255u8; 28 * 28];
    let black = vec![0u8; 28 * 28];
    for at in 0..4 {
        let images =
            std::array::from_fn(|cell| if cell == at { Some(&bright[..]) } else { (cell > 1).then_some(&black[..]) });
        let rgb = Canvas::grid(images, 28).rgb();
        let [left, top, right, bottom] = Canvas::cell(at).map(|x| (x * 32.0) as usize);
        let lit = |row: usize, column: usize| rgb[row * 32 + column] == 255;
        let inside = |row: usize, column: usize| (top..bottom).contains(&row) && (left..right).contains(&column);
        let places = || (0..32).flat_map(|row| (0..32).map(move |column| (row, column)));
        assert!(places().all(|(row, column)| !lit(row, column) || inside(row, column)));
        assert_eq!(places().filter(|(row, column)| lit(*row, *column)).count(), 14 * 14);
    }
}

#[test]
fn every_task_can_be_diversified() {
    for task in QuizTask::ALL {
        let quiz = quiz(task);
        let done = diversify(quiz.train.clone(), &Settings::default(), &Replies::default()).unwrap();
        assert_eq!((done.native, done.items.len()), (task.style(), quiz.train.len()));
        assert!(done.rewritten.iter().all(|(style, count)| *style != task.style() && *count == 6), "{done:?}");
        for (item, before) in done.items.iter().zip(&quiz.train) {
            let Some(origin) = &item.origin else {
                assert_eq!(item, before);
                continue;
            };
            assert_eq!((&origin.source, &item.picture), (&before.id, &before.picture));
            let answer = &item.turns[0].answer;
            let form = crate::components::scoring::has_form(origin.style, answer, item.expected.as_ref());
            assert!(form, "{:?} {item:?}", origin.style);
            assert!(item.turns[0].question.is_ascii() && answer.is_ascii());
            if let Some(Expected::Option { options, .. }) = item.expected {
                assert!((2..=4).contains(&options), "{item:?}");
            }
        }
    }
}

//! Diversified files, item by item those of tests/goldens/make_sefe.py.

use super::*;
use crate::text::item::{Expected, Picture, Turn};
use serde_json::Value as Json;
use std::path::{Path, PathBuf};

fn item(json: &Json) -> Item {
    let text = |value: &Json| value.as_str().unwrap().to_string();
    let turn = |turn: &Json| Turn { question: text(&turn[0]), answer: text(&turn[1]) };
    Item {
        id: text(&json["id"]),
        picture: json["image"].as_str().map(|image| Picture::File(PathBuf::from("images").join(image))),
        turns: json["turns"].as_array().unwrap().iter().map(turn).collect(),
        expected: json["expected"].as_str().map(|truth| Expected::Text(truth.to_string())),
        origin: None,
    }
}

#[test]
fn files_are_those_of_an_independent_computation() {
    let golden: Json = serde_json::from_str(include_str!("../../../tests/goldens/sefe.json")).unwrap();
    for file in golden["diversify"].as_array().unwrap() {
        let items: Vec<Item> = file["items"].as_array().unwrap().iter().map(item).collect();
        let settings = Settings {
            share: file["share"].as_f64().unwrap(),
            seed: file["seed"].as_u64().unwrap(),
            prepend_answer: file["prepend_answer"].as_bool().unwrap(),
            ..Settings::default()
        };
        let done = diversify(items, &settings, &Replies::default()).unwrap();
        let written: Json = serde_json::from_str(&to_llava(&done.items, Path::new("images")).unwrap()).unwrap();
        let (written, out) = (written.as_array().unwrap(), file["out"].as_array().unwrap());
        assert_eq!(written.len(), out.len());
        for (written, out) in written.iter().zip(out) {
            assert_eq!(written, out);
        }
        // The order of the file changes nothing where ids differ.
        let mut reversed: Vec<Item> = file["items"].as_array().unwrap().iter().rev().map(item).collect();
        let twice: std::collections::BTreeSet<&str> = done.items.iter().map(source).collect();
        if twice.len() == reversed.len() {
            reversed = diversify(reversed, &settings, &Replies::default()).unwrap().items;
            reversed.reverse();
            assert_eq!(reversed, done.items);
        }
    }
}

fn source(item: &Item) -> &str {
    item.origin.as_ref().map_or(&item.id, |origin| &origin.source)
}

use super::super::golden::{folder, golden, numbers, pieces_with, tokenizer};
use super::*;
use serde_json::Value;
use sha2::{Digest, Sha256};

fn texts(golden: &Value) -> Vec<String> {
    golden["texts"].as_array().unwrap().iter().map(|t| t.as_str().unwrap().to_string()).collect()
}

fn modern() -> Tokenizer {
    pieces_with(r#"{"legacy": false}"#).unwrap()
}

#[test]
fn texts_get_the_numbers_that_transformers_gives_them() {
    let golden = golden();
    let readers = [
        ("bytes", tokenizer("bytes")),
        ("bytes", tokenizer("bytes.gguf")),
        ("legacy", tokenizer("pieces")),
        ("modern", modern()),
        ("fast", tokenizer("fast")),
    ];
    for (name, tokenizer) in readers {
        for (text, expected) in texts(&golden).iter().zip(golden[name].as_array().unwrap()) {
            let encoded = tokenizer.encode(text, false).unwrap();
            assert_eq!(encoded.ids, numbers(&expected["ids"]), "{name}: {text:?}");
            if let Some(decoded) = expected.get("text") {
                assert_eq!(tokenizer.decode(&encoded.ids), decoded.as_str().unwrap(), "{name}: {text:?}");
            }
        }
    }
}

#[test]
fn long_texts_too() {
    let golden = golden();
    let many = golden["many"]["text"].as_str().unwrap();
    for (name, place) in [("bytes", "bytes"), ("bytes", "bytes.gguf"), ("legacy", "pieces")] {
        let ids = tokenizer(place).encode(many, true).unwrap().ids;
        let text: Vec<String> = ids.iter().map(u32::to_string).collect();
        let hash: String = Sha256::digest(text.join(" ")).iter().map(|b| format!("{b:02x}")).collect();
        assert_eq!(hash, golden["many"][name].as_str().unwrap(), "{place}");
    }
}

/// llama.cpp's files say nothing of an older way, so spaces are put as today's tokenizers put them.
#[test]
fn pieces_of_a_gguf_file_are_those_of_the_model_file() {
    let (file, model) = (tokenizer("pieces.gguf"), modern());
    for text in texts(&golden()) {
        assert_eq!(file.encode(&text, true).unwrap(), model.encode(&text, true).unwrap(), "{text:?}");
    }
    assert_eq!((file.size(), file.special()), (model.size(), model.special()));
}

#[test]
fn special_tokens_and_sizes_are_known() {
    let bytes = Special { bos: Some(1), eos: Some(2), pad: Some(2), unk: Some(0) };
    let pieces = Special { bos: Some(1), eos: Some(2), pad: None, unk: Some(0) };
    for (name, special, size, begins) in [
        ("bytes", bytes, 512, false),
        ("bytes.gguf", bytes, 512, false),
        ("pieces", pieces, 600, true),
        ("pieces.gguf", pieces, 600, true),
        ("fast", pieces, 600, true),
    ] {
        let tokenizer = tokenizer(name);
        assert_eq!((tokenizer.special(), tokenizer.size(), tokenizer.begins()), (special, size, begins), "{name}");
    }
    assert_eq!(tokenizer("pieces").encode("", true).unwrap().ids, [1]);
    assert_eq!((tokenizer("pieces").padding(), tokenizer("bytes").padding()), (0, 2));
}

/// Every byte of a text is in the range of a token, in order; those of a token that is cut out are its text.
#[test]
fn ranges_cover_the_text() {
    for name in ["bytes", "pieces", "pieces.gguf", "fast"] {
        let tokenizer = tokenizer(name);
        for text in texts(&golden()) {
            let encoded = tokenizer.encode(&text, true).unwrap();
            let mut reached = 0;
            for range in &encoded.ranges {
                assert!(range.start <= reached && range.end >= reached, "{name} {text:?}: {:?}", encoded.ranges);
                assert!(text.get(range.clone()).is_some(), "{name} {text:?}: {range:?}");
                reached = range.end;
            }
            assert_eq!(reached, text.len(), "{name} {text:?}");
        }
    }
}

#[test]
fn streamed_texts_are_those_of_all_tokens_and_characters_come_whole() {
    for name in ["bytes", "pieces", "pieces.gguf", "fast"] {
        let tokenizer = tokenizer(name);
        for text in texts(&golden()).iter().filter(|t| !t.contains("</s>")) {
            let ids = tokenizer.encode(text, false).unwrap().ids;
            let mut stream = tokenizer.stream();
            let mut parts: Vec<String> = ids.iter().map(|id| stream.push(*id)).collect();
            parts.push(stream.finish());
            assert_eq!(parts.concat(), tokenizer.decode(&ids), "{name}: {text:?}");
            assert!(parts.iter().all(|part| !part.contains('\u{fffd}')), "{name}: {parts:?}");
        }
    }
    let tokenizer = tokenizer("pieces");
    // A byte that begins a character which never goes on.
    let broken = tokenizer.token("<0xF0>").unwrap();
    let mut stream = tokenizer.stream();
    assert_eq!((stream.push(broken), stream.finish()), (String::new(), "\u{fffd}".to_string()));
}

#[test]
fn configurations_decide() {
    let silent = pieces_with(r#"{"add_bos_token": false, "pad_token": "<pad>"}"#).unwrap();
    // A token that is in no vocabulary gets the next number.
    assert_eq!((silent.encode("", true).unwrap().ids.len(), silent.special().pad, silent.size()), (0, Some(600), 601));
    assert_eq!(silent.encode("<pad>", false).unwrap().ids, [600]);
    let bare = pieces_with(r#"{"add_prefix_space": false}"#).unwrap();
    assert_eq!(bare.encode("USER", false).unwrap().ids, modern().encode("</s>USER", false).unwrap().ids[1..]);
    let table = r#"{"added_tokens_decoder": {"600": {"content": "<image>", "rstrip": true, "special": true}}}"#;
    let image = pieces_with(table).unwrap();
    let encoded = image.encode("a<image> \n b", false).unwrap();
    assert_eq!((encoded.ids[1], encoded.ranges[1].clone()), (600, 1..11));
}

#[test]
fn what_is_wrong_is_told_with_file_and_field() {
    let wrong = |config: &str, what: &str| {
        let error = pieces_with(config).unwrap_err();
        assert!(error.contains("tokenizer_config.json`: ") && error.ends_with(what), "{error}");
    };
    wrong(r#"{"bos_token": 3}"#, "`bos_token` is no token");
    wrong(r#"{"legacy": "no"}"#, "`legacy` is neither true nor false");
    wrong(r#"{"added_tokens_decoder": {"x": "a"}}"#, "`added_tokens_decoder` has the key `x`, no number");
    let error = pieces_with(r#"{"added_tokens_decoder": {"9000": "a"}}"#).unwrap_err();
    assert!(error.ends_with("tokenizer.model`: `added_tokens_decoder` has 9000, and there are 600 pieces"), "{error}");

    let place = tempfile::tempdir().unwrap();
    let error = |name: &str, bytes: &[u8]| {
        let path = place.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        let error = Tokenizer::open(&path).unwrap_err().to_string();
        let start = format!("cannot take the tokenizer from `{}`: ", path.display());
        error.strip_prefix(&start).unwrap_or_else(|| panic!("{error}")).to_string()
    };
    assert_eq!(error("tokenizer.json", b"{}"), "it has no `model`");
    let with = |field: &str, value: &str| {
        let mut file: Value =
            serde_json::from_slice(&std::fs::read(folder().join("bytes/tokenizer.json")).unwrap()).unwrap();
        *file.pointer_mut(field).unwrap() = serde_json::from_str(value).unwrap();
        error("tokenizer.json", file.to_string().as_bytes())
    };
    assert_eq!(with("/model/type", r#""WordPiece""#), "`model.type` is `WordPiece`; `BPE` is read");
    assert_eq!(with("/model/merges/2", r#"["a", "\u00e4"]"#), "`model.merges[2]` needs `a\u{e4}`, which is no token");
    assert_eq!(with("/model/vocab/a", "3"), "`model.vocab` gives `a` the number 3, which is none or another's");
    assert_eq!(with("/model/dropout", "0.1"), "`model.dropout` is set, which is not supported");
    assert!(
        with("/decoder", r#"{"type": "CTC"}"#).starts_with("`decoder` has a part of the type `CTC`; those that are")
    );
    assert_eq!(error("a.model", b"\x0a\xff"), "it is no sound protocol buffer");
    assert_eq!(error("a.model", b""), "it has no `pieces`");
    assert_eq!(
        error("a.model", b"\x0a\x03\x0a\x01a\x12\x02\x18\x01"),
        "`trainer_spec.model_type` is 1 (unigram); 2 is read, byte-pair encoding"
    );
    assert_eq!(error("a.bin", b""), "it is neither `.json`, `.model` nor `.gguf`");
    let file = std::fs::read(folder().join("bytes.gguf")).unwrap();
    let changed = |from: &str, to: &str| {
        let at = file.windows(from.len()).position(|w| w == from.as_bytes()).unwrap();
        [&file[..at], to.as_bytes(), &file[at + from.len()..]].concat()
    };
    let text = "`tokenizer.ggml.pre` is `smolln`; `default`, `gpt-2`, `smollm`, `llama-bpe` and `qwen2` are read";
    assert_eq!(error("a.gguf", &changed("smollm", "smolln")), text);
    assert_eq!(error("a.gguf", &changed("ggml.merges", "ggml.mergez")), "`tokenizer.ggml.merges` is missing");
    let empty = Tokenizer::open(place.path().join("nothing").as_path()).unwrap_err().to_string();
    assert!(empty.ends_with("it is neither `.json`, `.model` nor `.gguf`"), "{empty}");
}

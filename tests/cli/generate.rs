//! `fsched generate`: a small model with a real tokenizer.

use super::*;
use candle_core::Device;
use fsched::nn::network::Network;
use fsched::nn::pretrained::Pretrained;
use fsched::nn::weights;

/// A folder `model` with a decoder of random weights for the tokenizer of tests/goldens/text/bytes.
fn place() -> Place {
    let place = Place::new();
    let (folder, goldens) = (place.path("model"), Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/goldens"));
    fs::create_dir(&folder).unwrap();
    for file in fs::read_dir(goldens.join("text/bytes")).unwrap().map(|entry| entry.unwrap().path()) {
        fs::copy(&file, folder.join(file.file_name().unwrap())).unwrap();
    }
    let config = json!({
        "model_type": "llama", "vocab_size": 512, "hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 2,
        "num_attention_heads": 4, "num_key_value_heads": 2, "max_position_embeddings": 48, "initializer_range": 0.3
    });
    fs::write(folder.join("config.json"), config.to_string()).unwrap();
    let network = Network::new(Pretrained::of(&config).unwrap().architecture, 3, &Device::Cpu).unwrap();
    weights::save(&network, &folder.join("model.safetensors")).unwrap();
    place
}

#[test]
fn it_goes_on_with_the_likeliest_tokens() {
    let place = place();
    let said =
        place.run(&["generate", "model", "--prompt", "To be, or", "--max-tokens", "6", "--logits", "l.safetensors"]);
    assert_eq!((said.status, said.stderr.as_str()), (0, ""), "{}", said.stdout);
    assert!(said.stdout.ends_with('\n') && said.stdout.len() > 1, "{:?}", said.stdout);
    assert_eq!(place.run(&["generate", "model", "--prompt", "To be, or", "--max-tokens", "6"]).stdout, said.stdout);
    let logits = &weights::read(&place.path("l.safetensors")).unwrap()["logits"];
    let (places, vocabulary) = logits.dims2().unwrap();
    assert_eq!(vocabulary, 512);
    // The first token is the likeliest behind the last place.
    let last: Vec<f32> = logits.get(places - 1).unwrap().to_vec1().unwrap();
    let best = (0..512).max_by(|a, b| last[*a].total_cmp(&last[*b])).unwrap();
    let tokenizer = fsched::text::tokenizer::Tokenizer::open(&place.path("model")).unwrap();
    assert!(said.stdout.starts_with(&tokenizer.decode(&[best as u32])), "{best}: {:?}", said.stdout);
    // In a template the prompt is longer.
    let chat = place.run(&["generate", "model", "--prompt", "a", "--template", "chatml", "--max-tokens", "1"]);
    assert!(chat.status == 2 && chat.stderr.contains("places"), "{}", chat.stderr);
}

#[test]
fn what_is_missing_or_does_not_fit_is_told() {
    let place = place();
    let told = |arguments: &[&str]| {
        let said = place.run(&[&["generate", "model", "--prompt", "a"], arguments].concat());
        assert!(said.status != 0 && said.stdout.is_empty(), "{}", said.stdout);
        said.stderr
    };
    assert!(told(&["--image", "x.png"]).contains("the model sees no pictures"));
    assert!(told(&["--adapter", "nowhere"]).contains("adapter_config.json"));
    assert!(told(&["--max-tokens", "0"]).contains("1..=1000000"));
    let empty = place.run(&["generate", "model", "--prompt", ""]);
    assert!(empty.stderr.contains("no token to go on from"), "{}", empty.stderr);
    fs::remove_file(place.path("model/tokenizer.json")).unwrap();
    assert!(told(&[]).contains("neither `tokenizer.json` nor `tokenizer.model`"));
    fs::write(place.path("model/config.json"), "{\"model_type\": \"gpt2\"}").unwrap();
    assert!(told(&[]).contains("supported are llama and llava"));
    fs::remove_file(place.path("model/config.json")).unwrap();
    assert!(told(&[]).contains("config.json"));
}

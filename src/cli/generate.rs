//! `fsched generate MODEL --prompt TEXT`

use super::failure::{Exit, Failure};
use crate::components::adapters::NAME;
use crate::diagnostic::Code;
use crate::nn::network::{Asked, Network, Noise, Trainable, greedy};
use crate::nn::pretrained::{self, peft};
use crate::nn::sequences::{Seen, Sequences};
use crate::nn::weights::{self, WeightsError};
use crate::text::item::{Item, Picture, Turn};
use crate::text::picture::{CLIP_MEAN, Fit, pixels};
use crate::text::sequence::{Batch, Room, Sequence, Side, Writer};
use crate::text::template::Template;
use crate::text::tokenizer::Tokenizer;
use candle_core::{Device, Tensor};
use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::PathBuf;

/// Text from a language model: the likeliest token, again and again
#[derive(clap::Args, Debug)]
pub struct Generate {
    /// Folder as Hugging Face keeps it (config.json, safetensors, tokenizer), or .gguf file
    #[arg(value_hint = clap::ValueHint::AnyPath)]
    model: PathBuf,
    /// What it goes on from; in a template, the question
    #[arg(long, value_name = "TEXT")]
    prompt: String,
    /// What stands around the question
    #[arg(long, default_value = "none", value_parser = ["none", "vicuna_v1", "chatml", "plain"])]
    template: String,
    /// PNG or JPEG that the question is about
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    image: Option<PathBuf>,
    /// Folder of an adapter, as PEFT keeps it
    #[arg(long, value_name = "DIR", value_hint = clap::ValueHint::DirPath)]
    adapter: Option<PathBuf>,
    /// Tokens at most
    #[arg(long, value_name = "N", default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    max_tokens: u32,
    /// Where the logits behind each place of the prompt go, as the tensor `logits` (places, vocabulary)
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    logits: Option<PathBuf>,
}

/// A model with its tokenizer.
struct Model {
    network: Network,
    tokenizer: Tokenizer,
    /// places of the decoder
    positions: usize,
}

impl Generate {
    pub fn run(&self, out: &mut dyn Write) -> Result<Exit, Failure> {
        let model = self.open()?;
        let (sequence, ends) = self.prompt(&model)?;
        let picture = model.network.architecture().vision().map_or(0, |vision| vision.tokens);
        let batch = Batch::new(&[sequence], picture, model.tokenizer.padding(), Side::Left);
        let sequences = Sequences::of(&batch, self.seen(&model)?);
        let room = model.positions.saturating_sub(sequences.length);
        if room == 0 {
            let (length, most) = (sequences.length, model.positions);
            return Err(Failure::usage(format!("the prompt takes {length} places; the model was made for {most}")));
        }
        if let Some(path) = &self.logits {
            let logits = logits(&model.network, &sequences).map_err(failed)?;
            weights::write(&BTreeMap::from([("logits".to_string(), logits)]), path)
                .map_err(|e| failed(e.to_string()))?;
        }
        let mut stream = model.tokenizer.stream();
        // The network knows nothing of where its tokens go, so what the terminal says is kept until it is done.
        let mut written = Ok(());
        let say = |text: String, out: &mut dyn Write| -> io::Result<()> {
            out.write_all(text.as_bytes())?;
            out.flush()
        };
        let pick = |_: usize, logits: &[f32]| {
            let token = greedy(logits);
            if written.is_ok() && !ends.contains(&token) {
                written = say(stream.push(token), out);
            }
            // A reader that is gone wants no more.
            if written.is_ok() { token } else { ends.first().copied().unwrap_or(token) }
        };
        model.network.generate(&sequences, room.min(self.max_tokens as usize), &ends, pick).map_err(failed)?;
        written?;
        say(stream.finish() + "\n", out)?;
        Ok(Exit::Done)
    }

    fn open(&self) -> Result<Model, Failure> {
        let (network, form) = pretrained::open(&self.model, &Device::Cpu).map_err(|e| bad_weights(&e))?;
        let network = match &self.adapter {
            Some(folder) => {
                let adapter = peft::Peft::read(folder, &network, form).map_err(|e| bad_weights(&e))?;
                adapter.onto(network, NAME).map_err(failed)?
            }
            None => network,
        };
        let tokenizer = Tokenizer::open(&self.model).map_err(|e| failed(e.to_string()))?;
        let (tokens, rows) = (tokenizer.size(), network.architecture().classes);
        if tokens > rows {
            let message = format!("the tokenizer has {tokens} tokens, the model's vocabulary {rows}");
            return Err(failed(message).help("they are of different models"));
        }
        let positions = network.architecture().positions().unwrap_or(usize::MAX);
        Ok(Model { network, tokenizer, positions })
    }

    /// The prompt in tokens, and the tokens that end an answer.
    fn prompt(&self, model: &Model) -> Result<(Sequence, Vec<u32>), Failure> {
        let vision = model.network.architecture().vision();
        if self.image.is_some() && vision.is_none() {
            return Err(Failure::usage("the model sees no pictures").help("leave `--image` out"));
        }
        let picture = vision.map_or(0, |vision| vision.tokens);
        let room = Room { max_length: model.positions, picture };
        let mut ends: Vec<u32> = model.tokenizer.special().eos.into_iter().collect();
        let Some(template) = Template::named(&self.template) else {
            let mut ids = model.tokenizer.encode("", true).map_err(|e| failed(e.to_string()))?.ids;
            let image_at = self.image.as_ref().map(|_| ids.len());
            ids.extend(model.tokenizer.encode(&self.prompt, false).map_err(|e| failed(e.to_string()))?.ids);
            if ids.is_empty() && image_at.is_none() {
                return Err(
                    Failure::usage("the prompt has no token to go on from").help("write `--prompt \"some text\"`")
                );
            }
            let targets = vec![crate::text::IGNORED; ids.len()];
            return Ok((Sequence { ids, targets, image_at }, ends));
        };
        let turns = vec![Turn { question: self.prompt.clone(), answer: String::new() }];
        let picture = self.image.clone().map(Picture::File);
        let item = Item { id: "--prompt".into(), picture, turns, expected: None, origin: None };
        let writer = Writer::new(&model.tokenizer, template, room).map_err(Failure::usage)?;
        let sequence = writer.prompt(&item).map_err(Failure::usage)?;
        ends.push(writer.stop());
        Ok((sequence, ends))
    }

    fn seen(&self, model: &Model) -> Result<Seen, Failure> {
        let (Some(path), Some(vision)) = (&self.image, model.network.architecture().vision()) else {
            return Ok(Seen::Nothing);
        };
        let size = vision.picture().map_or(0, |[_, _, width]| width);
        let bytes = pixels(&Picture::File(path.clone()), Fit::pad(CLIP_MEAN), size).map_err(Failure::usage)?;
        let numbers: Vec<f32> = bytes.iter().map(|byte| f32::from(*byte) / 255.0).collect();
        Ok(Seen::Pixels(Tensor::from_vec(numbers, (1, 3, size, size), &Device::Cpu).map_err(failed)?))
    }
}

/// Of all places of the prompt.
fn logits(network: &Network, sequences: &Sequences) -> candle_core::Result<Tensor> {
    let places: Vec<u32> = (0..sequences.positions() as u32).collect();
    let tape = network.tape();
    let forward = network.read(&tape, sequences, Asked::At(&places), Trainable::None, Noise::Off)?;
    Ok(forward.logits.tensor().clone())
}

fn failed(what: impl ToString) -> Failure {
    Failure::new(Exit::RunFailed, what.to_string())
}

fn bad_weights(error: &WeightsError) -> Failure {
    failed(error).code(Code::BAD_WEIGHTS)
}

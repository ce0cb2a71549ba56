//! Conversations in a run: written in tokens once for each data set, task and way of writing, in batches with their
//! pictures, and answered.

mod answers;
mod calibrate;
pub mod measure;
mod pictures;
mod written;

pub use calibrate::calibrate;
pub use written::{Written, learned, replayed, squares};

use super::Run;
use super::error::Failure;
use crate::components::models::text::{self, Named, Start};
use crate::language::program::{Program, Settings};
use crate::nn::architecture::DECODER;
use crate::nn::network::Network;
use crate::nn::pretrained;
use crate::nn::weights::WeightsError;
use crate::text::sequence::{Room, Writer};
use crate::text::template::Template;
use crate::text::tokenizer::Tokenizer;
use pictures::Pictures;
use std::sync::Arc;

/// What a run keeps of conversations. All of it follows from the program, its files and the weights.
#[derive(Default)]
pub struct Texts {
    reader: Option<Arc<Reader>>,
    /// those used last, with what they are known by
    written: Vec<(String, Arc<Written>)>,
    pub(super) pictures: Pictures,
    answers: answers::Known,
}

impl Texts {
    /// What was found with the present weights, while others are measured.
    pub fn lend(&mut self) -> Found {
        (std::mem::take(&mut self.answers), std::mem::take(&mut self.pictures))
    }

    /// The present weights are there again.
    pub fn take_back(&mut self, (answers, pictures): Found) {
        (self.answers, self.pictures) = (answers, pictures);
    }
}

/// What follows from weights.
type Found = (answers::Known, Pictures);

/// How the model of a program reads.
pub struct Reader {
    tokenizer: Tokenizer,
    template: Template,
    /// places of the decoder
    positions: usize,
    /// places that a picture takes; 0 where the model sees none
    picture: usize,
    /// pixels on a side of a picture
    side: usize,
}

impl Reader {
    fn of(run: &Run) -> Result<Reader, Failure> {
        let model = &run.program.model;
        let tokenizer = text::tokenizer(&model.spec, &run.world.places)?;
        let (tokens, rows) = (tokenizer.size(), model.architecture.classes);
        if tokens > rows {
            let message = format!("the tokenizer has {tokens} tokens, the model's vocabulary {rows}");
            return Err(Failure::new(message).help("they are of different models"));
        }
        let vision = model.architecture.vision();
        Ok(Reader {
            tokenizer,
            template: text::template(&model.spec),
            positions: model.architecture.positions().unwrap_or(usize::MAX),
            picture: vision.map_or(0, |vision| vision.tokens),
            side: vision.and_then(|vision| vision.picture()).map_or(0, |[_, _, width]| width),
        })
    }

    fn writer(&self, settings: &Settings) -> Result<Writer<'_>, Failure> {
        let asked = settings.texts.max_length.map_or(usize::MAX, |n| usize::try_from(n).unwrap_or(usize::MAX));
        let room = Room { max_length: asked.min(self.positions), picture: self.picture };
        Writer::new(&self.tokenizer, self.template, room).map_err(Failure::new)
    }
}

/// How the model of the run reads; files are opened at the first use.
fn reader(run: &mut Run) -> Result<Arc<Reader>, Failure> {
    if let Some(reader) = &run.texts.reader {
        return Ok(reader.clone());
    }
    let reader = Arc::new(Reader::of(run)?);
    run.texts.reader = Some(reader.clone());
    Ok(reader)
}

/// The network that a run begins with: with the weights of its files, where its model has some.
///
/// # Errors
/// Files that lack or do not fit, and memory that cannot be had.
pub fn first(program: &Program, world: &super::World) -> Result<Network, Failure> {
    let model = &program.model;
    let architecture = model.architecture.clone();
    let open = |named: &Named| {
        let opened = pretrained::open(&named.path, &world.device);
        opened.map(|(network, _)| network).map_err(|error| unread(named, &error))
    };
    match text::start(&model.spec, &world.places)? {
        Start::Random => Ok(Network::new(architecture, program.seed, &world.device)?),
        Start::Whole(named) => Ok(open(&named)?.rebuilt(architecture, program.seed)?),
        Start::Parts { decoder, tower } => {
            let mut network = open(&decoder)?.within(DECODER, architecture, program.seed)?;
            if let Some(named) = tower {
                pretrained::load_tower(&mut network, &named.path).map_err(|error| unread(&named, &error))?;
            }
            Ok(network)
        }
    }
}

fn unread(Named { path, shown }: &Named, error: &WeightsError) -> Failure {
    Failure::new(error.to_string().replace(&path.display().to_string(), shown))
        .help(format!("a run needs the weights: put them into `{shown}`, as its authors publish them"))
}

//! Every reader of files that a stranger may have made, as functions of bytes. Whatever the bytes are, each ends with an
//! answer: what it keeps, or a sentence that names the file. The fuzz targets (`fuzz/`) include this file.

use crate::honest;
use candle_core::Device;
use fsched::components::data::{self, Places};
use fsched::components::metrics::Matrix;
use fsched::components::styles::{self, Replies};
use fsched::components::{Family, Value, catalogue};
use fsched::language::{Disk, Options, analyze};
use fsched::nn::weights;
use fsched::reading::{self, json, limits};
use fsched::record::screen::Screen;
use fsched::record::{Found, Manifest, Summary, ledger_is_sound};
use fsched::runtime::store;
use fsched::text::instructions::{Pictures, coin, conversations, either};
use fsched::text::item::{Item, Turn};
use fsched::text::tokenizer::Tokenizer;
use std::cell::RefCell;
use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Bytes that are kept for what was read, or what is wrong with it.
pub type Answer = Result<u64, String>;

pub struct Reader {
    pub name: &'static str,
    /// the file that is tried, in a folder of its own
    pub file: &'static str,
    /// what an error calls it
    pub shown: &'static str,
    /// what lies beside it
    beside: fn(&Path),
    /// small files as they should be
    pub honest: fn() -> Vec<Vec<u8>>,
    /// makes checksums right that a change of bytes has made wrong
    pub mend: fn(&[u8]) -> Option<Vec<u8>>,
    read: fn(&Path) -> Answer,
}

pub const READERS: &[Reader] = &[
    data("idx images", "set/train-images-idx3-ubyte", honest::images, idx),
    data("idx labels", "set/train-labels-idx1-ubyte", honest::labels, idx),
    Reader {
        mend: honest::repacked,
        ..data("gzip", "set/train-images-idx3-ubyte.gz", honest::packed_images, idx_packed)
    },
    data("cifar10 binary", "set/test_batch.bin", honest::cifar10, |place| load(place, "cifar10")),
    data("cifar100 binary", "set/train.bin", honest::cifar100, |place| load(place, "cifar100")),
    Reader { mend: honest::checksummed, ..data("cifar10 sheet", "set/test_batch.png", honest::sheet, sheets) },
    data("cifar10 labels", "set/test_lables.json", honest::sheet_labels, sheets),
    Reader {
        mend: honest::checksummed,
        ..data("png", "set/a/1.png", honest::pngs, |place| load(place, "image_folder"))
    },
    data("jpeg", "set/a/1.jpg", honest::jpegs, |place| load(place, "image_folder")),
    reader("safetensors", "model.safetensors", honest::safetensors, nothing, weights),
    reader("gguf", "model.gguf", honest::ggufs, nothing, weights),
    reader("tokenizer json", "tokenizer.json", honest::tokenizers, nothing, |place| {
        tokenizer(&place.join("tokenizer.json"))
    }),
    reader("pieces", "tokenizer.model", honest::pieces, nothing, |place| tokenizer(&place.join("tokenizer.model"))),
    reader("vocabulary", "words.gguf", honest::vocabularies, nothing, |place| tokenizer(&place.join("words.gguf"))),
    reader("conversations", "talk.json", honest::conversations, a_picture, conversations),
    reader("questions", "test.json", honest::questions, a_picture, questions),
    reader("costs", "costs.csv", honest::costs, nothing, costs),
    reader("manifest", "manifest.json", honest::manifest, run_folder, manifest),
    reader("lock", "lock", honest::lock, run_folder, lock),
    reader("events", "events.jsonl", honest::events, run_folder, events),
    reader("ledger", "ledger.jsonl", honest::ledger, run_folder, ledger),
    reader("plan", "plan.json", honest::plan, nothing, plan),
    reader("replies", "replies.jsonl", honest::replies, nothing, replies),
    Reader {
        shown: "step-1",
        mend: honest::sealed,
        ..reader("checkpoint", "step-1/state.json", honest::state, beside_state, checkpoint)
    },
    reader("program", "a.fsched", honest::programs, nothing, program),
    Reader { shown: "", ..reader("import", "b.fsched", honest::imports, importing, program) },
    Reader { shown: "", ..reader("--set", "value", honest::values, nothing, set) },
];

pub const IDX: &[&str] = &["idx images", "idx labels"];
pub const GZIP: &[&str] = &["gzip"];
pub const CIFAR: &[&str] = &["cifar10 binary", "cifar100 binary", "cifar10 sheet", "cifar10 labels"];
pub const PICTURE: &[&str] = &["png", "jpeg"];
pub const SAFETENSORS: &[&str] = &["safetensors"];
pub const GGUF: &[&str] = &["gguf"];
pub const TEXT: &[&str] = &["tokenizer json", "pieces", "vocabulary", "conversations", "questions"];
pub const RECORDS: &[&str] = &["manifest", "lock", "events", "ledger", "plan", "checkpoint", "costs", "replies"];

/// The reader of that name.
pub fn named(name: &str) -> &'static Reader {
    READERS.iter().find(|r| r.name == name).expect("it is in the table")
}

const fn reader(
    name: &'static str,
    file: &'static str,
    honest: fn() -> Vec<Vec<u8>>,
    beside: fn(&Path),
    read: fn(&Path) -> Answer,
) -> Reader {
    Reader { name, file, shown: file, beside, honest, mend: |_| None, read }
}

const fn data(
    name: &'static str,
    file: &'static str,
    honest: fn() -> Vec<Vec<u8>>,
    read: fn(&Path) -> Answer,
) -> Reader {
    Reader { shown: "`set", ..reader(name, file, honest, data_set, read) }
}

impl Reader {
    /// Reads these bytes as the file. `place` is its folder, made by [`Reader::place`].
    pub fn read(&self, place: &Path, bytes: &[u8]) -> Answer {
        fs::write(place.join(self.file), bytes).expect("the folder is ours");
        self.read_there(place)
    }

    /// Reads what lies there.
    pub fn read_there(&self, place: &Path) -> Answer {
        (self.read)(place)
    }

    /// A folder with what belongs beside the file, made once for each test and gone with it.
    pub fn place(&self) -> PathBuf {
        thread_local! {
            static PLACES: RefCell<HashMap<&'static str, tempfile::TempDir>> = RefCell::default();
        }
        PLACES.with_borrow_mut(|places| {
            let made = places.entry(self.name).or_insert_with(|| {
                // Thousands of files a second are written: to memory, where there is such a disk.
                let memory = Path::new("/dev/shm");
                let folder = tempfile::tempdir_in(memory).or_else(|_| tempfile::tempdir()).expect("a folder");
                let path = folder.path().join(self.file);
                fs::create_dir_all(path.parent().expect("it lies in a folder")).expect("a folder");
                (self.beside)(folder.path());
                folder
            });
            made.path().to_path_buf()
        })
    }
}

/// What a fuzz target does: the first byte chooses a reader, the others are its file; an error must name the file.
#[allow(dead_code, reason = "for the fuzz targets")]
pub fn try_one_of(names: &[&str], bytes: &[u8]) {
    let Some((choice, bytes)) = bytes.split_first() else { return };
    let reader = named(names[usize::from(*choice) % names.len()]);
    let place = reader.place();
    let answers = [Some(bytes.to_vec()), (reader.mend)(bytes)].map(|b| b.map(|b| reader.read(&place, &b)));
    for error in answers.into_iter().flatten().filter_map(Result::err) {
        assert!(error.contains(reader.shown), "{error}");
    }
}

fn nothing(_: &Path) {}

fn write(place: &Path, name: &str, bytes: Vec<u8>) {
    let path = place.join(name);
    fs::create_dir_all(path.parent().expect("it lies in a folder")).expect("a folder");
    fs::write(path, bytes).expect("the folder is ours");
}

fn first(files: Vec<Vec<u8>>) -> Vec<u8> {
    files.into_iter().next().expect("there is one")
}

/// The other files of all data sets; each reader takes its own.
fn data_set(place: &Path) {
    write(place, "set/train-images-idx3-ubyte", first(honest::images()));
    write(place, "set/train-labels-idx1-ubyte", first(honest::labels()));
    if place.join("set/a").exists() {
        write(place, "set/b/1.png", first(honest::pngs()));
    } else {
        write(place, "set/test_batch.png", first(honest::sheet()));
        write(place, "set/test_lables.json", first(honest::sheet_labels()));
        write(place, "set/test.bin", first(honest::cifar100()));
    }
}

fn run_folder(place: &Path) {
    write(place, "manifest.json", first(honest::manifest()));
    write(place, "events.jsonl", first(honest::events()));
    write(place, "ledger.jsonl", first(honest::ledger()));
}

fn beside_state(place: &Path) {
    honest::write_checkpoint(place);
}

fn checkpoint(place: &Path) -> Answer {
    let program = honest::small_program();
    let folder = place.join("step-1");
    store::load(&folder, &program.model, program.precision, &Device::Cpu).map_err(|failure| failure.message)?;
    store::order(&folder).ok_or("step-1 can be loaded and has no place among others")?;
    Ok(0)
}

fn importing(place: &Path) {
    write(place, "a.fsched", b"use \"b.fsched\"\ndata digits\ntrain 1\n".to_vec());
}

fn places(place: &Path) -> Places {
    Places { program: place.into(), data: place.join("data"), allowed: Vec::new() }
}

/// Describes and loads the data set in `set`, whatever of it is described.
fn load(place: &Path, name: &str) -> Answer {
    let member = catalogue::find(Family::Data, name).expect("a data set");
    let value = |param| match catalogue::default_value(&param_default(param), param) {
        Some(value) => value,
        None => Value::Text("set".into()),
    };
    let spec = fsched::components::Spec { member, args: member.params.iter().map(value).collect() };
    let facts = data::describe(&spec, &places(place), 0).map_err(|p| p.message);
    let loaded = data::load(&spec, &places(place), 0).map_err(|p| p.message);
    match (facts, loaded) {
        (Ok(facts), Ok(set)) => {
            assert_eq!(facts, set.facts);
            let size = facts.shape.iter().product::<usize>() as u64;
            Ok(facts.counts.iter().sum::<usize>() as u64 * (size + limits::EXAMPLE_BYTES))
        }
        (_, Err(error)) => Err(error),
        (Err(error), Ok(_)) => panic!("it is read although it can't be described: {error}"),
    }
}

fn param_default(param: &fsched::components::Param) -> fsched::components::Default {
    param.default
}

fn idx(place: &Path) -> Answer {
    load(place, "idx")
}

fn idx_packed(place: &Path) -> Answer {
    // The plain file would be found first.
    let _ = fs::remove_file(place.join("set/train-images-idx3-ubyte"));
    load(place, "idx")
}

fn sheets(place: &Path) -> Answer {
    load(place, "cifar10")
}

fn weights(place: &Path) -> Answer {
    let path = ["model.safetensors", "model.gguf"].map(|name| place.join(name)).into_iter().find(|p| p.exists());
    let path = path.ok_or("neither model.safetensors nor model.gguf")?;
    let facts = weights::describe(&path).map_err(|e| e.to_string())?;
    let tensors = weights::read(&path).map_err(|e| e.to_string())?;
    assert_eq!(facts.len(), tensors.len());
    facts.iter().for_each(|fact| assert_eq!(tensors[&fact.name].dims(), fact.shape));
    Ok(tensors.values().map(|t| (t.elem_count() * t.dtype().size_in_bytes()) as u64).sum())
}

/// What it makes of a text comes back as one.
fn tokenizer(path: &Path) -> Answer {
    let tokenizer = Tokenizer::open(path).map_err(|e| e.to_string())?;
    let named = |e| format!("{}: {e}", path.display());
    let ids = tokenizer.encode(" ab aab</s>\n12 \u{1f980}b<s>", true).map_err(named)?.ids;
    let mut stream = tokenizer.stream();
    let streamed: String = ids.iter().map(|id| stream.push(*id)).collect();
    assert!(streamed.len() <= 1 << 20 && tokenizer.decode(&[u32::MAX]).is_empty());
    Ok(0)
}

fn a_picture(place: &Path) {
    write(place, "a.png", first(honest::pngs()));
}

fn kept(items: &[Item]) -> u64 {
    let turn = |turn: &Turn| turn.question.len() + turn.answer.len() + size_of::<Turn>();
    items.iter().map(|item| size_of::<Item>() + item.turns.iter().map(turn).sum::<usize>()).sum::<usize>() as u64
}

fn conversations(place: &Path) -> Answer {
    let mut pictures = Pictures::below(place);
    let items = conversations::read(&place.join("talk.json"), &mut pictures).map_err(|e| e.to_string())?;
    rewritten(&place.join("talk.json"));
    Ok(kept(&items))
}

/// As `fsched diversify` does it: whatever the items are, they are rewritten, or it is said why not.
fn rewritten(file: &Path) {
    let Ok(items) = either::read(file, &mut Pictures::unsought()) else { return };
    for share in [0.5, 1.0] {
        let settings = styles::Settings { share, ..styles::Settings::default() };
        let Ok(done) = styles::diversify(items.clone(), &settings, &Replies::default()) else { continue };
        let text = styles::to_llava(&done.items, Path::new("")).unwrap();
        assert_eq!(text.lines().count(), items.len() + 2);
    }
}

fn questions(place: &Path) -> Answer {
    let mut pictures = Pictures::below(place);
    let mut read = |form| coin::test(&place.join("test.json"), form, None, &mut pictures).map_err(|e| e.to_string());
    read(coin::Form::Region)?;
    rewritten(&place.join("test.json"));
    Ok(kept(&read(coin::Form::Option)?))
}

fn costs(place: &Path) -> Answer {
    let matrix = Matrix::read("costs.csv", &places(place)).map_err(|p| p.message)?;
    let classes = ["a", "b"].map(String::from);
    matrix.of_classes(&classes).map(|costs| (costs.classes() * costs.classes() * 8) as u64).map_err(|p| p.message)
}

fn replies(place: &Path) -> Answer {
    let path = place.join("replies.jsonl");
    let kept = fs::metadata(&path).map_err(|e| e.to_string())?.len();
    let replies = Replies::read(&path).map_err(|p| p.message)?;
    let (items, settings) = honest::asked();
    let done = styles::diversify(items.clone(), &settings, &replies).map_err(|p| p.message)?;
    assert_eq!(done.items.len(), items.len());
    Ok(kept)
}

fn manifest(place: &Path) -> Answer {
    Manifest::read(place).map_err(|e| e.to_string())?;
    let found = Found::at(place).map_err(|e| e.to_string())?;
    assert!(matches!(found, Found::Finished(_) | Found::Unfinished), "{found:?}");
    Ok(0)
}

fn lock(place: &Path) -> Answer {
    match Found::at(place).map_err(|e| e.to_string())? {
        Found::Nothing | Found::Foreign => Err("the lock hides what the folder is".into()),
        _ => Ok(0),
    }
}

fn events(place: &Path) -> Answer {
    let summary = Summary::read(place).map_err(|e| e.to_string())?;
    let shown = summary.draw(Screen::page());
    assert!(!shown.contains('\u{1b}'), "{shown:?}");
    Ok(0)
}

fn ledger(place: &Path) -> Answer {
    let manifest = Manifest::read(place).map_err(|e| e.to_string())?;
    ledger_is_sound(place, &manifest).then_some(0).ok_or_else(|| "ledger.jsonl".into())
}

fn plan(place: &Path) -> Answer {
    let path = place.join("plan.json");
    let bytes = reading::whole(&path, limits::RECORD_BYTES).map_err(|e| e.to_string())?;
    let wrong = |e| format!("{}: {e}", path.display());
    let plan: serde_json::Value = json::parse(&bytes, json::Kind::Any).map_err(wrong)?;
    let honest: serde_json::Value = serde_json::from_slice(&first(honest::plan())).expect("a plan");
    let (there, back) = (fsched::plan::diff(&plan, &honest), fsched::plan::diff(&honest, &plan));
    assert_eq!(there.is_empty(), back.is_empty());
    Ok(0)
}

fn analysis(place: &Path, sets: Vec<(String, String)>, path: &Path) -> Answer {
    let options = Options { sets, places: places(place), ..Options::default() };
    let found = analyze(path, &Disk { root: Some(place.into()) }, &options);
    let text: usize = found.sources.iter().map(|(_, source)| source.text.len()).sum();
    match found.diagnostics.iter().find(|d| d.severity == fsched::diagnostic::Severity::Error) {
        Some(error) => Err(format!("{}: {}", path.display(), error.message)),
        None => Ok(text as u64),
    }
}

fn program(place: &Path) -> Answer {
    analysis(place, Vec::new(), &place.join("a.fsched"))
}

fn set(place: &Path) -> Answer {
    let text = fs::read(place.join("value")).expect("it was written");
    write(place, "a.fsched", b"param n: Int = 1\ntrain n\n".to_vec());
    let value = String::from_utf8_lossy(&text).into_owned();
    analysis(place, vec![("n".into(), value)], &place.join("a.fsched"))
}

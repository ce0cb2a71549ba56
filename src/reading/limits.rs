//! How much of anything is read that a stranger may have made: each limit, with the reason for its size.
//!
//! `SECURITY.md` shows this table; `tests/hostile` compares the two.

/// Bytes of a program's texts together: its file, its imports as often as they are imported.
/// The largest that anybody wrote by hand has some 100 kB; a syntax tree takes a hundred times its text.
pub const PROGRAM_BYTES: u64 = 8 << 20;

/// Bytes of a program that are read before its size is judged; `syntax::MAX_BYTES` refuses it far below this.
pub const TEXT_BYTES: u64 = 64 << 20;

/// Bytes of one data set in memory: pixels, and [`EXAMPLE_BYTES`] for each example.
pub const DATA_BYTES: u64 = 4 << 30;

/// What an example takes beside its pixels: label, id, its place in the splits and in the order of an epoch.
pub const EXAMPLE_BYTES: u64 = 64;

/// Data that take more than [`UNSUSPICIOUS_BYTES`] may be so many times as large as their files. Deflate reaches 1032,
/// pictures of scenes 30, drawings of a few strokes 50.
pub const EXPANSION: u64 = 100;

/// Data of this size are read however small their files are.
pub const UNSUSPICIOUS_BYTES: u64 = 256 << 20;

/// Width and height of a picture.
pub const PICTURE_SIDE: u32 = 4096;

/// Bytes of a picture's file: more than 4096 x 4096 pixels of four bytes take, however badly they are packed.
pub const PICTURE_BYTES: u64 = 72 << 20;

/// Bytes that the decoder of a picture may allocate for itself and for colour profiles and texts in the file.
pub const PICTURE_MEMORY: u64 = 128 << 20;

/// Rows of a sheet of CIFAR-10, of an image each. The real sheets have 10,000.
pub const SHEET_ROWS: u32 = 1 << 14;

/// Bytes of a list of labels. The real one of 50,000 takes 100 kB.
pub const LABELS_BYTES: u64 = 16 << 20;

/// Bytes of a cost matrix. One of 1,000 classes takes 2 to 8 million.
pub const COSTS_BYTES: u64 = 16 << 20;

/// Classes of a cost matrix: each takes a row and a column of at least two bytes, so no more fit into [`COSTS_BYTES`].
pub const COSTS_CLASSES: usize = 2896;

/// Bytes of the header of weights. One of 1,000 tensors takes 100 kB.
pub const WEIGHTS_HEADER_BYTES: u64 = 16 << 20;

/// Tensors of a file of weights.
pub const TENSORS: u64 = 100_000;

/// Bytes of the name of a tensor, and of a key of a GGUF file.
pub const TENSOR_NAME_BYTES: u64 = 1 << 10;

/// Dimensions of a tensor.
pub const DIMENSIONS: u64 = 8;

/// Key-value pairs of a GGUF file. Those of language models have some 50.
pub const GGUF_PAIRS: u64 = 1 << 16;

/// Lists within lists in the values of a GGUF file. Those that are in use have one.
pub const GGUF_DEPTH: u32 = 4;

/// Bytes that those values of a GGUF file take that are wanted. A vocabulary of 256,000 with its merges takes 50 million.
pub const GGUF_KEPT_BYTES: u64 = 512 << 20;

/// Bytes of a file of a tokenizer. The largest in use have 33 million.
pub const TOKENIZER_BYTES: u64 = 128 << 20;

/// Pieces of a vocabulary. The largest in use have 262,000.
pub const PIECES: usize = 1 << 20;

/// Bytes of a piece of a vocabulary. The longest in use are runs of 128 spaces or dashes.
pub const PIECE_BYTES: usize = 1 << 12;

/// Bytes of a file of instructions. LLaVA's 665,000 conversations take a billion.
pub const INSTRUCTIONS_BYTES: u64 = 8 << 30;

/// Instructions of a file. The largest in use have some millions.
pub const INSTRUCTIONS: usize = 1 << 24;

/// Bytes of one instruction; a conversation that a model can take in has some 10 kB.
pub const INSTRUCTION_BYTES: u64 = 1 << 20;

/// Bytes of a manifest: bindings, the command line, up to 1,000 imports.
pub const MANIFEST_BYTES: u64 = 4 << 20;

/// Bytes of a plan or of the state in a checkpoint, which grows with each measurement that is followed.
pub const RECORD_BYTES: u64 = 1 << 30;

/// Bytes of a line of events or of the ledger, whose largest lists every tensor that changed, with 250 for each.
pub const LINE_BYTES: u64 = 1 << 20;

/// Bytes of a file with replies of a language model, which are kept as they are. The replies to all items of OCR-VQA take
/// some 100 million.
pub const REPLIES_BYTES: u64 = 1 << 30;

/// Bytes of a lock's file.
pub const LOCK_BYTES: u64 = 1 << 16;

/// JSON whose values may take more than [`JSON_SLACK`] may take so many times the length of its text.
pub const JSON_EXPANSION: u64 = 8;

/// Bytes that the values of JSON may take however short the text is.
pub const JSON_SLACK: u64 = 192 << 20;

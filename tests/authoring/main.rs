//! Writing programs: what is said of mistakes, and what tools do with a text. One binary, since each links the whole crate.

mod anywhere;
mod commands;
mod complete;
mod completion;
mod corpus;
mod editors;
mod fix;
mod fmt;
mod fuzzed;
mod habits;
mod hover;
mod index;
mod large;
mod lsp;
mod mutation;
mod neovim;
mod pictures;
mod properties;
mod random;
mod rename;
mod sarif;
mod sessions;
mod shells;
mod sureness;
mod told;
mod vocabulary;

//! Writing programs: what is said of mistakes, and what tools do with a text. One binary, since each links the whole crate.

mod corpus;
mod editors;
mod fix;
mod fmt;
mod index;
mod large;
mod lsp;
mod mutation;
mod pictures;
mod properties;
mod random;
mod sessions;

//! Writing programs: what is said of mistakes, and what tools do with a text. One binary, since each links the whole crate.

mod corpus;
mod editors;
mod index;
mod mutation;
mod pictures;

//! Writing programs: what is said of mistakes, and what tools do with a text.

mod index;
mod pictures;

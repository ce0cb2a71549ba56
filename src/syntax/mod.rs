//! Text → [`tree::File`]. The only place that knows pest.

pub mod tree;

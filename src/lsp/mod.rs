//! What editors ask.
pub mod completion;
pub mod cursor;
pub mod describe;
pub mod expected;
pub mod hover;
pub mod snippet;

//! [`crate::syntax::tree::File`] → [`program::Program`]: what a program means, and everything that is wrong with it.

pub mod program;

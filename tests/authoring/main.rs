//! What authors of programs see: diagnostics, fixes, formatting, the language server. One binary, since each links the
//! whole crate.

mod corpus;

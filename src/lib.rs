//! fsched: text of an `.fsched` file → checked program → plan → run → records.
//!
//! The modules stand in the order in which the data flows; imports follow that arrow (ARCHITECTURE.md).

pub mod reading;

pub mod source;

pub mod diagnostic;

pub mod syntax;

pub mod disk;

pub mod text;

pub mod nn;

pub mod components;

pub mod language;

pub mod plan;

pub mod runtime;

pub mod record;

pub mod lsp;

pub mod cli;

pub mod allocator;

//! Files of instructions as items: LLaVA's JSON and its relatives ([`conversations`]), CoIN's folders ([`coin`]),
//! easy-VQA ([`easy_vqa`]) and NLVR ([`nlvr`]); [`either`] reads the first two without being told which.
//!
//! Each reader goes through its file once, an element in memory at a time, and tells everything that is wrong with it
//! together.

pub mod coin;
pub mod conversations;
pub mod easy_vqa;
pub mod either;
mod elements;
mod fields;
pub mod nlvr;
pub mod pictures;
#[cfg(test)]
mod tests;
mod wrong;

pub use pictures::Pictures;
pub use wrong::Wrong;

//! Names and what they are bound to, innermost block last.

use super::near::Near;
use super::suggest;
use crate::components::Value;
use crate::source::Span;
use crate::syntax::tree::{Block, Parameter};
use std::collections::HashMap;

/// What a name stands for.
#[derive(Clone, Debug)]
pub enum Meaning<'a> {
    /// a value; `None` where it could not be evaluated and the error has been reported
    Value(Option<Value>),
    Phase(Phase<'a>),
}

/// A named piece of schedule, lowered anew at each call.
#[derive(Clone, Copy, Debug)]
pub struct Phase<'a> {
    pub parameters: &'a [Parameter],
    pub body: &'a Block,
}

/// A name and what it is bound to.
#[derive(Clone, Debug)]
pub struct Binding<'a> {
    pub name: String,
    pub span: Span,
    pub meaning: Meaning<'a>,
    pub used: bool,
    /// names of imported files needn't all be used
    pub imported: bool,
    /// its value is up to a parameter, of the program or of a phase, or to a loop's round
    pub choice: bool,
}

/// The names of one block.
#[derive(Clone, Debug, Default)]
pub struct Scope<'a> {
    /// in the order in which they were bound
    bindings: Vec<Binding<'a>>,
    by_name: HashMap<String, usize>,
    /// the names of so many of them, for finding what is meant by others
    near: (Near, usize),
}

impl<'a> Scope<'a> {
    fn find(&self, name: &str) -> Option<&Binding<'a>> {
        self.by_name.get(name).map(|i| &self.bindings[*i])
    }

    /// All names, made ready for search when first asked for.
    fn near(&mut self) -> &Near {
        let (near, known) = &mut self.near;
        self.bindings[*known..].iter().for_each(|b| near.add(&b.name));
        *known = self.bindings.len();
        near
    }
}

/// The scopes of a place, outermost first.
#[derive(Clone, Debug, Default)]
pub struct Scopes<'a> {
    scopes: Vec<Scope<'a>>,
}

impl<'a> Scopes<'a> {
    /// Enters a block.
    pub fn push(&mut self) {
        self.scopes.push(Scope::default());
    }

    /// Leaves the innermost block; its bindings, for the lints.
    pub fn pop(&mut self) -> Vec<Binding<'a>> {
        self.scopes.pop().unwrap_or_default().bindings
    }

    /// Binds in the innermost block. The binding that stood there under the same name, if any, stays and is returned.
    pub fn bind(&mut self, binding: Binding<'a>) -> Result<(), Span> {
        let scope = self.scopes.last_mut().expect("a file's own scope is pushed first");
        if let Some(old) = scope.find(&binding.name) {
            return Err(old.span);
        }
        scope.by_name.insert(binding.name.clone(), scope.bindings.len());
        scope.bindings.push(binding);
        Ok(())
    }

    /// What `name` means here; marks it used.
    pub fn get(&mut self, name: &str) -> Option<&Binding<'a>> {
        let binding = self.innermost_mut(name)?;
        binding.used = true;
        Some(binding)
    }

    fn innermost_mut(&mut self, name: &str) -> Option<&mut Binding<'a>> {
        let (scope, index) = self.scopes.iter_mut().rev().find_map(|s| s.by_name.get(name).copied().map(|i| (s, i)))?;
        Some(&mut scope.bindings[index])
    }

    /// Where what the name means here is bound.
    pub fn place(&self, name: &str) -> Option<Span> {
        self.scopes.iter().rev().find_map(|s| s.find(name)).map(|b| b.span)
    }

    /// Says of the newest binding of that name that its value is a choice.
    pub fn mark_choice(&mut self, name: &str) {
        if let Some(binding) = self.innermost_mut(name) {
            binding.choice = true;
        }
    }

    /// Whether what the name means here is a choice.
    pub fn is_choice(&self, name: &str) -> bool {
        let meant = self.scopes.iter().rev().find_map(|s| s.find(name));
        meant.is_some_and(|b| b.choice)
    }

    /// A binding of the file itself, where no block hides it.
    pub fn outermost(&self, name: &str) -> Option<&Binding<'a>> {
        let (file, inner) = self.scopes.split_first()?;
        if inner.iter().any(|s| s.find(name).is_some()) {
            return None;
        }
        file.find(name)
    }

    /// A binding of that name in an outer block.
    pub fn hidden(&self, name: &str) -> Option<&Binding<'a>> {
        let outer = self.scopes.len().saturating_sub(1);
        self.scopes[..outer].iter().rev().find_map(|s| s.find(name))
    }

    /// Names of the outermost scope that come from other files than this one needn't all be used.
    pub fn mark_imported(&mut self, root: crate::source::FileId) {
        for binding in self.scopes.iter_mut().take(1).flat_map(|s| &mut s.bindings) {
            binding.imported |= binding.span.file != root;
        }
    }

    /// In a file of declarations alone, names are there for the files that import it.
    pub fn mark_wanted_elsewhere(&mut self) {
        for binding in self.scopes.iter_mut().take(1).flat_map(|s| &mut s.bindings) {
            binding.imported = true;
        }
    }

    /// Where the phases of the file are named.
    pub fn phases(&self) -> impl Iterator<Item = Span> {
        let outermost = self.scopes.first().into_iter().flat_map(|s| &s.bindings);
        outermost.filter(|b| matches!(b.meaning, Meaning::Phase(_))).map(|b| b.span)
    }

    /// The phases of the file that were never called.
    pub fn uncalled(&self) -> Vec<(String, Phase<'a>)> {
        let outermost = self.scopes.first().into_iter().flat_map(|s| &s.bindings).filter(|b| !b.used);
        outermost
            .filter_map(|b| match b.meaning {
                Meaning::Phase(phase) => Some((b.name.clone(), phase)),
                Meaning::Value(_) => None,
            })
            .collect()
    }

    /// The closest to a name of these candidates and of all names that are bound.
    pub fn closest<'c>(&'c mut self, name: &str, candidates: impl IntoIterator<Item = &'c str>) -> Vec<&'c str> {
        let near: Vec<&Near> = self.scopes.iter_mut().map(Scope::near).collect();
        suggest::closest_of(name, candidates, |most| near.iter().flat_map(|n| n.within(name, most)).collect())
    }

    /// Keeps only the file's own scope: what the body of a phase sees. The rest comes back with [`Scopes::restore`].
    pub fn only_outermost(&mut self) -> Vec<Scope<'a>> {
        self.scopes.split_off(1)
    }

    /// Brings back the blocks that [`Scopes::only_outermost`] took away.
    pub fn restore(&mut self, inner: Vec<Scope<'a>>) {
        self.scopes.extend(inner);
    }
}

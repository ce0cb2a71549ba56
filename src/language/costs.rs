//! Cost matrices: their files are read where a `cost` names them, and must have the classes of the data it is measured on.

use super::context::Context;
use crate::components::data::DataFacts;
use crate::components::metrics::{Matrix, cost};
use crate::components::{Problem, Spec, Value};
use crate::diagnostic::{Code, Diagnostic};
use crate::source::Span;
use std::collections::{HashMap, HashSet};

/// The files that were named so far.
#[derive(Default)]
pub(super) struct Matrices {
    /// where each was named first, and what it holds
    by_file: HashMap<String, (Span, Result<Matrix, Problem>)>,
    /// those that have been compared with some data's classes
    compared: HashSet<(String, *const DataFacts)>,
}

impl Context<'_> {
    /// Whether the file of a `cost`, named at `span`, holds a cost matrix.
    pub(super) fn cost_file(&mut self, spec: &Spec, span: Span) -> bool {
        if spec.get("matrix").waits() {
            let message = "`matrix` of `cost` must be the same in each round of a loop";
            let d = Diagnostic::new(Code::WRONG_TYPE, span, message);
            self.report(d.help("write the rounds out, each with its own file in quotes"));
            return false;
        }
        let Value::Text(file) = spec.get("matrix") else { return false };
        let places = &self.options.places;
        let known = self.matrices.by_file.entry(file.clone());
        let (first, found) = known.or_insert_with(|| (span, Matrix::read(file, places)));
        let (first, found) = (*first, found.as_ref().err().cloned());
        // Told once for all places, unless nothing was to be said at the first.
        let sound = found.is_none();
        found.into_iter().for_each(|problem| self.problem(problem, first));
        sound
    }

    /// Whether the classes of a cost matrix are those of the data; of a metric of another kind, true.
    pub(super) fn costs_fit(&mut self, spec: &Spec, facts: &DataFacts) -> bool {
        let Some(file) = cost::file(spec) else { return true };
        let Some((span, Ok(matrix))) = self.matrices.by_file.get(file) else { return false };
        if self.matrices.compared.contains(&(file.to_string(), facts as *const DataFacts)) {
            return true;
        }
        let (span, fitting) = (*span, matrix.of_classes(&facts.class_names));
        let Err(problem) = fitting else {
            self.matrices.compared.insert((file.to_string(), facts));
            return true;
        };
        self.problem(problem, span);
        false
    }
}

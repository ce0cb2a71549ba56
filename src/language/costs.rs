//! Cost matrices: their files are read where a `cost` names them, and must have the classes of the data it is measured on.

use super::context::Context;
use crate::components::data::DataFacts;
use crate::components::metrics::{Matrix, cost};
use crate::components::{Spec, Value};
use crate::diagnostic::{Code, Diagnostic};
use crate::source::Span;
use std::collections::{HashMap, HashSet};

/// The files that were named so far.
#[derive(Default)]
pub(super) struct Matrices {
    /// where each was named first, and what it holds; `None`: nothing that can be read, which has been reported
    by_file: HashMap<String, (Span, Option<Matrix>)>,
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
        if let Some((_, known)) = self.matrices.by_file.get(file) {
            return known.is_some();
        }
        let found = Matrix::read(file, &self.options.places).map_err(|problem| self.problem(problem, span)).ok();
        let sound = found.is_some();
        self.matrices.by_file.insert(file.clone(), (span, found));
        sound
    }

    /// Whether the classes of a cost matrix are those of the data; of a metric of another kind, true.
    pub(super) fn costs_fit(&mut self, spec: &Spec, facts: &DataFacts) -> bool {
        let Some(file) = cost::file(spec) else { return true };
        let Some((span, Some(matrix))) = self.matrices.by_file.get(file) else { return false };
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

//! Above a program, how much training it is, and its plan; and the command that shows the plan.

use super::document::Document;
use crate::language::index::grouped;
use crate::plan::Plan;
use lsp_types::{CodeLens, CodeLensParams, Command};
use serde_json::json;
use std::sync::Arc;

/// The command of the lens: its argument is the document, its answer the plan's text.
pub const PLAN: &str = "fsched.plan";

/// `textDocument/codeLens`: one, above the first statement of a program that could run.
pub fn lenses(doc: &Document, _: &CodeLensParams) -> Option<Vec<CodeLens>> {
    let first = doc.analysis.file.statements.first().filter(|_| doc.analysis.program.is_some())?;
    let command = Command {
        title: format!("{}show plan", training(doc)),
        command: PLAN.into(),
        arguments: Some(vec![json!(doc.uri)]),
    };
    Some(vec![CodeLens { range: doc.range(first.span.before()), command: Some(command), data: None }])
}

/// `250 epochs · 8,000 steps · `, as far as it is known.
fn training(doc: &Document) -> String {
    let amount = doc.analysis.index.total;
    let steps = match (amount.least.steps as usize, amount.most.steps as usize) {
        (_, 0) => String::new(),
        (least, most) if least == most => format!("{} steps", grouped(most)),
        (least, most) => format!("{} to {} steps", grouped(least), grouped(most)),
    };
    let parts = [amount.to_string(), steps];
    parts.into_iter().filter(|p| !p.is_empty()).map(|p| p + " · ").collect()
}

/// The plan of a program as text, without what only this machine could tell: its speed is not measured here.
pub fn plan(doc: &Document) -> Result<String, String> {
    let Some(program) = &doc.analysis.program else {
        return Err("this program has errors: mend them to see its plan".into());
    };
    Ok(Plan::new(Arc::new(program.clone()), &doc.analysis.sources).listing(None))
}

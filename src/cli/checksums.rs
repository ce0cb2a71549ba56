//! Checksums of the files that a program names: part of a plan's identity, and kept in the manifest of a run.

use super::failure::{Exit, Failure};
use crate::components::data::{self, Places};
use crate::components::{Problem, ProblemKind, Spec, Value};
use crate::diagnostic::Code;
use crate::language::program::{Op, Program};
use crate::plan::{Checksums, each_step};
use crate::reading::sha256;
use crate::record::DataSum;

/// The files of a program, read once.
#[derive(Debug, Default)]
pub struct Files {
    /// by the text that names them in the program
    pub checksums: Checksums,
    /// every data set
    pub data: Vec<DataSum>,
}

impl Files {
    /// Reads what the program names by a path; with `all`, the data sets that it names by a word too.
    pub fn read(program: &Program, places: &Places, all: bool) -> Result<Files, Failure> {
        let mut files = Files::default();
        let mut specs: Vec<&Spec> = Vec::new();
        let mut weights: Vec<&str> = Vec::new();
        each_step(&program.body, &mut |step| {
            specs.extend(
                step.op.all_settings().map(|s| &s.data).filter(|spec| !specs.contains(spec)).collect::<Vec<_>>(),
            );
            if let Op::Load { path, .. } = &step.op {
                weights.push(path);
            }
        });
        for spec in specs.into_iter().filter(|spec| all || texts(spec).next().is_some()) {
            files.add_data(spec, places)?;
        }
        for path in weights {
            let sum = places.resolve(path).and_then(|p| sha256(&p).map_err(|e| unreadable(&e)));
            files.checksums.insert(path.to_string(), sum.map_err(failure)?);
        }
        Ok(files)
    }

    fn add_data(&mut self, spec: &Spec, places: &Places) -> Result<(), Failure> {
        let checksum = data::checksum(spec, places).map_err(failure)?;
        for text in texts(spec) {
            self.checksums.insert(text.to_string(), checksum.clone());
        }
        self.data.push(DataSum { name: spec.name().to_string(), arguments: spec.to_json(), checksum });
        Ok(())
    }
}

/// The paths among a data set's arguments.
fn texts(spec: &Spec) -> impl Iterator<Item = &str> {
    spec.args.iter().filter_map(|value| match value {
        Value::Text(text) => Some(text.as_str()),
        _ => None,
    })
}

fn unreadable(error: &std::io::Error) -> Problem {
    Problem::new(ProblemKind::MissingFile, error.to_string())
}

fn failure(problem: Problem) -> Failure {
    let code = match problem.kind {
        ProblemKind::MissingFile => Code::MISSING_FILE,
        ProblemKind::ForbiddenPath => Code::FORBIDDEN_PATH,
        _ => Code::BAD_FILE,
    };
    let failure = Failure::new(Exit::RunFailed, problem.message).code(code);
    match problem.help {
        Some(help) => failure.help(help),
        None => failure,
    }
}

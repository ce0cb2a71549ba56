//! Checksums of the files that a program names: part of a plan's identity, and kept in the manifest of a run.

use super::failure::{Exit, Failure};
use crate::components::data::{self, Places};
use crate::components::metrics::cost;
use crate::components::{Expression, Family, Problem, ProblemKind, Spec, Value};
use crate::diagnostic::Code;
use crate::language::program::{Due, Op, Program, Settings, Step};
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
        let named = Named::of(program);
        for spec in named.data.into_iter().filter(|spec| all || texts(spec).next().is_some()) {
            files.add_data(spec, places)?;
        }
        for path in named.files {
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

/// What a program names, each once, in the order in which it is met.
#[derive(Default)]
struct Named<'p> {
    data: Vec<&'p Spec>,
    /// weights and cost matrices
    files: Vec<&'p str>,
}

impl<'p> Named<'p> {
    fn of(program: &'p Program) -> Named<'p> {
        let mut named = Named::default();
        // Steps share their settings.
        let mut last: Option<&Settings> = None;
        each_step(&program.body, &mut |step| {
            for settings in step.op.all_settings() {
                if last.replace(settings).is_none_or(|last| !std::ptr::eq(last, settings)) {
                    named.add_settings(settings);
                }
            }
            conditions(&step.op).for_each(|condition| condition.each_spec(&mut |spec| named.add_one(spec)));
            named.add_step(step);
        });
        named
    }

    fn add_settings(&mut self, settings: &'p Settings) {
        self.add(&settings.data);
        let followed = settings.measure.iter().flat_map(|m| &m.metrics);
        followed.chain(&settings.keep.best).for_each(|metric| self.add(&metric.spec));
    }

    fn add_step(&mut self, step: &'p Step) {
        match &step.op {
            Op::Load { path, .. } => self.add_file(path),
            Op::Evaluate(op) => op.metrics.iter().for_each(|metric| self.add(&metric.spec)),
            Op::For { values, .. } => values.iter().for_each(|value| value.each_spec(&mut |s| self.add_one(s))),
            _ => {}
        }
    }

    fn add(&mut self, spec: &'p Spec) {
        spec.each(&mut |spec| self.add_one(spec));
    }

    fn add_one(&mut self, spec: &'p Spec) {
        if spec.member.family == Family::Data && !self.data.contains(&spec) {
            self.data.push(spec);
        }
        if spec.member == &cost::MEMBER {
            self.add_file(spec.text("matrix"));
        }
    }

    fn add_file(&mut self, file: &'p str) {
        if !self.files.contains(&file) {
            self.files.push(file);
        }
    }
}

/// The conditions that are looked at in a step.
fn conditions(op: &Op) -> impl Iterator<Item = &Expression> {
    let own = match op {
        Op::Expect { condition, .. } | Op::If { condition, .. } => Some(condition),
        Op::Guard(op) => Some(&op.condition),
        Op::Repeat { until: Some(until), .. } => Some(&until.condition),
        _ => None,
    };
    let triggers = match op {
        Op::Train(op) => op.triggers.as_slice(),
        _ => &[],
    };
    let whens = triggers.iter().filter_map(|trigger| match &trigger.due {
        Due::When { condition, .. } => Some(condition),
        Due::Every(_) => None,
    });
    own.into_iter().chain(whens)
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

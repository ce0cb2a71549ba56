//! Cost matrices: CSV files with the predicted classes above and a row for each true class.

use crate::components::data::Places;
use crate::components::{Problem, ProblemKind};
use crate::reading::{
    self,
    limits::{COSTS_BYTES, COSTS_CLASSES},
};
use csv::{ReaderBuilder, StringRecord, Trim};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;
use std::io::{self, ErrorKind};
use std::path::Path;

/// Names that a help lists.
const MOST_NAMES: usize = 12;

/// A cost matrix as its file has it: each class once above and once before a row.
#[derive(Clone, Debug, PartialEq)]
pub struct Matrix {
    /// as the program names the file
    shown: String,
    /// of the predicted classes
    line: usize,
    /// the predicted classes, in the file's order
    predicted: Vec<String>,
    rows: Vec<Row>,
}

#[derive(Clone, Debug, PartialEq)]
struct Row {
    class: String,
    costs: Vec<f64>,
}

/// A cost for each true class and each predicted one, in the data's order of classes.
#[derive(Clone, Debug, PartialEq)]
pub struct Costs(Vec<Vec<f64>>);

impl Costs {
    /// What it costs to take an image of class `label` for one of class `predicted`; where the network gave no
    /// comparable numbers, the most that any mistake on this class costs.
    pub fn of(&self, label: usize, predicted: Option<usize>) -> f64 {
        let row = &self.0[label];
        predicted.map_or_else(|| row.iter().copied().fold(0.0, f64::max), |predicted| row[predicted])
    }

    /// How many classes it is of.
    pub fn classes(&self) -> usize {
        self.0.len()
    }
}

impl Matrix {
    /// Reads the file that a path of a program means.
    ///
    /// # Errors
    /// A file that isn't there or may not be read, and one of the wrong form: the message says in which line and
    /// column.
    pub fn read(text: &str, places: &Places) -> Result<Matrix, Problem> {
        let path = places.resolve(text).map_err(|p| p.of("matrix"))?;
        let bytes = reading::whole(&path, COSTS_BYTES).map_err(|e| unreadable(text, &path, &e))?;
        Matrix::parse(text, &bytes)
    }

    /// The matrix in the bytes of a file that is called `shown`.
    ///
    /// # Errors
    /// Bytes that are no cost matrix.
    pub fn parse(shown: &str, bytes: &[u8]) -> Result<Matrix, Problem> {
        let text = Text { shown, bytes };
        let mut reader = ReaderBuilder::new().has_headers(false).flexible(true).trim(Trim::All).from_reader(bytes);
        let mut records = reader.records().map(|record| record.map_err(|e| text.unreadable(&e)));
        let Some(header) = records.next().transpose()? else {
            return Err(bad(shown, "is empty").help(FORM));
        };
        let predicted = text.names(&header)?;
        let mut rows: Vec<Row> = Vec::new();
        let mut places = BTreeMap::new();
        for record in records {
            let record = record?;
            let row = text.row(&record, &predicted)?;
            if let Some(first) = places.insert(row.class.clone(), place(&record)) {
                let found = format!("the class {:?} has a row already, in line {}", row.class, text.line(first));
                return Err(text.at(&record, 1, found));
            }
            rows.push(row);
        }
        match predicted.iter().find(|class| !places.contains_key(*class)) {
            Some(class) => Err(bad(shown, format!("has no row for the class {class:?}")).help(FORM)),
            None => Ok(Matrix { shown: shown.to_string(), line: text.line(place(&header)), predicted, rows }),
        }
    }

    /// The costs in the order of the data's classes.
    ///
    /// # Errors
    /// Classes that the data has not, or that the matrix lacks.
    pub fn of_classes(&self, classes: &[String]) -> Result<Costs, Problem> {
        let mut columns = BTreeMap::new();
        for (place, class) in classes.iter().enumerate() {
            if columns.insert(class.trim(), place).is_some() {
                let found = format!("tells classes by their names, but the data has two called {class:?}");
                return Err(bad(&self.shown, found));
            }
        }
        let names = || format!("the classes of the data are {}", listed(classes));
        let mut places = Vec::with_capacity(self.predicted.len());
        for (i, class) in self.predicted.iter().enumerate() {
            let Some(place) = columns.remove(class.as_str()) else {
                let found = format!("the data has no class {class:?}");
                let message = format!("`{}`, line {}, column {}: {found}", self.shown, self.line, i + 2);
                return Err(wrong(message).help(names()));
            };
            places.push((class.as_str(), place));
        }
        if let Some(class) = classes.iter().find(|class| columns.contains_key(class.trim())) {
            let found = format!("lacks the class {class:?} of the data");
            return Err(bad(&self.shown, found).help("it takes a column and a row for each class"));
        }
        let by_name: BTreeMap<&str, usize> = places.iter().copied().collect();
        let mut costs = vec![vec![0.0; classes.len()]; classes.len()];
        for row in &self.rows {
            let Some(truth) = by_name.get(row.class.as_str()) else { continue };
            for ((_, place), cost) in places.iter().zip(&row.costs) {
                costs[*truth][*place] = *cost;
            }
        }
        Ok(Costs(costs))
    }
}

const FORM: &str =
    "the first line has an empty cell and the predicted classes, each further line a true class and its costs";

/// What a file holds, for saying where something is wrong.
struct Text<'t> {
    /// as the program names the file
    shown: &'t str,
    bytes: &'t [u8],
}

impl Text<'_> {
    /// The classes in the first line, behind the cell in the corner.
    fn names(&self, header: &StringRecord) -> Result<Vec<String>, Problem> {
        let names: Vec<String> = header.iter().skip(1).map(String::from).collect();
        if names.is_empty() {
            let problem = self.at(header, 1, "there are no classes behind the first cell");
            let semicolons = header.iter().any(|cell| cell.contains(';'));
            return Err(problem.help(if semicolons { "cells are separated by commas" } else { FORM }));
        }
        if names.len() > COSTS_CLASSES {
            return Err(bad(self.shown, format!("names {} classes; at most {COSTS_CLASSES} are read", names.len())));
        }
        let mut known = BTreeSet::new();
        for (i, name) in names.iter().enumerate() {
            if name.is_empty() {
                return Err(self.at(header, i + 2, "the name of a class is missing").help(FORM));
            }
            if !known.insert(name) {
                return Err(self.at(header, i + 2, format!("the class {name:?} is there already")));
            }
        }
        Ok(names)
    }

    fn row(&self, record: &StringRecord, predicted: &[String]) -> Result<Row, Problem> {
        let class = record.get(0).unwrap_or_default().to_string();
        if !predicted.contains(&class) {
            let found = match class.is_empty() {
                true => "the name of the true class is missing".to_string(),
                false => format!("the class {class:?} is not among those of the first line"),
            };
            let help = if class.parse::<f64>().is_ok() { FORM } else { &format!("these are {}", listed(predicted)) };
            return Err(self.at(record, 1, found).help(help));
        }
        if record.len() != predicted.len() + 1 {
            let found = format!("there are {} costs for {} classes", record.len() - 1, predicted.len());
            return Err(self.at(record, record.len().min(predicted.len() + 1) + 1, found));
        }
        let mut costs = Vec::with_capacity(predicted.len());
        for (i, cell) in record.iter().enumerate().skip(1) {
            costs.push(cost(cell).map_err(|found| self.at(record, i + 1, found))?);
        }
        Ok(Row { class, costs })
    }

    /// Something wrong in a cell.
    fn at(&self, record: &StringRecord, column: usize, found: impl Display) -> Problem {
        self.cell(place(record), column, found)
    }

    fn cell(&self, place: usize, column: usize, found: impl Display) -> Problem {
        wrong(format!("`{}`, line {}, column {column}: {found}", self.shown, self.line(place)))
    }

    /// The line of a record that begins at this byte, or behind the ends of lines that stand there.
    fn line(&self, place: usize) -> usize {
        let ends = self.bytes[place..].iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
        self.bytes[..place + ends].iter().filter(|byte| **byte == b'\n').count() + 1
    }

    fn unreadable(&self, error: &csv::Error) -> Problem {
        match error.kind() {
            csv::ErrorKind::Utf8 { pos, err } => {
                let place = pos.as_ref().map_or(0, |pos| pos.byte() as usize);
                self.cell(place, err.field() + 1, "this is no text in UTF-8")
            }
            _ => bad(self.shown, format_args!("cannot be read as CSV: {error}")),
        }
    }
}

/// The byte at which a record begins.
fn place(record: &StringRecord) -> usize {
    record.position().map_or(0, |position| position.byte() as usize)
}

/// A cost: a finite number, 0 or above.
fn cost(cell: &str) -> Result<f64, String> {
    let number = cell.parse::<f64>().map_err(|_| match cell.is_empty() {
        true => "the cost is missing".to_string(),
        false => format!("{cell:?} is no number"),
    })?;
    match number {
        n if !n.is_finite() => Err(format!("{cell:?} is no finite number")),
        n if n < 0.0 => Err(format!("{cell} is below 0; the least cost of a row may be taken as 0")),
        n => Ok(n),
    }
}

/// The first of them in quotes.
fn listed(names: &[String]) -> String {
    let shown: Vec<String> = names.iter().take(MOST_NAMES).map(|name| format!("{name:?}")).collect();
    let more = names.len().saturating_sub(MOST_NAMES);
    let rest = if more > 0 { format!(" and {more} more") } else { String::new() };
    shown.join(", ") + &rest
}

fn bad(shown: &str, found: impl Display) -> Problem {
    wrong(format!("`{shown}` {found}"))
}

fn wrong(message: String) -> Problem {
    Problem::new(ProblemKind::BadFile, message).of("matrix")
}

/// What the file system says, or that it is no regular file or too large; with the path as the program has it.
fn unreadable(shown: &str, path: &Path, error: &io::Error) -> Problem {
    let kind = match error.kind() {
        ErrorKind::FileTooLarge | ErrorKind::InvalidInput => ProblemKind::BadFile,
        _ => ProblemKind::MissingFile,
    };
    Problem::new(kind, error.to_string().replace(&path.display().to_string(), shown)).of("matrix")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(text: &str) -> String {
        Matrix::parse("c.csv", text.as_bytes()).unwrap_err().message
    }

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|n| n.to_string()).collect()
    }

    #[test]
    fn rows_and_columns_are_found_by_name_in_any_order() {
        let text = "\u{feff}true\\predicted,\"b, or \"\"B\"\"\",a\r\na, 2.5 ,0\n\"b, or \"\"B\"\"\",0,1e1\n\n";
        let matrix = Matrix::parse("c.csv", text.as_bytes()).unwrap();
        let costs = matrix.of_classes(&names(&["a", "b, or \"B\""])).unwrap();
        assert_eq!(costs, Costs(vec![vec![0.0, 2.5], vec![10.0, 0.0]]));
        assert_eq!((costs.of(1, Some(0)), costs.of(1, None), costs.classes()), (10.0, 10.0, 2));
    }

    #[test]
    fn what_is_wrong_is_told_with_its_line_and_column() {
        for (text, found) in [
            ("", "`c.csv` is empty"),
            ("a\na\n", "`c.csv`, line 1, column 1: there are no classes behind the first cell"),
            (",a,a\n", "`c.csv`, line 1, column 3: the class \"a\" is there already"),
            (",a,\n", "`c.csv`, line 1, column 3: the name of a class is missing"),
            (",a,b\nc,0,1\n", "`c.csv`, line 2, column 1: the class \"c\" is not among those of the first line"),
            (",a,b\n,0,1\n", "`c.csv`, line 2, column 1: the name of the true class is missing"),
            (",a,b\na,0\n", "`c.csv`, line 2, column 3: there are 1 costs for 2 classes"),
            (",a,b\na,0,1,2\n", "`c.csv`, line 2, column 4: there are 3 costs for 2 classes"),
            (",a,b\na,0,1\na,0,1\n", "`c.csv`, line 3, column 1: the class \"a\" has a row already, in line 2"),
            (",a,b\na,0,1\n", "`c.csv` has no row for the class \"b\""),
            (",a,b\na,0,x\n", "`c.csv`, line 2, column 3: \"x\" is no number"),
            (",a,b\na,,1\n", "`c.csv`, line 2, column 2: the cost is missing"),
            (",a,b\na,0,inf\n", "`c.csv`, line 2, column 3: \"inf\" is no finite number"),
            (",a,b\na,0,NaN\n", "`c.csv`, line 2, column 3: \"NaN\" is no finite number"),
            ("\r\n,a,b\r\n\r\na,0,x\r\n", "`c.csv`, line 4, column 3: \"x\" is no number"),
            (",\"a\n2\",b\nb,0,1\n\"a\n2\",0,x\n", "`c.csv`, line 4, column 3: \"x\" is no number"),
            (",a,b\na,0,-1\n", "`c.csv`, line 2, column 3: -1 is below 0; the least cost of a row may be taken as 0"),
        ] {
            assert_eq!(told(text), found, "{text:?}");
        }
        let found = Matrix::parse("c.csv", b",a,b\na,\xff,1\n").unwrap_err().message;
        assert_eq!(found, "`c.csv`, line 2, column 2: this is no text in UTF-8");
    }

    #[test]
    fn classes_are_those_of_the_data() {
        let matrix = Matrix::parse("c.csv", b",a,b\na,0,1\nb,1,0\n").unwrap();
        let wrong = |classes: &[&str]| matrix.of_classes(&names(classes)).unwrap_err();
        assert_eq!(wrong(&["a", "c"]).message, "`c.csv`, line 1, column 3: the data has no class \"b\"");
        assert_eq!(wrong(&["a", "c"]).help.unwrap(), "the classes of the data are \"a\", \"c\"");
        assert_eq!(wrong(&["a", "b", "c"]).message, "`c.csv` lacks the class \"c\" of the data");
        let twice = "`c.csv` tells classes by their names, but the data has two called \"a\"";
        assert_eq!(wrong(&["a", "b", "a"]).message, twice);
    }
}

//! Aligned tables for terminals.

use super::screen::{Ink, Screen};

/// Rows of cells under a header; all columns but the first `left` ones are numbers and stand on the right.
pub struct Table {
    header: Vec<String>,
    left: usize,
    rows: Vec<(Vec<String>, Option<Ink>)>,
}

impl Table {
    pub fn new(header: impl IntoIterator<Item = impl Into<String>>, left: usize) -> Table {
        Table { header: header.into_iter().map(Into::into).collect(), left, rows: Vec::new() }
    }

    /// Missing cells at the end are empty.
    pub fn row(&mut self, cells: impl IntoIterator<Item = impl Into<String>>, ink: Option<Ink>) {
        self.rows.push((cells.into_iter().map(Into::into).collect(), ink));
    }

    /// Lines, indented by two.
    pub fn draw(&self, screen: Screen) -> String {
        let widths = self.widths();
        let mut out = String::new();
        let header = self.line(&self.header, &widths);
        out += &format!("  {}\n", screen.paint(Ink::Faint, header.trim_end()));
        for (cells, ink) in &self.rows {
            let line = self.line(cells, &widths);
            let line = line.trim_end();
            out += &match ink {
                Some(ink) => format!("  {}\n", screen.paint(*ink, line)),
                None => format!("  {line}\n"),
            };
        }
        out
    }

    fn widths(&self) -> Vec<usize> {
        let lines: Vec<&Vec<String>> = std::iter::once(&self.header).chain(self.rows.iter().map(|(c, _)| c)).collect();
        let width = |column: usize| lines.iter().filter_map(|l| l.get(column)).map(|c| c.chars().count()).max();
        (0..self.header.len()).map(|column| width(column).unwrap_or(0)).collect()
    }

    fn line(&self, cells: &[String], widths: &[usize]) -> String {
        let cell = |(column, width): (usize, &usize)| {
            let text = cells.get(column).map_or("", String::as_str);
            if column < self.left { format!("{text:<width$}") } else { format!("{text:>width$}") }
        };
        widths.iter().enumerate().map(cell).collect::<Vec<_>>().join("   ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_left_and_numbers_right() {
        let mut table = Table::new(["step", "clean"], 1);
        table.row(["train", "8.0%"], None);
        table.row(["é"], None);
        table.row(["relearn 10", "84.0%"], None);
        let expected = "  step         clean\n  train         8.0%\n  é\n  relearn 10   84.0%\n";
        assert_eq!(table.draw(Screen::page()), expected);
    }
}

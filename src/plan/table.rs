//! Lines of a listing: path ids and line numbers on the left, a tree in the middle, numbers on the right.

/// No line is wider.
pub const WIDTH: usize = 100;

/// Longest path id that is shown whole.
const LONGEST_ID: usize = 26;

/// What stands left of a step.
#[derive(Debug)]
pub struct Column {
    pub id: String,
    pub line: usize,
    /// `│  ├─ `
    pub branch: String,
    /// what stands there on the lines below
    pub below: String,
}

#[derive(Debug)]
enum Row {
    Step { column: Column, text: String, epochs: String, steps: String },
    Detail { below: String, text: String },
}

/// Rows, printed when all widths are known.
#[derive(Debug, Default)]
pub struct Table {
    rows: Vec<Row>,
}

struct Widths {
    id: usize,
    line: usize,
    text: usize,
    epochs: usize,
    steps: usize,
}

impl Table {
    pub fn step(&mut self, column: Column, text: String, epochs: String, steps: String) {
        self.rows.push(Row::Step { column, text, epochs, steps });
    }

    /// A line that belongs to the step above it.
    pub fn detail(&mut self, below: &str, text: String) {
        self.rows.push(Row::Detail { below: below.into(), text });
    }

    pub fn print(&self, out: &mut String) {
        let w = self.widths();
        line(out, format!("{}{}  {}", left(&w, "step", "line"), pad("", w.text), numbers(&w, "epochs", "steps")));
        for row in &self.rows {
            match row {
                Row::Step { column, text, epochs, steps } => w.step(out, column, text, epochs, steps),
                Row::Detail { below, text } => {
                    let before = format!("{}{below}  ", left(&w, "", ""));
                    out.push_str(&wrap(text, &before, &format!("{before}  "), WIDTH));
                }
            }
        }
    }

    fn widths(&self) -> Widths {
        let mut w = Widths { id: 4, line: 4, text: 0, epochs: 6, steps: 5 };
        for row in &self.rows {
            if let Row::Step { column, epochs, steps, .. } = row {
                w.id = w.id.max(chars(&column.id).min(LONGEST_ID));
                w.line = w.line.max(chars(&column.line.to_string()));
                w.epochs = w.epochs.max(chars(epochs));
                w.steps = w.steps.max(chars(steps));
            }
        }
        let taken = chars(&left(&w, "", "")) + 2 + chars(&numbers(&w, "", ""));
        w.text = WIDTH.saturating_sub(taken).max(20);
        w
    }
}

impl Widths {
    /// The first line holds the numbers; what doesn't fit beside them goes below.
    fn step(&self, out: &mut String, column: &Column, text: &str, epochs: &str, steps: &str) {
        // Where no numbers stand, text may take their place.
        let wide = epochs.is_empty() && steps.is_empty();
        let width = if wide { WIDTH - chars(&left(self, "", "")) } else { self.text };
        let room = width.saturating_sub(chars(&column.branch)).max(12);
        let below = format!("{}    ", column.below);
        let mut lines = wrap(text, "", "", room).lines().map(String::from).collect::<Vec<_>>().into_iter();
        let first = format!("{}{}", column.branch, lines.next().unwrap_or_default());
        let id = shortened(&column.id);
        let head = left(self, &id, &column.line.to_string());
        line(out, format!("{head}{}  {}", pad(&first, self.text), numbers(self, epochs, steps)));
        lines.for_each(|rest| line(out, format!("{}{below}{rest}", left(self, "", ""))));
    }
}

fn left(w: &Widths, id: &str, line: &str) -> String {
    format!("  {}  {}  ", pad(id, w.id), right(line, w.line))
}

fn numbers(w: &Widths, epochs: &str, steps: &str) -> String {
    format!("{}  {}", right(epochs, w.epochs), right(steps, w.steps))
}

fn line(out: &mut String, text: String) {
    out.push_str(text.trim_end());
    out.push('\n');
}

/// The end of a long id: its beginning is its parents'.
fn shortened(id: &str) -> String {
    let n = chars(id);
    if n <= LONGEST_ID { id.into() } else { format!("…{}", id.chars().skip(n - LONGEST_ID + 1).collect::<String>()) }
}

fn chars(text: &str) -> usize {
    text.chars().count()
}

fn pad(text: &str, width: usize) -> String {
    format!("{text}{}", " ".repeat(width.saturating_sub(chars(text))))
}

fn right(text: &str, width: usize) -> String {
    format!("{}{text}", " ".repeat(width.saturating_sub(chars(text))))
}

/// Lines of at most `width`, broken at spaces; the first begins with `first`, the others with `rest`. Runs of spaces
/// inside a line that fits are kept.
pub fn wrap(text: &str, first: &str, rest: &str, width: usize) -> String {
    let mut out = String::new();
    if chars(first) + chars(text) <= width {
        line(&mut out, format!("{first}{text}"));
        return out;
    }
    let mut current = first.to_string();
    let mut empty = true;
    for word in text.split_whitespace() {
        if !empty && chars(&current) + 1 + chars(word) > width {
            line(&mut out, std::mem::replace(&mut current, rest.to_string()));
            empty = true;
        }
        if !empty {
            current.push(' ');
        }
        current.push_str(word);
        empty = false;
    }
    line(&mut out, current);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_text_is_broken_at_spaces() {
        assert_eq!(wrap("one two three", "- ", "  ", 9), "- one two\n  three\n");
        assert_eq!(wrap("a  b", "", "", 9), "a  b\n");
    }

    #[test]
    fn long_ids_keep_their_end() {
        assert_eq!(shortened("3.repeat.1"), "3.repeat.1");
        assert_eq!(shortened("12.repeat.3.for.4.then.5.repeat.6"), "…t.3.for.4.then.5.repeat.6");
    }
}

//! Options that a question lists.

/// A letter of an option.
pub(super) fn letter(place: usize) -> char {
    // More than 26 are never made, and the reader stops there.
    char::from(b'A' + (place.min(25) as u8))
}

/// The texts of the options that a question lists, from A on, or none: either in lines that begin with `A.`, `A)`, `A:` or
/// `(A)`, or within a line as `(A) one (B) two`.
pub fn of(question: &str) -> Vec<String> {
    let lines = in_lines(question);
    if lines.len() > 1 {
        return lines;
    }
    let inline = question.lines().map(in_line).find(|options| options.len() > 1);
    inline.unwrap_or_default()
}

/// Lines in a row; a list that begins again with A is another one, and the last one counts.
fn in_lines(question: &str) -> Vec<String> {
    let (mut found, mut run) = (Vec::new(), Vec::new());
    for line in question.lines() {
        if let Some(text) = marked(line.trim(), letter(0)) {
            run = vec![text];
        } else if let Some(text) = marked(line.trim(), letter(run.len())).filter(|_| !run.is_empty() && run.len() < 26)
        {
            run.push(text);
        } else {
            run.clear();
        }
        if run.len() > 1 {
            found = run.clone();
        }
    }
    found
}

/// The text behind the mark of a letter.
fn marked(line: &str, letter: char) -> Option<String> {
    let open = line.strip_prefix('(');
    let rest = open.unwrap_or(line).strip_prefix(letter)?;
    let rest = match open {
        Some(_) => rest.strip_prefix(')')?,
        None => rest.strip_prefix(['.', ')', ':'])?,
    };
    let text = rest.trim();
    (rest.starts_with(char::is_whitespace) && !text.is_empty()).then(|| text.to_string())
}

fn in_line(line: &str) -> Vec<String> {
    let mut options = Vec::new();
    let Some((_, mut rest)) = line.split_once("(A) ") else { return options };
    while options.len() < 25 {
        match rest.split_once(&format!(" ({}) ", letter(options.len() + 1))) {
            Some((text, further)) => {
                options.push(text.trim().to_string());
                rest = further;
            }
            None => break,
        }
    }
    options.push(rest.trim().to_string());
    options
}

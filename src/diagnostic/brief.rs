//! What the author wrote stays short and on one line in what is said of it.

use super::{Diagnostic, Fix, Label};

/// Characters of a word, or of what stands between backticks, that are shown whole.
const LONGEST_WORD: usize = 120;

/// Characters of a sentence that are shown at all.
const LONGEST_SENTENCE: usize = 2_000;

/// The text with `…` for the middle of each word that is too long to be read.
pub fn brief(text: &str) -> String {
    if text.len() <= LONGEST_WORD {
        return text.to_string();
    }
    let pieces = text.split('`').enumerate().map(|(i, piece)| match i % 2 {
        1 => ends(piece, LONGEST_WORD),
        _ => piece.split_inclusive(char::is_whitespace).map(|word| ends(word, LONGEST_WORD)).collect(),
    });
    ends(&pieces.collect::<Vec<_>>().join("`"), LONGEST_SENTENCE)
}

/// The same on one line.
fn line(text: &str) -> String {
    match text.contains(['\n', '\r']) {
        true => brief(&text.split(['\n', '\r']).map(str::trim).filter(|l| !l.is_empty()).collect::<Vec<_>>().join(" ")),
        false => brief(text),
    }
}

/// Two thirds of what is allowed from the front, one third from the end.
fn ends(text: &str, allowed: usize) -> String {
    let Some((cut, _)) = text.char_indices().nth(allowed * 2 / 3) else { return text.to_string() };
    if text[cut..].chars().nth(allowed / 3).is_none() {
        return text.to_string();
    }
    let tail = text.char_indices().rev().nth(allowed / 3 - 1).map_or(text.len(), |(i, _)| i);
    format!("{}…{}", &text[..cut], &text[tail..])
}

/// The same but for a list, whose lines are indented, and which stands outside of backticks.
fn lines(text: &str) -> String {
    const ITEM: &str = "\n  ";
    let pieces: Vec<&str> = text.split('`').collect();
    if !text.contains(ITEM) || pieces.len().is_multiple_of(2) {
        return line(text);
    }
    let spoken =
        |piece: &str| piece.split(ITEM).map(|part| part.replace(['\n', '\r'], " ")).collect::<Vec<_>>().join(ITEM);
    let pieces = pieces.iter().enumerate().map(|(i, piece)| if i % 2 == 1 { line(piece) } else { spoken(piece) });
    brief(&pieces.collect::<Vec<_>>().join("`"))
}

impl Diagnostic {
    /// The same in words that can be read, whatever stands in the file.
    pub fn brief(self) -> Diagnostic {
        let label = |l: Label| Label { text: line(&l.text), ..l };
        Diagnostic {
            message: lines(&self.message),
            primary: label(self.primary),
            labels: self.labels.into_iter().map(label).collect(),
            help: self.help.as_deref().map(brief),
            fixes: self.fixes.into_iter().map(|f| Fix { title: line(&f.title), ..f }).collect(),
            ..self
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{brief, line, lines};

    #[test]
    fn a_place_of_several_lines_is_told_on_one() {
        assert_eq!(line("`f(\r\n  1,\n\n  2)` is no split"), "`f( 1, 2)` is no split");
        assert_eq!(lines("`f(\r\n  1,\n\n  2)` is no split"), "`f( 1, 2)` is no split");
    }

    #[test]
    fn a_list_stays_one() {
        let list = "2 things are wrong with `a`:\n  `id` is missing\n  `value` is";
        assert_eq!(lines(list), list);
        assert_eq!(lines("what\n  a ` is"), "what a ` is");
        assert_eq!(lines("can't read a\nb:\n  `c`\nd"), "can't read a b:\n  `c` d");
    }

    #[test]
    fn the_middle_of_long_words_is_left_out() {
        let usual = "nothing here is called `a`; it has `b` and `c`".repeat(4);
        assert_eq!(brief(&usual), usual);
        let long = format!("there is no `{}z`, {}", "é ".repeat(3_000_000), "word ".repeat(20));
        let short = brief(&long);
        assert!(short.starts_with("there is no `é é ") && short.contains("…") && short.contains("é z`, word word"));
        assert_eq!(short.chars().count(), "there is no ``, ".len() + 121 + 100);
        assert_eq!(brief(&"a".repeat(9_000)).chars().count(), 121);
        assert_eq!(brief(&"`".repeat(9_000)).chars().count(), 2_001 - 1);
        assert_eq!(brief(&"a b ".repeat(9_000)).chars().count(), 2_001 - 1);
    }
}

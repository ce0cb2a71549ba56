//! Programs of a given number of lines, one function for each way in which a file may be long. The benches time them,
//! and `tests/authoring/large.rs` checks that each is handled at all.

use std::fmt::Write;

/// A way of being long: its name, whether it is free of errors, and the program of about so many lines.
pub struct Kind {
    pub name: &'static str,
    pub clean: bool,
    pub text: fn(usize) -> String,
}

const fn clean(name: &'static str, text: fn(usize) -> String) -> Kind {
    Kind { name, clean: true, text }
}

const fn broken(name: &'static str, text: fn(usize) -> String) -> Kind {
    Kind { name, clean: false, text }
}

/// Pieces of which a text may consist, each of which leaves the reader in doubt.
pub static BAD_PARTS: &[&str] = &[
    "(;", "(// ", "/*\n", "“", "# \n", "1,", "a:", ")", "(]", "];(", "\"", "'", "/*", "x x ", "@ ", "\\u{", "{(",
    "(\n", "a, ", "(x;)", "#\n{", "f(a b) ", "\0",
];

pub static KINDS: &[Kind] = &[
    clean("steps", steps),
    clean("settings", settings),
    clean("freezing", freezing),
    clean("schedules", schedules),
    clean("measures", measures),
    clean("names", names),
    clean("phases", phases),
    clean("calls", calls),
    clean("loops", loops),
    clean("nested", nested),
    clean("choices", choices),
    clean("decided", decided),
    clean("list", list),
    clean("sum", sum),
    clean("one line", one_line),
    clean("comments", comments),
    clean("pragmas", pragmas),
    clean("stacked pragmas", stacked_pragmas),
    clean("checkpoints", checkpoints),
    broken("misspelt words", misspelt_words),
    broken("misspelt names", misspelt_names),
    broken("many names", many_names),
    broken("lost checkpoints", lost_checkpoints),
    broken("assignments", assignments),
    broken("bad values", bad_values),
    broken("bad syntax", bad_syntax),
    broken("unclosed", unclosed),
    clean("unused names", unused_names),
    broken("redefined", redefined),
    broken("strings", strings),
    broken("bad line", bad_line),
];

/// Data and model as each program names them first.
const HEAD: &str = "data fashion(validation: 10%)\nmodel convnet(width: 32)\n";

/// The head, and then what `line` writes for each number.
fn written(lines: usize, mut line: impl FnMut(&mut String, usize) -> std::fmt::Result) -> String {
    let mut text = String::from(HEAD);
    for i in 0..lines.saturating_sub(2) {
        line(&mut text, i).expect("a text can always be written to");
    }
    text
}

/// The same in whole groups of so many lines; what is left at the end are steps.
fn written_by(group: usize, lines: usize, line: impl FnMut(&mut String, usize) -> std::fmt::Result) -> String {
    let whole = lines.saturating_sub(2) / group * group;
    let mut text = written(whole + 2, line);
    (whole + 2..lines).for_each(|_| text += "train 1\n");
    text
}

/// Statements that are steps, as a person writes them out who has no loops.
pub fn steps(lines: usize) -> String {
    written(lines, |t, i| match i % 4 {
        0 => writeln!(t, "train {} epochs", i % 9 + 1),
        1 => writeln!(t, "forget layers[-2..] 30%"),
        2 => writeln!(t, "relearn 4"),
        _ => writeln!(t, "evaluate clean, robust(pgd(eps: 8/255, iters: 10)) on test"),
    })
}

/// A setting before each step.
fn settings(lines: usize) -> String {
    written_by(4, lines, |t, i| match i % 4 {
        0 => writeln!(t, "optimizer sgd(lr: {}, momentum: 0.9)", 0.1 / (i + 1) as f64),
        2 => writeln!(t, "batch {}", i % 100 + 1),
        _ => writeln!(t, "train 1"),
    })
}

/// Weights frozen and thawed before each step; these settings add up.
fn freezing(lines: usize) -> String {
    written_by(4, lines, |t, i| match i % 4 {
        0 => writeln!(t, "freeze layers[{}]", i % 3),
        2 => writeln!(t, "thaw layers[{}]", i % 3),
        _ => writeln!(t, "train 1"),
    })
}

/// A schedule before each step, each to the end of its block.
fn schedules(lines: usize) -> String {
    written_by(2, lines, |t, i| match i % 2 {
        0 => writeln!(t, "lr cosine"),
        _ => writeln!(t, "train 1"),
    })
}

/// Something more to follow before each step; these settings add up too.
fn measures(lines: usize) -> String {
    written_by(2, lines, |t, i| match i % 2 {
        0 => writeln!(t, "measure clean, robust(pgd(eps: {}/255)) every: {} steps", i % 8 + 1, i % 50 + 1),
        _ => writeln!(t, "train 1"),
    })
}

/// A name on every other line, each used on the next.
fn names(lines: usize) -> String {
    written_by(2, lines, |t, i| match i % 2 {
        0 => writeln!(t, "let n{i} = {} epochs", i % 9 + 1),
        _ => writeln!(t, "train n{}", i - 1),
    })
}

/// Phases of three lines, each called once.
fn phases(lines: usize) -> String {
    written_by(4, lines, |t, i| match i % 4 {
        0 => writeln!(t, "phase p{i}(n: Duration = 2) {{"),
        1 => writeln!(t, "  train n"),
        2 => writeln!(t, "}}"),
        _ => writeln!(t, "p{}({} epochs)", i - 3, i % 9 + 1),
    })
}

/// One phase, called on each line.
fn calls(lines: usize) -> String {
    let head = "phase polish(share: Share, n: Duration = 2) { forget layers[-2..] share; relearn n }\n";
    written(lines, |t, i| {
        if i == 0 { write!(t, "{head}") } else { writeln!(t, "polish({}%, {} epochs)", i % 90 + 1, i % 9 + 1) }
    })
}

/// Loops of two steps.
fn loops(lines: usize) -> String {
    written_by(4, lines, |t, i| match i % 4 {
        0 => writeln!(t, "for c{i} in [1, 2, 3] {{"),
        1 => writeln!(t, "  train c{}", i - 1),
        2 => writeln!(t, "  repeat 2 {{ relearn 1 }}"),
        _ => writeln!(t, "}}"),
    })
}

/// Blocks a hundred deep, again and again.
fn nested(lines: usize) -> String {
    const DEPTH: usize = 100;
    written_by(2 * DEPTH + 1, lines, |t, i| match i % (2 * DEPTH + 1) {
        level if level < DEPTH => writeln!(t, "repeat 1 {{"),
        DEPTH => writeln!(t, "train 1"),
        _ => writeln!(t, "}}"),
    })
}

/// Blocks that a measurement chooses.
fn choices(lines: usize) -> String {
    written_by(5, lines, |t, i| match i % 5 {
        0 => writeln!(t, "if validation.clean < {}% {{", i % 90 + 1),
        1 => writeln!(t, "  train 5"),
        2 => writeln!(t, "}} else {{"),
        3 => writeln!(t, "  train 1"),
        _ => writeln!(t, "}}"),
    })
}

/// Blocks that a number chooses before the run; the other one is checked all the same.
fn decided(lines: usize) -> String {
    written_by(5, lines, |t, i| match i % 5 {
        0 => writeln!(t, "if {} < 50 {{", i % 100),
        1 => writeln!(t, "  train 5"),
        2 => writeln!(t, "}} else {{"),
        3 => writeln!(t, "  train 1"),
        _ => writeln!(t, "}}"),
    })
}

/// One list with an entry on each line.
fn list(lines: usize) -> String {
    let mut text = format!("{HEAD}let entries = [\n");
    (0..lines.saturating_sub(4)).for_each(|i| text += &format!("  {}%,\n", i % 90 + 1));
    text + "]\nfor share in entries { forget layers[-2..] share; relearn 1 }\n"
}

/// Sums with a term on each line.
fn sum(lines: usize) -> String {
    written_by(102, lines, |t, i| match i % 102 {
        0 => writeln!(t, "train (1"),
        101 => writeln!(t, ")"),
        _ => writeln!(t, "  + 1"),
    })
}

/// All statements on one line.
fn one_line(lines: usize) -> String {
    let text = written(lines, |t, i| write!(t, "train {} epochs; ", i % 9 + 1));
    text + "relearn 1\n"
}

/// A comment above and behind each step.
fn comments(lines: usize) -> String {
    written_by(2, lines, |t, i| match i % 2 {
        0 => writeln!(t, "# what follows is step number {i}, {{ and it is \"short\""),
        _ => writeln!(t, "train 1  # one epoch"),
    })
}

/// A lint on each line that a pragma on the line silences.
fn pragmas(lines: usize) -> String {
    written(lines, |t, i| writeln!(t, "let n{i} = 1 # fsched: allow(FS1002)")) + "train 1\n"
}

/// Pragmas below one another, and what they are for.
fn stacked_pragmas(lines: usize) -> String {
    let above = lines.saturating_sub(3) / 2;
    let text = written(above + 2, |t, _| writeln!(t, "# fsched: allow(FS1002, FS1006)"));
    (above + 3..lines).fold(text, |text, i| text + &format!("let n{i} = 1 # fsched: allow(lints)\n")) + "train 1\n"
}

/// Points made and gone back to.
fn checkpoints(lines: usize) -> String {
    written_by(3, lines, |t, i| match i % 3 {
        0 => writeln!(t, "checkpoint \"point {i}\""),
        1 => writeln!(t, "train 1"),
        _ => writeln!(t, "rollback \"point {}\"", i - 2),
    })
}

/// Each line has a word that is none.
fn misspelt_words(lines: usize) -> String {
    written(lines, |t, i| writeln!(t, "trian {}", i % 9 + 1))
}

/// Many names, and each second line has one that is none.
fn misspelt_names(lines: usize) -> String {
    written(lines, |t, i| match i % 2 {
        0 => writeln!(t, "let duration{i} = 1"),
        _ => writeln!(t, "train duratoin{}", i - 1),
    })
}

/// Many names, and then many uses of others.
fn many_names(lines: usize) -> String {
    written(lines, |t, i| match i < lines - 1_000.min(lines / 2) {
        true => writeln!(t, "let duration{i} = 1"),
        false => writeln!(t, "train duratoin{i}"),
    })
}

/// Many points made, and then none of those gone back to.
fn lost_checkpoints(lines: usize) -> String {
    written(lines, |t, i| match i < lines - 1_000.min(lines / 2) {
        true => writeln!(t, "checkpoint \"point {i}\""),
        false => writeln!(t, "rollback \"piont {i}\""),
    })
}

/// Names bound without the word for it, and words of other tools in their form.
fn assignments(lines: usize) -> String {
    written(lines, |t, i| match i % 2 {
        0 => writeln!(t, "n{i} = 1"),
        _ => writeln!(t, "batch_size = {i}"),
    })
}

/// Each line has a value that does not fit.
fn bad_values(lines: usize) -> String {
    written(lines, |t, i| match i % 3 {
        0 => writeln!(t, "forget head 130%"),
        1 => writeln!(t, "optimizer sgd(learning_rate: 0.1)"),
        _ => writeln!(t, "evaluate clean on tset"),
    })
}

/// Each line cannot be read.
fn bad_syntax(lines: usize) -> String {
    written(lines, |t, i| match i % 4 {
        0 => writeln!(t, "train = 10"),
        1 => writeln!(t, "let n{i} ="),
        2 => writeln!(t, "forget layers[-2:] 30% % %"),
        _ => writeln!(t, "train [1, 2"),
    })
}

/// Each line opens a block, and none is closed.
fn unclosed(lines: usize) -> String {
    written(lines, |t, i| writeln!(t, "evaluate robust(pgd(eps: {}/255", i % 8 + 1))
}

/// Each line has a name that nothing uses.
fn unused_names(lines: usize) -> String {
    written(lines, |t, i| writeln!(t, "let n{i} = 1")) + "train 1\n"
}

/// Each line defines the same name.
fn redefined(lines: usize) -> String {
    written(lines, |t, _| writeln!(t, "let n = 1")) + "train n\n"
}

/// Each line has a string without an end, and quotes of other kinds.
fn strings(lines: usize) -> String {
    written(lines, |t, i| match i % 2 {
        0 => writeln!(t, "checkpoint \"point {i}"),
        _ => writeln!(t, "checkpoint 'point {i}'"),
    })
}

/// One line of mistakes.
fn bad_line(lines: usize) -> String {
    let text = written(lines, |t, i| match i % 3 {
        0 => write!(t, "trian {i}; "),
        1 => write!(t, "let n{i} = ; "),
        _ => write!(t, "forget head 1 30 % ]; "),
    });
    text + "\n"
}

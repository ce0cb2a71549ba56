//! Putting fixes into a text.

use super::{Applicability, Diagnostic, Edit, Fix};
use crate::source::FileId;

/// The fixes that can be applied together to one file: of each diagnostic the first that is sure enough (`level`) and
/// changes that file alone, as long as it doesn't touch one taken before it. What is left out is for another round.
pub fn applicable(diagnostics: &[Diagnostic], file: FileId, level: Applicability) -> Vec<(&Diagnostic, &Fix)> {
    let allowed = |f: &&Fix| f.applicability == Applicability::Safe || level == Applicability::Unsafe;
    let inside = |f: &&Fix| !f.edits.is_empty() && f.edits.iter().all(|e| e.span.file == file) && !overlaps_itself(f);
    let mut taken: Vec<(&Diagnostic, &Fix)> = Vec::new();
    let mut places: Vec<&Edit> = Vec::new();
    for diagnostic in diagnostics {
        let Some(fix) = diagnostic.fixes.iter().filter(allowed).find(inside) else { continue };
        let free = |e: &Edit| !near(&places, e).iter().any(|p| touch(p, e));
        if fix.edits.iter().all(free) {
            for edit in &fix.edits {
                places.insert(places.partition_point(|p| p.span <= edit.span), edit);
            }
            taken.push((diagnostic, fix));
        }
    }
    taken
}

/// The neighbours of an edit among others that don't touch each other, or only within one fix.
fn near<'p, 'e>(places: &'p [&'e Edit], edit: &Edit) -> &'p [&'e Edit] {
    let first = places.partition_point(|p| p.span.end < edit.span.start);
    let last = first + places[first..].partition_point(|p| p.span.start <= edit.span.end);
    &places[first..last]
}

fn touch(a: &Edit, b: &Edit) -> bool {
    a.span.start <= b.span.end && b.span.start <= a.span.end
}

fn overlaps_itself(fix: &Fix) -> bool {
    let edits = sorted(std::iter::once(fix));
    edits.windows(2).any(|w| w[1].span.start < w[0].span.end)
}

fn sorted<'f>(fixes: impl Iterator<Item = &'f Fix>) -> Vec<&'f Edit> {
    let mut edits: Vec<&Edit> = fixes.flat_map(|f| &f.edits).collect();
    edits.sort_by_key(|e| (e.span.start, e.span.end));
    edits
}

/// The text with these fixes in it, which must be about this text and not overlap.
pub fn apply<'f>(text: &str, fixes: impl Iterator<Item = &'f Fix>) -> String {
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    for edit in sorted(fixes) {
        out.push_str(text.get(at..edit.span.start as usize).unwrap_or_default());
        out.push_str(&edit.text);
        at = edit.span.end as usize;
    }
    out.push_str(text.get(at..).unwrap_or_default());
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::Code;
    use crate::source::Span;

    const FILE: FileId = FileId(0);

    fn at(start: usize, end: usize) -> Span {
        Span::new(FILE, start, end)
    }

    fn wrong(start: usize, end: usize) -> Diagnostic {
        Diagnostic::new(Code::SYNTAX, at(start, end), "wrong")
    }

    fn fixed(text: &str, diagnostics: &[Diagnostic], level: Applicability) -> String {
        apply(text, applicable(diagnostics, FILE, level).into_iter().map(|(_, f)| f))
    }

    #[test]
    fn fixes_apart_from_each_other_are_applied_together() {
        let found = [wrong(0, 1).fix("", at(0, 1), "xx"), wrong(2, 3).fix("", at(2, 2), "y"), wrong(4, 5)];
        assert_eq!(fixed("abcde", &found, Applicability::Safe), "xxbycde");
    }

    #[test]
    fn the_first_of_two_that_touch_wins() {
        let found =
            [wrong(0, 2).fix("", at(0, 2), "x"), wrong(1, 3).fix("", at(2, 2), "y"), wrong(4, 5).fix("", at(4, 5), "")];
        assert_eq!(fixed("abcde", &found, Applicability::Safe), "xcd");
        let edits = |a: (usize, usize), b: (usize, usize)| {
            [a, b].map(|(s, e)| Edit { span: at(s, e), text: "-".into() }).to_vec()
        };
        let found = [
            wrong(0, 5).with_fix("", Applicability::Safe, edits((4, 5), (0, 1))),
            wrong(1, 2).with_fix("", Applicability::Safe, edits((2, 3), (4, 4))),
            wrong(2, 3).with_fix("", Applicability::Safe, edits((2, 4), (3, 4))),
        ];
        assert_eq!(fixed("abcdefgh", &found, Applicability::Safe), "-bcd-fgh");
    }

    #[test]
    fn unsafe_ones_are_asked_for_and_other_files_left_alone() {
        let elsewhere = Span { file: FileId(1), ..at(0, 1) };
        let found = [wrong(0, 1).maybe_fix("", at(0, 1), "x"), wrong(2, 3).fix("", elsewhere, "y")];
        assert_eq!(fixed("abc", &found, Applicability::Safe), "abc");
        assert_eq!(fixed("abc", &found, Applicability::Unsafe), "xbc");
    }
}

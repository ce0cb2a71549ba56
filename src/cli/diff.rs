//! What changed between two texts, as a unified diff.

use crate::record::screen::{Ink, Screen, harmless};
use similar::{ChangeTag, TextDiff};

/// Lines around a change that are shown with it.
const CONTEXT: usize = 3;

/// The diff that `patch` reads; nothing where the texts are the same.
pub fn unified(name: &str, old: &str, new: &str, screen: Screen) -> String {
    if old == new {
        return String::new();
    }
    let diff = TextDiff::from_lines(old, new);
    let head = |sign: &str, side: &str| {
        screen.paint(Ink::Strong, format!("{sign} {side}/{}", harmless(name.trim_start_matches('/'))))
    };
    let mut out = format!("{}\n{}\n", head("---", "a"), head("+++", "b"));
    for hunk in diff.unified_diff().context_radius(CONTEXT).iter_hunks() {
        out += &format!("{}\n", screen.paint(Ink::Faint, hunk.header().to_string()));
        for change in hunk.iter_changes() {
            let (sign, ink) = match change.tag() {
                ChangeTag::Delete => ("-", Some(Ink::Error)),
                ChangeTag::Insert => ("+", Some(Ink::Good)),
                ChangeTag::Equal => (" ", None),
            };
            let line = change.value();
            let text = format!("{sign}{}", line.strip_suffix('\n').unwrap_or(line));
            let text = if screen.terminal { harmless(&text) } else { text };
            out += &ink.map_or(text.clone(), |ink| screen.paint(ink, text));
            out += "\n";
            if !line.ends_with('\n') {
                out += "\\ No newline at end of file\n";
            }
        }
    }
    out
}

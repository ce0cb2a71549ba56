//! `# fsched: allow(FS1003, hidden-name)`, `warn(…)`, `deny(…)`: how loud lints are in a statement, or above the first
//! one in the file.

use super::levels::{Level, Levels, Which};
use super::touching;
use crate::diagnostic::{Applicability, Code, Diagnostic, Edit, Severity};
use crate::source::{Sources, Span};
use crate::syntax::tree::{File, Statement};
use std::cmp::Reverse;
use std::collections::{BTreeSet, HashMap};

/// One name in one pragma.
struct Entry {
    level: Level,
    which: Which,
    /// where it holds; `None`: in the whole file
    reach: Option<Span>,
    /// index of its comment
    comment: usize,
    /// the name itself
    span: Span,
    /// it said what becomes of a diagnostic
    used: bool,
}

/// The pragmas of one file.
#[derive(Default)]
struct Pragmas {
    comments: Vec<Span>,
    entries: Vec<Entry>,
    /// which of them holds where
    holding: HashMap<Which, Holding>,
    wrong: Vec<Diagnostic>,
    /// the line of a statement, with nothing but comments between it and the comment above it that was last read
    next_line: usize,
}

/// Gives each lint the severity that pragmas and flags ask for, takes silenced ones away, and adds what is wrong with
/// the pragmas. The first file is the program's, the others are those that it imports.
pub(super) fn apply(files: &[&File], sources: &Sources, levels: &Levels, found: Vec<Diagnostic>) -> Vec<Diagnostic> {
    let mut pragmas: Vec<Pragmas> = files.iter().map(|file| Pragmas::of(file, sources)).collect();
    let broken = found.iter().any(|d| d.severity == Severity::Error);
    let mut kept = Vec::with_capacity(found.len());
    let mut judge = |d: Diagnostic, pragmas: &mut [Pragmas]| {
        if !d.code.is_lint() {
            return kept.push(d);
        }
        let file = files.iter().position(|f| f.source == d.primary.span.file);
        let level = file.and_then(|i| pragmas[i].level(&d)).or_else(|| levels.of(d.code));
        let severity = level.map_or(Some(d.severity), Level::severity);
        kept.extend(severity.map(|severity| Diagnostic { severity, ..d }));
    };
    found.into_iter().for_each(|d| judge(d, &mut pragmas));
    let mut about: Vec<Diagnostic> = pragmas.iter_mut().flat_map(|p| std::mem::take(&mut p.wrong)).collect();
    // Which lints an imported file raises depends on what its users make of it, so those of the program alone count; and
    // where there are errors, lints of the finished program have not been looked for.
    if !broken {
        about.extend(pragmas.first().into_iter().flat_map(|p| p.unused(sources)));
    }
    about.into_iter().for_each(|d| judge(d, &mut pragmas));
    kept
}

impl Pragmas {
    fn of(file: &File, sources: &Sources) -> Pragmas {
        let mut pragmas = Pragmas::default();
        for comment in &file.comments {
            pragmas.read(*comment, file, sources);
        }
        pragmas.holding = holding(&pragmas.entries);
        pragmas
    }

    fn read(&mut self, comment: Span, file: &File, sources: &Sources) {
        let text = sources.text(comment);
        let Some(rest) = text.strip_prefix('#').unwrap_or(text).trim_start_matches(BLANKS).strip_prefix("fsched")
        else {
            return;
        };
        let Some(rest) = rest.strip_prefix(':') else { return self.without_colon(comment, text, rest) };
        let mut at = text.len() - rest.len();
        let reach = self.reach(comment, file, sources);
        while let Some((level, open, close)) = clause(text, at) {
            at = close + 1;
            self.names(level, reach, Span { end: comment.start + close as u32, ..comment }, open, sources);
        }
        if at == text.len() - rest.len() {
            let d = Diagnostic::new(Code::UNUSED_ALLOW, comment, "this comment looks like a pragma, but isn't one");
            self.wrong.push(d.help(match without_brackets(rest) {
                Some(meant) => format!("write `# fsched: {meant}`"),
                None => "write `# fsched: allow(hidden-name)`, or `warn(…)`, or `deny(…)`".to_string(),
            }));
            return;
        }
        self.comments.push(comment);
    }

    /// `# fsched allow(hidden-name)`, where `rest` follows the first word.
    fn without_colon(&mut self, comment: Span, text: &str, rest: &str) {
        if clause(rest, 0).is_none() {
            return;
        }
        let at = comment.start as usize + text.len() - rest.len();
        let d = Diagnostic::new(Code::UNUSED_ALLOW, comment, "a `:` follows the `fsched` of a pragma");
        let d = d.help(format!("write `# fsched: {}`", rest.trim()));
        self.wrong.push(d.maybe_fix("write `:`", Span::new(comment.file, at, at), ":"));
    }

    /// The names from byte `open` of the text of `span` on.
    fn names(&mut self, level: Level, reach: Option<Span>, span: Span, open: usize, sources: &Sources) {
        let mut start = span.start as usize + open;
        if sources.text(span)[open..].trim().is_empty() {
            let d = Diagnostic::new(Code::UNUSED_ALLOW, span, "this names no lint");
            self.wrong.push(d.help("name one, as in `allow(hidden-name)`; `fsched list lints` shows them"));
        }
        for part in sources.text(span)[open..].split(',') {
            let name = part.trim();
            let from = start + part.len() - part.trim_start().len();
            start += part.len() + 1;
            let (span, comment) = (Span::new(span.file, from, from + name.len()), self.comments.len());
            match Which::named(name) {
                _ if name.is_empty() => {}
                Ok(which) => self.entries.push(Entry { level, which, reach, comment, span, used: false }),
                Err(no_lint) => {
                    let d = Diagnostic::new(Code::UNUSED_ALLOW, span, no_lint.message);
                    self.wrong.push(d.help(no_lint.help));
                }
            }
        }
    }

    /// What a pragma holds for: the innermost statements on its line; where it stands alone, the statement in whose
    /// brackets it stands, else those that begin on the next line with a statement; `None` above the first statement: the
    /// file.
    fn reach(&mut self, comment: Span, file: &File, sources: &Sources) -> Option<Span> {
        if file.statements.first().is_none_or(|s| comment.end <= s.span.start) {
            return None;
        }
        let source = sources.get(comment.file);
        let line = source.lines.line(comment.start as usize);
        let line_span = |l: usize| {
            let end = if l + 1 < source.lines.len() { source.lines.start(l + 1) } else { source.text.len() };
            Span::new(comment.file, source.lines.start(l), end)
        };
        if !source.text[source.lines.start(line)..comment.start as usize].trim().is_empty() {
            let statements = touching::innermost(&file.statements, line_span(line));
            return Some(statements.iter().fold(line_span(line), |all, s| all.to(s.span)));
        }
        if let Some(around) = in_brackets(comment, file) {
            return Some(around.span);
        }
        let blank = |l: &usize| {
            let text = sources.text(line_span(*l)).trim();
            text.is_empty() || text.starts_with('#')
        };
        // Of comments below each other the first has looked already.
        if self.next_line <= line {
            self.next_line = (line + 1..source.lines.len()).find(|l| !blank(l)).unwrap_or(source.lines.len());
        }
        let next = line_span(if self.next_line < source.lines.len() { self.next_line } else { line });
        Some(touching::beginning(&file.statements, next).iter().fold(next, |all, s| all.to(s.span)))
    }

    /// What the pragmas say of a lint: the innermost that reaches it; a name goes before `lints`, and of equals the
    /// later one holds.
    fn level(&mut self, d: &Diagnostic) -> Option<Level> {
        let at = d.primary.span;
        let covering = [Which::Lints, Which::One(d.code)].into_iter().filter(|which| which.covers(d.code));
        let holding = covering.filter_map(|which| self.holding.get(&which)?.at(at.start));
        let narrow = |i: &usize| (Reverse(self.entries[*i].length()), self.entries[*i].which != Which::Lints);
        let entry = holding.max_by_key(narrow)?;
        let entry = &mut self.entries[entry];
        entry.used = true;
        Some(entry.level)
    }

    /// `allow`s that silence nothing, one finding a comment.
    fn unused(&self, sources: &Sources) -> Vec<Diagnostic> {
        let idle = |e: &&Entry| e.level == Level::Allow && !e.used;
        let mut found = Vec::new();
        // Entries stand in the order of their comments.
        for entries in self.entries.chunk_by(|a, b| a.comment == b.comment) {
            let comment = &self.comments[entries[0].comment];
            let (idle, rest): (Vec<&Entry>, Vec<&Entry>) = entries.iter().partition(idle);
            let Some(first) = idle.first() else { continue };
            let names: Vec<String> = idle.iter().map(|e| format!("`{}`", sources.text(e.span))).collect();
            let span = if rest.is_empty() { *comment } else { first.span };
            let d = Diagnostic::new(Code::UNUSED_ALLOW, span, format!("nothing here raises {}", names.join(", ")));
            found.push(match rest.is_empty() {
                true => {
                    let edit = Edit { span: super::edits::with_line(*comment, sources), text: String::new() };
                    let d = d.help("leave this `allow` out");
                    // A reason that somebody wrote behind it is not thrown away unasked.
                    let reason = !sources.text(*comment).trim_end().ends_with(')');
                    let sureness = if reason { Applicability::Unsafe } else { Applicability::Safe };
                    d.with_fix("remove the comment", sureness, vec![edit])
                }
                false => d.help("leave these names out of the comment"),
            });
        }
        found
    }
}

const BLANKS: [char; 2] = [' ', '\t'];

/// The next `allow(names)` of a pragma: its level, where its names begin and where they end.
fn clause(text: &str, at: usize) -> Option<(Level, usize, usize)> {
    let rest = text[at..].trim_start_matches([' ', '\t', ',', ';']);
    let (word, names) = rest.split_once('(')?;
    let level = Level::named(word.trim_end())?;
    let open = text.len() - names.len();
    Some((level, open, open + names.find(')')?))
}

/// `allow FS1001` with its brackets: what was meant.
fn without_brackets(rest: &str) -> Option<String> {
    let (word, names) = rest.trim().split_once([' ', '\t', ':', '='])?;
    let names = names.trim();
    let all_named = || names.split(',').all(|name| Which::named(name.trim()).is_ok());
    (Level::named(word.trim()).is_some() && all_named()).then(|| format!("{}({names})", word.trim()))
}

/// The statement within whose brackets a comment stands, not in one of its blocks.
fn in_brackets(comment: Span, file: &File) -> Option<&Statement> {
    let within = |span: Span| span.start < comment.start && comment.end < span.end;
    let around = touching::innermost(&file.statements, comment).into_iter().find(|s| within(s.span))?;
    let in_block = touching::blocks(around).iter().any(|b| within(b.span));
    (!in_block).then_some(around)
}

impl Entry {
    /// How far it reaches.
    fn length(&self) -> u32 {
        self.reach.map_or(u32::MAX, |r| r.end - r.start)
    }
}

/// Entries with one name: which of them holds from each place on.
struct Holding(Vec<(u32, Option<usize>)>);

impl Holding {
    fn at(&self, place: u32) -> Option<usize> {
        let behind = self.0.partition_point(|(from, _)| *from <= place);
        self.0[..behind].last().and_then(|(_, entry)| *entry)
    }

    /// Of those that reach a place, the one that reaches least far holds; of equals the last.
    fn of(entries: &[Entry], named: &[usize]) -> Holding {
        let mut turns: Vec<(u32, bool, usize)> = Vec::with_capacity(2 * named.len());
        for i in named {
            let (start, end) = entries[*i].reach.map_or((0, u32::MAX), |r| (r.start, r.end.max(r.start + 1)));
            turns.extend([(start, true, *i), (end, false, *i)]);
        }
        turns.sort_unstable();
        let mut open = BTreeSet::new();
        let mut holding: Vec<(u32, Option<usize>)> = Vec::new();
        for (place, begins, i) in turns {
            let key = (entries[i].length(), Reverse(i));
            if begins {
                open.insert(key)
            } else {
                open.remove(&key)
            };
            let now = open.first().map(|(_, Reverse(i))| *i);
            match holding.last_mut().filter(|(last, _)| *last == place) {
                Some(last) => last.1 = now,
                None => holding.push((place, now)),
            }
        }
        Holding(holding)
    }
}

fn holding(entries: &[Entry]) -> HashMap<Which, Holding> {
    let mut named: HashMap<Which, Vec<usize>> = HashMap::new();
    entries.iter().enumerate().for_each(|(i, e)| named.entry(e.which).or_default().push(i));
    named.into_iter().map(|(which, named)| (which, Holding::of(entries, &named))).collect()
}

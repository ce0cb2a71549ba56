//! Leaves out what is only wrong because of something told already: each mistake is told once, where it was made.
//!
//! The walk over the tree reports all it finds; only here, where everything is known, can be seen what follows from what.

use super::near::Near;
use super::suggest;
use crate::components::coerce::words;
use crate::components::{Family, catalogue};
use crate::diagnostic::{Applicability, Code, Diagnostic, Edit, Fix, Severity};
use crate::source::{FileId, Sources, Span};
use crate::syntax::tree::{Block, File, Statement, StatementKind};
use std::collections::{BTreeMap, HashMap, HashSet};

/// Other places of the same unknown name that are shown with the first.
const SHOWN: usize = 3;

/// Unknown names for which a misspelt definition is looked for; more are not told in one go.
const LOOKED_FOR: usize = 500;

/// Names that were bound and never used, each with its place.
pub(super) type Unused = Vec<(String, Span)>;

/// The diagnostics that stand on their own.
pub(super) fn remove<'f>(
    diagnostics: Vec<Diagnostic>,
    files: impl Iterator<Item = &'f File>,
    sources: &Sources,
    unused: &Unused,
) -> Vec<Diagnostic> {
    if !diagnostics.iter().any(is_error) {
        return diagnostics;
    }
    let headers = Headers::of(files, sources);
    let broken = Broken::of(&diagnostics, &headers, sources);
    let kept = diagnostics.into_iter().filter(|d| !broken.explains(d, &headers, sources)).collect();
    merge_unknown(kept, sources, unused)
}

fn is_error(d: &Diagnostic) -> bool {
    d.severity == Severity::Error
}

/// Whether it is of the text's form alone, and leaves open what was meant.
fn is_damage(d: &Diagnostic) -> bool {
    d.code < Code::UNKNOWN_NAME && !d.fixes.iter().any(|f| f.applicability == Applicability::Safe)
}

/// The statements of all files without their blocks, in order.
struct Headers(HashMap<FileId, Vec<Span>>);

impl Headers {
    fn of<'f>(files: impl Iterator<Item = &'f File>, sources: &Sources) -> Headers {
        let mut all = HashMap::new();
        for file in files {
            let mut spans = Vec::new();
            collect(&file.statements, &mut spans);
            spans.sort_unstable();
            // Up to the end of the line: what could not be read may stand behind the statement.
            let text = &sources.get(file.source).text;
            for i in 0..spans.len() {
                let next = spans.get(i + 1).map_or(text.len(), |s| s.start as usize);
                let from = (spans[i].end as usize).min(next);
                let end = text[from..next].find('\n').map_or(next, |n| from + n);
                spans[i].end = end as u32;
            }
            all.insert(file.source, spans);
        }
        Headers(all)
    }

    /// The header that a place lies in.
    fn at(&self, place: Span) -> Option<Span> {
        let spans = self.0.get(&place.file)?;
        let before = spans.partition_point(|s| s.start <= place.start).checked_sub(1)?;
        Some(spans[before]).filter(|s| place.start <= s.end)
    }

    /// The headers that begin between two places of a file, or at them.
    fn between(&self, from: Span, to: Span) -> impl Iterator<Item = Span> {
        let spans = self.0.get(&from.file).map_or(&[][..], Vec::as_slice);
        spans.iter().filter(move |s| (from.start..=to.start).contains(&s.start)).copied()
    }
}

fn collect(statements: &[Statement], into: &mut Vec<Span>) {
    for statement in statements {
        let span = statement.span;
        let mut header = |blocks: &[&Block]| {
            let end = blocks.iter().map(|b| b.span.start).min().unwrap_or(span.end);
            into.push(Span { end: end.max(span.start), ..span });
            blocks.iter().for_each(|b| collect(&b.statements, into));
        };
        match &statement.kind {
            StatementKind::Simple(simple) => {
                header(&[&simple.with, &simple.block].into_iter().flatten().collect::<Vec<_>>())
            }
            StatementKind::Phase { body, .. } | StatementKind::For { body, .. } => header(&[body]),
            StatementKind::Repeat { body, .. } => header(&body.iter().collect::<Vec<_>>()),
            StatementKind::If { then, otherwise, .. } => {
                header(&[then]);
                otherwise.iter().for_each(|b| collect(&b.statements, into));
            }
            StatementKind::Block(block) => collect(&block.statements, into),
            _ => header(&[]),
        }
    }
}

/// What could not be read, or begins with a word that isn't known.
#[derive(Default)]
struct Broken<'s> {
    /// statements with damage: what they mean is anybody's guess
    damaged: HashSet<Span>,
    /// statements with damage or an unknown first word
    doubtful: HashSet<Span>,
    /// statements with a first word that is misspelt, or of another tool's form (`name: adam`): what the grammar found
    /// odd behind it is right behind the right one
    misspelt: HashSet<Span>,
    /// their words, which they may have defined
    words: HashSet<&'s str>,
    /// names that a damaged statement defines: their values are anybody's guess
    bound: HashSet<&'s str>,
    /// statements that mention one of these names
    unsure: HashSet<Span>,
    /// whether a `use` is wrong, so that any name may be missing
    imports: bool,
    /// their texts, which may have made checkpoints
    texts: Vec<&'s str>,
    /// the first of them, or of those with another error, that may have named the data or the model
    network: Option<Span>,
    /// the first that may have followed a metric
    following: Option<Span>,
}

impl<'s> Broken<'s> {
    fn of(diagnostics: &[Diagnostic], headers: &Headers, sources: &'s Sources) -> Broken<'s> {
        let mut broken = Broken::default();
        for d in diagnostics.iter().filter(|d| is_error(d)) {
            let Some(header) = headers.at(d.primary.span) else { continue };
            let text = sources.text(header);
            let damage = is_damage(d);
            if damage {
                broken.damaged.insert(header);
                broken.bound.extend(bound_in(text));
                // What a stray closer may belong to begins where its label is.
                let unopened = d.labels.first().filter(|_| d.code == Code::STRAY_CLOSER && !said_brace(d, sources));
                unopened.iter().for_each(|l| broken.damaged.extend(headers.between(l.span, d.primary.span)));
            }
            let first = words_in(text).next().unwrap_or_default();
            let key = || follows_colon(d.primary.span, sources);
            if d.code == Code::UNKNOWN_STATEMENT && (!d.fixes.is_empty() || key()) {
                broken.misspelt.insert(header);
            }
            broken.imports |= first == "use";
            if ["data", "model"].contains(&first) && !of_network(d.code) {
                earliest(&mut broken.network, header);
            }
            if (damage || d.code == Code::UNKNOWN_STATEMENT) && broken.doubtful.insert(header) {
                broken.words.extend(words_in(text));
                broken.texts.push(text);
                if mentions(text, &["data", "model"]) || words_in(text).any(names_network) {
                    earliest(&mut broken.network, header);
                }
                if mentions(text, &["measure", "keep"]) {
                    earliest(&mut broken.following, header);
                }
            }
        }
        if !broken.bound.is_empty() {
            let all = headers.0.values().flatten().copied();
            broken.unsure = all.filter(|h| words_in(sources.text(*h)).any(|w| broken.bound.contains(w))).collect();
        }
        broken
    }

    /// Whether a diagnostic follows from what is broken.
    fn explains(&self, d: &Diagnostic, headers: &Headers, sources: &Sources) -> bool {
        let header = headers.at(d.primary.span);
        if header.is_some_and(|h| self.misspelt.contains(&h)) && is_error(d) {
            let of_form = [Code::SYNTAX, Code::FOREIGN_SYNTAX, Code::AMBIGUOUS_OPERATOR].contains(&d.code);
            return d.code != Code::UNKNOWN_STATEMENT && (of_form || d.code >= Code::UNKNOWN_NAME);
        }
        if !is_error(d) || d.code < Code::UNKNOWN_NAME {
            return false;
        }
        if header.is_some_and(|h| self.damaged.contains(&h) || self.unsure.contains(&h)) {
            return true;
        }
        let elsewhere = |span: Span| headers.at(span).filter(|h| Some(*h) != header);
        if d.labels.iter().any(|l| elsewhere(l.span).is_some_and(|h| self.doubtful.contains(&h))) {
            return true;
        }
        let said = sources.text(d.primary.span);
        let is_behind = |place: Option<Span>| place.is_some_and(|p| p < d.primary.span && Some(p) != header);
        let outside = header.is_none_or(|h| !self.doubtful.contains(&h));
        match d.code {
            // `optimizer:` with what it needs on the lines below.
            Code::MISSING_ARGUMENT => follows_colon(d.primary.span, sources),
            code if is_unknown(code) => outside && (self.imports || self.words.contains(said)),
            Code::SECOND_MODEL if is_behind(self.damaged.iter().min().copied()) => true,
            Code::UNKNOWN_CHECKPOINT => self.texts.iter().any(|t| t.contains(said)),
            Code::NOT_FOLLOWED => is_behind(self.following),
            code if of_network(code) => is_behind(self.network),
            _ => false,
        }
    }
}

/// Whether it says that something does not fit the data or the model.
fn of_network(code: Code) -> bool {
    let codes = [Code::NO_SPLIT, Code::CLASS_COUNT, Code::BAD_MODEL, Code::SECOND_MODEL, Code::BAD_WEIGHTS];
    codes.contains(&code) || [Code::EMPTY_SELECTOR, Code::SELECTOR_INDEX].contains(&code)
}

fn earliest(place: &mut Option<Span>, other: Span) {
    *place = Some(place.map_or(other, |p| p.min(other)));
}

/// Whether a `:` stands behind a word, where the grammar has told it.
fn follows_colon(word: Span, sources: &Sources) -> bool {
    sources.get(word.file).text[word.end as usize..].trim_start_matches([' ', '\t']).starts_with(':')
}

fn said_brace(d: &Diagnostic, sources: &Sources) -> bool {
    sources.text(d.primary.span).starts_with('}')
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

fn words_in(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !is_word(c)).filter(|w| !w.is_empty())
}

/// The names that a statement binds.
fn bound_in(text: &str) -> impl Iterator<Item = &str> {
    let mut before = "";
    words_in(text).filter(move |word| {
        let binds = ["let", "param", "phase", "for"].contains(&std::mem::replace(&mut before, *word));
        binds && !["let", "param", "phase", "for"].contains(word)
    })
}

/// Whether a word is a data set or model.
fn names_network(word: &str) -> bool {
    [Family::Data, Family::Model].iter().any(|f| catalogue::find(*f, word).is_some())
}

/// Whether one of the words, or a misspelling of it, stands in a text.
fn mentions(text: &str, words: &[&'static str]) -> bool {
    words_in(text).any(|w| !suggest::closest(w, words.iter().copied()).is_empty())
}

fn is_unknown(code: Code) -> bool {
    [Code::UNKNOWN_NAME, Code::UNKNOWN_STATEMENT, Code::UNKNOWN_COMPONENT].contains(&code)
}

/// Tells each unknown name once, at its first place, and says so where it is rather the definition that is misspelt.
fn merge_unknown(diagnostics: Vec<Diagnostic>, sources: &Sources, unused: &Unused) -> Vec<Diagnostic> {
    let mut kept: Vec<Diagnostic> = Vec::with_capacity(diagnostics.len());
    let mut first: HashMap<&str, usize> = HashMap::new();
    // With each place, what a fix writes there.
    let mut uses: BTreeMap<usize, Vec<(Span, Option<String>)>> = BTreeMap::new();
    for d in diagnostics {
        let name = sources.text(d.primary.span);
        if !is_unknown(d.code) || !is_error(&d) || !name.chars().all(is_word) {
            kept.push(d);
            continue;
        }
        let place = (d.primary.span, d.fixes.first().and_then(|f| replacement(f, d.primary.span)).map(String::from));
        match first.get(name) {
            Some(&i) => uses.entry(i).or_default().push(place),
            None => {
                first.insert(name, kept.len());
                uses.insert(kept.len(), vec![place]);
                kept.push(d);
            }
        }
    }
    let mut misspelt = HashSet::new();
    let unused = Names::of(if uses.is_empty() { &[] } else { unused });
    for (n, (i, mut places)) in uses.into_iter().enumerate() {
        places.sort_unstable();
        let name = sources.text(places[0].0);
        let definition = (n < LOOKED_FOR).then(|| unused.misspelt(name, places[0].0)).flatten();
        misspelt.extend(definition.map(|(_, span)| span));
        kept[i] = told_once(kept[i].clone(), &places, sources, definition);
    }
    kept.retain(|d| d.code != Code::UNUSED_NAME || !misspelt.contains(&d.primary.span));
    kept
}

/// Names that nothing uses, by file, with the places of each.
struct Names<'u>(HashMap<FileId, (Near, HashMap<&'u str, Vec<Span>>)>);

impl<'u> Names<'u> {
    fn of(unused: &'u [(String, Span)]) -> Names<'u> {
        let mut names: HashMap<_, (Near, HashMap<&str, Vec<Span>>)> = HashMap::new();
        for (name, span) in unused {
            let (near, places) = names.entry(span.file).or_default();
            let places = places.entry(name).or_default();
            if places.is_empty() {
                near.add(name);
            }
            places.push(*span);
        }
        Names(names)
    }

    /// The definition, of those in the same file, that is this name misspelt.
    fn misspelt(&self, name: &str, place: Span) -> Option<(&str, Span)> {
        let (near, places) = self.0.get(&place.file)?;
        let defined = *suggest::closest_of(name, [], |most| near.within(name, most)).first()?;
        let nearest = places.get(defined)?.iter().min_by_key(|span| span.start.abs_diff(place.start))?;
        Some((defined, *nearest))
    }
}

/// What a fix writes in the place of these bytes, where it does nothing else.
fn replacement(fix: &Fix, span: Span) -> Option<&str> {
    let [edit] = &fix.edits[..] else { return None };
    (edit.span == span).then_some(edit.text.as_str())
}

fn told_once(
    mut d: Diagnostic,
    places: &[(Span, Option<String>)],
    sources: &Sources,
    definition: Option<(&str, Span)>,
) -> Diagnostic {
    let name = sources.text(places[0].0);
    let Some((defined, span)) = definition else {
        mend_everywhere(&mut d, places);
        d.primary.span = places[0].0;
        return places[1..].iter().take(SHOWN).fold(d, |d, (place, _)| d.label(*place, "and here"));
    };
    let title = format!("rename the definition to `{name}`");
    let edit = vec![Edit { span, text: name.into() }];
    if places.len() == 1 {
        d = d.label(span, format!("`{defined}` is defined here, and never used"));
        return d.with_fix(title, Applicability::Unsafe, edit);
    }
    let message = format!("`{defined}` is defined here, but what is used below is {}", words(&[name]));
    let moved = Diagnostic::new(d.code, span, message).help(format!("did you mean `{name}`?"));
    let moved = moved.with_fix(title, suggest::sureness(name, &[defined]), edit);
    places.iter().take(SHOWN).fold(moved, |d, (place, _)| d.label(*place, format!("there is no `{name}`")))
}

/// Lets the first fix mend all places of the file in which the same would be written.
fn mend_everywhere(d: &mut Diagnostic, places: &[(Span, Option<String>)]) {
    let Some(fix) = d.fixes.first_mut() else { return };
    let Some(text) = replacement(fix, d.primary.span).map(String::from) else { return };
    let file = d.primary.span.file;
    let same = places.iter().filter(|(span, written)| span.file == file && written.as_ref() == Some(&text));
    let edits: Vec<Edit> = same.map(|(span, _)| Edit { span: *span, text: text.clone() }).collect();
    if edits.len() > 1 {
        fix.title = format!("{}, in {} places", fix.title, edits.len());
        fix.edits = edits;
    }
}

//! `fsched list [FAMILY [NAME]]`: the words of the language, from the descriptions that the checker reads.

use super::failure::{Exit, Failure};
use crate::components::catalogue::{default_value, members};
use crate::components::{Default, Family, Member, Param};
use crate::language::lints::{LINTS, Lint};
use crate::language::statements::{WORDS, Word, WordKind};
use crate::language::suggest::closest;
use crate::record::screen::{Ink, Screen};
use serde_json::json;
use std::io::Write;
use std::sync::LazyLock;

/// Show statements, attacks, optimizers, models, data …
#[derive(clap::Args, Debug)]
pub struct List {
    /// `statements`, `attacks`, `models` …, or a name; without it, all families
    family: Option<String>,
    /// One of the family
    name: Option<String>,
    /// How it is written
    #[arg(long, value_enum, default_value = "human")]
    format: ListForm,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum ListForm {
    Human,
    Json,
}

/// A statement or a member of a family, as far as listing goes.
#[derive(Clone, Copy)]
struct Entry {
    family: &'static str,
    name: &'static str,
    params: &'static [Param],
    doc: &'static str,
    source: &'static str,
    example: &'static str,
}

/// A family and what is in it; statements count as one.
struct Group {
    name: &'static str,
    plural: &'static str,
    entries: Vec<Entry>,
}

/// A name and its line of text.
type Described = (&'static str, &'static str);

/// The one word that stands for each family, and its entries.
pub fn families() -> Vec<(&'static str, Vec<Described>)> {
    let entries = |g: &Group| g.entries.iter().map(|e| (e.name, e.doc)).collect();
    let word = |g: &Group| if g.plural.contains(' ') { g.name } else { g.plural };
    groups().iter().map(|g| (word(g), entries(g))).collect()
}

impl List {
    pub fn run(&self, out: &mut dyn Write) -> Result<Exit, Failure> {
        let groups = groups();
        let (family, name) = (self.family.as_deref(), self.name.as_deref());
        match (family.map(|f| (f, find_group(&groups, f))), name) {
            (None, _) => self.overview(&groups, out)?,
            (Some((_, Some(group))), None) => self.group(group, out)?,
            (Some((_, Some(group))), Some(name)) => self.entries(&[find_entry(group, name)?], out)?,
            (Some((word, None)), None) => self.entries(&find_anywhere(&groups, word)?, out)?,
            (Some((word, None)), Some(_)) => return Err(no_family(&groups, word)),
        }
        Ok(Exit::Done)
    }

    fn overview(&self, groups: &[Group], out: &mut dyn Write) -> Result<(), Failure> {
        if self.format == ListForm::Json {
            let all: serde_json::Map<_, _> = groups.iter().map(|g| (g.name.to_string(), g.json())).collect();
            return Ok(writeln!(out, "{}", json!({ "format": 1, "families": all }))?);
        }
        let screen = Screen::stdout();
        for group in groups {
            let names: Vec<&str> = group.entries.iter().map(|e| e.name).collect();
            writeln!(out, "{}", screen.paint(Ink::Strong, group.plural))?;
            for line in wrapped(&names, 76) {
                writeln!(out, "    {line}")?;
            }
        }
        Ok(writeln!(out, "\n`fsched list FAMILY` tells what they do, `fsched list NAME` what they take.")?)
    }

    fn group(&self, group: &Group, out: &mut dyn Write) -> Result<(), Failure> {
        if self.format == ListForm::Json {
            return Ok(writeln!(out, "{}", json!({ "format": 1, "families": { group.name: group.json() } }))?);
        }
        let screen = Screen::stdout();
        let width = group.entries.iter().map(|e| e.name.len()).max().unwrap_or(0);
        for entry in &group.entries {
            let name = screen.paint(Ink::Strong, format!("{:width$}", entry.name));
            writeln!(out, "{name}  {}", entry.doc)?;
        }
        Ok(())
    }

    fn entries(&self, entries: &[Entry], out: &mut dyn Write) -> Result<(), Failure> {
        if self.format == ListForm::Json {
            let entries: Vec<_> = entries.iter().map(Entry::json).collect();
            return Ok(writeln!(out, "{}", json!({ "format": 1, "entries": entries }))?);
        }
        for (i, entry) in entries.iter().enumerate() {
            if i > 0 {
                writeln!(out)?;
            }
            entry.write(Screen::stdout(), out)?;
        }
        Ok(())
    }
}

fn groups() -> Vec<Group> {
    let statements = WORDS.iter().map(|w| Entry::of_word(w)).collect();
    let first = Group { name: "statement", plural: "statements", entries: statements };
    let family = |family: &Family| Group {
        name: family.name(),
        plural: family.plural(),
        entries: members(*family).iter().copied().map(Entry::of_member).collect(),
    };
    let lints = LINTS.iter().zip(&*SUMMARIES).map(|(lint, summary)| Entry::of_lint(lint, summary)).collect();
    let last = Group { name: "lint", plural: "lints", entries: lints };
    std::iter::once(first).chain(Family::ALL.iter().map(family)).chain([last]).collect()
}

fn find_group<'a>(groups: &'a [Group], name: &str) -> Option<&'a Group> {
    groups.iter().find(|g| g.is_called(name))
}

fn find_entry(group: &Group, name: &str) -> Result<Entry, Failure> {
    group.entries.iter().find(|e| e.name == name).copied().ok_or_else(|| {
        let failure = Failure::usage(format!("there is no {} `{name}`", group.name));
        match closest(name, group.entries.iter().map(|e| e.name)).first() {
            Some(near) => failure.help(format!("did you mean `{near}`?")),
            None => failure.help(format!("`fsched list {}` shows all of them", group.name)),
        }
    })
}

/// The entries of that name in any family: `none` is a word of several.
fn find_anywhere(groups: &[Group], name: &str) -> Result<Vec<Entry>, Failure> {
    let found: Vec<Entry> = groups.iter().flat_map(|g| &g.entries).filter(|e| e.name == name).copied().collect();
    if found.is_empty() { Err(no_family(groups, name)) } else { Ok(found) }
}

fn no_family(groups: &[Group], name: &str) -> Failure {
    let families = groups.iter().flat_map(|g| [g.name, g.plural]);
    let entries = groups.iter().flat_map(|g| &g.entries).map(|e| e.name);
    let failure = Failure::usage(format!("there is no family and no name `{name}`"));
    match closest(name, families.chain(entries)).first() {
        Some(near) => failure.help(format!("did you mean `fsched list {}`?", near.replace(' ', "-"))),
        None => failure.help("`fsched list` shows all families"),
    }
}

impl Group {
    fn is_called(&self, name: &str) -> bool {
        self.name == name || self.plural == name || self.plural.replace(' ', "-") == name
    }

    fn json(&self) -> serde_json::Value {
        self.entries.iter().map(Entry::json).collect()
    }
}

/// What each lint tells, in one line.
static SUMMARIES: LazyLock<Vec<String>> =
    LazyLock::new(|| LINTS.iter().map(|lint| lint.code.info().summary()).collect());

impl Entry {
    /// With its code as its source, and the bad example of its text.
    fn of_lint(lint: &'static Lint, summary: &'static str) -> Entry {
        let info = lint.code.info();
        let (_, bad) = info.text.split_once("```fsched\n").unwrap_or_default();
        let example = bad.split("```").next().unwrap_or_default().trim_end();
        Entry { family: "lint", name: info.name, params: &[], doc: summary, source: info.id, example }
    }

    fn of_word(word: &'static Word) -> Entry {
        let family = match word.kind {
            WordKind::Declaration => "declaration",
            WordKind::Setting => "setting",
            WordKind::Step => "step",
            WordKind::Control => "control",
        };
        Entry { family, name: word.name, params: word.params, doc: word.doc, source: "", example: word.example }
    }

    fn of_member(member: &'static Member) -> Entry {
        let Member { family, name, params, doc, source, example } = member;
        Entry { family: family.name(), name, params, doc, source, example }
    }

    fn write(&self, screen: Screen, out: &mut dyn Write) -> Result<(), Failure> {
        writeln!(out, "{} ({}): {}", screen.paint(Ink::Strong, self.name), self.family, self.doc)?;
        if !self.params.is_empty() {
            writeln!(out)?;
        }
        let width = self.params.iter().map(|p| p.name.len()).max().unwrap_or(0);
        for param in self.params {
            let name = screen.paint(Ink::Strong, format!("{:width$}", param.name));
            writeln!(out, "    {name}  {}", param.doc)?;
            writeln!(out, "    {:width$}  {}", "", screen.paint(Ink::Faint, param.facts()))?;
        }
        writeln!(out, "\n    {}", self.example.replace('\n', "\n    "))?;
        if !self.source.is_empty() {
            writeln!(out, "\n    {}", screen.paint(Ink::Faint, self.source))?;
        }
        Ok(())
    }

    fn json(&self) -> serde_json::Value {
        json!({
            "family": self.family,
            "name": self.name,
            "doc": self.doc,
            "parameters": self.params.iter().map(param_json).collect::<Vec<_>>(),
            "source": self.source,
            "example": self.example,
        })
    }
}

fn param_json(param: &Param) -> serde_json::Value {
    let bounds = param
        .bounds
        .map(|b| json!({ "min": b.min, "max": b.max.is_finite().then_some(b.max), "min_excluded": b.above }));
    json!({
        "name": param.name,
        "type": param.ty.describe(),
        "required": param.default == Default::Required,
        "default": default_value(&param.default, param).map(|v| v.to_json()),
        "bounds": bounds,
        "named": param.named,
        "many": param.many,
        "doc": param.doc,
    })
}

/// Names side by side, in lines of at most `width` characters.
fn wrapped(names: &[&str], width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for name in names {
        match lines.last_mut() {
            Some(line) if line.len() + 2 + name.len() <= width => *line += &format!("  {name}"),
            _ => lines.push(name.to_string()),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listed(family: &str, name: Option<&str>, format: ListForm) -> Result<String, Failure> {
        let list = List { family: Some(family.into()), name: name.map(Into::into), format };
        let mut out = Vec::new();
        list.run(&mut out).map(|_| String::from_utf8(out).unwrap())
    }

    #[test]
    fn a_member_is_shown_with_its_parameters() {
        let pgd = listed("attacks", Some("pgd"), ListForm::Human).unwrap();
        assert!(pgd.starts_with("pgd (attack): projected gradient descent"), "{pgd}");
        assert!(pgd.contains("eps") && pgd.contains("must be given"), "{pgd}");
        assert_eq!(listed("pgd", None, ListForm::Human).unwrap(), pgd);
        let json: serde_json::Value = serde_json::from_str(&listed("pgd", None, ListForm::Json).unwrap()).unwrap();
        assert_eq!(json["entries"][0]["parameters"][0]["name"], "eps");
    }

    #[test]
    fn every_entry_can_be_shown() {
        for group in groups() {
            for entry in &group.entries {
                assert!(listed(group.name, Some(entry.name), ListForm::Human).unwrap().contains(entry.doc));
                assert!(!entry.doc.is_empty() && !entry.example.is_empty(), "{}", entry.name);
            }
        }
    }

    #[test]
    fn a_slip_gets_a_suggestion() {
        let help = |family, name| listed(family, name, ListForm::Human).unwrap_err().help.unwrap();
        assert_eq!(help("atacks", None), "did you mean `fsched list attacks`?");
        assert_eq!(help("attacks", Some("pdg")), "did you mean `pgd`?");
    }
}

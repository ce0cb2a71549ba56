//! What completion writes: the word with places to fill in, `${1:30%}`, in the syntax of the protocol's snippets.

use crate::components::{Default, Member, Param, Type, catalogue};
use crate::language::families_of;
use crate::language::index::Definition;
use crate::language::statements::Word;

/// A snippet for those who know none: with the texts that it suggests.
pub fn plain(snippet: &str) -> String {
    let mut text = String::new();
    let mut rest = snippet;
    while let Some((before, after)) = rest.split_once('$') {
        text += before;
        rest = match after.strip_prefix('{').and_then(|a| a.split_once('}')) {
            Some((place, after)) => {
                text += place.split_once(':').map_or("", |(_, default)| default);
                after
            }
            None => after.trim_start_matches(|c: char| c.is_ascii_digit()),
        };
    }
    text + rest
}

/// A statement with the arguments that it must have.
pub fn of_word(word: &Word) -> String {
    let made = match word.name {
        "let" => "let ${1:name} = ${2:10}",
        "param" => "param ${1:name} = ${2:10}",
        "phase" => "phase ${1:name}() {\n\t$0\n}",
        "use" => "use \"${1:common.fsched}\"",
        "repeat" => "repeat ${1:5} {\n\t$0\n}",
        "for" => "for ${1:i} in ${2:0..5} {\n\t$0\n}",
        "if" => "if ${1:clean < 50%} {\n\t$0\n}",
        "repeat until" => "repeat until ${1:clean > 90%} max: ${2:20} {\n\t$0\n}",
        "every" => "every ${1:10 epochs} {\n\t$0\n}",
        "when" => "when ${1:clean > 90%} {\n\t$0\n}",
        "guard" => "guard ${1:clean > 50%} else ${2:warn}",
        "budget" => "budget ${1:3 h}",
        "keep" => "keep last: ${1:2}",
        _ => "",
    };
    if !made.is_empty() {
        return made.to_string();
    }
    let required = word.params.iter().filter(|p| p.default == Default::Required).enumerate();
    let places = required.map(|(i, p)| {
        let name = if p.named { format!("{}: ", p.name) } else { String::new() };
        format!(" {name}${{{}:{}}}", i + 1, from_example(p, word.example))
    });
    format!("{}{}", word.name, places.collect::<String>())
}

/// A component with the arguments that it must have.
pub fn of_member(member: &Member) -> String {
    let required: Vec<&Param> = member.params.iter().filter(|p| p.default == Default::Required).collect();
    if required.is_empty() {
        return member.name.to_string();
    }
    let places = required.iter().enumerate().map(|(i, p)| {
        let name = if p.named || required.len() > 1 || i > 0 { format!("{}: ", p.name) } else { String::new() };
        format!("{name}${{{}:{}}}", i + 1, from_example(p, member.example))
    });
    format!("{}({})", member.name, places.collect::<Vec<_>>().join(", "))
}

/// The call of a phase with the arguments that it must have.
pub fn of_phase<'a>(name: &str, parameters: impl Iterator<Item = &'a Definition>) -> String {
    let required = parameters.filter(|p| p.shown.is_empty()).enumerate();
    let places = required.map(|(i, p)| format!("${{{}:{}}}", i + 1, p.name));
    format!("{name}({})", places.collect::<Vec<_>>().join(", "))
}

/// What a parameter gets in an example, else what its type suggests.
fn from_example(param: &Param, example: &str) -> String {
    let named = format!("{}: ", param.name);
    let written = example.split_once(&named).map(|(_, rest)| {
        let mut depth = 0;
        let end = rest.find(|c: char| {
            depth += i32::from(matches!(c, '(' | '[')) - i32::from(matches!(c, ')' | ']'));
            depth < 0 || (depth == 0 && matches!(c, ',' | ';' | '\n'))
        });
        rest[..end.unwrap_or(rest.len())].trim().to_string()
    });
    // Tasks of conversations where its example has some.
    let of_texts = param.ty == Type::Tasks && example.contains("quiz");
    let suggested = || match (&param.ty, param.many) {
        _ if of_texts => "quiz".into(),
        (Type::List(entry), false) => format!("[{}]", of_type(entry)),
        (ty, _) => of_type(ty),
    };
    written.unwrap_or_else(suggested).replace('}', "\\}")
}

fn of_type(ty: &Type) -> String {
    match ty {
        Type::Int => "10".into(),
        Type::Real => "0.1".into(),
        Type::Share | Type::Moment => "30%".into(),
        Type::Duration => "10".into(),
        Type::Text => "\"name\"".into(),
        Type::Bool => "true".into(),
        Type::Selector => "head".into(),
        Type::Metric => "clean".into(),
        Type::Condition => "clean > 50%".into(),
        Type::Tasks => "split(fashion, by: class, size: 5)".into(),
        Type::Word(list) => list.first().copied().unwrap_or_default().into(),
        Type::Component(_) => families_of(ty)
            .find_map(|f| catalogue::members(f).first().copied())
            .map_or(String::new(), |m| plain(&of_member(m))),
        Type::List(entry) => of_type(entry),
        Type::OneOf(types) => types.first().map_or(String::new(), of_type),
        Type::Any => "10".into(),
    }
}

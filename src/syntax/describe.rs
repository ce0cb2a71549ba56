//! Names for people of what the grammar's rules match, and of what is found in their place.

use super::Rule;

/// Words that have a meaning in every statement, so they cannot be names.
pub const RESERVED: [&str; 8] = ["on", "with", "in", "then", "and", "or", "not", "else"];

/// Words that begin statements with productions of their own, so that they are no values: the grammar's `own_word`.
pub const OWN_WORDS: [&str; 7] = ["let", "param", "phase", "use", "repeat", "for", "if"];

/// How many things a message lists as expected.
const MAX_LISTED: usize = 4;

/// How many characters of a token a message repeats.
const MAX_QUOTED: usize = 24;

/// What a rule matches, in words. No `_`: a new rule must be named here.
pub fn describe(rule: Rule) -> &'static str {
    use Rule::*;
    match rule {
        file | body => "statements",
        expression | outer | inner | outer_range | inner_range | outer_sum | inner_sum | operand | plain => "a value",
        EOI => "the end",
        end | no_separator | after_arguments => "the end of the statement",
        anything | junk | rest | tail | piece | inside | missing | unreadable => "nothing",
        mark => "a byte order mark",
        sp | blanks | gap | more | blank => "a blank",
        newline => "a new line",
        comment => "a comment",
        name_start | name_char => "a letter",
        any_name | name | reference => "a name",
        word | unit => "a word",
        reserved => "a reserved word",
        own_word | own_production | next_statement => "a declaration",
        kw_let => "`let`",
        kw_param => "`param`",
        kw_phase => "`phase`",
        kw_use => "`use`",
        kw_repeat => "`repeat`",
        kw_until => "`until`",
        kw_for => "`for`",
        kw_in => "`in`",
        kw_if => "`if`",
        kw_else => "`else`",
        kw_on => "`on`",
        kw_with => "`with`",
        kw_guard => "`guard`",
        kw_sweep => "`sweep`",
        comma | missing_comma | dangling_comma => "`,`",
        colon | yaml_colon | slice_colon => "`:`",
        equals | assign | wrong_equals => "`=`",
        lparen => "`(`",
        rparen => "`)`",
        lbracket => "`[`",
        rbracket => "`]`",
        lbrace => "`{`",
        rbrace => "`}`",
        semicolon => "`;`",
        statement | let_statement | param_statement | phase_statement | use_statement | repeat_statement
        | repeat_until | for_statement | if_statement | guard_statement | sweep_statement | simple | consequence => {
            "a statement"
        }
        else_if | otherwise => "`else`",
        parameters | parameter => "a parameter",
        arguments | argument | entries | entry => "an argument",
        on_clause => "`on`",
        with_clause => "`with`",
        block | header_block | late_block => "a block",
        operand_start => "a value",
        loose | tight | goes_on => "an operator",
        then => "`then`",
        or => "`or`",
        and => "`and`",
        not => "`not`",
        comparison => "a comparison",
        dots => "`..`",
        additive | multiplicative => "an operator",
        negate => "`-`",
        numeric | number => "a number",
        percent => "`%`",
        string => "a string",
        paren => "brackets",
        list => "a list",
        call => "arguments in brackets",
        index => "an index",
        field => "`.` and a name",
    }
}

/// "`,`, `)` or an operator"
pub fn one_of(rules: &[Rule]) -> String {
    let mut names: Vec<&str> = Vec::new();
    for name in rules.iter().map(|r| describe(*r)) {
        if !names.contains(&name) && names.len() < MAX_LISTED {
            names.push(name);
        }
    }
    match names.split_last() {
        Some((last, [])) => (*last).to_string(),
        Some((last, others)) => format!("{} or {last}", others.join(", ")),
        None => "nothing".to_string(),
    }
}

/// A token as a message repeats it.
pub fn quoted(token: &str) -> String {
    if RESERVED.contains(&token) {
        return format!("the word `{token}`");
    }
    let shown: String = token.chars().take(MAX_QUOTED).map(|c| if c.is_control() { ' ' } else { c }).collect();
    if shown.len() < token.len() { format!("`{shown}…`") } else { format!("`{shown}`") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_rule_is_described_in_the_grammars_own_words() {
        for rule in Rule::all_rules() {
            let (words, own) = (describe(*rule), format!("{rule:?}"));
            assert!(!words.contains('_') && !words.is_empty(), "{rule:?}: {words}");
            assert!(!own.contains('_') || !words.contains(&own), "{rule:?}: {words}");
        }
    }

    #[test]
    fn expectations_are_listed_once_and_capped() {
        assert_eq!(one_of(&[Rule::comma, Rule::rparen]), "`,` or `)`");
        assert_eq!(one_of(&[Rule::outer, Rule::inner]), "a value");
        let many = [Rule::comma, Rule::rparen, Rule::rbracket, Rule::lbrace, Rule::end, Rule::word];
        assert_eq!(one_of(&many), "`,`, `)`, `]` or `{`");
    }

    #[test]
    fn what_is_found_is_shortened_and_kept_on_one_line() {
        assert_eq!(quoted("a\u{1b}b"), "`a b`");
        assert_eq!(quoted(&"x".repeat(100)), format!("`{}…`", "x".repeat(24)));
    }
}

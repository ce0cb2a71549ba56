//! What programs mean as trees, and what is said of bad ones.

use super::{dump, parse, parse_expression};
use crate::diagnostic::{Applicability, CODES, Code, Diagnostic, applicable, apply};
use crate::source::{FileId, LineIndex};

const FILE: FileId = FileId(0);

/// The programs of the language's design, and the forms that they don't use.
pub const PROGRAMS: [&str; 8] = [
    include_str!("testdata/minute.fsched"),
    include_str!("testdata/forgetting.fsched"),
    include_str!("testdata/zapping.fsched"),
    include_str!("testdata/memorization.fsched"),
    include_str!("testdata/sharpness.fsched"),
    include_str!("testdata/multimodal.fsched"),
    include_str!("testdata/rollout.fsched"),
    include_str!("testdata/control.fsched"),
];

/// The tree of a text that has nothing wrong.
fn tree(text: &str) -> String {
    let (file, diagnostics) = parse(FILE, text);
    assert!(diagnostics.is_empty(), "{text}\n{diagnostics:#?}");
    dump::file(&file)
}

/// The tree of a text that has something wrong.
fn broken_tree(text: &str) -> String {
    let (file, diagnostics) = parse(FILE, text);
    assert!(!diagnostics.is_empty(), "{text}");
    dump::file(&file)
}

/// What is said of a text: code, line and column, the words pointed at, the message.
fn said(text: &str) -> Vec<String> {
    let lines = LineIndex::new(text);
    let say = |d: Diagnostic| {
        let span = d.primary.span;
        let place = lines.line_column(text, span.start as usize);
        format!("{} {}:{} {} | {}", d.code.id(), place.line, place.column, &text[span.range()], d.message)
    };
    parse(FILE, text).1.into_iter().map(say).collect()
}

/// The text after the first fix of the first diagnostic.
fn fixed(text: &str) -> (Applicability, String) {
    let (_, diagnostics) = parse(FILE, text);
    let fix = diagnostics.first().and_then(|d| d.fixes.first()).unwrap_or_else(|| panic!("no fix for {text}"));
    let mut edits = fix.edits.clone();
    edits.sort_by_key(|e| std::cmp::Reverse(e.span.start));
    let mut text = text.to_string();
    edits.into_iter().for_each(|e| text.replace_range(e.span.range(), &e.text));
    (fix.applicability, text)
}

/// The text with the first safe fix of each diagnostic.
pub fn safely_fixed(text: &str, diagnostics: &[Diagnostic]) -> String {
    let Some(file) = diagnostics.first().map(|d| d.primary.span.file) else { return text.to_string() };
    apply(text, applicable(diagnostics, file, Applicability::Safe).into_iter().map(|(_, fix)| fix))
}

/// Checks that the first fix is safe, gives `right`, and leaves nothing wrong.
fn mends(wrong: &str, right: &str) {
    assert_eq!(fixed(wrong), (Applicability::Safe, right.to_string()));
    assert_eq!(said(right), Vec::<String>::new());
}

mod programs {
    use super::*;

    #[test]
    fn the_programs_of_the_design_have_nothing_wrong() {
        assert_eq!(PROGRAMS.map(|p| tree(p).contains("error")), [false; 8]);
        assert_eq!(tree(PROGRAMS[0]), "(consolidate 40)\n(forget layers[(.. (- 2) _)] 0.3)\n(relearn 10)\n(repeat 5)");
    }

    #[test]
    fn statements_end_at_line_ends_semicolons_and_braces() {
        assert_eq!(tree(""), "");
        assert_eq!(tree("\u{feff}a 1\r\nb 2\r\n"), "(a 1)\n(b 2)");
        assert_eq!(tree(";;a;;\n\n;b # c\n{c}"), "(a)\n(b)\n{(c)}");
        assert_eq!(tree("a (1\n + # why\n 2) x:\n 3,\n # so\n 4"), "(a <(+ 1 2)> x:3 4)");
        assert_eq!(tree("let a = # why\n 1 +\n 2 and\n b"), "(let a (and (+ 1 2) b))");
        assert_eq!(tree("for x in\n [1,\n 2,] { }"), "(for x [1 2] {})");
    }

    #[test]
    fn arguments_join_when_the_spacing_is_even() {
        for (text, expected) in [
            ("forget head 3/10", "(forget head (/ 3 10))"),
            ("forget head (3/10)", "(forget head <(/ 3 10)>)"),
            ("forget head(3/10)", "(forget head((/ 3 10)))"),
            ("forget all - head 30%", "(forget (- all head) 30%)"),
            ("forget a+b 30%", "(forget (+ a b) 30%)"),
            ("forget conv & layers[-2..] 0.3", "(forget (& conv layers[(.. (- 2) _)]) 0.3)"),
            ("forget layers[..-2] - norms 10%", "(forget (- layers[(.. _ (- 2))] norms) 10%)"),
            ("relearn 10 - 1", "(relearn (- 10 1))"),
            ("relearn 10 (-1)", "(relearn 10 <(- 1)>)"),
            ("f a: -1 b: - 2, c", "(f a:(- 1) b:(- 2) c)"),
            ("expect not a and b", "(expect (and (not a) b))"),
            ("measure clean, robust(a) every: 1 epoch", "(measure clean robust(a) every:1~epoch)"),
        ] {
            assert_eq!(tree(text), expected);
        }
    }

    #[test]
    fn operators_bind_as_listed() {
        for (text, expected) in [
            ("a then b or c and not d == e", "(then a (or b (and c (not (== d e)))))"),
            ("1 + 2 * -3 .. 4 - 5 - 6", "(.. (+ 1 (* 2 (- 3))) (- (- 4 5) 6))"),
            ("0..5", "(.. 0 5)"),
            ("0..=x[1]", "(..= 0 x[1])"),
            ("..", "(.. _ _)"),
            ("a[..]", "a[(.. _ _)]"),
            ("f(x)[0].y", "f(x)[0].y"),
            ("a.b.c(1)", "a.b.c(1)"),
            ("a != b or c >= d", "(or (!= a b) (>= c d))"),
            ("10 epochs..20 epochs", "(.. 10~epochs 20~epochs)"),
            ("[projector: 2e-5, 3]", "[projector:2e-5 3]"),
        ] {
            assert_eq!(tree(&format!("let x = {text}")), format!("(let x {expected})"));
        }
    }

    #[test]
    fn numbers_and_units() {
        for (text, expected) in [
            ("1_000 .5 3e-4 1e3 30% .5%", "1000 0.5 0.0003 1000.0 30% 0.5%"),
            ("40 epochs 90 s", "40~epochs 90~s"),
            ("20% over: 1", "20% over:1"),
            ("2 weight: 1", "2 weight:1"),
            ("2 f(x)", "2 f(x)"),
            ("2 a.b", "2 a.b"),
            ("2 then x", "(then 2 x)"),
            ("9223372036854775807", "9223372036854775807"),
        ] {
            assert_eq!(tree(&format!("x {text}")), format!("(x {expected})"));
        }
        assert_eq!(tree("x 2 on y"), "(x 2 on y)");
    }

    #[test]
    fn strings_have_escapes() {
        assert_eq!(tree(r#"x "a\"\\\n\t\u{e9}#é""#), r#"(x "a\"\\\n\té#é")"#);
    }

    #[test]
    fn comments_are_kept_with_their_places() {
        let text = "# one\na # two\r\nb \"# no\" # three";
        let comments: Vec<_> = parse(FILE, text).0.comments.iter().map(|c| &text[c.range()]).collect();
        assert_eq!(comments, ["# one", "# two", "# three"]);
    }

    #[test]
    fn a_lone_expression_may_be_anything() {
        for (text, expected) in
            [(" -30% ", "(- 30%)"), ("1\n+ 2", "(+ 1 2)"), ("a -1", "(- a 1)"), ("\u{feff}\"x\"", "\"x\"")]
        {
            let (e, diagnostics) = parse_expression(FILE, text);
            assert_eq!((dump::expr(&e).as_str(), diagnostics.len()), (expected, 0));
        }
        for text in ["", "  ", "1 2", "x = 3", "# c", "a\nb", "(", "{"] {
            let (_, diagnostics) = parse_expression(FILE, text);
            assert_eq!(diagnostics.len(), 1, "{text:?} {diagnostics:?}");
        }
    }
}

mod mistakes {
    use super::*;

    #[test]
    fn nine_mistakes_are_told_at_their_nine_places() {
        let text = "\
seed 0x1
let attack = pgd(eps=0.1, iters: 10)
objective adversarial(attack
train 15 // long
repeat 5
{
  forget layers[-2:] 30 %
  relearn 10 -1
  checkpoint “a”
}
expect 1 < clean < 2
";
        assert_eq!(
            said(text),
            [
                "FS0002 1:6 0x1 | `0x1` is no number here",
                "FS0007 2:21 = | a named argument is written with `:`",
                "FS0004 3:22 ( | this `(` is never closed",
                "FS0007 4:10 // | `//` does not start a comment here",
                "FS0010 6:1 { | this block does not stand on the line of its header",
                "FS0007 7:19 : | a range is written with `..`",
                "FS0002 7:22 30 % | `%` must touch its number",
                "FS0009 8:14 - | `-` has a blank on one side only",
                "FS0006 9:14 “a” | these are typographic quotes",
                "FS0011 11:18 < | comparisons do not chain",
            ]
        );
        assert!(
            broken_tree(text)
                .contains("(repeat 5 {(forget layers[(.. (- 2) _)] 30%); (relearn error); (checkpoint \"a\")})")
        );
    }

    #[test]
    fn what_was_expected_is_named() {
        for (text, expected) in [
            ("let", "FS0001 1:1 let | expected a name after `let`"),
            ("let x", "FS0001 1:5 x | expected `=` after `x`"),
            ("let x =\nlet y = 1", "FS0001 1:7 = | expected a value after `=`"),
            ("let x 5", "FS0001 1:7 5 | expected `=`, found `5`"),
            ("let in = 5", "FS0001 1:5 in | the word `in` cannot be a name"),
            ("let 5 = x", "FS0001 1:5 5 | expected a name, found `5`"),
            ("let x = 5 6", "FS0001 1:11 6 | expected the end of the statement, found `6`"),
            ("param p: = 5", "FS0001 1:10 = | expected a name, found `=`"),
            ("use", "FS0001 1:1 use | expected a value after `use`"),
            ("for in y { }", "FS0001 1:5 in | expected a name, found the word `in`"),
            ("for x y { }", "FS0001 1:7 y | expected `in`, found `y`"),
            ("for x in y", "FS0001 1:10 y | expected `{` after `y`"),
            ("if { }", "FS0001 1:4 { | expected a value, found `{`"),
            ("phase p(a b) { }", "FS0001 1:11 b | expected `,` or `)`, found `b`"),
            ("repeat 5 { a } b", "FS0001 1:16 b | expected a new line or `;`, found `b`"),
            ("train 10 +", "FS0001 1:10 + | expected a value after `+`"),
            ("train 10,", "FS0001 1:9 , | expected an argument after `,`"),
            ("train (1 + )", "FS0001 1:12 ) | expected a value, found `)`"),
            ("train x.", "FS0001 1:8 . | expected a name after `.`"),
            ("train x[]", "FS0001 1:9 ] | expected a value, found `]`"),
            ("train [1 2]", "FS0001 1:10 2 | expected `,` or `]`, found `2`"),
            ("train f(,1)", "FS0001 1:9 , | expected a value, found `,`"),
            ("train (1, 2)", "FS0001 1:9 , | expected an operator or `)`, found `,`"),
            ("train every:", "FS0001 1:12 : | expected a value after `:`"),
            ("train 10\"x\"", "FS0001 1:9 \"x\" | arguments stand apart from each other"),
            ("train x[0](3)", "FS0001 1:11 ( | only a name can be called"),
            ("relearn 10 with adam(lr: 3)", "FS0001 1:17 adam | expected `{`, found `adam`"),
            ("5 epochs", "FS0001 1:1 5 | expected a statement, found `5`"),
            ("else { }", "FS0001 1:1 else | this `else` has no `if`"),
            ("with { lr 1 }", "FS0001 1:1 with | this `with` has no step"),
            ("guard x > 3 else", "FS0001 1:13 else | expected a word after the word `else`"),
            ("a (b; c)", "FS0001 1:5 ; | expected `,`, found `;`"),
        ] {
            assert_eq!(said(text), [expected], "{text}");
        }
    }

    #[test]
    fn spacing_that_can_be_read_in_two_ways() {
        let (_, diagnostics) = parse(FILE, "relearn 10 -1");
        let fixes: Vec<_> = diagnostics[0].fixes.iter().map(|f| (f.applicability, f.edits[0].text.as_str())).collect();
        assert_eq!(diagnostics[0].code, Code::AMBIGUOUS_OPERATOR);
        assert_eq!(fixes, [(Applicability::Unsafe, " - "), (Applicability::Unsafe, " (-1)")]);
        assert_eq!(broken_tree("relearn 10 -1"), "(relearn error)");
        assert_eq!(fixed("relearn -1"), (Applicability::Unsafe, "relearn (-1)".into()));
        mends("relearn 10 *2", "relearn 10 * 2");
        mends("expect a< b", "expect a < b");
        assert_eq!(fixed("forget layers ..3").1, "forget layers[..3]");
    }

    #[test]
    fn numbers_that_are_none() {
        mends("consolidate 40epochs", "consolidate 40 epochs");
        mends("lr 5.", "lr 5");
        mends("forget head 30 %", "forget head 30%");
        assert_eq!(fixed("consolidate 40eps"), (Applicability::Unsafe, "consolidate 40 epochs".into()));
        assert_eq!(fixed("steps 10k"), (Applicability::Unsafe, "steps 10000".into()));
        for (number, message) in [
            ("1e", "`1e` has no digits behind its `e`"),
            ("0.3.4", "`0.3.4` has 2 points"),
            ("0x10", "`0x10` is no number here"),
            ("1__0", "`1__0` has a misplaced `_`"),
            ("1e999", "`1e999` is too large"),
            ("9223372036854775808", "`9223372036854775808` is too large for a whole number"),
        ] {
            assert_eq!(said(&format!("x {number}")), [format!("FS0002 1:3 {number} | {message}")]);
            assert_eq!(broken_tree(&format!("x {number}")), "(x error)");
        }
    }

    #[test]
    fn strings_that_have_no_end_or_bad_escapes() {
        assert_eq!(said("a \"b\nc 1"), ["FS0003 1:3 \"b | this string has no end on its line"]);
        assert_eq!(broken_tree("f(g(\"b, 3)\nc 1"), "(f! g(\"b, 3\"))\n(c 1)");
        assert_eq!(broken_tree("a \"b\\\nc 1"), "(a \"b\")\n(c 1)");
        assert_eq!(
            said(r#"a "\q\u{110000}\u{zz}\u12""#),
            [
                r"FS0003 1:4 \q | there is no escape `\q`",
                r"FS0003 1:6 \u{110000} | `\u{110000}` is no character",
                r"FS0003 1:16 \u{zz} | `\u{zz}` is no character",
                r"FS0003 1:22 \u | `\u` needs up to six digits in braces",
            ]
        );
    }

    #[test]
    fn brackets_without_partner_are_blamed_where_they_stand() {
        for (text, expected, behind) in [
            ("f(a\ntrain 10", "FS0004 1:2 ( | this `(` is never closed", "a"),
            ("let a = f(b: 1,\n  c: 2\ntrain 1", "FS0004 1:10 ( | this `(` is never closed", "2"),
            ("forget layers[-2.. 30%\n{ }", "FS0004 1:14 [ | this `[` is never closed", ".."),
            ("f(a(b) - g(\nc)\nd", "FS0004 1:2 ( | this `(` is never closed", ")"),
            ("f(a[1)", "FS0004 1:4 [ | this `[` is never closed", "1"),
            ("repeat 5 {\n  a\n", "FS0004 1:10 { | this `{` is never closed", "a"),
            ("repeat 5 {\n  for x in y {\n    a\n}\nb", "FS0004 2:14 { | this `{` is never closed", "a"),
            ("repeat 5 {\n  a\nb\n", "FS0004 1:10 { | this `{` is never closed", "a"),
            ("if x {\n a (\n}", "FS0004 2:4 ( | this `(` is never closed", ""),
        ] {
            assert_eq!(said(text), [expected], "{text}");
            let (_, diagnostics) = parse(FILE, text);
            let label = diagnostics[0].labels.first().map_or("", |l| &text[l.span.range()]);
            assert_eq!(label, behind, "{text}");
        }
        for (text, expected) in [
            ("a\n}\nb", "FS0005 2:1 } | this `}` closes nothing"),
            ("a 1)", "FS0005 1:4 ) | this `)` closes nothing"),
            ("a (1]", "FS0005 1:5 ] | `]` does not close `(`"),
            ("a (1]) b", "FS0005 1:5 ] | this `]` closes nothing"),
            ("a pgdeps: 0.1, b)", "FS0005 1:17 ) | this `)` closes nothing"),
            ("for x in y\n  a\n}\nb", "FS0001 1:10 y | expected `{` after `y`"),
            ("a f(b{)", "FS0005 1:6 { | no block begins within brackets"),
            ("if x {\n  if y { a } }\n}", "FS0005 2:14 } | this `}` closes nothing"),
        ] {
            assert_eq!(said(text), [expected], "{text}");
        }
    }

    #[test]
    fn good_blocks_are_kept_beside_bad_headers() {
        assert_eq!(broken_tree("5 x { a 1 }\nb"), "error\n{(a 1)}\n(b)");
        assert_eq!(broken_tree("for x in 3 ] { a 1 }"), "(for x 3 {(a 1)})");
        assert_eq!(broken_tree("let attack = \nuse \"a\""), "(let attack error)\n(use \"a\")");
        assert_eq!(broken_tree("phase p(a b, c: ) { a 1 }"), "(phase p (a b c) {(a 1)})");
        assert_eq!(broken_tree("f(a ::, b)"), "(f! a:error b)");
    }

    #[test]
    fn characters_that_mean_nothing() {
        for (text, expected) in [
            ("a @", "FS0006 1:3 @ | `@` means nothing here"),
            ("a\0 1", "FS0006 1:2 \0 | a NUL character"),
            ("a ☃☃☃", "FS0006 1:3 ☃☃☃ | `☃` means nothing here"),
            ("a it’s", "FS0006 1:5 ’ | `’` does not start a string here"),
            ("a !", "FS0006 1:3 ! | `!` means nothing here"),
            ("a 1 \\\n 2", "FS0006 1:5 \\ | `\\` means nothing outside strings"),
        ] {
            assert_eq!(said(text)[0], expected);
        }
        mends("a “b”", "a \"b\"");
        mends("a 5 – 3", "a 5 - 3");
        mends("a\u{a0}5", "a 5");
        mends("tr\u{200b}ain 5", "train 5");
        mends("# a\rtrain 5", "# a\ntrain 5");
        assert_eq!(broken_tree("# a\rtrain 5\rb 1"), "(train 5)\n(b 1)");
        assert_eq!(broken_tree("a 1 @ 2\nb"), "(a 1 2 error)\n(b)");
    }

    #[test]
    fn habits_from_elsewhere_are_known() {
        for (wrong, right) in [
            ("objective pgd(eps=0.1)", "objective pgd(eps: 0.1)"),
            ("objective pgd(eps = 0.1)", "objective pgd(eps: 0.1)"),
            ("measure a every=1 epoch", "measure a every: 1 epoch"),
            ("a 1 // b", "a 1 # b"),
            ("-- b", "# b"),
            ("a 1 /* b */", "a 1 # b"),
            ("x := 5", "let x = 5"),
            ("let x := 5", "let x = 5"),
            ("f(x:=5)", "f(x:5)"),
            ("forget layers[-2:] 30%", "forget layers[-2..] 30%"),
            ("forget layers[a : b] 30%", "forget layers[a..b] 30%"),
            ("forget head 0,3", "forget head 0.3"),
            ("optimizer sgd(lr: 0,1)", "optimizer sgd(lr: 0.1)"),
            ("f(True, False, None)", "f(true, false, none)"),
            ("if a&&b { }", "if a and b { }"),
            ("if a || !b { }", "if a or not b { }"),
            ("if !b { }", "if not b { }"),
            ("if a === b { }", "if a == b { }"),
            ("epochs: 10", "epochs 10"),
            ("lr:0.1", "lr 0.1"),
            ("if a { } elif b { }", "if a { } else if b { }"),
            ("checkpoint 'a'", "checkpoint \"a\""),
            (r#"checkpoint 'it\'s "a"'"#, r#"checkpoint "it's \"a\"""#),
        ] {
            let (_, found) = parse(FILE, wrong);
            assert!(!found.is_empty() && found.iter().all(|d| d.code == Code::FOREIGN_SYNTAX), "{wrong} {found:?}");
            assert_eq!(safely_fixed(wrong, &found), right);
            assert_eq!(said(right), Vec::<String>::new());
        }
        for (text, expected) in [
            ("lr = 0.1", "FS0007 1:4 = | no `=` stands in a statement"),
            ("x += 1", "FS0007 1:3 += | there is no `+=` here"),
            ("let x = 2 ** 3", "FS0007 1:11 ** | there is no `**` here"),
            ("let x = 5 % 3", "FS0007 1:11 % | `%` is no operator here"),
            ("for x in y:\n  a", "FS0007 1:11 : | a block does not begin with `:`"),
            ("- a: 3", "FS0007 1:1 - | statements are not listed with `-`"),
            ("def f(p) { forget head p }", "FS0007 1:1 def | there is no `def` here"),
            ("while x { a }", "FS0007 1:1 while | there is no `while` here"),
            ("import \"a\"", "FS0007 1:1 import | there is no `import` here"),
            ("f({a: 1})", "FS0007 1:3 { | there are no values in braces here"),
            ("forget a | b", "FS0007 1:10 | | there is no `|` here"),
        ] {
            assert_eq!(said(text), [expected], "{text}");
        }
        assert_eq!(broken_tree("def f(p) { forget head p }"), "(phase f (p) {(forget head p)})");
        assert_eq!(tree("let a = [0,1,2]; f(0,3)"), "(let a [0 1 2])\n(f! 0 3)");
    }

    #[test]
    fn blocks_on_a_later_line_are_taken_and_told() {
        mends("repeat 5\n{\n  a\n}", "repeat 5 {\n  a\n}");
        mends("for x in y # why\n{\n  a\n}", "for x in y { # why\n  a\n}");
        mends("every 1 epoch\n# so\n{ a }", "every 1 epoch {\n# so\n a }");
        let settings = "train 5 with {\n# so\n lr 1 }";
        assert_eq!(fixed("train 5\n# so\n{ lr 1 }"), (Applicability::Unsafe, settings.to_string()));
        for text in [
            "if x\n{ a }",
            "if x { a }\nelse\n{ b }",
            "phase p(a)\n{ a }",
            "relearn 10 with\n{ lr 1 }",
            "repeat 5\n\n{ a }",
        ] {
            assert_eq!(
                parse(FILE, text).1.iter().map(|d| d.code).collect::<Vec<_>>(),
                [Code::MISPLACED_BLOCK],
                "{text}"
            );
        }
        assert_eq!(tree("train 5\n\n{ data x }\nmodel y\n{ a }"), "(train 5)\n{(data x)}\n(model y)\n{(a)}");
    }

    #[test]
    fn comparisons_do_not_chain() {
        assert_eq!(fixed("expect a < b < c").1, "expect a < b and b < c");
        assert_eq!(tree("expect (a < b) == c"), "(expect (== <(< a b)> c))");
    }

    #[test]
    fn one_change_of_a_good_program_makes_few_mistakes_near_it() {
        for program in PROGRAMS {
            for token in super::super::tokens::tokens(program).into_iter().filter(|t| t.is_code()) {
                let place = token.start as usize..token.end as usize;
                let (mut without, mut twice) = (program.to_string(), program.to_string());
                without.replace_range(place.clone(), "");
                twice.insert_str(place.end, &format!(" {}", &program[place.clone()]));
                check_change(&without, place.start);
                check_change(&twice, place.start);
            }
        }
    }

    /// Few diagnostics, and the first near the change; a lone brace may be found missing elsewhere.
    fn check_change(text: &str, at: usize) {
        let lines = LineIndex::new(text);
        let (_, diagnostics) = parse(FILE, text);
        assert!(diagnostics.len() <= 3, "{text}\n{:#?}", said(text));
        if let Some(first) = diagnostics.first() {
            let places = std::iter::once(first.primary.span).chain(first.labels.iter().map(|l| l.span));
            let near = places.map(|s| lines.line(s.start as usize).abs_diff(lines.line(at))).min();
            let brace = ["{", "}"].contains(&&text[first.primary.span.range()]);
            assert!(brace || near <= Some(1), "{text}\n{:#?}", said(text));
        }
    }
}

#[test]
fn there_is_an_end_to_what_is_told() {
    let (_, diagnostics) = parse(FILE, &"a @\n".repeat(1000));
    assert_eq!(diagnostics.len(), super::report::MAX_ERRORS + 1);
    assert_eq!(diagnostics[100].message, "there are more syntax errors than the 100 shown");
}

/// The fenced example behind a heading of an explanation.
fn example<'t>(text: &'t str, heading: &str) -> Option<&'t str> {
    let (_, rest) = text.split_once(&format!("## {heading}\n"))?;
    rest.split_once("```fsched\n")?.1.split_once("```").map(|(example, _)| example)
}

#[test]
fn each_explanation_shows_its_own_mistake_and_none() {
    for code in CODES.iter().filter(|c| c.code <= Code::FILE_TOO_LARGE) {
        assert!(code.text.starts_with(&format!("# {} {}\n", code.id, code.name)), "{}", code.id);
        let good = example(code.text, "Good").unwrap_or_else(|| panic!("{} has no good example", code.id));
        assert_eq!(said(good), Vec::<String>::new(), "{}", code.id);
        // No example is large enough for this one.
        if code.code != Code::FILE_TOO_LARGE {
            let bad = example(code.text, "Bad").unwrap_or_else(|| panic!("{} has no bad example", code.id));
            let (_, found) = parse(FILE, bad);
            assert!(!found.is_empty() && found.iter().all(|d| d.code == code.code), "{} {:?}", code.id, said(bad));
        }
    }
}

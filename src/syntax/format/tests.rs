use super::*;
use crate::syntax::parse;

const FILE: FileId = FileId(0);

/// Words whose first unnamed argument begins a list, as in the language.
const LISTS: Lists<'static> = Lists(&|word| ["measure", "evaluate", "augment"].contains(&word).then_some(0));

fn once(text: &str) -> String {
    let (tree, found) = parse(FILE, text);
    assert_eq!(found, [], "{text}");
    format(text, &tree, LISTS).unwrap_or_else(|d| panic!("{d:?}\n{text}"))
}

fn formatted(text: &str) -> String {
    let formatted = once(text);
    assert_eq!(once(&formatted), formatted, "a second time changes it");
    formatted
}

#[track_caller]
fn becomes(before: &str, after: &str) {
    assert_eq!(formatted(before), after);
}

/// Is in canonical form already.
#[track_caller]
fn stays(text: &str) {
    becomes(text, text);
}

#[test]
fn blanks_between_tokens() {
    becomes(
        "data   fashion( validation :10% )\nlet\tx=  -3+4 * ( 2-1 ) / 5\n",
        "data fashion(validation: 10%)\nlet x = -3 + 4 * (2 - 1)/5\n",
    );
    becomes(
        "let t = 2*3 epochs\nlet s = 8 / 255\nlet u = 9 epochs / 3\n",
        "let t = 2 * 3 epochs\nlet s = 8/255\nlet u = 9 epochs / 3\n",
    );
    becomes("forget layers[ -2 .. ]  30%\n", "forget layers[-2..] 30%\n");
    becomes("expect a.b( c )>=85%and not( x==y )\n", "expect a.b(c) >= 85% and not (x == y)\n");
    becomes("let r = 0 ..= 5\nlet s = [ 1 ,2,3 , ]\n", "let r = 0..=5\nlet s = [1, 2, 3]\n");
    becomes(
        "param p:Share=30% in 0% ..= 100%   \"text\"\nphase f (a:Share,b: Int=3){ }\n",
        "param p: Share = 30% in 0%..=100% \"text\"\nphase f(a: Share, b: Int = 3) {}\n",
    );
    becomes(
        "for c in[1,2] { x }\nguard a>=1% else  rollback \"p\"\n",
        "for c in [1, 2] { x }\nguard a >= 1% else rollback \"p\"\n",
    );
    // A bracket that touches is a call, one that doesn't is an argument; a reserved word calls nothing but as a name.
    stays("forget head (3/10)\npolish(30%)\nlet x = a.not(3)\nlet y = not (3)\n");
}

#[test]
fn signs_that_would_read_otherwise_stand_apart() {
    stays("let x = - -2 - -3\nlet y = 0 .. .5\nlet z = -2..-1\n");
}

#[test]
fn statements_on_one_line_stay_while_they_fit() {
    stays("consolidate 40; forget layers[-2..] 0.3; relearn 10; repeat 5\n");
    becomes("a 1 ;b 2;;\n;c 3;\n", "a 1; b 2\nc 3\n");
    let long = "train 1; ".repeat(12);
    becomes(&long, &"train 1\n".repeat(12));
    stays("repeat 5 { a; b }\nif x { a } else if y { b } else { c }\n{ a }\n{}\n");
    becomes("repeat 5 {a\nb;c }\n", "repeat 5 {\n  a\n  b; c\n}\n");
    becomes("a; repeat 5 {\nb\n}; c\n", "a\nrepeat 5 {\n  b\n}\nc\n");
}

#[test]
fn blocks_that_do_not_fit_are_broken() {
    let arguments = "layers[-2..] 30% by: smallest, to: zero, moments: clear";
    becomes(
        &format!("repeat 5 {{ forget {arguments}; relearn 10 epochs; evaluate clean }}\n"),
        &format!("repeat 5 {{\n  forget {arguments}\n  relearn 10 epochs\n  evaluate clean\n}}\n"),
    );
    // The arms of an `if` are broken together, and their `else` stands behind the `}`.
    becomes("if x {\na } \n else{ b }\n", "if x {\n  a\n} else {\n  b\n}\n");
    becomes(
        &format!("relearn 10 with {{ optimizer adam(lr: 1e-3); freeze layers[..-2]; forget {arguments} }}"),
        &format!("relearn 10 with {{\n  optimizer adam(lr: 1e-3)\n  freeze layers[..-2]\n  forget {arguments}\n}}\n"),
    );
}

#[test]
fn a_bare_block_is_kept_apart_from_the_step_before_it() {
    stays("train 1; { batch 8; train 1 }\nx 1\n{ a }\n");
    becomes("train 1;\n{ a }\n", "train 1\n\n{ a }\n");
    becomes("train 1;\n# why\n{ a\n}\n", "train 1\n\n# why\n{\n  a\n}\n");
    becomes(
        "repeat 5 { train 1; { batch 8\n train 2 }; }\n",
        "repeat 5 {\n  train 1\n\n  {\n    batch 8\n    train 2\n  }\n}\n",
    );
}

#[test]
fn a_repeat_without_a_block_keeps_its_semicolon_before_one() {
    stays("repeat 2; { a }\nrepeat 2;  # c\n# d\n{\n  a\n}\n");
    becomes("{ repeat 2 ;\n{ a } }\n", "{\n  repeat 2;\n  { a }\n}\n");
    becomes("x; repeat 2; {\na }\n", "x\nrepeat 2;\n{\n  a\n}\n");
    becomes("repeat 2 { a };\n{ b }\n", "repeat 2 { a }\n{ b }\n");
}

#[test]
fn calls_and_lists_that_do_not_fit_have_an_entry_a_line() {
    becomes(
        "optimizer sgd(lr: 0.1, momentum: 0.9, weight_decay: 5e-4, clip: none, nesterov: true, decoupled: false)",
        "optimizer sgd(\n  lr: 0.1,\n  momentum: 0.9,\n  weight_decay: 5e-4,\n  clip: none,\n  nesterov: true,\n  decoupled: false,\n)\n",
    );
    // Lines that the author made stay, and what only holds brackets needs no lines of its own.
    becomes(
        "model sequential([\nconv(16, 3), norm, relu,\n\n\npool, linear(10)])\n",
        "model sequential([\n  conv(16, 3), norm, relu,\n\n  pool, linear(10),\n])\n",
    );
    becomes("model sequential(\n[conv(16, 3)\n, norm])\n", "model sequential([conv(16, 3), norm])\n");
    becomes("let x = (\n1 +\n2\n)\n", "let x = (1 + 2)\n");
}

#[test]
fn long_statements_go_on_behind_commas_and_operators() {
    becomes(
        "measure clean, robust(attack), gap(robust(attack)), gap(validation.robust(pgd(eps: 0.1, iters: 20))) every: 1 epoch",
        "measure clean,\n    robust(attack),\n    gap(robust(attack)),\n    gap(validation.robust(pgd(eps: 0.1, iters: 20))) every: 1 epoch\n",
    );
    becomes(
        "lr warmup(5%) then drop(at: [50%, 75%], by: 0.1) then drop(at: [50%, 75%], by: 0.1) then cosine(to: 0.001)",
        "lr warmup(5%) then\n    drop(at: [50%, 75%], by: 0.1) then\n    drop(at: [50%, 75%], by: 0.1) then\n    cosine(to: 0.001)\n",
    );
    let gap = "gap(validation.robust(attack)) > 3.5%";
    becomes(
        &format!("if clean < 50.5% and {gap} or {gap} {{ train 1 }}\n"),
        &format!("if clean < 50.5% and {gap} or\n    {gap} {{\n  train 1\n}}\n"),
    );
}

#[test]
fn commas_of_statements() {
    becomes(
        "measure clean robust, loss, every: 1 epoch at: forget\n",
        "measure clean, robust, loss every: 1 epoch, at: forget\n",
    );
    becomes("forget head 30% by: a to: b\n", "forget head 30% by: a, to: b\n");
    becomes("measure f(x) [1] every: 2\n", "measure f(x), [1] every: 2\n");
    // A comment needs the comma before it.
    becomes("measure loss, # c\nevery: 5\n", "measure loss,  # c\n    every: 5\n");
    // Only the word's meaning says whether values are alike, and a reserved word that follows a value is an operator.
    stays("learn task, 1\nlearn task 1\nx a, then: 3\n");
}

#[test]
fn comments_stay_where_they_are() {
    stays("# top\n\na    # one\nb 2  # two\n\n# own\nc 1  # three\n");
    becomes(
        "repeat 5 { # head\n# own\na # x\n\n# last\n}# end\n",
        "repeat 5 {  # head\n  # own\n  a  # x\n\n  # last\n}  # end\n",
    );
    becomes("if x { a } # why\nelse { b }\n", "if x {\n  a\n}  # why\nelse {\n  b\n}\n");
    becomes("if x { a }\n\n# why\n  else if y { b }\n", "if x {\n  a\n}\n# why\nelse if y {\n  b\n}\n");
    becomes("let x = # why\n3 + # more\n4\n", "let x =  # why\n    3 +  # more\n    4\n");
    becomes(
        "f([ # head\na # a\n, b, # b\n# own\nc\n# last\n])\n",
        "f([  # head\n  a,  # a\n  b,  # b\n  # own\n  c,\n  # last\n])\n",
    );
    becomes("f(a: # why\n 3, b: 4)\n", "f(\n  a:  # why\n      3,\n  b: 4,\n)\n");
    becomes("{ # x\n}\nf( # y\n)\n", "{  # x\n}\nf(  # y\n)\n");
    becomes("#a \t\n", "#a\n");
}

#[test]
fn comments_that_alignment_would_push_out_of_the_page_stay_near() {
    let text = "x".repeat(60);
    stays(&format!("a 1 # {text}\n").replace(" #", "  #"));
    stays(&format!("a 1  # {text}\n{text} 2  # b\n"));
    stays(&format!("a 1{}  # c\n{text} 2  # b\n", " ".repeat(59)));
}

#[test]
fn pragmas_keep_the_line_they_hold_for() {
    let line = "train 100000; ".repeat(9);
    let line = line.trim_end_matches("; ");
    stays(&format!("{line}  # fsched: allow(FS1003)\n"));
    stays(&format!("a\n# fsched: allow(FS1003)\n{line}\n"));
}

#[test]
fn empty_lines_and_the_ends() {
    becomes("\n\n a\n\n\n\nb\n\n", "a\n\nb\n");
    becomes("repeat 5 {\n\n a\n\n}", "repeat 5 {\n  a\n}\n");
    becomes("", "");
    becomes(" \n\t\n;\n", "");
    becomes("\u{feff}a  1\r\nb\n", "\u{feff}a 1\r\nb\r\n");
    becomes("a\n\r\nb", "a\n\nb\n");
}

#[test]
fn columns_are_those_of_a_terminal() {
    stays("let 割合 = 10%  # share\nlet x = 10%     # 🧠\n");
}

#[test]
fn what_would_change_a_program_is_found() {
    let differs = |old: &str, new: &str| verify::difference(old, &parse(FILE, old).0, new);
    assert_eq!(differs("a 1\nb 2", "a 1;b 2\n"), None);
    assert_eq!(differs("a 1 # x", "a 1\n"), Some(4));
    assert_eq!(differs("a\n", "a\n# x\n"), Some(1));
    // The same words, but another tree.
    assert_eq!(differs("a (1)", "a(1)"), Some(0));
    assert_eq!(differs("x\na 1, 2", "x\na 1\n2"), Some(2));
    assert_eq!(internal("é", FILE, 0).primary.span, Span::new(FILE, 0, 2));
}

/**
 * The structure of fsched for editors. The language's own parser is grammar/fsched.pest; this one follows it and takes
 * valid programs without error nodes. Words of statements are names here, as there: queries know which exist.
 */

/// <reference types="tree-sitter-cli/dsl" />
// @ts-check

// Loosest first.
const PREC = { then: 1, or: 2, and: 3, not: 4, compare: 5, open: 6, range: 7, add: 8, multiply: 9, negate: 10, postfix: 11 };

const letter = String.raw`[\p{Alphabetic}_]`;
const continued = String.raw`[\p{Alphabetic}\p{N}_]`;

/** @param {RuleOrLiteral} rule */
const commas = (rule) => optional(seq(rule, repeat(seq(",", rule)), optional(",")));

module.exports = grammar({
  name: "fsched",

  // A newline ends a statement where one may end, and counts for nothing elsewhere; `src/scanner.c` tells them apart.
  externals: ($) => [$._newline, $._error_sentinel],
  extras: ($) => [/[ \t\r\n\uFEFF]/, $.comment, $.pragma],
  word: ($) => $.identifier,
  supertypes: ($) => [$.statement, $.expression],

  rules: {
    source_file: ($) => optional($._body),

    _body: ($) => choice(repeat1($._end), seq(repeat($._end), $._statements)),
    _statements: ($) => seq($.statement, repeat(seq(repeat1($._end), $.statement)), repeat($._end)),
    _end: ($) => choice(";", $._newline),

    comment: (_) => token(prec(-1, /#[^\r\n]*/)),
    // `# fsched: allow(FS1003, hidden-name)`
    pragma: (_) => token(/#[ \t]*fsched:[^\r\n]*/),

    // ---- statements

    statement: ($) =>
      choice(
        $.block,
        $.let_statement,
        $.param_statement,
        $.phase_statement,
        $.use_statement,
        $.repeat_statement,
        $.for_statement,
        $.if_statement,
        $.guard_statement,
        $.sweep_statement,
        $.simple_statement,
      ),

    block: ($) => seq("{", optional($._body), "}"),

    // `let n = 10`
    let_statement: ($) => seq("let", field("name", $.identifier), "=", field("value", $.expression)),

    // `param p: Share = 30% in 0%..=100% "share forgotten"`
    param_statement: ($) =>
      seq(
        "param",
        field("name", $.identifier),
        optional(seq(":", field("type", $.type))),
        "=",
        field("value", $.expression),
        optional(seq("in", field("range", $.expression))),
        optional(field("description", $.string)),
      ),

    // `phase polish(share: Share, time: Duration = 10) { … }`
    phase_statement: ($) =>
      seq("phase", field("name", $.identifier), optional(field("parameters", $.parameters)), field("body", $.block)),
    parameters: ($) => seq("(", commas($.parameter), ")"),
    parameter: ($) =>
      seq(
        field("name", $.identifier),
        optional(seq(":", field("type", $.type))),
        optional(seq("=", field("default", $.expression))),
      ),
    type: ($) => $.identifier,

    use_statement: ($) => seq("use", field("path", $.string)),

    // `repeat 5 { … }`, `repeat 5`, `repeat until plateau(clean, 3) max: 20 { … }`
    repeat_statement: ($) =>
      seq(
        "repeat",
        choice(field("count", $.expression), seq("until", field("condition", $.expression), repeat($._next_argument))),
        optional(field("body", $.block)),
      ),

    for_statement: ($) =>
      seq("for", field("variable", $.identifier), "in", field("list", $.expression), field("body", $.block)),

    if_statement: ($) =>
      seq("if", field("condition", $.expression), field("consequence", $.block), optional($.else_clause)),
    else_clause: ($) => seq("else", choice($.if_statement, $.block)),

    // `guard retention(old) >= 95% else rollback "production"`
    guard_statement: ($) =>
      seq("guard", field("condition", $.expression), "else", field("consequence", $.simple_statement)),

    sweep_statement: ($) => seq("sweep", field("name", $.identifier), "in", field("list", $.expression)),

    // `evaluate clean, robust(attack) on test`, `relearn 10 with { … }`, `polish(30%)`
    simple_statement: ($) =>
      seq(
        field("word", alias($.identifier, $.word)),
        optional(alias($._touching_arguments, $.arguments)),
        optional(seq($._argument, repeat($._next_argument))),
        optional($.on_clause),
        optional($.with_clause),
        optional(field("body", $.block)),
      ),
    _next_argument: ($) => seq(optional(","), $._argument),
    _argument: ($) => choice($.named_argument, $.expression),
    named_argument: ($) => seq(field("name", $._argument_name), ":", field("value", $.expression)),
    // words with a meaning of their own may name an argument: `on: adversarial`
    _argument_name: ($) => choice($.identifier, alias(choice("on", "with", "in", "else"), $.identifier)),
    on_clause: ($) => prec(1, seq("on", field("split", $.expression))),
    with_clause: ($) => seq("with", field("body", $.block)),

    // ---- expressions

    expression: ($) =>
      choice(
        $.binary_expression,
        $.unary_expression,
        $.range,
        $.quantity,
        $.percentage,
        $.number,
        $.string,
        $.boolean,
        $.list,
        $.parenthesized,
        $.identifier,
        $.call,
        $.index,
        $.field,
      ),

    binary_expression: ($) =>
      choice(
        ...[
          ["then", PREC.then],
          ["or", PREC.or],
          ["and", PREC.and],
          ["==", PREC.compare],
          ["!=", PREC.compare],
          ["<=", PREC.compare],
          ["<", PREC.compare],
          [">=", PREC.compare],
          [">", PREC.compare],
          ["+", PREC.add],
          ["-", PREC.add],
          ["&", PREC.add],
          ["*", PREC.multiply],
          ["/", PREC.multiply],
        ].map(([operator, level]) =>
          prec.left(
            Number(level),
            seq(field("left", $.expression), field("operator", String(operator)), field("right", $.expression)),
          ),
        ),
      ),

    unary_expression: ($) =>
      choice(
        prec.right(PREC.not, seq(field("operator", "not"), field("operand", $.expression))),
        prec.right(PREC.negate, seq(field("operator", "-"), field("operand", $.expression))),
      ),

    // `0..5`, `-2..`, `..3`
    range: ($) =>
      choice(
        prec.right(
          PREC.range,
          seq(field("start", $.expression), choice("..", "..="), optional(field("end", $.expression))),
        ),
        prec.right(PREC.open, seq(choice("..", "..="), optional(field("end", $.expression)))),
      ),

    // `40 epochs`
    quantity: ($) => prec.right(PREC.postfix, seq($.number, $.unit)),
    unit: (_) => choice("epoch", "epochs", "step", "steps", "s", "min", "h"),
    percentage: ($) => prec.right(PREC.postfix, seq($.number, token.immediate("%"))),
    number: (_) => /(\d[\d_]*(\.\d[\d_]*)?|\.\d[\d_]*)([eE][+-]?\d+)?/,
    boolean: (_) => choice("true", "false"),

    string: ($) => seq('"', repeat(choice($.escape, $._text)), token.immediate('"')),
    _text: (_) => token.immediate(prec(1, /[^"\\\r\n]+/)),
    escape: (_) => token.immediate(/\\(["\\nt]|u\{[0-9A-Fa-f]+\})/),

    list: ($) => seq("[", commas($._argument), "]"),
    parenthesized: ($) => seq("(", $.expression, ")"),

    // Calls and indexes touch their name: `head (3/10)` is two values.
    call: ($) =>
      prec.left(PREC.postfix, seq(field("function", $.expression), alias($._touching_arguments, $.arguments))),
    _touching_arguments: ($) => seq(token.immediate(prec(1, "(")), commas($._argument), ")"),
    index: ($) =>
      prec.left(
        PREC.postfix,
        seq(field("base", $.expression), token.immediate(prec(1, "[")), field("index", $.expression), "]"),
      ),
    // `validation.clean`
    field: ($) =>
      prec.left(PREC.postfix, seq(field("base", $.expression), token.immediate("."), field("name", $.identifier))),

    identifier: (_) => new RegExp(`${letter}${continued}*`, "u"),
  },
});

//! The tree of a file: what was written, nothing about what it means. Every node has a span.

use crate::source::{FileId, Span};

/// One parsed text.
#[derive(Clone, Debug)]
pub struct File {
    pub source: FileId,
    pub statements: Vec<Statement>,
    /// Spans of all comments (`#` up to, not including, the line end), in order.
    pub comments: Vec<Span>,
}

/// `{ … }`; the span includes the braces.
#[derive(Clone, Debug)]
pub struct Block {
    pub statements: Vec<Statement>,
    pub span: Span,
}

/// A word of the author's.
#[derive(Clone, Debug, PartialEq)]
pub struct Name {
    pub text: String,
    pub span: Span,
}

/// One statement and all that belongs to it.
#[derive(Clone, Debug)]
pub struct Statement {
    pub kind: StatementKind,
    pub span: Span,
}

/// The forms that statements have.
#[derive(Clone, Debug)]
pub enum StatementKind {
    /// `word argument* (on expr)? (with {…})? {…}?`: every step and setting, and the call of a phase.
    /// `repeat until …` has the word `repeat until`; `sweep x in list` has the arguments `x` and `in: list`.
    /// An argument of kind [`ExprKind::Error`] stands for the part of the statement that could not be read.
    Simple(Simple),
    /// `let name = expr`
    Let { name: Name, value: Expr },
    /// `param name: Type = expr in range "text"`
    Param(Box<Param>),
    /// `phase name(parameters) { … }`
    Phase { name: Name, parameters: Vec<Parameter>, body: Block },
    /// `use "file"`
    Use { path: Expr },
    /// `repeat N { … }`; without a block the trailing form
    Repeat { count: Expr, body: Option<Block> },
    /// `for x in list { … }`
    For { variable: Name, list: Expr, body: Block },
    /// `if condition { … } else { … }`; `else if` nests as a block of one statement
    If { condition: Expr, then: Block, otherwise: Option<Block> },
    /// bare `{ … }`
    Block(Block),
    /// error: `word = …`, which is told already; those who know the words can say what was meant
    Assignment { simple: Simple, equals: Span },
    /// Could not be read; the diagnostic has been made.
    Error,
}

/// `word arguments …`: a statement of the table of words, or the call of a phase.
#[derive(Clone, Debug)]
pub struct Simple {
    pub word: Name,
    /// In written order. `word(…)` with the bracket touching (a phase call) puts the bracketed ones here and sets `called`.
    pub arguments: Vec<Argument>,
    /// The bracket touched the word.
    pub called: bool,
    pub on: Option<Expr>,
    pub with: Option<Block>,
    pub block: Option<Block>,
    /// What `guard condition else …` does if the condition is false; only the word `guard` may have it.
    pub otherwise: Option<Box<Simple>>,
}

/// `name: expr` or `expr`.
#[derive(Clone, Debug)]
pub struct Argument {
    pub name: Option<Name>,
    pub value: Expr,
    pub span: Span,
}

/// `param name: Type = default in range "text"`
#[derive(Clone, Debug)]
pub struct Param {
    pub name: Name,
    pub annotation: Option<Name>,
    pub default: Expr,
    pub range: Option<Expr>,
    pub text: Option<Expr>,
}

/// Parameter of a phase: `p: Share` or `n: Duration = 10`; the annotation may be left out.
#[derive(Clone, Debug)]
pub struct Parameter {
    pub name: Name,
    pub annotation: Option<Name>,
    pub default: Option<Expr>,
    pub span: Span,
}

/// A value as it is written.
#[derive(Clone, Debug)]
pub struct Expr {
    pub kind: ExprKind,
    pub span: Span,
}

/// The forms that values have.
#[derive(Clone, Debug)]
pub enum ExprKind {
    /// `40`, `1_000`
    Int(i64),
    /// `.5`, `3e-4`
    Real(f64),
    /// `30%`: holds 30
    Percent(f64),
    /// `40 epochs`: a number followed by a word that is no argument name
    Quantity {
        number: Box<Expr>,
        unit: Name,
    },
    Text(String),
    Bool(bool),
    Name(String),
    /// `callee(arguments)`, the bracket touching; the callee may be dotted, as in `validation.robust(attack)`
    Call {
        callee: Name,
        arguments: Vec<Argument>,
    },
    /// `base[index]`, the bracket touching
    Index {
        base: Box<Expr>,
        index: Box<Expr>,
    },
    /// `base.name`
    Field {
        base: Box<Expr>,
        name: Name,
    },
    /// `[a, b]`; entries may be named (`[projector: 2e-5]`)
    List(Vec<Argument>),
    /// `a..b`, `..b`, `a..`, `..`, `a..=b`
    Range {
        start: Option<Box<Expr>>,
        end: Option<Box<Expr>>,
        inclusive: bool,
    },
    Unary {
        op: UnaryOp,
        operand: Box<Expr>,
    },
    Binary {
        op: BinaryOp,
        left: Box<Expr>,
        right: Box<Expr>,
    },
    /// `( expr )`; the node's span includes the brackets
    Paren(Box<Expr>),
    /// Could not be read; the diagnostic has been made.
    Error,
}

/// Operators before one value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnaryOp {
    Negate,
    Not,
}

/// Loosest first, as in the grammar.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BinaryOp {
    Then,
    Or,
    And,
    Equal,
    NotEqual,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
    Add,
    Subtract,
    Intersect,
    Multiply,
    Divide,
}

impl BinaryOp {
    /// As it is written.
    pub fn symbol(self) -> &'static str {
        use BinaryOp::*;
        match self {
            Then => "then",
            Or => "or",
            And => "and",
            Equal => "==",
            NotEqual => "!=",
            Less => "<",
            LessEqual => "<=",
            Greater => ">",
            GreaterEqual => ">=",
            Add => "+",
            Subtract => "-",
            Intersect => "&",
            Multiply => "*",
            Divide => "/",
        }
    }
}

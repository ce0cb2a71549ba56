//! A tree as compact s-expressions: what tests compare, and the formatter.

use super::tree::*;

/// All statements of a file, one per line.
#[cfg(test)]
pub fn file(file: &File) -> String {
    file.statements.iter().map(statement).collect::<Vec<_>>().join("\n")
}

fn block(block: &Block) -> String {
    format!("{{{}}}", block.statements.iter().map(statement).collect::<Vec<_>>().join("; "))
}

fn optional<T>(prefix: &str, part: &Option<T>, dump: impl Fn(&T) -> String) -> String {
    part.as_ref().map_or(String::new(), |p| format!("{prefix}{}", dump(p)))
}

/// One statement, its blocks included.
pub fn statement(statement: &Statement) -> String {
    use StatementKind::*;
    match &statement.kind {
        Simple(s) => simple(s),
        Let { name, value } => format!("(let {} {})", name.text, expr(value)),
        Param(p) => format!(
            "(param {}{} {}{}{})",
            p.name.text,
            optional(":", &p.annotation, |a| a.text.clone()),
            expr(&p.default),
            optional(" in ", &p.range, expr),
            optional(" ", &p.text, expr),
        ),
        Phase { name, parameters, body } => {
            let parameters: Vec<_> = parameters.iter().map(parameter).collect();
            format!("(phase {} ({}) {})", name.text, parameters.join(" "), block(body))
        }
        Use { path } => format!("(use {})", expr(path)),
        Repeat { count, body } => format!("(repeat {}{})", expr(count), optional(" ", body, block)),
        For { variable, list, body } => format!("(for {} {} {})", variable.text, expr(list), block(body)),
        If { condition, then, otherwise } => {
            format!("(if {} {}{})", expr(condition), block(then), optional(" else ", otherwise, block))
        }
        Block(b) => block(b),
        Assignment { .. } | Error => "error".into(),
    }
}

fn simple(s: &Simple) -> String {
    let arguments: String = s.arguments.iter().map(|a| format!(" {}", argument(a))).collect();
    format!(
        "({}{}{arguments}{}{}{}{})",
        s.word.text,
        if s.called { "!" } else { "" },
        optional(" on ", &s.on, expr),
        optional(" with ", &s.with, block),
        optional(" ", &s.block, block),
        optional(" else ", &s.otherwise, |o| simple(o)),
    )
}

fn parameter(p: &Parameter) -> String {
    let annotation = optional(":", &p.annotation, |a| a.text.clone());
    format!("{}{annotation}{}", p.name.text, optional("=", &p.default, expr))
}

fn argument(a: &Argument) -> String {
    format!("{}{}", a.name.as_ref().map_or(String::new(), |n| format!("{}:", n.text)), expr(&a.value))
}

fn arguments(arguments: &[Argument]) -> String {
    arguments.iter().map(argument).collect::<Vec<_>>().join(" ")
}

/// One expression.
pub fn expr(e: &Expr) -> String {
    let side = |e: &Option<Box<Expr>>| e.as_ref().map_or("_".to_string(), |e| expr(e));
    match &e.kind {
        ExprKind::Int(n) => n.to_string(),
        ExprKind::Real(x) => format!("{x:?}"),
        ExprKind::Percent(p) => format!("{p}%"),
        ExprKind::Quantity { number, unit } => format!("{}~{}", expr(number), unit.text),
        ExprKind::Text(t) => format!("{t:?}"),
        ExprKind::Bool(b) => format!("#{b}"),
        ExprKind::Name(n) => n.clone(),
        ExprKind::Call { callee, arguments: a } => format!("{}({})", callee.text, arguments(a)),
        ExprKind::Index { base, index } => format!("{}[{}]", expr(base), expr(index)),
        ExprKind::Field { base, name } => format!("{}.{}", expr(base), name.text),
        ExprKind::List(entries) => format!("[{}]", arguments(entries)),
        ExprKind::Range { start, end, inclusive } => {
            format!("(..{} {} {})", if *inclusive { "=" } else { "" }, side(start), side(end))
        }
        ExprKind::Unary { op: UnaryOp::Negate, operand } => format!("(- {})", expr(operand)),
        ExprKind::Unary { op: UnaryOp::Not, operand } => format!("(not {})", expr(operand)),
        ExprKind::Binary { op, left, right } => format!("({} {} {})", op.symbol(), expr(left), expr(right)),
        ExprKind::Paren(inner) => format!("<{}>", expr(inner)),
        ExprKind::Error => "error".into(),
    }
}

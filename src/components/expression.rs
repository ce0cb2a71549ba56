//! Expressions that wait for run time: how they print, and how they get their value.

use super::value::Expression;
use std::fmt;

impl fmt::Display for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Expression::Constant(v) => write!(f, "{}", v.to_json()),
            Expression::Variable(_, name) => f.write_str(name),
            Expression::Metric(m) => write!(f, "{m}"),
            Expression::Negate(e) => write!(f, "-{e}"),
            Expression::Not(e) => write!(f, "not {e}"),
            Expression::Binary(op, a, b) => write!(f, "({a} {} {b})", op.symbol()),
            Expression::Item(list, index) => write!(f, "{list}[{index}]"),
            Expression::List(items) => write!(f, "[{}]", Commas(items)),
            Expression::Component(member, args) => write!(f, "{}({})", member.name, Commas(args)),
            Expression::Duration(e, unit) => write!(f, "{e} {unit}"),
        }
    }
}

struct Commas<'a>(&'a [Expression]);

impl fmt::Display for Commas<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, e) in self.0.iter().enumerate() {
            write!(f, "{}{e}", if i == 0 { "" } else { ", " })?;
        }
        Ok(())
    }
}

//! Values and numbers as people read them.

use super::range::Range;
use crate::components::{Default, Duration, Metric, Param, Spec, Type, Value, tasks};
use crate::language::program::{Method, Protect};

/// `protect adapters` with what it says of its method.
pub fn protect(protect: &Protect) -> String {
    let more = match &protect.by {
        Method::KeyElements { share: top, unique } => {
            let duplicates = if *unique { "unique" } else { "keep" };
            format!("top {}, weight {}, duplicates: {duplicates}", real(*top), real(protect.weight))
        }
        Method::Orthogonal { size } => format!("orthogonal, weight {}, size: {}", real(protect.weight), real(*size)),
        Method::Fisher { examples, .. } => {
            format!("fisher, weight {}, {}", real(protect.weight), plural(*examples, "example"))
        }
    };
    format!("protect adapters: {more}")
}

/// `1234567` → `1,234,567`
pub fn count(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// At most four significant digits, and no zeros at the end; integers in full.
pub fn real(x: f64) -> String {
    if x.fract() == 0.0 && x.abs() < 1e15 {
        let sign = if x < 0.0 { "-" } else { "" };
        return format!("{sign}{}", count(x.abs() as u64));
    }
    let rounded: f64 = format!("{x:.3e}").parse().unwrap_or(x);
    if rounded.abs() < 1e-3 || rounded.abs() >= 1e15 { format!("{rounded:e}") } else { format!("{rounded}") }
}

/// `7`, `5 to 7`, `at least 5`, in the words of `one`.
pub fn range<T: super::range::Number>(range: &Range<T>, one: impl Fn(T) -> String) -> String {
    match (range.exact(), range.max) {
        (Some(n), _) => one(n),
        (None, Some(max)) => format!("{} to {}", one(range.min), one(max)),
        (None, None) => format!("at least {}", one(range.min)),
    }
}

/// With the largest decimal prefix that leaves 1 or more: `3.4 MB`, `1.2 PFLOP`.
pub fn scaled(n: f64, unit: &str) -> String {
    const PREFIXES: [&str; 8] = ["", "k", "M", "G", "T", "P", "E", "Z"];
    let mut power = 0;
    let mut rest = n;
    while rest >= 999.5 && power + 1 < PREFIXES.len() {
        rest /= 1000.0;
        power += 1;
    }
    let digits = if rest < 9.95 && power > 0 { 1 } else { 0 };
    format!("{rest:.digits$} {}{unit}", PREFIXES[power])
}

/// `45 s`, `12 min`, `3 h 20 min`, `2 d 4 h`: two units at most.
pub fn time(seconds: f64) -> String {
    let whole = seconds.round().max(1.0) as u64;
    match whole {
        0..90 => format!("{whole} s"),
        90..3600 => format!("{} min", (whole + 30) / 60),
        3600..86_400 => format!("{} h {} min", whole / 3600, whole % 3600 / 60),
        _ => format!("{} d {} h", whole / 86_400, whole % 86_400 / 3600),
    }
}

/// `1 tensor`, `2 tensors`, `2 passes`
pub fn plural(n: u64, word: &str) -> String {
    let ending = match n {
        1 => "",
        _ if word.ends_with('s') => "es",
        _ => "s",
    };
    format!("{} {word}{ending}", count(n))
}

/// As it is written in a program, where it stands for a parameter of that type.
pub fn value(value: &Value, ty: Option<&Type>) -> String {
    match value {
        Value::None => "none".into(),
        Value::Bool(b) => b.to_string(),
        Value::Int(i) => i.to_string(),
        Value::Real(r) if matches!(ty, Some(Type::Share | Type::Moment)) => share(*r),
        Value::Real(r) => real(*r),
        Value::Text(t) => format!("{t:?}"),
        Value::Word(w) => w.clone(),
        Value::Duration(d) => duration(*d),
        Value::List(_) if ty == Some(&Type::Tasks) => tasks::shown(&tasks::of(value)),
        Value::List(items) => {
            let inner = match ty {
                Some(Type::List(inner)) => Some(*inner),
                _ => None,
            };
            format!("[{}]", list(items.iter().map(|v| self::value(v, inner))))
        }
        Value::Named(items) => {
            format!("[{}]", list(items.iter().map(|(n, v)| format!("{n}: {}", self::value(v, None)))))
        }
        Value::Range { start, end, inclusive } => {
            let side = |n: &Option<i64>| n.map_or(String::new(), |n| n.to_string());
            format!("{}{}{}", side(start), if *inclusive { "..=" } else { ".." }, side(end))
        }
        Value::Selector(s) => s.to_string(),
        Value::Metric(m) => metric(m),
        Value::Task(task) => task.to_string(),
        Value::Component(s) => spec(s),
        Value::Later(e, _) => expression(e),
    }
}

/// An expression without the brackets around all of it.
pub fn expression(e: &crate::components::Expression) -> String {
    let text = e.to_string();
    let inner = text.strip_prefix('(').and_then(|t| t.strip_suffix(')'));
    match inner.filter(|t| encloses(t)) {
        Some(inner) => inner.to_string(),
        None => text,
    }
}

/// Whether no bracket is closed that was not opened within.
fn encloses(text: &str) -> bool {
    let mut depth = 0i64;
    text.chars().all(|c| {
        depth += i64::from(c == '(') - i64::from(c == ')');
        depth >= 0
    })
}

/// `0.3` → `30%`
pub fn share(share: f64) -> String {
    format!("{}%", real((share * 100.0 * 1e10).round() / 1e10))
}

/// `40 epochs`, `1 step`, `90 s`
pub fn duration(d: Duration) -> String {
    match d {
        Duration::Steps(n) => plural(n, "step"),
        Duration::Epochs(1.0) => "1 epoch".into(),
        Duration::Epochs(n) => format!("{} epochs", real(n)),
        Duration::Seconds(n) if n >= 3600.0 && n % 3600.0 == 0.0 => format!("{} h", real(n / 3600.0)),
        Duration::Seconds(n) if n >= 60.0 && n % 60.0 == 0.0 => format!("{} min", real(n / 60.0)),
        Duration::Seconds(n) => format!("{} s", real(n)),
    }
}

/// `every epoch`, `every 3 steps`
pub fn every(d: Duration) -> String {
    let text = duration(d);
    format!("every {}", text.strip_prefix("1 ").unwrap_or(&text))
}

/// A metric whose attack is shown by its name alone where it is `known`.
pub fn metric_under(m: &Metric, known: Option<&Spec>) -> String {
    let split = m.split.map_or(String::new(), |s| format!("{}.", s.name()));
    let name = m.spec.name();
    match m.spec.args.first() {
        Some(Value::Component(attack)) if Some(attack) == known => {
            let given = std::iter::once(attack.name().to_string()).chain(given(&m.spec).skip(1));
            format!("{split}{name}({})", list(given))
        }
        Some(Value::Metric(inner)) => format!("{split}{name}({})", metric_under(inner, known)),
        _ => metric(m),
    }
}

/// `validation.robust(pgd(eps: 0.1, iters: 20))`
pub fn metric(m: &Metric) -> String {
    let split = m.split.map_or(String::new(), |s| format!("{}.", s.name()));
    format!("{split}{}", spec(&m.spec))
}

/// A component with the arguments that differ from its defaults; a single component among them without its name.
pub fn spec(spec: &Spec) -> String {
    if let ("then", [first, second]) = (spec.name(), spec.args.as_slice()) {
        return format!("{} then {}", value(first, None), value(second, None));
    }
    let given: Vec<String> = given(spec).collect();
    if given.is_empty() { spec.name().into() } else { format!("{}({})", spec.name(), given.join(", ")) }
}

/// The arguments that differ from the defaults.
fn given(spec: &Spec) -> impl Iterator<Item = String> {
    let named = spec.member.params.iter().zip(&spec.args).filter(|(param, arg)| !is_default(param, arg));
    named.map(|(param, arg)| {
        let text = value(arg, Some(&param.ty));
        let bare = matches!(arg, Value::Component(_) | Value::Metric(_)) || param.ty == Type::Tasks;
        if bare { text } else { format!("{}: {text}", param.name) }
    })
}

fn is_default(param: &Param, arg: &Value) -> bool {
    match (param.default, arg) {
        (Default::Component(name), Value::Component(spec)) => {
            spec.name() == name && spec.member.params.iter().zip(&spec.args).all(|(p, a)| is_default(p, a))
        }
        (default, arg) => default.value(|_| Value::None).is_some_and(|d| same(&d, arg)),
    }
}

/// Equal, an integer and the real of the same value too.
fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Int(i), Value::Real(r)) | (Value::Real(r), Value::Int(i)) => *i as f64 == *r,
        (Value::List(a), Value::List(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)),
        (a, b) => a == b,
    }
}

/// `a, b, c`
pub fn list(items: impl IntoIterator<Item = String>) -> String {
    items.into_iter().collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers() {
        assert_eq!([0, 999, 1000, 1234567].map(count), ["0", "999", "1,000", "1,234,567"]);
        let reals = [0.1, 8.0 / 255.0, 5e-4, 250.0, -3.0, 1234.5678].map(real);
        assert_eq!(reals, ["0.1", "0.03137", "5e-4", "250", "-3", "1235"]);
        assert_eq!([0.3, 0.29, 0.005].map(share), ["30%", "29%", "0.5%"]);
        assert_eq!(
            [1.0, 89.0, 90.0, 3599.0, 12_000.0, 187_200.0].map(time),
            ["1 s", "89 s", "2 min", "60 min", "3 h 20 min", "2 d 4 h"]
        );
        assert_eq!(scaled(999.0, "B"), "999 B");
        assert_eq!(scaled(3_400_000.0, "B"), "3.4 MB");
        assert_eq!(scaled(999_960.0, "B"), "1.0 MB");
    }

    #[test]
    fn components_without_their_defaults() {
        use super::super::fixture::{adversarial, pgd, robust};
        let Value::Component(objective) = adversarial(pgd(10)) else { unreachable!() };
        assert_eq!(spec(&objective), "adversarial(pgd(eps: 0.1))");
        assert_eq!(metric(&robust(pgd(20))), "robust(pgd(eps: 0.1, iters: 20))");
    }
}

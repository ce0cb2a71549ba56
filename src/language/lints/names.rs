//! Names that nothing uses, and names that hide others.

use crate::diagnostic::{Code, Diagnostic};
use crate::language::context::Context;
use crate::language::scope::Binding;
use crate::source::Span;
use crate::syntax::tree::Name;

/// A binding whose block ends.
pub(in crate::language) fn unused(cx: &mut Context<'_>, binding: &Binding<'_>) {
    if binding.used || binding.imported || binding.name.starts_with('_') || cx.scratch {
        return;
    }
    let d = Diagnostic::new(Code::UNUSED_NAME, binding.span, format!("`{}` is never used", binding.name));
    let new = format!("_{}", binding.name);
    let d = d.help(format!("leave it out, or call it `{new}` to keep it"));
    cx.report(d.maybe_fix(format!("call it `{new}`"), binding.span, new));
}

/// A new binding where an outer block has one of its name.
pub(in crate::language) fn hidden(cx: &mut Context<'_>, name: &Name, outer: Span) {
    let d = Diagnostic::new(Code::HIDDEN_NAME, name.span, format!("this hides an outer `{}`", name.text));
    cx.report(d.label(outer, "hidden from here on").help("choose another name"));
}

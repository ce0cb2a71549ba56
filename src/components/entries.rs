//! Families list their members once, each with what builds it; the descriptions alone are taken from that list.

use super::describe::Member;

/// The descriptions of a family's entries, in their order.
pub(crate) const fn members<const N: usize, B>(entries: &[(&'static Member, B); N]) -> [&'static Member; N] {
    let mut members = [entries[0].0; N];
    let mut i = 1;
    while i < N {
        members[i] = entries[i].0;
        i += 1;
    }
    members
}

/// The entry of a member of the family.
pub(crate) fn builder<B: Copy>(entries: &[(&'static Member, B)], name: &str) -> B {
    entry(entries, name).1
}

/// The description of a member of the family.
pub(crate) fn member<B>(entries: &[(&'static Member, B)], name: &str) -> &'static Member {
    entry(entries, name).0
}

fn entry<'e, B>(entries: &'e [(&'static Member, B)], name: &str) -> &'e (&'static Member, B) {
    let entry = entries.iter().find(|(member, _)| member.name == name);
    entry.unwrap_or_else(|| unreachable!("{name} was checked to be a member of the family"))
}

//! Finding the near ones among many names without looking at each.

use std::collections::BTreeMap;

/// Names by their lower-case letters, in order: names that begin alike stand together, so one look at a beginning that
/// is already too far from what is sought leaves all of them out.
#[derive(Clone, Debug, Default)]
pub struct Near(BTreeMap<Box<str>, Vec<Box<str>>>);

impl Near {
    /// Adds a name; one that is there already need not be added.
    pub fn add(&mut self, name: &str) {
        let same = self.0.entry(name.to_lowercase().into()).or_default();
        if !same.iter().any(|n| **n == *name) {
            same.push(name.into());
        }
    }

    /// Every name at most so many edits from `name`, letters of either case being the same, with the number of edits.
    /// Edits are those of [`strsim::damerau_levenshtein`].
    pub fn within(&self, name: &str, most: usize) -> Vec<(usize, &str)> {
        let mut search = Search::new(&name.to_lowercase(), most);
        let mut found = Vec::new();
        let mut next = self.0.iter().next();
        while let Some((key, names)) = next {
            next = match search.distance(key) {
                Ok(distance) => {
                    if distance <= most {
                        found.extend(names.iter().map(|n| (distance, &**n)));
                    }
                    self.0.range::<str, _>((std::ops::Bound::Excluded(&**key), std::ops::Bound::Unbounded)).next()
                }
                Err(beginning) => after(&key[..beginning]).and_then(|after| self.0.range(after..).next()),
            };
        }
        found
    }
}

/// The least text behind all that begin so.
fn after(beginning: &str) -> Option<Box<str>> {
    let mut text = beginning.to_string();
    while let Some(last) = text.pop() {
        let next = (last as u32 + 1..=char::MAX as u32).find_map(char::from_u32);
        if let Some(next) = next {
            text.push(next);
            return Some(text.into());
        }
    }
    None
}

/// The edits from a name to texts that are asked for in order. What it came to for a common beginning is kept.
struct Search {
    name: Vec<char>,
    most: usize,
    /// the letters of the text so far
    letters: Vec<char>,
    /// by number of letters of the text, then of the name: edits from these to those. A row has only the numbers that
    /// differ by at most `most`, because so many letters would have to come or go.
    rows: Vec<Vec<usize>>,
}

/// More edits than anybody asks for.
const FAR: usize = usize::MAX / 2;

impl Search {
    fn new(name: &str, most: usize) -> Search {
        let name: Vec<char> = name.chars().collect();
        let mut search = Search { name, most, letters: Vec::new(), rows: Vec::new() };
        let first = search.row(0, |_, j| j);
        search.rows.push(first);
        search
    }

    /// The number of edits to a text, where it is at most `most`; or so many bytes at its beginning are too far away,
    /// whatever follows.
    fn distance(&mut self, text: &str) -> Result<usize, usize> {
        let common = text.chars().zip(&self.letters).take_while(|(a, b)| a == *b).count();
        self.letters.truncate(common);
        self.rows.truncate(common + 1);
        for (at, letter) in text.char_indices().skip(common) {
            let row = self.next_row(letter);
            let far = row.iter().all(|edits| *edits > self.most);
            self.letters.push(letter);
            self.rows.push(row);
            if far {
                return Err(at + letter.len_utf8());
            }
        }
        Ok(self.edits(self.letters.len(), self.name.len()))
    }

    /// The edits from `j` letters of the name to `i` of the text.
    fn edits(&self, i: usize, j: usize) -> usize {
        let at = (j + self.most).checked_sub(i);
        at.and_then(|at| self.rows[i].get(at)).copied().unwrap_or(FAR)
    }

    /// The row of `i` letters of the text; `edits` is given what of the row is known, and the number of letters of the
    /// name.
    fn row(&self, i: usize, edits: impl Fn(&[usize], usize) -> usize) -> Vec<usize> {
        let mut row = Vec::with_capacity(2 * self.most + 1);
        for j in (i..=i + 2 * self.most).map(|j| j.checked_sub(self.most)) {
            let known = j.filter(|j| *j <= self.name.len());
            row.push(known.map_or(FAR, |j| edits(&row, j)));
        }
        row
    }

    /// The row of the text with one more letter. A step that swaps two letters may have others between them; then it
    /// goes back to the row before the first of the two.
    fn next_row(&self, letter: char) -> Vec<usize> {
        let last = self.letters.len();
        let i = last + 1;
        self.row(i, |row, j| {
            let added = self.edits(last, j) + 1;
            let Some(wanted) = j.checked_sub(1).map(|j| self.name[j]) else { return added };
            let same = self.edits(last, j - 1) + usize::from(wanted != letter);
            let left_out = row.last().map_or(FAR, |edits| edits + 1);
            let edits = added.min(same).min(left_out);
            match (self.last(&self.letters, wanted), self.last(&self.name[..j - 1], letter)) {
                (Some(r), Some(c)) => edits.min(self.edits(r, c) + (last - r - 1) + 1 + (j - 1 - c - 1)),
                _ => edits,
            }
        })
    }

    /// Where a letter stands last, if that is near enough to the end to be worth a swap.
    fn last(&self, letters: &[char], letter: char) -> Option<usize> {
        let from = letters.len().saturating_sub(self.most + 1);
        letters[from..].iter().rposition(|c| *c == letter).map(|at| from + at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use strsim::damerau_levenshtein;

    /// All texts of up to so many of these letters.
    fn texts(letters: &str, longest: usize) -> Vec<String> {
        let mut all = vec![String::new()];
        let mut last = all.clone();
        for _ in 0..longest {
            last = last.iter().flat_map(|t| letters.chars().map(move |c| format!("{t}{c}"))).collect();
            all.extend(last.clone());
        }
        all
    }

    #[test]
    fn it_finds_what_a_look_at_each_finds() {
        let names = texts("abé", 4);
        let mut near = Near::default();
        names.iter().for_each(|n| near.add(n));
        for sought in texts("abc", 4) {
            for most in 0..=3 {
                let mut found = near.within(&sought, most);
                found.sort_unstable();
                let all = names.iter().map(|n| (damerau_levenshtein(&sought, n), n.as_str()));
                let mut near: Vec<_> = all.filter(|(distance, _)| *distance <= most).collect();
                near.sort_unstable();
                assert_eq!(found, near, "{sought} {most}");
            }
        }
    }

    #[test]
    fn case_does_not_matter() {
        let mut near = Near::default();
        ["Share", "share", "SHARE", "shard", "Share"].iter().for_each(|n| near.add(n));
        let mut found = near.within("sharE", 1);
        found.sort_unstable();
        assert_eq!(found, [(0, "SHARE"), (0, "Share"), (0, "share"), (1, "shard")]);
    }

    #[test]
    fn the_text_behind_a_beginning() {
        assert_eq!(after("ab").as_deref(), Some("ac"));
        assert_eq!(after("a\u{10ffff}").as_deref(), Some("b"));
        assert_eq!(after("\u{10ffff}"), None);
        assert_eq!(after("\u{d7ff}").as_deref(), Some("\u{e000}"));
    }
}

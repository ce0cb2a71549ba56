//! Did-you-mean for what is typed on the command line.

/// The name most like `word`, if one is like it at all.
pub fn nearest<'a>(word: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let word = word.to_lowercase();
    names
        .into_iter()
        .map(|name| (strsim::jaro_winkler(&word, &name.to_lowercase()), name))
        .filter(|(likeness, _)| *likeness > 0.8)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn finds_the_nearest_and_nothing_far() {
        assert_eq!(nearest("fs102", ["FS0101", "FS0102"]), Some("FS0102"));
        assert_eq!(nearest("unkown-statement", ["unknown-name", "unknown-statement"]), Some("unknown-statement"));
        assert_eq!(nearest("zzz", ["unknown-name"]), None);
    }
}

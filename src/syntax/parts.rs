//! Cuts a prepared text into parts that the grammar can read one by one: between two lines where one statement of the
//! file surely ends and another begins. Where that is in doubt, the text stays whole.

use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use super::describe::{OWN_WORDS, RESERVED};
use super::tokens::{TextForm, Token, TokenKind};

/// Consecutive ranges that make up the text, each but the last of `least` bytes or more. `tokens` are the text's.
pub fn split(text: &str, tokens: &[Token], least: usize) -> Vec<Range<usize>> {
    let mut parts = Vec::with_capacity(text.len() / least.max(1) + 1);
    let mut begun = 0;
    let mut depth = 0_usize;
    // The last token of code and whether its line has ended.
    let mut last: Option<Token> = None;
    let mut line_ended = false;
    for token in tokens {
        match token.kind {
            TokenKind::Newline => line_ended = true,
            TokenKind::Comment => {}
            // What the grammar takes for junk may hold brackets that are none for it.
            kind if !is_plain(kind) => return std::iter::once(0..text.len()).collect(),
            _ => {
                let at = token.start as usize;
                let far = at - begun >= least;
                if far && depth == 0 && line_ended && begins(*token, text) && last.is_some_and(|t| ends(t, text)) {
                    // The blanks before it may stay with the part above.
                    parts.push(begun..at);
                    begun = at;
                }
                match token.kind {
                    TokenKind::Open => depth += 1,
                    TokenKind::Close => depth = depth.saturating_sub(1),
                    _ => {}
                }
                last = Some(*token);
                line_ended = false;
            }
        }
    }
    parts.push(begun..text.len());
    parts
}

/// More threads than this are not worth their start.
const MOST_THREADS: usize = 8;

/// What `read` makes of each part, in their order, however many threads share the work.
pub fn map<T: Send>(parts: &[Range<usize>], read: impl Fn(Range<usize>) -> T + Sync) -> Vec<T> {
    let cores = || thread::available_parallelism().map_or(1, usize::from);
    let threads = if parts.len() > 1 { cores().min(parts.len()).min(MOST_THREADS) } else { 1 };
    let next = AtomicUsize::new(0);
    let work = || {
        let mut made = Vec::new();
        loop {
            let i = next.fetch_add(1, Ordering::Relaxed);
            let Some(part) = parts.get(i) else { return made };
            made.push((i, read(part.clone())));
        }
    };
    let mut all = thread::scope(|scope| {
        // A thread that can't be had is done without.
        let workers = (1..threads).filter_map(|_| thread::Builder::new().spawn_scoped(scope, work).ok());
        let workers: Vec<_> = workers.collect();
        let mut all = work();
        for worker in workers {
            match worker.join() {
                Ok(made) => all.extend(made),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        all
    });
    all.sort_unstable_by_key(|(i, _)| *i);
    all.into_iter().map(|(_, made)| made).collect()
}

/// Whether the grammar has the same token.
fn is_plain(kind: TokenKind) -> bool {
    use TokenKind::*;
    !matches!(
        kind,
        Bad | ForeignLineComment | ForeignBlockComment | Text(TextForm::Unterminated) | Text(TextForm::OtherQuotes)
    )
}

/// Whether no statement can go on behind this token on the next line, unless with `{` or `else`.
fn ends(token: Token, text: &str) -> bool {
    match token.kind {
        TokenKind::Word => {
            let word = token.text(text);
            !RESERVED.contains(&word) && !OWN_WORDS.contains(&word)
        }
        TokenKind::Number | TokenKind::Text(TextForm::Plain) | TokenKind::Close => true,
        _ => false,
    }
}

/// Whether this token, first on its line, begins a statement wherever a statement may begin.
fn begins(token: Token, text: &str) -> bool {
    token.kind == TokenKind::Word && !RESERVED.contains(&token.text(text))
}

#[cfg(test)]
mod tests {
    use super::super::tokens::tokens;
    use super::*;

    fn cut(text: &str) -> Vec<&str> {
        split(text, &tokens(text), 1).into_iter().map(|part| &text[part]).collect()
    }

    #[test]
    fn a_part_begins_where_only_a_statement_can_begin() {
        assert_eq!(cut("train 1\n# why\n\nforget head 10%\n"), ["train 1\n# why\n\n", "forget head 10%\n"]);
        assert_eq!(cut("seed 0; train 1\ntrain 2"), ["seed 0; train 1\n", "train 2"]);
        assert_eq!(cut("a(1,\n b)\nc [\n 2]\nd"), ["a(1,\n b)\n", "c [\n 2]\n", "d"]);
        for whole in [
            "let x =\n  1",
            "measure clean,\n  robust",
            "for x in\n  list { }",
            "let x = a +\n  b",
            "repeat 2\n{ train 1 }",
            "if x { }\nelse { }",
            "train 1 with\n{ batch 2 }",
            "train 1 'a\ntrain 2",
        ] {
            assert_eq!(cut(whole), [whole]);
        }
    }

    #[test]
    fn parts_keep_their_order_whoever_reads_them() {
        let parts: Vec<_> = (0..1000).map(|i| i..i + 1).collect();
        assert_eq!(map(&parts, |part| part.start), (0..1000).collect::<Vec<_>>());
        assert_eq!(map(&[], |part: Range<usize>| part.start), Vec::<usize>::new());
    }
}

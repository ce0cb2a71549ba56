//! Cuts a prepared text into parts that the grammar can read one by one: between two lines where one statement of the
//! file surely ends and another begins. Where that is in doubt, the text stays whole.

use std::ops::Range;

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

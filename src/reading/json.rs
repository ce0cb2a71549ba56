//! JSON whose values take no more memory than its length lets one expect.

use super::limits::{JSON_EXPANSION, JSON_SLACK};
use serde::de::{DeserializeOwned, Error};
use serde_json::Result;

/// What a text is read into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// structures of known fields
    Known,
    /// [`serde_json::Value`]: an object is a tree, whose first leaf has room for eleven
    Any,
}

/// Bytes for a value in a list, with the room that the list keeps for more.
const VALUE: u64 = 64;

/// Reads a text.
///
/// # Errors
/// If it is not the JSON that was expected, is nested too deeply (more than 128), or if it would take far more memory
/// than its length lets one expect, as `[[],[],[],…]` does.
pub fn parse<T: DeserializeOwned>(text: &[u8], kind: Kind) -> Result<T> {
    let most = (text.len() as u64).saturating_mul(JSON_EXPANSION).saturating_add(JSON_SLACK);
    if memory(text, kind) > most {
        return Err(serde_json::Error::custom("its values would take far more memory than its text"));
    }
    serde_json::from_slice(text)
}

/// What the values take at most; marks within texts are counted too.
fn memory(text: &[u8], kind: Kind) -> u64 {
    let object = if kind == Kind::Any { 700 } else { VALUE };
    let of = |byte: &u8| match byte {
        b'{' => object,
        b',' => VALUE,
        b'[' => 2 * VALUE,
        _ => 0,
    };
    text.iter().map(of).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    #[test]
    fn what_takes_much_more_than_its_text_is_refused() {
        let many = |part: &str| format!("[{part}0]", part = part.repeat((32 << 20) / part.len()));
        for part in ["0,", "[],", "{},", "{\"\":0},"] {
            let error = parse::<Value>(many(part).as_bytes(), Kind::Any).unwrap_err();
            assert!(error.to_string().contains("far more memory"), "{error}");
        }
        let honest =
            many("{\"step\":\"1.repeat[2].1\",\"kind\":\"measure\",\"metric\":\"validation.clean\",\"value\":0.25},");
        assert!(parse::<Value>(honest.as_bytes(), Kind::Any).is_ok());
    }

    #[test]
    fn deep_nesting_is_an_error() {
        assert!(parse::<Value>("[".repeat(1 << 20).as_bytes(), Kind::Any).is_err());
    }
}

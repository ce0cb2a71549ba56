//! Files whose form nobody names: each element is a conversation, or a question of one of CoIN's tests.

use super::super::item::Item;
use super::coin::{self, Form, People};
use super::conversations;
use super::elements::each;
use super::fields::Fields;
use super::pictures::Pictures;
use super::wrong::{Collected, Wrong};
use std::path::Path;

/// The items of a file in any of the forms of [`conversations`] and [`coin`]. What is expected of a question of a test is
/// what people said, or the answer as a text, whatever its task is.
///
/// # Errors
/// As the readers of the two forms.
pub fn read(file: &Path, pictures: &mut Pictures) -> Result<Vec<Item>, Wrong> {
    let mut collected = Collected::of(file);
    // Many megabytes, which conversations have no use for.
    let mut people: Option<Option<People>> = None;
    each(file, &mut |element| {
        let fields = element.value.as_ref().map_err(Clone::clone).and_then(Fields::of);
        let read = match fields {
            Err(what) => Err(what),
            Ok(fields) if is_question(&fields) => {
                if people.is_none() {
                    people = Some(People::beside(file)?);
                }
                let people = people.as_ref().and_then(Option::as_ref);
                coin::asked(&fields, Form::People, people, element.index, pictures)
            }
            Ok(fields) => conversations::item(&fields, element.index, pictures),
        };
        collected.take(read.map_err(|what| format!("{}: {what}", element.named())))
    })?;
    collected.done()
}

/// Whether it has the fields of a test.
fn is_question(fields: &Fields) -> bool {
    let has = |name| fields.get(name).is_some();
    has("text") && !has("conversations") && !has("messages")
}

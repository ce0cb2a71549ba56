//! What the classes of the embedded data sets are called in questions, and what is known of them.

/// A class of Fashion-MNIST.
pub(super) struct Thing {
    pub(super) name: &'static str,
    /// with its article
    pub(super) one: &'static str,
    pub(super) group: usize,
    /// where on the body it is worn or carried
    pub(super) place: &'static str,
}

/// Things that are easily told from those of other groups, also when they are small.
pub(super) struct Group {
    pub(super) one: &'static str,
    pub(super) several: &'static str,
}

pub(super) const GROUPS: [Group; 5] = [
    Group { one: "top", several: "tops" },
    Group { one: "pair of trousers", several: "pairs of trousers" },
    Group { one: "dress", several: "dresses" },
    Group { one: "shoe", several: "shoes" },
    Group { one: "bag", several: "bags" },
];

/// In the order of the data set's classes. The first is a `tee` so that no name is a word of another.
pub(super) const THINGS: [Thing; 10] = [
    Thing { name: "tee", one: "a tee", group: 0, place: "upper body" },
    Thing { name: "trousers", one: "a pair of trousers", group: 1, place: "legs" },
    Thing { name: "pullover", one: "a pullover", group: 0, place: "upper body" },
    Thing { name: "dress", one: "a dress", group: 2, place: "whole body" },
    Thing { name: "coat", one: "a coat", group: 0, place: "upper body" },
    Thing { name: "sandal", one: "a sandal", group: 3, place: "feet" },
    Thing { name: "shirt", one: "a shirt", group: 0, place: "upper body" },
    Thing { name: "sneaker", one: "a sneaker", group: 3, place: "feet" },
    Thing { name: "bag", one: "a bag", group: 4, place: "hand" },
    Thing { name: "ankle boot", one: "an ankle boot", group: 3, place: "feet" },
];

/// Places where things are worn, each once.
pub(super) const PLACES: [&str; 5] = ["upper body", "legs", "whole body", "feet", "hand"];

/// The alphabets of the embedded part of Omniglot, as the data set begins their names, and as an answer says them.
pub(super) const ALPHABETS: [(&str, &str); 8] = [
    ("Balinese", "Balinese"),
    ("Early_Aramaic", "Aramaic"),
    ("Greek", "Greek"),
    ("Japanese_(katakana)", "Katakana"),
    ("Korean", "Korean"),
    ("Latin", "Latin"),
    ("Sanskrit", "Sanskrit"),
    ("Tagalog", "Tagalog"),
];

/// Characters that are taken of each alphabet: all 242 are too many to be learned from some hundred drawings.
const CHARACTERS: usize = 4;

/// The alphabet of each class `Alphabet/character`, for the first characters of each.
pub(super) fn alphabets_of(class_names: &[String]) -> Vec<Option<usize>> {
    let mut taken = [0; ALPHABETS.len()];
    let alphabet = |name: &String| {
        let (of, _) = name.split_once('/')?;
        let at = ALPHABETS.iter().position(|(alphabet, _)| *alphabet == of)?;
        taken[at] += 1;
        (taken[at] <= CHARACTERS).then_some(at)
    };
    class_names.iter().map(alphabet).collect()
}

/// The classes of a group.
pub(super) fn classes_of(group: usize) -> Vec<usize> {
    (0..THINGS.len()).filter(|class| THINGS[*class].group == group).collect()
}

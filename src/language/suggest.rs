//! Did you mean: the names closest to one that isn't known.

use crate::diagnostic::Applicability;
use strsim::damerau_levenshtein;

/// How many of the closest are told.
const SHOWN: usize = 3;

/// Longer names are compared with none: the comparison takes the product of both lengths.
const LONGEST: usize = 100;

/// Up to three candidates, the closest first: other case, then one edit for names of up to four letters, two beyond.
pub fn closest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    closest_of(name, candidates, |_| Vec::new())
}

/// The same of these candidates and of many more, of which `within` finds those with at most so many edits.
pub fn closest_of<'a>(
    name: &str,
    candidates: impl IntoIterator<Item = &'a str>,
    within: impl Fn(usize) -> Vec<(usize, &'a str)>,
) -> Vec<&'a str> {
    let allowed = match name.chars().count() {
        0..=4 => 1,
        5..=LONGEST => 2,
        _ => return Vec::new(),
    };
    let (lower, letters) = (name.to_lowercase(), letters(name));
    let may_be_near = |c: &&str| match (letters, self::letters(c)) {
        (Some((a, m)), Some((b, n))) => {
            (a & !b).count_ones().max((b & !a).count_ones()) as usize <= allowed && m.abs_diff(n) <= allowed
        }
        _ => name.chars().count().abs_diff(c.chars().count()) <= allowed,
    };
    let few = candidates.into_iter().filter(may_be_near);
    let few: Vec<(usize, &str)> = few.map(|c| (damerau_levenshtein(&lower, &c.to_lowercase()), c)).collect();
    let mut ranked = Vec::new();
    // Most often few edits tell it, and the nearest are found quickest.
    for most in 0..=allowed {
        ranked = within(most);
        ranked.extend(few.iter().filter(|(distance, _)| *distance <= most));
        ranked.retain(|(distance, c)| *distance < c.chars().count());
        ranked.sort();
        ranked.dedup();
        if ranked.len() >= SHOWN {
            break;
        }
    }
    ranked.into_iter().take(SHOWN).map(|(_, c)| c).collect()
}

/// The letters, digits and `_` of an ASCII name, one bit each, and how many there are. An edit changes one of them at
/// most, so this tells quickly that most words are far from each other.
fn letters(name: &str) -> Option<(u64, usize)> {
    let bit = |b: u8| match b.to_ascii_lowercase() {
        b @ b'a'..=b'z' => 1 << (b - b'a'),
        b @ b'0'..=b'9' => 1 << (26 + b - b'0'),
        _ => 1 << 36,
    };
    let all = name.bytes().try_fold(0, |all, b| b.is_ascii().then(|| all | bit(b)))?;
    Some((all, name.len()))
}

/// Whether the first of the [`closest`] names is sure to be the one meant: `name` is it but for a slip of the keyboard,
/// and no other is as near.
pub fn sureness(name: &str, guesses: &[&str]) -> Applicability {
    let lower = name.to_lowercase();
    let distance = |c: &&str| damerau_levenshtein(&lower, &c.to_lowercase());
    let alone = |first: &str| guesses[1..].iter().all(|c| distance(c) > distance(&first));
    match guesses.first() {
        Some(first) if alone(first) && is_slip(&lower, &first.to_lowercase()) => Applicability::Safe,
        _ => Applicability::Unsafe,
    }
}

/// Names that other tools have for things of their own, a letter away from names of ours.
static THINGS_OF_THEIR_OWN: &[&str] = &["convnext", "resnext18"];

/// Whether one word is the other but for one edit that has no meaning of its own: not in short words, which are often an
/// edit from others; not at a digit, which counts something; not a letter before the word, which makes it another one
/// (`vflip`, `nadam`).
fn is_slip(name: &str, meant: &str) -> bool {
    let (name_chars, meant_chars): (Vec<char>, Vec<char>) = (name.chars().collect(), meant.chars().collect());
    let shorter = name_chars.len().min(meant_chars.len());
    if name == meant {
        return true;
    }
    if damerau_levenshtein(name, meant) > 1 || shorter < 4 || THINGS_OF_THEIR_OWN.contains(&name) {
        return false;
    }
    let head = name_chars.iter().zip(&meant_chars).take_while(|(a, b)| a == b).count();
    let tail = name_chars.iter().rev().zip(meant_chars.iter().rev()).take_while(|(a, b)| a == b).count();
    let tail = tail.min(shorter - head);
    let counts = |word: &[char]| {
        let differs = head.saturating_sub(1)..(word.len() - tail + 1).min(word.len());
        word[differs].iter().any(char::is_ascii_digit)
    };
    let prefixed = head == 0 && name_chars.len() != meant_chars.len();
    !prefixed && !counts(&name_chars) && !counts(&meant_chars)
}

/// The closest of words of which the first of equals is meant.
pub fn nearest(name: &str, candidates: impl IntoIterator<Item = &'static str>) -> Option<&'static str> {
    let candidates: Vec<_> = candidates.into_iter().collect();
    let close = closest(name, candidates.iter().copied());
    let lower = name.to_lowercase();
    let distance = |c: &&str| damerau_levenshtein(&lower, c);
    let least = close.iter().map(distance).min()?;
    candidates.into_iter().find(|c| distance(c) == least)
}

/// Words of the language that this version does not have yet, and what does some of it today.
static LATER: &[(&str, &str)] = &[
    ("sweep", "run the file once for each value: `fsched run FILE --set name=value`"),
    ("variant", "write a file for each variant, and run both with the same `seed`"),
    ("compare", "write a file for each variant, and run both with the same `seed`"),
    ("export", "a run folder keeps the weights as safetensors files"),
    ("probe", ""),
    ("regularize", "`weight_decay` is the optimizer's: `optimizer sgd(lr: 0.1, weight_decay: 5e-4)`"),
];

/// What helps instead of a word that only a later version has.
pub fn later(word: &str) -> Option<&'static str> {
    let (_, instead) = LATER.iter().find(|(later, _)| *later == word)?;
    Some(if instead.is_empty() { "`fsched list statements` shows those it has" } else { instead })
}

/// Statements of other tools that are the word of another name with the same arguments; `steps` where a unit is to be
/// added.
static RENAMED: &[(&str, &str)] = &[
    ("fit", ""),
    ("epochs", ""),
    ("epoch", ""),
    ("ep", ""),
    ("steps", " steps"),
    ("iters", " steps"),
    ("batch_size", ""),
    ("scheduler", ""),
    ("dataset", ""),
    ("network", ""),
    ("save", ""),
    ("load", ""),
    ("assert", ""),
    ("unfreeze", ""),
];

/// What is to be added behind a single argument of a word of another tool that else needs a new name alone.
pub fn renamed(word: &str) -> Option<&'static str> {
    RENAMED.iter().find(|(foreign, _)| *foreign == word).map(|(_, unit)| *unit)
}

/// Words of other tools, and what they are here.
static FOREIGN_STATEMENTS: &[(&str, &str, &str)] = &[
    ("fit", "train", "training is `train 10`"),
    ("epochs", "train", "training for 10 epochs is `train 10`"),
    ("epoch", "train", "training for one epoch is `train 1`"),
    ("ep", "train", "training for 10 epochs is `train 10`"),
    ("steps", "train", "training for 500 steps is `train 500 steps`"),
    ("iters", "train", "training for 500 steps is `train 500 steps`"),
    ("learning_rate", "optimizer", "the learning rate is the optimizer's: `optimizer sgd(lr: 0.1)`"),
    ("batch_size", "batch", "the batch size is `batch 128`"),
    ("weight_decay", "optimizer", "weight decay is the optimizer's: `optimizer sgd(lr: 0.1, weight_decay: 5e-4)`"),
    ("wd", "optimizer", "weight decay is the optimizer's: `optimizer sgd(lr: 0.1, weight_decay: 5e-4)`"),
    ("momentum", "optimizer", "momentum is the optimizer's: `optimizer sgd(lr: 0.1, momentum: 0.9)`"),
    ("loss", "objective", "what training lowers is `objective cross_entropy`"),
    ("criterion", "objective", "what training lowers is `objective cross_entropy`"),
    ("scheduler", "lr", "a learning-rate schedule is `lr cosine`"),
    ("dataset", "data", "the data is `data fashion`"),
    ("network", "model", "the model is `model convnet`"),
    ("reset", "forget", "re-drawing weights is `forget layers[-2..] 30%`, output rows `zap head`"),
    ("save", "checkpoint", "a named point to come back to is `checkpoint \"name\"`"),
    ("load", "weights", "weights from a file are `weights \"file.safetensors\"`"),
    ("print", "evaluate", "to see a number, `evaluate clean on test`"),
    ("assert", "expect", "an assertion is `expect clean > 80%`"),
    ("test", "evaluate", "measuring on the test data is `evaluate clean on test`"),
    ("while", "repeat", "a loop that a condition ends is `repeat until clean > 90% max: 20 { … }`"),
    ("loop", "repeat", "a fixed number of times is `repeat 5 { … }`"),
    ("def", "phase", "a named piece of schedule is `phase name(n: Duration) { … }`"),
    ("function", "phase", "a named piece of schedule is `phase name(n: Duration) { … }`"),
    ("import", "use", "another file's declarations come with `use \"common.fsched\"`"),
    ("include", "use", "another file's declarations come with `use \"common.fsched\"`"),
    ("unfreeze", "thaw", "frozen weights are trained again after `thaw head`"),
    ("defreeze", "thaw", "frozen weights are trained again after `thaw head`"),
    ("nofreeze", "thaw", "frozen weights are trained again after `thaw head`"),
    ("unlearn", "forget", "weights are re-drawn by `forget layers[-2..] 30%`, output rows by `zap head`"),
    ("untrain", "forget", "weights are re-drawn by `forget layers[-2..] 30%`, output rows by `zap head`"),
    ("reinit", "forget", "re-drawing weights is `forget layers[-2..] 30%`, output rows `zap head`"),
    ("prune", "forget", "setting the smallest weights to zero is `forget all 30% by: smallest to: zero`"),
    ("restore", "rollback", "back to a named point is `rollback \"name\"`"),
    ("pretrain", "train", "training is `train 10`"),
    ("finetune", "train", "training on is `train 10`, of a part of the weights after `train_only head`"),
    ("eval", "evaluate", "measuring is `evaluate clean on test`"),
    ("validate", "evaluate", "measuring on the validation data is `evaluate clean on validation`"),
    ("lr_scheduler", "lr", "a learning-rate schedule is `lr cosine`"),
    (
        "early_stopping",
        "stop",
        "stopping early is `train 50 { when gap(clean) > 2% { stop } }`; `keep best:` keeps the best",
    ),
    (
        "early_stop",
        "stop",
        "stopping early is `train 50 { when gap(clean) > 2% { stop } }`; `keep best:` keeps the best",
    ),
    ("break", "stop", "leaving a training step early is `train 50 { when clean > 90% { stop } }`"),
    ("exit", "guard", "a run is ended by `guard clean > 50% else stop`"),
    ("abort", "guard", "a run is ended by `guard clean > 50% else stop`"),
    ("until", "repeat", "a loop that a condition ends is `repeat until clean > 90% max: 20 { … }`"),
    ("callback", "every", "what happens between training steps is `train 50 { every 10 epochs { … } }`"),
    ("max_time", "budget", "the time that a run may take is `budget 3 h`"),
    ("time_limit", "budget", "the time that a run may take is `budget 3 h`"),
    ("set", "let", "a name for a value is `let n = 10`"),
    ("var", "let", "a name for a value is `let n = 10`"),
    ("const", "let", "a name for a value is `let n = 10`"),
];

/// Names of arguments in other tools, and what they are here.
static FOREIGN_ARGUMENTS: &[(&str, &str)] = &[
    ("learning_rate", "lr"),
    ("wd", "weight_decay"),
    ("decay", "weight_decay"),
    ("epsilon", "eps"),
    ("alpha", "step"),
    ("step_size", "step"),
    ("patience", "duration"),
    ("steps", "iters"),
    ("iterations", "iters"),
    ("nb_iter", "iters"),
    ("n_restarts", "restarts"),
    ("rand_init", "random_start"),
    ("milestones", "at"),
    ("gamma", "by"),
    ("clip_norm", "clip"),
    ("max_norm", "clip"),
    ("smoothing", "label_smoothing"),
    ("widen_factor", "widen"),
    ("hidden_sizes", "hidden"),
    ("val", "validation"),
    ("l2", "weight_decay"),
    ("freq", "every"),
];

/// Words for choices in other tools, and what they are here.
static FOREIGN_CHOICES: &[(&str, &str)] = &[
    ("gpu", "cuda"),
    ("nvidia", "cuda"),
    ("cuda:0", "cuda"),
    ("2", "l2"),
    ("inf", "linf"),
    ("val", "validation"),
    ("valid", "validation"),
    ("dev", "validation"),
    ("training", "train"),
    ("testing", "test"),
];

/// The choice, one of `allowed`, that another tool calls by this name.
pub fn foreign_choice(name: &str, allowed: &[&'static str]) -> Option<&'static str> {
    let lower = name.to_lowercase();
    FOREIGN_CHOICES.iter().find(|(foreign, ours)| *foreign == lower && allowed.contains(ours)).map(|(_, ours)| *ours)
}

/// The statement that a word of another tool stands for: the word and a sentence.
pub fn foreign_statement(word: &str) -> Option<(&'static str, &'static str)> {
    FOREIGN_STATEMENTS.iter().find(|(foreign, ..)| *foreign == word).map(|(_, ours, text)| (*ours, *text))
}

/// The parameter, one of `known`, that an argument's name in another tool stands for.
pub fn foreign_argument(name: &str, known: &[&'static str]) -> Option<&'static str> {
    FOREIGN_ARGUMENTS.iter().find(|(foreign, ours)| *foreign == name && known.contains(ours)).map(|(_, ours)| *ours)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suggestions_are_close_and_few() {
        let words = ["forget", "freeze", "relearn", "repeat", "data"];
        assert_eq!(closest("frget", words), ["forget"]);
        assert_eq!(closest("FORGET", words), ["forget"]);
        assert_eq!(closest("dat", words), ["data"]);
        assert!(closest("zzzz", words).is_empty());
    }

    #[test]
    fn only_slips_of_the_keyboard_are_sure() {
        let sure = |name: &str, words: &[&str]| sureness(name, &closest(name, words.iter().copied()));
        for (name, meant) in [
            ("frget", "forget"),
            ("FORGET", "forget"),
            ("foregt", "forget"),
            ("fprget", "forget"),
            ("forgett", "forget"),
            ("SGD", "sgd"),
            ("cifr10", "cifar10"),
            ("resent18", "resnet18"),
        ] {
            assert_eq!(sure(name, &[meant]), Applicability::Safe, "{name}");
        }
        for (name, other) in [
            ("unfreeze", "freeze"),
            ("inexact", "exact"),
            ("gpu", "cpu"),
            ("resnet50", "resnet18"),
            ("resnet19", "resnet18"),
            ("convnext", "convnet"),
            ("fgm", "fgsm"),
            ("l1", "l2"),
            ("nadam", "adam"),
            ("vflip", "flip"),
            ("conv1", "conv"),
            ("frgte", "forget"),
        ] {
            assert_eq!(sure(name, &[other]), Applicability::Unsafe, "{name}");
        }
        assert_eq!(sure("share3", &["share1", "share2"]), Applicability::Unsafe);
        assert_eq!(sure("wirdth", &["width", "wirdtg"]), Applicability::Unsafe, "two as near");
        assert_eq!(sure("epoch20", &["epoch10"]), Applicability::Unsafe);
    }
}

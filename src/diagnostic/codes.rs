//! Every code, one line each. Bands: 00xx syntax, 01xx names, 02xx types and units, 03xx model and selectors,
//! 04xx data and files, 05xx schedule meaning, 06xx run time, 07xx records,
//! 09xx our own mistakes, 1xxx lints. Codes are never reused.

use super::Severity;

/// A registered code; compare by value, look up its texts with the methods.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Code(u16);

/// What is registered of a code.
pub struct CodeInfo {
    pub code: Code,
    /// `FS0102`
    pub id: &'static str,
    /// `unknown-statement`
    pub name: &'static str,
    pub severity: Severity,
    /// The text of `fsched explain`: Markdown with a bad and a good example.
    pub text: &'static str,
}

macro_rules! codes {
    ($($constant:ident = $number:literal $id:literal $name:literal $severity:ident;)*) => {
        impl Code { $(pub const $constant: Code = Code($number);)* }
        /// All codes in order.
        pub static CODES: &[CodeInfo] = &[$(CodeInfo {
            code: Code($number), id: $id, name: $name, severity: Severity::$severity,
            text: include_str!(concat!("../../docs/errors/", $id, ".md")),
        },)*];
    };
}

codes! {
    SYNTAX = 1 "FS0001" "syntax-error" Error;
    BAD_NUMBER = 2 "FS0002" "bad-number" Error;
    BAD_STRING = 3 "FS0003" "bad-string" Error;
    UNCLOSED = 4 "FS0004" "unclosed-bracket" Error;
    STRAY_CLOSER = 5 "FS0005" "stray-bracket" Error;
    BAD_CHARACTER = 6 "FS0006" "bad-character" Error;
    FOREIGN_SYNTAX = 7 "FS0007" "foreign-syntax" Error;
    TOO_DEEP = 8 "FS0008" "nested-too-deeply" Error;
    AMBIGUOUS_OPERATOR = 9 "FS0009" "ambiguous-operator" Error;
    MISPLACED_BLOCK = 10 "FS0010" "misplaced-block" Error;
    CHAINED_COMPARISON = 11 "FS0011" "chained-comparison" Error;
    FILE_TOO_LARGE = 12 "FS0012" "file-too-large" Error;
    UNKNOWN_NAME = 101 "FS0101" "unknown-name" Error;
    UNKNOWN_STATEMENT = 102 "FS0102" "unknown-statement" Error;
    UNKNOWN_COMPONENT = 103 "FS0103" "unknown-component" Error;
    UNKNOWN_ARGUMENT = 104 "FS0104" "unknown-argument" Error;
    REDEFINED = 105 "FS0105" "redefined-name" Error;
    RESERVED_WORD = 106 "FS0106" "reserved-word" Error;
    RECURSION = 107 "FS0107" "recursive-phase" Error;
    UNKNOWN_PARAM = 108 "FS0108" "unknown-parameter" Error;
    IMPORT = 109 "FS0109" "bad-import" Error;
    UNKNOWN_CHECKPOINT = 110 "FS0110" "unknown-checkpoint" Error;
    WRONG_TYPE = 201 "FS0201" "wrong-type" Error;
    WRONG_UNIT = 202 "FS0202" "wrong-unit" Error;
    OUT_OF_RANGE = 203 "FS0203" "out-of-range" Error;
    MISSING_ARGUMENT = 204 "FS0204" "missing-argument" Error;
    EXTRA_ARGUMENT = 205 "FS0205" "extra-argument" Error;
    BARE_SHARE = 206 "FS0206" "share-without-unit" Error;
    DUPLICATE_ARGUMENT = 207 "FS0207" "duplicate-argument" Error;
    BAD_ARITHMETIC = 208 "FS0208" "bad-arithmetic" Error;
    UNKNOWN_CHOICE = 209 "FS0209" "unknown-choice" Error;
    EMPTY_SELECTOR = 301 "FS0301" "empty-selector" Error;
    SELECTOR_INDEX = 302 "FS0302" "selector-out-of-range" Error;
    BAD_MODEL = 303 "FS0303" "model-does-not-fit" Error;
    SECOND_MODEL = 304 "FS0304" "second-model" Error;
    CLASS_COUNT = 305 "FS0305" "class-count" Error;
    BAD_WEIGHTS = 306 "FS0306" "weights-do-not-fit" Error;
    NO_ADAPTER = 307 "FS0307" "no-adapter" Error;
    NOT_OF_TEXTS = 308 "FS0308" "not-of-conversations" Error;
    MISSING_FILE = 401 "FS0401" "missing-file" Error;
    BAD_FILE = 402 "FS0402" "bad-file" Error;
    NO_SPLIT = 403 "FS0403" "no-such-split" Error;
    FORBIDDEN_PATH = 404 "FS0404" "forbidden-path" Error;
    NOT_UTF8 = 405 "FS0405" "not-utf8" Error;
    BAD_STEP_PLACE = 501 "FS0501" "misplaced-statement" Error;
    ZERO_COUNT = 502 "FS0502" "zero-count" Error;
    NOT_FOLLOWED = 503 "FS0503" "metric-not-followed" Error;
    ATTACK_BUDGET = 504 "FS0504" "attack-budget" Error;
    UNKNOWN_TIME = 505 "FS0505" "unknown-time" Error;
    TOO_LARGE = 506 "FS0506" "plan-too-large" Error;
    ATTACK_CLASSES = 507 "FS0507" "too-few-classes" Error;
    NO_MEMORY = 508 "FS0508" "no-memory" Error;
    RUN_FAILED = 601 "FS0601" "run-failed" Error;
    NOT_FINITE = 602 "FS0602" "loss-not-finite" Error;
    MISSING_GRADIENT = 603 "FS0603" "missing-gradient" Error;
    TOO_MUCH_MEMORY = 604 "FS0604" "too-much-memory" Error;
    BAD_RUN_FOLDER = 701 "FS0701" "bad-run-folder" Error;
    RUN_EXISTS = 702 "FS0702" "run-exists" Error;
    PLAN_CHANGED = 703 "FS0703" "plan-changed" Error;
    NO_WHOLE_CHECKPOINT = 704 "FS0704" "no-whole-checkpoint" Error;
    RECORDS_CHANGED = 705 "FS0705" "records-changed" Error;
    INTERNAL = 901 "FS0901" "internal-error" Error;
    DEFAULTS_USED = 1001 "FS1001" "defaults-used" Note;
    UNUSED_NAME = 1002 "FS1002" "unused-name" Warning;
    HIDDEN_NAME = 1003 "FS1003" "hidden-name" Warning;
    EARLY_LAYERS = 1004 "FS1004" "early-layers-forgotten" Warning;
    FORGETS_LAST = 1005 "FS1005" "forgets-last" Warning;
    TRAILING_REPEAT = 1006 "FS1006" "trailing-repeat" Warning;
    SETTING_TWICE = 1007 "FS1007" "setting-twice" Warning;
    WEAKER_TEST_ATTACK = 1008 "FS1008" "weaker-test-attack" Warning;
    TEST_DATA_DECIDES = 1009 "FS1009" "test-data-decides" Warning;
    UNUSED_SETTING = 1010 "FS1010" "unused-setting" Warning;
    STALE_MOMENTUM = 1011 "FS1011" "stale-momentum" Warning;
    CHECKPOINT_MAYBE = 1012 "FS1012" "checkpoint-on-some-paths" Warning;
    UNUSED_ALLOW = 1013 "FS1013" "unused-allow" Warning;
    NOTHING_TRAINED = 1014 "FS1014" "nothing-trained" Warning;
    FORGOTTEN_FROZEN = 1015 "FS1015" "forgotten-and-frozen" Warning;
    UNREACHED = 1016 "FS1016" "unreached-steps" Warning;
    SCHEDULE_OUTLASTS = 1017 "FS1017" "schedule-outlasts-training" Warning;
    IMPLAUSIBLE_RATE = 1018 "FS1018" "implausible-rate" Warning;
    ATTACK_STEP = 1019 "FS1019" "attack-step" Warning;
    ATTACK_LIMIT = 1020 "FS1020" "attack-without-limit" Warning;
    FORGETS_NOTHING = 1021 "FS1021" "forgets-nothing" Warning;
    FORGETS_EVERYTHING = 1022 "FS1022" "forgets-everything" Warning;
    NEVER_MEASURED = 1023 "FS1023" "never-measured" Warning;
    BATCH_TOO_LARGE = 1024 "FS1024" "batch-exceeds-data" Warning;
    BATCH_OF_ONE = 1025 "FS1025" "batch-norm-of-one" Warning;
    IDLE_FREEZE = 1026 "FS1026" "freeze-without-effect" Warning;
    NEVER_DUE = 1027 "FS1027" "never-due" Warning;
    MERGED_ADAPTERS = 1028 "FS1028" "merged-adapters" Warning;
}

impl CodeInfo {
    /// The first sentence of its text, on one line, without its full stop.
    pub fn summary(&self) -> String {
        let first = self.text.split("\n\n").nth(1).unwrap_or_default();
        let words = first.split_whitespace().collect::<Vec<_>>().join(" ");
        let end = words.find(". ").unwrap_or(words.len());
        words[..end].trim_end_matches('.').to_string()
    }
}

impl Code {
    /// What is registered of it.
    pub fn info(self) -> &'static CodeInfo {
        let index = CODES.partition_point(|c| c.code < self);
        &CODES[index]
    }

    /// `FS0102`
    pub fn id(self) -> &'static str {
        self.info().id
    }

    /// `unknown-statement`
    pub fn name(self) -> &'static str {
        self.info().name
    }

    /// How bad it is where no flag or pragma says otherwise.
    pub fn severity(self) -> Severity {
        self.info().severity
    }

    /// Whether it is a lint: may be silenced.
    pub fn is_lint(self) -> bool {
        self.0 >= 1000
    }
}

impl std::fmt::Debug for Code {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.id())
    }
}

/// The code of that id (`FS0102`, in any case) or name (`unknown-statement`).
pub fn by_code_or_name(text: &str) -> Option<&'static CodeInfo> {
    CODES.iter().find(|c| c.id.eq_ignore_ascii_case(text) || c.name == text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_sorted_and_unique_and_named_after_their_number() {
        assert!(CODES.windows(2).all(|w| w[0].code < w[1].code));
        let names: std::collections::HashSet<_> = CODES.iter().map(|c| c.name).collect();
        assert_eq!(names.len(), CODES.len());
        for c in CODES {
            assert_eq!(c.id, format!("FS{:04}", c.code.0));
            assert_eq!(c.code.info().id, c.id);
        }
    }
}

//! How right the answers of a language model are, and what is left of them.

use super::{EXAMPLES, MetricInfo, MetricUnit, SHARE};
use crate::components::scoring::Mode;
use crate::components::{Default, Family, Member, Param, Spec, Type, Value};

/// `tasks` of every metric of conversations; `evaluate … on TASKS` fills it.
const TASKS: Param = Param::new("tasks", Type::Tasks, "which tasks; none: all of the data").or(Default::Absent).named();

/// Tokens of an answer at most, unless a program says otherwise.
const MOST_TOKENS: i64 = 64;

/// `max_tokens` likewise.
const MAX_TOKENS: Param = Param::new("max_tokens", Type::Int, "of an answer at most")
    .or(Default::Int(MOST_TOKENS))
    .named()
    .within(1.0, 65_536.0);

/// `mode` likewise.
const MODE: Param = Param::new(
    "mode",
    Type::Word(&["strict", "reference", "coin"]),
    "how answers are compared: as the scorers' descriptions say, as SEFE's scripts do, as CoIN's do",
)
.or(Default::Word("strict"))
.named();

pub static MEMBER: Member = Member {
    family: Family::Metric,
    name: "truth_alignment",
    params: &[TASKS, MODE, MAX_TOKENS, EXAMPLES],
    doc: "mean over tasks of the share of right answers, generated greedily and compared by each task's scorer",
    source: "CoIN, Chen et al. 2024, arXiv 2403.08350, truth alignment",
    example: "model tiny_llava; train 1; evaluate truth_alignment",
};

pub static KNOWLEDGE: Member = Member {
    family: Family::Metric,
    name: "knowledge",
    params: &[TASKS, MAX_TOKENS, EXAMPLES],
    doc: "mean over tasks of how much of the truth answers contain, whatever their form; a rule judges",
    source: "CoIN, Chen et al. 2024, arXiv 2403.08350, knowledge capability, with a stated rule in place of a judge",
    example: "model tiny_llava; train 1; evaluate knowledge",
};

pub static FORGOTTEN: Member = Member {
    family: Family::Metric,
    name: "forgotten",
    params: &[TASKS, MODE, MAX_TOKENS, EXAMPLES],
    doc: "of answers that were right when their task had been learned (by the first `truth_alignment` of it), the share that \
          is wrong now, mean over tasks; `superficial`: of the wrong form with the truth in it, or right when asked again \
          with the form stated; `essential`: all else",
    source: "SEFE, Chen et al. 2025, arXiv 2505.02486: superficial and essential forgetting; the rule is ours",
    example: "model tiny_llava; learn quiz 1; evaluate truth_alignment, forgotten",
};

pub(super) static INFO: MetricInfo =
    MetricInfo { member: &MEMBER, higher_is_better: true, bounds: SHARE, unit: MetricUnit::Share };

pub(super) static KNOWLEDGE_INFO: MetricInfo =
    MetricInfo { member: &KNOWLEDGE, higher_is_better: true, bounds: SHARE, unit: MetricUnit::Share };

pub(super) static FORGOTTEN_INFO: MetricInfo =
    MetricInfo { member: &FORGOTTEN, higher_is_better: false, bounds: SHARE, unit: MetricUnit::Share };

/// Whether answers are generated for it.
pub fn generates(spec: &Spec) -> bool {
    [&MEMBER, &KNOWLEDGE, &FORGOTTEN].contains(&spec.member)
}

/// What of its mode and its longest answer is not the default, as it is written.
pub fn shown(spec: &Spec) -> [Option<String>; 2] {
    let mode = match spec.maybe("mode") {
        Some(Value::Word(mode)) if generates(spec) && mode != "strict" => Some(format!("mode: {mode}")),
        _ => None,
    };
    let most = match spec.maybe("max_tokens") {
        Some(Value::Int(n)) if *n != MOST_TOKENS => Some(format!("max_tokens: {n}")),
        _ => None,
    };
    [mode, most]
}

/// How its answers are compared.
pub fn mode(spec: &Spec) -> Mode {
    match spec.maybe("mode") {
        Some(Value::Word(word)) => Mode::of(word).unwrap_or(Mode::Strict),
        _ => Mode::Strict,
    }
}

//! What objectives, teachers and a memory take in a training step, beside its attack.

use super::passes;
use crate::components::attacks::inner;
use crate::components::memory::{self, Cadence, Statistics};
use crate::components::{Family, Spec, Value, objectives};
use crate::language::program::Train;

/// Passes of one batch in one step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StepPasses {
    /// forward and back to the images, of the objective's attack
    pub attack: u64,
    /// forward and back to the weights
    pub own: u64,
    /// forward alone, of teachers, for targets, and an attack's queries
    pub forwards: u64,
}

/// The passes of a step with this objective and these terms of teachers.
pub fn step(objective: &Value, recalled: &[Spec]) -> StepPasses {
    let Some(objective) = objective.as_component(Family::Objective) else {
        return StepPasses { attack: 0, own: 1, forwards: recalled.len() as u64 };
    };
    let attack = objectives::attack_of(objective);
    let read = objectives::reads(objective);
    let attacks = read.1;
    // Where nothing is attacked, all images are those as they are.
    let asked = |term: &Spec| match (attacks, term.get("on")) {
        (true, Value::Word(on)) => (on != "adversarial", on != "clean"),
        _ => (true, false),
    };
    let all = recalled.iter().map(asked).fold((false, false), |all, one| (all.0 || one.0, all.1 || one.1));
    let beside = u64::from(all.0 && !read.0) + u64::from(all.1 && !read.1);
    let forwards: u64 =
        recalled.iter().map(asked).map(|(clean, attacked)| u64::from(clean) + u64::from(attacked)).sum();
    let target = attack.is_some_and(|attack| objectives::diverges(objective) && inner::is_own(attack));
    let crafting = attack.map(passes::attack_work).unwrap_or_default();
    StepPasses {
        attack: crafting.gradients,
        own: objectives::own_passes(objective) + beside,
        forwards: forwards + u64::from(target) + crafting.forwards,
    }
}

/// How many kinds of images are passed through the network together in a step: their activations are kept at one time.
pub fn together(objective: &Value, recalled: &[Spec]) -> u64 {
    let own = objective.as_component(Family::Objective).map_or(1, objectives::own_passes);
    let read = objective.as_component(Family::Objective).map_or((true, false), objectives::reads);
    (u64::from(read.0) + u64::from(read.1) + step(objective, recalled).own - own).max(1)
}

/// How often a training step of so many steps passes over the training images for the memory's statistics.
pub fn estimates(train: &Train, steps: u64) -> f64 {
    let Some(memory) = train.memory().filter(|memory| !memory.spec.args.iter().any(Value::waits)) else { return 0.0 };
    let following = memory::build(&memory.spec);
    if following.statistics != Statistics::Estimate {
        return 0.0;
    }
    match following.cadence {
        Cadence::Every(every) => {
            every.steps(train.settings.steps_per_epoch()).map_or(0.0, |period| steps as f64 / period as f64)
        }
        Cadence::Iteration => 1.0,
        Cadence::Phase | Cadence::Relearn => following.probability,
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixture::spec;
    use super::*;
    use crate::components::{attacks, recall};

    fn attack() -> Value {
        let given = [("eps", Value::Real(0.1)), ("iters", Value::Int(3)), ("restarts", Value::Int(1))];
        Value::Component(spec(&attacks::pgd::MEMBER, &given))
    }

    fn term(on: &str) -> Spec {
        spec(&recall::kl::MEMBER, &[("on", Value::Word(on.into()))])
    }

    #[test]
    fn objectives_take_the_passes_that_they_are_counted_for() {
        let with = |member, attack: Value| Value::Component(spec(member, &[("attack", attack)]));
        let adversarial = with(&objectives::adversarial::MEMBER, attack());
        let trades = with(&objectives::trades::MEMBER, attack());
        let awp = |inner: &Value| Value::Component(spec(&objectives::awp::MEMBER, &[("objective", inner.clone())]));
        for (objective, own, forwards) in [
            (Value::Component(spec(&objectives::cross_entropy::MEMBER, &[])), 1, 0),
            (adversarial.clone(), 1, 0),
            (trades.clone(), 2, 1),
            (with(&objectives::mart::MEMBER, attack()), 2, 0),
            (awp(&adversarial), 2, 0),
            (awp(&trades), 4, 1),
            (Value::Component(spec(&objectives::free::MEMBER, &[("eps", Value::Real(0.1))])), 1, 0),
        ] {
            let counted = step(&objective, &[]);
            assert_eq!((counted.own, counted.forwards), (own, forwards), "{objective:?}");
            let built = objectives::build(objective.as_component(Family::Objective).unwrap());
            assert_eq!(counted.attack, built.attack_passes(), "{objective:?}");
        }
    }

    #[test]
    fn teachers_answer_once_for_each_kind_of_images_and_the_student_passes_over_what_it_has_not_read() {
        let adversarial = Value::Component(spec(&objectives::adversarial::MEMBER, &[("attack", attack())]));
        let plain = Value::Component(spec(&objectives::cross_entropy::MEMBER, &[]));
        let passes = |objective: &Value, terms: &[Spec]| {
            let step = step(objective, terms);
            (step.own, step.forwards)
        };
        assert_eq!(passes(&adversarial, &[term("adversarial")]), (1, 1));
        assert_eq!(passes(&adversarial, &[term("both")]), (2, 2));
        assert_eq!(passes(&adversarial, &[term("clean"), term("clean")]), (2, 2));
        assert_eq!(passes(&plain, &[term("both")]), (1, 1));
        assert_eq!(passes(&plain, &[term("adversarial")]), (1, 1));
    }
}

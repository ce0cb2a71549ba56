//! All families and their members, by name.

use super::describe::{Family, Member};
use super::value::{Spec, Value};
use super::{
    adapters, attacks, augment, conditions, data, forgetting, memory, metrics, models, objectives, optimizers, recall,
    schedules, tasks, towers,
};
use std::sync::LazyLock;

/// The members of a family, in the order in which they are listed.
pub fn members(family: Family) -> &'static [&'static Member] {
    static OPTIMIZERS: LazyLock<Vec<&Member>> = LazyLock::new(|| optimizers::OPTIMIZERS.iter().map(|m| m.0).collect());
    static SCHEDULES: LazyLock<Vec<&Member>> = LazyLock::new(|| schedules::SCHEDULES.iter().map(|m| m.0).collect());
    match family {
        Family::Data => data::MEMBERS,
        Family::Augment => augment::MEMBERS,
        Family::Model => models::MEMBERS,
        Family::Tower => towers::MEMBERS,
        Family::Adapter => adapters::MEMBERS,
        Family::Layer => models::layers::LAYERS,
        Family::Optimizer => &OPTIMIZERS,
        Family::Schedule => &SCHEDULES,
        Family::Objective => objectives::MEMBERS,
        Family::Attack => attacks::MEMBERS,
        Family::Ranking => forgetting::rankings::MEMBERS,
        Family::Fill => forgetting::fills::MEMBERS,
        Family::Memory => memory::MEMBERS,
        Family::Recall => recall::MEMBERS,
        Family::Metric => metrics::MEMBERS,
        Family::Task => tasks::MEMBERS,
        Family::Condition => conditions::MEMBERS,
    }
}

/// The family's member of that name.
pub fn find(family: Family, name: &str) -> Option<&'static Member> {
    members(family).iter().copied().find(|m| m.name == name)
}

/// The member with its own defaults; `None` where it has a required parameter.
pub fn with_defaults(member: &'static Member) -> Option<Spec> {
    let args = member.params.iter().map(|p| default_value(&p.default, p)).collect::<Option<_>>()?;
    Some(Spec { member, args })
}

/// The value that a parameter has when it isn't given; `None` where it must be.
pub fn default_value(default: &super::Default, param: &super::Param) -> Option<Value> {
    default.value(|name| {
        let family = component_family(&param.ty).expect("a component as default stands in a place for components");
        let member = find(family, name).expect("the default names a member");
        Value::Component(with_defaults(member).expect("a member that serves as default has none required"))
    })
}

fn component_family(ty: &super::Type) -> Option<Family> {
    match ty {
        super::Type::Component(family) => Some(*family),
        super::Type::OneOf(types) => types.iter().find_map(component_family),
        _ => None,
    }
}

//! The check of what is expected of machines.

use crate::check::{PlanError, is_text, kind};
use crate::choices::Concern;
use crate::hardware::{By, Class, MachineKey, State};
use crate::limits::EXPECTED_PER_MACHINE_MAX;
use crate::view::Plan;

/// Whether all of its texts are good.
pub(crate) fn has_texts(plan: &Plan<'_>) -> bool {
    plan.expected.iter().all(|it| is_text(plan, it.name))
        && plan.machines.iter().all(|it| is_text(plan, it.name))
        && plan.machine_keys.iter().all(|it| is_text(plan, it.key))
}

/// The first machine is every one and known by nothing; what is expected follows each other without gap; the keys are in
/// their order, each once.
pub(crate) fn check(plan: &Plan<'_>) -> Result<(), PlanError> {
    let mut next = 0;
    for machine in plan.machines {
        let count = usize::from(machine.expected_count.get());
        if machine.first_expected.get() as usize != next || count > EXPECTED_PER_MACHINE_MAX {
            return Err(PlanError::Index(kind::MACHINES));
        }
        next += count;
    }
    if plan.machines.is_empty() || next != plan.expected.len() {
        return Err(PlanError::Index(kind::MACHINES));
    }
    let is_known = plan.expected.iter().all(|it| {
        Class::from_number(it.class).is_some()
            && By::from_number(it.by).is_some()
            && Concern::from_number(it.concern).is_some()
            && State::from_number(it.state).is_some()
    });
    if !is_known {
        return Err(PlanError::Choice(kind::EXPECTED));
    }
    let mut before = None;
    for entry in plan.machine_keys {
        let machine = usize::from(entry.machine.get());
        if machine == 0 || machine >= plan.machines.len() {
            return Err(PlanError::Index(kind::MACHINE_KEYS));
        }
        if MachineKey::from_number(entry.kind).is_none() {
            return Err(PlanError::Choice(kind::MACHINE_KEYS));
        }
        let key = (entry.kind, plan.text(entry.key));
        if before.is_some_and(|before| before >= key) {
            return Err(PlanError::Order(kind::MACHINE_KEYS));
        }
        before = Some(key);
    }
    Ok(())
}

//! Plans of suites over the scripted family.

mod arms;
mod budgets;
mod controls;
mod limits;
mod order;
mod parity;
mod selection;

use super::{Case, Plan, Settings};
use crate::testing::scripted::FAMILIES;
use crate::testing::{load, planned};

fn settings() -> Settings {
    Settings { allow_disruptive: true, seed: 1, ..Settings::default() }
}

/// The plan of these entries of `checks:`, or its errors.
fn plan_with(checks: &str, settings: &Settings) -> Result<Plan, String> {
    planned(load(FAMILIES, &format!("checks:\n{checks}"), &[]), None, settings)
}

#[track_caller]
fn plan(checks: &str) -> Plan {
    plan_with(checks, &settings()).unwrap_or_else(|errors| panic!("{errors}"))
}

#[track_caller]
fn errors(checks: &str) -> String {
    plan_with(checks, &settings()).err().unwrap_or_else(|| panic!("it has no errors"))
}

/// Ids in the order they are started.
fn ids(plan: &Plan) -> Vec<&str> {
    plan.cases.iter().map(|case| &*case.id).collect()
}

#[track_caller]
fn case<'p>(plan: &'p Plan, id: &str) -> &'p Case {
    plan.cases.iter().find(|case| &*case.id == id).unwrap()
}

/// Ids of what a case needs.
#[track_caller]
fn needs<'p>(plan: &'p Plan, id: &str) -> Vec<&'p str> {
    case(plan, id).needs.iter().map(|need| &*plan.cases[*need].id).collect()
}

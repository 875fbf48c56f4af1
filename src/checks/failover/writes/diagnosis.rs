//! Why a check failed whose writes are gone.

use crate::checks::failover::facts::{WRITES_ACKNOWLEDGED, WRITES_DUPLICATED, WRITES_LOST, WRITES_LOST_NUMBERS};
use crate::model::Value;
use crate::probe::{Diagnosis, Failure};

/// Runs of lost writes that the reason names.
const TOLD: usize = 3;

pub(in crate::checks::failover) fn diagnose(failure: &Failure<'_>) -> Option<Diagnosis> {
    lost(failure).or_else(|| duplicated(failure))
}

fn lost(failure: &Failure<'_>) -> Option<Diagnosis> {
    failure.breach(WRITES_LOST.info.name)?;
    let count = |name: &str| failure.value(name).and_then(Value::as_i64);
    let lost = count(WRITES_LOST.info.name)?;
    let of = count(WRITES_ACKNOWLEDGED.info.name).map(|all| format!(" of {all}")).unwrap_or_default();
    let runs = failure.value(WRITES_LOST_NUMBERS.info.name).and_then(Value::as_array).map(Vec::as_slice);
    let told: Vec<&str> = runs.unwrap_or_default().iter().filter_map(Value::as_str).take(TOLD).collect();
    let more = if runs.is_some_and(|runs| runs.len() > TOLD) { "; and more, see `writes.lost_numbers`" } else { "" };
    let are = if lost == 1 { "is" } else { "are" };
    let cause = format!("{}: {lost}{of} acknowledged writes {are} gone: {}{more}", failure.target, told.join("; "));
    let next = "a write was acknowledged before the node that took over had it: look whether replication is synchronous (PostgreSQL \
                `synchronous_commit`, Redis `WAIT`, Kafka `acks=all`, MongoDB `w: majority`), whether an acknowledged write is on disk, and what the \
                log of the new primary says of the values above";
    Some(Diagnosis::new(cause, next))
}

fn duplicated(failure: &Failure<'_>) -> Option<Diagnosis> {
    failure.breach(WRITES_DUPLICATED.info.name)?;
    let twice = failure.value(WRITES_DUPLICATED.info.name).and_then(Value::as_i64)?;
    let are = if twice == 1 { "value is" } else { "values are" };
    let cause = format!("{}: {twice} written {are} there more than once", failure.target);
    let next = "each was sent once: look for what repeats a request (a proxy, a balancer, a replayed log) and let writes carry a key that makes \
                them idempotent; where the list shows every value twice, let `read_back` ask for the values alone";
    Some(Diagnosis::new(cause, next))
}

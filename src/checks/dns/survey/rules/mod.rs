//! Rules for zones beyond their servers' agreement: what the parent signs, addresses outside the zone, how the servers are
//! spread, what names and timers say, and what is recommended.

mod best_practice;
mod facts;
mod layout;
mod parent_ds;
mod primary;
mod sibling_glue;
mod signing;
mod zone_keys;

pub(in crate::checks::dns) use best_practice::EXPECT as EXPECT_BEST_PRACTICE;
pub(super) use facts::{
    BEST_PRACTICE, DENIAL_UNPROVEN, DNSSEC, FACTS, RRSIG_ALGORITHM_MISSING, RRSIG_UNSOUND, SIBLING, ZONE,
};
pub(super) use parent_ds::{ParentDs, ask as ask_ds};
pub(super) use sibling_glue::{SiblingGlue, applies as sibling_applies};
pub(super) use zone_keys::{ZoneKeys, ask as ask_keys, usable};

use super::delegation::Delegation;
use super::server_report::ServerReport;
use super::settings::Settings;
use super::zone::Zone;
use crate::model::Fault;
use crate::probe::Cx;

/// The facts that need no more questions.
pub(super) fn record(cx: &mut Cx<'_>, settings: &Settings, zone: &Zone, known: &Delegation, reports: &[ServerReport]) {
    signing::record(cx, zone, known, reports);
    sibling_glue::record(cx, known);
    layout::record(cx, settings, zone, known, reports);
}

/// The facts of `best_practice`, which asks the primary and a resolver.
pub(super) async fn collect(
    cx: &mut Cx<'_>,
    settings: &Settings,
    zone: &Zone,
    reports: &[ServerReport],
    seed: u64,
) -> Result<(), Fault> {
    if !zone.best_practice {
        return Ok(());
    }
    primary::record(cx, settings, zone, reports, seed).await?;
    best_practice::reverse(cx, settings, zone, reports, seed).await
}

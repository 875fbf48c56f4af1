//! Probes: properties of a server beyond its records, each only where the check names it.

mod case;
mod edns;
mod negative;
mod recursion;
mod tcp;
mod transfer;
mod truncation;
mod version;

use super::fields::Probe;
use super::querier::Querier;
use super::server_report::ServerReport;
use super::settings::Settings;
use crate::model::Fault;

/// The probes of the check, one after the other.
pub(super) async fn run(
    settings: &Settings,
    querier: &mut Querier<'_>,
    report: &mut ServerReport,
    seed: u64,
) -> Result<(), Fault> {
    for probe in &settings.probes {
        match probe {
            Probe::Tcp => tcp::probe(settings, querier, report).await?,
            Probe::Edns => edns::probe(settings, querier, report).await?,
            Probe::Truncation => truncation::probe(settings, querier, report).await?,
            Probe::Case => case::probe(settings, querier, report).await?,
            Probe::Negative => negative::probe(settings, querier, report, seed).await?,
            Probe::Version => version::probe(querier, report).await?,
            Probe::Recursion => recursion::probe(settings, querier, report).await?,
            Probe::Axfr => transfer::probe(settings, querier, report, seed).await?,
            // It stands for the others, which are in the list.
            Probe::All => {}
        }
    }
    Ok(())
}

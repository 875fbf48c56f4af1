//! Table `targets`: whom an answer names, for checks that look at each of them.

use std::collections::BTreeSet;

use super::{load, question, survey};
use crate::model::rows::Rows;
use crate::model::table::facts;
use crate::model::typed::Form;
use crate::model::{Args, Fact, Unit};
use crate::probe::{Cx, Mode};
use crate::proto::dns::types;

facts! { pub(super) FACTS;
    pub(super) const TARGETS: Fact<Rows> = Fact::table(
        "targets",
        "target",
        "Whom the answers name, each once, the most preferred first: `matrix: {target: \"${checks.ID.targets}\"}` makes a case of each in another check.",
    )
    .targets();
    const HOST: Fact<String> = Fact::text("targets.host", "Name of the host, or its address.").form(Form::Host).column();
    const PORT: Fact<i64> = Fact::integer("targets.port", Unit::Count, "Port of its service; of SRV records.").column();
    const PRIORITY: Fact<i64> = Fact::integer(
        "targets.priority",
        Unit::Count,
        "How far behind others it comes, 0 being the first; of MX and SRV records.",
    )
    .column();
}

/// One question about hosts.
pub(super) const MODES: &[Mode] = &[Mode::of("type: MX`, `NS`, `SRV`, `A` or `AAAA", applies, FACTS)];

/// Types whose data names a host.
const OF_HOSTS: [u16; 5] = [types::MX, types::NS, types::SRV, types::A, types::AAAA];

fn applies(args: &Args) -> bool {
    let code = question::asked_type(args).and_then(|word| types::number(&word));
    code.is_some_and(|code| OF_HOSTS.contains(&code)) && !args.given(&load::LOAD) && !survey::applies(args)
}

/// Whom one record names.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct TargetRecord {
    priority: Option<i64>,
    host: String,
    port: Option<i64>,
}

impl TargetRecord {
    /// From data in presentation format; `None` where it says that there is nobody (RFC 7505, RFC 2782).
    fn of(code: u16, data: &str) -> Option<Self> {
        let parts: Vec<&str> = data.split(' ').collect();
        let number = |text: &str| text.parse().ok();
        let (priority, port, host) = match (code, &*parts) {
            (types::MX, [preference, exchange]) => (number(preference), None, *exchange),
            (types::SRV, [priority, _, port, target]) => (number(priority), number(port), *target),
            (_, [host]) => (None, None, *host),
            _ => return None,
        };
        (host != ".").then(|| Self { priority, host: host_name(host), port })
    }

    fn label(&self) -> String {
        self.port.map_or_else(|| self.host.clone(), |port| format!("{}:{port}", self.host))
    }
}

/// The name as suites write it. Whoever looks for one without a dot within, or for what could be taken for an address, must know
/// that it is whole.
fn host_name(name: &str) -> String {
    let bare = name.strip_suffix('.').unwrap_or(name);
    let is_ambiguous = !bare.contains('.')
        || bare.rsplit('.').next().is_some_and(|last| last.starts_with(|c: char| c.is_ascii_digit()));
    if name.ends_with('.') && is_ambiguous { name.to_owned() } else { bare.to_ascii_lowercase() }
}

/// Records whom the answers to a question of type `code` name.
pub(super) fn record(cx: &mut Cx<'_>, code: u16, answers: &[String]) {
    if !OF_HOSTS.contains(&code) {
        return;
    }
    let mut all: Vec<TargetRecord> = answers.iter().filter_map(|data| TargetRecord::of(code, data)).collect();
    all.sort();
    let mut rows = cx.rows(&TARGETS);
    let mut known = BTreeSet::new();
    for named in all {
        // Of two records with one host the preferred one counts.
        if !known.insert(named.label()) {
            continue;
        }
        let mut row = rows.row(named.label());
        row.set(&HOST, named.host);
        row.set_some(&PORT, named.port);
        row.set_some(&PRIORITY, named.priority);
        rows.add(row);
    }
    cx.set_rows(rows);
}

#[cfg(test)]
mod tests {
    use super::TargetRecord;
    use crate::proto::dns::types;

    #[test]
    fn records_name_hosts_or_nobody() {
        for (code, data, host, port, priority) in [
            (types::MX, "10 MX1.example.", "mx1.example", None, Some(10)),
            (types::SRV, "1 5 5060 sip.example.", "sip.example", Some(5060), Some(1)),
            (types::NS, "ns.example.", "ns.example", None, None),
            (types::A, "192.0.2.1", "192.0.2.1", None, None),
            (types::AAAA, "2001:db8::1", "2001:db8::1", None, None),
            // A search list must not be tried for them, and names are no addresses.
            (types::MX, "0 mail.", "mail.", None, Some(0)),
            (types::MX, "0 192.0.2.1.", "192.0.2.1.", None, Some(0)),
        ] {
            let named = TargetRecord::of(code, data).unwrap();
            assert_eq!((&*named.host, named.port, named.priority), (host, port, priority), "{data}");
        }
        assert_eq!((TargetRecord::of(types::MX, "0 ."), TargetRecord::of(types::SRV, "0 0 0 .")), (None, None));
    }
}

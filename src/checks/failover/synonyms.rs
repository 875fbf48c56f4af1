//! What other tools call this family, its fields and its facts.

use crate::probe::Synonyms;

#[rustfmt::skip]
pub(super) const SYNONYMS: Synonyms = Synonyms {
    names: &[
        "chaos", "switchover", "outage", "disruption", "ha", "vrrp", "bgp",
    ],
    fields: &[
        ("check", "probe"), ("target", "probe"), ("break", "inject"), ("fault", "inject"), ("action", "inject"),
        ("fail", "inject"), ("kill", "inject"), ("start", "inject"), ("trigger", "inject"), ("command", "inject"),
        ("undo", "restore"), ("repair", "restore"), ("revert", "restore"), ("rollback", "restore"),
        ("cleanup", "restore"), ("stop", "restore"), ("heal", "restore"), ("watch", "observe"), ("duration", "observe"),
        ("monitor", "observe"), ("toxiproxy", "proxies"), ("toxics", "proxies"), ("wait", "settle"), ("warmup", "steady"), ("before", "steady"), ("baseline", "steady"),
        ("vrrp", "timers"), ("bfd", "timers"), ("advert_int", "timers"), ("hold_time", "timers"), ("stop_if", "abort_if"), ("stop_condition", "abort_if"),
        ("stop_conditions", "abort_if"), ("stop_on", "abort_if"), ("abort", "abort_if"),
        ("until", "observe"), ("until_interrupt", "observe: until_signal"), ("forever", "observe: until_signal"),
    ],
    facts: &[
        ("duration", "outage"), ("max_outage", "outage"), ("longest_outage", "outage"),
        ("interruption", "outage"), ("recovery_time", "recovered_after"), ("mttr", "recovered_after"),
        ("time_to_recover", "recovered_after"), ("failback_outage", "failback"), ("lost_requests", "lost"),
        ("loss", "lost"), ("packets_lost", "lost"), ("success", "recovered: true"), ("max_gap", "gap.longest"),
        ("freeze", "gap.longest"), ("stall", "gap.longest"), ("flaps", "owners.changes"), ("switch_time", "switched_after"),
        ("rpo", "writes.lost"), ("data_loss", "writes.lost"), ("lost_writes", "writes.lost"), ("lost_updates", "writes.lost"),
        ("rtt", "latency.p95"), ("response_time", "latency.p95"), ("elapsed", "outage"),
    ],
    options: &[],
};

//! Hops that answer little or nothing.

use serde_json::json;

use super::super::super::sandbox::rows;
use super::{Chain, four, is, path, states, suite};

#[test]
fn a_router_that_keeps_silent_is_passed() {
    let Some(chain) = Chain::new(6) else { return };
    chain.0[3].setup("nft 'add table inet f; add chain inet f out { type filter hook output priority 0; }; add rule inet f out meta l4proto { icmp, icmpv6 } drop'");
    let (check, shown) = chain.trace("");
    is(&check, "passed", "reached", &shown);
    assert_eq!(states(&check), ["answered", "answered", "silent", "answered", "answered", "target"], "{shown}");
    assert_eq!(path(&check)[2..4], ["3 *".to_owned(), format!("4 {}", four(4))]);
    // Who is not heard may be another one for each flow.
    let (several, shown_too) = chain.trace("protocol: udp, flows: 2, interval: 2ms}, expect: {paths.count: 1");
    is(&several, "errored", "reached", &shown_too);
    let row = &rows(&check["facts"]["hops"])["3"];
    assert_eq!((&row["sent"], &row["received"]), (&json!(3), &json!(0)), "asked again before it is called silent");
    // What it may be, nobody says.
    let more = "timeout: 400ms}, expect: {routers: {excludes: 192.0.2.99}";
    let (report, shown) =
        chain.client().run(&suite(&chain.target(), "").replace("timeout: 400ms, }", &format!("{more}}}")));
    assert_eq!(report["checks"][0]["verdict"], "errored", "{shown}");
}

#[test]
fn a_router_that_limits_its_answers_is_told_from_losses() {
    let Some(chain) = Chain::new(5) else { return };
    let many = "count: 20, interval: 5ms";
    chain.0[2].setup("sysctl -qw net.ipv4.icmp_ratelimit=1000");
    let (check, shown) = chain.trace(many);
    is(&check, "passed", "reached", &shown);
    assert_eq!(states(&check), ["answered", "rate_limited", "answered", "answered", "target"], "{shown}");
    // Half of the packets are lost behind the second router.
    chain.0[2].setup("sysctl -qw net.ipv4.icmp_ratelimit=0");
    chain.0[2].setup("nft 'add table ip f; add chain ip f pass { type filter hook forward priority 0; }; add rule ip f pass oifname dn0 numgen random mod 2 0 drop'");
    let (check, shown) = chain.trace("count: 60, interval: 2ms");
    is(&check, "passed", "reached", &shown);
    assert_eq!(states(&check), ["answered", "answered", "lossy", "lossy", "lossy"], "{shown}");
}

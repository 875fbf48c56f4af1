//! Fields of `failover` by what a run of them comes to.

use super::CliSandbox;
use super::guarded::Service;

/// Away for 600 ms, and back by itself.
const AWAY: &str = "      inject: {run: [sh, -c, \"touch dead; (sleep 0.6; rm -f dead) >/dev/null 2>&1 &\"]}\n      \
                    restore: {run: [rm, -f, dead]}\n      steady: 200ms\n      observe: 2s\n      settle: 200ms\n";

/// The limit of a check without one is what its timers take; the text names them.
#[test]
fn an_outage_is_held_against_the_timers() {
    let sandbox = CliSandbox::new("");
    let service = Service::start(&sandbox.path(""));
    for (timers, code) in [("bfd: {tx: 50ms}", 1), ("bgp: {hold: 3s}", 0)] {
        sandbox.write("suite.yaml", &service.suite("f", &format!("{AWAY}      timers: {{{timers}}}\n")));
        let ended = sandbox.run(&["run", "suite.yaml", "--allow-disruptive", "--json", "r.json"]);
        assert_eq!(ended.code, code, "{timers}: {}", ended.out);
        let check = sandbox.json("r.json")["checks"][0].clone();
        if code == 1 {
            let reason = check["reason"].as_str().unwrap();
            assert!(reason.contains("by its timers; bfd: 3 x 50 ms tx = 150 ms at most"), "{reason}");
        }
    }
}

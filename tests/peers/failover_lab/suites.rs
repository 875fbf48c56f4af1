//! The suites that ship, against the lab, as its files of variables have them.

use super::{CliSandbox, Lab};

#[test]
fn the_suites_that_ship_hold() {
    // As the cases of the lab: once in three.
    if !(1..3).any(|_| std::panic::catch_unwind(ship).is_ok()) {
        ship();
    }
}

fn ship() {
    let Some(lab) = Lab::up(&["vrrp", "bgp", "advert=0.3", "hold=3"]) else { return };
    let (sandbox, before, client) = (CliSandbox::new(), lab.status(), lab.namespace("client"));
    for name in ["vip-failover", "bgp-anycast", "rolling-restart"] {
        let (suite, vars) = (format!("suites/{name}.yaml"), format!("tests/lab/{name}.vars.yaml"));
        let words = ["run", &suite, "--vars", &vars, "--var", "watched=2.5s", "--allow-disruptive"];
        let mut run = sandbox.by(&["ip", "netns", "exec", &client], &words);
        let shown = super::super::printed(run.current_dir(env!("CARGO_MANIFEST_DIR")).env("FAILOVER_LAB", &lab.name));
        assert!(shown.contains(" passed") && !shown.contains("SKIP"), "{shown}");
        lab.is_as(&before, &shown);
    }
}

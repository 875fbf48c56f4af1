//! The lab itself: whatever ends it, nothing of it remains.

use std::process::Stdio;

use super::super::{PATIENCE, within};
use super::{Lab, all_of};

impl Lab {
    /// Namespaces, files and processes of it.
    fn remains(&self) -> Vec<String> {
        let own = format!("/failover-lab-{}", self.name);
        let listed = |folder: &str| std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
        let files = listed("/run/netns").chain(listed("/run")).map(|path| path.display().to_string());
        let commands = listed("/proc").filter_map(|path| std::fs::read_to_string(path.join("cmdline")).ok());
        files.chain(commands).filter(|text| text.contains(&own)).collect()
    }
}

#[test]
fn a_lab_that_was_killed_while_it_was_made_is_removed() {
    let Some(lab) = Lab::new() else { return };
    // Early, in the middle of the first service, and when daemons of it run.
    for parts in [3, 6, 12] {
        let mut up = lab.command(&["up"]).stdout(Stdio::null()).spawn().unwrap();
        let begun = within(PATIENCE, || (lab.remains().len() >= parts).then_some(()));
        up.kill().unwrap();
        up.wait().unwrap();
        assert!(begun.is_some(), "{:?}", lab.remains());
        for _ in 0..2 {
            let down = lab.command(&["down"]).output().unwrap();
            assert!(down.status.success(), "{}", all_of(&down));
            assert_eq!(lab.remains(), Vec::<String>::new());
        }
    }
}

#[test]
fn each_fault_has_an_inverse_and_a_case() {
    let script = std::fs::read_to_string(super::script()).unwrap();
    let Some(lab) = Lab::new() else { return };
    let (faults, cases) = (lab.output(&["faults"]), [include_str!("vrrp.rs"), include_str!("bgp.rs")].concat());
    assert!(faults.lines().count() >= 19, "{faults}");
    for fault in faults.lines() {
        assert!(script.contains(&format!("\nheal_{}()", fault.replace('-', "_"))), "{fault}: no inverse");
        assert!(cases.contains(&format!("\"{fault}\"")), "{fault}: no case");
    }
}

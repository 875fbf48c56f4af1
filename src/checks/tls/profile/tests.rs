//! Profiles of a suite, as facts.

use std::time::Duration;

use serde_json::json;

use super::{FACTS, Profiles};
use crate::model::{Args, Observation};
use crate::probe::Cx;
use crate::proto::tls::profile::ServerProperties;
use crate::testing::{self, observe_with, texts};

fn args(profiles: &[&str]) -> Args {
    testing::args([("profiles", texts(profiles))], &[])
}

fn nearly_right() -> ServerProperties {
    ServerProperties {
        versions: vec!["TLS1.1".to_owned(), "TLS1.3".to_owned()],
        unknown: vec!["versions.TLS1.0: reset".to_owned()],
        ..ServerProperties::default()
    }
}

async fn recorded(profiles: &Profiles, properties: &ServerProperties) -> Observation {
    let record = async |cx: &mut Cx<'_>| profiles.record(cx, properties).await;
    let (observation, ended) = observe_with(FACTS, Duration::ZERO, record).await;
    ended.unwrap();
    observation
}

#[tokio::test]
async fn each_profile_has_its_word() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ours.toml");
    std::fs::write(&file, "name = \"ours\"\nversion = \"3\"\nsource = \"wiki\"\n[versions]\nrequired = [\"TLS1.3\"]\n")
        .unwrap();
    let profiles = Profiles::from_args(&args(&["mozilla-intermediate", "rfc9325", file.to_str().unwrap()])).unwrap();
    let observation = recorded(&profiles, &nearly_right()).await;
    assert_eq!(
        observation.last("profile").unwrap(),
        &json!({"mozilla-intermediate": "breached", "rfc9325": "breached", "ours": "compliant"})
    );
    let breaches = observation.last("profile.breaches").unwrap().to_string();
    assert!(
        breaches.contains("mozilla-intermediate 6.0: TLS1.1 is offered; versions allowed TLS1.2 TLS1.3"),
        "{breaches}"
    );
    assert!(
        breaches.contains("rfc9325 2022-11: TLS1.1 is offered") && breaches.contains("[RFC 9325 3.1.1]"),
        "{breaches}"
    );
    assert!(!observation.last("profile.undecided").unwrap().as_array().unwrap().is_empty());
    assert_eq!(observation.last("profile.versions").unwrap()[2], "ours 3 (wiki)");
    assert!(observation.notes().iter().any(|note| note.contains("TLS1.1 is offered")), "{:?}", observation.notes());
}

#[tokio::test]
async fn without_profiles_there_are_no_facts() {
    let profiles = Profiles::from_args(&Args::default()).unwrap();
    assert!(profiles.is_empty());
    assert!(recorded(&profiles, &nearly_right()).await.rounds().is_empty());
}

#[tokio::test]
async fn a_broken_file_is_a_fault_of_this_side_with_its_line() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let file = folder.path().join(name);
        std::fs::write(&file, text).unwrap();
        file.to_str().unwrap().to_owned()
    };
    let head = "name = \"rfc9325\"\nversion = \"1\"\nsource = \"x\"\n";
    let typo = write("typo.toml", &format!("{head}[versions]\nallowed = [\"TLS1,2\"]\n"));
    let twin = write("twin.toml", &format!("{head}[versions]\nallowed = [\"TLS1.2\"]\n"));
    let big = write("big.toml", &"#".repeat(1024 * 1024 + 1));
    for (named, want) in [
        (vec![typo.as_str()], format!("{typo}:5: `TLS1,2` is no protocol version")),
        (vec!["rfc9325", twin.as_str()], "a profile called `rfc9325` is there already".to_owned()),
        (vec![big.as_str()], "more than 1048576 bytes".to_owned()),
        (vec!["/nowhere/x.toml"], "No such file".to_owned()),
    ] {
        let profiles = Profiles::from_args(&args(&named)).unwrap();
        let fault = profiles.load().await.unwrap_err();
        assert!(fault.to_string().contains(&want), "{fault}, not {want}");
    }
    assert!(Profiles::from_args(&args(&["rfc9325", "rfc9325"])).unwrap_err().message.contains("twice"));
    assert!(Profiles::from_args(&args(&[])).is_err());
}

#[test]
fn the_pattern_of_the_readme_is_a_profile() {
    let readme = crate::checks::family("tls").unwrap().readme;
    let block = readme.split("```toml\n").nth(1).unwrap().split("```").next().unwrap();
    let text: Vec<&str> = block.lines().map(str::trim_start).collect();
    let profile = crate::proto::tls::profile::Profile::parse(&text.join("\n"), "README.md").unwrap();
    assert_eq!(profile.title(), "ours 2026-11");
    assert_eq!(profile.certificates.unwrap().rsa_bits, Some(3072));
}

//! The result of a scan in the words of profiles.

use super::result::{Preference, ScanResult, VersionSupport};
use crate::proto::tls::hello::{Version, group_name, suite_name};
use crate::proto::tls::profile::{self, CertificateProperties, ServerProperties};

/// The result, and what it leaves open; `stapled` comes from the handshake beside the scan.
///
/// Whatever the scan could not decide touches every rule: a profile is not kept on half of what a server does.
pub(super) fn profile_input(scan: &ScanResult, stapled: Option<bool>) -> ServerProperties {
    let names = |numbers: &[u16]| numbers.iter().map(|number| suite_name(*number)).collect();
    let shown: Vec<Option<CertificateProperties>> = scan
        .certificates
        .iter()
        .map(|shown| shown.chain.first().and_then(|leaf| CertificateProperties::of(leaf)))
        .collect();
    let mut unknown = scan.unknown.clone();
    unknown.extend(open(scan));
    if shown.iter().any(Option::is_none) {
        unknown.push("certificates: one cannot be read".to_owned());
    }
    ServerProperties {
        versions: scan.offered().iter().map(|version| version.word().to_owned()).collect(),
        ciphers: scan.suites.iter().map(|(version, suites)| (version.word().to_owned(), names(suites))).collect(),
        groups: groups(scan),
        preference: preference(scan),
        compression: scan.compression,
        secure_renegotiation: scan.renegotiation,
        dh_bits: scan.dh_bits,
        ocsp_stapled: stapled,
        certificates: shown.into_iter().flatten().collect(),
        unknown,
    }
}

/// Lists that are not complete, in the words of a profile.
fn open(scan: &ScanResult) -> Vec<String> {
    let undecided = scan.versions.iter().filter(|(_, support)| **support == VersionSupport::Unknown);
    let versions = undecided.map(|(version, _)| format!("versions.{}", version.word()));
    let suites = scan.incomplete_suites.iter().map(|version| format!("ciphers.{}", version.word()));
    let newest = [scan.newest(Version::Tls12), scan.newest(Version::Tls13)].into_iter().flatten();
    let groups = newest.filter(|version| *version != Version::Ssl3 && !scan.complete_groups.contains(version));
    versions.chain(suites).chain(groups.map(|version| format!("groups: not all known of {}", version.word()))).collect()
}

/// Groups of all versions, those of the newest first.
fn groups(scan: &ScanResult) -> Vec<String> {
    let mut all: Vec<u16> = Vec::new();
    for number in scan.groups.values().rev().flatten() {
        if !all.contains(number) {
            all.push(*number);
        }
    }
    all.into_iter().map(group_name).collect()
}

/// Whose order counts: the server's, if it does in any version. Putting `ChaCha20` first for clients that do is still an order of
/// the server's.
fn preference(scan: &ScanResult) -> Option<profile::Preference> {
    let mut whose = scan.preference.values().peekable();
    whose.peek()?;
    Some(if whose.all(|whose| *whose == Preference::Client) {
        profile::Preference::Client
    } else {
        profile::Preference::Server
    })
}

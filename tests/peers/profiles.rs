//! Profiles against nginx: what a scan saw, held against documents, one of them the user's own.

use serde_json::json;

use super::certificates::{SERVER, WEEK, nginx, shows};
use super::peer::{NGINX, OPENSSL, installed};
use super::pki::{Authority, NEW_KEY};
use super::sandbox::CliSandbox;

/// The part of a profile that OpenSSL 3.0, which has no post-quantum groups, can keep.
const OURS: &str = "
name = \"ours\"
version = \"1\"
source = \"https://wiki.example/tls\"
[versions]
allowed = [\"TLS1.2\", \"TLS1.3\"]
[[ciphers.denied]]
patterns = [\"*_CBC_*\", \"TLS_RSA_*\"]
why = \"no AEAD, no forward secrecy\"
[certificates]
keys = [\"ecdsa\"]
[server]
compression = false
secure_renegotiation = true
";
const INTERMEDIATE: &str =
    "ssl_ciphers ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305;";

#[test]
fn a_server_keeps_to_a_profile_or_the_breach_is_named() {
    if !installed(&[NGINX, OPENSSL]) {
        return;
    }
    let sandbox = CliSandbox::new();
    sandbox.write("ours.toml", OURS);
    sandbox.write("broken.toml", &OURS.replace("denied", "refused"));
    let authority = Authority::new(sandbox.path("right"));
    let identity = authority.issued("www.peer.test", &NEW_KEY, SERVER, &WEEK);
    let (_strict, strict, _) = nginx(&sandbox, |_| format!("{}{INTERMEDIATE}", shows(&identity)));
    let (_loose, loose, _) = nginx(&sandbox, |_| format!("{}ssl_ciphers ALL:@SECLEVEL=0;", shows(&identity)));
    let check = |id: &str, port: u16, profiles: &str, expect: &str| {
        format!(
            "  - {{id: {id}, tls: {{host: 127.0.0.1, port: {port}, sni: www.peer.test, ca_file: right/ca.pem, scan: true, \
             profiles: [{profiles}]}}{expect}}}\n"
        )
    };
    let checks = [
        check("kept", strict, "./ours.toml", ""),
        check("broken-rule", loose, "./ours.toml", ""),
        check(
            "named",
            strict,
            "mozilla-intermediate, ./ours.toml",
            ", expect: {profile.ours: compliant, profile.mozilla-intermediate: breached, profile.breaches: {len: {ge: 1}}}",
        ),
        check("no-profile", strict, "./broken.toml", ""),
    ];
    let ran = sandbox.run(&checks.concat(), &[]);
    let verdict =
        |id: &str| ran.report["checks"].as_array().unwrap().iter().find(|c| c["id"] == id).unwrap()["verdict"].clone();
    for (id, want) in [("kept", "passed"), ("broken-rule", "failed"), ("named", "passed"), ("no-profile", "errored")] {
        assert_eq!(verdict(id), want, "{id}\n{}", ran.shown);
    }
    let breaches = ran.texts("broken-rule", "profile.breaches");
    assert!(
        breaches.iter().any(|line| line.contains("_CBC_") && line.contains("https://wiki.example/tls")),
        "{breaches:?}"
    );
    let breaches = ran.texts("named", "profile.breaches");
    assert!(breaches.iter().all(|line| line.contains("6.0") && line.contains("X25519MLKEM768")), "{breaches:?}");
    assert_eq!(*ran.fact("kept", "profile"), json!({"ours": "compliant"}));
    assert!(ran.shown.contains("broken.toml:"), "{}", ran.shown);
}

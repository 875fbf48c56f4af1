//! The table: each server, and what it takes.

/// Who serves it.
pub enum By {
    /// Server blocks of one port; `@` is the folder.
    Nginx(&'static [&'static str]),
    /// Options of `openssl s_server`.
    OpenSsl(&'static [&'static str]),
    /// Options of a `bind` line.
    Haproxy(&'static str),
    /// TLS 1.3 with only these groups, in this process.
    Rustls(&'static [&'static str]),
}

/// Suites of one version.
pub enum Takes {
    These(&'static [&'static str]),
    /// The list of `openssl ciphers` for a text, without names that hold one of these.
    Listed(&'static str, &'static [&'static str]),
}

pub struct Row {
    pub name: &'static str,
    pub by: By,
    pub takes: &'static [(&'static str, Takes)],
    pub groups: &'static [&'static str],
    /// Other facts: name, or path below an object, and the value as JSON.
    pub facts: &'static [(&'static str, &'static str)],
}

use Takes::{Listed, These};

macro_rules! nginx {
    ($cert:literal, $($more:literal),* $(,)?) => {
        By::Nginx(&[concat!(
            "server_name www.peer.test; ssl_certificate @/", $cert, ".pem; ssl_certificate_key @/", $cert, ".key; ",
            $($more, " "),*
        )])
    };
}

const TLS13: Takes = These(&["TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"]);
const INTERMEDIATE: &[&str] = &[
    "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
    "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
    "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
    "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
    "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
    "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
];
const ONE: &[&str] = &["TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"];
const ONE_ECDSA: &[&str] = &["TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384"];
const USUAL: &[&str] = &["x25519", "secp256r1", "x448", "secp521r1", "secp384r1"];
const USUAL_13: &[&str] = &[
    "x25519",
    "secp256r1",
    "x448",
    "secp521r1",
    "secp384r1",
    "ffdhe2048",
    "ffdhe3072",
    "ffdhe4096",
    "ffdhe6144",
    "ffdhe8192",
];
/// Of a text for any certificate: what an RSA certificate, and no DH parameters, leave.
const RSA_ONLY: &[&str] = &["ECDSA", "DHE_DSS", "PSK", "SRP", "TLS_DHE", "TLS_DH_"];

pub const ROWS: &[Row] = &[
    Row {
        name: "modern",
        by: nginx!("p256", "ssl_protocols TLSv1.3;"),
        takes: &[("TLS1.3", TLS13)],
        groups: USUAL_13,
        facts: &[
            ("scan.compression", "false"),
            ("scan.fallback_scsv", "null"),
            ("scan.secure_renegotiation", "null"),
            ("scan.certificates.row.ecdsa.sni", "\"both\""),
            ("scan.weak", "[]"),
        ],
    },
    Row {
        name: "intermediate",
        by: nginx!(
            "rsa",
            "ssl_certificate @/p256.pem; ssl_certificate_key @/p256.key; ssl_protocols TLSv1.2 TLSv1.3;",
            "ssl_ciphers ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:\
             ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305;",
            "ssl_prefer_server_ciphers off; ssl_ecdh_curve X25519:prime256v1:secp384r1;"
        ),
        takes: &[("TLS1.2", These(INTERMEDIATE)), ("TLS1.3", TLS13)],
        groups: &["x25519", "secp256r1", "secp384r1"],
        facts: &[
            ("scan.preference.tls1.2", "\"client\""),
            ("scan.secure_renegotiation", "true"),
            ("scan.ems", "true"),
            ("scan.ticket", "true"),
            ("scan.fallback_scsv", "true"),
            ("scan.compression", "false"),
            ("scan.hello.split", "true"),
            ("scan.hello.large", "true"),
            ("scan.certificates.row.rsa.key", "\"RSA 2048\""),
            ("scan.certificates.row.ecdsa.key", "\"ECDSA P-256\""),
        ],
    },
    Row {
        name: "expired-second-certificate",
        by: nginx!(
            "p256",
            "ssl_certificate @/rsa-expired.pem; ssl_certificate_key @/rsa-expired.key; ssl_protocols TLSv1.2;",
            "ssl_ciphers ECDHE+AESGCM; ssl_prefer_server_ciphers on;"
        ),
        takes: &[(
            "TLS1.2",
            These(&[
                "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
                "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
                "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
                "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
            ]),
        )],
        groups: USUAL,
        facts: &[
            ("scan.certificates.row.rsa.not_after", "\"2020-02-01T00:00:00Z\""),
            ("scan.certificates.row.rsa.san", "[\"www.peer.test\"]"),
            ("scan.preference.tls1.2", "\"server\""),
            ("scan.fallback_scsv", "null"),
        ],
    },
    Row {
        name: "expired-second-certificate-tls1.3",
        by: nginx!(
            "p256",
            "ssl_certificate @/rsa-expired.pem; ssl_certificate_key @/rsa-expired.key; ssl_protocols TLSv1.3;"
        ),
        takes: &[("TLS1.3", TLS13)],
        groups: USUAL_13,
        facts: &[
            ("scan.certificates.row.rsa.not_after", "\"2020-02-01T00:00:00Z\""),
            ("scan.certificates.row.ecdsa.versions", "[\"TLS1.3\"]"),
        ],
    },
    Row {
        name: "old",
        by: nginx!(
            "rsa",
            "ssl_protocols TLSv1 TLSv1.1 TLSv1.2 TLSv1.3;",
            "ssl_ciphers ALL:@SECLEVEL=0; ssl_prefer_server_ciphers on;"
        ),
        takes: &[
            ("TLS1.0", Listed("ALL:@SECLEVEL=0", RSA_ONLY)),
            ("TLS1.1", Listed("ALL:@SECLEVEL=0", RSA_ONLY)),
            ("TLS1.2", Listed("ALL:@SECLEVEL=0", RSA_ONLY)),
            ("TLS1.3", TLS13),
        ],
        groups: USUAL_13,
        facts: &[
            ("scan.preference.tls1.0", "\"server\""),
            (
                "scan.weak",
                "[\"anonymous TLS_ECDH_anon_WITH_AES_128_CBC_SHA\",\"anonymous TLS_ECDH_anon_WITH_AES_256_CBC_SHA\"]",
            ),
        ],
    },
    Row {
        name: "tls1.0",
        by: nginx!("rsa", "ssl_protocols TLSv1; ssl_ciphers AES128-SHA:AES256-SHA:@SECLEVEL=0;"),
        takes: &[("TLS1.0", These(&["TLS_RSA_WITH_AES_128_CBC_SHA", "TLS_RSA_WITH_AES_256_CBC_SHA"]))],
        groups: &[],
        facts: &[("scan.compression", "false"), ("scan.fallback_scsv", "null")],
    },
    Row {
        name: "tls1.1",
        by: nginx!("p256", "ssl_protocols TLSv1.1; ssl_ciphers ECDHE-ECDSA-AES128-SHA:@SECLEVEL=0;"),
        takes: &[("TLS1.1", These(&["TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA"]))],
        groups: &["x25519", "secp256r1", "x448", "secp521r1", "secp384r1"],
        facts: &[("scan.preference", "null")],
    },
    Row {
        name: "static-rsa",
        by: nginx!("rsa", "ssl_protocols TLSv1.2; ssl_ciphers AES128-GCM-SHA256; ssl_session_tickets off;"),
        takes: &[("TLS1.2", These(&["TLS_RSA_WITH_AES_128_GCM_SHA256"]))],
        groups: &[],
        facts: &[("scan.ticket", "false"), ("scan.dh_bits", "null")],
    },
    Row {
        name: "dh-1024",
        by: nginx!(
            "rsa",
            "ssl_protocols TLSv1.2; ssl_ciphers DHE-RSA-AES128-SHA:DHE-RSA-AES256-GCM-SHA384:@SECLEVEL=0; ssl_dhparam @/dh1024.pem;"
        ),
        takes: &[("TLS1.2", These(&["TLS_DHE_RSA_WITH_AES_128_CBC_SHA", "TLS_DHE_RSA_WITH_AES_256_GCM_SHA384"]))],
        groups: &[],
        facts: &[("scan.dh_bits", "1024")],
    },
    Row {
        name: "dh-2048",
        by: nginx!(
            "rsa",
            "ssl_protocols TLSv1.2; ssl_ciphers DHE-RSA-CHACHA20-POLY1305:ECDHE-RSA-AES128-GCM-SHA256; ssl_dhparam @/dh2048.pem;"
        ),
        takes: &[(
            "TLS1.2",
            These(&["TLS_DHE_RSA_WITH_CHACHA20_POLY1305_SHA256", "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"]),
        )],
        groups: USUAL,
        facts: &[("scan.dh_bits", "2048")],
    },
    Row {
        name: "nothing-encrypted",
        by: nginx!(
            "rsa",
            "ssl_protocols TLSv1.2; ssl_ciphers NULL-SHA:NULL-MD5:NULL-SHA256:ECDHE-RSA-NULL-SHA:@SECLEVEL=0;"
        ),
        takes: &[(
            "TLS1.2",
            These(&[
                "TLS_RSA_WITH_NULL_SHA",
                "TLS_RSA_WITH_NULL_MD5",
                "TLS_RSA_WITH_NULL_SHA256",
                "TLS_ECDHE_RSA_WITH_NULL_SHA",
            ]),
        )],
        groups: USUAL,
        facts: &[],
    },
    Row {
        name: "rare-ciphers",
        by: nginx!(
            "p256",
            "ssl_protocols TLSv1.2; ssl_ciphers ECDHE-ECDSA-AES128-CCM:ECDHE-ECDSA-AES256-CCM8:ECDHE-ECDSA-ARIA128-GCM-SHA256:\
             ECDHE-ECDSA-CAMELLIA256-SHA384;"
        ),
        takes: &[(
            "TLS1.2",
            These(&[
                "TLS_ECDHE_ECDSA_WITH_AES_128_CCM",
                "TLS_ECDHE_ECDSA_WITH_AES_256_CCM_8",
                "TLS_ECDHE_ECDSA_WITH_ARIA_128_GCM_SHA256",
                "TLS_ECDHE_ECDSA_WITH_CAMELLIA_256_CBC_SHA384",
            ]),
        )],
        groups: USUAL,
        facts: &[("scan.certificates.row.ecdsa.key", "\"ECDSA P-256\"")],
    },
    Row {
        name: "p521-only",
        by: nginx!("rsa", "ssl_protocols TLSv1.2; ssl_ciphers ECDHE-RSA-AES128-GCM-SHA256; ssl_ecdh_curve secp521r1;"),
        takes: &[("TLS1.2", These(ONE))],
        groups: &["secp521r1"],
        facts: &[],
    },
    Row {
        name: "p384-certificate",
        by: nginx!(
            "p384",
            "ssl_protocols TLSv1.2; ssl_ciphers ECDHE-ECDSA-AES256-GCM-SHA384; ssl_ecdh_curve secp384r1:prime256v1:X25519;"
        ),
        takes: &[("TLS1.2", These(ONE_ECDSA))],
        groups: &["secp384r1", "secp256r1", "x25519"],
        facts: &[("scan.certificates.row.ecdsa.key", "\"ECDSA P-384\"")],
    },
    Row {
        name: "x448-only",
        by: nginx!("p256", "ssl_protocols TLSv1.3; ssl_ecdh_curve X448;"),
        takes: &[("TLS1.3", TLS13)],
        groups: &["x448"],
        facts: &[("scan.certificates.row.ecdsa.key", "\"ECDSA P-256\"")],
    },
    Row {
        name: "p521-only-tls1.3",
        by: nginx!("rsa", "ssl_protocols TLSv1.3; ssl_ecdh_curve secp521r1;"),
        takes: &[("TLS1.3", TLS13)],
        groups: &["secp521r1"],
        facts: &[("scan.certificates.row.rsa.key", "\"RSA 2048\"")],
    },
    Row {
        name: "finite-field-only",
        by: By::OpenSsl(&["-tls1_3", "-cert", "rsa.pem", "-key", "rsa.key", "-groups", "ffdhe2048:ffdhe8192"]),
        takes: &[("TLS1.3", TLS13)],
        groups: &["ffdhe2048", "ffdhe8192"],
        facts: &[("scan.certificates.row.rsa.key", "\"RSA 2048\"")],
    },
    Row {
        name: "one-suite-tls1.3",
        by: nginx!("rsa", "ssl_protocols TLSv1.3; ssl_conf_command Ciphersuites TLS_CHACHA20_POLY1305_SHA256;"),
        takes: &[("TLS1.3", These(&["TLS_CHACHA20_POLY1305_SHA256"]))],
        groups: USUAL_13,
        facts: &[("scan.preference", "null")],
    },
    Row {
        name: "a-hole-between-versions",
        by: nginx!("rsa", "ssl_protocols TLSv1 TLSv1.2; ssl_ciphers ECDHE-RSA-AES128-SHA:@SECLEVEL=0;"),
        takes: &[
            ("TLS1.0", These(&["TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA"])),
            ("TLS1.2", These(&["TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA"])),
        ],
        groups: USUAL,
        facts: &[("scan.fallback_scsv", "true")],
    },
    Row {
        name: "another-certificate-without-sni",
        by: By::Nginx(&[
            "server_name _; ssl_protocols TLSv1.2 TLSv1.3; ssl_ciphers ECDHE+AESGCM; \
             ssl_certificate @/p256-other.pem; ssl_certificate_key @/p256-other.key;",
            "server_name www.peer.test; ssl_certificate @/p256.pem; ssl_certificate_key @/p256.key; \
             ssl_protocols TLSv1.2 TLSv1.3; ssl_ciphers ECDHE+AESGCM;",
        ]),
        takes: &[
            ("TLS1.2", These(&["TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384", "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"])),
            ("TLS1.3", TLS13),
        ],
        groups: USUAL_13,
        facts: &[("scan.certificates.row.ecdsa.sni", "\"with\""), ("scan.certificates.row.ecdsa2.sni", "\"without\"")],
    },
    Row {
        name: "wants-client-certificate",
        by: nginx!(
            "rsa",
            "ssl_protocols TLSv1.2; ssl_ciphers ECDHE-RSA-AES128-GCM-SHA256; ssl_verify_client on; ssl_client_certificate @/rsa.pem;"
        ),
        takes: &[("TLS1.2", These(ONE))],
        groups: USUAL,
        facts: &[],
    },
    Row {
        name: "haproxy",
        by: By::Haproxy("ssl-min-ver TLSv1.2 ciphers ECDHE-ECDSA-AES256-GCM-SHA384 curves X25519:P-256"),
        takes: &[("TLS1.2", These(ONE_ECDSA)), ("TLS1.3", TLS13)],
        groups: &["x25519", "secp256r1"],
        facts: &[("scan.hello.split", "true")],
    },
    Row {
        name: "anonymous",
        by: By::OpenSsl(&["-tls1_2", "-nocert", "-cipher", "AECDH-AES128-SHA:ADH-AES256-GCM-SHA384:@SECLEVEL=0"]),
        takes: &[("TLS1.2", These(&["TLS_ECDH_anon_WITH_AES_128_CBC_SHA", "TLS_DH_anon_WITH_AES_256_GCM_SHA384"]))],
        groups: USUAL,
        facts: &[("scan.certificates", "null")],
    },
    Row {
        name: "shared-key",
        by: By::OpenSsl(&[
            "-tls1_2",
            "-nocert",
            "-psk",
            "0badc0de",
            "-cipher",
            "PSK-AES128-GCM-SHA256:ECDHE-PSK-AES256-CBC-SHA",
        ]),
        takes: &[("TLS1.2", These(&["TLS_PSK_WITH_AES_128_GCM_SHA256", "TLS_ECDHE_PSK_WITH_AES_256_CBC_SHA"]))],
        groups: USUAL,
        facts: &[],
    },
    Row {
        name: "ed25519",
        by: By::OpenSsl(&["-cert", "ed25519.pem", "-key", "ed25519.key", "-cipher", "ECDHE-ECDSA-AES256-GCM-SHA384"]),
        takes: &[("TLS1.2", These(ONE_ECDSA)), ("TLS1.3", TLS13)],
        groups: USUAL_13,
        facts: &[("scan.certificates.row.ed25519.versions", "[\"TLS1.2\",\"TLS1.3\"]")],
    },
    Row {
        name: "ed25519-tls1.3",
        by: By::OpenSsl(&["-tls1_3", "-cert", "ed25519.pem", "-key", "ed25519.key"]),
        takes: &[("TLS1.3", TLS13)],
        groups: USUAL_13,
        facts: &[("scan.certificates.row.ed25519.key", "\"Ed25519\"")],
    },
    Row {
        name: "brainpool",
        by: By::OpenSsl(&[
            "-tls1_2",
            "-cert",
            "rsa.pem",
            "-key",
            "rsa.key",
            "-cipher",
            "ECDHE-RSA-AES128-GCM-SHA256",
            "-named_curve",
            "brainpoolP384r1",
        ]),
        takes: &[("TLS1.2", These(ONE))],
        groups: &["brainpoolP384r1"],
        facts: &[],
    },
    Row {
        name: "short-tags-tls1.3",
        by: By::OpenSsl(&[
            "-tls1_3",
            "-cert",
            "rsa.pem",
            "-key",
            "rsa.key",
            "-ciphersuites",
            "TLS_AES_128_CCM_8_SHA256:TLS_AES_128_CCM_SHA256:TLS_AES_128_GCM_SHA256",
            "-cipher",
            "DEFAULT@SECLEVEL=0",
        ]),
        takes: &[("TLS1.3", These(&["TLS_AES_128_CCM_8_SHA256", "TLS_AES_128_CCM_SHA256", "TLS_AES_128_GCM_SHA256"]))],
        groups: USUAL_13,
        facts: &[("scan.preference.tls1.3", "\"client\"")],
    },
    Row {
        name: "post-quantum-only",
        by: By::Rustls(&["X25519MLKEM768"]),
        takes: &[("TLS1.3", TLS13)],
        groups: &["X25519MLKEM768"],
        facts: &[("scan.certificates.row.ecdsa.key", "\"ECDSA P-256\"")],
    },
    Row {
        name: "post-quantum-others",
        by: By::Rustls(&["SecP256r1MLKEM768", "MLKEM1024"]),
        takes: &[("TLS1.3", TLS13)],
        groups: &["SecP256r1MLKEM768", "MLKEM1024"],
        facts: &[],
    },
];

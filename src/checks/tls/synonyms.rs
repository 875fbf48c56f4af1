//! What other tools call this family, its fields and its facts, and the options that their command lines have.

use crate::probe::Synonyms;

/// The handshake is completed whatever the certificate is: what is made of it is a matter of what is expected.
const ANY_CERTIFICATE: &str = "expect: {verified: {present: true}}";
const SCANNED: &str = "!scan=true shows every one that the server accepts";
/// What SSL Labs and testssl.sh give a letter for.
const GRADE: &str = "!there is no grade: with `tls: {…, scan: true, profiles: [mozilla-intermediate]}` write `profile.mozilla-intermediate: compliant`";
const WITHOUT_VERIFYING: &str = "off: expect: {verified: {present: true}}";

#[rustfmt::skip]
pub(super) const SYNONYMS: Synonyms = Synonyms {
    names: &[
        "ssl", "certificate", "cert", "x509", "tls_connect", "ssl_certificate", "certificate_expiry", "ssl_expiry",
        "openssl", "s_client", "starttls", "handshake", "testssl scan=true", "testssl.sh scan=true", "sslyze scan=true",
        "sslscan scan=true",
    ],
    fields: &[
        ("server", "host"), ("hostname", "host"), ("ip", "host"), ("address", "host"), ("target", "host"),
        ("endpoint", "host"), ("url", "host"), ("domain", "host"), ("servername", "sni"), ("server_name", "sni"),
        ("tls_server_name", "sni"), ("ca", "ca_file"), ("cacert", "ca_file"), ("ca_cert", "ca_file"),
        ("ca_bundle", "ca_file"), ("cafile", "ca_file"), ("cert", "client_cert"), ("certificate", "client_cert"),
        ("client_certificate", "client_cert"), ("key", "client_key"), ("private_key", "client_key"),
        ("protocol", "transport"), ("tls_version", "min_version: TLS1.2"), ("min_tls_version", "min_version"),
        ("max_tls_version", "max_version"), ("ssl_min", "min_version"), ("version", "min_version: TLS1.2"),
        ("protocols", "min_version: TLS1.2"), ("alpn_protocols", "alpn"), ("src", "source"), ("iface", "interface"), ("device", "interface"),
        ("bind", "source"), ("connect_timeout", "timeout"), ("wait", "timeout"), ("ocsp", "crl: true"),
        ("revocation", "crl: true"),
        ("insecure", ANY_CERTIFICATE),
        ("insecure_skip_verify", ANY_CERTIFICATE),
        ("skip_verify", ANY_CERTIFICATE),
        ("allow_insecure", ANY_CERTIFICATE),
        ("tls_skip_verify", ANY_CERTIFICATE),
        ("no_check_certificate", ANY_CERTIFICATE),
        ("skip_tls_verify", ANY_CERTIFICATE),
        ("verify", WITHOUT_VERIFYING),
        ("verify_ssl", WITHOUT_VERIFYING),
        ("verify_tls", WITHOUT_VERIFYING),
        ("ssl_verify", WITHOUT_VERIFYING),
        ("tls_verify", WITHOUT_VERIFYING),
        ("validate_certs", WITHOUT_VERIFYING),
        ("verify_certificate", WITHOUT_VERIFYING),
        ("check_certificate", WITHOUT_VERIFYING),
    ],
    facts: &[
        ("status", "outcome"), ("state", "outcome"), ("result", "outcome"), ("connected", "outcome: completed"),
        ("success", "outcome: completed"), ("valid", "verified: true"), ("trusted", "verified: true"),
        ("verify", "verified: true"), ("hostname_match", "verified: true"), ("error", "verify_error"),
        ("expiry", "expires_in"), ("expires", "expires_in"), ("expiration", "expires_in"), ("days_left", "expires_in"),
        ("days", "expires_in"), ("validity", "expires_in"), ("valid_for", "expires_in"), ("remaining", "expires_in"),
        ("min_days", "expires_in"), ("cert_expiry", "expires_in"), ("ssl_earliest_cert_expiry", "expires_in"), ("hostname", "san"),
        ("protocols", "scan.versions"), ("valid_until", "not_after"),
        ("expiration_date", "not_after"), ("notafter", "not_after"), ("valid_from", "not_before"),
        ("notbefore", "not_before"), ("cn", "subject"), ("common_name", "subject"), ("dn", "subject"), ("sans", "san"),
        ("subject_alt_names", "san"), ("subjectaltname", "san"), ("dns_names", "san"), ("alt_names", "san"),
        ("issuer_cn", "issuer"), ("ca", "issuer"), ("protocol", "version"), ("tls_version", "version"),
        ("cipher_suite", "cipher"), ("ciphersuite", "cipher"), ("ciphers", "cipher"),
        ("fingerprint", "fingerprint.sha256"), ("thumbprint", "fingerprint.sha256"), ("sha256", "fingerprint.sha256"),
        ("pin", "spki.sha256"), ("spki", "spki.sha256"), ("key_size", "key"), ("bits", "key"), ("public_key", "key"),
        ("signature_algorithm", "signature"), ("latency", "handshake_time.p95"), ("duration", "handshake_time.p95"),
        ("time", "handshake_time.p95"), ("tls_time", "handshake_time.p95"), ("rtt", "connect_time.p95"),
        ("ocsp_status", "ocsp.status"), ("stapled", "ocsp.stapled"), ("revoked", "crl.status"),
        ("response_time", "handshake_time.p95"), ("elapsed", "handshake_time.p95"), ("total_time", "handshake_time.p95"),
        ("handshake", "handshake_time.p95"), ("connect", "connect_time.p95"),
        ("grade", GRADE), ("rating", GRADE), ("score", GRADE), ("serial_number", "serial"), ("curve", "group"), ("chain", "chain.subjects"),
    ],
    options: &[
        ("-connect HOST", "{}"), ("-host HOST", "{}"), ("-port PORT", "port={}"), ("-servername NAME", "sni={}"),
        ("-noservername", "sni="), ("-CAfile FILE", "ca_file={}"), ("--cacert FILE", "ca_file={}"),
        ("-cert FILE", "client_cert={}"), ("--cert FILE", "client_cert={}"), ("-key FILE", "client_key={}"),
        ("--key FILE", "client_key={}"), ("-verify_hostname NAME", "verify_name={}"), ("-alpn LIST", "alpn={}"),
        ("-starttls PROTOCOL", "starttls={}"), ("-quic", "transport=quic"),
        ("-tls1_2", "min_version=TLS1.2 max_version=TLS1.2"), ("-tls1_3", "min_version=TLS1.3 max_version=TLS1.3"),
        ("-no_tls1_2", "min_version=TLS1.3"), ("-no_tls1_3", "max_version=TLS1.2"), ("-reconnect", "resumption=5"),
        ("-bind ADDRESS", "source={}"), ("-crl_check", "crl=true"), ("-k", "-e=verified: {present: true}"),
        ("--insecure", "-e=verified: {present: true}"), ("-showcerts", ""), ("-brief", ""), ("-quiet", ""),
        ("-status", ""), ("-verify N", ""), ("-verify_return_error", ""), ("-state", ""), ("-msg", ""),
        ("-tlsextdebug", ""), ("-prexit", ""), ("-ign_eof", ""),
        ("-tls1", "!versions below TLS 1.2 are found by scan=true"),
        ("-tls1_1", "!versions below TLS 1.2 are found by scan=true"),
        ("-ssl3", "!versions below TLS 1.2 are found by scan=true"),
        ("-no_ssl3", ""), ("-no_tls1", ""), ("-no_tls1_1", ""), ("-no_ticket", ""), ("-verify_quiet", ""), ("-trace", ""), ("-nbio", ""),
        ("-cipher LIST", SCANNED), ("-ciphersuites LIST", SCANNED), ("-groups LIST", SCANNED), ("-curves LIST", SCANNED),
        ("-sigalgs LIST", SCANNED), ("-CApath DIR", "!one file has the roots: ca_file=FILE"), ("-dtls", "!DTLS is not spoken"),
        ("-in FILE", "!no file is looked at: `shakedown probe tls HOST:PORT` shows the certificate of a server"),
        ("--quiet", ""), ("--fast", ""), ("--severity LEVEL", ""), ("--warnings HOW", ""), ("-p", "scan=true"), ("--protocols", "scan=true"),
        ("-proxy PROXY", "!no proxy is ever used: the server itself is asked"),
    ],
};

//! The same look over QUIC (RFC 9001): one full handshake with the certificate's facts.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use super::certificates::{self, Examined};
use super::facts::{self, ADDRESS, ALERT, OUTCOME};
use super::look;
use crate::checks::shared::tls_fields;
use crate::model::{Arg, Args, Fault, FieldInfo, FieldKind, Invalid};
use crate::net::{ConnectError, IpVersion, resolve};
use crate::probe::Cx;
use crate::proto::quic::{Connection, dial};
use crate::proto::tls::lint::words;
use crate::proto::tls::{Handshake, HandshakeEnd, Offer, Trust, now, versions};

/// What QUIC is for, unless a suite says otherwise; it cannot go without (RFC 9001, 8.1).
const ALPN: &str = "h3";
/// `H3_NO_ERROR`: a goodbye that HTTP/3 servers do not write down as an error.
const GOODBYE: u32 = 0x100;

/// Other ways of looking; none may be taken for one over QUIC.
const OVER_TCP: &[&str] = &["starttls", "scan", "load", "crl", "mtls", "resumption", "alpn_set"];
/// Those that are `all` or `first`.
const WHICH: &[&str] = &["addresses", "certificates"];

pub(super) const FIELDS: &[FieldInfo] = &[FieldInfo::default(
    "transport",
    FieldKind::Choice(&["tcp", "quic"]),
    "tcp",
    "What carries the handshake; over quic, TLS 1.3 only, and `alpn` is h3 unless written.",
)];

/// Whether the fields of a check ask for QUIC.
pub(super) fn applies(args: &Args) -> bool {
    args.text("transport") == Some("quic")
}

/// A server, what to offer it, and whom to trust.
pub(super) struct Look {
    host: String,
    port: u16,
    family: IpVersion,
    source: Option<IpAddr>,
    patience: Duration,
    trust: Trust,
    offer: Offer,
}

impl Look {
    pub(super) fn from_args(args: &Args) -> Result<Self, Invalid> {
        let (family, source) = IpVersion::with_source(args)?;
        if args.text("max_version") == Some("TLS1.2") {
            return Err(Invalid::at("max_version", "QUIC needs TLS 1.3", "leave `max_version` out"));
        }
        let on = |field: &&&str| args.has(field) && !matches!(args.raw(field), Some(Arg::Bool(false)));
        if let Some(field) = OVER_TCP.iter().find(on) {
            let message = format!("`{field}` works over TCP only");
            return Err(Invalid::at(field, message, "drop it, or `transport: quic`"));
        }
        if let Some(field) = WHICH.iter().find(|field| args.text(field) == Some("all")) {
            return Err(Invalid::at(
                field,
                format!("`{field}: all` works over TCP only"),
                "drop it, or `transport: quic`",
            ));
        }
        let mut offer = look::offer(args)?;
        offer.versions = versions(Some("TLS1.3"), None);
        if offer.alpn.is_empty() {
            offer.alpn.push(ALPN.to_owned());
        }
        Ok(Self {
            host: args.string("host"),
            port: args.port("port").unwrap_or(443),
            family,
            source,
            patience: args.wait("timeout"),
            trust: tls_fields::trust(args)?,
            offer,
        })
    }

    /// Where to, for people.
    pub(super) fn target(&self) -> String {
        format!("{} (QUIC)", crate::net::dial::endpoint(&self.host, self.port))
    }

    /// Name lookup and handshake each have the patience, a late refusal a part of it.
    pub(super) fn longest(&self) -> Duration {
        self.patience * 2 + self.late()
    }

    /// How long a refusal after the handshake is listened for.
    fn late(&self) -> Duration {
        self.patience / 4
    }

    pub(super) async fn run(&self, cx: &mut Cx<'_>) -> Result<(), Fault> {
        let credentials = self.trust.load().await?;
        let address = match resolve(&self.host, self.family, self.patience).await? {
            Ok(addresses) => addresses.first().copied(),
            Err(why) => {
                cx.note(why);
                None
            }
        };
        let Some(address) = address else {
            cx.set(&OUTCOME, "unresolved");
            return Ok(());
        };
        let peer = SocketAddr::new(address, self.port);
        cx.set(&ADDRESS, address.to_string());
        let dialled = dial(peer, self.source, credentials, &self.offer, self.patience).await?;
        if dialled.strays > 0 {
            cx.note(format!("discarded {} datagrams that do not come from {peer}", dialled.strays));
        }
        let mut shaken = match dialled.handshake {
            Ok(shaken) => shaken,
            Err(error) => {
                cx.set(&OUTCOME, error.word());
                cx.note(format!("{peer}: {}", unconnected(&error)));
                return Ok(());
            }
        };
        let late = shaken.await_late_refusal(self.late()).await;
        facts::record_time(cx, &shaken);
        let look = |chain: &[_]| Examined::of(credentials, chain, shaken.staple.as_deref(), now());
        let examined = Some(shaken.chain.as_slice()).filter(|chain| !chain.is_empty()).map(look);
        facts::record(cx, &shaken, examined.as_ref());
        if let Some(examined) = &examined {
            certificates::record(cx, examined, &examined.ages, words(&examined.findings));
        }
        let outcome = self.ending(cx, &shaken, peer, dialled.why.or(late));
        cx.set(&OUTCOME, outcome);
        if shaken.certificate_requested {
            cx.note("the server asked for a client certificate");
        }
        if let Some(error) = &shaken.verify_error {
            cx.note(format!("the certificate does not verify: {error}"));
        }
        if let HandshakeEnd::Completed(connection) = &shaken.end {
            connection.quic.close(GOODBYE.into(), b"");
        }
        Ok(())
    }

    /// The outcome of a handshake, and for every early end a line of evidence that names how far it came.
    fn ending(
        &self,
        cx: &mut Cx<'_>,
        shaken: &Handshake<Connection>,
        peer: SocketAddr,
        said: Option<String>,
    ) -> &'static str {
        let reached = shaken.reached();
        let last = reached.as_deref().unwrap_or("ClientHello");
        let (outcome, why) = match &shaken.end {
            HandshakeEnd::Completed(_) => return "handshaken",
            HandshakeEnd::Timeout if reached.is_none() => {
                ("timeout", format!("no answer to QUIC's first packet within {:?}", self.patience))
            }
            HandshakeEnd::Timeout => {
                ("timeout", format!("no end within {:?}: it came as far as {last}", self.patience))
            }
            HandshakeEnd::Reset => ("reset", format!("reset after {last}")),
            HandshakeEnd::Closed => ("closed", format!("closed after {last}")),
            HandshakeEnd::Unreachable(why) => ("unreachable", format!("after {last}: {why}")),
            HandshakeEnd::NotTls(why) => ("not_tls", format!("the answer is {why}")),
            HandshakeEnd::Alert(alert) => {
                cx.set(&ALERT, alert.clone());
                ("alert", format!("TLS alert: {alert}"))
            }
        };
        let said = said.map(|said| format!(" ({said})")).unwrap_or_default();
        cx.note(format!("{peer}: {why}{said}"));
        outcome
    }
}

fn unconnected(error: &ConnectError) -> String {
    match error {
        ConnectError::Unreachable(why) => why.clone(),
        _ => "nothing listens on this UDP port (ICMP port unreachable)".to_owned(),
    }
}

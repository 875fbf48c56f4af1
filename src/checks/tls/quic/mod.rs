//! The same look over QUIC (RFC 9001): one full handshake with the certificate's facts.

use std::net::SocketAddr;
use std::time::Duration;

use super::certificates::{self, ADDRESSES, Addresses, CERTIFICATES, CRL, Certificates, Examined};
use super::facts::{self, ADDRESS, ALERT, OUTCOME};
use super::fields::{HOST, MAX_VERSION, PORT, TIMEOUT, TlsVersion};
use super::load::LOAD;
use super::look;
use super::reach::STARTTLS;
use super::scan::SCAN;
use super::terms::{ALPN_SET, MTLS, RESUMPTION};
use crate::checks::shared::target::Target;
use crate::checks::shared::tls_fields;
use crate::model::argument::choices;
use crate::model::table::fields;
use crate::model::{Args, Fault, Field, Invalid};
use crate::net::ConnectError;
use crate::probe::Cx;
use crate::proto::quic::{Connection, dial};
use crate::proto::tls::lint::words;
use crate::proto::tls::{Handshake, HandshakeEnd, Offer, Trust, now, versions};

/// What QUIC is for, unless a suite says otherwise; it cannot go without (RFC 9001, 8.1).
const ALPN: &str = "h3";
/// `H3_NO_ERROR`: a goodbye that HTTP/3 servers do not write down as an error.
const GOODBYE: u32 = 0x100;

choices! {
    /// What carries the handshake.
    pub(super) enum Transport {
        Tcp = "tcp",
        Quic = "quic",
    }
}

fields! { pub(super) FIELDS;
    const TRANSPORT: Field<Transport> = Field::choice(
        "transport",
        "tcp",
        "What carries the handshake; over quic, TLS 1.3 only, and `alpn` is h3 unless written.",
    );
}

/// Whether the fields of a check ask for QUIC.
pub(super) fn applies(args: &Args) -> bool {
    args.get(&TRANSPORT) == Transport::Quic
}

/// A check must not take one of the modes over TCP for one over QUIC.
fn refuse_tcp_modes(args: &Args) -> Result<(), Invalid> {
    let over_tcp = [
        (STARTTLS.name(), "", args.given(&STARTTLS)),
        (SCAN.name(), "", args.get(&SCAN).is_on()),
        (LOAD.name(), "", args.get(&LOAD).is_on()),
        (CRL.name(), "", args.get(&CRL)),
        (MTLS.name(), "", args.get(&MTLS) == Some(true)),
        (RESUMPTION.name(), "", args.given(&RESUMPTION)),
        (ALPN_SET.name(), "", args.given(&ALPN_SET)),
        (ADDRESSES.name(), ": all", args.get(&ADDRESSES) == Addresses::All),
        (CERTIFICATES.name(), ": all", args.get(&CERTIFICATES) == Certificates::All),
    ];
    match over_tcp.into_iter().find(|(.., asked)| *asked) {
        None => Ok(()),
        Some((field, value, _)) => {
            let message = format!("`{field}{value}` works over TCP only");
            Err(Invalid::at(field, message, "drop it, or `transport: quic`"))
        }
    }
}

/// A server, what to offer it, and whom to trust.
pub(super) struct Look {
    target: Target,
    trust: Trust,
    offer: Offer,
}

impl Look {
    pub(super) fn from_args(args: &Args) -> Result<Self, Invalid> {
        if args.get(&MAX_VERSION) == Some(TlsVersion::Tls12) {
            return Err(MAX_VERSION.invalid("QUIC needs TLS 1.3", "leave `max_version` out"));
        }
        refuse_tcp_modes(args)?;
        let mut offer = look::offer(args)?;
        offer.versions = versions(Some("TLS1.3"), None);
        if offer.alpn.is_empty() {
            offer.alpn.push(ALPN.to_owned());
        }
        Ok(Self {
            target: Target::from_args(args, args.get(&HOST), args.get(&PORT).unwrap_or(443), args.get(&TIMEOUT))?,
            trust: tls_fields::trust(args)?,
            offer,
        })
    }

    /// Where to, for people.
    pub(super) fn target(&self) -> String {
        format!("{} (QUIC)", self.target.label())
    }

    /// Name lookup and handshake each have the patience, a late refusal a part of it.
    pub(super) fn longest(&self) -> Duration {
        self.target.timeout * 2 + self.late()
    }

    /// How long a refusal after the handshake is listened for.
    fn late(&self) -> Duration {
        self.target.timeout / 4
    }

    pub(super) async fn run(&self, cx: &mut Cx<'_>) -> Result<(), Fault> {
        let credentials = self.trust.load().await?;
        let address = match self.target.address().await {
            Ok(address) => address,
            Err(end) => return end.record(cx, &OUTCOME),
        };
        let peer = self.target.socket(address);
        cx.set(&ADDRESS, address.to_string());
        let dialled = dial(peer, self.target.source, credentials, &self.offer, self.target.timeout).await?;
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
                ("timeout", format!("no answer to QUIC's first packet within {:?}", self.target.timeout))
            }
            HandshakeEnd::Timeout => {
                ("timeout", format!("no end within {:?}: it came as far as {last}", self.target.timeout))
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

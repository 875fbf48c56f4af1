//! A handshake over QUIC (RFC 9001), with the facts of its certificate.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use super::certificates::{self, ADDRESSES, Addresses, CERTIFICATES, CRL, Certificates, ChainAnalysis};
use super::client::outcome;
use super::connect::STARTTLS;
use super::facts::{ADDRESS, ALERT, OUTCOME};
use super::fields::{HOST, MAX_VERSION, PORT, TIMEOUT, TlsVersion};
use super::load::LOAD;
use super::offer::offer;
use super::record;
use super::scan::SCAN;
use super::server_policy::{ALPN_SET, MTLS, RESUMPTION};
use crate::checks::shared::target::Target;
use crate::checks::shared::tls_fields;
use crate::model::argument::choices;
use crate::model::count::counted;
use crate::model::human_time;
use crate::model::table::fields;
use crate::model::{Args, Choices as _, Fault, Field, Invalid};
use crate::net::ConnectError;
use crate::probe::{Cx, EarlyEnd};
use crate::proto::quic::{Connection, dial};
use crate::proto::tls::lint::words;
use crate::proto::tls::{Credentials, Handshake, HandshakeEnd, Offer, Trust, now, versions};

/// Application protocol unless the suite names one; QUIC cannot go without (RFC 9001, 8.1).
const ALPN: &str = "h3";
/// A close that HTTP/3 servers do not log as an error.
const H3_NO_ERROR: u32 = 0x100;

choices! {
    /// The transport of the handshake.
    pub(super) enum Transport {
        Tcp = "tcp",
        Quic = "quic",
    }
}

fields! { pub(super) FIELDS;
    const TRANSPORT: Field<Transport> = Field::choice(
        "transport",
        "tcp",
        "Transport of the handshake. Over quic: TLS 1.3 only, and `alpn` defaults to h3.",
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
pub(super) struct QuicCheck {
    target: Target,
    trust: Trust,
    offer: Offer,
}

impl QuicCheck {
    pub(super) fn from_args(args: &Args) -> Result<Self, Invalid> {
        if args.get(&MAX_VERSION) == Some(TlsVersion::Tls12) {
            return Err(MAX_VERSION.invalid("QUIC needs TLS 1.3", "leave `max_version` out"));
        }
        refuse_tcp_modes(args)?;
        let mut offer = offer(args)?;
        offer.versions = versions(Some(TlsVersion::Tls13.word()), None);
        if offer.alpn.is_empty() {
            offer.alpn.push(ALPN.to_owned());
        }
        Ok(Self {
            target: Target::from_args(args, args.get(&HOST), args.get(&PORT).unwrap_or(443), args.get(&TIMEOUT))?,
            trust: tls_fields::trust(args)?,
            offer,
        })
    }

    /// Reads what is trusted ahead of the first round.
    pub(super) async fn prepare(&self) {
        // The check itself tells what fails.
        let _ = self.trust.load().await;
    }

    /// Where to, for people.
    pub(super) fn target(&self) -> String {
        format!("{} (QUIC)", self.target.label())
    }

    /// Name lookup and handshake each have the timeout, a late refusal a part of it.
    pub(super) fn longest(&self) -> Duration {
        self.target.timeout * 2 + self.late_wait()
    }

    /// How long to wait for a refusal after the handshake.
    fn late_wait(&self) -> Duration {
        self.target.timeout / 4
    }

    pub(super) async fn run(&self, cx: &mut Cx<'_>) -> Result<(), Fault> {
        let credentials = self.trust.load().await?;
        match self.target.address().await {
            Ok(address) => self.check(cx, address, credentials).await,
            Err(end) => end.record(cx, &OUTCOME),
        }
    }

    async fn check(&self, cx: &mut Cx<'_>, address: IpAddr, credentials: &Credentials) -> Result<(), Fault> {
        let peer = self.target.socket(address);
        cx.set(&ADDRESS, self.target.origin.label(address));
        let dialled = dial(peer, self.target.origin, credentials, &self.offer, self.target.timeout).await?;
        if dialled.strays > 0 {
            cx.note(format!("discarded {} from elsewhere than {peer}", counted(dialled.strays, "datagram")));
        }
        let mut handshake = match dialled.handshake {
            Ok(handshake) => handshake,
            Err(error) => return unconnected(peer, &error).record(cx, &OUTCOME),
        };
        let late = handshake.await_late_refusal(self.late_wait()).await;
        record::record_time(cx, &handshake);
        let analysis = ChainAnalysis::of_handshake(credentials, &handshake, now());
        record::record(cx, &handshake, analysis.as_ref());
        if let Some(analysis) = &analysis {
            certificates::record(cx, analysis, &analysis.ages, words(&analysis.findings));
            certificates::record_acceptable(cx, std::iter::once(analysis));
        }
        if let HandshakeEnd::Alert(alert) = &handshake.end {
            cx.set(&ALERT, alert.clone());
        }
        if let Some(why) = self.ending(&handshake, peer) {
            let detail = dialled.why.or(late).map(|detail| format!(" ({detail})")).unwrap_or_default();
            cx.ending(&format!("{why}{detail}"));
        }
        cx.set(&OUTCOME, outcome(&handshake.end));
        record::note_certificates(cx, &handshake);
        if let HandshakeEnd::Completed(connection) = &handshake.end {
            connection.quic.close(H3_NO_ERROR.into(), b"");
        }
        handshake.judgement_fault().map_or(Ok(()), Err)
    }

    /// How a handshake ended early, as one sentence.
    fn ending(&self, handshake: &Handshake<Connection>, peer: SocketAddr) -> Option<String> {
        let timeout = self.target.timeout;
        match &handshake.end {
            HandshakeEnd::Timeout if handshake.reached().is_none() => {
                Some(format!("no answer from {peer} to QUIC's first packet within {}", human_time(timeout)))
            }
            _ => handshake.ending(peer, timeout),
        }
    }
}

fn unconnected(peer: SocketAddr, error: &ConnectError) -> EarlyEnd {
    let sentence = match error {
        ConnectError::Unreachable(why) => format!("{peer} cannot be reached: {why}"),
        _ => format!("nothing listens on UDP {peer} (ICMP port unreachable)"),
    };
    EarlyEnd::outcome(error.word(), sentence)
}

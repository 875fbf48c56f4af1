//! One full handshake: with whom, on what terms, and for how long the certificate is good.

use std::net::IpAddr;
use std::time::Duration;

use rustls::pki_types::ServerName;

use super::certificates::{self, Asking, Examined, Visit, Wanted};
use super::facts::{self, ADDRESS, ALERT, OUTCOME};
use super::fields::{ALPN, HOST, MAX_VERSION, MIN_VERSION, PORT, SNI, TIMEOUT, TlsVersion, VERIFY_NAME};
use super::reach::{Reached, STARTTLS, Way};
use super::terms::{Again, Terms, is_protocol_name};
use crate::checks::shared::target::Target;
use crate::checks::shared::tls_fields::{self, NameFields};
use crate::model::{Args, Choices as _, Fault, Field, Invalid};
use crate::probe::Cx;
use crate::proto::tls::starttls::Protocol;
use crate::proto::tls::{Credentials, Handshake, HandshakeEnd, Offer, Trust, handshake, now, versions};

/// A server, what to offer it, and whom to trust.
pub(super) struct Look {
    target: Target,
    trust: Trust,
    offer: Offer,
    starttls: Option<Protocol>,
    wanted: Wanted,
    terms: Terms,
}

/// A server that was looked at, and what it takes to go on.
pub(super) struct Met<'a> {
    pub(super) again: Again<'a>,
    /// The handshake was completed, and the server stayed content.
    pub(super) completed: bool,
    /// Its certificate verified.
    pub(super) verified: bool,
}

impl Look {
    pub(super) fn from_args(args: &Args) -> Result<Self, Invalid> {
        let starttls = args.get(&STARTTLS);
        let port = args.get(&PORT).unwrap_or(starttls.map_or(443, Protocol::port));
        Ok(Self {
            target: Target::from_args(args, args.get(&HOST), port, args.get(&TIMEOUT))?,
            trust: tls_fields::trust(args)?,
            offer: offer(args)?,
            starttls,
            wanted: Wanted::from_args(args),
            terms: Terms::from_args(args)?,
        })
    }

    /// Where to, for people.
    pub(super) fn target(&self) -> String {
        self.target.label()
    }

    /// Name lookup, and one handshake after the other. Addresses are looked at at once.
    pub(super) fn longest(&self) -> Duration {
        let more = self.wanted.longest(self.target.timeout) + self.terms.longest(self.target.timeout, self.one());
        self.target.timeout + self.one() + more
    }

    /// Connect, STARTTLS and handshake each have the patience, a late refusal a part of it.
    pub(super) fn one(&self) -> Duration {
        self.target.timeout * (2 + u32::from(self.starttls.is_some())) + self.late()
    }

    pub(super) async fn run(&self, cx: &mut Cx<'_>) -> Result<(), Fault> {
        self.meet(cx).await.map(|_| ())
    }

    /// One handshake with each address, and everything else the check asks for; `None` when it did not come to a handshake.
    pub(super) async fn meet(&self, cx: &mut Cx<'_>) -> Result<Option<Met<'_>>, Fault> {
        let credentials = self.trust.load().await?;
        let addresses = match self.target.addresses().await {
            Ok(addresses) => addresses,
            Err(end) => return end.record(cx, &OUTCOME).map(|()| None),
        };
        let used = if self.wanted.all_addresses { &addresses } else { addresses.get(..1).unwrap_or_default() };
        self.look_at(cx, used, credentials).await
    }

    /// Looks at all of `addresses` at once, and on what terms the worst of them deals.
    pub(super) async fn look_at<'a>(
        &'a self,
        cx: &mut Cx<'_>,
        addresses: &[IpAddr],
        credentials: &'a Credentials,
    ) -> Result<Option<Met<'a>>, Fault> {
        let visits =
            futures_util::future::join_all(addresses.iter().map(|address| self.visit(*address, credentials))).await;
        let mut visits: Vec<Visit> = visits.into_iter().collect::<Result<_, Fault>>()?;
        if self.wanted.all_certificates {
            self.sweep(&mut visits, credentials).await?;
        }
        let Some(worst) = certificates::worst(&visits) else {
            return Ok(None);
        };
        if let Some(visit) = visits.get(worst) {
            self.report(cx, &visits, visit).await?;
        }
        let visit = visits.swap_remove(worst);
        // Some servers serve one client after the other.
        drop(visits);
        let Some(shaken) = visit.shaken else {
            return Ok(None);
        };
        let again = Again { way: self.way(visit.address), credentials, offer: &self.offer, late: self.late() };
        let (completed, verified) = (matches!(shaken.end, HandshakeEnd::Completed(_)), shaken.verified() == Some(true));
        self.terms.look(cx, &again, shaken).await?;
        Ok(Some(Met { again, completed, verified }))
    }

    /// How connections to `address` are made ready for TLS.
    pub(super) fn way(&self, address: IpAddr) -> Way {
        // XMPP asks for the domain, which is what SNI names.
        let name = self.offer.sni.as_ref().map_or_else(|| self.target.host.clone().into(), ServerName::to_str);
        Way {
            peer: self.target.socket(address),
            source: self.target.source,
            patience: self.target.timeout,
            starttls: self.starttls,
            name: name.into_owned(),
        }
    }
}

impl Look {
    /// How long a refusal after the handshake is listened for.
    fn late(&self) -> Duration {
        self.target.timeout / 4
    }

    /// Looks at one address.
    async fn visit(&self, address: IpAddr, credentials: &Credentials) -> Result<Visit, Fault> {
        let way = self.way(address);
        let peer = way.peer;
        let opened = way.open().await?;
        let mut visit = Visit::of(address, Reached::of(&opened));
        let opened = match opened {
            Ok(opened) => opened,
            Err(why) => {
                visit.outcome = why.outcome();
                visit.why = Some(why.told(&way));
                return Ok(visit);
            }
        };
        let mut shaken = handshake(opened.stream, peer, credentials, &self.offer, self.target.timeout).await?;
        shaken.await_late_refusal(self.late()).await?;
        if let Some((outcome, why)) = self.ending(&shaken, &format!("{peer}: connected in {:?}", opened.connected)) {
            visit.outcome = outcome;
            visit.why = Some(why);
        }
        match &shaken.end {
            HandshakeEnd::Alert(alert) => visit.alert = Some(alert.clone()),
            HandshakeEnd::NotTls(_) => visit.reached.plain_text_came(),
            _ => {}
        }
        if !shaken.chain.is_empty() {
            visit.examined = Some(Examined::of(credentials, &shaken.chain, shaken.staple.as_deref(), now()));
        }
        visit.shaken = Some(shaken);
        Ok(visit)
    }

    /// Asks for every certificate of those that could be connected to, after all that is timed.
    async fn sweep(&self, visits: &mut [Visit], credentials: &Credentials) -> Result<(), Fault> {
        let reached = visits.iter_mut().filter(|visit| visit.reached.connected());
        let sweeps = reached.map(async |visit| {
            let way = self.way(visit.address);
            visit.slots = certificates::sweep(Asking { way: &way, credentials, offer: &self.offer }).await?;
            Ok(())
        });
        futures_util::future::join_all(sweeps).await.into_iter().collect()
    }

    /// The facts of the worst visit, and what holds of all of them.
    async fn report(&self, cx: &mut Cx<'_>, visits: &[Visit], visit: &Visit) -> Result<(), Fault> {
        cx.set(&ADDRESS, visit.address.to_string());
        for visit in visits {
            visit.reached.record_times(cx);
            if let Some(why) = &visit.why {
                cx.note(why.clone());
            }
            if let Some(shaken) = &visit.shaken {
                facts::record_time(cx, shaken);
            }
        }
        visit.reached.record(cx);
        if let Some(alert) = &visit.alert {
            cx.set(&ALERT, alert.clone());
        }
        if let Some(shaken) = &visit.shaken {
            facts::record(cx, shaken, visit.examined.as_ref());
            tell(cx, shaken);
        }
        if let Some(examined) = &visit.examined {
            let (ages, lint) = certificates::together(visits);
            certificates::record(cx, examined, &ages, lint);
        }
        cx.set(&OUTCOME, visit.outcome);
        if self.wanted.all_addresses {
            certificates::record_addresses(cx, visits);
        }
        if self.wanted.all_certificates {
            certificates::record_all(cx, visits);
        }
        if self.wanted.crl {
            certificates::check_revocation(cx, visits, self.target.timeout).await?;
        }
        Ok(())
    }

    /// The outcome of a handshake that ended early, and a line of evidence that names how far it came.
    fn ending(&self, shaken: &Handshake, connected: &str) -> Option<(&'static str, String)> {
        let patience = self.target.timeout;
        let reached = shaken.reached();
        let last = reached.as_deref().unwrap_or("ClientHello");
        Some(match &shaken.end {
            HandshakeEnd::Completed(_) => return None,
            HandshakeEnd::Timeout if reached.is_none() => {
                ("timeout", format!("{connected}, then no ServerHello within {patience:?}"))
            }
            HandshakeEnd::Timeout => {
                ("timeout", format!("{connected}, then no end within {patience:?}: it came as far as {last}"))
            }
            HandshakeEnd::Reset => ("reset", format!("{connected}, then reset after {last}")),
            HandshakeEnd::Closed => ("closed", format!("{connected}, then closed after {last}")),
            HandshakeEnd::Unreachable(why) => ("unreachable", format!("{connected}, then after {last}: {why}")),
            HandshakeEnd::NotTls(why) => ("not_tls", format!("the answer is not TLS ({why}); is it the right port?")),
            HandshakeEnd::Alert(alert) => ("alert", format!("TLS alert: {alert}")),
        })
    }
}

/// Evidence beside how the handshake ended.
fn tell(cx: &mut Cx<'_>, shaken: &Handshake) {
    if shaken.certificate_requested {
        cx.note("the server asked for a client certificate");
    }
    if let Some(error) = &shaken.verify_error {
        cx.note(format!("the certificate does not verify: {error}"));
    }
}

pub(super) fn offer(args: &Args) -> Result<Offer, Invalid> {
    let (sni, verify_name) =
        NameFields { sni: &SNI, verify_name: &VERIFY_NAME }.read(args, HOST.name(), &args.get(&HOST))?;
    let word = |field: &Field<Option<TlsVersion>>| args.get(field).map(TlsVersion::word);
    let versions = versions(word(&MIN_VERSION), word(&MAX_VERSION));
    if versions.is_empty() {
        return Err(MIN_VERSION.invalid("`min_version` is above `max_version`", "exchange them"));
    }
    Ok(Offer { sni, verify_name, alpn: alpn(args)?, versions })
}

/// The name sent as SNI, if one is.
pub(super) fn sni(args: &Args) -> Result<Option<String>, Invalid> {
    Ok(offer(args)?.sni.and_then(|name| match name {
        ServerName::DnsName(name) => Some(name.as_ref().to_owned()),
        _ => None,
    }))
}

fn alpn(args: &Args) -> Result<Vec<String>, Invalid> {
    let protocols = args.get(&ALPN);
    if !protocols.iter().all(|protocol| is_protocol_name(protocol)) {
        return Err(ALPN.invalid("a protocol has 1 to 255 bytes", "write names such as h2 or http/1.1"));
    }
    Ok(protocols)
}

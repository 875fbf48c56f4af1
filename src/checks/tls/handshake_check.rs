//! One full handshake: with whom, on what terms, and for how long the certificate is good.

use std::borrow::Cow;
use std::net::IpAddr;
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::join_all;
use rustls::pki_types::ServerName;

use super::certificates::{self, AddressResult, ChainAnalysis, Extent};
use super::client::{TlsClient, outcome};
use super::connect::{Connector, STARTTLS, SetupResult, longest_handshake};
use super::facts::{ADDRESS, ALERT, COMPLETED, OUTCOME, VERIFIED};
use super::fields::{HOST, PORT, TIMEOUT};
use super::offer::offer;
use super::record;
use super::server_policy::ServerPolicy;
use crate::checks::shared::target::Target;
use crate::checks::shared::tls_fields;
use crate::model::interface::without_zone;
use crate::model::{Args, Fault, Invalid};
use crate::net::Origin;
use crate::probe::Cx;
use crate::probe::fact_is;
use crate::proto::tls::starttls::Protocol;
use crate::proto::tls::{Credentials, HANDSHAKE, Handshake, HandshakeEnd, Offer, Trust, beyond_offer, handshake, now};

/// A server, what to offer it, and whom to trust.
pub(super) struct HandshakeCheck {
    target: Target,
    trust: Trust,
    offer: Offer,
    starttls: Option<Protocol>,
    extent: Extent,
    policy: ServerPolicy,
}

/// The handshake that a scan or a load goes on from.
pub(super) struct FirstHandshake<'a> {
    pub(super) client: TlsClient<'a>,
    /// It was completed, and the server stayed content.
    pub(super) completed: bool,
    /// The certificate verified.
    pub(super) verified: bool,
    /// Why this program could not make a handshake, or not judge the certificate, where others can.
    pub(super) fault: Option<Fault>,
}

impl HandshakeCheck {
    pub(super) fn from_args(args: &Args) -> Result<Self, Invalid> {
        let starttls = args.get(&STARTTLS);
        let port = args.get(&PORT).unwrap_or(starttls.map_or(443, Protocol::port));
        Ok(Self {
            target: Target::from_args(args, args.get(&HOST), port, args.get(&TIMEOUT))?,
            trust: tls_fields::trust(args)?,
            offer: offer(args)?,
            starttls,
            extent: Extent::from_args(args),
            policy: ServerPolicy::from_args(args)?,
        })
    }

    /// Reads what is trusted ahead of the first round.
    pub(super) async fn prepare(&self) {
        // The check itself tells what fails.
        let _ = self.trust.load().await;
    }

    /// Where to, for people.
    /// The port connected to.
    pub(super) fn port(&self) -> u16 {
        self.target.port
    }

    pub(super) fn origin(&self) -> Origin {
        self.target.origin
    }

    pub(super) fn target(&self) -> String {
        self.target.label()
    }

    /// Name lookup, and one handshake after the other. Addresses are checked at once.
    pub(super) fn longest(&self) -> Duration {
        let (timeout, one) = (self.target.timeout, self.longest_handshake());
        timeout + one + self.extent.longest(timeout) + self.policy.longest(timeout, one)
    }

    /// The longest one handshake takes, from SYN to a late refusal.
    pub(super) fn longest_handshake(&self) -> Duration {
        longest_handshake(self.target.timeout, self.starttls, self.late_wait())
    }

    /// One handshake with each address, and everything else the check asks for; `None` when it did not come to a handshake.
    pub(super) async fn run(&self, cx: &mut Cx<'_>) -> Result<Option<FirstHandshake<'_>>, Fault> {
        let credentials = self.trust.load().await?;
        let addresses = match self.target.addresses().await {
            Ok(addresses) => addresses,
            Err(end) => return end.record(cx, &OUTCOME).map(|()| None),
        };
        if !self.extent.all_addresses {
            let first = addresses.list.get(..1).unwrap_or_default();
            return self.check_addresses(cx, first, credentials).await;
        }
        let handshake = self.check_addresses(cx, &addresses.list, credentials).await;
        if let Some(why) = &addresses.partial {
            self.known_in_part(cx, why);
        }
        handshake
    }

    /// Not every address of the name is known: those that are not may be the ones that fail. What has failed has.
    pub(super) fn known_in_part(&self, cx: &mut Cx<'_>, why: &str) {
        let why = format!("{}: {why}", self.target.host);
        if fact_is(cx.observation(), OUTCOME.info.name, COMPLETED) {
            cx.partial(&OUTCOME, why.clone());
        }
        if cx.observation().last(VERIFIED.info.name) == Some(&crate::model::Value::Bool(true)) {
            cx.partial(&VERIFIED, why.clone());
        }
        cx.partial_all(certificates::OF_ADDRESSES, &why);
    }

    /// Checks all of `addresses` at once, and the policy of the worst of them.
    pub(super) async fn check_addresses<'a>(
        &'a self,
        cx: &mut Cx<'_>,
        addresses: &[IpAddr],
        credentials: &'a Credentials,
    ) -> Result<Option<FirstHandshake<'a>>, Fault> {
        // One moment for all: of addresses with the same certificate, the first is reported, not the slowest.
        let now = now();
        let results = join_all(addresses.iter().map(|address| self.check_address(*address, credentials, now))).await;
        let mut results: Vec<AddressResult> = results.into_iter().collect::<Result<_, Fault>>()?;
        if self.extent.all_certificates || self.extent.crl {
            // Some servers serve one client after the other, and the lists may be theirs, too.
            join_all(
                results.iter_mut().filter_map(|result| result.handshake.as_mut()).map(Handshake::send_close_notify),
            )
            .await;
        }
        if self.extent.all_certificates {
            self.enumerate_certificates(&mut results, credentials).await?;
        }
        let Some(worst) = certificates::worst(&results) else {
            return Ok(None);
        };
        if let Some(result) = results.get(worst) {
            self.record(cx, &results, result).await?;
        }
        let unjudged =
            results.iter().filter_map(|result| result.handshake.as_ref()).find_map(Handshake::judgement_fault);
        let unable = results.iter_mut().find_map(|result| result.unable.take());
        let result = results.swap_remove(worst);
        // Some servers serve one client after the other.
        drop(results);
        let client = self.client(result.address, credentials);
        let Some(handshake) = result.handshake else {
            let first = FirstHandshake { client, completed: false, verified: false, fault: unable };
            return Ok(first.fault.is_some().then_some(first));
        };
        let completed = matches!(handshake.end, HandshakeEnd::Completed(_));
        let verified = handshake.verified() == Some(true);
        self.policy.run(cx, &client, handshake).await?;
        Ok(Some(FirstHandshake { client, completed, verified, fault: unable.or(unjudged) }))
    }

    /// A client of `address`.
    pub(super) fn client<'a>(&'a self, address: IpAddr, credentials: &'a Credentials) -> TlsClient<'a> {
        // XMPP asks for the domain, which is what SNI names.
        let own = || Cow::Owned(without_zone(&self.target.host).0);
        let domain = self.offer.sni.as_ref().map_or_else(own, ServerName::to_str);
        let connector = Connector {
            peer: self.target.socket(address),
            origin: self.target.origin,
            timeout: self.target.timeout,
            starttls: self.starttls,
            domain: domain.into_owned(),
        };
        TlsClient { connector, credentials, offer: &self.offer, late_wait: self.late_wait() }
    }
}

impl HandshakeCheck {
    /// How long to wait for a refusal after the handshake.
    fn late_wait(&self) -> Duration {
        self.target.timeout / 4
    }

    async fn check_address(
        &self,
        address: IpAddr,
        credentials: &Credentials,
        now: f64,
    ) -> Result<AddressResult, Fault> {
        let connector = self.client(address, credentials).connector;
        let peer = connector.peer;
        let connection = connector.try_connect().await?;
        let mut result = AddressResult::new(address, SetupResult::of(&connection));
        let connection = match connection {
            Ok(connection) => connection,
            Err(error) => {
                result.outcome = error.outcome();
                result.evidence = Some(error.evidence(&connector));
                return Ok(result);
            }
        };
        let ended = handshake(connection.stream, peer, credentials, &self.offer, self.target.timeout).await;
        let mut handshake = match ended {
            Ok(handshake) => handshake,
            Err(fault) if fault.operation == HANDSHAKE => {
                result.unable(fault);
                return Ok(result);
            }
            Err(fault) => return Err(fault),
        };
        handshake.await_late_refusal(self.late_wait()).await?;
        if handshake.may_be_beyond_offer()
            && let left = self.target.timeout.saturating_sub(handshake.elapsed)
            && let Some(fault) = beyond_offer(peer, &self.offer, left, &|| connector.open().boxed()).await?
        {
            result.unable(fault);
            return Ok(result);
        }
        result.outcome = outcome(&handshake.end);
        result.evidence = handshake.ending(peer, self.target.timeout);
        match &handshake.end {
            HandshakeEnd::Alert(alert) => result.alert = Some(alert.clone()),
            HandshakeEnd::NotTls(_) => result.setup.plain_text_came(),
            _ => {}
        }
        result.analysis = ChainAnalysis::of_handshake(credentials, &handshake, now);
        result.handshake = Some(handshake);
        Ok(result)
    }

    /// Asks for every certificate of those that could be connected to, after all that is timed.
    async fn enumerate_certificates(
        &self,
        results: &mut [AddressResult],
        credentials: &Credentials,
    ) -> Result<(), Fault> {
        let connected = results.iter_mut().filter(|result| result.setup.connected());
        let enumerations = connected.map(async |result| {
            result.certificates = certificates::enumerate(&self.client(result.address, credentials)).await?;
            Ok(())
        });
        join_all(enumerations).await.into_iter().collect()
    }

    /// Records the facts of the worst address, and those of all together.
    async fn record(&self, cx: &mut Cx<'_>, results: &[AddressResult], worst: &AddressResult) -> Result<(), Fault> {
        cx.set(&ADDRESS, self.target.origin.label(worst.address));
        if let Some(ending) = &worst.evidence {
            cx.ending(ending);
        }
        for result in results {
            result.setup.record_times(cx);
            if let Some(evidence) = &result.evidence {
                cx.note(evidence.clone());
            }
            if let Some(handshake) = &result.handshake {
                record::record_time(cx, handshake);
            }
        }
        worst.setup.record(cx);
        if let Some(alert) = &worst.alert {
            cx.set(&ALERT, alert.clone());
        }
        if let Some(handshake) = &worst.handshake {
            record::record(cx, handshake, worst.analysis.as_ref());
            record::note_certificates(cx, handshake);
        }
        if let Some(analysis) = &worst.analysis {
            let (ages, lint) = certificates::combined(results);
            certificates::record(cx, analysis, &ages, lint);
        }
        certificates::record_acceptable(cx, results.iter().flat_map(AddressResult::analyses));
        if worst.unable.is_none() {
            cx.set(&OUTCOME, worst.outcome);
        }
        if self.extent.all_addresses {
            certificates::record_addresses(cx, results);
        }
        if self.extent.all_certificates {
            certificates::record_all(cx, results);
        }
        if self.extent.crl {
            certificates::check_revocation(cx, results, self.target.timeout).await;
        }
        Ok(())
    }
}

//! On what terms a server deals with its clients: whom it wants to know, whom it knows again, which protocols it speaks.
//! Each takes further handshakes with the address that was looked at.

mod alpn;
mod clients;
mod resumption;

use std::time::Duration;

use super::reach::Way;
use crate::model::table::joined;
use crate::model::{Args, FactInfo, Fault, FieldInfo, Invalid};
use crate::probe::{Cx, Mode};
use crate::proto::tls::{Credentials, Handshake, HandshakeEnd, Offer, handshake};

pub(super) use alpn::{ALPN_SET, is_protocol_name};
pub(super) use clients::MTLS;
pub(super) use resumption::{NOT_RESUMED, RESUMPTION};

pub(super) const FIELDS: &[FieldInfo] = joined!(FieldInfo; clients::FIELDS, resumption::FIELDS, alpn::FIELDS);
pub(super) const FACTS: &[FactInfo] = joined!(FactInfo; clients::FACTS, resumption::FACTS, alpn::FACTS);
pub(super) const MODES: &[Mode] = &[clients::MODE, resumption::MODE, alpn::MODE];

/// What a check asks for beyond one handshake.
pub(super) struct Terms {
    clients: clients::Clients,
    resumption: Option<u32>,
    alpn: Vec<String>,
}

/// What it takes to shake hands again.
pub(super) struct Again<'a> {
    pub(super) way: Way,
    pub(super) credentials: &'a Credentials,
    pub(super) offer: &'a Offer,
    /// How long words after a handshake are waited for.
    pub(super) late: Duration,
}

impl Again<'_> {
    /// One more handshake, with an offer of its own. The inner `Err` is why there was not even a connection.
    async fn shake(&self, credentials: &Credentials, offer: &Offer) -> Result<Result<Handshake, String>, Fault> {
        let opened = match self.way.open().await? {
            Ok(opened) => opened,
            Err(why) => return Ok(Err(why.told(&self.way))),
        };
        handshake(opened.stream, self.way.peer, credentials, offer, self.way.patience).await.map(Ok)
    }
}

impl Terms {
    pub(super) fn from_args(args: &Args) -> Result<Self, Invalid> {
        Ok(Self {
            clients: clients::Clients::from_args(args),
            resumption: args.get(&RESUMPTION),
            alpn: alpn::from_args(args)?,
        })
    }

    /// The longest it may take; `one` is the longest handshake with everything before and after it.
    pub(super) fn longest(&self, patience: Duration, one: Duration) -> Duration {
        let resumption = self.resumption.map_or(Duration::ZERO, |tries| resumption::longest(tries, patience, one));
        let alpn = one.saturating_mul(u32::try_from(self.alpn.len()).unwrap_or(u32::MAX));
        self.clients.longest(patience, one) + resumption + alpn
    }

    /// Looks at everything that was asked for, after a first handshake.
    pub(super) async fn look(&self, cx: &mut Cx<'_>, again: &Again<'_>, shaken: Handshake) -> Result<(), Fault> {
        if !self.clients.look(cx, again, shaken).await? {
            return Ok(());
        }
        if let Some(tries) = self.resumption {
            resumption::look(cx, again, tries).await?;
        }
        alpn::look(cx, again, &self.alpn).await
    }
}

/// How a handshake ended that should have been completed, for evidence.
fn unfinished(end: &HandshakeEnd) -> String {
    match end {
        HandshakeEnd::Completed(_) => "completed".to_owned(),
        HandshakeEnd::Timeout => "silence".to_owned(),
        HandshakeEnd::Reset => "a reset".to_owned(),
        HandshakeEnd::Closed => "a hang-up".to_owned(),
        HandshakeEnd::Unreachable(why) | HandshakeEnd::NotTls(why) => why.clone(),
        HandshakeEnd::Alert(alert) => format!("TLS alert {alert}"),
    }
}

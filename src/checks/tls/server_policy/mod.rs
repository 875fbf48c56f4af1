//! The policy of a server towards its clients: the certificate it wants of them, the sessions it resumes, the protocols it
//! speaks. Each takes further handshakes with the address of the first one.

mod alpn;
mod client_auth;
mod resumption;

use std::time::Duration;

use super::client::TlsClient;
use crate::model::table::joined;
use crate::model::{Args, FactInfo, Fault, FieldInfo, Invalid};
use crate::probe::{Cx, Mode};
use crate::proto::tls::Handshake;

pub(super) use alpn::ALPN_SET;
pub(super) use client_auth::MTLS;
pub(super) use resumption::{NOT_RESUMED, RESUMPTION};

pub(super) const FIELDS: &[FieldInfo] = joined!(FieldInfo; client_auth::FIELDS, resumption::FIELDS, alpn::FIELDS);
pub(super) const FACTS: &[FactInfo] = joined!(FactInfo; client_auth::FACTS, resumption::FACTS, alpn::FACTS);
pub(super) const MODES: &[Mode] = &[client_auth::MODE, resumption::MODE, alpn::MODE];

/// Everything a check asks for beyond one handshake.
pub(super) struct ServerPolicy {
    client_auth: client_auth::ClientAuth,
    resumption: Option<u32>,
    alpn: Vec<String>,
}

impl ServerPolicy {
    pub(super) fn from_args(args: &Args) -> Result<Self, Invalid> {
        Ok(Self {
            client_auth: client_auth::ClientAuth::from_args(args),
            resumption: args.get(&RESUMPTION),
            alpn: alpn::from_args(args)?,
        })
    }

    /// The longest it may take; `one` is the longest handshake with everything before and after it.
    pub(super) fn longest(&self, timeout: Duration, one: Duration) -> Duration {
        let resumption = self.resumption.map_or(Duration::ZERO, |tries| resumption::longest(tries, timeout, one));
        let alpn = one.saturating_mul(u32::try_from(self.alpn.len()).unwrap_or(u32::MAX));
        self.client_auth.longest(timeout, one) + resumption + alpn
    }

    /// Finds out everything that was asked for, after a first handshake.
    pub(super) async fn run(&self, cx: &mut Cx<'_>, client: &TlsClient<'_>, first: Handshake) -> Result<(), Fault> {
        if !self.client_auth.run(cx, client, first).await? {
            return Ok(());
        }
        if let Some(tries) = self.resumption {
            resumption::run(cx, client, tries).await?;
        }
        alpn::run(cx, client, &self.alpn).await
    }
}

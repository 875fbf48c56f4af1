//! An exchange over QUIC, from the name to the head of the response.

use std::net::SocketAddr;

use hyper::Request;
use tokio::time::Instant;

use super::connection::{CertificateNames, HttpServer, LIMITS, Observer, Phase};
use super::dial::unconnected;
use super::{ExchangeError, FailureKind, NoResponse, Outgoing, Response, Version, http3};
use crate::net::ConnectError;
use crate::net::clock::MeasuredTime;
use crate::proto::quic;
use crate::proto::tls::{Offer, versions};

impl HttpServer<'_> {
    /// The whole exchange over QUIC, whose handshake is that of TLS.
    pub(super) async fn over_quic(
        &self,
        build: impl Fn(Version) -> Result<Request<Outgoing>, String> + Send + Sync,
        observer: &mut (impl Observer + Send),
    ) -> Result<Response, ExchangeError> {
        observer.begins(Phase::Resolve);
        let address = self.address(observer).await?;
        observer.connects_to(address);
        let peer = SocketAddr::new(address, self.url.port_or_known_default().unwrap_or_default());
        let CertificateNames { sni, verify: verify_name } = self.certificate_names()?;
        let offer = Offer { sni, verify_name, alpn: self.version.alpn(), versions: versions(Some("TLS1.3"), None) };
        let credentials = self.trust.load().await?;
        observer.begins(Phase::Quic);
        let patience = self.left();
        let attempt = quic::dial(peer, self.origin, credentials, &offer, patience).await?;
        let why = attempt.why.map(|why| format!(" ({why})")).unwrap_or_default();
        let handshake = match attempt.handshake {
            Ok(handshake) => handshake,
            Err(ConnectError::Refused | ConnectError::RefusedBy(_)) => {
                let why = format!("{peer} refuses QUIC (ICMP port unreachable): nothing listens there on UDP");
                return Err(ExchangeError::new(FailureKind::Refused, why));
            }
            Err(error) => return Err(unconnected(&error, peer, patience).into()),
        };
        let connection = self.admit(handshake, peer, patience, observer).map_err(|error| match error {
            ExchangeError::NoResponse(none) => NoResponse { why: none.why + &why, ..none }.into(),
            fault @ ExchangeError::Fault(_) => fault,
        })?;
        observer.begins(Phase::Head);
        let request = build(Version::Http3).map_err(|why| NoResponse::new(FailureKind::Malformed, why))?;
        let start = Instant::now();
        let answered = http3::send(connection, LIMITS, request).await;
        let (head, body) = answered.map_err(|none| none.of(self.url.as_str()))?;
        observer.ended(Phase::Head, MeasuredTime::by_user(start.elapsed()));
        Ok(Response::over_http3(head, body))
    }
}

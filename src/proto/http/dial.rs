//! The connection that a request goes over: to the host of a URL, or to a proxy.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::Instant;
use url::Host;

use super::connection::{HttpServer, Observer, Phase};
use super::proxy::Proxy;
use super::{ExchangeError, FailureKind, NoResponse};
use crate::model::Text;
use crate::net::clock::MeasuredTime;
use crate::net::{ConnectError, connect, resolve};

impl HttpServer<'_> {
    /// A connection to the host of the URL.
    pub(super) async fn connect(
        &self,
        observer: &mut (impl Observer + Send),
    ) -> Result<(TcpStream, SocketAddr), ExchangeError> {
        observer.begins(Phase::Resolve);
        let address = self.address(observer).await?;
        observer.connects_to(address);
        let peer = SocketAddr::new(address, self.url.port_or_known_default().unwrap_or_default());
        let (dialled, patience) = self.dial(peer, observer).await?;
        let stream = dialled.map_err(|error| unconnected(&error, peer, patience))?;
        Ok((stream, peer))
    }

    /// A connection to a proxy.
    pub(super) async fn reach(
        &self,
        proxy: &Proxy,
        observer: &mut (impl Observer + Send),
    ) -> Result<(TcpStream, SocketAddr), ExchangeError> {
        observer.begins(Phase::Resolve);
        let found = resolve(&proxy.host, self.ip_version, self.left() + Duration::from_secs(1)).await?;
        let address = match found.map(|addresses| addresses.list.first().copied()) {
            Ok(Some(address)) if !address.is_unspecified() => address,
            Ok(_) => return Err(unreached(proxy, "unresolved", "it has no address", observer)),
            Err(why) => return Err(unreached(proxy, "unresolved", &why, observer)),
        };
        observer.connects_to(address);
        let peer = SocketAddr::new(address, proxy.port);
        let (dialled, patience) = self.dial(peer, observer).await?;
        match dialled {
            Ok(stream) => Ok((stream, peer)),
            Err(error) => Err(unreached(proxy, error.word(), &error.sentence(peer, patience), observer)),
        }
    }

    async fn dial(
        &self,
        peer: SocketAddr,
        observer: &mut (impl Observer + Send),
    ) -> Result<(Result<TcpStream, ConnectError>, Duration), ExchangeError> {
        observer.begins(Phase::Connect);
        let patience = self.left();
        let dialled = match connect(peer, self.origin, patience).await? {
            Ok(dialled) => dialled,
            Err(error) => return Ok((Err(error), patience)),
        };
        observer.ended(Phase::Connect, dialled.took);
        if let Some(note) = dialled.note(peer) {
            observer.noted(note);
        }
        Ok((Ok(dialled.stream), patience))
    }

    pub(super) async fn address(&self, observer: &mut (impl Observer + Send)) -> Result<IpAddr, ExchangeError> {
        if let Some(address) = self.address {
            return Ok(address);
        }
        let name = match self.url.host() {
            // A redirect may name it, and a socket would lead to this host itself.
            Some(Host::Ipv4(address)) if address.is_unspecified() => return Err(nobody(address)),
            Some(Host::Ipv6(address)) if address.is_unspecified() => return Err(nobody(address)),
            Some(Host::Ipv4(address)) => return Ok(address.into()),
            Some(Host::Ipv6(address)) => return Ok(address.into()),
            Some(Host::Domain(name)) => Text::new(name, Some(self.host.shown())),
            None => return Err(ExchangeError::new(FailureKind::Unresolved, format!("{} names no host", self.host))),
        };
        let start = Instant::now();
        // The caller's limit comes first, and says how long that was.
        let found = resolve(&name, self.ip_version, self.left() + Duration::from_secs(1)).await?;
        let addresses = found.map_err(|why| NoResponse::new(FailureKind::Unresolved, why))?;
        observer.ended(Phase::Resolve, MeasuredTime::by_user(start.elapsed()));
        observer.resolved(&addresses.list);
        let first = addresses.list.first().copied();
        first.ok_or_else(|| ExchangeError::new(FailureKind::Unresolved, format!("{name} has no address")))
    }
}

fn unreached(proxy: &Proxy, word: &'static str, why: &str, observer: &mut (impl Observer + Send)) -> ExchangeError {
    observer.proxied(word, None);
    refused_by(proxy, why)
}

pub(super) fn refused_by(proxy: &Proxy, why: &str) -> ExchangeError {
    ExchangeError::new(FailureKind::Proxy, format!("the proxy {}: {why}", proxy.label()))
}

fn nobody(address: impl std::fmt::Display) -> ExchangeError {
    ExchangeError::new(FailureKind::Unresolved, format!("{address} is the address of no host"))
}

pub(super) fn unconnected(error: &ConnectError, peer: SocketAddr, patience: Duration) -> NoResponse {
    let kind = match error {
        ConnectError::Unreachable(_) => FailureKind::Unreachable,
        ConnectError::Refused | ConnectError::RefusedBy(_) => FailureKind::Refused,
        ConnectError::Timeout => FailureKind::Timeout,
        ConnectError::Reset => FailureKind::Reset,
    };
    NoResponse::new(kind, error.sentence(peer, patience))
}

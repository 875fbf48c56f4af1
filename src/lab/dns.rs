//! An authoritative DNS server for `shakedown.test.`, over UDP and TCP on one port of 127.0.0.1.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use hickory_proto::rr::{LowerName, Name};
use hickory_proto::serialize::txt::Parser;
use hickory_server::Server;
use hickory_server::net::runtime::TokioRuntimeProvider;
use hickory_server::store::in_memory::InMemoryZoneHandler;
use hickory_server::zone_handler::{AxfrPolicy, Catalog, ZoneType};
use tokio::net::{TcpListener, UdpSocket};

/// The zone's name.
pub const ZONE: &str = "shakedown.test.";

/// The zone's content; `low` is for checks of TTLs, `*.wild` for wildcards.
const RECORDS: &str = r#"
$TTL 300
@        IN SOA   ns hostmaster 2026010100 3600 600 604800 60
@        IN NS    ns
@        IN MX    10 mail
@        IN TXT   "v=spf1 mx -all"
@        IN CAA   0 issue "ca.test"
@        IN HTTPS 1 . alpn="h2,http/1.1" port=8443
ns       IN A     127.0.0.1
mail     IN A     127.0.0.1
www      IN A     127.0.0.1
www      IN AAAA  ::1
two      IN A     127.0.0.1
two      IN A     127.0.0.2
alias    IN CNAME www
_sip._tcp IN SRV  10 20 5060 www
*.wild   IN A     127.0.0.1
low      5 IN A   127.0.0.1
"#;

/// How often a port free for TCP may turn out to be taken for UDP.
const TRIES: usize = 16;
/// An idle TCP client is let go after this.
const IDLE: Duration = Duration::from_secs(10);
/// Answers queued per TCP client.
const QUEUE: usize = 32;

/// A running server; it stops when dropped.
pub struct DnsLab {
    addr: SocketAddr,
    _server: Server<Catalog>,
}

impl DnsLab {
    /// Starts the server on a port of the system's choice.
    pub async fn start() -> io::Result<Self> {
        let catalog = catalog().map_err(io::Error::other)?;
        let (listener, socket) = pair().await?;
        let addr = listener.local_addr()?;
        let mut server = Server::new(catalog);
        server.register_socket(socket);
        server.register_listener(listener, IDLE, QUEUE);
        Ok(Self { addr, _server: server })
    }

    /// Where it listens, for UDP and TCP alike.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }
}

/// One port number for both transports.
async fn pair() -> io::Result<(TcpListener, UdpSocket)> {
    let mut last = None;
    for _ in 0..TRIES {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        match UdpSocket::bind(listener.local_addr()?).await {
            Ok(socket) => return Ok((listener, socket)),
            Err(error) => last = Some(error),
        }
    }
    Err(last.unwrap_or_else(|| io::Error::from(io::ErrorKind::AddrInUse)))
}

/// The zone as a server answers for it.
pub(crate) fn catalog() -> Result<Catalog, String> {
    let origin = Name::from_ascii(ZONE).map_err(|error| error.to_string())?;
    let (origin, records) =
        Parser::new(RECORDS, None, Some(origin)).parse().map_err(|error| format!("the lab's zone: {error}"))?;
    let zone =
        InMemoryZoneHandler::<TokioRuntimeProvider>::new(origin.clone(), records, ZoneType::Primary, AxfrPolicy::Deny)?;
    let mut catalog = Catalog::new();
    catalog.upsert(LowerName::new(&origin), vec![Arc::new(zone)]);
    Ok(catalog)
}

//! What else a host answers that kept silent to a connection: it tells a dead host from a filter, and a filter from a full queue
//! of connections. Looked at once, after a check has failed.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use tokio::time::Instant;

use crate::model::interface::address_and_zone;
use crate::model::{Fact, Round};
use crate::net::datagram::Event;
use crate::net::dial::NO_HANDSHAKE;
use crate::net::{Origin, deadline};
use crate::probe::Cx;
use crate::proto::icmp::{Options, Pinger, Received};
use crate::proto::stray_ack;

/// How long to wait for each sign of life.
const PATIENCE: Duration = Duration::from_millis(500);
/// Bytes of the ping: room for the tag that tells it from others.
const SIZE: usize = 16;

/// Words of the note of a host that is alive, for whoever says what to do next.
pub const ALIVE: &str = "answers ping";
/// Words of the note of a port that packets reach.
pub const OPEN_PATH: &str = "(an ACK outside any connection gets RST)";

/// Words of the note of a port that a filter keeps packets from.
pub const FILTERED: &str = "a filter drops them";

/// Notes what the address that was looked at answers, where nobody answered a SYN to `port` there.
pub async fn investigate(cx: &mut Cx<'_>, address: &Fact<String>, port: u16, origin: Origin) {
    let last = cx.observation().counted().last();
    let silent = last.and_then(Round::ending).is_some_and(|ending| ending.contains(NO_HANDSHAKE));
    let address = last.and_then(|round| Some(address_and_zone(round.fact(address.info.name)?.as_str()?)?.0));
    let Some(address) = address.filter(|_| silent) else { return };
    let peer = SocketAddr::new(address, port);
    let (alive, reset) =
        tokio::join!(answers_ping(peer.ip(), origin, cx.seed()), stray_ack::is_reset(peer, origin, PATIENCE));
    let (ip, port) = (origin.label(peer.ip()), peer.port());
    match (alive.unwrap_or(false), reset) {
        (_, Some(true)) => {
            cx.note(format!("packets reach port {port} {OPEN_PATH}, but it takes no new connection"));
        }
        (true, Some(false)) => {
            cx.note(format!("{ip} {ALIVE}, but packets to its port {port} get no reply: {FILTERED}"));
        }
        (true, None) => cx.note(format!("{ip} {ALIVE}")),
        (false, _) => {}
    }
}

/// Whether an echo request is answered; `None` where none may be sent.
async fn answers_ping(address: IpAddr, origin: Origin, seed: u64) -> Option<bool> {
    let pinger = Pinger::open(address, SIZE, seed, Options { origin, ..Options::default() }).ok()?;
    let request = pinger.request(0);
    let start = Instant::now();
    pinger.send(&request).ok()?;
    let mut buffer = vec![0; pinger.room()];
    let answered = async {
        loop {
            match pinger.datagram.next(&mut buffer).await {
                Ok(Event::Arrival(arrival)) => {
                    let packet = buffer.get(..arrival.kept).unwrap_or_default();
                    if matches!(pinger.read(packet), Received::Reply(_)) && arrival.from == Some(address) {
                        return true;
                    }
                }
                Ok(_) | Err(_) => return false,
            }
        }
    };
    Some(deadline::until(start + PATIENCE, answered).await.unwrap_or(false))
}

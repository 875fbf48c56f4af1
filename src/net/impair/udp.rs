//! Datagrams of a UDP proxy: each client has a socket to the target, and what is delayed waits in one line for each way.

use std::cell::{Cell, RefCell};
use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::rc::Rc;
use std::time::Duration;

use socket2::{Domain, SockAddr, SockRef, Socket, Type};
use tokio::net::UdpSocket;
use tokio::sync::Notify;
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::{Instant, sleep_until};

use super::impairment::{FlowDirection, Rule};
use super::proxy::{Proxy, is_own};
use crate::model::count::counted;

/// A client that sends nothing for so long is forgotten.
const IDLE: Duration = Duration::from_mins(1);
/// One that was heard of since then must not be forgotten: its answer may be on its way.
const FRESH: Duration = Duration::from_secs(1);
/// Read in one turn.
const BATCH: usize = 32;
/// Bytes that wait in one way.
const MOST: usize = 16 << 20;
/// A rate keeps as much waiting as it lets pass in this time, as a link does, and a packet of the largest size.
const BUFFER: f64 = 0.5;
const LARGEST: usize = 64 << 10;
/// Asked of the kernel, for bursts.
const RECEIVE_BUFFER: usize = 4 << 20;

/// Binds the socket that clients send to.
pub(super) fn bind(address: SocketAddr) -> io::Result<std::net::UdpSocket> {
    let socket = Socket::new(Domain::for_address(address), Type::DGRAM, None)?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    // As much as the system allows.
    let _ = socket.set_recv_buffer_size(RECEIVE_BUFFER);
    socket.set_nonblocking(true)?;
    socket.bind(&SockAddr::from(address))?;
    Ok(socket.into())
}

/// A datagram that waits.
#[derive(Debug)]
struct Packet {
    bytes: Vec<u8>,
    socket: Rc<UdpSocket>,
    /// `None` over a connected socket.
    to: Option<SocketAddr>,
}

/// What waits in one way, by its time; of one time in the order of arrival.
#[derive(Debug, Default)]
struct Line {
    due: BinaryHeap<Reverse<(Instant, u64)>>,
    packets: HashMap<u64, Packet>,
    number: u64,
    size: usize,
}

impl Line {
    fn push(&mut self, due: Instant, packet: Packet) {
        self.number += 1;
        self.size += packet.bytes.len();
        self.packets.insert(self.number, packet);
        self.due.push(Reverse((due, self.number)));
    }

    fn next(&self) -> Option<Instant> {
        self.due.peek().map(|Reverse((due, _))| *due)
    }

    fn pop(&mut self) -> Option<Packet> {
        let Reverse((_, number)) = self.due.pop()?;
        let packet = self.packets.remove(&number)?;
        self.size -= packet.bytes.len();
        Some(packet)
    }
}

/// A way of datagrams.
struct Road {
    proxy: Rc<Proxy>,
    way: FlowDirection,
    line: RefCell<Line>,
    pushed: Notify,
}

struct Client {
    socket: Rc<UdpSocket>,
    heard: Rc<Cell<Instant>>,
    task: AbortHandle,
}

/// What tasks of one proxy share.
struct Roads {
    proxy: Rc<Proxy>,
    socket: Rc<UdpSocket>,
    there: Road,
    back: Road,
    clients: RefCell<HashMap<SocketAddr, Client>>,
}

/// Passes datagrams for as long as the thread lives.
pub(super) async fn serve(proxy: Rc<Proxy>, socket: std::net::UdpSocket) {
    let socket = match UdpSocket::from_std(socket) {
        Ok(socket) => Rc::new(socket),
        Err(error) => return proxy.trouble(|| error.to_string()),
    };
    let road = |way| Road { proxy: Rc::clone(&proxy), way, line: RefCell::default(), pushed: Notify::new() };
    let (there, back) = (road(FlowDirection::ToTarget), road(FlowDirection::FromTarget));
    let roads = Rc::new(Roads { proxy, socket, there, back, clients: RefCell::default() });
    let mut tasks = JoinSet::new();
    tokio::select! {
        () = roads.there.deliver() => {}
        () = roads.back.deliver() => {}
        () = receive(&roads, &mut tasks) => {}
    }
}

/// Takes what clients send.
async fn receive(roads: &Rc<Roads>, tasks: &mut JoinSet<()>) {
    loop {
        tokio::select! {
            biased;
            Some(ended) = tasks.join_next(), if !tasks.is_empty() => {
                if ended.is_err_and(|error| error.is_panic()) {
                    roads.proxy.trouble(|| "the task of a client ended early: this is a defect of shakedown".to_owned());
                }
            }
            _ = roads.socket.readable() => {
                for _ in 0..BATCH {
                    if !roads.receive_one(tasks) {
                        break;
                    }
                }
                tokio::task::yield_now().await;
            }
        }
    }
}

impl Roads {
    /// False when nothing is there.
    fn receive_one(self: &Rc<Self>, tasks: &mut JoinSet<()>) -> bool {
        let mut scratch = self.proxy.scratch.borrow_mut();
        let (length, peer) = match self.socket.try_recv_from(&mut scratch) {
            Ok(received) => received,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return false,
            // An earlier answer met nobody there any more.
            Err(_) => return true,
        };
        let socket = match self.socket_of(peer, tasks) {
            Ok(socket) => socket,
            Err(error) => {
                self.proxy.unreached(&error);
                return true;
            }
        };
        self.there.pass(scratch.get(..length).unwrap_or_default(), &socket, None);
        true
    }

    /// The socket of a client to the target.
    fn socket_of(self: &Rc<Self>, peer: SocketAddr, tasks: &mut JoinSet<()>) -> io::Result<Rc<UdpSocket>> {
        if let Some(client) = self.clients.borrow().get(&peer) {
            client.heard.set(Instant::now());
            return Ok(Rc::clone(&client.socket));
        }
        if self.clients.borrow().len() >= self.proxy.most {
            self.forget_one();
        }
        let target = self.proxy.config.target;
        let any = if target.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
        let socket = bind(SocketAddr::new(any, 0))?;
        socket.connect(target)?;
        let socket = Rc::new(UdpSocket::from_std(socket)?);
        let heard = Rc::new(Cell::new(Instant::now()));
        let task = tasks.spawn_local(Rc::clone(self).answers(peer, Rc::clone(&socket), Rc::clone(&heard)));
        self.clients.borrow_mut().insert(peer, Client { socket: Rc::clone(&socket), heard, task });
        Ok(socket)
    }

    /// Makes room: the client that was not heard of for longest.
    fn forget_one(&self) {
        let mut clients = self.clients.borrow_mut();
        let oldest = clients.iter().min_by_key(|(_, client)| client.heard.get()).map(|(peer, _)| *peer);
        let Some(client) = oldest.and_then(|peer| clients.remove(&peer)) else { return };
        client.task.abort();
        if client.heard.get().elapsed() < FRESH {
            let most = counted(self.proxy.most, "client");
            self.proxy.trouble(|| format!("more than {most} at once; a longer `interval` makes fewer"));
        }
    }

    /// Takes what the target sends to a client, until that is idle.
    async fn answers(self: Rc<Self>, peer: SocketAddr, socket: Rc<UdpSocket>, heard: Rc<Cell<Instant>>) {
        loop {
            tokio::select! {
                biased;
                _ = socket.readable() => {
                    let mut scratch = self.proxy.scratch.borrow_mut();
                    if let Ok(length) = socket.try_recv(&mut scratch) {
                        heard.set(Instant::now());
                        self.back.pass(scratch.get(..length).unwrap_or_default(), &self.socket, Some(peer));
                    }
                }
                () = sleep_until(heard.get() + IDLE) => {
                    if heard.get().elapsed() >= IDLE {
                        break;
                    }
                }
            }
        }
        self.clients.borrow_mut().remove(&peer);
    }
}

impl Road {
    /// Passes a datagram on, now or when its time has come; or loses it.
    fn pass(&self, bytes: &[u8], socket: &Rc<UdpSocket>, to: Option<SocketAddr>) {
        let rule = self.proxy.setting().rule(self.way);
        if rule.held || self.proxy.loses(&rule) {
            return;
        }
        let mut line = self.line.borrow_mut();
        if rule.rate == 0 && !rule.delays() && line.due.is_empty() {
            return self.send(bytes, socket, to);
        }
        if line.size + bytes.len() > room(&rule) {
            // A link that is too slow loses what does not fit; without one, this is our own limit.
            if rule.rate == 0 {
                self.proxy.trouble(|| format!("more than {MOST} bytes waited for their time, so some were lost"));
            }
            return;
        }
        let packet = Packet { bytes: bytes.to_vec(), socket: Rc::clone(socket), to };
        line.push(self.proxy.due(&rule), packet);
        self.pushed.notify_one();
    }

    /// Sends what waits, when its time has come.
    async fn deliver(&self) {
        let mut setting = self.proxy.subscribe();
        loop {
            let rule = setting.borrow_and_update().rule(self.way);
            let until = self.deliver_due(&rule);
            tokio::select! {
                biased;
                _ = setting.changed() => {}
                () = self.pushed.notified() => {}
                () = sleep_until(until.unwrap_or_else(Instant::now)), if until.is_some() => {}
            }
        }
    }

    /// When the next one may leave.
    fn deliver_due(&self, rule: &Rule) -> Option<Instant> {
        loop {
            let now = Instant::now();
            // What a latency of before holds back is let go with it.
            let due = self.line.borrow().next()?;
            let wait = Some(due).filter(|due| rule.delays() && *due > now);
            let wait = wait.or_else(|| self.proxy.wait(self.way, rule, now)).filter(|_| !rule.held);
            if wait.is_some() {
                return wait;
            }
            let packet = self.line.borrow_mut().pop()?;
            if !rule.held {
                self.proxy.spend(self.way, rule, now, packet.bytes.len());
                self.send(&packet.bytes, &packet.socket, packet.to);
            }
        }
    }

    fn send(&self, bytes: &[u8], socket: &UdpSocket, to: Option<SocketAddr>) {
        // Not by way of the runtime: of a new socket it does not know yet that it takes something.
        let socket = SockRef::from(socket);
        let send = || match to {
            Some(peer) => socket.send_to(bytes, &SockAddr::from(peer)),
            None => socket.send(bytes),
        };
        let refused = |error: &io::Error| error.kind() == io::ErrorKind::ConnectionRefused;
        // What an earlier datagram met is told to the next one, which does not leave.
        match send().or_else(|error| if refused(&error) { send() } else { Err(error) }) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock || is_own(&error) => {
                self.proxy.trouble(|| format!("a datagram could not be sent: {error}"));
            }
            _ => {}
        }
    }
}

/// Bytes that may wait.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "at most the bytes of all that wait")]
fn room(rule: &Rule) -> usize {
    if rule.rate == 0 {
        return MOST;
    }
    ((rule.rate as f64 / 8.0 * BUFFER) as usize + LARGEST).min(MOST)
}

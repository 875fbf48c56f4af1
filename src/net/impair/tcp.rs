//! Connections of a TCP proxy, from the client's arrival to the end of both sides.

use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use socket2::SockRef;
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::watch;
use tokio::task::{JoinError, JoinSet};
use tokio::time::sleep;

use super::frontend::Frontend;
use super::impairment::{FlowDirection, NewConnections};
use super::proxy::{Proxy, Setting, is_own};
use super::pump::{Pump, ReadOutcome, take};
use super::queue::{End, Queue};
use crate::model::count::counted;

/// Turns of who only swallows, until others have theirs.
const TURNS: u32 = 16;
/// After a connection could not be accepted, others may have ended.
const PAUSE: Duration = Duration::from_millis(10);

/// Accepts clients for as long as the thread lives.
pub(super) async fn serve(proxy: Rc<Proxy>) {
    let (mut setting, mut clients) = (proxy.subscribe(), JoinSet::new());
    let Some(frontend) = proxy.frontend() else { return };
    loop {
        let new = setting.borrow_and_update().impairment.new_connections;
        if matches!(new, None | Some(NewConnections::Reset)) {
            answer(&proxy, frontend, &mut setting, &mut clients).await;
        } else {
            tokio::select! {
                _ = setting.changed() => {}
                Some(ended) = clients.join_next() => whole(&proxy, &ended),
            }
        }
    }
}

/// Answers new connections until a change.
async fn answer(
    proxy: &Rc<Proxy>,
    frontend: &Frontend,
    setting: &mut watch::Receiver<Setting>,
    clients: &mut JoinSet<()>,
) {
    let listener = match frontend.listener() {
        Ok(listener) => listener,
        Err(error) => {
            proxy.trouble(|| format!("it could not listen any more: {error}"));
            return sleep(PAUSE).await;
        }
    };
    loop {
        tokio::select! {
            biased;
            _ = setting.changed() => return,
            Some(ended) = clients.join_next(), if !clients.is_empty() => whole(proxy, &ended),
            accepted = listener.accept() => match accepted {
                Ok((_, peer)) if frontend.is_own(peer) => {}
                Ok((client, _)) if proxy.setting().impairment.new_connections.is_some() => reset(client),
                Ok((client, _)) if clients.len() >= proxy.most => {
                    proxy.trouble(|| {
                        let most = counted(proxy.most, "connection");
                        format!("more than {most} at once; a longer `interval` makes fewer")
                    });
                    reset(client);
                }
                Ok((client, _)) => drop(clients.spawn_local(connection(Rc::clone(proxy), client))),
                Err(error) if is_own(&error) => {
                    proxy.trouble(|| format!("it could not accept a connection: {error}"));
                    sleep(PAUSE).await;
                }
                // One that ended before it was accepted.
                Err(_) => {}
            }
        }
    }
}

/// A task that ended early took a connection with it.
fn whole(proxy: &Proxy, ended: &Result<(), JoinError>) {
    if ended.as_ref().is_err_and(JoinError::is_panic) {
        proxy.trouble(|| "a connection ended early: this is a defect of shakedown".to_owned());
    }
}

/// What ends connections from here.
enum ForcedEnd {
    Reset,
    HalfOpen,
}

/// Ends when connections of before the change `born` are to end.
async fn forced_end(mut setting: watch::Receiver<Setting>, born: u64) -> ForcedEnd {
    let ends = |now: &Setting| now.number > born && (now.impairment.reset || now.impairment.half_open);
    match setting.wait_for(ends).await {
        Ok(now) if now.impairment.half_open => ForcedEnd::HalfOpen,
        _ => ForcedEnd::Reset,
    }
}

async fn connection(proxy: Rc<Proxy>, client: TcpStream) {
    let setting = proxy.subscribe();
    let born = setting.borrow().number;
    let _ = client.set_nodelay(true);
    let mut sent = Queue::new(&proxy.memory);
    let reached = tokio::select! {
        biased;
        _ = forced_end(setting.clone(), born) => None,
        target = reach(&proxy, &client, &mut sent) => target,
    };
    let Some(target) = reached else { return reset(client) };
    let _ = target.set_nodelay(true);
    let forced_end = {
        let pump = |way, from, to, queue| Pump { proxy: &proxy, way, from, to, setting: setting.clone(), queue };
        let there = pump(FlowDirection::ToTarget, &client, &target, sent);
        let back = pump(FlowDirection::FromTarget, &target, &client, Queue::new(&proxy.memory));
        tokio::select! {
            biased;
            strike = forced_end(setting.clone(), born) => Some(strike),
            ended = async { tokio::try_join!(there.run(), back.run()) } => {
                if ended.is_ok() {
                    return;
                }
                None
            }
        }
    };
    reset(target);
    if matches!(forced_end, Some(ForcedEnd::HalfOpen)) {
        untold(&proxy, &client, setting).await;
    }
    reset(client);
}

/// A connection to the target, once one may pass; `None` when there is none, or when the client has gone meanwhile.
async fn reach(proxy: &Proxy, client: &TcpStream, sent: &mut Queue) -> Option<TcpStream> {
    let mut passes = proxy.subscribe();
    let dial = async {
        passes.wait_for(|now| !now.rule(FlowDirection::ToTarget).held).await.ok()?;
        match connect(proxy.config.target).await {
            Ok(target) => Some(target),
            Err(error) => {
                proxy.unreached(&error);
                None
            }
        }
    };
    tokio::select! {
        biased;
        target = dial => target,
        () = leaves(proxy, client, sent) => None,
    }
}

/// Connects. Who gives up in the middle leaves a reset behind, as the client did.
async fn connect(target: SocketAddr) -> io::Result<TcpStream> {
    let socket = if target.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    socket.set_zero_linger()?;
    let stream = socket.connect(target).await?;
    SockRef::from(&stream).set_linger(None)?;
    Ok(stream)
}

/// Takes what the client sends meanwhile, and ends when it has gone. One that only has nothing more to send waits for an answer,
/// unless nothing passes: then it has given up, and the target shall not meet all of those at once afterwards.
async fn leaves(proxy: &Proxy, client: &TcpStream, sent: &mut Queue) {
    while sent.is_open() && sent.room() > 0 && client.readable().await.is_ok() {
        let rule = proxy.setting().rule(FlowDirection::ToTarget);
        match take(client, &mut proxy.scratch.borrow_mut()) {
            ReadOutcome::Bytes(bytes) => sent.push(bytes, proxy.due(&rule)),
            ReadOutcome::End(End::Reset) => return,
            ReadOutcome::End(End::Closed) if rule.held => return,
            ReadOutcome::End(end) => sent.end(end, proxy.due(&rule)),
            ReadOutcome::Nothing => {}
        }
    }
    std::future::pending::<()>().await;
}

/// A client that is not told that its other end is gone: what it sends is swallowed until the impairment ends.
async fn untold(proxy: &Proxy, client: &TcpStream, mut setting: watch::Receiver<Setting>) {
    let swallow = async {
        let mut turns = 0;
        while client.readable().await.is_ok() {
            if let ReadOutcome::End(_) = take(client, &mut proxy.scratch.borrow_mut()) {
                return;
            }
            turns += 1;
            if turns % TURNS == 0 {
                tokio::task::yield_now().await;
            }
        }
    };
    tokio::select! {
        biased;
        _ = setting.wait_for(|now| !now.impairment.half_open) => {}
        () = swallow => {}
    }
}

/// Ends a connection by RST.
fn reset(stream: TcpStream) {
    let _ = SockRef::from(&stream).set_linger(Some(Duration::ZERO));
    drop(stream);
}

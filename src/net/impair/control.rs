//! How another process of the same user switches the impairments of a run: over a socket with a name that no file has, so that
//! nothing is left of it when the run dies. One JSON line each way.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::net::{SocketAddr as UnixAddress, UnixListener as StdListener, UnixStream as StdStream};
use std::rc::Rc;
use std::time::Duration;

use nix::unistd::Uid;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::Mutex;
use tokio::time::sleep;

use super::ProxyTransport;
use super::impairment::Impairment;
use super::proxy::Proxy;

/// Bytes of one line.
const LONGEST: u64 = 256 << 10;
/// After a connection could not be accepted, others may have ended.
const PAUSE: Duration = Duration::from_millis(10);

/// A request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Request {
    /// Say how you are.
    State,
    /// Impair these proxies so, by name, each for no longer than this.
    Impair(BTreeMap<String, (Impairment, Duration)>),
    /// Impair these no more.
    Clear(Vec<String>),
}

/// A proxy as it is now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProxyState {
    /// The protocol.
    pub protocol: ProxyTransport,
    /// Where clients come in.
    pub listen: SocketAddr,
    /// Where they get to.
    pub target: SocketAddr,
    /// How it impairs.
    pub impairment: Impairment,
}

/// All proxies of a run by name, once the request is done; or why it could not be done.
pub type Reply = Result<BTreeMap<String, ProxyState>, String>;

/// Binds the socket of this name.
pub(super) fn bind(name: &str) -> io::Result<StdListener> {
    let listener = StdListener::bind_addr(&UnixAddress::from_abstract_name(name)?)?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

/// Asks the proxies behind the socket `name`; with the process that they run in. `ConnectionRefused` when there are none, or no longer.
pub async fn ask(name: &str, request: &Request) -> io::Result<(Reply, Option<i32>)> {
    let stream = StdStream::connect_addr(&UnixAddress::from_abstract_name(name)?)?;
    stream.set_nonblocking(true)?;
    let mut stream = UnixStream::from_std(stream)?;
    let peer = stream.peer_cred()?;
    if !is_trusted(peer.uid()) {
        // Somebody took the name after the run had ended.
        return Err(io::ErrorKind::ConnectionRefused.into());
    }
    let mut line = serde_json::to_vec(request)?;
    line.push(b'\n');
    stream.write_all(&line).await?;
    let mut answer = Vec::new();
    BufReader::new(stream.take(LONGEST)).read_until(b'\n', &mut answer).await?;
    if answer.is_empty() {
        return Err(io::ErrorKind::ConnectionReset.into());
    }
    Ok((serde_json::from_slice(&answer)?, peer.pid()))
}

/// Ourselves, and root, who may do it anyway.
fn is_trusted(user: u32) -> bool {
    user == 0 || user == Uid::effective().as_raw()
}

/// The proxies of a run, and whose turn it is to change them.
pub(super) struct Control {
    pub(super) proxies: Vec<Rc<Proxy>>,
    pub(super) turn: Mutex<()>,
}

/// Answers requests for as long as the thread lives.
pub(super) async fn serve(control: Rc<Control>, listener: StdListener) -> io::Result<()> {
    let listener = UnixListener::from_std(listener)?;
    loop {
        match listener.accept().await {
            Ok((stream, _)) if stream.peer_cred().is_ok_and(|peer| is_trusted(peer.uid())) => {
                let control = Rc::clone(&control);
                tokio::task::spawn_local(async move {
                    // Who asks and does not wait for the answer is not missed.
                    let _ = control.answer(stream).await;
                });
            }
            Ok(_) => {}
            Err(_) => sleep(PAUSE).await,
        }
    }
}

impl Control {
    async fn answer(self: Rc<Self>, mut stream: UnixStream) -> io::Result<()> {
        let mut line = Vec::new();
        BufReader::new((&mut stream).take(LONGEST)).read_until(b'\n', &mut line).await?;
        let reply = match serde_json::from_slice(&line) {
            Ok(request) => self.act(request).await,
            Err(error) => Err(format!("not understood: {error}")),
        };
        let mut line = serde_json::to_vec(&reply)?;
        line.push(b'\n');
        stream.write_all(&line).await
    }

    async fn act(self: &Rc<Self>, request: Request) -> Reply {
        let _turn = self.turn.lock().await;
        match request {
            Request::State => {}
            Request::Impair(all) => {
                // All are known, or none is impaired.
                let known = all.into_iter().map(|(name, one)| Ok((self.proxy(&name)?, one)));
                for (proxy, (impairment, hold)) in known.collect::<Result<Vec<_>, String>>()? {
                    let number = set(&proxy, impairment).await?;
                    tokio::task::spawn_local(Rc::clone(self).end(proxy, number, hold));
                }
            }
            Request::Clear(names) => {
                let all: Vec<_> = names.iter().map(|name| self.proxy(name)).collect::<Result<_, String>>()?;
                for proxy in all {
                    set(&proxy, Impairment::default()).await?;
                }
            }
        }
        Ok(self.proxies.iter().map(|proxy| (proxy.config.name.clone(), state(proxy))).collect())
    }

    fn proxy(&self, name: &str) -> Result<Rc<Proxy>, String> {
        let found = self.proxies.iter().find(|proxy| proxy.config.name == name);
        found.cloned().ok_or_else(|| format!("there is no proxy `{name}`"))
    }

    /// Ends an impairment that nobody ended, whatever became of who set it.
    async fn end(self: Rc<Self>, proxy: Rc<Proxy>, number: u64, hold: Duration) {
        sleep(hold).await;
        let _turn = self.turn.lock().await;
        if proxy.setting().number == number {
            let _ = set(&proxy, Impairment::default()).await;
        }
    }
}

async fn set(proxy: &Proxy, impairment: Impairment) -> Result<u64, String> {
    proxy.set(impairment).await.map_err(|error| format!("proxy `{}`: {error}", proxy.config.name))
}

fn state(proxy: &Proxy) -> ProxyState {
    let config = &proxy.config;
    ProxyState {
        protocol: config.protocol,
        listen: config.listen,
        target: config.target,
        impairment: proxy.setting().impairment,
    }
}

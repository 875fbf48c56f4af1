//! A pair of backends behind a proxy that prefers A and goes to B when A fails its health check: the smallest thing that
//! really fails over.
//!
//! A control listener takes the place of an operator: one line per connection, `stop a` or `start a` (or `b`), answered
//! with `ok` or the reason why not. A suite's inject command reaches it through [`control`].
//!
//! From the moment a backend stops until the health check has noticed, the proxy resets whoever connects. A probe must
//! therefore exchange something: the handshake alone is the proxy's.

use std::io::{self, Write as _};
use std::net::{Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Mutex, watch};
use tokio::task::JoinSet;
use tokio::time::{interval, timeout};

use super::Tasks;

/// Between two health checks.
const HEALTH: Duration = Duration::from_millis(50);
/// Checks in a row that change the proxy's mind.
const CHECKS: u32 = 2;
/// Longest line of the control protocol, and longest request head of the backends.
const MAX_BYTES: u64 = 4096;
/// How long any peer of the lab may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// Connections served at once, by each listener.
const CONNECTIONS: usize = 512;

/// A running pair; it stops when dropped.
#[derive(Debug)]
pub struct Pair {
    front: SocketAddr,
    control: SocketAddr,
    _tasks: Tasks,
}

impl Pair {
    /// Starts two backends, their proxy and the control listener on ports the system chooses.
    pub async fn start() -> io::Result<Self> {
        let backends = Arc::new([Backend::start("a").await?, Backend::start("b").await?]);
        let (front, control) = (listen().await?, listen().await?);
        let (front_address, control_address) = (front.local_addr()?, control.local_addr()?);
        let (choice, chosen) = watch::channel(0);
        let mut tasks = Tasks::default();
        tasks.spawn(check_health(Arc::clone(&backends), choice));
        tasks.spawn(serve(front, {
            let backends = Arc::clone(&backends);
            move |client| proxy(client, Arc::clone(&backends), chosen.clone())
        }));
        tasks.spawn(serve(control, move |client| handle_control(client, Arc::clone(&backends))));
        Ok(Self { front: front_address, control: control_address, _tasks: tasks })
    }

    /// Where clients connect.
    #[must_use]
    pub fn front(&self) -> SocketAddr {
        self.front
    }

    /// Where [`control`] connects.
    #[must_use]
    pub fn control(&self) -> SocketAddr {
        self.control
    }
}

/// Says `words` (`stop a`) to a control listener; an error when it does not answer `ok`.
pub async fn control(address: SocketAddr, words: &[String]) -> io::Result<()> {
    let conversation = async {
        let mut stream = TcpStream::connect(address).await?;
        stream.write_all(format!("{}\n", words.join(" ")).as_bytes()).await?;
        let mut answer = String::new();
        stream.take(MAX_BYTES).read_to_string(&mut answer).await?;
        if answer.trim() == "ok" { Ok(()) } else { Err(io::Error::other(answer.trim().to_owned())) }
    };
    timeout(PATIENCE, conversation).await?
}

/// The hidden subcommand `shakedown __lab CONTROL stop a`: the inject and restore commands of a suite that runs against
/// this lab. False when the lab did not obey; why stands on standard error.
#[must_use]
pub fn main(address: SocketAddr, words: &[String]) -> bool {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    match runtime.and_then(|runtime| runtime.block_on(control(address, words))) {
        Ok(()) => true,
        Err(error) => {
            let _ = writeln!(io::stderr(), "lab: {error}");
            false
        }
    }
}

async fn listen() -> io::Result<TcpListener> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await
}

/// Accepts until dropped; the connections end with it.
async fn serve<F: Future<Output = ()> + Send + 'static>(listener: TcpListener, answer: impl Fn(TcpStream) -> F + Send) {
    let mut connections = JoinSet::new();
    loop {
        while connections.try_join_next().is_some() {}
        if connections.len() >= CONNECTIONS {
            connections.join_next().await;
        }
        if let Ok((stream, _)) = listener.accept().await {
            let task: Pin<Box<dyn Future<Output = ()> + Send>> = Box::pin(answer(stream));
            connections.spawn(task);
        } else {
            // Out of descriptors: a connection that ends frees some; without any, the next turn of the loop tries again.
            connections.join_next().await;
            tokio::task::yield_now().await;
        }
    }
}

/// One backend: a name, and while it runs an address.
#[derive(Debug)]
struct Backend {
    name: &'static str,
    running: Mutex<Option<(SocketAddr, Tasks)>>,
}

impl Backend {
    async fn start(name: &'static str) -> io::Result<Self> {
        let backend = Self { name, running: Mutex::default() };
        backend.begin().await?;
        Ok(backend)
    }

    /// On a new port each time: the old one may belong to somebody else by now.
    async fn begin(&self) -> io::Result<()> {
        let mut running = self.running.lock().await;
        if running.is_none() {
            let listener = listen().await?;
            let address = listener.local_addr()?;
            let mut tasks = Tasks::default();
            let name = self.name;
            tasks.spawn(serve(listener, move |client| greet(client, name)));
            *running = Some((address, tasks));
        }
        Ok(())
    }

    /// Closes the listener and every connection.
    async fn end(&self) {
        *self.running.lock().await = None;
    }

    async fn connect(&self) -> io::Result<TcpStream> {
        let address = self.running.lock().await.as_ref().map(|(address, _)| *address);
        let address = address.ok_or(io::ErrorKind::ConnectionRefused)?;
        timeout(HEALTH, TcpStream::connect(address)).await?
    }
}

/// Answers every request of a connection with the backend's name.
async fn greet(client: TcpStream, name: &'static str) {
    let mut client = BufReader::new(client);
    while let Ok(Ok(true)) = timeout(PATIENCE, request(&mut client)).await {
        let answer =
            format!("HTTP/1.1 200 OK\r\nServer: lab-{name}\r\nContent-Length: {}\r\n\r\n{name}\n", name.len() + 1);
        if client.write_all(answer.as_bytes()).await.is_err() {
            return;
        }
    }
}

/// Reads one request head; false at the end of the connection.
async fn request(client: &mut BufReader<TcpStream>) -> io::Result<bool> {
    let mut head = client.take(MAX_BYTES);
    let mut line = String::new();
    while head.read_line(&mut line).await? > 0 {
        if line.trim().is_empty() {
            return Ok(true);
        }
        line.clear();
    }
    Ok(false)
}

/// Prefers A; changes its mind after [`CHECKS`] equal results.
async fn check_health(backends: Arc<[Backend; 2]>, choice: watch::Sender<usize>) {
    let mut clock = interval(HEALTH);
    let mut mismatches = 0;
    let [preferred, _] = &*backends;
    loop {
        clock.tick().await;
        let healthy = preferred.connect().await.is_ok();
        let on_preferred = *choice.borrow() == 0;
        mismatches = if healthy == on_preferred { 0 } else { mismatches + 1 };
        if mismatches >= CHECKS {
            mismatches = 0;
            let _ = choice.send(usize::from(on_preferred));
        }
    }
}

async fn proxy(mut client: TcpStream, backends: Arc<[Backend; 2]>, chosen: watch::Receiver<usize>) {
    let index = *chosen.borrow();
    let Some(backend) = backends.get(index) else { return };
    let Ok(mut server) = backend.connect().await else {
        let _ = client.set_zero_linger();
        return;
    };
    let _ = tokio::io::copy_bidirectional(&mut client, &mut server).await;
}

async fn handle_control(client: TcpStream, backends: Arc<[Backend; 2]>) {
    let mut client = BufReader::new(client);
    let mut line = String::new();
    if !matches!(timeout(PATIENCE, (&mut client).take(MAX_BYTES).read_line(&mut line)).await, Ok(Ok(_))) {
        return;
    }
    let answer = match execute(line.trim(), &backends).await {
        Ok(()) => "ok\n".to_owned(),
        Err(error) => format!("{error}\n"),
    };
    let _ = client.write_all(answer.as_bytes()).await;
    let _ = client.shutdown().await;
}

async fn execute(line: &str, backends: &[Backend; 2]) -> io::Result<()> {
    let (verb, name) = line.split_once(' ').unwrap_or((line, ""));
    let backend = backends
        .iter()
        .find(|backend| backend.name == name)
        .ok_or_else(|| io::Error::other(format!("no backend `{name}`: write stop a, start a, stop b or start b")))?;
    match verb {
        "stop" => backend.end().await,
        "start" => backend.begin().await?,
        _ => return Err(io::Error::other(format!("unknown word `{verb}`: write stop or start"))),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpStream;

    use super::{Pair, control};

    async fn who(pair: &Pair) -> Option<String> {
        let mut stream = TcpStream::connect(pair.front()).await.ok()?;
        stream.write_all(b"GET / HTTP/1.1\r\nHost: lab\r\n\r\n").await.ok()?;
        let mut answer = [0_u8; 200];
        let count = stream.read(&mut answer).await.ok()?;
        let text = String::from_utf8_lossy(&answer[..count]).into_owned();
        text.starts_with("HTTP/1.1 200").then(|| text.trim().rsplit('\n').next().unwrap_or_default().to_owned())
    }

    async fn until(pair: &Pair, name: &str) -> u32 {
        let mut silent = 0;
        let wait = async {
            loop {
                match who(pair).await {
                    Some(found) if found == name => return,
                    Some(_) => {}
                    None => silent += 1,
                }
            }
        };
        tokio::time::timeout(Duration::from_secs(30), wait).await.unwrap();
        silent
    }

    fn words(text: &str) -> Vec<String> {
        text.split(' ').map(str::to_owned).collect()
    }

    #[tokio::test]
    async fn stopping_a_leads_to_b_with_an_outage_between_and_starting_leads_back() {
        let pair = Pair::start().await.unwrap();
        assert_eq!(who(&pair).await.as_deref(), Some("a"));
        control(pair.control(), &words("stop a")).await.unwrap();
        assert_eq!(who(&pair).await, None, "nobody answers until the health check has noticed");
        until(&pair, "b").await;
        control(pair.control(), &words("start a")).await.unwrap();
        assert_eq!(until(&pair, "a").await, 0, "going back costs nothing");
    }

    #[tokio::test]
    async fn stopping_both_leaves_nobody() {
        let pair = Pair::start().await.unwrap();
        control(pair.control(), &words("stop b")).await.unwrap();
        assert_eq!(who(&pair).await.as_deref(), Some("a"));
        control(pair.control(), &words("stop a")).await.unwrap();
        assert_eq!(who(&pair).await, None);
    }

    #[tokio::test]
    async fn control_tells_what_it_does_not_know() {
        let pair = Pair::start().await.unwrap();
        let error = control(pair.control(), &words("stop c")).await.unwrap_err();
        assert!(error.to_string().contains("no backend `c`"), "{error}");
        assert!(control(pair.control(), &words("kick a")).await.is_err());
    }
}

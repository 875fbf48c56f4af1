//! HAProxy's runtime API (management guide, 9.3): one command on a connection of its own, and what `show servers state` says.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::UnixStream;

use crate::model::Fault;
use crate::net::{ConnectError, Origin, connect, deadline};

/// Bytes of an answer at most: a server has a line of some hundred.
const LONGEST: usize = 4 << 20;
/// Characters shown of an answer that is not understood.
const SHOWN: usize = 200;
/// Columns of `show servers state`, by their names in its second line.
const COLUMNS: [&str; 5] = ["be_name", "srv_name", "srv_op_state", "srv_admin_state", "srv_uweight"];

/// Where a HAProxy takes commands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RuntimeSocket {
    /// A Unix socket of this host.
    Unix(PathBuf),
    /// A TCP port.
    Tcp(SocketAddr),
}

impl fmt::Display for RuntimeSocket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix(path) => write!(f, "{}", path.display()),
            Self::Tcp(address) => write!(f, "{address}"),
        }
    }
}

/// Why there is no answer.
#[derive(Debug)]
pub enum NoAnswer {
    /// Nobody could be reached by the Unix socket.
    Unconnected(io::Error),
    /// Nobody could be reached by TCP.
    Unreached(ConnectError),
    /// This side could not ask.
    Fault(Fault),
    /// The connection broke.
    Broken(io::Error),
    /// Silence.
    Timeout,
    /// More than is read.
    TooLong,
}

/// Sends one command, which must have no line end and no `;` in it, and reads the answer to its end.
pub async fn ask(socket: &RuntimeSocket, command: &str, patience: Duration) -> Result<String, NoAnswer> {
    let exchange = async {
        match socket {
            RuntimeSocket::Unix(path) => {
                let stream = UnixStream::connect(path).await.map_err(NoAnswer::Unconnected)?;
                talk(stream, command).await
            }
            RuntimeSocket::Tcp(peer) => {
                let dialled = connect(*peer, Origin::default(), patience).await.map_err(NoAnswer::Fault)?;
                talk(dialled.map_err(NoAnswer::Unreached)?.stream, command).await
            }
        }
    };
    deadline::within(patience, exchange).await.unwrap_or(Err(NoAnswer::Timeout))
}

/// The other side closes after the answer to one line: the connection is not interactive.
async fn talk(mut stream: impl AsyncRead + AsyncWrite + Unpin, command: &str) -> Result<String, NoAnswer> {
    stream.write_all(format!("{command}\n").as_bytes()).await.map_err(NoAnswer::Broken)?;
    let mut bytes = Vec::new();
    stream.take(LONGEST as u64 + 1).read_to_end(&mut bytes).await.map_err(NoAnswer::Broken)?;
    if bytes.len() > LONGEST {
        return Err(NoAnswer::TooLong);
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// A server of a backend, as it is now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerRow {
    /// Its backend.
    pub backend: String,
    /// Its name.
    pub server: String,
    /// What its health says.
    pub operational: OperationalState,
    /// Why it is taken out.
    pub admin: AdminState,
    /// Its weight; with 0 it gets no new clients.
    pub weight: u32,
}

/// What the health of a server says (`srv_op_state`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OperationalState {
    /// Down.
    Stopped,
    /// Up, and warming up.
    Starting,
    /// Up.
    Running,
    /// Up, and about to leave: its check says so.
    Stopping,
}

/// Why a server is taken out (`srv_admin_state`): bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AdminState(u32);

impl AdminState {
    const FORCED_MAINT: u32 = 0x01;
    const INHERITED_MAINT: u32 = 0x02;
    const FORCED_DRAIN: u32 = 0x08;
    const INHERITED_DRAIN: u32 = 0x10;
    const UNRESOLVED: u32 = 0x20;

    /// Somebody put it into maintenance.
    #[must_use]
    pub const fn is_forced_maint(self) -> bool {
        self.0 & Self::FORCED_MAINT != 0
    }

    /// Somebody has it drained.
    #[must_use]
    pub const fn is_forced_drain(self) -> bool {
        self.0 & Self::FORCED_DRAIN != 0
    }

    /// Nobody took it out by hand.
    #[must_use]
    pub const fn is_unforced(self) -> bool {
        !self.is_forced_maint() && !self.is_forced_drain()
    }

    /// Why it is out although nobody took it out by hand, for people.
    #[must_use]
    pub const fn otherwise_out(self) -> Option<&'static str> {
        if self.0 & Self::INHERITED_MAINT != 0 {
            Some("is in maintenance with the server that it tracks")
        } else if self.0 & Self::INHERITED_DRAIN != 0 {
            Some("is drained with the server that it tracks")
        } else if self.0 & Self::UNRESOLVED != 0 {
            Some("is in maintenance because its name is not resolved")
        } else {
            None
        }
    }
}

/// The servers that an answer to `show servers state` tells of. The error is for people.
pub fn servers(answer: &str) -> Result<Vec<ServerRow>, String> {
    let mut lines = answer.lines().map(str::trim).filter(|line| !line.is_empty());
    let head = lines.by_ref().find_map(|line| line.strip_prefix("# "));
    let head = head.ok_or_else(|| format!("it answered {}", quoted(answer)))?;
    let place = |name: &str| head.split_ascii_whitespace().position(|column| column == name);
    let missing = |name: &str| format!("its table of servers has no column `{name}`");
    let mut places = [0; COLUMNS.len()];
    for (place_of, name) in places.iter_mut().zip(COLUMNS) {
        *place_of = place(name).ok_or_else(|| missing(name))?;
    }
    lines.map(|line| row(line, places).ok_or_else(|| format!("it wrote of a server {}", quoted(line)))).collect()
}

fn row(line: &str, [backend, server, operational, admin, weight]: [usize; COLUMNS.len()]) -> Option<ServerRow> {
    let cells: Vec<&str> = line.split_ascii_whitespace().collect();
    let cell = |at: usize| cells.get(at).copied();
    Some(ServerRow {
        backend: cell(backend)?.to_owned(),
        server: cell(server)?.to_owned(),
        operational: match cell(operational)? {
            "0" => OperationalState::Stopped,
            "1" => OperationalState::Starting,
            "2" => OperationalState::Running,
            "3" => OperationalState::Stopping,
            _ => return None,
        },
        admin: AdminState(cell(admin)?.parse().ok()?),
        weight: cell(weight)?.parse().ok()?,
    })
}

/// The backends that an answer to `show backend` names.
#[must_use]
pub fn backends(answer: &str) -> Vec<String> {
    let lines = answer.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.map(str::to_owned).collect()
}

/// What it said, for people: the beginning of its first line.
#[must_use]
pub fn quoted(answer: &str) -> String {
    let line = answer.lines().map(str::trim).find(|line| !line.is_empty());
    let Some(line) = line else { return "nothing".to_owned() };
    let sign = |c: char| if matches!(c, ' '..='~') { c.to_string() } else { c.escape_default().to_string() };
    let cut = if line.chars().nth(SHOWN).is_some() { "…" } else { "" };
    format!("\"{}{cut}\"", line.chars().take(SHOWN).map(sign).collect::<String>())
}

/// Reads `bytes` as answers; for the fuzzer.
#[cfg(feature = "fuzzing")]
pub fn fuzz_parse(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    if let Ok(rows) = servers(&text) {
        assert!(rows.len() < text.lines().count(), "the head is no server");
    }
    assert!(quoted(&text).chars().all(|c| matches!(c, ' '..='~' | '…')));
    let _ = backends(&text);
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;
    use std::time::Duration;

    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::{TcpListener, UnixListener};

    use super::{LONGEST, NoAnswer, OperationalState, RuntimeSocket, ask, backends, quoted, servers};

    const HEAD: &str = "1\n# be_id be_name srv_id srv_name srv_addr srv_op_state srv_admin_state srv_uweight srv_iweight srv_time_since_last_change\n";

    #[test]
    fn rows_are_read_by_the_names_of_columns() {
        let text = format!("{HEAD}3 web 1 web1 192.0.2.1 2 0 1 1 7\n3 web 2 web2 192.0.2.2 0 9 100 100 7\n\n");
        let rows = servers(&text).unwrap();
        assert_eq!((rows.len(), &*rows[0].backend, &*rows[1].server), (2, "web", "web2"));
        assert_eq!((rows[0].operational, rows[1].operational), (OperationalState::Running, OperationalState::Stopped));
        assert!(rows[0].admin.is_unforced() && rows[1].admin.is_forced_drain() && rows[1].admin.is_forced_maint());
        assert_eq!((rows[0].weight, rows[1].weight), (1, 100));
        let other = "# srv_uweight srv_admin_state x be_name srv_name srv_op_state\n0 36 y b s 3\n";
        let rows = servers(other).unwrap();
        assert_eq!((&*rows[0].backend, rows[0].weight, rows[0].operational), ("b", 0, OperationalState::Stopping));
        assert!(
            rows[0].admin.otherwise_out().unwrap().contains("not resolved"),
            "and of the configuration, which is no reason"
        );
        assert_eq!(servers(HEAD).unwrap(), []);
    }

    #[test]
    fn what_is_no_table_is_told() {
        assert_eq!(servers("Can't find backend.\n\n").unwrap_err(), "it answered \"Can't find backend.\"");
        assert_eq!(servers("").unwrap_err(), "it answered nothing");
        assert!(servers("# be_name srv_name srv_op_state\n").unwrap_err().contains("`srv_admin_state`"));
        for row in
            ["3 web 1 web1 192.0.2.1 2 0", "3 web 1 web1 192.0.2.1 7 0 1 1 7", "3 web 1 web1 192.0.2.1 2 0x1 1 1 7"]
        {
            assert!(servers(&format!("{HEAD}{row}\n")).unwrap_err().contains("it wrote of a server"), "{row}");
        }
        assert_eq!(quoted("\n a\u{1b}[2Jb \n"), "\"a\\u{1b}[2Jb\"");
        assert_eq!(quoted(&"x".repeat(900)).chars().count(), 203);
        assert_eq!(backends("# name\nweb\n static\n\n"), ["web", "static"]);
    }

    /// Answers one line with `answer`, and says what it was asked.
    async fn answers(listener: TcpListener, answer: Vec<u8>) -> String {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut bytes = [0; 256];
        let count = stream.read(&mut bytes).await.unwrap();
        // The other side may have read enough.
        let _ = stream.write_all(&answer).await;
        String::from_utf8(bytes[..count].to_vec()).unwrap()
    }

    #[tokio::test]
    async fn one_command_goes_over_a_connection_and_its_answer_is_bounded() {
        for (answer, fits) in [(b"admin\n\n".to_vec(), true), (vec![b'x'; LONGEST + 1], false)] {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let socket = RuntimeSocket::Tcp(listener.local_addr().unwrap());
            let (got, asked) =
                tokio::join!(ask(&socket, "show cli level", Duration::from_secs(20)), answers(listener, answer));
            assert_eq!(asked, "show cli level\n");
            assert!(if fits { got.unwrap() == "admin\n\n" } else { matches!(got, Err(NoAnswer::TooLong)) });
        }
    }

    #[tokio::test]
    async fn whoever_is_not_there_or_says_nothing_is_told_apart() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sock");
        let unix = RuntimeSocket::Unix(path.clone());
        let asked = async |socket: &RuntimeSocket| ask(socket, "x", Duration::from_millis(100)).await.unwrap_err();
        let NoAnswer::Unconnected(error) = asked(&unix).await else { panic!("connected") };
        assert_eq!(error.raw_os_error(), Some(libc::ENOENT));
        let listener = UnixListener::bind(&path).unwrap();
        assert!(matches!(asked(&unix).await, NoAnswer::Timeout));
        drop(listener);
        let NoAnswer::Unconnected(error) = asked(&unix).await else { panic!("connected") };
        assert_eq!(error.raw_os_error(), Some(libc::ECONNREFUSED));
        // Bound and not listening: every connection is refused.
        let held = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
        held.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into()).unwrap();
        let tcp = RuntimeSocket::Tcp(held.local_addr().unwrap().as_socket().unwrap());
        assert!(matches!(asked(&tcp).await, NoAnswer::Unreached(_)));
    }
}

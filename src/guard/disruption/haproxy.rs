//! A server of a backend that HAProxy takes out, over its runtime API, and puts back.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::time::{Instant, sleep};

use super::Unrestored;
use crate::model::argument::choices;
use crate::model::visible::visible;
use crate::model::{Choices as _, human_time, shell};
use crate::net::ConnectError;
use crate::proto::haproxy::{NoAnswer, OperationalState, RuntimeSocket, ServerRow, ask, backends, quoted, servers};

/// A HAProxy that lives answers within this, on a busy host too.
const ANSWER: Duration = Duration::from_secs(3);
/// One that is being started or reloaded is waited for so long before it counts as gone.
const PATIENCE: Duration = Duration::from_secs(8);
/// From one try to the next meanwhile.
const PAUSE: Duration = Duration::from_millis(200);
/// Names that are listed where another one was written.
const LISTED: usize = 10;
/// Characters of a name.
const LONGEST_NAME: usize = 128;

choices! {
    /// How a server is taken out.
    #[derive(Serialize, Deserialize)]
    #[serde(rename_all = "snake_case")]
    pub enum OutState {
        /// It gets no new clients; sessions go on, and so do checks.
        Drain = "drain",
        /// Maintenance: it gets nothing, and is not checked.
        Maint = "maint",
    }
}

/// The state of a server that nobody took out, as `set server` calls it.
const READY: &str = "ready";

/// A server of a backend.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HaproxyServer {
    /// Where its HAProxy takes commands.
    pub socket: RuntimeSocket,
    /// Its backend.
    pub backend: String,
    /// Its name.
    pub server: String,
}

/// `set server BACKEND/SERVER state drain`, or `maint`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HaproxyChange {
    /// Which server.
    pub server: HaproxyServer,
    /// How it is taken out.
    pub state: OutState,
}

/// The same server as it was: ready, because nothing else is begun with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HaproxyUndo {
    server: HaproxyServer,
    /// How it was taken out: another state is somebody else's.
    set: OutState,
}

impl HaproxyChange {
    pub(super) async fn prepare(&self) -> Result<HaproxyUndo, String> {
        let server = &self.server;
        // An older one does not know the question; it refuses the change then.
        let level = server.ask("show cli level").await?;
        if matches!(level.trim(), "user" | "operator") {
            return Err(server.without_permission(&format!("has the level `{}`", level.trim())));
        }
        match server.look().await? {
            FoundServer::Missing(why) => Err(why),
            FoundServer::Server(row) => {
                self.must_be_in_use(&row)?;
                Ok(HaproxyUndo { server: server.clone(), set: self.state })
            }
        }
    }

    /// Refuses a server that is out already, by hand or for another reason: what is put back afterwards would not be what was, and
    /// what is broken would be nothing.
    fn must_be_in_use(&self, row: &ServerRow) -> Result<(), String> {
        let why = if let Some(state) = OutState::of(row) {
            let back = shell::command(&self.server.by_hand(READY));
            return Err(format!(
                "{} was taken out before (state `{}`): put it back first ({back}), or name another one",
                self.server.name(),
                state.word()
            ));
        } else if let Some(why) = row.admin.otherwise_out() {
            why
        } else if row.operational == OperationalState::Stopped {
            "is down by its checks"
        } else if row.operational == OperationalState::Stopping {
            "is about to leave by its checks"
        } else if row.weight == 0 {
            "has the weight 0, so it gets no new clients"
        } else {
            return Ok(());
        };
        Err(format!("{} {why}: name a server that is in use", self.server.name()))
    }

    pub(super) async fn inject(&self) -> Result<(), String> {
        Ok(self.server.set(self.state.word()).await?)
    }

    pub(super) async fn in_effect(&self) -> Result<(), String> {
        match self.server.look().await? {
            FoundServer::Missing(why) => Err(why),
            FoundServer::Server(row) if OutState::of(&row) == Some(self.state) => Ok(()),
            FoundServer::Server(_) => {
                Err(format!("{} is not in the state `{}`", self.server.name(), self.state.word()))
            }
        }
    }

    /// Why it is not in place any more; `None` while it is, and where that cannot be told.
    pub(super) async fn ended_early(&self) -> Option<String> {
        match self.server.look().await.ok()? {
            FoundServer::Missing(why) => Some(why),
            FoundServer::Server(row) => {
                let found = OutState::of(&row);
                let found_word = found.map_or(READY, OutState::word);
                let is = || {
                    format!(
                        "{} is in the state `{found_word}`, and `{}` was set",
                        self.server.name(),
                        self.state.word()
                    )
                };
                (found != Some(self.state)).then(is)
            }
        }
    }

    pub(super) fn shell_text(&self) -> String {
        self.server.by_hand(self.state.word())
    }

    pub(super) fn inverse(&self) -> String {
        self.server.by_hand(READY)
    }

    /// All of one HAProxy: two checks that take out a server each could leave a backend with none.
    pub(super) fn subject(&self) -> String {
        format!("haproxy {}", self.server.socket)
    }
}

impl OutState {
    /// How somebody took a server out.
    fn of(row: &ServerRow) -> Option<Self> {
        if row.admin.is_forced_maint() {
            Some(Self::Maint)
        } else if row.admin.is_forced_drain() {
            Some(Self::Drain)
        } else {
            None
        }
    }
}

impl HaproxyUndo {
    /// A HAProxy that was started again has forgotten it, and a server that is not there any more went with its configuration.
    pub(super) async fn restore(&self) -> Result<(), Unrestored> {
        let end = Instant::now() + PATIENCE;
        loop {
            match self.put_back().await {
                Ok(None) => return Ok(()),
                Ok(Some(why)) => return Err(Unrestored::left_alone(why)),
                Err(refusal) => wait(refusal, end).await?,
            }
        }
    }

    /// Why it is left alone, if it is.
    async fn put_back(&self) -> Result<Option<String>, CommandError> {
        let FoundServer::Server(row) = self.server.look().await? else { return Ok(None) };
        match (OutState::of(&row), self.set) {
            (None, _) => Ok(None),
            (Some(found), set) if found != set => Ok(Some(self.left_alone(found, set))),
            (Some(_), _) => self.server.set(READY).await.map(|()| None),
        }
    }

    fn left_alone(&self, found: OutState, set: OutState) -> String {
        format!(
            "{} is in the state `{}`: neither what was set (`{}`) nor what it was (`{READY}`), so somebody has changed it meanwhile, and it is \
             left alone",
            self.server.name(),
            found.word(),
            set.word()
        )
    }

    pub(super) async fn verify(&self) -> Result<(), String> {
        let end = Instant::now() + PATIENCE;
        let found = loop {
            match self.server.look().await {
                Ok(found) => break found,
                Err(refusal) => wait(refusal, end).await?,
            }
        };
        let FoundServer::Server(row) = found else { return Ok(()) };
        OutState::of(&row)
            .map_or(Ok(()), |state| Err(format!("{} is still in the state `{}`", self.server.name(), state.word())))
    }

    pub(super) fn by_hand(&self) -> String {
        self.server.by_hand(READY)
    }

    /// It is one of this host: what it was told is forgotten when the host starts again. Behind a port may be any host.
    pub(super) fn is_of_this_host(&self) -> bool {
        matches!(self.server.socket, RuntimeSocket::Unix(_))
    }
}

/// What there is of a server.
enum FoundServer {
    Server(ServerRow),
    /// None of this name; for people.
    Missing(String),
}

/// A command that was not done.
struct CommandError {
    why: String,
    /// It may be done a moment later: HAProxy is being started, or reloaded.
    may_pass: bool,
}

impl From<CommandError> for String {
    fn from(refusal: CommandError) -> Self {
        refusal.why
    }
}

impl From<String> for CommandError {
    fn from(why: String) -> Self {
        Self { why, may_pass: false }
    }
}

/// Waits for a HAProxy that is not there until `end`; `Err` where that does not help.
async fn wait(refusal: CommandError, end: Instant) -> Result<(), String> {
    if !refusal.may_pass || Instant::now() + PAUSE >= end {
        return Err(refusal.why);
    }
    sleep(PAUSE).await;
    Ok(())
}

impl HaproxyServer {
    /// Whether HAProxy lets a backend or a server have this name. With another sign in it, it could be a command of its own.
    #[must_use]
    pub fn is_name(text: &str) -> bool {
        let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | ':');
        !text.is_empty() && text.len() <= LONGEST_NAME && text.chars().all(fits)
    }

    /// As HAProxy's commands name it.
    fn name(&self) -> String {
        format!("{}/{}", self.backend, self.server)
    }

    async fn set(&self, state: &str) -> Result<(), CommandError> {
        let answer = self.ask(&format!("set server {} state {state}", self.name())).await?;
        match answer.trim() {
            "" => Ok(()),
            denied if denied.contains("Permission denied") => Err(self.without_permission("refuses it").into()),
            _ => Err(format!("HAProxy did not do it: it answered {}", quoted(&answer)).into()),
        }
    }

    async fn look(&self) -> Result<FoundServer, CommandError> {
        let answer = self.ask(&format!("show servers state {}", self.backend)).await?;
        if answer.contains("find backend") {
            return self.missing_backend().await;
        }
        let rows = servers(&answer).map_err(|why| {
            format!(
                "this is not what HAProxy says of servers ({}): {why}; is it the `stats socket` of a HAProxy?",
                self.socket
            )
        })?;
        let own = |row: &&ServerRow| row.backend == self.backend && row.server == self.server;
        if let Some(row) = rows.iter().find(own) {
            return Ok(FoundServer::Server(row.clone()));
        }
        let names = rows.into_iter().map(|row| row.server).collect();
        let (backend, server) = (&self.backend, &self.server);
        Ok(FoundServer::Missing(format!("backend `{backend}` has no server `{server}`; {}", listed(names))))
    }

    async fn missing_backend(&self) -> Result<FoundServer, CommandError> {
        let names = backends(&self.ask("show backend").await?);
        Ok(FoundServer::Missing(format!("HAProxy has no backend `{}`; {}", self.backend, listed(names))))
    }

    async fn ask(&self, command: &str) -> Result<String, CommandError> {
        ask(&self.socket, command, ANSWER).await.map_err(|error| self.refusal(error))
    }

    fn refusal(&self, error: NoAnswer) -> CommandError {
        let socket = &self.socket;
        let (why, may_pass) = match error {
            NoAnswer::Unconnected(error) => match error.raw_os_error() {
                Some(libc::ENOENT | libc::ENOTDIR) => (
                    format!(
                        "there is no socket {socket}: start HAProxy, or write the path of `stats socket` in its configuration"
                    ),
                    true,
                ),
                Some(libc::EACCES | libc::EPERM) => (
                    format!(
                        "this user may not use {socket}: run it as root, or as a member of the group that owns the socket"
                    ),
                    false,
                ),
                Some(libc::ECONNREFUSED) if matches!(socket, RuntimeSocket::Unix(path) if path.is_file()) => {
                    (format!("{socket} is a regular file and no socket: name the `stats socket` of HAProxy"), false)
                }
                Some(libc::ECONNREFUSED) => (
                    format!("nobody listens behind {socket}: its HAProxy has ended, or it is no socket; start HAProxy"),
                    true,
                ),
                // A queue of connections that is full.
                code => (format!("{socket}: {error}"), code == Some(libc::EAGAIN)),
            },
            NoAnswer::Unreached(error) => {
                let help = match error {
                    ConnectError::Refused | ConnectError::RefusedBy(_) => {
                        "; start HAProxy, or write the address of `stats socket` in its configuration"
                    }
                    _ => "; see whether a filter is in the way",
                };
                let RuntimeSocket::Tcp(peer) = socket else { return error.word().to_owned().into() };
                (format!("{}{help}", error.sentence(*peer, ANSWER)), true)
            }
            NoAnswer::Fault(fault) => (format!("{}; {}", fault.detail, fault.remedy), true),
            NoAnswer::Broken(error) => (format!("{socket} closed the connection: {error}"), true),
            NoAnswer::Timeout => (
                format!(
                    "no answer from HAProxy by {socket} within {}: it is busy, stopped, or something else",
                    human_time(ANSWER)
                ),
                true,
            ),
            NoAnswer::TooLong => {
                (format!("{socket} answered with more than is read: is it the `stats socket` of a HAProxy?"), false)
            }
        };
        CommandError { why, may_pass }
    }

    fn without_permission(&self, what: &str) -> String {
        format!("{} {what}: write `level admin` at this `stats socket` in HAProxy's configuration", self.socket)
    }

    /// `set server`, as one line for a shell.
    fn by_hand(&self, state: &str) -> String {
        let command = shell::word(&format!("set server {} state {state}", self.name()));
        let address = match &self.socket {
            RuntimeSocket::Unix(path) => {
                // Signs that have a meaning to socat.
                let escaped = path.to_string_lossy().chars().fold(String::new(), |mut out, c| {
                    if ",:!\\\"'()[]{}".contains(c) {
                        out.push('\\');
                    }
                    out.push(c);
                    out
                });
                format!("unix-connect:{escaped}")
            }
            RuntimeSocket::Tcp(peer) if peer.is_ipv6() => format!("tcp6:{peer}"),
            RuntimeSocket::Tcp(peer) => format!("tcp4:{peer}"),
        };
        format!("echo {command} | socat stdio {}", shell::word(&address))
    }
}

/// Names for people, not all of a long list.
fn listed(mut names: Vec<String>) -> String {
    if names.is_empty() {
        return "it has none".to_owned();
    }
    names.sort();
    let more = names.len().saturating_sub(LISTED);
    let behind = if more > 0 { format!(" and {more} more") } else { String::new() };
    let shown: Vec<String> =
        names.iter().take(LISTED).map(|name| visible(name).chars().take(LONGEST_NAME).collect()).collect();
    format!("it has {}{behind}", shown.join(", "))
}

#[cfg(test)]
mod tests;

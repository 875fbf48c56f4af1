//! One call of the system's `ssh`: a script for the shell there, and what it says. The script travels over the connection, so its words
//! are quoted once, and no login shell but POSIX's reads them.

use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::{Child, ChildStdin, Command};
use tokio::time::timeout;

use super::SshHost;
use crate::guard::command::ProcessGroup;
use crate::guard::disruption::{OUTPUT, tool};
use crate::model::human_time;
use crate::model::visible::visible;
use crate::net::sys::session::own_session;

/// `ssh` gives up connecting after this.
const CONNECT: Duration = Duration::from_secs(10);
/// From one question whether the other side is there to the next, and how many stay unanswered at most.
const ALIVE: (u64, u32) = (2, 4);
/// A call takes this long at most, beside the commands it runs: names that nobody resolves, and a host that is busy.
pub(super) const CALL: Duration = Duration::from_secs(25);
/// Bytes kept of one line, and of all that is not ours.
const LINE: usize = 4096;
const TAIL: usize = 2048;
/// Things that a script says.
const SAID: usize = 32;

/// What a script said, each a word and what stands behind it; and the end of what the commands printed.
#[derive(Debug, Default)]
pub(super) struct ScriptReport {
    words: Vec<(String, String)>,
    output: String,
}

impl ScriptReport {
    /// As if a script had said these lines.
    #[cfg(test)]
    pub(super) fn lines(lines: &[&str]) -> Self {
        let word = |line: &&str| {
            line.split_once(' ').map_or(((*line).into(), String::new()), |(word, rest)| (word.into(), rest.into()))
        };
        Self { words: lines.iter().map(word).collect(), output: String::new() }
    }

    /// What stands behind a word.
    pub(super) fn of(&self, word: &str) -> Option<&str> {
        self.words.iter().find(|(said, _)| said == word).map(|(_, rest)| rest.as_str())
    }

    pub(super) fn all<'a>(&'a self, word: &'a str) -> impl Iterator<Item = &'a str> {
        self.words.iter().filter(move |(said, _)| said == word).map(|(_, rest)| rest.as_str())
    }

    /// A text with what the commands printed behind it.
    pub(super) fn with_output(&self, text: &str) -> String {
        match one_line(&self.output) {
            printed if printed.is_empty() => text.to_owned(),
            printed => format!("{text}{OUTPUT}{printed}"),
        }
    }
}

/// Why a call came to nothing.
#[derive(Debug)]
pub(super) enum CallError {
    /// Nothing was begun there.
    Unreachable(String),
    /// The connection went after this side had said `go`.
    Lost(String),
}

impl CallError {
    pub(super) fn text(self) -> String {
        match self {
            Self::Unreachable(why) | Self::Lost(why) => why,
        }
    }
}

/// The arguments of `ssh` before the command.
pub(super) fn arguments(host: &SshHost) -> Vec<String> {
    let options = [
        "BatchMode=yes".to_owned(),
        format!("ConnectTimeout={}", CONNECT.as_secs()),
        format!("ServerAliveInterval={}", ALIVE.0),
        format!("ServerAliveCountMax={}", ALIVE.1),
        // A connection that others hold would end with them, and a fault could end it unseen.
        "ControlPath=none".into(),
        "ControlMaster=no".into(),
        "ClearAllForwardings=yes".into(),
        "ForwardAgent=no".into(),
        "ForwardX11=no".into(),
        "PermitLocalCommand=no".into(),
        "RemoteCommand=none".into(),
        "RequestTTY=no".into(),
        "LogLevel=ERROR".into(),
    ];
    let mut out = vec!["-T".to_owned()];
    out.extend(options.into_iter().flat_map(|option| ["-o".to_owned(), option]));
    out.extend(host.options());
    out.extend(["--".to_owned(), host.destination.clone(), "exec sh -s".to_owned()]);
    out
}

/// Has the shell of that host do `script`, which says its lines by the name `id`. With `go`, the script waits for that word once it has
/// said `ready`.
pub(super) async fn call(
    host: &SshHost,
    id: &str,
    script: &str,
    go: bool,
    limit: Duration,
) -> Result<ScriptReport, CallError> {
    let unreachable = |why: String| CallError::Unreachable(format!("`ssh {}`: {why}", host.destination));
    let mut command = std::process::Command::new(tool::find("ssh").map_err(&unreachable)?);
    // Words of its own language are looked for in what it says.
    command.args(arguments(host)).env("LC_ALL", "C");
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    // Without a terminal, where it could ask somebody.
    own_session(&mut command);
    let started = Command::from(command).kill_on_drop(true).spawn();
    let mut child = started.map_err(|error| unreachable(format!("could not start: {error}")))?;
    let mut group = ProcessGroup(child.id().and_then(|id| i32::try_from(id).ok()));
    let mut session =
        ScriptSession { id, said: ScriptReport::default(), line: Vec::new(), errors: Vec::new(), went: false };
    let ended = timeout(limit, session.hold(&mut child, script, go)).await;
    if matches!(ended, Ok(Ok(Some(_)))) {
        group.0 = None;
    }
    drop(group);
    let why = match ended {
        Ok(Ok(_)) if session.said.of("end").is_some() => return Ok(session.said),
        Ok(Ok(Some(status))) => session.failure(host, status),
        Ok(Ok(None)) => "it ended early".to_owned(),
        Ok(Err(error)) => error.to_string(),
        Err(_) => format!("not done within {}", human_time(limit)),
    };
    if session.went {
        return Err(CallError::Lost(format!(
            "the connection to {} went while the command ran: {why}",
            host.destination
        )));
    }
    Err(unreachable(why))
}

/// What came so far.
struct ScriptSession<'a> {
    id: &'a str,
    said: ScriptReport,
    /// The line that is not at its end.
    line: Vec<u8>,
    /// What `ssh` itself says.
    errors: Vec<u8>,
    /// It was told to go.
    went: bool,
}

impl ScriptSession<'_> {
    /// Until the script has said that it is at its end, or `ssh` has ended.
    async fn hold(&mut self, child: &mut Child, script: &str, go: bool) -> std::io::Result<Option<ExitStatus>> {
        let (Some(mut input), Some(mut output), Some(mut errors)) =
            (child.stdin.take(), child.stdout.take(), child.stderr.take())
        else {
            return Err(std::io::Error::other("it has no pipes"));
        };
        // One that ends without reading to the end says why by its status.
        let _ = input.write_all(script.as_bytes()).await;
        let mut input: Option<ChildStdin> = go.then_some(input);
        let (mut chunk, mut other) = ([0_u8; 4096], [0_u8; 4096]);
        let mut open = (true, true);
        while open.0 || open.1 {
            tokio::select! {
                read = some(&mut output, &mut chunk), if open.0 => match read {
                    0 => open.0 = false,
                    count => self.push(chunk.get(..count).unwrap_or_default()),
                },
                read = some(&mut errors, &mut other), if open.1 => match read {
                    0 => open.1 = false,
                    count => {
                        self.errors.extend_from_slice(other.get(..count).unwrap_or_default());
                        let surplus = self.errors.len().saturating_sub(TAIL);
                        self.errors.drain(..surplus);
                    }
                },
            }
            // A daemon that a command has left may hold the connection open for ever.
            if self.said.of("end").is_some() {
                return Ok(None);
            }
            if self.said.of("ready").is_some()
                && let Some(mut input) = input.take()
            {
                self.went = true;
                let _ = input.write_all(b"go\n").await;
            }
        }
        child.wait().await.map(Some)
    }

    fn push(&mut self, bytes: &[u8]) {
        for byte in bytes {
            match byte {
                b'\n' => self.line_ended(),
                byte if self.line.len() < LINE => self.line.push(*byte),
                _ => {}
            }
        }
    }

    fn line_ended(&mut self) {
        let line = String::from_utf8_lossy(&self.line).into_owned();
        self.line.clear();
        match line.strip_prefix(self.id).and_then(|rest| rest.strip_prefix(' ')) {
            Some(own) if self.said.words.len() < SAID => {
                let (word, rest) = own.split_once(' ').unwrap_or((own, ""));
                self.said.words.push((word.to_owned(), rest.trim().to_owned()));
            }
            Some(_) => {}
            None => {
                self.said.output.push_str(&line);
                self.said.output.push('\n');
                let surplus = self.said.output.len().saturating_sub(TAIL);
                let cut = (surplus..=self.said.output.len()).find(|at| self.said.output.is_char_boundary(*at));
                self.said.output.drain(..cut.unwrap_or_default());
            }
        }
    }

    /// How `ssh` ended, and what to try. Its own status is 255; every other one is of the shell there.
    fn failure(&self, host: &SshHost, status: ExitStatus) -> String {
        let errors = one_line(&String::from_utf8_lossy(&self.errors));
        match status.code() {
            Some(255) if errors.is_empty() => {
                format!("the connection ended: {}", advice("", host))
            }
            // The reason stands at the end, behind what it says about it.
            Some(255) => {
                let lines: Vec<&str> = errors.split("; ").collect();
                let last = lines.get(lines.len().saturating_sub(2)..).unwrap_or_default().join("; ");
                format!("{last}: {}", advice(&errors, host))
            }
            code => {
                let end = code.map_or_else(|| status.to_string(), |code| format!("exit status {code}"));
                let printed = one_line(&self.said.output);
                let printed = if printed.is_empty() { errors } else { printed };
                let said = if printed.is_empty() { String::new() } else { format!(" ({printed})") };
                format!(
                    "it connected, but the account there runs no `sh`: {end}{said}: give it a POSIX shell, or name another user"
                )
            }
        }
    }
}

/// The next bytes; none at the end, and where they cannot be read.
async fn some(from: &mut (impl AsyncRead + Unpin), into: &mut [u8]) -> usize {
    from.read(into).await.unwrap_or_default()
}

/// Lines of a program as one line of a text.
fn one_line(text: &str) -> String {
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.chars().all(|c| c == '@'));
    visible(&lines.collect::<Vec<_>>().join("; "))
}

/// What to try, by what `ssh` said.
fn advice(said: &str, host: &SshHost) -> String {
    let to = host.shell_text();
    let has = |words: &[&str]| words.iter().any(|word| said.contains(word));
    if has(&["IDENTIFICATION HAS CHANGED", "Offending"]) {
        return format!(
            "its host key is not the one that is known: find out why before you trust the new one (`{to}` by hand shows both)"
        );
    }
    if has(&["Host key verification failed"]) {
        return format!(
            "its host key is not known here: connect once by hand (`{to}`), compare the fingerprint, and say yes"
        );
    }
    if has(&["Permission denied", "Too many authentication failures"]) {
        return format!(
            "it takes no key of this user: name one without a passphrase (`identity_file`), or load it into an agent that the run has \
             (`ssh-add -l`); `{to} true` must work without a question"
        );
    }
    if has(&["Could not resolve hostname"]) {
        return format!(
            "the name is not known here: check `host` (`ssh -G {}` shows what it stands for)",
            host.destination
        );
    }
    if has(&["Connection refused"]) {
        return "nothing listens there: check `port`, and that sshd runs".to_owned();
    }
    if has(&["timed out", "not responding", "No route to host", "unreachable"]) {
        return "it does not answer: check the path, and that a firewall lets this port through".to_owned();
    }
    if has(&["configuration option", "config file", "configuration file", "Bad owner or permissions"]) {
        return "check `config_file`, and the ssh_config of this user".to_owned();
    }
    format!("try it by hand: `{to} true`")
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt as _;
    use std::process::ExitStatus;

    use super::{ScriptReport, ScriptSession, arguments};
    use crate::guard::disruption::ssh::SshHost;

    fn host(destination: &str) -> SshHost {
        SshHost {
            destination: destination.into(),
            port: Some(2222),
            identity_file: Some("/k y".into()),
            config_file: None,
        }
    }

    fn session() -> ScriptSession<'static> {
        ScriptSession {
            id: "shakedown-1",
            said: ScriptReport::default(),
            line: Vec::new(),
            errors: Vec::new(),
            went: false,
        }
    }

    #[test]
    fn what_ends_ssh_says_what_to_try() {
        let host = host("admin@lb1");
        for (said, want) in [
            (
                "@@@@@@\n@ WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED! @\n@@@@",
                "find out why before you trust the new one",
            ),
            (
                "Host key verification failed.",
                "is not known here: connect once by hand (`ssh -p 2222 -i '/k y' admin@lb1`)",
            ),
            ("admin@lb1: Permission denied (publickey).", "takes no key of this user"),
            ("ssh: Could not resolve hostname lb1: Name or service not known", "check `host` (`ssh -G admin@lb1`"),
            ("ssh: connect to host lb1 port 22: Connection refused", "nothing listens there"),
            ("ssh: connect to host lb1 port 22: Connection timed out", "it does not answer"),
            ("Timeout, server lb1 not responding.", "it does not answer"),
            ("/x: line 1: Bad configuration option: hots", "check `config_file`"),
            ("kex_exchange_identification: read: Connection reset by peer", "try it by hand: `ssh -p 2222"),
            ("", "the connection ended: try it by hand"),
        ] {
            let mut session = session();
            session.errors = said.as_bytes().to_vec();
            let why = session.failure(&host, ExitStatus::from_raw(255 << 8));
            assert!(why.contains(want), "{said}: {why}");
        }
        let mut session = session();
        session.push(b"This account is currently not available.\n");
        let why = session.failure(&host, ExitStatus::from_raw(1 << 8));
        assert!(why.contains("runs no `sh`: exit status 1 (This account is currently not available.)"), "{why}");
    }

    /// However much a host sends, only so much is kept; what a command prints is not taken for what the script says.
    #[test]
    fn what_a_host_says_is_bounded_and_told_apart() {
        let mut session = session();
        session.push(b"shakedown-1 undo 0\n shakedown-1 end\nx shakedown-1 end\nshakedown-10 end\n");
        for _ in 0..100 {
            session.push("\u{e9}".repeat(70_000).as_bytes());
            session.push(b"\nshakedown-1 noise\n");
        }
        assert_eq!((session.said.of("undo"), session.said.of("end")), (Some("0"), None));
        assert!(session.said.output.len() <= 2048 && session.line.is_empty() && session.said.words.len() == 32);
        assert!(session.said.with_output("exit status 3").starts_with("exit status 3; it said: "));
        assert_eq!(ScriptReport::default().with_output("exit status 3"), "exit status 3");
    }

    #[test]
    fn ssh_asks_nobody_and_shares_nothing() {
        let line = arguments(&host("admin@lb1")).join(" ");
        for wanted in
            ["-T ", "BatchMode=yes", "ConnectTimeout=10", "ServerAliveInterval=2", "ControlPath=none", "RequestTTY=no"]
        {
            assert!(line.contains(wanted), "{wanted}: {line}");
        }
        assert!(line.ends_with("-p 2222 -i /k y -- admin@lb1 exec sh -s"), "{line}");
    }
}

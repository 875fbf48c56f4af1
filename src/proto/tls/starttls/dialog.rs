//! Words to and from a server in plain text, counted, and read to the byte.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::os::fd::AsRawFd as _;
use std::time::Duration;

use nix::sys::socket::{MsgFlags, recv};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::{FailureKind, UpgradeError};
use crate::model::Fault;
use crate::net::Origin;
use crate::net::dial::ConnectError;

/// Most bytes a server may say before TLS; long greetings have 2 KiB.
const MOST: usize = 64 * 1024;
/// The longest line; IMAP asks clients for 8192 bytes (RFC 9051, 4), the others for less.
const LINE: usize = 8192;
/// Bytes looked at in one go.
const WINDOW: usize = 4096;
/// Characters of the server's words in evidence.
const SHOWN: usize = 200;

/// Why a dialog ended early.
pub(super) enum DialogError {
    /// A fact.
    UpgradeError(UpgradeError),
    /// A fault of this side.
    Fault(Fault),
}

/// How far the bytes at hand go.
pub(super) enum Framing {
    /// Not yet to the end.
    More,
    /// The end is after this many bytes.
    Whole(usize),
    /// This is no such thing, but this.
    OtherProtocol(&'static str),
}

enum Source<'a> {
    Tcp { stream: &'a mut TcpStream, peer: SocketAddr },
    Script { turns: std::slice::Iter<'a, &'a [u8]>, at_hand: Vec<u8> },
}

/// See the module.
pub(super) struct Dialog<'a> {
    source: Source<'a>,
    /// Taken off the connection so far, all in all.
    received: usize,
    /// For people: the part that is waited for.
    awaited: &'static str,
    /// As much of it as is there.
    part: Vec<u8>,
}

impl<'a> Dialog<'a> {
    pub(super) fn over(stream: &'a mut TcpStream) -> Self {
        let peer = stream.peer_addr().unwrap_or_else(|_| SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), 0));
        Self::with(Source::Tcp { stream, peer })
    }

    pub(super) fn scripted(turns: &'a [&'a [u8]]) -> Self {
        let mut turns = turns.iter();
        let at_hand = turns.next().map(|turn| turn.to_vec()).unwrap_or_default();
        Self::with(Source::Script { turns, at_hand })
    }

    fn with(source: Source<'a>) -> Self {
        Self { source, received: 0, awaited: "", part: Vec::new() }
    }

    /// Bytes taken off the connection so far.
    pub(super) fn received(&self) -> usize {
        self.received
    }

    /// This side as an address literal (RFC 5321, 4.1.3): the name of this host is nobody's business.
    pub(super) fn own_literal(&self) -> String {
        let local = match &self.source {
            Source::Tcp { stream, .. } => stream.local_addr().ok().map(|local| local.ip()),
            Source::Script { .. } => None,
        };
        match local.unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST)) {
            IpAddr::V4(address) => format!("[{address}]"),
            IpAddr::V6(address) => format!("[IPv6:{address}]"),
        }
    }

    /// Sends a request.
    pub(super) async fn say(&mut self, words: &[u8]) -> Result<(), DialogError> {
        let sent = match &mut self.source {
            Source::Tcp { stream, .. } => stream.write_all(words).await,
            Source::Script { turns, at_hand } => {
                at_hand.extend_from_slice(turns.next().copied().unwrap_or_default());
                Ok(())
            }
        };
        sent.map_err(|error| self.broken(&error, "while a request was sent"))
    }

    /// Sends the request for TLS, unless something is there already that would be taken for its answer.
    pub(super) async fn ask(&mut self, words: &[u8]) -> Result<(), DialogError> {
        self.nothing_more("before TLS was asked for")?;
        self.say(words).await
    }

    /// Everything up to the end that `framing` finds, at most `limit` bytes, and not a byte of what follows.
    pub(super) async fn take(
        &mut self,
        awaited: &'static str,
        limit: usize,
        framing: impl Fn(&[u8]) -> Framing,
    ) -> Result<Vec<u8>, DialogError> {
        self.awaited = awaited;
        self.part.clear();
        let limit = limit.min(MOST.saturating_sub(self.received));
        let mut window = [0_u8; WINDOW];
        loop {
            // Complete lines without end are as endless as one line.
            if self.part.len() >= limit {
                let evidence = format!("no end of {awaited} in {} bytes{}", self.received, self.so_far());
                return Err(not_upgraded(FailureKind::Endless, evidence));
            }
            let there = self.peek(&mut window).await.map_err(|error| self.broken(&error, "before"))?;
            if there == 0 {
                let evidence = format!("the server hung up before {awaited} was complete{}", self.so_far());
                return Err(not_upgraded(FailureKind::Closed, evidence));
            }
            let before = self.part.len();
            self.part.extend_from_slice(window.get(..there).unwrap_or_default());
            let measured = framing(&self.part);
            let end = if let Framing::Whole(end) = measured { end.min(self.part.len()) } else { self.part.len() };
            self.consume(end.saturating_sub(before)).await.map_err(|error| self.broken(&error, "before"))?;
            match measured {
                Framing::Whole(_) => {
                    self.part.truncate(end);
                    return Ok(std::mem::take(&mut self.part));
                }
                Framing::OtherProtocol(what) => {
                    let evidence = format!("instead of {awaited} came {what}{}", self.so_far());
                    return Err(not_upgraded(FailureKind::OtherProtocol, evidence));
                }
                Framing::More => {}
            }
        }
    }

    /// One line without its end. `plausible` looks at its first bytes, so that another protocol is not taken for a slow line.
    pub(super) async fn line(
        &mut self,
        awaited: &'static str,
        plausible: impl Fn(&[u8]) -> bool,
    ) -> Result<String, DialogError> {
        let framing = |bytes: &[u8]| match memchr::memchr(b'\n', bytes) {
            _ if !plausible(bytes) => Framing::OtherProtocol("something else"),
            Some(end) => Framing::Whole(end + 1),
            None => Framing::More,
        };
        let line = self.take(awaited, LINE, framing).await?;
        let text = String::from_utf8_lossy(&line);
        Ok(text.trim_end_matches(['\r', '\n']).to_owned())
    }

    /// The first words of the lines up to a lone dot, in capitals: what POP3 and NNTP servers say they can do.
    pub(super) async fn capabilities(&mut self) -> Result<Vec<String>, DialogError> {
        let mut offered = Vec::new();
        loop {
            let line = self.line("the list of what the server can do", |_| true).await?;
            if line == "." {
                return Ok(offered);
            }
            offered.push(line.split_ascii_whitespace().next().unwrap_or_default().to_ascii_uppercase());
        }
    }

    /// Fails when the server has already sent something: whoever did, it must not be read as the answer to what comes next,
    /// and TLS must not be fed with it. What is still on its way is not seen; to TLS it is no record.
    pub(super) fn nothing_more(&mut self, when: &str) -> Result<(), DialogError> {
        let mut early = [0_u8; SHOWN];
        let there = match &self.source {
            // The runtime remembers readiness only until its next wait; the kernel knows.
            Source::Tcp { stream, .. } => {
                recv(stream.as_raw_fd(), &mut early, MsgFlags::MSG_PEEK | MsgFlags::MSG_DONTWAIT).unwrap_or(0)
            }
            Source::Script { at_hand, .. } => copied(at_hand, &mut early),
        };
        if there == 0 {
            return Ok(());
        }
        let words = quoted(early.get(..there).unwrap_or_default());
        Err(not_upgraded(
            FailureKind::Injected,
            format!("the server, or somebody on the way, sent plain text {when}: {words}"),
        ))
    }

    /// The end of a dialog whose time is over.
    pub(super) fn silent(&self, patience: Duration) -> UpgradeError {
        let evidence = format!("{} did not come within {patience:?}{}", self.awaited, self.so_far());
        UpgradeError { kind: FailureKind::Timeout, evidence }
    }

    async fn peek(&mut self, window: &mut [u8]) -> io::Result<usize> {
        match &mut self.source {
            Source::Tcp { stream, .. } => stream.peek(window).await,
            Source::Script { at_hand, .. } => Ok(copied(at_hand, window)),
        }
    }

    /// Takes what was looked at off the connection.
    async fn consume(&mut self, count: usize) -> io::Result<()> {
        self.received += count;
        match &mut self.source {
            Source::Tcp { stream, .. } => {
                let mut gone = [0_u8; WINDOW];
                let gone = gone.get_mut(..count).unwrap_or_default();
                stream.read_exact(gone).await.map(|_| ())
            }
            Source::Script { at_hand, .. } => {
                at_hand.drain(..count.min(at_hand.len()));
                Ok(())
            }
        }
    }

    fn broken(&self, error: &io::Error, when: &str) -> DialogError {
        let Source::Tcp { peer, .. } = &self.source else {
            return not_upgraded(FailureKind::Closed, error.to_string());
        };
        let what = if when == "before" { format!("before {}", self.awaited) } else { when.to_owned() };
        match ConnectError::classify(error, "ask for TLS", *peer, Origin::default()) {
            Err(fault) => DialogError::Fault(fault),
            Ok(ConnectError::Refused | ConnectError::RefusedBy(_) | ConnectError::Reset) => {
                not_upgraded(FailureKind::Reset, format!("reset {what}{}", self.so_far()))
            }
            Ok(ConnectError::Timeout) => not_upgraded(FailureKind::Timeout, format!("the connection timed out {what}")),
            Ok(ConnectError::Unreachable(why)) => not_upgraded(FailureKind::Unreachable, format!("{what}: {why}")),
        }
    }

    fn so_far(&self) -> String {
        if self.part.is_empty() { String::new() } else { format!(": {}", quoted(&self.part)) }
    }
}

fn copied(from: &[u8], to: &mut [u8]) -> usize {
    let count = from.len().min(to.len());
    to.iter_mut().zip(from).for_each(|(to, from)| *to = *from);
    count
}

/// A dialog that ends without TLS.
pub(super) fn not_upgraded(kind: FailureKind, evidence: String) -> DialogError {
    DialogError::UpgradeError(UpgradeError { kind, evidence })
}

/// A server's words as evidence: quoted, in one line, cut, nothing in them can move a terminal.
pub(super) fn quoted(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes.get(..bytes.len().min(SHOWN * 4)).unwrap_or_default());
    let mut out = String::from("\"");
    out.extend(text.trim_end().chars().take(SHOWN).flat_map(char::escape_debug));
    out.push('"');
    if text.chars().count() > SHOWN || bytes.len() > SHOWN * 4 {
        out.push('…');
    }
    out
}

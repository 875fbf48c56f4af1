//! Send something, wait for something: bounded in bytes and time.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::time::Instant;

use super::conversation::{ConversationResult, HalfClose};
use super::fields::{BANNER, EXPECT, EXPECT_HEX, HALF_CLOSE, LIMIT, SEND, SEND_HEX};
use super::receive_buffer::{ReadEnd, ReceiveBuffer};
use crate::checks::shared::payload::{EXPECTED, payload};
use crate::model::count::counted;
use crate::model::{Args, Invalid, human_time};
use crate::net::{bytes, deadline};

/// Bytes to send, and bytes to wait for.
pub(super) struct Script {
    send: Option<Vec<u8>>,
    expect: Option<Vec<u8>>,
    /// Whether the peer has to greet.
    banner: bool,
    half_close: bool,
    limit: usize,
}

impl Script {
    /// Whether a check with these fields waits for the server's words.
    pub(super) fn is_in(args: &Args) -> bool {
        let written = [SEND.name(), SEND_HEX.name(), EXPECT.name(), EXPECT_HEX.name()];
        args.get(&BANNER) || args.get(&HALF_CLOSE) || written.iter().any(|name| args.0.contains_key(name))
    }

    /// `None` when the check only connects.
    pub(super) fn from_args(args: &Args) -> Result<Option<Self>, Invalid> {
        let send = payload(args, &SEND, &SEND_HEX)?;
        let expect = payload(args, &EXPECT, &EXPECT_HEX)?;
        if expect.as_ref().is_some_and(Vec::is_empty) {
            return Err(
                EXPECT.invalid("`expect` is empty and would hold for anything", "write what the answer contains")
            );
        }
        let script = Self {
            send,
            expect,
            banner: args.get(&BANNER),
            half_close: args.get(&HALF_CLOSE),
            limit: args.get(&LIMIT),
        };
        Ok(Some(script).filter(|script| script.waits() || script.half_close))
    }

    /// Whether the peer has to say something.
    fn waits(&self) -> bool {
        self.send.is_some() || self.expect.is_some() || self.banner
    }

    /// What is sent, where nothing else is asked for.
    pub(super) fn sent_alone(&self) -> Option<&[u8]> {
        self.send.as_deref().filter(|_| self.expect.is_none() && !self.banner && !self.half_close)
    }

    /// Runs the script; ends at the match, the limit, the peer's close, or `patience`. After a half-close no match ends it.
    pub(super) async fn play(
        &self,
        stream: &mut TcpStream,
        peer: SocketAddr,
        patience: Duration,
    ) -> ConversationResult {
        let (mut buffer, mut closed_at) = (ReceiveBuffer::new(self.limit), None);
        let end = Instant::now() + patience;
        let ended = match deadline::until(end, self.converse(stream, &mut buffer, &mut closed_at)).await {
            Err(_) => End::Silent,
            Ok(Ok(())) => End::Answered,
            Ok(Err(stop)) => End::Stopped(stop),
        };
        let received = buffer.received;
        let (outcome, evidence) = self.judge(&ended, &received, peer, patience);
        let more = match &ended {
            End::Answered if self.expect.is_some() => Some("reading ends with what is expected"),
            End::Answered => Some("reading ends with the first line"),
            End::Stopped(ReadEnd::Full) => Some("`limit` is reached"),
            End::Silent => Some("more may come after `timeout`"),
            End::Stopped(_) => None,
        };
        let undecided = outcome == "mismatch" && matches!(ended, End::Stopped(ReadEnd::Full));
        let stop = match &ended {
            End::Stopped(stop) => Some(stop),
            End::Answered | End::Silent => None,
        };
        let half_close = closed_at.map(|at| HalfClose::of(stop, received.len().saturating_sub(at), peer, patience));
        ConversationResult { outcome, received, more, undecided, evidence, half_close, progress: None }
    }

    fn judge(
        &self,
        ended: &End,
        received: &[u8],
        peer: SocketAddr,
        patience: Duration,
    ) -> (&'static str, Option<String>) {
        let how = match ended {
            End::Answered => return ("connected", None),
            End::Stopped(stop) if stop.is_reset() => {
                let came = counted(received.len(), "byte");
                return ("reset", Some(format!("{peer} accepted the connection and reset it after {came}")));
            }
            End::Stopped(ReadEnd::Broken(error)) => error.to_string(),
            End::Silent => format!("silence for {}", human_time(patience)),
            End::Stopped(ReadEnd::Closed) => "then the peer closed the connection".to_owned(),
            End::Stopped(ReadEnd::Full) => format!("`limit` of {} bytes is reached", self.limit),
        };
        let found = || self.expect.as_ref().is_none_or(|expect| bytes::contains(received, expect));
        // Nothing at all is no answer, and no wrong one either.
        match ended {
            End::Silent if received.is_empty() && self.waits() => (
                "timeout",
                Some(format!("{peer} accepted the connection, then kept silent for {}", human_time(patience))),
            ),
            _ if received.is_empty() && self.waits() => {
                ("closed", Some(format!("{peer} accepted the connection and closed it without a word")))
            }
            // Anything is an answer; not every protocol has lines.
            _ if found() => ("connected", None),
            _ => {
                let cut = matches!(ended, End::Silent | End::Stopped(ReadEnd::Full));
                let shown = if cut { bytes::quoted_beginning(received) } else { bytes::quoted(received) };
                ("mismatch", Some(format!("{peer} answered {shown}, without {EXPECTED} ({how})")))
            }
        }
    }

    async fn converse(
        &self,
        stream: &mut TcpStream,
        buffer: &mut ReceiveBuffer,
        closed_at: &mut Option<usize>,
    ) -> Result<(), ReadEnd> {
        if let Some(send) = &self.send {
            stream.write_all(send).await.map_err(ReadEnd::Broken)?;
        }
        if self.half_close {
            *closed_at = Some(buffer.half_close(stream).await?);
        }
        loop {
            let before = buffer.received.len();
            buffer.more(stream).await?;
            if self.half_close {
                continue;
            }
            match &self.expect {
                Some(expect) => {
                    // What was searched before need not be searched again, but for a match across the seam.
                    let from = before.saturating_sub(expect.len().saturating_sub(1));
                    if bytes::contains(buffer.received.get(from..).unwrap_or_default(), expect) {
                        return Ok(());
                    }
                }
                // Without an expectation the first line is the answer, in however many segments it comes.
                None if buffer.received.get(before..).unwrap_or_default().contains(&b'\n') => return Ok(()),
                None => {}
            }
        }
    }
}

/// How the conversation ended.
enum End {
    Answered,
    Silent,
    Stopped(ReadEnd),
}

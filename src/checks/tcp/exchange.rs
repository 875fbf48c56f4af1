//! Send something, wait for something: bounded in bytes and time.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::Instant;

use super::fields::{BANNER, EXPECT, EXPECT_HEX, LIMIT, SEND, SEND_HEX};
use crate::checks::shared::payload::{EXPECTED, payload};
use crate::model::count::counted;
use crate::model::{Args, Invalid, human_time};
use crate::net::{bytes, deadline};

/// Bytes to send, and bytes to wait for.
pub(super) struct Script {
    send: Option<Vec<u8>>,
    expect: Option<Vec<u8>>,
    limit: usize,
}

/// Bytes of the peer, and their outcome.
pub(super) struct Exchange {
    pub(super) outcome: &'static str,
    pub(super) received: Vec<u8>,
    /// Why the peer may have had more to say.
    pub(super) more: Option<&'static str>,
    /// Whether what was not read of it may be what is expected.
    pub(super) undecided: bool,
    pub(super) evidence: Option<String>,
}

impl Script {
    /// Whether a check with these fields waits for the server's words.
    pub(super) fn is_in(args: &Args) -> bool {
        let written = [SEND.name(), SEND_HEX.name(), EXPECT.name(), EXPECT_HEX.name()];
        args.get(&BANNER) || written.iter().any(|name| args.0.contains_key(name))
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
        if send.is_none() && expect.is_none() && !args.get(&BANNER) {
            return Ok(None);
        }
        Ok(Some(Self { send, expect, limit: args.get(&LIMIT) }))
    }

    /// Runs the script; ends at the match, the limit, the peer's close, or `patience`.
    pub(super) async fn play(&self, stream: &mut TcpStream, peer: SocketAddr, patience: Duration) -> Exchange {
        let mut received = Vec::new();
        let end = Instant::now() + patience;
        let ended = match deadline::until(end, self.converse(stream, &mut received)).await {
            Err(_) => End::Silent,
            Ok(Ok(end)) => end,
            Ok(Err(error)) => End::Broken(error),
        };
        let (outcome, evidence) = self.judge(&ended, &received, peer, patience);
        let more = match &ended {
            End::Answered if self.expect.is_some() => Some("reading ends with what is expected"),
            End::Answered => Some("reading ends with the first line"),
            End::Full => Some("`limit` is reached"),
            End::Silent => Some("more may come after `timeout`"),
            End::Closed | End::Broken(_) => None,
        };
        let undecided = outcome == "mismatch" && matches!(ended, End::Full);
        Exchange { outcome, received, more, undecided, evidence }
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
            End::Broken(error) if matches!(error.raw_os_error(), Some(libc::ECONNRESET | libc::EPIPE)) => {
                let came = counted(received.len(), "byte");
                return ("reset", Some(format!("{peer} accepted the connection and reset it after {came}")));
            }
            End::Broken(error) => error.to_string(),
            End::Silent => format!("silence for {}", human_time(patience)),
            End::Closed => "then the peer closed the connection".to_owned(),
            End::Full => format!("`limit` of {} bytes is reached", self.limit),
        };
        // Nothing at all is no answer, and no wrong one either.
        match ended {
            End::Silent if received.is_empty() => (
                "timeout",
                Some(format!("{peer} accepted the connection, then kept silent for {}", human_time(patience))),
            ),
            _ if received.is_empty() => {
                ("closed", Some(format!("{peer} accepted the connection and closed it without a word")))
            }
            // Anything is an answer; not every protocol has lines.
            _ if self.expect.is_none() => ("connected", None),
            _ => {
                let shown = bytes::quoted(received);
                ("mismatch", Some(format!("{peer} answered {shown}, without {EXPECTED} ({how})")))
            }
        }
    }

    async fn converse(&self, stream: &mut TcpStream, received: &mut Vec<u8>) -> std::io::Result<End> {
        if let Some(send) = &self.send {
            stream.write_all(send).await?;
        }
        let mut chunk = [0_u8; 4096];
        while received.len() < self.limit {
            let room = (self.limit - received.len()).min(chunk.len());
            let count = stream.read(&mut chunk[..room]).await?;
            if count == 0 {
                return Ok(End::Closed);
            }
            // What was searched before need not be searched again, but for a match across the seam.
            let overlap = self.expect.as_ref().map_or(0, |expect| expect.len().saturating_sub(1));
            let from = received.len().saturating_sub(overlap);
            received.extend_from_slice(&chunk[..count]);
            match &self.expect {
                Some(expect) if bytes::contains(received.get(from..).unwrap_or_default(), expect) => {
                    return Ok(End::Answered);
                }
                Some(_) => {}
                // Without an expectation the first line is the answer, in however many segments it comes.
                None if chunk[..count].contains(&b'\n') => return Ok(End::Answered),
                None => {}
            }
        }
        Ok(End::Full)
    }
}

/// How the conversation ended.
enum End {
    Answered,
    Closed,
    Full,
    Silent,
    Broken(std::io::Error),
}

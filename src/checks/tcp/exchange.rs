//! Send something, wait for something: bounded in bytes and time.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::Instant;

use crate::model::{Args, Invalid};
use crate::net::bytes;

/// What to say and what to wait for.
pub(super) struct Script {
    send: Option<Vec<u8>>,
    expect: Option<Vec<u8>>,
    limit: usize,
}

/// What was heard.
pub(super) struct Heard {
    pub(super) outcome: &'static str,
    pub(super) received: Vec<u8>,
    pub(super) why: Option<String>,
}

impl Script {
    /// `None` when the check only connects.
    pub(super) fn from_args(args: &Args) -> Result<Option<Self>, Invalid> {
        let send = bytes::from_fields(args, "send", "send_hex")?;
        let expect = bytes::from_fields(args, "expect", "expect_hex")?;
        if expect.as_ref().is_some_and(Vec::is_empty) {
            return Err(Invalid::at(
                "expect",
                "`expect` is empty and would hold for anything",
                "write what the answer contains",
            ));
        }
        if send.is_none() && expect.is_none() && !args.flag("banner") {
            return Ok(None);
        }
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the table's range is 1..=1 MiB")]
        let limit = args.number("limit").unwrap_or(16384.0) as usize;
        Ok(Some(Self { send, expect, limit }))
    }

    /// Runs the script; ends at the match, the limit, the peer's close, or `patience`.
    pub(super) async fn play(&self, stream: &mut TcpStream, patience: Duration) -> Heard {
        let mut heard = Heard { outcome: "connected", received: Vec::new(), why: None };
        let end = Instant::now() + patience;
        match tokio::time::timeout_at(end, self.converse(stream, &mut heard.received)).await {
            Err(_) => heard.why = Some(format!("no complete answer within {patience:?}")),
            Ok(Err(error)) if matches!(error.raw_os_error(), Some(libc::ECONNRESET | libc::EPIPE)) => {
                heard.outcome = "reset";
                heard.why = Some(error.to_string());
                return heard;
            }
            Ok(Err(error)) => heard.why = Some(error.to_string()),
            Ok(Ok(())) => {}
        }
        heard.outcome = match &self.expect {
            Some(expect) if !bytes::contains(&heard.received, expect) => {
                let seen = bytes::readable(&heard.received[..heard.received.len().min(200)]);
                heard.why.get_or_insert_with(|| format!("the answer does not contain what is expected: {seen:?}"));
                "mismatch"
            }
            // Asked to listen and nothing came: silence is not an answer.
            _ if heard.received.is_empty() => "timeout",
            _ => "connected",
        };
        heard
    }

    async fn converse(&self, stream: &mut TcpStream, received: &mut Vec<u8>) -> std::io::Result<()> {
        if let Some(send) = &self.send {
            stream.write_all(send).await?;
        }
        let mut chunk = [0_u8; 4096];
        while received.len() < self.limit {
            let room = (self.limit - received.len()).min(chunk.len());
            let count = stream.read(&mut chunk[..room]).await?;
            if count == 0 {
                return Ok(());
            }
            received.extend_from_slice(&chunk[..count]);
            match &self.expect {
                Some(expect) if bytes::contains(received, expect) => return Ok(()),
                Some(_) => {}
                // Without an expectation the first data is the answer.
                None => return Ok(()),
            }
        }
        Ok(())
    }
}

//! What is said on a connection: one request and its answer, or a dialogue; and what came of it.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::TcpStream;

use super::dialogue::{Dialogue, DialogueResult};
use super::exchange::Script;
use super::fields::DIALOGUE;
use super::receive_buffer::ReadEnd;
use crate::model::{Args, Invalid, human_time};

/// Words of the note about a peer that does not end its side in order.
pub(super) const AFTER_HALF_CLOSE: &str = "after this side had ended its sending";

/// What is said.
pub(super) enum Conversation {
    Once(Script),
    Dialogue(Dialogue),
}

/// Bytes of the peer, and their outcome.
pub(super) struct ConversationResult {
    pub(super) outcome: &'static str,
    pub(super) received: Vec<u8>,
    /// Why the peer may have had more to say.
    pub(super) more: Option<&'static str>,
    /// Whether what was not read of it may be what is expected.
    pub(super) undecided: bool,
    pub(super) evidence: Option<String>,
    pub(super) half_close: Option<HalfClose>,
    pub(super) progress: Option<DialogueResult>,
}

/// What the peer did once this side had ended its sending.
pub(super) struct HalfClose {
    pub(super) ended: &'static str,
    /// Bytes that came after it.
    pub(super) received: usize,
    /// `limit` was reached before its end.
    pub(super) cut: bool,
    pub(super) evidence: Option<String>,
}

impl HalfClose {
    /// `None` as the stop is that `patience` was over.
    pub(super) fn of(stop: Option<&ReadEnd>, received: usize, peer: SocketAddr, patience: Duration) -> Self {
        let (ended, did) = match stop {
            Some(ReadEnd::Closed) => ("closed", None),
            Some(stop) if stop.is_reset() => ("reset", Some("reset the connection".to_owned())),
            Some(ReadEnd::Full) => ("open", Some("sent more than `limit`".to_owned())),
            Some(ReadEnd::Broken(error)) => ("reset", Some(format!("was lost ({error})"))),
            None => ("open", Some(format!("kept the connection open for {}", human_time(patience)))),
        };
        let evidence = did.map(|did| format!("{peer} {did} {AFTER_HALF_CLOSE}"));
        Self { ended, received, cut: matches!(stop, Some(ReadEnd::Full)), evidence }
    }
}

impl Conversation {
    /// Whether a check with these fields waits for the server's words.
    pub(super) fn is_in(args: &Args) -> bool {
        args.given(&DIALOGUE) || Script::is_in(args)
    }

    /// `None` when the check only connects.
    pub(super) fn from_args(args: &Args) -> Result<Option<Self>, Invalid> {
        if let Some(dialogue) = Dialogue::from_args(args)? {
            return Ok(Some(Self::Dialogue(dialogue)));
        }
        Ok(Script::from_args(args)?.map(Self::Once))
    }

    /// What is sent, where nothing else is asked for.
    pub(super) fn sent_alone(&self) -> Option<&[u8]> {
        match self {
            Self::Once(script) => script.sent_alone(),
            Self::Dialogue(_) => None,
        }
    }

    /// How many times it waits for the peer, at most.
    pub(super) fn waits(&self) -> u32 {
        match self {
            Self::Once(_) => 1,
            Self::Dialogue(dialogue) => dialogue.waits(),
        }
    }

    pub(super) async fn play(
        &self,
        stream: &mut TcpStream,
        peer: SocketAddr,
        patience: Duration,
    ) -> ConversationResult {
        match self {
            Self::Once(script) => script.play(stream, peer, patience).await,
            Self::Dialogue(dialogue) => dialogue.play(stream, peer, patience).await,
        }
    }
}

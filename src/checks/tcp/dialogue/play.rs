//! Takes the steps.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::time::Instant;

use super::steps::{CloseSide, Dialogue, LinePattern, StepAction};
use super::{CAME_BEFORE, DialogueResult, StepResult};
use crate::checks::tcp::conversation::{ConversationResult, HalfClose};
use crate::checks::tcp::receive_buffer::{ReadEnd, ReceiveBuffer};
use crate::model::count::counted;
use crate::model::human_time;
use crate::net::{bytes, deadline};

/// Why a step did not come to its end.
enum StepFailure {
    /// Time was up.
    Silent,
    /// Time was up before all that was to be sent was taken.
    NotTaken,
    /// A line came that the step refuses.
    Refused(String),
    Stopped(ReadEnd),
}

impl From<ReadEnd> for StepFailure {
    fn from(stop: ReadEnd) -> Self {
        Self::Stopped(stop)
    }
}

/// A connection on which steps are taken.
struct DialogueConnection<'a> {
    stream: &'a mut TcpStream,
    buffer: ReceiveBuffer,
    /// Bytes that steps have read; the others are left to the next one.
    taken: usize,
    /// Bytes that had come before the last send that follows a read: what is sent is not answered by them.
    before_send: usize,
    /// A step has read since the last send.
    has_read: bool,
    /// Bytes that had come when this side ended its sending.
    closed_at: Option<usize>,
}

impl Dialogue {
    /// Takes the steps, each with `patience`; the first that fails ends it.
    pub(in crate::checks::tcp) async fn play(
        &self,
        stream: &mut TcpStream,
        peer: SocketAddr,
        patience: Duration,
    ) -> ConversationResult {
        let begun = Instant::now();
        let buffer = ReceiveBuffer::new(self.limit);
        let mut connection =
            DialogueConnection { stream, buffer, taken: 0, before_send: 0, has_read: false, closed_at: None };
        let (mut taken, mut early, mut failed) = (Vec::new(), Vec::new(), None);
        for (number, action) in (1_usize..).zip(&self.actions) {
            let (from, start) = (connection.taken, Instant::now());
            let ended = connection.step(action, start + patience).await;
            taken.push((action, from, if ended.is_ok() { connection.taken } else { usize::MAX }, start.elapsed()));
            if let Err(failure) = ended {
                failed = Some((number, from, failure));
                break;
            }
            if action.reads() && connection.taken <= connection.before_send {
                let read = bytes::quoted(connection.text(from, connection.taken, self.holds_secret).as_bytes());
                early.push(format!(
                    "step {number}: {read} {CAME_BEFORE} the last `send`, so it answers something earlier"
                ));
            }
        }
        let time = failed.is_none().then(|| begun.elapsed());
        let half_close = connection.end(failed.as_ref().map(|(.., failure)| failure), peer, patience).await;
        let (outcome, evidence) = match &failed {
            None => ("connected", None),
            Some((number, from, failure)) => {
                let (word, sentence) = self.judge(&connection, *number, *from, failure, peer, patience);
                (word, Some(sentence))
            }
        };
        let stop = failed.as_ref().map(|(.., failure)| failure);
        let undecided = matches!(stop, Some(StepFailure::Stopped(ReadEnd::Full)));
        let more = match stop {
            _ if connection.buffer.is_closed() => None,
            Some(StepFailure::Stopped(ReadEnd::Full)) => Some("`limit` is reached"),
            Some(StepFailure::Stopped(_)) => None,
            Some(StepFailure::Silent | StepFailure::NotTaken) => Some("more may come after `timeout`"),
            Some(StepFailure::Refused(_)) => Some("reading ends with the line that `unless` names"),
            None => Some("reading ends with the last step"),
        };
        let completed = taken.len() - usize::from(failed.is_some());
        let steps = taken.into_iter().map(|(action, from, to, time)| StepResult {
            time,
            received: action.reads().then(|| connection.text(from, to, self.holds_secret)),
            failed: to == usize::MAX,
        });
        let progress = Some(DialogueResult { steps: steps.collect(), completed, early, time });
        ConversationResult {
            outcome,
            received: connection.buffer.received,
            more,
            undecided,
            evidence,
            half_close,
            progress,
        }
    }

    /// Outcome and sentence of the step that failed.
    fn judge(
        &self,
        connection: &DialogueConnection<'_>,
        number: usize,
        from: usize,
        failure: &StepFailure,
        peer: SocketAddr,
        patience: Duration,
    ) -> (&'static str, String) {
        let Some(action) = self.actions.get(number - 1) else { return ("mismatch", String::new()) };
        let (step, wanted) = (format!("step {number}"), action.wanted());
        let said = connection.said(from, self.holds_secret);
        let shown = bytes::quoted(said.as_bytes());
        let waited = human_time(patience);
        let close = matches!(action, StepAction::CloseSide(_));
        match failure {
            StepFailure::NotTaken => {
                ("timeout", format!("{step}: {peer} took no more of what is sent within {waited}"))
            }
            StepFailure::Refused(line) => {
                let line = bytes::quoted(line.as_bytes());
                ("mismatch", format!("{step}: expected {wanted}, received {line} from {peer}, which `unless` refuses"))
            }
            StepFailure::Stopped(stop) if stop.is_reset() => {
                let after = if said.is_empty() { String::new() } else { format!(" after {shown}") };
                ("reset", format!("{step}: expected {wanted}, but {peer} reset the connection{after}"))
            }
            StepFailure::Silent if close => {
                ("timeout", format!("{step}: expected {wanted}, but {peer} kept it open for {waited}"))
            }
            StepFailure::Silent if said.is_empty() => {
                ("timeout", format!("{step}: expected {wanted}, but {peer} kept silent for {waited}"))
            }
            StepFailure::Silent => {
                let hint = action.hint(&said);
                (
                    "mismatch",
                    format!("{step}: expected {wanted}, received {shown} from {peer}, then silence for {waited}{hint}"),
                )
            }
            StepFailure::Stopped(ReadEnd::Closed) if said.is_empty() => {
                ("closed", format!("{step}: expected {wanted}, but {peer} closed the connection"))
            }
            StepFailure::Stopped(ReadEnd::Closed) => (
                "mismatch",
                format!("{step}: expected {wanted}, received {shown} from {peer}, which then closed the connection"),
            ),
            StepFailure::Stopped(ReadEnd::Full) => {
                let limit = counted(self.limit, "byte");
                (
                    "mismatch",
                    format!(
                        "{step}: expected {wanted}, received {shown} from {peer}, and `limit` of {limit} is reached"
                    ),
                )
            }
            StepFailure::Stopped(ReadEnd::Broken(error)) => {
                ("closed", format!("{step}: expected {wanted}, but the connection to {peer} was lost ({error})"))
            }
        }
    }
}

impl StepAction {
    /// Why what came may be right although it does not fit.
    fn hint(&self, said: &str) -> &'static str {
        match self {
            Self::Match(pattern) if said.lines().next_back().is_some_and(|line| pattern.matches.is_match(line)) => {
                " (that line has no end yet: a prompt is waited for with `expect`)"
            }
            Self::Expect(_, shown) if shown.starts_with("\"^") || shown.ends_with("$\"") || shown.contains(".*") => {
                " (`expect` is text as it stands; `matches` takes a regular expression)"
            }
            _ => "",
        }
    }
}

impl DialogueConnection<'_> {
    async fn step(&mut self, action: &StepAction, end: Instant) -> Result<(), StepFailure> {
        match action {
            StepAction::Send(sent) => return self.send(sent, end).await,
            StepAction::CloseSide(CloseSide::Write) => {
                self.closed_at = Some(self.buffer.half_close(self.stream).await?);
                return Ok(());
            }
            StepAction::Expect(..) | StepAction::Match(_) | StepAction::CloseSide(CloseSide::Peer) => {}
        }
        let waited = match action {
            StepAction::Expect(wanted, _) => deadline::until(end, self.find(wanted)).await,
            StepAction::Match(pattern) => deadline::until(end, self.find_line(pattern)).await,
            StepAction::Send(_) | StepAction::CloseSide(_) => deadline::until(end, self.peer_end()).await,
        };
        self.has_read = true;
        waited.map_err(|_| StepFailure::Silent)?
    }

    async fn send(&mut self, sent: &[u8], end: Instant) -> Result<(), StepFailure> {
        if self.has_read {
            self.buffer.drain(self.stream)?;
            (self.before_send, self.has_read) = (self.buffer.received.len(), false);
        }
        match deadline::until(end, self.stream.write_all(sent)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => {
                // What the peer said before it hung up tells why.
                let _ = self.buffer.drain(self.stream);
                Err(ReadEnd::Broken(error).into())
            }
            Err(_) => Err(StepFailure::NotTaken),
        }
    }

    /// Takes everything up to the end of `wanted`.
    async fn find(&mut self, wanted: &[u8]) -> Result<(), StepFailure> {
        let mut from = self.taken;
        loop {
            let rest = self.buffer.received.get(from..).unwrap_or_default();
            if let Some(at) = rest.windows(wanted.len()).position(|window| window == wanted) {
                self.taken = from + at + wanted.len();
                return Ok(());
            }
            // A match may begin at the end of what has come.
            from = self.taken.max(self.buffer.received.len().saturating_sub(wanted.len() - 1));
            self.buffer.more(self.stream).await?;
        }
    }

    /// Takes everything up to the end of a line that fits.
    async fn find_line(&mut self, pattern: &LinePattern) -> Result<(), StepFailure> {
        let mut searched = self.taken;
        loop {
            let rest = self.buffer.received.get(searched..).unwrap_or_default();
            if let Some(at) = rest.iter().position(|byte| *byte == b'\n') {
                if self.take_line(pattern, searched + at + 1)? {
                    return Ok(());
                }
                searched = self.taken;
                continue;
            }
            searched = self.buffer.received.len();
            match self.buffer.more(self.stream).await {
                Ok(()) => {}
                // The last line may lack an end.
                Err(ReadEnd::Closed) if self.taken < searched && self.take_line(pattern, searched)? => return Ok(()),
                Err(stop) => return Err(stop.into()),
            }
        }
    }

    /// Takes the line up to `end`, and says whether it is the one that is waited for.
    fn take_line(&mut self, pattern: &LinePattern, end: usize) -> Result<bool, StepFailure> {
        let line = bytes::readable(self.buffer.received.get(self.taken..end).unwrap_or_default());
        let line = line.trim_end_matches(['\r', '\n']);
        self.taken = end;
        if pattern.matches.is_match(line) {
            return Ok(true);
        }
        match &pattern.unless {
            Some(unless) if unless.is_match(line) => Err(StepFailure::Refused(line.to_owned())),
            _ => Ok(false),
        }
    }

    async fn peer_end(&mut self) -> Result<(), StepFailure> {
        loop {
            match self.buffer.more(self.stream).await {
                Ok(()) => {}
                Err(ReadEnd::Closed) => return Ok(()),
                Err(stop) => return Err(stop.into()),
            }
        }
    }

    /// What the peer does once this side has ended its sending: after the last step it is waited for.
    async fn end(&mut self, failure: Option<&StepFailure>, peer: SocketAddr, patience: Duration) -> Option<HalfClose> {
        let at = self.closed_at?;
        let waited = match failure {
            None => Some(deadline::within(patience, self.peer_end()).await),
            // Nobody waited for it to end.
            Some(StepFailure::Refused(_)) => return None,
            Some(_) => None,
        };
        let stopped = match (&waited, failure) {
            (Some(Ok(Err(StepFailure::Stopped(stop)))), _) | (_, Some(StepFailure::Stopped(stop))) => Some(stop),
            (Some(Ok(Ok(()))), _) => Some(&ReadEnd::Closed),
            _ => None,
        };
        Some(HalfClose::of(stopped, self.buffer.received.len().saturating_sub(at), peer, patience))
    }

    /// What came for a step and not for one before it: without the rest of a line that was read already, and without what had
    /// come before the last send.
    fn said(&self, from: usize, holds_secret: bool) -> String {
        let from = from.max(self.before_send);
        let rest = self.buffer.received.get(from..).unwrap_or_default();
        let line_end = rest.iter().position(|byte| *byte == b'\n').filter(|_| self.is_within_line(from));
        let start = line_end.map_or(from, |at| from + at + 1);
        if start >= self.buffer.received.len() { String::new() } else { self.text(start, usize::MAX, holds_secret) }
    }

    /// The lines between two places: from the first that begins there to the end of the last. Where secrets are sent, no line is
    /// cut, so that an echo of one is whole, and is seen to be one.
    fn text(&self, from: usize, to: usize, holds_secret: bool) -> String {
        let all = &self.buffer.received;
        let to = to.min(all.len());
        let line_end = |from: usize| all.get(from..)?.iter().position(|byte| *byte == b'\n').map(|at| from + at + 1);
        let next = line_end(from).filter(|next| self.is_within_line(from) && *next < to);
        let line_start = || all.get(..from)?.iter().rposition(|byte| *byte == b'\n').map(|at| at + 1);
        let start = match next {
            Some(next) => next,
            None if holds_secret => line_start().unwrap_or(0),
            None => from,
        };
        let end = match line_end(to) {
            _ if !self.is_within_line(to) => to,
            Some(end) => end,
            None if holds_secret => all.len(),
            None => to,
        };
        let text = bytes::readable(all.get(start..end).unwrap_or_default());
        let cut = holds_secret && end == all.len() && self.is_within_line(end) && !self.buffer.is_closed();
        // Marked as cut, the beginning of a secret at its end is hidden, too.
        if cut { text + "…" } else { text.trim_end_matches(['\r', '\n']).to_owned() }
    }

    /// Whether a line goes on at this place.
    fn is_within_line(&self, at: usize) -> bool {
        at.checked_sub(1).and_then(|before| self.buffer.received.get(before)).is_some_and(|byte| *byte != b'\n')
    }
}

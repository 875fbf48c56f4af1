//! Takes the steps.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::time::Instant;

use super::steps::{Action, Close, Dialogue, Pattern};
use super::{CAME_BEFORE, Progress, Taken};
use crate::checks::tcp::conversation::{Exchange, HalfClose};
use crate::checks::tcp::reading::{Reading, Stop};
use crate::model::count::counted;
use crate::model::human_time;
use crate::net::{bytes, deadline};

/// Why a step did not come to its end.
enum Failure {
    /// Time was up.
    Silent,
    /// Time was up before all that was to be sent was taken.
    NotTaken,
    /// A line came that the step refuses.
    Refused(String),
    Stopped(Stop),
}

impl From<Stop> for Failure {
    fn from(stop: Stop) -> Self {
        Self::Stopped(stop)
    }
}

/// A connection on which steps are taken.
struct Talk<'a> {
    stream: &'a mut TcpStream,
    reading: Reading,
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
    ) -> Exchange {
        let begun = Instant::now();
        let reading = Reading::new(self.limit);
        let mut talk = Talk { stream, reading, taken: 0, before_send: 0, has_read: false, closed_at: None };
        let (mut taken, mut early, mut failed) = (Vec::new(), Vec::new(), None);
        for (number, action) in (1_usize..).zip(&self.actions) {
            let (from, start) = (talk.taken, Instant::now());
            let ended = talk.step(action, start + patience).await;
            taken.push((action, from, if ended.is_ok() { talk.taken } else { usize::MAX }, start.elapsed()));
            if let Err(failure) = ended {
                failed = Some((number, from, failure));
                break;
            }
            if action.reads() && talk.taken <= talk.before_send {
                let read = bytes::quoted(talk.text(from, talk.taken, self.holds_secret).as_bytes());
                early.push(format!(
                    "step {number}: {read} {CAME_BEFORE} the last `send`, so it answers something earlier"
                ));
            }
        }
        let time = failed.is_none().then(|| begun.elapsed());
        let half_close = talk.end(failed.as_ref().map(|(.., failure)| failure), peer, patience).await;
        let (outcome, evidence) = match &failed {
            None => ("connected", None),
            Some((number, from, failure)) => {
                let (word, sentence) = self.judge(&talk, *number, *from, failure, peer, patience);
                (word, Some(sentence))
            }
        };
        let stop = failed.as_ref().map(|(.., failure)| failure);
        let undecided = matches!(stop, Some(Failure::Stopped(Stop::Full)));
        let more = match stop {
            _ if talk.reading.is_closed() => None,
            Some(Failure::Stopped(Stop::Full)) => Some("`limit` is reached"),
            Some(Failure::Stopped(_)) => None,
            Some(Failure::Silent | Failure::NotTaken) => Some("more may come after `timeout`"),
            Some(Failure::Refused(_)) => Some("reading ends with the line that `unless` names"),
            None => Some("reading ends with the last step"),
        };
        let completed = taken.len() - usize::from(failed.is_some());
        let steps = taken.into_iter().map(|(action, from, to, time)| Taken {
            time,
            received: action.reads().then(|| talk.text(from, to, self.holds_secret)),
            failed: to == usize::MAX,
        });
        let progress = Some(Progress { steps: steps.collect(), completed, early, time });
        Exchange { outcome, received: talk.reading.received, more, undecided, evidence, half_close, progress }
    }

    /// Outcome and sentence of the step that failed.
    fn judge(
        &self,
        talk: &Talk<'_>,
        number: usize,
        from: usize,
        failure: &Failure,
        peer: SocketAddr,
        patience: Duration,
    ) -> (&'static str, String) {
        let Some(action) = self.actions.get(number - 1) else { return ("mismatch", String::new()) };
        let (step, wanted) = (format!("step {number}"), action.wanted());
        let said = talk.said(from, self.holds_secret);
        let shown = bytes::quoted(said.as_bytes());
        let waited = human_time(patience);
        let close = matches!(action, Action::Close(_));
        match failure {
            Failure::NotTaken => ("timeout", format!("{step}: {peer} took no more of what is sent within {waited}")),
            Failure::Refused(line) => {
                let line = bytes::quoted(line.as_bytes());
                ("mismatch", format!("{step}: expected {wanted}, received {line} from {peer}, which `unless` refuses"))
            }
            Failure::Stopped(stop) if stop.is_reset() => {
                let after = if said.is_empty() { String::new() } else { format!(" after {shown}") };
                ("reset", format!("{step}: expected {wanted}, but {peer} reset the connection{after}"))
            }
            Failure::Silent if close => {
                ("timeout", format!("{step}: expected {wanted}, but {peer} kept it open for {waited}"))
            }
            Failure::Silent if said.is_empty() => {
                ("timeout", format!("{step}: expected {wanted}, but {peer} kept silent for {waited}"))
            }
            Failure::Silent => {
                let hint = action.hint(&said);
                (
                    "mismatch",
                    format!("{step}: expected {wanted}, received {shown} from {peer}, then silence for {waited}{hint}"),
                )
            }
            Failure::Stopped(Stop::Closed) if said.is_empty() => {
                ("closed", format!("{step}: expected {wanted}, but {peer} closed the connection"))
            }
            Failure::Stopped(Stop::Closed) => (
                "mismatch",
                format!("{step}: expected {wanted}, received {shown} from {peer}, which then closed the connection"),
            ),
            Failure::Stopped(Stop::Full) => {
                let limit = counted(self.limit, "byte");
                (
                    "mismatch",
                    format!(
                        "{step}: expected {wanted}, received {shown} from {peer}, and `limit` of {limit} is reached"
                    ),
                )
            }
            Failure::Stopped(Stop::Broken(error)) => {
                ("closed", format!("{step}: expected {wanted}, but the connection to {peer} was lost ({error})"))
            }
        }
    }
}

impl Action {
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

impl Talk<'_> {
    async fn step(&mut self, action: &Action, end: Instant) -> Result<(), Failure> {
        match action {
            Action::Send(sent) => return self.send(sent, end).await,
            Action::Close(Close::Write) => {
                self.closed_at = Some(self.reading.half_close(self.stream).await?);
                return Ok(());
            }
            Action::Expect(..) | Action::Match(_) | Action::Close(Close::Peer) => {}
        }
        let waited = match action {
            Action::Expect(wanted, _) => deadline::until(end, self.find(wanted)).await,
            Action::Match(pattern) => deadline::until(end, self.find_line(pattern)).await,
            Action::Send(_) | Action::Close(_) => deadline::until(end, self.peer_end()).await,
        };
        self.has_read = true;
        waited.map_err(|_| Failure::Silent)?
    }

    async fn send(&mut self, sent: &[u8], end: Instant) -> Result<(), Failure> {
        if self.has_read {
            self.reading.drain(self.stream)?;
            (self.before_send, self.has_read) = (self.reading.received.len(), false);
        }
        match deadline::until(end, self.stream.write_all(sent)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => {
                // What the peer said before it hung up tells why.
                let _ = self.reading.drain(self.stream);
                Err(Stop::Broken(error).into())
            }
            Err(_) => Err(Failure::NotTaken),
        }
    }

    /// Takes everything up to the end of `wanted`.
    async fn find(&mut self, wanted: &[u8]) -> Result<(), Failure> {
        let mut from = self.taken;
        loop {
            let rest = self.reading.received.get(from..).unwrap_or_default();
            if let Some(at) = rest.windows(wanted.len()).position(|window| window == wanted) {
                self.taken = from + at + wanted.len();
                return Ok(());
            }
            // A match may begin at the end of what has come.
            from = self.taken.max(self.reading.received.len().saturating_sub(wanted.len() - 1));
            self.reading.more(self.stream).await?;
        }
    }

    /// Takes everything up to the end of a line that fits.
    async fn find_line(&mut self, pattern: &Pattern) -> Result<(), Failure> {
        let mut searched = self.taken;
        loop {
            let rest = self.reading.received.get(searched..).unwrap_or_default();
            if let Some(at) = rest.iter().position(|byte| *byte == b'\n') {
                if self.take_line(pattern, searched + at + 1)? {
                    return Ok(());
                }
                searched = self.taken;
                continue;
            }
            searched = self.reading.received.len();
            match self.reading.more(self.stream).await {
                Ok(()) => {}
                // The last line may lack an end.
                Err(Stop::Closed) if self.taken < searched && self.take_line(pattern, searched)? => return Ok(()),
                Err(stop) => return Err(stop.into()),
            }
        }
    }

    /// Takes the line up to `end`, and says whether it is the one that is waited for.
    fn take_line(&mut self, pattern: &Pattern, end: usize) -> Result<bool, Failure> {
        let line = bytes::readable(self.reading.received.get(self.taken..end).unwrap_or_default());
        let line = line.trim_end_matches(['\r', '\n']);
        self.taken = end;
        if pattern.matches.is_match(line) {
            return Ok(true);
        }
        match &pattern.unless {
            Some(unless) if unless.is_match(line) => Err(Failure::Refused(line.to_owned())),
            _ => Ok(false),
        }
    }

    async fn peer_end(&mut self) -> Result<(), Failure> {
        loop {
            match self.reading.more(self.stream).await {
                Ok(()) => {}
                Err(Stop::Closed) => return Ok(()),
                Err(stop) => return Err(stop.into()),
            }
        }
    }

    /// What the peer does once this side has ended its sending: after the last step it is waited for.
    async fn end(&mut self, failure: Option<&Failure>, peer: SocketAddr, patience: Duration) -> Option<HalfClose> {
        let at = self.closed_at?;
        let waited = match failure {
            None => Some(deadline::within(patience, self.peer_end()).await),
            Some(_) => None,
        };
        let stopped = match (&waited, failure) {
            (Some(Ok(Err(Failure::Stopped(stop)))), _) | (_, Some(Failure::Stopped(stop))) => Some(stop),
            (Some(Ok(Ok(()))), _) => Some(&Stop::Closed),
            _ => None,
        };
        Some(HalfClose::of(stopped, self.reading.received.len().saturating_sub(at), peer, patience))
    }

    /// What came for a step and not for one before it: without the rest of a line that was read already, and without what had
    /// come before the last send.
    fn said(&self, from: usize, holds_secret: bool) -> String {
        let from = from.max(self.before_send);
        let rest = self.reading.received.get(from..).unwrap_or_default();
        let line_end = rest.iter().position(|byte| *byte == b'\n').filter(|_| self.is_within_line(from));
        let start = line_end.map_or(from, |at| from + at + 1);
        if start >= self.reading.received.len() { String::new() } else { self.text(start, usize::MAX, holds_secret) }
    }

    /// The lines between two places: from the first that begins there to the end of the last. Where secrets are sent, no line is
    /// cut, so that an echo of one is whole, and is seen to be one.
    fn text(&self, from: usize, to: usize, holds_secret: bool) -> String {
        let all = &self.reading.received;
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
        let cut = holds_secret && end == all.len() && self.is_within_line(end) && !self.reading.is_closed();
        // Marked as cut, the beginning of a secret at its end is hidden, too.
        if cut { text + "…" } else { text.trim_end_matches(['\r', '\n']).to_owned() }
    }

    /// Whether a line goes on at this place.
    fn is_within_line(&self, at: usize) -> bool {
        at.checked_sub(1).and_then(|before| self.reading.received.get(before)).is_some_and(|byte| *byte != b'\n')
    }
}

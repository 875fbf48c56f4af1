//! Records to messages, piece by piece, within limits.

use super::{Alert, Flight};

/// Bytes taken of one answer: a hundred large certificates fit.
const BYTES: usize = 256 * 1024;
/// Records taken of one answer, so that empty ones end too.
const RECORDS: usize = 1024;
/// Longest record (RFC 5246, 6.2.3: ciphertext; plain text is shorter).
const RECORD: usize = (1 << 14) + 2048;

/// How far an answer has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ParserState {
    /// More is needed.
    More,
    /// Everything that comes in clear is there.
    Complete,
    /// A fatal alert, or `close_notify`.
    Alert(Alert),
    /// This is not TLS, or no longer; what it is instead.
    NotTls(String),
    /// The server does not stop within the limits.
    TooMuch,
}

/// Reads what a server sends after a hello. Feed it until it is content; memory stays below 512 KiB whatever comes.
#[derive(Debug, Default)]
pub struct Parser {
    pending: Vec<u8>,
    messages: Vec<u8>,
    flight: Flight,
    end: Option<ParserState>,
    taken: usize,
    records: usize,
}

impl Parser {
    /// Takes the next bytes from the network and says how far the answer has come. After an end more bytes change nothing.
    pub fn feed(&mut self, bytes: &[u8]) -> ParserState {
        if let Some(end) = &self.end {
            return end.clone();
        }
        let room = BYTES - self.taken;
        let kept = bytes.get(..room).unwrap_or(bytes);
        self.taken += kept.len();
        self.pending.extend_from_slice(kept);
        self.end = match self.read() {
            Some(end) => Some(end),
            None if self.taken >= BYTES || self.records >= RECORDS => Some(ParserState::TooMuch),
            None => None,
        };
        self.end.clone().unwrap_or(ParserState::More)
    }

    /// The flight so far.
    #[must_use]
    pub fn flight(&self) -> &Flight {
        &self.flight
    }

    /// The flight.
    #[must_use]
    pub fn into_flight(self) -> Flight {
        self.flight
    }

    /// Nothing came at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.taken == 0
    }

    fn read(&mut self) -> Option<ParserState> {
        let pending = std::mem::take(&mut self.pending);
        let mut rest = pending.as_slice();
        let mut end = None;
        while end.is_none() && self.records < RECORDS {
            if let Some(why) = alien(rest) {
                return Some(ParserState::NotTls(why));
            }
            let [kind, _, _, high, low, body @ ..] = rest else { break };
            let length = usize::from(u16::from_be_bytes([*high, *low]));
            if length > RECORD {
                return Some(ParserState::NotTls(format!("a record of {length} bytes")));
            }
            let Some((content, more)) = body.split_at_checked(length) else { break };
            (rest, self.records) = (more, self.records + 1);
            end = match kind {
                21 => alert(content),
                _ => self.handshake(content),
            };
            if let Some(ParserState::Alert(alert)) = end {
                self.flight.alert = Some(alert);
            }
        }
        self.pending = rest.to_vec();
        end
    }

    fn handshake(&mut self, content: &[u8]) -> Option<ParserState> {
        self.messages.extend_from_slice(content);
        let messages = std::mem::take(&mut self.messages);
        let mut rest = messages.as_slice();
        while let [kind, a, b, c, body @ ..] = rest {
            let length = usize::from(*a) << 16 | usize::from(*b) << 8 | usize::from(*c);
            if length > BYTES {
                return Some(if self.flight.hello.is_some() {
                    ParserState::TooMuch
                } else {
                    ParserState::NotTls(format!("a handshake message of {length} bytes"))
                });
            }
            let Some((body, more)) = body.split_at_checked(length) else { break };
            if let Err(why) = self.flight.take(*kind, body) {
                return Some(ParserState::NotTls(why.to_owned()));
            }
            if self.flight.complete {
                return Some(ParserState::Complete);
            }
            rest = more;
        }
        self.messages = rest.to_vec();
        None
    }
}

/// Why these bytes cannot begin a record of a server in clear.
fn alien(bytes: &[u8]) -> Option<String> {
    let known = match bytes {
        [] => true,
        [kind] => matches!(kind, 21 | 22),
        [kind, major, ..] => matches!(kind, 21 | 22) && *major == 3,
    };
    (!known).then(|| {
        let text: String =
            bytes.iter().take(40).flat_map(|byte| std::ascii::escape_default(*byte)).map(char::from).collect();
        format!("it begins with \"{text}\"")
    })
}

/// Warnings, such as an unrecognised name, do not end a handshake; `close_notify` does.
fn alert(content: &[u8]) -> Option<ParserState> {
    match content {
        [1, description, ..] if *description != 0 => None,
        [_, description, ..] => Some(ParserState::Alert(Alert(*description))),
        _ => Some(ParserState::NotTls("a malformed alert".to_owned())),
    }
}

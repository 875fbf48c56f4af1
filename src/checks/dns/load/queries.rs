//! The questions of a load: lines of a file or of the suite, each with its expected answer.
//!
//! A line is `name [type [rcode] [data [| data]…]]`; the first two words are what dnsperf reads. Empty lines and those
//! that begin with `;` or `#` are skipped.

use std::collections::HashMap;
use std::sync::OnceLock;

use tokio::io::AsyncReadExt as _;

use super::fields::LOAD;
use crate::checks::dns::fields::TYPE;
use crate::checks::dns::question;
use crate::model::{Args, Fault, Invalid, Text};
use crate::proto::dns::question::Question;
use crate::proto::dns::{rcode, types};

/// Largest file.
const BYTES: u64 = 32 << 20;
/// Most lines that ask.
const LINES: usize = 1_000_000;
/// Most different lines: each is kept with its query and its answer.
const DIFFERENT: usize = 200_000;
/// Longest line.
const LINE: usize = 4096;

/// A line that asks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Line {
    name: String,
    kind: Option<String>,
    expected: Expected,
}

/// The expected answer; what it leaves open is taken from the first answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Expected {
    pub(super) rcode: Option<u16>,
    /// Data of the records of the type asked for, in presentation format, sorted.
    pub(super) data: Option<Vec<String>>,
    /// There must be a record of the type asked for.
    pub(super) records: bool,
}

impl Line {
    /// A name somebody wrote down by hand exists, unless the line gives another answer.
    pub(super) fn written_by_hand(mut self) -> Self {
        if self.expected.rcode.is_none() {
            self.expected.rcode = Some(rcode::NOERROR);
            self.expected.records = self.expected.data.is_none();
        }
        self
    }

    /// A line with no more than a name.
    pub(super) fn name(name: &str) -> Self {
        Self { name: name.to_owned(), ..Self::default() }
    }
}

/// The part that every answer to one question has in common.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Reference {
    pub(super) rcode: u16,
    /// AA; compared only where the server is asked as an authority.
    pub(super) authoritative: bool,
    /// The records of the answer section without TTL, or if there are none what the authority section is about; sorted.
    pub(super) records: Vec<String>,
}

/// One question of a load.
pub(super) struct LoadQuery {
    pub(super) question: Question,
    /// The query; its first two bytes are the id.
    pub(super) packet: Vec<u8>,
    pub(super) expected: Expected,
    /// Every answer is held against it, from the first right one on.
    pub(super) reference: OnceLock<Reference>,
}

/// All questions of a load.
#[derive(Default)]
pub(super) struct Questions {
    /// The different ones.
    pub(super) items: Vec<LoadQuery>,
    /// In which order they are asked, over and over.
    pub(super) order: Vec<u32>,
}

impl Questions {
    /// The item asked as number `turn`.
    pub(super) fn at(&self, turn: u64) -> Option<(u32, &LoadQuery)> {
        let length = u64::try_from(self.order.len()).ok().filter(|length| *length > 0)?;
        let index = *self.order.get(usize::try_from(turn % length).ok()?)?;
        Some((index, self.items.get(index as usize)?))
    }

    /// From lines of the suite.
    pub(super) fn of(args: &Args, lines: &[Line]) -> Result<Self, Invalid> {
        let mut questions = Self::default();
        for line in lines {
            let item = LoadQuery::of(args, line)?;
            questions.order.push(u32::try_from(questions.items.len()).unwrap_or(u32::MAX));
            questions.items.push(item);
        }
        Ok(questions)
    }

    /// From the text of a file; the error names line and reason.
    pub(super) fn parse(args: &Args, text: &str) -> Result<Self, (usize, String)> {
        let mut questions = Self::default();
        let mut known: HashMap<&str, u32> = HashMap::new();
        for (number, text) in (1..).zip(text.lines()) {
            let text = text.trim();
            let index = match known.get(text) {
                Some(index) => *index,
                None => {
                    let Some(line) = line(text).map_err(|why| (number, why))? else { continue };
                    let item = LoadQuery::of(args, &line).map_err(|error| (number, error.message))?;
                    if questions.items.len() >= DIFFERENT {
                        return Err((number, format!("more than {DIFFERENT} different questions")));
                    }
                    let index = u32::try_from(questions.items.len()).unwrap_or(u32::MAX);
                    questions.items.push(item);
                    known.insert(text, index);
                    index
                }
            };
            if questions.order.len() >= LINES {
                return Err((number, format!("more than {LINES} questions")));
            }
            questions.order.push(index);
        }
        if questions.order.is_empty() {
            return Err((0, "no line asks anything".to_owned()));
        }
        Ok(questions)
    }

    /// From a file.
    pub(super) async fn read(args: Args, path: &Text) -> Result<Self, Fault> {
        const HELP: &str = "a line is `name type`, or `name type rcode data | data`; `;` begins a comment";
        let shown = path.to_string();
        let broken = |why: String, help: &str| Fault::local("read queries", shown.clone(), why, help);
        let file = tokio::fs::File::open(path)
            .await
            .map_err(|error| broken(error.to_string(), "check `queries`; it is relative to the suite file"))?;
        let mut bytes = Vec::new();
        file.take(BYTES + 1)
            .read_to_end(&mut bytes)
            .await
            .map_err(|error| broken(error.to_string(), "check what `queries` names"))?;
        if bytes.len() as u64 > BYTES {
            return Err(broken(
                format!("more than {} MiB", BYTES >> 20),
                "take a part of the file: it is asked over and over",
            ));
        }
        let parsed = tokio::task::spawn_blocking(move || match std::str::from_utf8(&bytes) {
            Ok(text) => Self::parse(&args, text),
            Err(error) => {
                let before = bytes.get(..error.valid_up_to()).unwrap_or_default();
                Err((memchr::memchr_iter(b'\n', before).count() + 1, "it is not UTF-8".to_owned()))
            }
        })
        .await
        .map_err(|error| broken(error.to_string(), HELP))?;
        // `file:line` is what editors jump to.
        parsed.map_err(|(number, why)| {
            let place = if number == 0 { shown.clone() } else { format!("{shown}:{number}") };
            Fault::local("read queries", place, why, HELP)
        })
    }
}

impl LoadQuery {
    fn of(args: &Args, line: &Line) -> Result<Self, Invalid> {
        let kind = line.kind.clone().or_else(|| args.get(&TYPE));
        let question = question::with(args, &line.name, kind.as_deref())?;
        if question.code == types::AXFR {
            return Err(LOAD.invalid("a zone transfer is no query for a load", "ask for records"));
        }
        let (_, packet) = question.encode(0).map_err(|fault| LOAD.invalid(fault.detail, fault.remedy))?;
        Ok(Self { question, packet, expected: line.expected.clone(), reference: OnceLock::new() })
    }
}

/// Reads one line; `None` when it is empty or a comment.
pub(super) fn line(text: &str) -> Result<Option<Line>, String> {
    let text = text.trim();
    if text.is_empty() || text.starts_with([';', '#']) {
        return Ok(None);
    }
    if text.len() > LINE {
        return Err(format!("longer than {LINE} bytes"));
    }
    let (name, rest) = word(text);
    let (kind, rest) = word(rest);
    let mut line = Line { name: name.to_owned(), kind: (!kind.is_empty()).then(|| kind.to_owned()), ..Line::default() };
    let (first, after) = word(rest);
    let code = rcode::number(first);
    let data = if code.is_some() { after } else { rest };
    line.expected.rcode = code;
    if !data.is_empty() {
        let mut parts: Vec<String> = records(data);
        if parts.iter().any(String::is_empty) {
            return Err("there is no data on one side of a `|`".to_owned());
        }
        parts.sort();
        line.expected.rcode = code.or(Some(rcode::NOERROR));
        line.expected.data = Some(parts);
    }
    Ok(Some(line))
}

/// The first word, and what follows it.
fn word(text: &str) -> (&str, &str) {
    let text = text.trim_start();
    let end = text.find(char::is_whitespace).unwrap_or(text.len());
    let (first, rest) = text.split_at(end);
    (first, rest.trim_start())
}

/// Data of records, separated by `|` outside of quotes.
fn records(text: &str) -> Vec<String> {
    let (mut parts, mut part) = (Vec::new(), String::new());
    let (mut quoted, mut escaped) = (false, false);
    for c in text.chars() {
        match c {
            '|' if !quoted && !escaped => {
                parts.push(part.trim().to_owned());
                part.clear();
                continue;
            }
            '"' if !escaped => quoted = !quoted,
            _ => {}
        }
        escaped = c == '\\' && !escaped;
        part.push(c);
    }
    parts.push(part.trim().to_owned());
    parts
}

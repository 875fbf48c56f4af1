//! From the fields of a stream to what it writes and how that is read back.

use std::time::Duration;

use super::Writes;
use super::log::MOST;
use super::numbered::{self, Numbered};
use super::reader::WriteReader;
use super::value::MARK;
use crate::checks::failover::fields::{CONNECTION, EVENTUALLY, READ_BACK, WITHIN};
use crate::checks::failover::proxies;
use crate::checks::failover::stream::StreamConfig;
use crate::model::{Args, Choices as _, Invalid, NestedProbe, human_time};
use crate::probe::{Connection, Family};

/// Message and help.
type Wrong = (String, String);

/// What a stream of `family` with these fields writes; `None` where it writes nothing.
pub(in crate::checks::failover) fn writes(
    family: &Family,
    fields: &Args,
    group: &Args,
) -> Result<Option<Writes>, Wrong> {
    let wrong = |message: String, help: &str| Err((message, help.to_owned()));
    let read = match (numbered::is_in(fields), group.get(&READ_BACK)) {
        (false, None) => return Ok(None),
        (true, None) => {
            let message = format!("`{MARK}` numbers what is written, and nothing reads it back");
            return wrong(message, "write `read_back` beside it, such as `read_back: {http: {url: URL}}`");
        }
        (false, Some(_)) => {
            let help = format!("write `{MARK}` where the value goes, such as in the URL or the body");
            return wrong("`read_back` looks for values, and the probe writes none".to_owned(), &help);
        }
        (true, Some(read)) => read,
    };
    if !matches!(family.name, "http" | "tcp") {
        return wrong(format!("`read_back` is for http and tcp, this is `{}`", family.name), "write by one of these");
    }
    let connection = group.get(&CONNECTION);
    if connection == Connection::Keep {
        let message = format!("`connection: {}`: each write has a connection of its own", connection.word());
        return wrong(message, "leave `connection` out");
    }
    if family.name == "tcp" && !proxies::is_answered(fields) {
        let message = "nothing says which answer acknowledges a write".to_owned();
        return wrong(message, "add `expect`, such as `expect: \"+OK\"`, or make it a `dialogue`");
    }
    let write = Numbered::new(family, fields.clone()).map_err(|wrong| of(family.name, wrong))?;
    reader(read).map(|reader| Some(Writes::new(write, reader)))
}

fn of(family: &str, wrong: Invalid) -> Wrong {
    (format!("{family}: {}", wrong.message), wrong.help)
}

fn reader(read: NestedProbe) -> Result<WriteReader, Wrong> {
    let Some(family) = crate::checks::family(read.family) else {
        let message = format!("this build has no probe `{}`", read.family);
        return Err((message, "see `shakedown explain failover`".to_owned()));
    };
    let (lists, by_text) = (!numbered::is_in(&read.args), read.family != "http");
    if lists && by_text {
        let message = format!("`read_back` by {} looks for each value by itself", read.family);
        return Err((message, format!("write `{MARK}` where the value goes, or list all values over http")));
    }
    let numbered =
        Numbered::new(family, read.args).map_err(|wrong| of(&format!("`read_back`: {}", read.family), wrong))?;
    Ok(WriteReader {
        numbered: numbered.into(),
        lists,
        text: if by_text { "received" } else { "body" },
        by_text,
        eventually: read.group.get(&EVENTUALLY),
        within: read.group.get(&WITHIN),
    })
}

/// Refuses a stream that may write more in the time `lasts` than is followed.
pub(in crate::checks::failover) fn check_room(
    streams: &[StreamConfig],
    lasts: Duration,
    field: &'static str,
) -> Result<(), Invalid> {
    let many = |stream: &&StreamConfig| lasts.as_secs_f64() / stream.interval.as_secs_f64() > MOST as f64;
    let Some(stream) = streams.iter().filter(|stream| stream.writes.is_some()).find(many) else { return Ok(()) };
    let message =
        format!("`{}` would write more than {MOST} values in up to {}", stream.name.shown(), human_time(lasts));
    Err(Invalid::at(field, message, "lengthen its `interval`, or shorten `observe`"))
}

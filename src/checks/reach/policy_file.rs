//! A file with rows of `allow`, one a line: who, whom, which ports.

use std::fs::File;
use std::io::Read as _;

use super::fields::{ALLOW_FILE, ROW_FROM, ROW_PORTS, ROW_TO};
use crate::model::{Arg, Args, Invalid, Text};

/// Most bytes of a file.
const MOST_BYTES: u64 = 1 << 20;
const WRITE: &str = "write a row a line, `web,jobs database tcp/5432`: who, whom, and which ports, or `any`";

/// The rows of a file, as `allow` would have them, each with its line.
pub(super) fn rows(path: &Text) -> Result<Vec<(usize, Args)>, Invalid> {
    let invalid = |why: String| ALLOW_FILE.invalid(format!("{}{why}", path.shown()), WRITE);
    let text = read(path).map_err(|error| invalid(format!(": {error}")))?;
    let mut out = Vec::new();
    for (line, number) in text.lines().zip(1_usize..) {
        let words: Vec<&str> = line.split('#').next().unwrap_or_default().split_whitespace().collect();
        match *words {
            [] => {}
            [from, to, ports] => {
                let written = [(ROW_FROM.name(), from), (ROW_TO.name(), to), (ROW_PORTS.name(), ports)];
                out.push((number, Args(written.map(|(key, text)| (key, several(text))).into())));
            }
            _ => return Err(invalid(format!(":{number}: `{}` has {} words, not three", line.trim(), words.len()))),
        }
    }
    Ok(out)
}

fn several(text: &str) -> Arg {
    Arg::List(text.split(',').filter(|part| !part.is_empty()).map(|part| Arg::Text(part.into())).collect())
}

fn read(path: &str) -> std::io::Result<String> {
    let mut text = String::new();
    File::open(path)?.take(MOST_BYTES + 1).read_to_string(&mut text)?;
    if text.len() as u64 > MOST_BYTES {
        return Err(std::io::Error::other(format!("it has more than {MOST_BYTES} bytes")));
    }
    Ok(text)
}

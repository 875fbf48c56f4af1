//! A file with rows of `allow`.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use super::fields::{ALLOW, ALLOW_FILE};
use crate::model::argument::Argument as _;
use crate::model::{Args, Invalid, Text};
use crate::suite::args::ArgContext;
use crate::suite::defaults::Defaults;
use crate::suite::diagnostic::{Diagnostics, Sources};
use crate::suite::tree;

/// Most bytes of a file.
const MOST_BYTES: u64 = 1 << 20;

/// The rows of a file, as `allow` would have them.
pub(super) fn rows(path: &Text) -> Result<Vec<Args>, Invalid> {
    let help = "write a list of rows: `- {from: [NAME], to: [NAME], ports: [tcp/443]}`";
    let invalid = |why: String| ALLOW_FILE.invalid(format!("{}: {why}", path.shown()), help);
    let text = read(path).map_err(|why| invalid(why.to_string()))?;
    let (mut sources, mut errors) = (Sources::default(), Diagnostics::default());
    let source = sources.add(path.shown(), text);
    let node = tree::parse(source, &sources, &mut errors);
    let mut typing = ArgContext {
        errors: &mut errors,
        families: &[],
        defaults: &Defaults::default(),
        folder: Path::new(""),
        files: &mut BTreeSet::new(),
        named: &mut Vec::new(),
        timeout: None,
        family: None,
    };
    let rows = node.and_then(|node| typing.value(ALLOW.name(), &node, &ALLOW.info.kind));
    match errors.0.first() {
        Some(error) => Err(ALLOW_FILE.invalid(
            format!("{}:{}: {}", path.shown(), sources.position(error.span).0, error.message),
            error.help.clone(),
        )),
        None => Ok(Vec::<Args>::read(rows.as_ref())),
    }
}

fn read(path: &str) -> std::io::Result<String> {
    let mut text = String::new();
    File::open(path)?.take(MOST_BYTES + 1).read_to_string(&mut text)?;
    if text.len() as u64 > MOST_BYTES {
        return Err(std::io::Error::other(format!("it has more than {MOST_BYTES} bytes")));
    }
    Ok(text)
}

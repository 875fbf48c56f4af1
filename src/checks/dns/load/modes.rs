//! Default expectations of loads, and the facts each kind of load adds.

use super::facts::{ALWAYS, SCHEDULE, SEARCH};
use super::fields::{LOAD, RATE};
use crate::model::{Args, RateOr};
use crate::probe::Mode;

/// A server that has lost its zone says NXDOMAIN to every line of a file: not all may.
const LOADED: Mode = Mode::of("load", |args| args.given(&LOAD), ALWAYS)
    .example("load: {rate: max}")
    .adds("load.answered: {ge: 1}\nload.rcodes.NOERROR: {ge: 1}\nload.wrong: 0")
    .lacks(&["rcode", "answers", "truncated"]);
/// Looking for the most may lose some.
const MOST: Mode = Mode::of("load: {rate: max}", most, SEARCH).adds("load.loss: {le: 0.1%}");
const PACED: Mode = Mode::of("load: {rate: 1000 /s}", paced, SCHEDULE).adds("load.lost: 0");
pub(in crate::checks::dns) const MODES: &[Mode] = &[LOADED, MOST, PACED];

fn most(args: &Args) -> bool {
    args.get(&LOAD).is_some_and(|load| matches!(load.get(&RATE), Some(RateOr::Word(_))))
}

fn paced(args: &Args) -> bool {
    args.get(&LOAD).is_some_and(|load| matches!(load.get(&RATE), Some(RateOr::Rate(_))))
}

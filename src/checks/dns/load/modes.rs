//! Default expectations of loads, and the facts each kind of load adds.

use super::facts::{ALWAYS, SCHEDULE, SEARCH};
use super::fields::{LOAD, RATE};
use crate::model::{Args, RateOr};
use crate::probe::Mode;

/// Looking for the most may lose some. A server that has lost its zone says NXDOMAIN to every line of a file: not all may.
const MOST: Mode = Mode {
    with: "load: {rate: max}",
    applies: most,
    expect: Some("load.answered: {ge: 1}\nload.rcodes.NOERROR: {ge: 1}\nload.wrong: 0\nload.loss: {le: 0.1%}"),
    adds: None,
    facts: SEARCH,
};
const PACED: Mode = Mode { with: "load: {rate: 1000 /s}", applies: paced, expect: None, adds: None, facts: SCHEDULE };
const LOADED: Mode = Mode {
    with: "load",
    applies: |args| args.given(&LOAD),
    expect: Some("load.answered: {ge: 1}\nload.rcodes.NOERROR: {ge: 1}\nload.wrong: 0\nload.lost: 0"),
    adds: None,
    facts: ALWAYS,
};
pub(in crate::checks::dns) const MODES: &[Mode] = &[MOST, PACED, LOADED];

fn most(args: &Args) -> bool {
    args.get(&LOAD).is_some_and(|load| matches!(load.get(&RATE), Some(RateOr::Word(_))))
}

fn paced(args: &Args) -> bool {
    args.get(&LOAD).is_some_and(|load| matches!(load.get(&RATE), Some(RateOr::Rate(_))))
}

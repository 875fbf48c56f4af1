//! What flows one way: which streams of a test, and the facts they fill.

use super::facts::{DOWNLOAD, DirectionFacts, ONLY, UPLOAD};
use crate::proto::iperf3::{Flow, Params, Results, StreamResult};

/// The streams of one direction.
#[derive(Clone, Copy)]
pub(super) struct OneWay {
    pub(super) facts: &'static DirectionFacts,
    /// The server sends.
    pub(super) downloads: bool,
    /// The first of its streams; those that this side sends come first.
    first: usize,
    count: usize,
    /// How evidence says which direction it is of, where there are two.
    name: &'static str,
}

impl OneWay {
    /// The directions of a test, one or both.
    pub(super) fn all(params: &Params) -> Vec<Self> {
        let count = params.streams as usize;
        if params.bidirectional {
            return vec![
                Self { facts: &UPLOAD, downloads: false, first: 0, count, name: "upload: " },
                Self { facts: &DOWNLOAD, downloads: true, first: count, count, name: "download: " },
            ];
        }
        vec![Self { facts: &ONLY, downloads: params.reverse, first: 0, count, name: "" }]
    }

    pub(super) fn flows<'f>(&self, flows: &'f [Flow]) -> &'f [Flow] {
        part(flows, self.first, self.count)
    }

    pub(super) fn streams<'r>(&self, results: &'r Results) -> &'r [StreamResult] {
        part(&results.streams, self.first, self.count)
    }

    /// Evidence, with the direction that it is of.
    pub(super) fn evidence(&self, text: &str) -> String {
        format!("{}{text}", self.name)
    }
}

/// Those there are: while streams are opened, and in a list that is too short.
fn part<T>(all: &[T], first: usize, count: usize) -> &[T] {
    let first = first.min(all.len());
    all.get(first..(first + count).min(all.len())).unwrap_or_default()
}

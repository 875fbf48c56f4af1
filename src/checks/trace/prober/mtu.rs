//! The largest packet that the path of the first flow carries (RFC 8899), by packets of different lengths that nobody may fragment.

use std::net::IpAddr;

use tokio_util::sync::CancellationToken;

use super::{Ending, Prober};
use crate::checks::shared::mtu_search::Search;
use crate::model::Fault;

/// Tries of each length.
pub(in crate::checks::trace) const TRIES: u32 = 3;
/// Most lengths that are tried.
pub(in crate::checks::trace) const LENGTHS: u32 = 18;
/// Length that every packet so far had, about: it passed.
const BASE: usize = 88;

/// What was found.
#[derive(Clone, Debug)]
pub(in crate::checks::trace) struct MtuFound {
    /// Longest packet that was answered.
    pub(in crate::checks::trace) mtu: usize,
    /// Longest that was tried.
    pub(in crate::checks::trace) interface: usize,
    /// Who reported the smallest MTU.
    pub(in crate::checks::trace) router: Option<IpAddr>,
    /// Nobody says why longer ones do not pass.
    pub(in crate::checks::trace) black_hole: bool,
}

/// What a search came to.
pub(super) enum MtuSearch {
    Found(MtuFound),
    /// The first flow did not arrive, so that nothing is known of its path; or nobody waits for it any more.
    Unreached,
    /// The target stopped answering meanwhile, whatever the length.
    Stopped,
}

/// Whether the border that was found is one of length.
enum BoundaryCheck {
    Holds,
    /// What failed before passes now.
    Moved,
    /// Neither side of it passes.
    Gone,
}

/// What became of a length.
enum LengthOutcome {
    Passed,
    Failed,
    /// This host itself takes none of this length.
    OwnLimit,
}

/// What routers said of lengths.
#[derive(Default)]
struct TooBigReports {
    router: Option<IpAddr>,
    mtu: Option<usize>,
    /// Packets that are looked at already.
    seen: usize,
}

impl TooBigReports {
    /// Whether a router said that the path carries no more than this; routers older than RFC 1191 name no MTU.
    fn says(&self, length: usize) -> bool {
        self.router.is_some() && self.mtu.is_none_or(|mtu| mtu <= length)
    }
}

impl Prober {
    /// Looks for the border between the lengths that pass and those that do not.
    pub(super) fn find_mtu(&mut self, stop: &CancellationToken) -> Result<MtuSearch, Fault> {
        let arrived = |packet: &super::Packet| {
            packet.flow == 0 && packet.answer.as_ref().is_some_and(|answer| answer.ending == Ending::Arrived)
        };
        if !self.packets.iter().any(arrived) {
            return Ok(MtuSearch::Unreached);
        }
        let top = self.route.longest.max(BASE);
        let mut search = Search::new(BASE, top);
        let mut reported = TooBigReports { seen: self.packets.len(), ..TooBigReports::default() };
        self.reach(top, stop)?;
        self.learn(&mut search, &mut reported);
        loop {
            if stop.is_cancelled() {
                return Ok(MtuSearch::Unreached);
            }
            if let Some(length) = search.next() {
                match self.tries(length, (&mut search, &mut reported), stop)? {
                    LengthOutcome::Passed => {}
                    LengthOutcome::Failed => search.failed(length),
                    LengthOutcome::OwnLimit => search.own_limit(length),
                }
            } else {
                match self.holds((&mut search, &mut reported), stop)? {
                    BoundaryCheck::Holds => break,
                    BoundaryCheck::Moved => {}
                    BoundaryCheck::Gone => return Ok(MtuSearch::Stopped),
                }
            }
        }
        let (mtu, interface) = (search.low(), search.top());
        let black_hole = mtu < interface && !reported.says(mtu);
        Ok(MtuSearch::Found(MtuFound { mtu, interface, router: reported.router, black_hole }))
    }

    /// How far packets of this length get: one to each hop that answers at all.
    fn reach(&mut self, length: usize, stop: &CancellationToken) -> Result<(), Fault> {
        let end = self.end(0).unwrap_or(0);
        let answers = |ttl: &u8| {
            let mut there = self.packets.iter().filter(|packet| packet.flow == 0 && packet.ttl == *ttl);
            there.any(|packet| packet.answer.is_some())
        };
        let hops: Vec<u8> = (1..end).filter(answers).collect();
        let mut left = hops;
        for _ in 0..TRIES {
            let first = self.packets.len();
            for ttl in &left {
                if !self.send(0, *ttl, Some(length))? {
                    return Ok(());
                }
            }
            self.settle(first, stop)?;
            let sent = self.packets.get(first..).unwrap_or_default();
            left = sent.iter().filter(|packet| packet.answer.is_none()).map(|packet| packet.ttl).collect();
            if left.is_empty() {
                break;
            }
        }
        Ok(())
    }

    /// Takes in what became of packets of chosen lengths.
    fn learn(&self, search: &mut Search, reported: &mut TooBigReports) {
        let new = self.packets.get(reported.seen..).unwrap_or_default();
        reported.seen = self.packets.len();
        for (packet, answer) in new.iter().filter_map(|packet| Some((packet, packet.answer.as_ref()?))) {
            let Some(length) = packet.length else { continue };
            match answer.ending {
                Ending::Arrived => search.passed(length),
                Ending::TooBig(mtu) => {
                    search.failed(length);
                    let mtu = mtu.map(|mtu| mtu as usize).filter(|mtu| *mtu < length);
                    if let Some(mtu) = mtu {
                        search.hint(mtu);
                    }
                    let smaller = mtu.is_some_and(|mtu| reported.mtu.is_none_or(|known| mtu < known));
                    if reported.router.is_none() || smaller {
                        (reported.router, reported.mtu) = (Some(answer.from), mtu);
                    }
                }
                Ending::Expired | Ending::Rejected => {}
            }
        }
    }

    /// One length, to the target.
    fn tries(
        &mut self,
        length: usize,
        (search, reported): (&mut Search, &mut TooBigReports),
        stop: &CancellationToken,
    ) -> Result<LengthOutcome, Fault> {
        for _ in 0..TRIES {
            let first = self.packets.len();
            if !self.send(0, self.job.max_hops, Some(length))? {
                return Ok(LengthOutcome::OwnLimit);
            }
            self.settle(first, stop)?;
            self.learn(search, reported);
            let answer = self.packets.get(first).and_then(|packet| packet.answer.as_ref());
            match answer.map(|answer| &answer.ending) {
                // Answered, perhaps late.
                _ if search.low() >= length => return Ok(LengthOutcome::Passed),
                Some(Ending::TooBig(_)) => return Ok(LengthOutcome::Failed),
                _ => {}
            }
        }
        Ok(LengthOutcome::Failed)
    }

    /// Whether the border is one of length and not of luck: where nobody reports it, packets of both sides of it in turn.
    fn holds(
        &mut self,
        (search, reported): (&mut Search, &mut TooBigReports),
        stop: &CancellationToken,
    ) -> Result<BoundaryCheck, Fault> {
        let low = search.low();
        if low >= search.top() || reported.says(low) {
            return Ok(BoundaryCheck::Holds);
        }
        let mut passes = false;
        for length in [low + 1, low].into_iter().cycle().take(2 * TRIES as usize) {
            let first = self.packets.len();
            self.send(0, self.job.max_hops, Some(length))?;
            self.settle(first, stop)?;
            self.learn(search, reported);
            if search.low() > low {
                return Ok(BoundaryCheck::Moved);
            }
            let answer = self.packets.get(first).and_then(|packet| packet.answer.as_ref());
            passes |= answer.is_some_and(|answer| answer.ending == Ending::Arrived);
        }
        Ok(if passes { BoundaryCheck::Holds } else { BoundaryCheck::Gone })
    }
}

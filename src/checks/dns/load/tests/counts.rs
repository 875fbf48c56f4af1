//! How one reply is counted, without a network and by a clock of the test.

use proptest::prelude::*;

use super::server::good;
use crate::checks::dns::load::counts::ReplyCounter;
use crate::checks::dns::load::queries::{Line, Questions};
use crate::checks::dns::load::verify::Verifier;
use crate::model::Args;
use crate::net::open_loop::InFlight;

const MILLI: u64 = 1_000_000;

fn questions() -> Questions {
    Questions::of(&Args::default(), &[Line::name("www.load.test")]).unwrap()
}

/// A counter that calls answers late after 100 ms.
fn counter() -> ReplyCounter {
    ReplyCounter::new(Verifier::new(1, true), 100 * MILLI)
}

/// The right answer to the query of this id.
fn answer(questions: &Questions, id: u16) -> Vec<u8> {
    let mut query = questions.items[0].packet.clone();
    query[..2].copy_from_slice(&id.to_be_bytes());
    good(&query)
}

#[test]
fn latency_runs_from_when_a_query_should_have_left() {
    let (questions, mut in_flight, mut replies) = (questions(), InFlight::new(3), counter());
    // Due at 10 ms, left at 40 ms, answered at 130 ms: 90 ms on the way, 120 ms for whoever waited.
    let id = in_flight.open(0, 10 * MILLI, 40 * MILLI, false).unwrap();
    replies.take(&questions, &mut in_flight, &answer(&questions, id), false, 130 * MILLI);
    assert_eq!((replies.counts.answered, replies.counts.late), (1, 1));
    assert!((replies.counts.latency.summary().unwrap().max - 0.12).abs() < 1e-9);
    // One that this side held back for too long is slow, but nobody else's fault.
    let id = in_flight.open(0, 200 * MILLI, 280 * MILLI, true).unwrap();
    replies.take(&questions, &mut in_flight, &answer(&questions, id), false, 320 * MILLI);
    assert_eq!((replies.counts.answered, replies.counts.late), (2, 1));
    // Nor is one that waited here while this side was away.
    let id = in_flight.open(0, 400 * MILLI, 400 * MILLI, false).unwrap();
    replies.away = true;
    replies.take(&questions, &mut in_flight, &answer(&questions, id), false, 900 * MILLI);
    assert_eq!((replies.counts.answered, replies.counts.late, replies.counts.read_late), (3, 1, 1));
}

#[test]
fn what_comes_after_the_timeout_is_lost() {
    let (questions, mut in_flight, mut replies) = (questions(), InFlight::new(3), counter());
    let id = in_flight.open(0, 0, 0, false).unwrap();
    assert_eq!(in_flight.time_out(0).silent, 1);
    replies.take(&questions, &mut in_flight, &answer(&questions, id), false, MILLI);
    assert_eq!((replies.counts.answered, replies.counts.after_timeout, replies.counts.wrong_replies()), (0, 1, 0));
}

#[test]
fn the_right_answer_may_follow_a_stray_one() {
    let (questions, mut in_flight, mut replies) = (questions(), InFlight::new(3), counter());
    let id = in_flight.open(0, 0, 0, false).unwrap();
    let right = answer(&questions, id);
    let mut stray = right.clone();
    stray[13] = b'x';
    for reply in [&stray, &right, &right] {
        replies.take(&questions, &mut in_flight, reply, false, MILLI);
    }
    assert_eq!((replies.counts.answered, replies.counts.wrong_replies(), replies.counts.duplicates), (1, 1, 1));
}

proptest! {
    /// Whatever a server sends, it is counted once, and only the right answer as one.
    #[test]
    fn arbitrary_replies_never_panic_and_are_never_answers(
        bytes in proptest::collection::vec(any::<u8>(), 0..80), known in any::<bool>(), flip in 0_usize..400,
    ) {
        let (questions, mut in_flight, mut replies) = (questions(), InFlight::new(3), counter());
        let id = in_flight.open(0, 0, 0, false).unwrap();
        let right = answer(&questions, id);
        if known {
            let other = in_flight.open(0, 0, 0, false).unwrap();
            replies.take(&questions, &mut in_flight, &answer(&questions, other), false, MILLI);
        }
        let before = replies.counts.answered;
        // Bytes at random, and the right answer with one bit the other way.
        let mut bent = right.clone();
        let bit = flip % (bent.len() * 8);
        bent[bit / 8] ^= 1 << (bit % 8);
        for reply in [&bytes, &bent] {
            let counted = |replies: &ReplyCounter| replies.counts.answered + replies.counts.wrong_replies() + replies.counts.duplicates;
            let then = counted(&replies);
            replies.take(&questions, &mut in_flight, reply, false, MILLI);
            prop_assert_eq!(counted(&replies), then + 1);
        }
        // A bit of the TTL, of the flags that only caches mind (RD RA AD CD, the reserved one) or of the case of a letter may differ.
        let harmless = match bit / 8 {
            2 => matches!(bit % 8, 0 | 2),
            3 => bit % 8 >= 4,
            byte if (13..12 + 15).contains(&byte) => bit % 8 == 5 && right[byte].is_ascii_alphabetic(),
            byte => (right.len() - 10..right.len() - 6).contains(&byte),
        };
        let first = !known && (right.len() - 4..right.len()).contains(&(bit / 8));
        if !harmless && !first {
            prop_assert_eq!(replies.counts.answered, before, "bit {}", bit);
        }
    }
}

//! Expectations of tables: all rows, a column, one row, one cell; and what is said where not every row is kept.

use serde_json::json;

use super::{Judgement, add, expecting, judge};
use crate::judge::{metrics, record};
use crate::model::record::Timing;
use crate::model::{Observation, RowsBuilder, Verdict};
use crate::testing::scripted::{FACTS, HOST_LOSS, HOST_NAME, HOST_STATE, HOSTS};

/// Address, state and loss of each host.
type Host = (&'static str, &'static str, f64);

const TWO: &[Host] = &[("192.0.2.7", "alive", 0.0), ("2001:db8::1", "dead", 0.5)];

fn rows(hosts: &[Host], most: usize) -> RowsBuilder {
    let mut rows = RowsBuilder::new(&HOSTS, FACTS).keeping(most);
    for (address, state, loss) in hosts {
        let mut row = rows.row(*address);
        row.set(&HOST_STATE, *state);
        row.set(&HOST_LOSS, *loss);
        row.set_some(&HOST_NAME, (*state == "alive").then_some("web"));
        if *state == "dead" {
            row.mark_wrong();
        }
        rows.add(row);
    }
    rows
}

#[track_caller]
fn judged(expect: &str, rounds: Vec<RowsBuilder>) -> Judgement {
    let mut observation = Observation::default();
    for rows in rounds {
        add(&mut observation, &json!({"ok": true}));
        observation.set_rows(rows);
    }
    judge(&expecting(expect), &observation, None)
}

#[track_caller]
fn holds(expect: &str, hosts: &[Host]) {
    let judgement = judged(expect, vec![rows(hosts, 10)]);
    assert_eq!(judgement.verdict, Verdict::Passed, "{expect}: {:?}", judgement.reason);
}

#[track_caller]
fn breaks(expect: &str, reason: &str) {
    let judgement = judged(expect, vec![rows(TWO, 10)]);
    let sentence =
        judgement.expectations.iter().find(|outcome| !outcome.held).map(crate::model::record::Outcome::sentence);
    assert_eq!((judgement.verdict, sentence.as_deref()), (Verdict::Failed, Some(reason)), "{expect}");
}

#[test]
fn every_part_of_a_table_is_judged() {
    for expect in [
        "hosts: {len: 2}",
        "hosts: {contains: 192.0.2.7}",
        "hosts: {exactly: ['2001:DB8:0::1', 192.0.2.7]}",
        "hosts.state: {any: dead}",
        "hosts.state: {none: {gt: dead}}",
        "hosts.loss: {all: {le: 50%}}",
        "hosts.loss.max: {le: 50%}",
        "hosts.loss.count: 2",
        "hosts.name: {len: 1}",
        "hosts.row.192.0.2.7.loss: 0%",
        "'hosts.row.2001:db8:0:0::1.state': dead",
        "'hosts.row.2001:db8::1.name': {present: false}",
        "hosts.row.192.0.2.7: {present: true}",
        "hosts.row.192.0.2.8: {present: false}",
    ] {
        holds(expect, TWO);
    }
    breaks("hosts: {len: 3}", "hosts: expected a length of 3, saw [2001:db8::1, 192.0.2.7]");
    breaks(
        "hosts.state: {all: alive}",
        "hosts.state: expected only elements with alive, saw dead of 2001:db8::1 (1 of 2 hosts)",
    );
    breaks(
        "hosts.loss: {all: {lt: 1%}}",
        "hosts.loss: expected only elements with {lt: 1%}, saw 50% of 2001:db8::1 (1 of 2 hosts)",
    );
    breaks("hosts.loss.max: {lt: 1%}", "hosts.loss.max: expected less than 1%, saw 50%");
    breaks("hosts.row.192.0.2.7.state: dead", "hosts.row.192.0.2.7.state: expected dead, saw alive");
    breaks("hosts.row.192.0.2.8.loss: {lt: 1%}", "hosts.row.192.0.2.8.loss: expected less than 1%, saw nothing");
    breaks(
        "hosts.row.192.0.2.7: {present: false}",
        "hosts.row.192.0.2.7: expected present: false, saw {\"loss\":0.0,\"name\":\"web\",\"state\":\"alive\"}",
    );
}

#[test]
fn an_empty_table_satisfies_no_condition_on_all_of_it() {
    holds("hosts: {len: 0}", &[]);
    let judgement = judged("hosts.state: {all: alive}", vec![rows(&[], 10)]);
    assert_eq!(judgement.verdict, Verdict::Failed);
}

#[test]
fn each_round_must_hold_and_the_statistics_are_of_all() {
    let well: &[Host] = &[("192.0.2.7", "alive", 0.0)];
    let judgement = judged("hosts.state: {all: alive}", vec![rows(well, 10), rows(TWO, 10), rows(well, 10)]);
    assert_eq!(judgement.verdict, Verdict::Failed);
    assert!(
        judgement.expectations.iter().any(|outcome| outcome.got.as_deref().is_some_and(|got| got.contains("2 of 3")))
    );
    let judgement = judged("hosts.loss.count: 4", vec![rows(well, 10), rows(TWO, 10), rows(well, 10)]);
    assert_eq!(judgement.verdict, Verdict::Passed);
}

/// Three hosts, of which one row is kept: the one with something wrong.
#[test]
fn rows_that_are_not_kept_are_counted_and_never_guessed() {
    let hosts: &[Host] = &[("192.0.2.1", "alive", 0.1), ("192.0.2.2", "dead", 1.0), ("192.0.2.3", "alive", 0.0)];
    for (expect, verdict) in [
        ("hosts: {len: 3}", Verdict::Passed),
        ("hosts: {len: 1}", Verdict::Failed),
        ("hosts: {contains: 192.0.2.2}", Verdict::Passed),
        ("hosts: {contains: 192.0.2.1}", Verdict::Errored),
        ("hosts.loss.max: {le: 50%}", Verdict::Failed),
        ("hosts.loss.count: 3", Verdict::Passed),
        ("hosts.state: {any: dead}", Verdict::Passed),
        ("hosts.state: {all: alive}", Verdict::Failed),
        ("hosts.state: {all: dead}", Verdict::Errored),
        ("hosts.state: {none: alive}", Verdict::Errored),
        ("hosts.row.192.0.2.2.loss: 100%", Verdict::Passed),
        ("hosts.row.192.0.2.2.loss: 0%", Verdict::Failed),
        ("hosts.row.192.0.2.2.name: {present: false}", Verdict::Passed),
        ("hosts.row.192.0.2.1.loss: {le: 50%}", Verdict::Errored),
        ("hosts.row.192.0.2.9: {present: false}", Verdict::Errored),
    ] {
        let judgement = judged(expect, vec![rows(hosts, 1)]);
        assert_eq!(judgement.verdict, verdict, "{expect}: {:?}", judgement.reason);
    }
}

/// Who reads a report of one row must see that there were three.
#[test]
fn a_record_says_how_many_rows_there_were() {
    let totals = |most: usize| {
        let mut observation = Observation::default();
        add(&mut observation, &json!({"ok": true}));
        observation.set_rows(rows(TWO, most));
        let case = expecting("ok: true");
        let judgement = judge(&case, &observation, None);
        let record = record(&case, &observation, judgement, metrics(&case, &observation), Timing::default());
        serde_json::to_value(&record.totals).unwrap()
    };
    assert_eq!((totals(1), totals(2)), (json!({"hosts": 2}), json!({})));
}

/// Nothing is absent from a table that is not there, nor from one of which nothing was seen.
#[test]
fn of_a_table_that_is_not_there_nothing_holds() {
    for (expect, cut, verdict) in [
        ("hosts: {present: false}", false, Verdict::Passed),
        ("hosts.row.192.0.2.7: {present: false}", false, Verdict::Failed),
        ("hosts.row.192.0.2.7.loss: {present: false}", false, Verdict::Failed),
        ("hosts: {present: false}", true, Verdict::Errored),
        ("hosts: {len: 0}", true, Verdict::Errored),
        ("hosts.state: {none: dead}", true, Verdict::Errored),
        ("hosts.row.192.0.2.7: {present: false}", true, Verdict::Errored),
    ] {
        let mut observation = Observation::default();
        add(&mut observation, &json!({"ok": true}));
        if cut {
            observation.set_partial("hosts", "the answers were cut");
        }
        let judgement = judge(&expecting(expect), &observation, None);
        assert_eq!(judgement.verdict, verdict, "{expect} {cut}: {:?}", judgement.reason);
    }
}

/// That rows were not kept is no excuse for what was not seen: how many there were is not known then either.
#[test]
fn rows_not_kept_hide_no_other_reason() {
    let cut = |first: bool| {
        let mut observation = Observation::default();
        add(&mut observation, &json!({"ok": true}));
        if first {
            observation.set_partial("hosts", "the answers were cut");
        }
        observation.set_rows(rows(TWO, 1));
        if !first {
            observation.set_partial("hosts", "the answers were cut");
        }
        observation
    };
    for expect in ["hosts: {len: 2}", "hosts.loss.max: {le: 50%}", "'hosts.row.2001:db8::1.loss': {le: 50%}"] {
        for first in [true, false] {
            let judgement = judge(&expecting(expect), &cut(first), None);
            assert_eq!(judgement.verdict, Verdict::Errored, "{expect} {first}");
            assert!(judgement.reason.as_deref().unwrap().contains("the answers were cut"), "{:?}", judgement.reason);
        }
    }
}

/// A column that was not seen of every row decides of those alone that have it.
#[test]
fn of_a_column_seen_of_some_rows_the_others_are_open() {
    for (expect, verdict) in [
        ("'hosts.row.2001:db8::1.name': web", Verdict::Errored),
        ("'hosts.row.2001:db8::1.name': {present: false}", Verdict::Errored),
        ("hosts.row.192.0.2.7.name: web", Verdict::Passed),
        ("hosts.row.192.0.2.7.name: db", Verdict::Failed),
        ("hosts.name: {all: web}", Verdict::Errored),
        ("hosts.name: {any: web}", Verdict::Passed),
        ("hosts.name: {all: db}", Verdict::Failed),
        ("hosts.loss.max: {le: 50%}", Verdict::Passed),
    ] {
        let mut observation = Observation::default();
        add(&mut observation, &json!({"ok": true}));
        observation.set_rows(rows(TWO, 10));
        observation.set_partial("hosts.name", "several answered");
        observation.set_remedy("hosts.name", "ask one of them".to_owned());
        let judgement = judge(&expecting(expect), &observation, None);
        assert_eq!(judgement.verdict, verdict, "{expect}: {:?}", judgement.reason);
        if let Some(fault) = judgement.fault {
            assert!(fault.detail.ends_with(": several answered"), "{fault}");
            assert_eq!(fault.remedy, "ask one of them");
        }
    }
}

/// A table that was seen in part for another reason: also the rows that are there may be more than was seen of them.
#[test]
fn of_a_table_seen_in_part_nothing_is_sure_but_what_is_there() {
    for (expect, verdict) in [
        ("hosts: {len: 2}", Verdict::Errored),
        ("hosts: {len: {ge: 2}}", Verdict::Passed),
        ("hosts.loss.max: {le: 50%}", Verdict::Errored),
        ("hosts.row.192.0.2.7.loss: {gt: 10%}", Verdict::Errored),
        ("hosts.state: {any: dead}", Verdict::Passed),
    ] {
        let mut observation = Observation::default();
        add(&mut observation, &json!({"ok": true}));
        observation.set_partial("hosts", "the answers were cut");
        observation.set_rows(rows(TWO, 10));
        let judgement = judge(&expecting(expect), &observation, None);
        assert_eq!(judgement.verdict, verdict, "{expect}: {:?}", judgement.reason);
    }
}

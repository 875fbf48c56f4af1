//! Files and names of a load, and the rules between its fields.

use proptest::prelude::*;

use super::server::{Server, good};
use super::{args, build, observed, run};
use crate::checks::dns::load::queries::{Questions, line};
use crate::model::{Arg, Args};
use crate::testing::{count, text, texts};

fn anywhere() -> std::net::SocketAddr {
    ([127, 0, 0, 1], 53).into()
}

#[test]
fn lines_of_dnsperf_are_read() {
    let text = "; comment\n\nwww.load.test A\r\n  mail.load.test\tMX \nwww.load.test A\n# more\n_sip._tcp.load.test SRV\nload.test TYPE65280\n";
    let questions = Questions::parse(&Args::default(), text).map_err(|(line, why)| format!("{line}: {why}")).unwrap();
    let titles: Vec<String> = questions.items.iter().map(|item| item.question.title()).collect();
    assert_eq!(titles, ["www.load.test. A", "mail.load.test. MX", "_sip._tcp.load.test. SRV", "load.test. TYPE65280"]);
    assert_eq!(questions.order, [0, 1, 0, 2, 3], "repeated lines are asked as often as they stand there");
    assert_eq!(questions.at(7).unwrap().0, 0, "and over and over");
}

#[test]
fn a_line_may_say_what_its_answer_is() {
    for (text, rcode, data) in [
        ("a.test", None, None),
        ("a.test A", None, None),
        ("a.test A nxdomain", Some(3), None),
        ("a.test A 192.0.2.2 | 192.0.2.1", Some(0), Some(vec!["192.0.2.1", "192.0.2.2"])),
        ("a.test MX NOERROR 10 mail.test.", Some(0), Some(vec!["10 mail.test."])),
        ("a.test TXT \"a | b\" \"c\\\"|\" | \"d\"", Some(0), Some(vec!["\"a | b\" \"c\\\"|\"", "\"d\""])),
    ] {
        let parsed = format!("{:?}", line(text).unwrap().unwrap());
        assert!(parsed.contains(&format!("rcode: {rcode:?}")), "{text}: {parsed}");
        assert!(parsed.contains(&format!("data: {data:?}")), "{text}: {parsed}");
    }
    assert_eq!(line("; a.test A"), Ok(None));
    assert!(line("a.test A 192.0.2.1 |").is_err());
    assert!(line(&"a".repeat(5000)).is_err());
}

#[test]
fn a_broken_line_is_named() {
    for (text, at, why) in [
        ("www.test A\nwww..test A\n", 2, "empty label"),
        ("www.test NONSENSE", 1, "NONSENSE"),
        ("\n\nwww.test AXFR\n", 3, "zone transfer"),
        ("; nothing\n", 0, "no line asks anything"),
        ("", 0, "no line asks anything"),
    ] {
        let (line, error) = Questions::parse(&Args::default(), text).err().unwrap();
        assert_eq!(line, at, "{text:?}");
        assert!(error.contains(why), "{error}");
    }
}

proptest! {
    #[test]
    fn any_text_ends_in_questions_or_an_error(text in "\\PC{0,200}") {
        let _ = line(&text);
        let _ = Questions::parse(&Args::default(), &text);
    }

    #[test]
    fn lines_made_of_their_parts_never_panic(parts in proptest::collection::vec(
        proptest::sample::select(vec!["a.test", "A", "TXT", "|", "\"", "\\", "NOERROR", " ", "\n", ";", "\\999", "."]), 0..24,
    )) {
        let text: String = parts.concat();
        let questions = Questions::parse(&Args::default(), &text);
        if let Ok(questions) = questions {
            prop_assert!(questions.order.iter().all(|index| (*index as usize) < questions.items.len()));
            prop_assert!(questions.order.len() <= text.lines().count());
        }
    }
}

#[tokio::test]
async fn a_file_is_asked_and_a_broken_one_is_a_fault_of_this_side() {
    let server = Server::start(|_, query| good(query));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("queries.txt");
    let file = || Arg::Text(path.display().to_string().into());
    std::fs::write(&path, "a.load.test A\nb.load.test A\n").unwrap();
    let observation = observed(server.addr, &[("queries", file())], &[]).await;
    assert_eq!(count(&observation, "load.answered"), 100);
    let asked = server.received();
    for (bytes, place) in [
        (&b"a.load.test A\nb..load.test A\n"[..], "queries.txt:2"),
        (b"a.load.test A\n\xff\xfe\n", "queries.txt:2"),
        (b"; nothing\n", "queries.txt"),
    ] {
        std::fs::write(&path, bytes).unwrap();
        let (_, result) = run(&build(&args(server.addr, &[("queries", file())], &[])).unwrap()).await;
        let fault = result.unwrap_err();
        assert!(fault.peer.ends_with(place), "{fault:?}");
    }
    std::fs::remove_file(&path).unwrap();
    let (_, result) = run(&build(&args(server.addr, &[("queries", file())], &[])).unwrap()).await;
    assert!(result.unwrap_err().remedy.contains("queries"));
    assert_eq!(server.received(), asked, "nothing was sent");
}

#[test]
fn rules_between_fields_are_checked() {
    let max = ("rate", text("max"));
    for (load, more, field, words) in [
        (vec![("names", texts(&["a.test"])), ("queries", text("f"))], vec![], "load", "queries"),
        (vec![("names", texts(&["a.test"]))], vec![("name", text("b.test"))], "name", "names"),
        (vec![("names", texts(&["a..test"]))], vec![], "load", "empty label"),
        (vec![("names", texts(&["; a"]))], vec![], "load", "no name"),
        (vec![("names", texts(&[]))], vec![("name", text("a..b"))], "name", "empty label"),
        (vec![("queries", text("f"))], vec![("type", text("AAAB"))], "type", "AAAB"),
        (vec![("loss", Arg::Number(0.1))], vec![], "load", "rate: max"),
        (vec![], vec![("transport", text("tcp"))], "transport", "udp"),
        (vec![], vec![("attempts", Arg::Integer(2))], "attempts", "once"),
        (vec![], vec![("server", texts(&["192.0.2.1", "192.0.2.2"]))], "server", "one server"),
        (vec![("rate", Arg::Number(1e6))], vec![], "load", "64 sockets"),
        (vec![max.clone()], vec![("name", text("a.test")), ("type", text("AXFR"))], "load", "zone transfer"),
    ] {
        let error = build(&args(anywhere(), &load, &more)).err().unwrap_or_else(|| panic!("{load:?} {more:?}"));
        assert_eq!(error.field, field, "{}", error.message);
        assert!(error.message.contains(words), "{}", error.message);
    }
    let mut nothing = args(anywhere(), &[], &[]);
    nothing.0.remove("name");
    assert!(build(&nothing).err().unwrap().message.contains("something to ask for"));
    assert!(build(&args(anywhere(), &[max, ("loss", Arg::Number(0.1))], &[])).is_ok());
}

#[test]
fn a_schedule_has_the_sockets_its_ids_need() {
    let sockets = |rate: f64, timeout: f64| {
        let load = [("rate", Arg::Number(rate))];
        build(&args(anywhere(), &load, &[("timeout", Arg::Number(timeout))])).unwrap().sockets
    };
    assert_eq!((sockets(1000.0, 5.0), sockets(100_000.0, 5.0), sockets(100_000.0, 0.5)), (2, 9, 2));
}

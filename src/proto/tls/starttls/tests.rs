//! Every dialog as a script, hostile servers over real sockets, and arbitrary bytes.

use std::net::Ipv4Addr;
use std::time::Duration;

use futures_util::future::join_all;
use proptest::prelude::*;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::Instant;

use super::{FailureKind, Protocol, UpgradeError, replay, upgrade};

/// Where an answer comes, it is waited for as long as a loaded machine may need.
const PATIENCE: Duration = Duration::from_secs(20);

const MYSQL_CAN: &[u8] = b"\x21\x00\x00\x00\x0a5.5.5-x\x00\x01\0\0\0abcdefgh\x00\xff\xff\x2d\x02\x00\xff\xc1\0\0\0\0";
const MYSQL_CANNOT: &[u8] =
    b"\x21\x00\x00\x00\x0a5.5.5-x\x00\x01\0\0\0abcdefgh\x00\xff\xf7\x2d\x02\x00\xff\xc1\0\0\0\0";
const XMPP_HEADER: &[u8] = b"<?xml version='1.0'?><stream:stream xmlns='jabber:client' id='a>b' xmlns:stream='http://etherx.jabber.org/streams' version='1.0'>";
const XMPP_FEATURES: &[u8] = b"<stream:features><starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'><required/></starttls><mechanisms/></stream:features>";
const PROCEED: &[u8] = b"<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>";
const LDAP_OK: &[u8] = b"\x30\x0c\x02\x01\x01\x78\x07\x0a\x01\x00\x04\x00\x04\x00";

/// The words of a good server of each protocol, turn by turn.
fn good(protocol: Protocol) -> Vec<Vec<u8>> {
    let turns: &[&[u8]] = match protocol {
        Protocol::Smtp => &[b"220-one\r\n220 two\r\n", b"250-me\r\n250-SIZE 1\r\n250 starttls\r\n", b"220 go\r\n"],
        Protocol::Lmtp => &[b"220 me\r\n", b"250-me\r\n250-STARTTLS\r\n250 8BITMIME\r\n", b"220\r\n"],
        Protocol::Imap => &[
            b"* OK [CAPABILITY IMAP4rev1] hi\r\n",
            b"* CAPABILITY IMAP4rev1 STARTTLS\r\n* OK unasked\r\na1 OK done\r\n",
            b"a2 OK begin\r\n",
        ],
        Protocol::Pop3 => &[b"+OK hi\r\n", b"+OK\r\nUSER\r\nSTLS\r\n.\r\n", b"+OK begin\r\n"],
        Protocol::Ftp => &[b"120 soon\r\n220-hi\r\n 230 not the end\r\n220 ready\r\n", b"234 go\r\n"],
        Protocol::Ldap => &[b"", LDAP_OK],
        Protocol::Xmpp => &[b"", &[XMPP_HEADER, XMPP_FEATURES].concat(), PROCEED],
        Protocol::XmppServer => &[b"", &[XMPP_HEADER, b"\n ", XMPP_FEATURES].concat(), PROCEED],
        Protocol::Postgres => &[b"", b"S"],
        Protocol::Mysql => &[MYSQL_CAN, b""],
        Protocol::Nntp => &[b"201 hi\r\n", b"101 list\r\nVERSION 2\r\nSTARTTLS\r\n.\r\n", b"382 go\r\n"],
        Protocol::Sieve => {
            &[b"\"IMPLEMENTATION\" {3}\r\nabc\r\n\"STARTTLS\"\r\nOK \"ready\"\r\n", b"OK {5+}\r\nbegin\r\n"]
        }
    };
    turns.iter().map(|turn| turn.to_vec()).collect()
}

fn play(protocol: Protocol, turns: &[Vec<u8>]) -> Result<usize, UpgradeError> {
    replay(protocol, &turns.iter().map(Vec::as_slice).collect::<Vec<_>>())
}

#[track_caller]
fn ends(protocol: Protocol, turns: &[&[u8]], kind: FailureKind, text: &str) {
    let why = replay(protocol, turns).unwrap_err();
    assert_eq!(why.kind, kind, "{protocol:?}: {why}");
    assert!(why.to_string().contains(text), "{protocol:?}: {why}");
}

#[test]
fn a_good_server_is_read_to_the_last_byte_of_its_go_ahead() {
    for protocol in Protocol::ALL {
        let turns = good(*protocol);
        let all: usize = turns.iter().map(Vec::len).sum();
        assert_eq!(play(*protocol, &turns), Ok(all), "{protocol:?}");
        assert_eq!(Protocol::of(protocol.word()), Some(*protocol));
    }
}

#[test]
fn what_follows_the_go_ahead_is_an_injection() {
    for protocol in Protocol::ALL {
        let mut turns = good(*protocol);
        // MySQL has no go-ahead but the greeting.
        let index = if *protocol == Protocol::Mysql { 0 } else { turns.len() - 1 };
        turns[index].extend_from_slice(b"\x1b[31m250 evil\r\n");
        let why = play(*protocol, &turns).unwrap_err();
        assert_eq!(why.kind, FailureKind::Injected, "{protocol:?}: {why}");
        assert!(why.to_string().contains("\\u{1b}[31m250 evil"), "{why}");
        assert!(!why.to_string().contains('\u{1b}'), "it must not move a terminal");
    }
}

#[test]
fn what_precedes_the_request_is_not_its_answer() {
    for protocol in [Protocol::Smtp, Protocol::Pop3, Protocol::Nntp, Protocol::Sieve, Protocol::Xmpp] {
        let mut turns = good(protocol);
        let go = turns.pop().unwrap();
        // The go-ahead is there before it was asked for, as after injected commands.
        turns.last_mut().unwrap().extend_from_slice(&go);
        let why = play(protocol, &turns).unwrap_err();
        assert_eq!(why.kind, FailureKind::Injected, "{protocol:?}: {why}");
        assert!(why.to_string().contains("before TLS was asked for"), "{why}");
    }
    ends(Protocol::Ftp, &[b"220 hi\r\n234 go\r\n", b""], FailureKind::Injected, "234 go");
    ends(Protocol::Postgres, &[b"S", b""], FailureKind::Injected, "\"S\"");
    ends(Protocol::Ldap, &[LDAP_OK, b""], FailureKind::Injected, "before TLS was asked for");
}

#[test]
fn a_server_without_tls_says_so_in_its_own_way() {
    use FailureKind::{NotOffered, Refused, ServiceRefused};
    ends(Protocol::Smtp, &[b"220 me\r\n", b"250-me\r\n250 SIZE\r\n"], NotOffered, "me, SIZE");
    ends(Protocol::Smtp, &[b"220 me\r\n", b"250 STARTTLS\r\n"], NotOffered, "STARTTLS is not among");
    ends(Protocol::Smtp, &[b"220 me\r\n", b"502 what\r\n"], NotOffered, "502 what");
    ends(Protocol::Smtp, &[b"554 go away\r\n"], ServiceRefused, "554 go away");
    ends(Protocol::Smtp, &[b"421 too many\r\n"], ServiceRefused, "421 too many");
    ends(Protocol::Smtp, &[b"220 me\r\n", b"421 too many\r\n"], ServiceRefused, "421 too many");
    ends(Protocol::Smtp, &[b"220 me\r\n", b"554 blocked\r\n"], ServiceRefused, "554 blocked");
    ends(Protocol::Smtp, &[b"250 odd\r\n"], Refused, "250 odd");
    ends(Protocol::Smtp, &[b"220 me\r\n", b"250-me\r\n250 STARTTLS\r\n", b"454 not now\r\n"], Refused, "454 not now");
    for answer in ["421 bye", "521 no mail", "554 5.7.1 blocked"] {
        let line = format!("{answer}\r\n");
        let script: [&[u8]; 3] = [b"220 me\r\n", b"250-me\r\n250 STARTTLS\r\n", line.as_bytes()];
        ends(Protocol::Smtp, &script, ServiceRefused, answer);
    }
    ends(Protocol::Imap, &[b"* OK\r\n", b"* CAPABILITY IMAP4\r\na1 OK\r\n"], NotOffered, "IMAP4");
    ends(Protocol::Imap, &[b"* OK\r\n", b"a1 BAD no\r\n"], NotOffered, "a1 BAD no");
    ends(Protocol::Imap, &[b"* PREAUTH in already\r\n"], Refused, "PREAUTH");
    ends(Protocol::Imap, &[b"* BYE\r\n"], ServiceRefused, "BYE");
    ends(
        Protocol::Imap,
        &[b"* OK\r\n", b"* CAPABILITY STARTTLS\r\na1 OK\r\n", b"a2 NO later\r\n"],
        Refused,
        "a2 NO later",
    );
    ends(Protocol::Pop3, &[b"+OK\r\n", b"+OK\r\nUSER\r\n.\r\n"], NotOffered, "USER");
    ends(Protocol::Pop3, &[b"+OK\r\n", b"-ERR no CAPA\r\n", b"-ERR no STLS\r\n"], Refused, "no STLS");
    ends(Protocol::Pop3, &[b"-ERR busy\r\n"], ServiceRefused, "busy");
    ends(Protocol::Ftp, &[b"220 hi\r\n", b"502 no\r\n"], NotOffered, "502 no");
    ends(Protocol::Ftp, &[b"220 hi\r\n", b"431 no key\r\n"], Refused, "431 no key");
    ends(Protocol::Ftp, &[b"421 full\r\n"], ServiceRefused, "421 full");
    let ldap = b"\x30\x10\x02\x01\x01\x78\x0b\x0a\x01\x34\x04\x00\x04\x04busy";
    ends(Protocol::Ldap, &[b"", ldap], ServiceRefused, "52 (unavailable): \"busy\"");
    let ldap = b"\x30\x0c\x02\x01\x01\x78\x07\x0a\x01\x02\x04\x00\x04\x00";
    ends(Protocol::Ldap, &[b"", ldap], NotOffered, "2 (protocolError)");
    let none = [XMPP_HEADER, b"<stream:features><mechanisms/></stream:features>"].concat();
    ends(Protocol::Xmpp, &[b"", &none], NotOffered, "no starttls");
    let error = [XMPP_HEADER, b"<stream:error><host-unknown/></stream:error></stream:stream>"].concat();
    ends(Protocol::Xmpp, &[b"", &error], ServiceRefused, "host-unknown");
    let features = [XMPP_HEADER, XMPP_FEATURES].concat();
    let failure = b"<failure xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>";
    ends(Protocol::Xmpp, &[b"", &features, failure], Refused, "<failure");
    ends(Protocol::Postgres, &[b"", b"N"], NotOffered, "with N");
    let error = b"E\x00\x00\x00\x1fSFATAL\0C53300\0Mtoo many\0\0\0\0";
    ends(Protocol::Postgres, &[b"", error], ServiceRefused, "FATAL: too many");
    ends(Protocol::Mysql, &[MYSQL_CANNOT], NotOffered, "5.5.5-x");
    ends(Protocol::Mysql, &[b"\x0b\x00\x00\x00\xff\x69\x04blocked!"], ServiceRefused, "blocked!");
    ends(Protocol::Nntp, &[b"200 hi\r\n", b"101 list\r\nVERSION 2\r\n.\r\n"], NotOffered, "VERSION");
    ends(Protocol::Nntp, &[b"200 hi\r\n", b"500 what\r\n", b"580 no\r\n"], Refused, "580 no");
    ends(Protocol::Nntp, &[b"400 closed\r\n"], ServiceRefused, "400 closed");
    ends(Protocol::Sieve, &[b"\"SASL\" \"\"\r\nOK\r\n"], NotOffered, "SASL");
    ends(Protocol::Sieve, &[b"BYE \"full\"\r\n"], ServiceRefused, "full");
    ends(Protocol::Sieve, &[b"\"STARTTLS\"\r\nOK\r\n", b"NO\r\n"], Refused, "NO");
}

#[test]
fn another_protocol_is_recognised_without_waiting_for_the_end_of_a_line() {
    for protocol in Protocol::ALL {
        // A TLS alert and half a line of HTTP: neither ends where these dialogs look for an end.
        for words in [b"\x15\x03\x01\x00\x02\x02\x46".as_slice(), b"HTTP/1.1 400"] {
            let server_first = !good(*protocol)[0].is_empty();
            let turns: &[&[u8]] = if server_first { &[words] } else { &[b"", words] };
            ends(*protocol, turns, FailureKind::OtherProtocol, "instead of");
        }
    }
    // Well begun, and then not what it seemed.
    ends(Protocol::Ldap, &[b"", b"\x30\x84\xff\xff\xff\xff"], FailureKind::OtherProtocol, "too long");
    ends(Protocol::Ldap, &[b"", b"\x30\x80\x02\x01"], FailureKind::OtherProtocol, "no LDAP message");
    ends(Protocol::Ldap, &[b"", b"\x30\x03\x02\x01\x01"], FailureKind::OtherProtocol, "StartTLS is");
    ends(Protocol::Mysql, &[b"\x05\x00\x00\x00\x0a5.5\x00"], FailureKind::OtherProtocol, "cut short");
    ends(Protocol::Postgres, &[b"", b"E\xff\xff\xff\xff"], FailureKind::OtherProtocol, "something else");
    ends(Protocol::Xmpp, &[b"", b"<!DOCTYPE lolz>"], FailureKind::OtherProtocol, "not XMPP");
    ends(Protocol::Sieve, &[b"\"A\" {99999}\r\n"], FailureKind::OtherProtocol, "literal");
}

#[test]
fn nothing_is_read_without_end() {
    let endless = vec![b'2'; 1 << 20];
    let line = [b"220 ".as_slice(), &endless].concat();
    ends(Protocol::Smtp, &[&line], FailureKind::Endless, "no end of a greeting");
    let lines = b"220-more\r\n".repeat(100_000);
    ends(Protocol::Smtp, &[&lines], FailureKind::Endless, "no end of a greeting");
    ends(Protocol::Ftp, &[&lines], FailureKind::Endless, "no end of a greeting");
    let untagged = b"* OK more\r\n".repeat(100_000);
    ends(Protocol::Imap, &[b"* OK\r\n", &untagged], FailureKind::Endless, "no end of what");
    let list = [b"+OK\r\n".as_slice(), &b"USER\r\n".repeat(100_000)].concat();
    ends(Protocol::Pop3, &[b"+OK\r\n", &list], FailureKind::Endless, "no end of the list");
    let capabilities = b"\"X\" \"y\"\r\n".repeat(100_000);
    ends(Protocol::Sieve, &[&capabilities], FailureKind::Endless, "no end of a greeting");
    let stanza = [XMPP_HEADER, &b"<a>".repeat(100_000)].concat();
    ends(Protocol::Xmpp, &[b"", &stanza], FailureKind::Endless, "no end of stream features");
    let header = [b"<a b='".as_slice(), &endless].concat();
    ends(Protocol::Xmpp, &[b"", &header], FailureKind::Endless, "no end of a stream header");
}

#[test]
fn a_hang_up_is_reported_with_what_came_before_it() {
    for protocol in Protocol::ALL {
        let mut turns = good(*protocol);
        if *protocol == Protocol::Mysql {
            turns.pop();
        }
        let last = turns.last_mut().unwrap();
        last.pop();
        let why = play(*protocol, &turns).unwrap_err();
        assert_eq!(why.kind, FailureKind::Closed, "{protocol:?}: {why}");
    }
    ends(Protocol::Smtp, &[b"220 me"], FailureKind::Closed, "before a greeting (220) was complete: \"220 me\"");
    ends(Protocol::Smtp, &[], FailureKind::Closed, "hung up before a greeting");
}

/// A server that says `turns`, in `pieces` of so many bytes with a pause between them, and stays.
async fn serves(turns: Vec<Vec<u8>>, piece: usize, pause: Duration) -> TcpStream {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let near = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    let (mut far, _) = listener.accept().await.unwrap();
    far.set_nodelay(true).unwrap();
    tokio::spawn(async move {
        let mut buffer = [0; 4096];
        for (index, turn) in turns.iter().enumerate() {
            if index > 0 && far.read(&mut buffer).await.unwrap_or(0) == 0 {
                return;
            }
            for piece in turn.chunks(piece) {
                if far.write_all(piece).await.is_err() {
                    return;
                }
                // The drip itself.
                tokio::time::sleep(pause).await;
            }
        }
        while far.read(&mut buffer).await.is_ok_and(|count| count > 0) {
            if far.write_all(b"echo").await.is_err() {
                return;
            }
        }
    });
    near
}

#[tokio::test]
async fn over_a_socket_not_a_byte_beyond_the_go_ahead_is_taken() {
    let upgraded = async |protocol: Protocol, piece: usize| {
        let mut turns = good(protocol);
        if protocol == Protocol::Mysql {
            turns.pop();
        }
        let mut stream = serves(turns, piece, Duration::ZERO).await;
        let outcome = upgrade(&mut stream, protocol, "x.test", PATIENCE).await.unwrap();
        assert_eq!(outcome, Ok(()), "{protocol:?} in pieces of {piece}");
        if protocol == Protocol::Mysql {
            // The request itself is what the echo answers.
            return;
        }
        stream.write_all(b"hello").await.unwrap();
        let mut answer = [0; 4];
        stream.read_exact(&mut answer).await.unwrap();
        assert_eq!(&answer, b"echo", "{protocol:?}");
    };
    let pieces = Protocol::ALL.iter().flat_map(|protocol| [1, 3, 1 << 16].map(|piece| upgraded(*protocol, piece)));
    join_all(pieces).await;
}

#[tokio::test]
async fn bytes_in_the_segment_of_the_go_ahead_are_seen() {
    for protocol in Protocol::ALL {
        let mut turns = good(*protocol);
        let index = if *protocol == Protocol::Mysql { 0 } else { turns.len() - 1 };
        turns[index].extend_from_slice(b"\x16\x03\x03");
        let mut stream = serves(turns, 1 << 16, Duration::ZERO).await;
        let why = upgrade(&mut stream, *protocol, "x.test", PATIENCE).await.unwrap().unwrap_err();
        assert_eq!(why.kind, FailureKind::Injected, "{protocol:?}: {why}");
    }
}

#[tokio::test]
async fn drips_and_silence_end_when_patience_does() {
    let patience = Duration::from_millis(300);
    let drip = async |protocol: Protocol| {
        let dripping = good(protocol).iter().map(Vec::len).sum::<usize>() > 12;
        let mut stream = serves(good(protocol), 1, Duration::from_millis(50)).await;
        let start = Instant::now();
        let outcome = upgrade(&mut stream, protocol, "x.test", patience).await.unwrap();
        if dripping {
            assert_eq!(outcome.unwrap_err().kind, FailureKind::Timeout, "{protocol:?}");
        }
        assert!(start.elapsed() < PATIENCE);
    };
    let silence = async |protocol: Protocol| {
        // An echo is no answer to anybody who asks first, so a silent server has to be one that never reads.
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let mut stream = if good(protocol)[0].is_empty() {
            TcpStream::connect(listener.local_addr().unwrap()).await.unwrap()
        } else {
            serves(vec![], 1, Duration::ZERO).await
        };
        let why = upgrade(&mut stream, protocol, "x.test", patience).await.unwrap().unwrap_err();
        assert_eq!(why.kind, FailureKind::Timeout, "{protocol:?}: {why}");
        assert!(why.to_string().contains("did not come within 300ms"), "{why}");
    };
    join_all(Protocol::ALL.iter().map(|protocol| drip(*protocol))).await;
    join_all(Protocol::ALL.iter().map(|protocol| silence(*protocol))).await;
}

#[tokio::test]
async fn a_reset_is_a_fact() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let mut near = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    let (far, _) = listener.accept().await.unwrap();
    far.set_zero_linger().unwrap();
    drop(far);
    let why = upgrade(&mut near, Protocol::Smtp, "x.test", PATIENCE).await.unwrap().unwrap_err();
    assert_eq!((why.kind, why.kind.outcome()), (FailureKind::Reset, "reset"));
}

proptest! {
    #[test]
    fn arbitrary_bytes_end_in_a_word(
        which in 0..Protocol::ALL.len(),
        turns in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..200), 0..5),
    ) {
        let protocol = Protocol::ALL[which];
        let all: usize = turns.iter().map(Vec::len).sum();
        match play(protocol, &turns) {
            Ok(read) => prop_assert!(read <= all),
            Err(why) => prop_assert!(!why.to_string().chars().any(char::is_control), "{why}"),
        }
    }

    #[test]
    fn good_words_with_a_broken_byte_end_in_a_word(which in 0..Protocol::ALL.len(), at in any::<usize>(), byte: u8) {
        let protocol = Protocol::ALL[which];
        let mut turns = good(protocol);
        let filled: Vec<usize> = (0..turns.len()).filter(|turn| !turns[*turn].is_empty()).collect();
        let turn = filled[at % filled.len()];
        let index = at / 7 % turns[turn].len();
        turns[turn][index] = byte;
        let _ = play(protocol, &turns);
    }
}

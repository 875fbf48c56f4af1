use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use crate::checks::tcp::Tcp;
use crate::model::{Arg, Fault};
use crate::probe::{Connection, Probe, ProbeFailure, Prober, Reply, Seen, StreamSpec};
use crate::testing::{self, Written, text};

mod connects;
mod sessions;

const MS: Duration = Duration::from_millis(1);

/// The prober of a check of `peer`.
async fn prober(peer: SocketAddr, spec: &StreamSpec, more: Written<'_>) -> Result<Option<Box<dyn Prober>>, Fault> {
    let target = [("host", text("127.0.0.1")), ("port", Arg::Integer(peer.port().into()))];
    Tcp::from_args(&testing::args(target, more)).unwrap().stream(spec).await
}

fn listener() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

/// Sends back each line of a connection, until `most` have come or it ends.
fn echo(stream: &TcpStream, most: usize) {
    let mut writer = stream;
    for line in BufReader::new(stream).lines().take(most) {
        let Ok(line) = line else { break };
        if writer.write_all(format!("{line}\n").as_bytes()).is_err() {
            break;
        }
    }
}

/// Numbers that were answered.
fn answered(replies: &[Reply]) -> Vec<u64> {
    let is_answer = |reply: &&Reply| matches!(reply.seen, Seen::Answer(_));
    replies.iter().filter(is_answer).map(|reply| reply.number).collect()
}

/// Numbers that failed so.
fn failed(replies: &[Reply], why: ProbeFailure) -> Vec<u64> {
    let fits = |reply: &&Reply| matches!(&reply.seen, Seen::Failure(failure, _) if *failure == why);
    replies.iter().filter(fits).map(|reply| reply.number).collect()
}

/// How the first that failed so came about.
fn sentence(replies: &[Reply], why: ProbeFailure) -> &str {
    let mut fitting = replies.iter().filter_map(|reply| match &reply.seen {
        Seen::Failure(failure, sentence) if *failure == why => Some(sentence.as_str()),
        _ => None,
    });
    fitting.next().unwrap_or_else(|| panic!("none is {why:?}: {replies:?}"))
}

#[tokio::test]
async fn a_check_that_a_stream_cannot_keep_is_asked_in_rounds() {
    let (_listener, peer) = listener();
    let of = async |connection, more: Written<'_>| {
        prober(peer, &testing::stream(MS, connection), more).await.unwrap().is_some()
    };
    let (send, banner) = (("send", text("x")), ("banner", Arg::Bool(true)));
    assert!(of(Connection::New, &[]).await && of(Connection::Keep, &[]).await);
    assert!(
        !of(Connection::New, std::slice::from_ref(&send)).await
            && of(Connection::Keep, std::slice::from_ref(&send)).await
    );
    for more in [
        &[banner.clone()][..],
        &[send.clone(), banner],
        &[("half_close", Arg::Bool(true))],
        &[("addresses", text("all"))],
    ] {
        assert!(!of(Connection::New, more).await && !of(Connection::Keep, more).await, "{more:?}");
    }
    assert!(!of(Connection::Keep, &[send, ("expect", text("y"))]).await);
    // Who connects anew looks the name up anew.
    assert!(!of(Connection::New, &[("host", text("localhost"))]).await);
}

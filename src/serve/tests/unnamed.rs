//! Connections that do not say which test they belong to.

use std::io::Write as _;

use super::*;
use crate::serve::PENDING_PER_HOST;

/// Whether the server hung up, without a word.
async fn closed(stream: &mut TcpStream) -> bool {
    timeout(Duration::from_millis(500), stream.read(&mut [0; 1]))
        .await
        .is_ok_and(|read| !read.is_ok_and(|count| count > 0))
}

#[tokio::test]
async fn silent_connections_are_limited_per_host_and_in_time() {
    let step = Duration::from_secs(3);
    let (addr, _guard) = start(ClientLimits { step, ..ClientLimits::default() }).await;
    let mut silent = Vec::new();
    for _ in 0..PENDING_PER_HOST {
        silent.push(TcpStream::connect(addr).await.unwrap());
    }
    // Half a name is none.
    let mut beyond = dial(addr, &[b'x'; COOKIE / 2]).await;
    assert!(closed(&mut beyond).await, "its host has its share");
    let mut other = dial_from_afar(addr, &make_cookie()).await;
    assert_eq!(read_state(&mut other).await.unwrap(), state::PARAM_EXCHANGE, "another host is served");
    // After `step` the silent ones are gone, and their places free.
    for stream in &mut silent {
        assert_eq!(timeout(step * 5, stream.read(&mut [0; 1])).await.unwrap().unwrap(), 0);
    }
    let mut again = TcpStream::connect(addr).await.unwrap();
    assert!(!closed(&mut again).await);
}

/// A queue full of streams may be there before this process looks at the first.
#[tokio::test]
async fn many_streams_that_name_themselves_are_no_crowd() {
    let (addr, _guard) = start(ClientLimits::default()).await;
    let (mut control, cookie) = open(
        addr,
        json!({"tcp": true, "time": 1, "parallel": 60, "bidirectional": true, "bandwidth": 1000, "len": 100}),
    )
    .await;
    // Without a pause for the server, which runs on this thread.
    let streams: Vec<_> = (0..120)
        .map(|_| {
            let mut stream = std::net::TcpStream::connect(addr).unwrap();
            stream.write_all(&cookie).unwrap();
            stream
        })
        .collect();
    timeout(Duration::from_secs(30), running(&mut control)).await.expect("all of them are the test's");
    drop(streams);
}

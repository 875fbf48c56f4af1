//! `timeout` ends the wait for each answer, and for a path that moves nothing.

use super::*;

/// A server that goes as far as `steps` states of a whole test, and is silent then.
async fn silent_after(steps: usize) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let (mut control, _) = listener.accept().await?;
        read_cookie(&mut control).await?;
        let mut streams = Vec::new();
        let words = [
            state::PARAM_EXCHANGE,
            state::CREATE_STREAMS,
            state::TEST_START,
            state::TEST_RUNNING,
            state::EXCHANGE_RESULTS,
            state::DISPLAY_RESULTS,
        ];
        for word in words.into_iter().take(steps) {
            match word {
                state::CREATE_STREAMS => drop(read_json(&mut control, 8192).await?),
                state::TEST_START => {
                    let (mut stream, _) = listener.accept().await?;
                    read_cookie(&mut stream).await?;
                    streams.push(stream);
                }
                state::EXCHANGE_RESULTS => {
                    streams[0].read_exact(&mut [0; 1000]).await?;
                    while read_state(&mut control).await? != state::TEST_END {}
                }
                state::DISPLAY_RESULTS => {
                    read_json(&mut control, 65_536).await?;
                    continue;
                }
                _ => {}
            }
            write_state(&mut control, word).await?;
        }
        // The connections stay open.
        std::future::pending::<std::io::Result<()>>().await
    });
    addr
}

#[tokio::test]
async fn each_answer_of_a_silent_server_is_waited_for_as_long_as_the_field_says() {
    let steps = [
        (0, "wait for PARAM_EXCHANGE"),
        (1, "wait for CREATE_STREAMS"),
        (2, "wait for TEST_START"),
        (3, "wait for TEST_RUNNING"),
        (4, "wait for EXCHANGE_RESULTS"),
        (5, "read results"),
        (6, "read results"),
    ];
    let all = steps.map(async |(steps, step)| {
        // A small rate, so that the upload is not stalled by a server that does not read.
        let more = [("timeout", Arg::Number(0.4)), ("rate", Arg::Number(1e5)), ("block", Arg::Number(1000.0))];
        let (addr, start) = (silent_after(steps).await, Instant::now());
        let observation = facts(addr, &more).await;
        assert_eq!(outcome(&observation), "timeout", "{step}: {:?}", observation.notes());
        let note = format!("{step}: the server was silent for 400ms");
        assert!(observation.notes().contains(&note), "{:?}", observation.notes());
        assert!(start.elapsed() >= Duration::from_millis(400), "{step}");
    });
    join_all(all).await;
}

#[tokio::test]
async fn a_dead_path_is_waited_for_as_long_as_the_field_says() {
    // Neither a long interval nor a long warm-up puts the end off.
    let long = Arg::Number(30.0);
    for slow in [
        [("interval", long.clone()), ("omit", Arg::Number(0.0))],
        [("interval", Arg::Number(1.0)), ("omit", long.clone())],
    ] {
        for direction in ["upload", "download"] {
            let more = [("duration", long.clone()), ("timeout", Arg::Number(0.3)), ("direction", text(direction))];
            let (addr, start) = (scripted(Act::Nothing).await, Instant::now());
            let observation = facts(addr, &[&more[..], &slow].concat()).await;
            assert_eq!(outcome(&observation), "stalled", "{direction}");
            assert!(
                observation.notes().iter().any(|note| note.starts_with("nothing moved for 300 ms")),
                "{observation:?}"
            );
            assert!(start.elapsed() < Duration::from_secs(20), "{direction}: {:?}", start.elapsed());
        }
    }
}

/// iperf3 opens its port again after each test: until then clients are reset.
#[tokio::test]
async fn a_server_that_opens_its_port_again_is_not_gone() {
    for resets in [2, 50] {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        tokio::spawn(async move {
            for _ in 0..resets {
                drop(listener.accept().await?);
            }
            let (mut control, _) = listener.accept().await?;
            read_cookie(&mut control).await?;
            write_state(&mut control, state::ACCESS_DENIED).await
        });
        let observation = facts(addr, &[]).await;
        assert_eq!(outcome(&observation), if resets == 2 { "busy" } else { "reset" }, "{:?}", observation.notes());
    }
}

#[tokio::test]
async fn a_slow_server_that_always_answers_is_not_silent() {
    // Each answer comes after more than half of the patience, so that all together take longer than it.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    tokio::spawn(async move {
        // The time a slow server takes.
        let pause = || tokio::time::sleep(Duration::from_millis(600));
        let (mut control, _) = listener.accept().await?;
        read_cookie(&mut control).await?;
        pause().await;
        write_state(&mut control, state::PARAM_EXCHANGE).await?;
        read_json(&mut control, 8192).await?;
        pause().await;
        write_state(&mut control, state::CREATE_STREAMS).await?;
        let (mut stream, _) = listener.accept().await?;
        read_cookie(&mut stream).await?;
        pause().await;
        write_state(&mut control, state::TEST_START).await?;
        pause().await;
        write_state(&mut control, state::TEST_RUNNING).await?;
        stream.read_exact(&mut [0; 1000]).await?;
        conclude(&mut control, &json!({"streams": [{"id": 1, "bytes": 1000}]})).await
    });
    let more = [("timeout", Arg::Number(1.0)), ("rate", Arg::Number(1e5)), ("block", Arg::Number(1000.0))];
    let observation = facts(addr, &more).await;
    assert_eq!(outcome(&observation), "transferred", "{:?}", observation.notes());
}

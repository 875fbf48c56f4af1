//! Tests that end by an amount: bytes (`num`) or blocks (`blockcount`).

use tokio::task::JoinSet;

use super::*;

/// Nothing came for this long: the sender has stopped.
const STILL: Duration = Duration::from_millis(300);

/// No test asks for this many bytes.
const TOO_MUCH: u64 = 1_000_000_000;

/// The parameters of a test with these beside what all have.
fn params(more: &Value) -> Value {
    let mut params = json!({"time": 0, "num": 0, "blockcount": 0, "omit": 0, "len": 1000});
    params.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    params
}

/// All bytes that come on a stream until nothing more does.
async fn until_still(mut stream: TcpStream) -> (TcpStream, u64) {
    let (mut all, mut block) = (0, vec![0; 65_536]);
    while let Ok(read) = timeout(STILL, stream.read(&mut block)).await {
        let count = read.unwrap();
        assert!(count > 0, "the stream stays open until the test ends");
        all += count as u64;
        assert!(all < TOO_MUCH, "it does not stop");
    }
    (stream, all)
}

/// What the server sends over TCP in a test of these parameters, on the streams that receive; and its own count.
async fn sent(more: Value) -> (u64, u64) {
    let (addr, _guard) = start(ClientLimits::default()).await;
    let params = params(&more);
    let parallel = params["parallel"].as_u64().unwrap();
    let (mut control, cookie) = open(addr, params.clone()).await;
    let mut up = Vec::new();
    if params.get("bidirectional").is_some() {
        for _ in 0..parallel {
            up.push(dial(addr, &cookie).await);
        }
    }
    let mut down = Vec::new();
    for _ in 0..parallel {
        down.push(dial(addr, &cookie).await);
    }
    running(&mut control).await;
    let mut reads: JoinSet<_> = down.into_iter().map(until_still).collect();
    // The streams stay open until the test ends.
    let (mut all, mut streams) = (0, Vec::new());
    while let Some(read) = reads.join_next().await {
        let (stream, bytes) = read.unwrap();
        all += bytes;
        streams.push(stream);
    }
    let results = finish(&mut control).await;
    let streams = results["streams"].as_array().unwrap();
    let own = streams.iter().skip(up.len()).map(|stream| stream["bytes"].as_u64().unwrap()).sum();
    (all, own)
}

/// `iperf3 -R -n 100M` moved 1.6 GB.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_sends_stops_at_the_amount() {
    let tests = [
        (json!({"tcp": true, "parallel": 1, "reverse": true, "num": 5_000_000}), 5_000_000),
        // The last block is sent whole: a receiver of whole blocks waits for it.
        (json!({"tcp": true, "parallel": 1, "reverse": true, "num": 1_000_001}), 1_001_000),
        (json!({"tcp": true, "parallel": 3, "reverse": true, "num": 300_000}), 300_000),
        (json!({"tcp": true, "parallel": 2, "reverse": true, "blockcount": 77}), 77_000),
        (json!({"tcp": true, "parallel": 1, "reverse": true, "blockcount": 20, "len": 128}), 2560),
        (json!({"tcp": true, "parallel": 1, "reverse": true, "num": 50_000, "bandwidth": 1e7}), 50_000),
        (json!({"tcp": true, "parallel": 1, "bidirectional": true, "num": 400_000}), 400_000),
        (json!({"tcp": true, "parallel": 2, "bidirectional": true, "blockcount": 10}), 10_000),
    ];
    for (more, want) in tests {
        assert_eq!(timeout(Duration::from_secs(30), sent(more.clone())).await.unwrap(), (want, want), "{more}");
    }
}

#[tokio::test]
async fn an_upload_of_an_amount_ends_with_its_client() {
    let (addr, _guard) = start(ClientLimits::default()).await;
    let (mut control, cookie) = open(addr, params(&json!({"tcp": true, "parallel": 1, "num": 5000}))).await;
    let mut data = dial(addr, &cookie).await;
    running(&mut control).await;
    data.write_all(&[7; 5000]).await.unwrap();
    assert_eq!(finish(&mut control).await["streams"][0]["bytes"], json!(5000));
}

#[tokio::test]
async fn the_warm_up_is_no_part_of_the_amount() {
    let (addr, _guard) = start(ClientLimits::default()).await;
    let more = json!({"tcp": true, "parallel": 1, "reverse": true, "num": 3000, "omit": 1, "omit_exact": 0.3, "bandwidth": 1e6});
    let (mut control, cookie) = open(addr, params(&more)).await;
    let data = dial(addr, &cookie).await;
    running(&mut control).await;
    let (_data, all) = timeout(Duration::from_secs(20), until_still(data)).await.expect("it stops");
    let results = finish(&mut control).await;
    let counted = results["streams"][0]["bytes"].as_u64().unwrap();
    // A block may have begun before the warm-up ended.
    assert!((3000..=4000).contains(&counted) && all > counted + 10_000, "{counted} of {all}");
}

#[tokio::test]
async fn datagrams_end_at_the_amount_and_lost_ones_are_made_up_for() {
    for amount in [json!({"num": 20_000}), json!({"blockcount": 200})] {
        let (at_once, packets) = datagrams_of(&amount).await;
        assert_eq!(at_once, 200, "{amount}: all of it, and then a pause");
        assert!((205..=260).contains(&packets), "{amount}: {packets}");
    }
}

/// Datagrams that came before the first pause of a test of this amount, of 100 bytes each, and how many were sent in all
/// until 205 had come: a client of iperf3 ends when it has its bytes, and this one is short of some.
async fn datagrams_of(amount: &Value) -> (usize, u64) {
    let (addr, _guard) = start(ClientLimits::default()).await;
    let mut more = json!({"udp": true, "parallel": 1, "reverse": true, "len": 100, "bandwidth": 1e7});
    more.as_object_mut().unwrap().extend(amount.as_object().unwrap().clone());
    let (mut control, _) = open(addr, params(&more)).await;
    let socket = greet(addr, [127, 0, 0, 1]).await;
    running(&mut control).await;
    let mut datagram = [0; 200];
    let (mut at_once, mut all) = (0, 0);
    while all < 205 {
        match timeout(STILL, socket.recv(&mut datagram)).await {
            Ok(length) => all += usize::from(length.unwrap() == 100),
            Err(_) if at_once == 0 => at_once = all,
            Err(_) => {}
        }
    }
    let results = finish(&mut control).await;
    (at_once, results["streams"][0]["packets"].as_u64().unwrap())
}

#[tokio::test]
async fn a_client_that_does_not_end_such_a_test_is_not_waited_for() {
    let limits = ClientLimits { idle: Duration::from_millis(200), ..ClientLimits::default() };
    let (addr, _guard) = start(limits).await;
    let more = json!({"tcp": true, "parallel": 1, "reverse": true, "num": 1000});
    let (mut control, cookie) = open(addr, params(&more)).await;
    let mut data = dial(addr, &cookie).await;
    running(&mut control).await;
    data.read_exact(&mut [0; 1000]).await.unwrap();
    assert_eq!(read_state(&mut control).await.unwrap(), state::SERVER_TERMINATE);
}

//! The picture of a run is true: what it draws is run, and counted.

use std::net::UdpSocket;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::{pages, shakedown};

/// A server that answers every datagram and counts; it ends with the test.
fn counting() -> (u16, Arc<AtomicUsize>) {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let (port, asked) = (socket.local_addr().unwrap().port(), Arc::<AtomicUsize>::default());
    let count = Arc::clone(&asked);
    std::thread::spawn(move || {
        let mut request = [0; 64];
        while let Ok((_, from)) = socket.recv_from(&mut request) {
            count.fetch_add(1, Ordering::SeqCst);
            let _ = socket.send_to(b"ok", from);
        }
    });
    (port, asked)
}

/// The picture's check: two cells, three rounds of three samples, and a second attempt.
#[test]
fn rounds_samples_and_attempts_are_as_drawn() {
    let pages = pages();
    let page = pages.iter().find(|page| page.path == "docs/concepts.md").unwrap();
    let picture = page.blocks().into_iter().find(|block| block.text.starts_with("run ")).unwrap().text;
    let drawn = |word: &str| picture.lines().filter(|line| line.contains(&format!("─ {word} "))).count();
    assert_eq!((drawn("case"), drawn("attempt"), drawn("sample"), drawn("round")), (2, 2, 2, 4), "{picture}");

    let (port, asked) = counting();
    let folder = tempfile::tempdir().unwrap();
    let suite = |expect: &str, more: &str| {
        format!(
            "version: 1\nsuite: edge\nvars: {{host: 127.0.0.1}}\nchecks:\n  - id: vip\n    matrix: {{send: [a, b]}}\n    udp: {{host: \"${{host}}\", \
             port: {port}, send: \"${{matrix.send}}\"}}\n    rounds: 3\n    samples: 3\n    expect: {{{expect}}}\n{more}"
        )
    };
    let run = |text: &str, more: &[&str]| {
        std::fs::write(folder.path().join("edge.yaml"), text).unwrap();
        let before = asked.load(Ordering::SeqCst);
        let args: Vec<&str> = ["run", "edge.yaml", "--json", "r.json"].iter().chain(more).copied().collect();
        let (code, out, err) = shakedown(folder.path(), &args);
        let report = std::fs::read(folder.path().join("r.json")).unwrap();
        let report: serde_json::Value = serde_json::from_slice(&report).unwrap();
        (code, report, asked.load(Ordering::SeqCst) - before, out + &err)
    };
    // Two cases, each a warm-up round and three others, each of three samples.
    let (code, report, seen, text) = run(&suite("response: ok", ""), &[]);
    assert_eq!((code, seen), (0, 2 * (1 + 3) * 3), "{text}");
    assert_eq!(
        (&report["checks"][0]["id"], &report["checks"][1]["id"]),
        (&"vip[send=a]".into(), &"vip[send=b]".into())
    );
    // An attempt is all of that once more.
    let (code, report, seen, text) = run(&suite("response: other", "    retries: 1\n"), &[]);
    assert_eq!((code, seen, &report["checks"][0]["attempts"]), (1, 2 * 2 * (1 + 3) * 3, &2.into()), "{text}");
    // Pairs: a warm-up pair and six others, of two arms. A loaded machine uses up no such tolerance, so there is no alarm.
    let quiet = "    baseline: {response_time: {tolerance: 900%}}\n";
    let (code, report, seen, text) =
        run(&suite("response: ok", quiet), &["--against", "host=localhost", "--pairs", "6"]);
    assert_eq!((code, seen), (0, 2 * 2 * (1 + 6) * 3), "{text}");
    assert_eq!(report["design"]["kind"], "interleaved", "{text}");
}

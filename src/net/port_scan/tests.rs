use super::{Job, Method, Pace};

fn job(hosts: usize, ports: u16, share: (usize, usize)) -> Job {
    Job {
        hosts: (0..hosts).map(|n| std::net::Ipv4Addr::from(0x7f00_0001 + u32::try_from(n).unwrap()).into()).collect(),
        ports: (1..=ports).collect(),
        method: Method::Connect,
        payload: |_| Vec::new(),
        pace: Pace::Max,
        timeout: std::time::Duration::from_secs(1),
        retries: 0,
        source: None,
        share,
    }
}

#[test]
fn shares_cover_each_pair_once() {
    let mut seen = std::collections::BTreeSet::new();
    for share in 0..3 {
        let job = job(5, 7, (share, 3));
        for at in 0..job.len() {
            let pair = job.pair(at).unwrap();
            assert_eq!(job.pair_of(pair.peer), Some(pair));
            assert!(seen.insert(pair.peer));
        }
        assert_eq!(job.pair(job.len()), None);
    }
    assert_eq!(seen.len(), 35);
}

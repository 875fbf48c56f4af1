//! The rules of the loop, with a network that is a table.

use std::collections::{BTreeSet, HashMap};
use std::io;
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

use super::scan::{Prober, Scan};
use super::{HostPort, Method, Pace, PortState, ScanJob, ScanShare};
use crate::model::Fault;
use crate::net::Origin;
use crate::net::datagram::IcmpError;

/// What a port does when it is asked for the first, the second, … time; nothing more after that.
type Script = &'static [(u16, &'static [Option<PortState>])];

/// Answers by a script.
#[derive(Default)]
struct Scripted {
    script: Script,
    asked: HashMap<u16, usize>,
    /// Answers on their way.
    answers: Vec<(HostPort, PortState)>,
    /// What came in other ways before it was waited for.
    dropped: u64,
    lacks: Option<i32>,
    /// What it lacks is what it keeps.
    keeps: bool,
    /// This host cannot ask anybody.
    refuses: bool,
    /// The only host that answers.
    only: Option<usize>,
    /// A port whose datagram takes a tenth of a second to leave.
    holds_up: u16,
    stops: Option<CancellationToken>,
    own_port: u16,
    log: std::rc::Rc<std::cell::RefCell<Vec<(u16, Instant)>>>,
}

impl Prober for Scripted {
    fn send(&mut self, scan: &mut Scan, pair: HostPort) -> io::Result<()> {
        if let Some(errno) = self.lacks {
            return Err(io::Error::from_raw_os_error(errno));
        }
        let port = pair.peer.port();
        assert_ne!(port, self.own_port, "a datagram to itself");
        let asked = self.asked.entry(port).or_default();
        let steps = self.script.iter().find(|(of, _)| *of == port).map_or(&[][..], |(_, steps)| steps);
        let step = steps.get(*asked / scan.job.hosts.len()).copied().flatten();
        self.answers.extend(step.filter(|_| self.only.is_none_or(|host| host == pair.host)).map(|state| (pair, state)));
        *asked += 1;
        self.log.borrow_mut().push((port, Instant::now()));
        if port == self.holds_up {
            std::thread::park_timeout(Duration::from_millis(100));
        }
        if self.refuses {
            scan.fault(pair, Fault::local("ask", "127.0.0.1", "a test cannot", "ask another"));
            return Ok(());
        }
        if let Some(stop) = &self.stops {
            stop.cancel();
        }
        scan.found.probes += 1;
        scan.sent(pair, 0);
        Ok(())
    }

    fn receive(&mut self, scan: &mut Scan, length: Duration) {
        for (pair, state) in self.answers.drain(..) {
            scan.settle(pair, state);
        }
        std::thread::park_timeout(length);
        scan.read_until = Instant::now();
    }

    fn give_back(&mut self) {
        self.lacks = self.lacks.filter(|_| !self.keeps);
    }

    fn dropped(&self) -> u64 {
        self.dropped * self.asked.len() as u64
    }

    fn is_own_port(&self, pair: HostPort) -> bool {
        pair.peer.port() == self.own_port
    }

    fn change_ports(&mut self, _: &ScanJob) -> io::Result<()> {
        self.own_port = 0;
        Ok(())
    }
}

/// The same, of datagrams: whoever answers the second one may limit how many errors it sends.
struct Datagrams(Scripted);

impl Prober for Datagrams {
    const SILENCE_IS_LOSS: bool = false;

    fn send(&mut self, scan: &mut Scan, pair: HostPort) -> io::Result<()> {
        self.0.send(scan, pair)
    }

    fn receive(&mut self, scan: &mut Scan, length: Duration) {
        self.0.receive(scan, length);
    }
}

fn job(hosts: u32, ports: u16, share: (usize, usize)) -> ScanJob {
    ScanJob {
        hosts: (0..hosts).map(|n| std::net::Ipv4Addr::from(0x7f00_0001 + n).into()).collect(),
        ports: (1..=ports).collect(),
        method: Method::Syn,
        payload: |_| Vec::new(),
        pace: Pace::Max,
        timeout: Duration::from_millis(30),
        retries: 1,
        origin: Origin::default(),
        share,
    }
}

fn scan(job: ScanJob, prober: Scripted) -> ScanShare {
    Scan::new(job, 64).run(prober, &CancellationToken::new()).unwrap()
}

fn states(found: &ScanShare, ports: usize) -> Vec<PortState> {
    (0..ports).map(|port| found.state(0, port).unwrap()).collect()
}

use PortState::{Closed, Open, Rejected, Silent, Unasked};

#[test]
fn shares_cover_each_pair_once() {
    let mut seen = BTreeSet::new();
    for share in 0..3 {
        let job = job(5, 7, (share, 3));
        for at in 0..job.len() {
            let pair = job.pair(at).unwrap();
            assert_eq!(job.pair_of(pair.peer), Some(pair));
            assert!(seen.insert(pair.peer));
        }
        assert_eq!(job.pair(job.len()), None);
        let another = ScanJob { share: ((share + 1) % 3, 3), ..job.clone() };
        assert_eq!(job.pair_of(another.pair(0).unwrap().peer), None, "it is of another share");
    }
    assert_eq!(seen.len(), 35);
}

#[test]
fn silent_ports_are_asked_again_and_no_others() {
    let script: Script = &[(1, &[Some(Open)]), (2, &[Some(Closed)]), (4, &[Some(Rejected)])];
    let prober = Scripted { script, ..Scripted::default() };
    let log = prober.log.clone();
    let found = scan(job(1, 4, (0, 1)), prober);
    assert_eq!(states(&found, 4), [Open, Closed, Silent, Rejected]);
    let asked: Vec<u16> = log.borrow().iter().map(|(port, _)| *port).collect();
    assert_eq!((asked, found.probes), (vec![1, 2, 3, 4, 3], 5));
}

#[test]
fn where_a_silent_port_answers_the_others_are_asked_more_often() {
    let lossy: Script = &[(1, &[None, Some(Open)]), (2, &[None, None, Some(Closed)]), (3, &[None; 4])];
    let found = scan(job(1, 3, (0, 1)), Scripted { script: lossy, ..Scripted::default() });
    assert_eq!(states(&found, 3), [Open, Closed, Silent]);
    // 3, 3 and 2 asks, and the one after nothing new was heard.
    assert_eq!(found.probes, 3 + 3 + 2 + 1);
    let rejected: Script = &[(1, &[None, Some(Rejected)]), (2, &[None; 4])];
    assert_eq!(scan(job(1, 2, (0, 1)), Scripted { script: rejected, ..Scripted::default() }).probes, 2 + 2);
    // What one host loses says nothing of another one: 4 and 4 asks of both, and one of the first.
    let one: Script = &[(1, &[None, Some(Open)])];
    assert_eq!(
        scan(job(2, 2, (0, 1)), Scripted { script: one, only: Some(0), ..Scripted::default() }).probes,
        4 + 4 + 1
    );
    let datagrams = Datagrams(Scripted { script: lossy, ..Scripted::default() });
    let found = Scan::new(job(1, 3, (0, 1)), 64).run(datagrams, &CancellationToken::new()).unwrap();
    assert_eq!((states(&found, 3), found.probes), (vec![Open, Silent, Silent], 3 + 3));
    let without = ScanJob { retries: 0, ..job(1, 3, (0, 1)) };
    assert_eq!(scan(without, Scripted { script: lossy, ..Scripted::default() }).probes, 3);
}

#[test]
fn an_answer_says_more_than_an_error_and_comes_first() {
    let mut scan = Scan::new(job(1, 2, (0, 1)), 64);
    let pair = scan.job.pair(0).unwrap();
    for (state, known) in [(Rejected, Rejected), (Open, Open), (Rejected, Open), (Closed, Open), (Silent, Open)] {
        scan.settle(pair, state);
        assert_eq!(scan.found.at(0), known);
    }
    assert!(scan.was_asked(pair) && !scan.was_asked(scan.job.pair(1).unwrap()));
}

/// The last ask waits for all of `timeout`; those before it for less, once it is known how long answers take.
#[test]
fn no_port_is_silent_before_the_whole_patience() {
    let script: Vec<(u16, &[Option<PortState>])> = (1..=40).map(|port| (port, &[Some(Closed)][..])).collect();
    let patient = ScanJob { timeout: Duration::from_millis(1200), ..job(1, 41, (0, 1)) };
    let prober = Scripted { script: Box::leak(script.into()), ..Scripted::default() };
    let log = prober.log.clone();
    let found = scan(patient, prober);
    let end = Instant::now();
    let asks: Vec<Instant> = log.borrow().iter().filter(|(port, _)| *port == 41).map(|(_, at)| *at).collect();
    let [first, last] = asks[..] else { panic!("{asks:?}") };
    assert!(end - last >= Duration::from_millis(1200), "{:?}", end - last);
    assert!(last - first >= Duration::from_millis(100), "{:?}", last - first);
    // By far less than the whole patience: the host answers within microseconds.
    assert!((last - first) * 2 < end - last, "{:?} and {:?}", last - first, end - last);
    assert_eq!(states(&found, 41)[40], Silent);
    // Of few answers nobody knows how long others take.
    let few: Script = &[(1, &[Some(Closed)]), (2, &[Some(Closed)])];
    let prober = Scripted { script: few, ..Scripted::default() };
    let log = prober.log.clone();
    scan(ScanJob { timeout: Duration::from_millis(300), ..job(1, 3, (0, 1)) }, prober);
    let asks: Vec<Instant> = log.borrow().iter().filter(|(port, _)| *port == 3).map(|(_, at)| *at).collect();
    assert!(asks[1] - asks[0] >= Duration::from_millis(300), "{:?}", asks[1] - asks[0]);
}

#[test]
fn silence_beside_dropped_answers_is_this_hosts_fault() {
    let silent = |dropped| scan(job(1, 1, (0, 1)), Scripted { dropped, ..Scripted::default() }).faults;
    assert!(silent(0).is_empty());
    assert!(silent(9).is_empty(), "it was asked again, and of that nothing was dropped");
    let script: Script = &[(1, &[Some(Open)])];
    assert!(scan(job(1, 1, (0, 1)), Scripted { script, dropped: 9, ..Scripted::default() }).faults.is_empty());
    let once = ScanJob { retries: 0, ..job(1, 1, (0, 1)) };
    let faults = scan(once, Scripted { dropped: 9, ..Scripted::default() }).faults;
    assert!(faults[&0].detail.contains("this host dropped 9 answers"), "{faults:?}");
}

#[test]
fn what_this_host_lacks_for_long_is_its_fault() {
    let start = Instant::now();
    let found = scan(job(2, 1, (0, 1)), Scripted { lacks: Some(libc::EMFILE), ..Scripted::default() });
    assert!(start.elapsed() >= Duration::from_secs(1), "it may come back");
    assert!(found.faults[&0].remedy.contains("ulimit -n") && found.faults.len() == 2, "{:?}", found.faults);
    assert_eq!((states(&found, 1), found.probes), (vec![Unasked], 0));
    let kept = Scripted { lacks: Some(libc::EMFILE), keeps: true, ..Scripted::default() };
    assert!(scan(job(2, 1, (0, 1)), kept).faults.is_empty(), "it gave back what it kept");
    let prober = Scripted { refuses: true, ..Scripted::default() };
    let log = prober.log.clone();
    assert_eq!(scan(job(1, 3, (0, 1)), prober).faults.len(), 1);
    assert_eq!(log.borrow().len(), 1, "a host that cannot be asked is not asked any more");
}

#[test]
fn reports_are_told_apart_up_to_a_limit() {
    let mut found = ScanShare::new(&job(1, 1, (0, 1)));
    for number in (0..5000).chain([7]) {
        found.report(0, format!("error {number}"));
    }
    assert_eq!((found.reports.len(), found.reports[&(0, "error 7".to_owned())]), (4096, 2));
}

#[test]
fn the_rate_is_kept_and_a_scan_can_be_stopped() {
    let slow = ScanJob { pace: Pace::Rate(500.0), ports: (1..=26).collect(), retries: 0, ..job(1, 1, (0, 1)) };
    let prober = Scripted::default();
    let log = prober.log.clone();
    scan(slow, prober);
    let log = log.borrow();
    // 25 gaps of 2 ms, less what is caught up with.
    assert!(log[25].1 - log[0].1 >= Duration::from_millis(44), "{:?}", log[25].1 - log[0].1);
    drop(log);
    // Who was held up catches up with a few at once, not with all.
    let held = ScanJob { pace: Pace::Rate(500.0), ports: (1..=26).collect(), retries: 0, ..job(1, 1, (0, 1)) };
    let prober = Scripted { holds_up: 5, ..Scripted::default() };
    let log = prober.log.clone();
    scan(held, prober);
    let after = log.borrow()[25].1 - log.borrow()[5].1;
    assert!(after >= Duration::from_millis(30), "{after:?}");
    let stop = CancellationToken::new();
    let endless = ScanJob { timeout: Duration::from_hours(1), ..job(1, 9, (0, 1)) };
    let prober = Scripted { stops: Some(stop.clone()), ..Scripted::default() };
    assert!(Scan::new(endless, 64).run(prober, &stop).is_ok());
}

#[test]
fn the_ports_of_the_scan_itself_are_asked_from_others() {
    let script: Script = &[(1, &[Some(Closed)]), (2, &[Some(Closed)]), (3, &[Some(Closed)])];
    let prober = Scripted { script, own_port: 2, ..Scripted::default() };
    let log = prober.log.clone();
    let found = scan(job(1, 3, (0, 1)), prober);
    assert_eq!(states(&found, 3), [Closed; 3]);
    assert_eq!(log.borrow().iter().map(|(port, _)| *port).collect::<Vec<_>>(), [1, 3, 2]);
}

#[test]
fn who_sent_an_error_says_what_it_means() {
    let target = "192.0.2.1";
    let of = |method, code, sender: &str| {
        let hosts = [target.parse().unwrap()].into();
        let mut scan = Scan::new(ScanJob { hosts, method, ..job(1, 1, (0, 1)) }, 64);
        let pair = scan.job.pair(0).unwrap();
        scan.sent(pair, 0);
        let error = IcmpError::from_icmp(false, if code == 99 { 4 } else { 3 }, code, 0, sender.parse().ok(), 8);
        let ends = scan.reported(&error, pair);
        (ends, scan.found.at(0), scan.found.faults.len(), scan.found.reports.len())
    };
    assert_eq!(of(Method::Udp, 3, target), (true, Closed, 0, 0));
    assert_eq!(of(Method::Syn, 3, target), (true, Rejected, 0, 1), "a firewall of the host: TCP has its own no");
    assert_eq!(of(Method::Udp, 3, "198.51.100.1"), (true, Rejected, 0, 1), "a router that says so in its place");
    assert_eq!(of(Method::Udp, 13, "198.51.100.1"), (true, Rejected, 0, 1));
    assert_eq!(of(Method::Udp, 99, "198.51.100.1"), (false, Unasked, 0, 0), "advice");
    assert_eq!(of(Method::Udp, 1, "127.0.0.1"), (false, Unasked, 0, 1), "a neighbour that does not answer");
    assert_eq!(of(Method::Udp, 13, "127.0.0.1"), (true, Unasked, 1, 0), "a filter of this host");
}

use std::time::{Duration, Instant};

use socket2::{Domain, Protocol, Socket, Type};

use super::{BATCH, Inbox, Outbox, Waiter, prepare};

fn pair() -> (Socket, Socket) {
    let open = || {
        let socket = Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::UDP)).unwrap();
        socket.bind(&std::net::SocketAddr::from(([127, 0, 0, 1], 0)).into()).unwrap();
        socket.set_nonblocking(true).unwrap();
        socket
    };
    let (near, far) = (open(), open());
    near.connect(&far.local_addr().unwrap()).unwrap();
    far.connect(&near.local_addr().unwrap()).unwrap();
    (near, far)
}

/// All that arrives, until `count` datagrams are there.
fn read(socket: &Socket, inbox: &mut Inbox, count: usize) -> Vec<(Vec<u8>, bool)> {
    let (mut out, mut waiter) = (Vec::new(), Waiter::new([socket]));
    let end = Instant::now() + Duration::from_secs(20);
    while out.len() < count && Instant::now() < end {
        waiter.arrivals(Duration::from_millis(100));
        for index in 0..inbox.receive(socket).unwrap() {
            let (bytes, cut) = inbox.datagram(index).unwrap();
            out.push((bytes.to_vec(), cut));
        }
    }
    out
}

#[test]
fn what_leaves_together_arrives_apart_and_whole() {
    for segmenting in [true, false] {
        let (near, far) = pair();
        prepare(&far, 1 << 20).unwrap();
        let (mut outbox, mut inbox) = (Outbox::new(segmenting), Inbox::new(100));
        let packets: Vec<Vec<u8>> = (0..150_u8).map(|n| vec![n; 20 + usize::from(n / 70)]).collect();
        for packet in &packets {
            outbox.push(packet)[0] ^= 255;
        }
        let (left, error) = outbox.send(&near);
        assert!(error.is_none(), "{error:?}");
        assert_eq!(left, packets.len());
        assert!(outbox.is_empty());
        let got = read(&far, &mut inbox, packets.len());
        assert_eq!(got.len(), packets.len());
        for (mut packet, (bytes, cut)) in packets.into_iter().zip(got) {
            packet[0] ^= 255;
            assert_eq!((bytes, cut), (packet, false));
        }
        assert_eq!(inbox.receive(&far).unwrap(), 0);
        assert!(inbox.datagram(0).is_none());
    }
}

/// What one call of each side costs is paid once for all of them.
#[test]
fn datagrams_of_a_burst_arrive_as_one_message_and_are_told_apart() {
    let (near, far) = pair();
    prepare(&far, 1 << 20).unwrap();
    assert!(super::merge(&far));
    let (mut outbox, mut inbox) = (Outbox::in_bursts(8), Inbox::merged(4));
    for round in 0..2_u8 {
        let mut number = 100 * round;
        outbox.fill(20, 1448, |datagram| {
            assert_eq!(datagram[1], if round == 0 { 0 } else { 9 }, "the rest stays as it was left");
            number += 1;
            (datagram[0], datagram[1]) = (number, 9);
        });
        let (left, error) = outbox.send(&near);
        assert!(error.is_none(), "{error:?}");
        assert_eq!((left, outbox.largest(), outbox.is_empty()), (20, 8, true));
        let (mut numbers, mut messages) = (Vec::new(), 0);
        let mut waiter = Waiter::new([&far]);
        let end = Instant::now() + Duration::from_secs(20);
        while numbers.len() < 20 && Instant::now() < end {
            waiter.arrivals(Duration::from_millis(100));
            messages += inbox.receive(&far).unwrap();
            for index in 0..inbox.len() {
                for datagram in inbox.segments(index) {
                    assert_eq!(datagram.len(), 1448);
                    numbers.push(datagram[0]);
                }
            }
        }
        assert_eq!(numbers, (100 * round + 1..=100 * round + 20).collect::<Vec<_>>());
        assert_eq!(messages, 3, "8, 8 and 4");
    }
}

#[test]
fn a_message_holds_as_many_datagrams_as_fit() {
    let most = [0, 1, 64, 1016, 1448, 9000, 65_000, 65_507].map(super::most_segments);
    assert_eq!(most, [1, 64, 64, 63, 44, 7, 1, 1]);
}

#[test]
fn a_datagram_longer_than_the_room_says_so() {
    let (near, far) = pair();
    let (mut outbox, mut inbox) = (Outbox::new(true), Inbox::new(8));
    outbox.push(&[1; 8]);
    outbox.push(&[2; 9]);
    let before = super::wall();
    prepare(&far, 1 << 20).unwrap();
    assert_eq!(outbox.send(&near).0, 2);
    assert_eq!(read(&far, &mut inbox, 2), [(vec![1; 8], false), (vec![2; 8], true)]);
    let stamp = inbox.stamp(0).unwrap();
    assert!(stamp >= before && stamp <= super::wall(), "{stamp:?}");
}

#[test]
fn drops_of_the_kernel_are_reported() {
    let (near, far) = pair();
    prepare(&far, 2048).unwrap();
    let (mut outbox, mut inbox) = (Outbox::new(false), Inbox::new(64));
    let flood = |outbox: &mut Outbox| {
        for _ in 0..BATCH * 2 {
            outbox.push(&[7; 32]);
        }
        assert_eq!(outbox.send(&near).0, BATCH * 2);
    };
    flood(&mut outbox);
    assert!(!read(&far, &mut inbox, 1).is_empty());
    // The number stands on the next datagram that finds room.
    flood(&mut outbox);
    read(&far, &mut inbox, 1);
    assert!(inbox.drops().is_some_and(|drops| drops > 0));
    assert!(inbox.drops().is_none(), "it is reported once");
}

#[test]
fn waits_end_by_time_and_by_arrival() {
    let (near, far) = pair();
    let mut waiter = Waiter::new([&far]);
    let start = Instant::now();
    waiter.arrivals(Duration::from_micros(300));
    Waiter::nap(Duration::from_micros(300));
    assert!(start.elapsed() >= Duration::from_micros(600));
    near.send(b"x").unwrap();
    waiter.arrivals(Duration::from_mins(10));
    waiter.room(Duration::from_mins(10));
}

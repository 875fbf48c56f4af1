//! Validation against servers that say what no real one could be made to say.

mod anchors;
pub(in crate::checks::dns) mod authority;
mod hostile;
mod reasons;

use authority::{Records, Reply, Signer, World, name, records};

use crate::checks::dns::tests::{args, run};
use crate::model::{Arg, Observation};
use crate::proto::dns::types::{self, A, MX};
use crate::testing::text;

/// Zone `test.` with a KSK that is the anchor and a ZSK that signs.
struct Zone {
    ksk: Signer,
    zsk: Signer,
    world: World,
}

impl Zone {
    fn new() -> Self {
        let (ksk, zsk) = (Signer::new("test.", 257), Signer::new("test.", 256));
        let mut zone = Self { ksk, zsk, world: World::default() };
        let keys = records("test.", types::DNSKEY, &[zone.ksk.dnskey(), zone.zsk.dnskey()]);
        zone.world.answer(zone.ksk.signed(keys));
        zone.world.answer(zone.zsk.signed(address("www.test.")));
        zone
    }

    fn soa(&self) -> Records {
        let mut data = [name("ns.test."), name("hostmaster.test.")].concat();
        for count in [1_u32, 3600, 600, 604_800, 60] {
            data.extend(count.to_be_bytes());
        }
        self.zsk.signed(records("test.", types::SOA, &[data]))
    }

    /// An NSEC record with types below 64.
    fn nsec(&self, owner: &str, next: &str, types: &[u16]) -> Records {
        self.zsk.signed(records(owner, types::NSEC, &[[name(next), bits(types)].concat()]))
    }

    /// Absence of `owner`, with these records beside SOA.
    fn absent(&mut self, owner: &str, code: u16, rcode: u8, denial: Vec<Records>) {
        let authority = [vec![self.soa()], denial].concat();
        self.world.put(owner, code, Reply { rcode, authority, ..Reply::default() });
    }

    async fn observed(self, owner: &str, more: &[(&'static str, Arg)]) -> Observation {
        let anchor = self.ksk.anchor();
        observed(self.world, &anchor, owner, more).await
    }
}

fn address(owner: &str) -> Records {
    records(owner, A, &[vec![192, 0, 2, 10]])
}

fn bits(types: &[u16]) -> Vec<u8> {
    let mut map = [0_u8; 8];
    for code in types {
        map[usize::from(code / 8)] |= 0x80 >> (code % 8);
    }
    [&[0, 8][..], &map].concat()
}

fn asked(anchor: &str) -> [(&'static str, Arg); 2] {
    [("dnssec", text("validate")), ("trust_anchor", Arg::List(vec![text(anchor)]))]
}

async fn observed(world: World, anchor: &str, owner: &str, more: &[(&'static str, Arg)]) -> Observation {
    let (server, _tasks) = world.serve().await;
    let more = [&asked(anchor)[..], more].concat();
    let (observation, ended) = run(&args(&server.to_string(), owner, &more)).await;
    ended.unwrap();
    observation
}

/// Verdict and reason.
fn verdict(observation: &Observation) -> (&str, Option<&str>) {
    (observation.text("dnssec.verdict").unwrap_or_default(), observation.text("dnssec.reason"))
}

#[track_caller]
fn is(observation: &Observation, word: &str, reason: &str) {
    let reason = Some(reason).filter(|word| !word.is_empty());
    assert_eq!(verdict(observation), (word, reason), "{:?}", observation.notes());
}

//! Whatever stands in a signed answer is verified within its bounds, or not at all.
#![no_main]

use shakedown::proto::dnssec::{Key, Name, Proof, RrSet, WorkBudget, check_rrset, read};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Some(sections) = read(bytes) else { return };
    let name = |wire: &[u8]| Name::from_octets(wire.to_vec()).expect("a name");
    let (zone, inside) = (name(b"\x07example\0"), name(b"\x01a\x07example\0"));
    let mut work = WorkBudget::default();
    let sets: Vec<&RrSet> = sections.answers.iter().chain(&sections.authority).collect();
    let keys: Vec<Key> = bytes.get(12..).and_then(Key::read).into_iter().collect();
    let proof = Proof::new(&zone, &sets);
    let _ = proof.nxdomain(&inside, &mut work);
    let _ = proof.nodata(&inside, 1, &mut work);
    for set in sets {
        let _ = check_rrset(set, &zone, &keys, 1_790_000_000, &mut work);
    }
});

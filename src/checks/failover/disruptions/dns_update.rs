//! `inject: {dns_update: …}` as a suite writes it.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use super::Wrong;
use crate::guard::disruption::{DnsKey, DnsUpdate};
use crate::model::argument::choices;
use crate::model::field::PORT as PORT_KIND;
use crate::model::table::fields;
use crate::model::{Args, Choices as _, Field, FieldKind, Text, stand_in};
use crate::proto::dns::types;

choices! {
    /// How a key signs (RFC 8945, section 6).
    pub(super) enum KeyAlgorithm {
        /// HMAC with SHA-1, of old servers.
        Sha1 = "hmac-sha1",
        /// HMAC with SHA-256.
        Sha256 = "hmac-sha256",
        /// HMAC with SHA-384.
        Sha384 = "hmac-sha384",
        /// HMAC with SHA-512.
        Sha512 = "hmac-sha512",
    }
}

fields! { KEY_FIELDS;
    const KEY_NAME: Field<Text> =
        Field::required("name", FieldKind::Text, "Name of the key, as the server has it.");
    const ALGORITHM: Field<KeyAlgorithm> = Field::choice("algorithm", "hmac-sha256", "Algorithm of the key.");
    const SECRET: Field<Text> =
        Field::required("secret", FieldKind::Text, "The secret in base64, from `secrets`: `${TSIG_SECRET}`.");
}

fields! { pub(super) DNS_UPDATE_FIELDS;
    const SERVER: Field<Text> = Field::required(
        "server",
        FieldKind::Address,
        "Address of the primary server of the zone. No name: names are what is broken.",
    );
    const PORT: Field<u16> = Field::default("port", PORT_KIND, "53", "Port of the server, TCP.");
    const ZONE: Field<Text> = Field::required("zone", FieldKind::Text, "The zone that is updated.");
    const NAME: Field<Text> = Field::required("name", FieldKind::Text, "The name whose records change; whole, zone included.");
    const TYPE: Field<Text> = Field::default("type", FieldKind::Text, "A", "Type of these records: `A`, `CNAME`, `MX` and so on.");
    const TTL: Field<Duration> =
        Field::default("ttl", FieldKind::Duration(0.0, 2_147_483_647.0), "30s", "Time to live of what is set, in whole seconds.");
    const DATA: Field<Vec<Text>> = Field::optional(
        "data",
        FieldKind::List(&FieldKind::Text),
        "Data of each record that takes the place of those that are there, as a zone file has it; names in it are whole. None: they are deleted.",
    );
    const KEY: Field<Option<Args>> =
        Field::optional("key", FieldKind::Group(KEY_FIELDS), "The key that signs (TSIG). Without one, the server must allow this address.");
}

pub(super) fn update(args: &Args) -> Result<DnsUpdate, Wrong> {
    let word = args.get(&TYPE);
    let kind = types::number(&word).filter(|kind| !matches!(*kind, 0 | types::OPT | 249..=255)).ok_or_else(|| {
        (format!("`{word}` is no type of records"), "write one such as A, AAAA, CNAME, MX, TXT or SRV".to_owned())
    })?;
    if matches!(kind, types::SOA | types::RRSIG | types::NSEC | types::NSEC3 | types::NSEC3PARAM | types::DNSKEY) {
        let message = format!("`{word}` is what the server keeps by itself");
        return Err((message, "change another type, or use commands (`inject: {run: …}`)".to_owned()));
    }
    let ttl = args.get(&TTL);
    if ttl.subsec_nanos() > 0 {
        return Err(("`ttl` has a part of a second".to_owned(), "write whole seconds, such as 30s".to_owned()));
    }
    let key = args.get(&KEY).map(|key| shared_key(&key)).transpose()?;
    let (server, zone, name) = (args.get(&SERVER), args.get(&ZONE), args.get(&NAME));
    let server: IpAddr = server.parse().map_err(|_| {
        (format!("`{server}` is not an IP address"), "write that of the primary server, such as 192.0.2.53".to_owned())
    })?;
    let texts: Vec<String> = args.get(&DATA).into_iter().map(Text::into_value).collect();
    let open = |text: &str| stand_in::is_in(text);
    if open(&zone) || open(&name) || texts.iter().any(|text| open(text)) {
        let help = "write it in the suite, or take it from `vars`";
        return Err(("what another check captures cannot say what is updated".to_owned(), help.to_owned()));
    }
    let seconds = u32::try_from(ttl.as_secs()).unwrap_or(u32::MAX);
    let server = SocketAddr::new(server, args.get(&PORT));
    DnsUpdate::new(server, (&zone, &name, kind), (seconds, &texts), key).map_err(|why| {
        (why, "names are whole (`www.example.org`), data is as in a zone file (`10 mail.example.org`)".to_owned())
    })
}

fn shared_key(args: &Args) -> Result<DnsKey, Wrong> {
    let secret = args.get(&SECRET);
    if !secret.holds_secret() {
        let message = "the secret of the key stands in the suite, where everybody can read it".to_owned();
        return Err((
            message,
            "name an environment variable under `secrets`, and write secret: ${THAT_NAME}".to_owned(),
        ));
    }
    if args.get(&KEY_NAME).holds_secret() {
        return Err(("the name of the key is no secret".to_owned(), "write it outright".to_owned()));
    }
    let algorithm = args.get(&ALGORITHM).word().to_owned();
    Ok(DnsKey { name: args.get(&KEY_NAME).into_value(), algorithm, secret })
}

/// Whether a text holds a secret that is none of the key: it would be shown.
pub(super) fn exposes(args: &Args) -> bool {
    let mut others = args.clone();
    others.0.remove(KEY.name());
    others.holds_secret()
}

#[cfg(test)]
mod tests {
    use super::super::tests::shown;
    use crate::model::{Arg, Args, Text};
    use crate::testing::{args, text};

    fn key(secret: Text) -> Arg {
        let algorithm = ("algorithm", text("hmac-sha512"));
        Arg::Group(args([("name", text("lab-key")), algorithm], &[("secret", Arg::Text(secret))]))
    }

    fn list(words: &[&str]) -> Arg {
        Arg::List(words.iter().map(|word| text(word)).collect())
    }

    fn fields(more: &[(&'static str, Arg)]) -> Vec<(&'static str, Arg)> {
        let mut out = vec![
            ("server", text("192.0.2.53")),
            ("zone", text("example.org")),
            ("name", text("www.example.org")),
            ("data", list(&["192.0.2.2"])),
        ];
        for (name, value) in more {
            out.retain(|(given, _)| given != name);
            out.push((name, value.clone()));
        }
        out
    }

    #[test]
    fn what_is_written_is_what_nsupdate_does() {
        let line = |commands: &str, more: &[(&'static str, Arg)]| {
            assert_eq!(shown("dns_update", &fields(more)).unwrap(), format!("printf '%s\\n' {commands}"));
        };
        line(
            "'server 192.0.2.53 53' 'zone example.org.' 'update delete www.example.org. A' \
             'update add www.example.org. 30 A 192.0.2.2' send | nsupdate",
            &[],
        );
        line(
            "'server 2001:db8::53 5353' 'key hmac-sha512:lab-key ***' 'zone example.org.' 'update delete example.org. MX' \
             'update add example.org. 60 MX 10 mail.example.org.' 'update add example.org. 60 MX 20 Mx.example.' send \
             | nsupdate",
            &[
                ("server", text("2001:db8::53")),
                ("port", Arg::Integer(5353)),
                ("name", text("example.org.")),
                ("type", text("mx")),
                ("ttl", Arg::Number(60.0)),
                ("data", list(&["10 mail.example.org", "20 Mx.example."])),
                ("key", key(Text::new("c2VjcmV0", Some("***")))),
            ],
        );
        line(
            "'server 192.0.2.53 53' 'zone example.org.' 'update delete www.example.org. TYPE65280' send | nsupdate",
            &[("data", Arg::List(Vec::new())), ("type", text("TYPE65280"))],
        );
    }

    #[test]
    fn what_no_server_could_do_is_refused() {
        let secret = || Text::new("c2VjcmV0", Some("***"));
        let rows: &[(&'static str, Arg, &str)] = &[
            ("name", text("www.example.com"), "www.example.com is not in the zone example.org"),
            ("name", text("wwwexample.org"), "is not in the zone example.org"),
            ("name", text("a..example.org"), "it has an empty label"),
            ("zone", text("ex ample"), "it holds a space"),
            ("type", text("AXFR"), "`AXFR` is no type of records"),
            ("type", text("OPT"), "`OPT` is no type of records"),
            ("type", text("NOPE"), "`NOPE` is no type of records"),
            ("type", text("soa"), "is what the server keeps by itself"),
            ("data", list(&["192.0.2"]), "`192.0.2`: not a valid A record"),
            ("data", list(&["192.0.2.1", "192.0.2.1"]), "`192.0.2.1` is there twice"),
            ("data", list(&["192.0.2.1\nx 1 A 192.0.2.2"]), "it is one line"),
            ("data", list(&["$INCLUDE /etc/passwd"]), "not a valid A record"),
            ("ttl", Arg::Number(0.5), "`ttl` has a part of a second"),
            ("key", key(Text::from("c2VjcmV0")), "the secret of the key stands in the suite"),
            ("name", Arg::Text(Text::new("www.example.org", Some("***.example.org"))), "could read the secret"),
        ];
        for (name, value, want) in rows {
            let why = shown("dns_update", &fields(&[(name, value.clone())])).unwrap_err();
            assert!(why.contains(want) && !why.contains("c2VjcmV0"), "{name}: {why}");
        }
        let held = fields(&[("key", key(secret()))]);
        assert!(Args(held.into_iter().collect()).holds_secret());
    }
}

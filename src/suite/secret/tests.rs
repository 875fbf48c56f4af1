//! Forms of secrets, and what outputs leave of them.

use super::Redactor;

#[test]
fn signs_of_base64_are_found_as_urls_have_them() {
    let mut redactor = Redactor::default();
    redactor.add_secret("ÿÿÿ>>>???x");
    for leak in
        ["w7/Dv8O/Pj4+Pz8/eA==", "w7%2FDv8O%2FPj4%2BPz8%2FeA%3D%3D", "w7\\/Dv8O\\/Pj4+Pz8\\/eA==", "w7_Dv8O_Pj4-Pz8_eA"]
    {
        let clean = redactor.clean(leak);
        assert!(clean.contains("***") && !clean.contains("Dv8O") && !clean.contains("Pz8"), "{leak} -> {clean}");
    }
}

#[test]
fn every_form_is_hidden() {
    let mut redactor = Redactor::default();
    redactor.add_secret("s3cr\"t välue");
    for leak in [
        "token s3cr\"t välue!",
        "TOKEN S3CR\"T VÄLUE",
        "read as Latin-1: s3cr\"t v\u{c3}\u{a4}lue",
        "{\"t\":\"s3cr\\\"t välue\"}",
        "basic czNjciJ0IHbDpGx1ZQ==",
        "/form?q=s3cr%22t+v%C3%A4lue",
        "/query?q=s3cr%22t%20v%C3%A4lue",
        "hex 73336372227420 76c3a46c7565".replace(' ', "").as_str(),
    ] {
        let clean = redactor.clean(leak);
        assert!(clean.contains("***"), "{leak} -> {clean}");
        assert!(!clean.to_lowercase().contains("s3cr") && !clean.contains("lue"), "{clean}");
    }
    assert_eq!(redactor.clean("nothing here… really"), "nothing here… really");
}

/// Ways to write a text, each of which some output or peer uses.
fn derived(secret: &str) -> Vec<(&'static str, String)> {
    let bytes = |one: &dyn Fn(u8) -> String| secret.bytes().map(one).collect::<String>();
    let chars = |one: &dyn Fn(char) -> String| secret.chars().map(one).collect::<String>();
    let html =
        |quote: &str| secret.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;").replace('\'', quote);
    let base64 =
        base64::engine::Engine::encode(&super::STANDARD, format!("user:{secret} and more of it, as lines are"));
    let wrapped = |width: usize| {
        base64.as_bytes().chunks(width).map(|c| String::from_utf8_lossy(c).into_owned()).collect::<Vec<_>>()
    };
    let pieces: Vec<&str> = secret.as_bytes().chunks(4).map(|piece| std::str::from_utf8(piece).unwrap()).collect();
    let plain = |c: char| c.is_ascii_alphanumeric();
    let percent = |lower: bool| {
        chars(&|c| {
            if plain(c) {
                c.to_string()
            } else {
                c.to_string()
                    .bytes()
                    .map(|byte| if lower { format!("%{byte:02x}") } else { format!("%{byte:02X}") })
                    .collect()
            }
        })
    };
    vec![
        ("as it is", secret.to_owned()),
        ("upper", secret.to_uppercase()),
        ("percent", percent(false)),
        ("percent in lower case", percent(true)),
        ("every byte percent", bytes(&|byte| format!("%{byte:02X}"))),
        ("a form", url::form_urlencoded::byte_serialize(secret.as_bytes()).collect()),
        ("blanks only", secret.replace(' ', "%20")),
        ("shell", format!("'{}'", secret.replace('\'', r"'\''"))),
        ("shell backslashes", chars(&|c| if plain(c) { c.to_string() } else { format!("\\{c}") })),
        ("html", html("&#39;")),
        ("html, hex", html("&#x27;")),
        ("html, all", chars(&|c| format!("&#{};", u32::from(c)))),
        ("html, all in hex", chars(&|c| format!("&#x{:X};", u32::from(c)))),
        ("json", serde_json::to_string(secret).unwrap()),
        ("json, all", chars(&|c| format!("\\u{:04X}", u32::from(c)))),
        ("debug", format!("{secret:?}")),
        ("hex", bytes(&|byte| format!("{byte:02x}"))),
        ("HEX", bytes(&|byte| format!("{byte:02X}"))),
        ("hex with colons", bytes(&|byte| format!("{byte:02x}:"))),
        ("hex in a dump", bytes(&|byte| format!("{byte:02x} "))),
        (
            "zone file",
            bytes(&|byte| {
                if byte.is_ascii_alphanumeric() { char::from(byte).to_string() } else { format!("\\{byte:03}") }
            }),
        ),
        ("base64", base64.clone()),
        ("base64 in lines", wrapped(8).join("\n")),
        ("base64 in lines of mail", wrapped(10).join("\r\n ")),
        ("base64 in lines, shown", wrapped(9).join("\\n")),
        ("wrapped", pieces.join("\n")),
        ("wrapped, and then folded into one line", pieces.join("  ")),
        ("base64 in lines, folded into one", wrapped(10).join(" ")),
    ]
}

/// What was written once more by another program, and in lists.
fn derived_again(secret: &str) -> Vec<(&'static str, String)> {
    let base64 = base64::engine::Engine::encode(&super::STANDARD, secret);
    let bytes = |one: &dyn Fn(u8) -> String| secret.bytes().map(one).collect::<String>();
    let percent: String = url::form_urlencoded::byte_serialize(secret.as_bytes()).collect();
    let html = secret.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('\'', "&#39;");
    vec![
        ("json in json", serde_json::to_string(&serde_json::to_string(secret).unwrap()).unwrap()),
        ("percent twice", percent.replace('%', "%25")),
        ("percent three times", percent.replace('%', "%2525")),
        ("html twice", html.replace('&', "&amp;")),
        ("quotes of csv", secret.replace('"', "\"\"")),
        ("quotes of sql", secret.replace('\'', "''")),
        ("a list of hex", bytes(&|byte| format!("0x{byte:02X}, "))),
        ("a list of bytes", bytes(&|byte| format!("{byte},"))),
        ("a list of bytes in json", serde_json::to_string(secret.as_bytes()).unwrap()),
        ("hex in a dump of two halves", bytes(&|byte| format!("{byte:02x}  "))),
        ("in two strings of a record", format!("{}\" \"{}", &secret[..5], &secret[5..])),
        ("base64 in a url", url::form_urlencoded::byte_serialize(base64.as_bytes()).collect()),
        ("base64 in json", base64.replace('/', "\\/")),
    ]
}

#[test]
fn no_derived_form_leaves_a_piece() {
    for secret in
        ["tr0ub4dor&3 \"q\"", "it's <a> #secret", "p@ss/w0rd?x=y#z", "k3y with  blanks", "Basic-Token_123+/=="]
    {
        let mut redactor = Redactor::default();
        redactor.add_secret(secret);
        for (form, text) in derived(secret).into_iter().chain(derived_again(secret)) {
            let clean = redactor.clean(&format!("seen <{text}> here"));
            assert!(clean.contains("***"), "{secret} as {form}: {text} -> {clean}");
            // What is left of base64 is of the user before it and of the text behind.
            if !form.starts_with("base64") {
                let left = clean
                    .trim_start_matches("seen <")
                    .trim_end_matches("> here")
                    .trim_matches(['\'', '"', ':', ' ', '\\', ',', '[', ']']);
                assert_eq!(left, "***", "{secret} as {form}: {text}");
            }
        }
        assert_eq!(redactor.clean("an ordinary line, and its end"), "an ordinary line, and its end");
    }
}

#[test]
fn what_a_url_leaves_of_a_secret_is_hidden() {
    let mut redactor = Redactor::default();
    redactor.add_secret("first#second half");
    let url = "http://host/?token=first#second half";
    assert_eq!(redactor.clean(url), "http://host/?token=***");
    for part in ["/?token=first", "/?token=second%20half", "#second+half"] {
        assert!(redactor.clean(part).contains("***"), "{part}");
    }
}

#[test]
fn base64_of_user_and_secret_is_hidden_at_every_alignment() {
    let mut redactor = Redactor::default();
    redactor.add_secret("correct horse");
    for user in ["a", "ab", "abc", "abcd"] {
        let encoded = base64::engine::Engine::encode(&super::STANDARD, format!("{user}:correct horse"));
        let clean = redactor.clean(&format!("Authorization: Basic {encoded}"));
        assert!(clean.contains("***"), "{user}: {clean}");
    }
}

#[test]
fn what_a_cut_leaves_of_a_secret_is_hidden() {
    let mut redactor = Redactor::default();
    redactor.add_secret("0123456789abcdef");
    assert_eq!(redactor.clean("seen 0123456789ab… (900 characters)"), "seen ***… (900 characters)");
    assert_eq!(redactor.clean("it said: …9abcdef end"), "it said: …*** end");
    assert_eq!(redactor.clean("seen 0123456789ab"), "seen 0123456789ab");
}

#[test]
fn the_longest_piece_is_found_wherever_a_shorter_one_begins_again() {
    let backwards = |text: &str| text.chars().rev().collect::<String>();
    for (form, part, length) in [
        ("abcdef", "xxabcd", 4),
        ("abcdef", "abcdef", 0),
        ("aaaaab", "caaaaaaaa", 5),
        ("aabaaac", "aabaabaaa", 6),
        ("abcab", "abcab", 2),
        ("abcdef", "", 0),
        ("", "abc", 0),
        ("abcdef", "c", 0),
    ] {
        assert_eq!(super::piece_at_end(form.as_bytes(), part.as_bytes()), length, "{form} {part}");
        let turned = (backwards(form), backwards(part));
        assert_eq!(super::piece_at_start(turned.0.as_bytes(), turned.1.as_bytes()), length, "{turned:?}");
        let by_hand = (1..form.len()).filter(|at| part.ends_with(&form[..*at])).max().unwrap_or(0);
        assert_eq!(length, by_hand, "{form} {part}");
    }
}

/// A secret of so many bytes, without a pattern.
fn long(length: usize) -> String {
    let signs = b"abcdefghijklmnopqrstuvwxyz0123456789#/?";
    (0..length).map(|n| char::from(signs[(n * n + n / 7) % signs.len()])).collect()
}

#[test]
fn long_secrets_are_hidden_at_a_bounded_cost() {
    let lines = (0..1600).map(|n| format!("line-{n:05}\n")).collect::<Vec<_>>().concat();
    for secret in [long(3000), long(16_000), lines, "a".repeat(16_000)] {
        let mut redactor = Redactor::default();
        redactor.add_secret(&secret);
        assert!(redactor.patterns.len() <= super::MOST_PARTS + 10, "{}", redactor.patterns.len());
        assert!(redactor.patterns.iter().all(|pattern| pattern.as_str().len() < 1 << 20));
        let encoded = base64::engine::Engine::encode(&super::STANDARD, &secret);
        let wrapped = |width: usize| {
            let lines = encoded.as_bytes().chunks(width).map(|line| String::from_utf8_lossy(line).into_owned());
            lines.collect::<Vec<_>>().join("\n")
        };
        for leak in [secret.clone(), encoded.clone(), wrapped(64), wrapped(76)] {
            let clean = redactor.clean(&leak);
            assert!(!clean.contains(&leak[..40]) && !clean.contains(&leak[leak.len() / 2..][..60]), "{clean}");
        }
        let text = format!("{}{}", &secret[..150], "…x".repeat(2000));
        assert!(!redactor.clean(&text).contains(&secret[..40]), "a piece at a cut");
    }
}

#[test]
fn the_cost_of_a_cut_grows_with_the_text_alone() {
    use std::time::{Duration, Instant};
    let took = |length: usize| {
        let (form, part) = ("a".repeat(length) + "b", "a".repeat(length));
        let once = || {
            let start = Instant::now();
            assert_eq!(super::piece_at_end(form.as_bytes(), part.as_bytes()), length);
            start.elapsed()
        };
        (0..5).map(|_| once()).min().unwrap_or_default().max(Duration::from_micros(1))
    };
    let (short, long) = (took(2000), took(64_000));
    assert!(long < short * 32 * 8, "32 times as long: {short:?}, then {long:?}");
}

#[test]
fn values_are_cleaned_in_depth() {
    let mut redactor = Redactor::default();
    redactor.add_secret("hunter22");
    redactor.add_secret("12345678");
    let mut value = serde_json::json!({"a": ["x hunter22"], "hunter22": 1, "pin": 12_345_678});
    redactor.scrub_value(&mut value);
    assert_eq!(value.to_string(), "{\"***\":1,\"a\":[\"x ***\"],\"pin\":\"***\"}");
}

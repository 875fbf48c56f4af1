//! Every row of the tables leads to a command that is taken.

use clap::FromArgMatches as _;

use super::{Hint, commands, of_error, of_words};
use crate::app::adhoc;
use crate::checks::FAMILIES;
use crate::cli::{Cli, Command, command};

fn words(line: &str) -> Vec<String> {
    shlex::split(line).unwrap()
}

/// The command that is offered for a line.
fn offered(line: &str) -> String {
    match of_words(&words(line)) {
        Some(Hint::Write { words, .. }) => words.join(" "),
        Some(Hint::Say(why)) => format!("({why})"),
        None => "(nothing)".to_owned(),
    }
}

#[test]
fn a_line_of_another_tool_becomes_one_of_ours() {
    for (line, want) in [
        ("probe ping 192.0.2.1", "probe icmp 192.0.2.1"),
        ("probe ping6 www.test", "probe icmp www.test ip_version=ipv6"),
        ("probe ping -c 4 -i 0.2 192.0.2.1", "probe icmp 192.0.2.1 count=4 interval=0.2s"),
        ("probe ping -I eth0 fe80::1%eth0", "probe icmp fe80::1%eth0 interface=eth0"),
        ("probe ping -I 192.0.2.9 192.0.2.1", "probe icmp 192.0.2.1 source=192.0.2.9"),
        ("probe curl --interface if!eth0 https://www.test/", "probe http https://www.test/ interface=eth0"),
        ("probe cert www.test", "probe tls www.test"),
        ("probe https://www.test/a?b=c", "probe http https://www.test/a?b=c"),
        ("probe https www.test", "probe http https://www.test"),
        ("probe curl -sSk https://www.test/ -o /dev/null", "probe http https://www.test/ verify=false"),
        (
            "curl -L -m5 https://www.test/ --cacert=ca.pem",
            "probe http https://www.test/ follow=5 timeout=5s ca_file=ca.pem",
        ),
        ("curl https://www.test/ -d a=1", "probe http https://www.test/ body=a=1"),
        ("curl https://www.test/ -d a=1 -X PUT", "probe http https://www.test/ body=a=1 method=PUT"),
        ("curl --resolve www.test:443:192.0.2.1 https://www.test/", "probe http https://www.test/ resolve=192.0.2.1"),
        (
            "curl --resolve www.test:443:[2001:db8::1] https://www.test/",
            "probe http https://www.test/ resolve=2001:db8::1",
        ),
        (
            "dig @192.0.2.53 -p 5353 www.test AAAA +tcp +norec",
            "probe dns www.test server=192.0.2.53:5353 type=AAAA transport=tcp recursion=false",
        ),
        ("dig -x 192.0.2.1", "probe dns 1.2.0.192.in-addr.arpa. type=PTR"),
        ("dig @2001:db8::53 -p53 www.test", "probe dns www.test server=[2001:db8::53]:53"),
        ("probe mx shop.test", "probe dns shop.test type=MX"),
        ("probe dns www.test server=192.0.2.53 port=53", "probe dns www.test server=192.0.2.53:53"),
        (
            "openssl s_client -connect www.test:443 -servername api.test -CAfile ca.pem",
            "probe tls www.test:443 sni=api.test ca_file=ca.pem",
        ),
        ("nc -zv 192.0.2.1 22", "probe tcp 192.0.2.1:22"),
        ("probe tcp 192.0.2.1:ssh", "probe tcp 192.0.2.1:22"),
        ("probe tcp 192.0.2.1 https", "probe tcp 192.0.2.1:443"),
        ("probe ssh 192.0.2.1", "probe tcp 192.0.2.1:22"),
        ("probe 192.0.2.1:22", "probe tcp 192.0.2.1:22"),
        ("iperf3 -c 192.0.2.1 -p 5202 -R -t 10", "probe throughput 192.0.2.1:5202 direction=download duration=10s"),
        ("probe http https://www.test/ insecure=true", "probe http https://www.test/ verify=false"),
        ("probe http https://www.test/ user_agent=x", "probe http https://www.test/ headers.User-Agent=x"),
        ("probe tls www.test -k", "probe tls www.test -e verified: {present: true}"),
        ("curl www.test/health", "probe http www.test/health"),
        ("curl -4 -x proxy:3128 www.test", "probe http www.test ip_version=ipv4 proxy.http=proxy:3128"),
        ("curl --http3 https://www.test/", "probe http https://www.test/ version=3"),
        (
            "curl -H 'X-Auth-Key: a' -fsS0 www.test",
            "(`-0` is no option of `probe`; HTTP/1.0 is not spoken: version=1.1)",
        ),
        ("wget -qO- https://www.test/", "probe http https://www.test/"),
        ("nslookup www.test 192.0.2.53", "probe dns www.test server=192.0.2.53"),
        ("host -t MX www.test ns1.test", "probe dns www.test type=MX server=ns1.test"),
        ("nmap -n -Pn -sT -p 22,8000-8100 192.0.2.1", "probe ports 192.0.2.1 ports=22,8000-8100"),
        ("nmap -sU -p53 192.0.2.1", "probe ports 192.0.2.1 method=udp ports=53"),
        ("nmap -p- -6 www.test", "probe ports www.test ports=1-65535 ip_version=ipv6"),
        ("traceroute -n -m 20 -T -p 443 192.0.2.1", "probe trace 192.0.2.1 max_hops=20 protocol=tcp port=443"),
        ("traceroute -p 53 192.0.2.1", "probe trace 192.0.2.1 port=53 protocol=udp"),
        ("mtr -n -r -c 10 www.test", "probe trace www.test count=10"),
        ("tracepath -n www.test", "probe trace www.test mtu=discover"),
        ("fping -C 3 -p 20 192.0.2.1", "probe icmp 192.0.2.1 count=3 interval=20ms"),
        ("testssl.sh --quiet https://www.test:8443/", "probe tls www.test:8443 scan=true"),
        ("sslscan www.test", "probe tls www.test scan=true"),
        ("probe head http://www.test/", "probe http http://www.test/ method=HEAD"),
        ("probe ping", "probe icmp www.example.test"),
    ] {
        assert_eq!(offered(line), want, "{line}");
    }
}

#[test]
fn commands_and_options_of_others_become_ours() {
    for (line, want) in [
        ("run --dry-run edge.yaml --tag a", "plan edge.yaml --tag a"),
        ("run edge.yaml --output junit", "run edge.yaml --junit report.xml"),
        ("run edge.yaml -o out.json --parallel 4", "run edge.yaml --json out.json --jobs 4"),
        ("report r.json --format=junit", "report r.json --junit report.xml"),
        ("validate edge.yaml", "plan edge.yaml"),
        ("-v validate edge.yaml", "-v plan edge.yaml"),
        ("test edge.yaml --no-color", "run edge.yaml --color never"),
        ("edge.yaml", "run edge.yaml"),
        ("r.json", "report r.json"),
        ("init", "explain suite"),
        ("tcp 192.0.2.1:22", "probe tcp 192.0.2.1:22"),
        ("curl -- www.test", "probe http www.test"),
        ("probe tcp -- 192.0.2.1:22", "(nothing)"),
        // What is ours, or a slip of the pen, is told by those who know it.
        ("probe tcp 192.0.2.1:22 timeout=2s -e 'outcome: refused'", "(nothing)"),
        ("probe tcpp 192.0.2.1:22", "(nothing)"),
        ("rnu edge.yaml", "(nothing)"),
        ("run edge.yaml --jbos 3", "(nothing)"),
    ] {
        assert_eq!(offered(line), want, "{line}");
    }
}

#[test]
fn what_no_command_says_has_its_reason() {
    for (line, says) in [
        ("probe tls www.test:443 -proxy proxy:3128", "`-proxy` is no option of `probe`; no proxy is ever used"),
        ("probe tcp www.test:443 -Z", "`-Z` is no option of `probe`; what `tcp` takes is written FIELD=VALUE"),
        ("curl --retry 3 http://www.test/", "`--retry` is no option of `probe`; a probe asks once; `retries`"),
        (
            "nc -zv 192.0.2.1 80 443",
            "`443` is one word too many: a probe asks one target (several are a `matrix` of a suite)",
        ),
        ("goss validate", "`goss validate` is `shakedown run SUITE.yaml`"),
        ("openssl x509 -in a.pem -noout -dates", "no file is looked at"),
        ("probe tcp www.test:443 tls=true", "`tcp` has no field `tls`; a handshake is a family of its own"),
        ("probe www.test", "shakedown probe icmp www.test"),
        ("probe 2001:db8::1", "shakedown probe http https://[2001:db8::1]/"),
    ] {
        let told = offered(line);
        assert!(told.starts_with('(') && told.contains(says), "{line}: {told}");
    }
}

/// Whoever types a secret once must not read it again in a log.
#[test]
fn no_credential_is_repeated() {
    for line in [
        "curl -u me:s3cr3t https://www.test/",
        "curl -H 'Authorization: Bearer s3cr3t' -k https://www.test/",
        "curl -b session=s3cr3t https://www.test/",
        "curl --oauth2-bearer s3cr3t https://www.test/",
        "curl https://me:s3cr3t@www.test/",
        "curl -d 'user=me&password=s3cr3t pass' https://www.test/",
        "curl -d '{\"api_key\": \"s3cr3t\"}' https://www.test/",
        "curl 'https://www.test/?access_token=s3cr3t&a=1'",
        "curl --proxy-auth:s3cr3t https://www.test/",
        "curl -Ume:s3cr3t https://www.test/",
        "curl -H 'X-Auth-Key: s3cr3t' https://www.test/",
        "curl https://www.test/ more password=s3cr3t&a=1",
        "probe http https://www.test/ token=s3cr3t",
        "probe http https://www.test/ -k headers.x-api-key=s3cr3t",
        "run edge.yaml --set password=s3cr3t",
        "run edge.yaml --env TOKEN=s3cr3t",
        "probe https://me:s3cr3t@www.test/",
        "https://me:s3cr3t@www.test/",
        "postgres://me:s3cr3t@www.test/db",
        "probe redis://:s3cr3t@www.test:6379",
    ] {
        let hint = of_words(&words(line)).unwrap_or_else(|| panic!("nothing is said of {line}"));
        assert!(!hint.text().contains("s3cr3t"), "{line}: {}", hint.text());
    }
}

/// A value for what an option of a table calls its value.
fn value(name: &str) -> &'static str {
    match name {
        "N" | "SECONDS" | "HOPS" => "2",
        "MS" => "20",
        "BYTES" => "1232",
        "PORT" | "PORTS" => "53",
        "ADDRESS" | "HOST" => "192.0.2.1",
        "FILE" => "/dev/null",
        "RATE" => "10M",
        "TYPE" => "MX",
        "CLASS" => "CH",
        "METHOD" => "PUT",
        "PROTOCOL" => "smtp",
        "URL" => "https://www.test/",
        "JSON" => "{}",
        "PROXY" => "192.0.2.9:3128",
        _ => "x",
    }
}

#[test]
fn every_option_of_the_families_leads_to_a_check() {
    let mut seen = 0;
    for family in FAMILIES {
        for (option, instead) in family.synonyms.options {
            seen += 1;
            let (name, takes) = option.split_once(' ').unwrap_or((option, ""));
            let target = if family.name == "udp" { "192.0.2.1:53 send=x" } else { "192.0.2.1:443" };
            let target = if matches!(family.name, "icmp" | "dns") { "192.0.2.1 server=192.0.2.53" } else { target };
            let target = if matches!(family.name, "icmp" | "ports" | "trace") { "192.0.2.1" } else { target };
            // A target of the option's own is the only one.
            let is_own = instead.starts_with("hosts") || instead.starts_with('{') && !instead.starts_with("{source}");
            let target = if is_own { "" } else { target };
            let target = if ["-6", "--ipv6"].contains(option) && matches!(family.name, "http" | "ports" | "trace") {
                "www.test"
            } else {
                target
            };
            let target = if option.starts_with("-p") && family.name != "dns" { "192.0.2.1" } else { target };
            let target = if instead.contains("version=3") { "https://192.0.2.1/" } else { target };
            let more = match *instead {
                _ if instead.contains("client_cert") => "client_key=/dev/null",
                _ if instead.contains("client_key") => "client_cert=/dev/null",
                _ if instead.contains("protocol=udp") && family.name == "throughput" => "rate=10Mbit/s",
                _ if option.starts_with("-p") && family.name == "udp" => "send=x",
                _ if !option.starts_with("-p") && family.name == "ports" => "ports=22",
                _ if instead.contains("verify_name") && family.name == "dns" => "transport=dot",
                _ if instead.contains("sni=") && family.name == "dns" => "transport=dot",
                _ if instead.contains("ca_file") && family.name == "dns" => "transport=dot",
                "{reverse} ?type=PTR" | "{}" if family.name == "dns" => "server=192.0.2.53",
                _ => "",
            };
            let line = format!(
                "probe {} {target} {name} {} {more}",
                family.name,
                if takes.is_empty() { "" } else { value(takes) }
            );
            let hint = of_words(&words(&line));
            let Some(Hint::Write { words, .. }) = hint else {
                assert!(instead.starts_with('!') && matches!(hint, Some(Hint::Say(_))), "{line}: {hint:?}");
                continue;
            };
            let all = std::iter::once("shakedown".to_owned()).chain(words.iter().cloned());
            let cli = Cli::from_arg_matches(&command().try_get_matches_from(all).unwrap()).unwrap();
            let Command::Probe(args) = cli.command else { panic!("{words:?}") };
            if let Err(why) = adhoc::is_sound(family, &args) {
                // Credentials come from the environment, which has none here.
                assert!(why.contains("--secret"), "{line}: {words:?}: {why}");
            }
        }
    }
    assert!(seen > 150, "{seen}");
}

#[test]
fn every_word_of_the_commands_leads_to_one() {
    for line in commands::lines() {
        let told = offered(&line);
        assert!(!told.starts_with('('), "{line}: {told}");
    }
}

/// An option that is nearly ours is a slip, of which clap tells.
#[test]
fn a_slip_is_told_as_one() {
    let args = words("probe tcp 192.0.2.1:22 --expct 'outcome: refused'");
    let all = std::iter::once("shakedown".to_owned()).chain(args.iter().cloned());
    let error = command().try_get_matches_from(all).unwrap_err();
    assert_eq!(of_error(&error, &args), None);
}

//! `history --gobench` by the grammar of Go's benchmark format (design 14313), with a parser written from that document.

use std::collections::BTreeMap;

use serde_json::json;

use super::CliSandbox;
use super::report_fixture::{Builder, CLASS, metric, round};

/// A result line with the configuration that holds there.
#[derive(Debug)]
struct Result {
    name: String,
    config: BTreeMap<String, String>,
    values: Vec<(f64, String)>,
}

/// Results and what is said of units; a line that is neither result, configuration, unit nor blank is an error.
fn parse(text: &str) -> (Vec<Result>, BTreeMap<String, BTreeMap<String, String>>) {
    let (mut results, mut units) = (Vec::new(), BTreeMap::new());
    let mut config = BTreeMap::new();
    for line in text.lines() {
        let fields: Vec<&str> = line.split_whitespace().collect();
        if fields.first() == Some(&"Unit") {
            let pairs = fields[2..].iter().map(|pair| pair.split_once('=').unwrap());
            let pairs = pairs.map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
            assert!(units.insert(fields[1].to_owned(), pairs).is_none(), "declared twice: {line}");
        } else if let Some(rest) = line.strip_prefix("Benchmark") {
            assert!(rest.starts_with(char::is_uppercase), "{line}");
            assert!(
                fields.len() >= 4 && fields.len().is_multiple_of(2),
                "an even number of fields, at least four: {line}"
            );
            assert!(fields[1].parse::<u64>().unwrap() > 0, "{line}");
            let value = |pair: &[&str]| (pair[0].parse::<f64>().unwrap(), pair[1].to_owned());
            let values = fields[2..].chunks(2).map(value).collect();
            results.push(Result { name: fields[0].to_owned(), config: config.clone(), values });
        } else if !line.is_empty() {
            let (key, value) = line.split_once(':').unwrap_or_else(|| panic!("not in the grammar: {line}"));
            assert!(key.starts_with(char::is_lowercase), "{line}");
            assert!(!key.contains(|c: char| c.is_whitespace() || c.is_uppercase()), "{line}");
            if value.is_empty() {
                config.remove(key);
            } else {
                assert!(value.starts_with([' ', '\t']), "{line}");
                config.insert(key.to_owned(), value.trim_matches([' ', '\t']).to_owned());
            }
        }
    }
    (results, units)
}

#[test]
fn the_text_is_in_the_grammar_and_says_what_the_reports_say() {
    let sandbox = CliSandbox::new("");
    std::fs::create_dir(sandbox.path("runs")).unwrap();
    for number in 0..3 {
        let rounds: Vec<_> = (0..4).map(|slot| round(slot, 0.001 * f64::from(slot + number + 1), &json!({}))).collect();
        let metrics = json!({"connect time": metric("ratio", 0.05, &rounds),
            "loss": metric("difference", 0.01, &[round(0, 0.25, &json!({}))])});
        let mut report = Builder::new(number, CLASS).check("élan", "web 1/[a=b]\u{a0}\n-8", "d", metrics);
        report.0["run"]["labels"] = match number {
            0 => json!({"Release": "1: 2\n3", "ß": "x", "empty": ""}),
            1 => json!({"release": "1.5"}),
            _ => json!({"release": "1.5", "ß": "x"}),
        };
        sandbox.write(&format!("runs/{number}.json"), &report.text());
    }
    let ended = sandbox.run(&["history", "runs", "--gobench", "-"]);
    assert_eq!(ended.code, 0, "{}", ended.err);
    let (results, units) = parse(&ended.out);
    assert_eq!(results.len(), 3 * 5, "{}", ended.out);
    assert_eq!(units["loss"]["better"], "lower");
    assert!(!units.contains_key("ns/op"), "benchstat knows that one");
    let names: std::collections::BTreeSet<&str> = results.iter().map(|result| result.name.as_str()).collect();
    assert_eq!(names.len(), 2, "{names:?}");
    for result in &results {
        let parts: Vec<&str> = result.name.split('/').collect();
        assert_eq!(parts.len(), 3, "{}", result.name);
        assert!(
            parts[0] == "BenchmarkÉlan" && parts[1].starts_with("check=web%201%2F") && parts[2].starts_with("metric=")
        );
        assert_eq!((result.config["suite"].as_str(), result.config["host-class"].as_str()), ("élan", CLASS));
        assert_eq!(result.values.len(), 1);
    }
    let times: Vec<f64> = results.iter().filter(|r| r.values[0].1 == "ns/op").map(|r| r.values[0].0.round()).collect();
    assert_eq!(times, [1e6, 2e6, 3e6, 4e6, 2e6, 3e6, 4e6, 5e6, 3e6, 4e6, 5e6, 6e6]);
    let first: Vec<(&str, &str)> = results[0].config.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
    assert!(first.contains(&("release", "1: 2 3")) && first.contains(&("label--", "x")), "{first:?}");
    assert_eq!(results[9].config["release"], "1.5");
    assert!(!results[9].config.contains_key("label--"), "a label ends with its run");
    assert_eq!(results[10].config["label--"], "x", "and comes back with another");
}

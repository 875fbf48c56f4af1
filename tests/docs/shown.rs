//! Output that pages show is output of the program: of a run against the lab, whatever its numbers were that day.

use regex::Regex;
use shakedown::lab::dns::DnsLab;
use shakedown::lab::pki::Pki;
use shakedown::lab::reflect::ClosedTcp;
use shakedown::lab::web::WebLab;

use super::{root, shakedown_with};

/// The pages, and how wide the terminal is that each shows. A comment says so, and the fenced block after it is generated.
const SHOWN: [(&str, &str); 2] = [("README.md", "80"), ("docs/README.md", "140")];
/// These stand for the ports of the lab, which are others in each run.
const PORTS: [&str; 3] = ["18443", "18022", "18053"];

fn mark(columns: &str) -> String {
    format!(
        "<!-- Output of tests/docs/shown/edge.yaml, {columns} columns; renew with: UPDATE_REFERENCE=1 cargo test --test docs shown -->"
    )
}

/// The output of the suite `shown/edge.yaml`, of which one check fails, at each width.
fn outputs() -> Vec<String> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let pki = Pki::new().unwrap();
    let (dns, web) = runtime.block_on(async { (DnsLab::start().await.unwrap(), WebLab::start(&pki).await.unwrap()) });
    let closed = ClosedTcp::bind().unwrap();
    let folder = tempfile::tempdir().unwrap();
    std::fs::copy(root().join("tests/docs/shown/edge.yaml"), folder.path().join("edge.yaml")).unwrap();
    std::fs::write(folder.path().join("ca.pem"), pki.ca_pem()).unwrap();
    let ports = [web.https().port(), closed.addr().unwrap().port(), dns.addr().port()];
    let vars = [
        format!("https={}", ports[0]),
        format!("ssh={}", ports[1]),
        format!("dns=127.0.0.1:{}", ports[2]),
        "ca=ca.pem".to_owned(),
    ];
    let mut args = vec!["run", "edge.yaml", "--jobs", "1", "--progress", "none", "--color", "never"];
    args.extend(vars.iter().flat_map(|var| ["--var", var]));
    let shown = SHOWN.iter().map(|(_, columns)| {
        let (code, mut out, err) = shakedown_with(folder.path(), &args, &[("COLUMNS", columns)]);
        assert_eq!((code, &*err), (1, ""), "{out}");
        // The lab's ports are given on the command line, where a reader has them in the suite.
        for var in &vars {
            out = out.replace(&format!(" --var {var}"), "");
        }
        for (own, shown) in ports.iter().zip(PORTS) {
            out = out.replace(&format!(":{own}"), &format!(":{shown}"));
        }
        out.lines().map(str::trim_end).collect::<Vec<_>>().join("\n").trim().to_owned()
    });
    shown.collect()
}

/// Without what differs from run to run: lengths of time, and the blanks and line breaks that come from their lengths.
fn shape(text: &str) -> String {
    let times = Regex::new(r"\d+(\.\d+)? ?(ns|us|µs|ms|s|d)\b").unwrap();
    // Of the list of cases only verdicts and names: the rest is shortened by its length.
    let cases = Regex::new(r"(?m)^([A-Z]+ +)[0-9.]+ s +(\S+) .*$").unwrap();
    let text = &*cases.replace_all(text, "$1$2");
    let blanks = Regex::new(r"\s+").unwrap();
    blanks.replace_all(&times.replace_all(text, "#"), " ").into_owned()
}

#[test]
fn pages_show_what_the_program_prints() {
    for ((name, columns), real) in SHOWN.iter().zip(outputs()) {
        let path = root().join(name);
        let page = std::fs::read_to_string(&path).unwrap();
        let mark = mark(columns);
        let start = page.find(&mark).unwrap_or_else(|| panic!("{name} marks what is generated: {mark}")) + mark.len();
        let from = start + page[start..].find("```text\n").unwrap() + "```text\n".len();
        let until = from + page[from..].find("\n```").unwrap();
        let shown = &page[from..until];
        if shape(shown) == shape(&real) {
            continue;
        }
        let renewed = format!("{}{real}{}", &page[..from], &page[until..]);
        assert!(
            std::env::var_os("UPDATE_REFERENCE").is_some(),
            "{name} is not current; run: UPDATE_REFERENCE=1 cargo test --test docs shown\n{}\n---\n{}",
            shape(shown),
            shape(&real)
        );
        std::fs::write(&path, renewed).unwrap();
    }
}

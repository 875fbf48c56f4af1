//! `shakedown demo`: the lab, a suite against it, every report.

use std::path::{Path, PathBuf};

use super::loading;
use super::restore::keep_journals;
use super::run;
use super::signals::ExitSender;
use super::terminal::Terminal;
use crate::cli::{DemoArgs, JournalArgs, OutputArgs, RunArgs, SuiteArgs};
use crate::exit;
use crate::lab::dns::DnsLab;
use crate::lab::pair::Pair;
use crate::lab::pki::{NAME, Pki};
use crate::lab::reflect::{ClosedTcp, Reflector};
use crate::lab::web::WebLab;
use crate::suite::file::Input;

/// The suite, part of the program: the demo runs from any folder.
const SUITE: &str = include_str!("../../suites/demo.yaml");

/// Journals of what it breaks, beside its reports.
const JOURNALS: &str = "demo-journal";

/// Everything the demo's suite looks at; it stops when dropped.
struct Lab {
    dns: DnsLab,
    web: WebLab,
    reflector: Reflector,
    closed: ClosedTcp,
    pair: Pair,
    /// Holds the CA's certificate.
    ca: PathBuf,
}

impl Lab {
    async fn start(folder: &Path) -> Result<Self, String> {
        let pki = Pki::new().map_err(|fault| fault.to_string())?;
        let ca = folder.join("demo-ca.pem");
        std::fs::create_dir_all(folder).map_err(|error| format!("cannot create {}: {error}", folder.display()))?;
        pki.write_ca(&ca).await.map_err(|fault| fault.to_string())?;
        let no_listener = |error: std::io::Error| format!("cannot listen on loopback: {error}");
        Ok(Self {
            dns: DnsLab::start().await.map_err(no_listener)?,
            web: WebLab::start(&pki).await.map_err(|fault| fault.to_string())?,
            reflector: Reflector::start().await.map_err(no_listener)?,
            closed: ClosedTcp::bind().map_err(no_listener)?,
            pair: Pair::start().await.map_err(no_listener)?,
            ca: std::path::absolute(&ca).map_err(|error| error.to_string())?,
        })
    }

    fn variables(&self) -> Result<Vec<(String, String)>, String> {
        let program = std::env::current_exe().map_err(|error| format!("cannot find this program: {error}"))?;
        let closed = self.closed.addr().map_err(|error| error.to_string())?;
        let pairs = [
            ("icmp", icmp()),
            ("closed", closed.port().to_string()),
            ("echo_tcp", self.reflector.tcp_echo().port().to_string()),
            ("echo_udp", self.reflector.udp_echo().port().to_string()),
            ("dns", self.dns.addr().to_string()),
            ("https", self.web.https().port().to_string()),
            ("http", self.web.http().port().to_string()),
            ("expired", self.web.expired().port().to_string()),
            ("wrong_name", self.web.wrong_name().port().to_string()),
            ("ca", self.ca.display().to_string()),
            ("reflector", self.reflector.throughput().to_string()),
            ("front", self.pair.front().port().to_string()),
            ("control", self.pair.control().to_string()),
            ("shakedown", program.display().to_string()),
        ];
        Ok(pairs.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
    }
}

/// `yes`, or why this system allows no ICMP socket and what to do about it: the reason the check is skipped with.
fn icmp() -> String {
    match crate::checks::icmp::permission() {
        Ok(()) => "yes".to_owned(),
        Err(fault) => format!("no: {fault}; {}", fault.remedy),
    }
}

/// Runs the demo.
pub(super) async fn demo(args: &DemoArgs, terminal: &Terminal, exit: ExitSender) -> u8 {
    let lab = match Lab::start(&args.out).await {
        Ok(lab) => lab,
        Err(why) => {
            terminal.err(&format!("error: {why}\n"));
            return exit::INCOMPLETE;
        }
    };
    // What it breaks is gone with this process: a journal that an earlier one left is of no use to anybody.
    let journals = args.out.join(JOURNALS);
    let _ = std::fs::remove_dir_all(&journals);
    keep_journals(&JournalArgs { journal: Some(journals.clone()) });
    let vars = match lab.variables() {
        Ok(vars) => vars,
        Err(why) => {
            terminal.err(&format!("error: {why}\n"));
            return exit::INCOMPLETE;
        }
    };
    terminal.out(&format!("the lab is up on loopback ({NAME}); running suites/demo.yaml against it\n\n"));
    let run_args = RunArgs {
        suites: SuiteArgs { vars, allow_disruptive: true, ..SuiteArgs::default() },
        output: OutputArgs {
            json: Some(args.out.join("demo.json")),
            junit: Some(args.out.join("demo.xml")),
            ..OutputArgs::default()
        },
        events: Some(args.out.join("demo.jsonl")),
        save_baseline: Some(args.out.join("baselines")),
        labels: vec![("release".to_owned(), "demo".to_owned())],
        progress: args.progress,
        ..RunArgs::default()
    };
    let input = Input::Text("suites/demo.yaml".to_owned(), SUITE.to_owned());
    let Some(ready) = loading::load_inputs(&[input], &run_args.suites, terminal) else { return exit::USAGE };
    let (code, _) = run::execute(ready, &run_args, terminal, exit).await;
    let _ = std::fs::remove_dir(&journals);
    terminal.out(&format!("reports: {0}/demo.json, {0}/demo.xml, {0}/demo.jsonl\n", args.out.display()));
    code
}

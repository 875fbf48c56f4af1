//! `shakedown probe`.

use clap::Args;

/// Arguments of `probe`.
#[derive(Args, Clone, Debug, Default)]
#[command(
    disable_help_flag = true,
    after_help = "Examples:\n  \
                  shakedown probe tcp www.example.test:443\n  \
                  shakedown probe http https://www.example.test/health -e 'status: 200' -H 'Accept: application/json'\n  \
                  shakedown probe dns www.example.test type=AAAA -e 'answers: {contains: \"2001:db8::1\"}'\n  \
                  shakedown probe tls www.example.test -e 'expires_in: {gt: 21d}'\n\n\
                  `shakedown probe FAMILY` lists what the family takes. Exit codes are those of `run`: 0 all held · 1 not · 2 the \
                  command line is wrong, and nothing was sent · 3 it could not be measured · 130/143 interrupted."
)]
pub struct ProbeArgs {
    /// The family, such as tcp, dns or http; without one all are listed.
    pub family: Option<String>,
    /// The target (host, host:port, name or URL, as the family takes it), then fields of the family: timeout=2s.
    #[arg(value_name = "TARGET|K=V")]
    pub words: Vec<String>,
    /// What must hold, as below `expect` in a suite: -e 'status: 200' (repeatable).
    #[arg(short, long = "expect", value_name = "FACT: VALUE")]
    pub expect: Vec<String>,
    /// A request header of a family that has some: -H 'Accept: text/html' (repeatable).
    #[arg(short = 'H', long = "header", value_name = "NAME: VALUE")]
    pub headers: Vec<String>,
    /// An environment variable with a secret, used as '${NAME}' in fields and headers, and shown as ***.
    #[arg(long = "secret", value_name = "NAME")]
    pub secrets: Vec<String>,
    /// The network namespace to run in, by its name in `ip netns list`.
    #[arg(long, value_name = "NAME")]
    pub netns: Option<String>,
    /// Print help; after a family, its fields.
    #[arg(short, long)]
    pub help: bool,
}

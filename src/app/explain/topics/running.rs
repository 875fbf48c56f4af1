//! Topics about runs, and their picture.

use super::{Chapter, shown, topic};

/// True to the plan: a test runs the suite it shows and counts.
pub(super) const PICTURE: &str = "\
run                              one command: shakedown run edge.yaml
└─ suite  edge                   one file
   ├─ check  vip                 one entry of `checks`: a family, its fields, what is expected
   │  ├─ case  vip[port=80]      one cell of `matrix`; a check without a matrix is one case
   │  └─ case  vip[port=443]     a case has one verdict, and one entry in every report
   │     ├─ attempt 1            did not hold: with `retries` or `eventually` another one follows
   │     └─ attempt 2            the last attempt decides
   │        ├─ round (warm-up)   made first and discarded, where `rounds` is more than 1
   │        ├─ round 1           a repetition; what is compared later are rounds
   │        │  ├─ sample         one measurement, with new connections; each of them is judged
   │        │  ├─ sample
   │        │  └─ sample         as many as `samples` says
   │        ├─ round 2
   │        └─ round 3           as many as `rounds` says
   └─ check  ssh-closed

With --against vip=192.0.2.20 --pairs 10 the rounds of two targets alternate:

arm base: the suite as written     arm head: the same with vip=192.0.2.20

           warm-up      pair 1       pair 2       pair 3            pair 10
time  ──── base head ── head base ── base head ── base head ── … ── head base ──▶

A pair is one round of each arm, in an order drawn from the seed. An alarm asks for 10 more pairs.
";

pub(super) const CHAPTER: Chapter = Chapter {
    title: "A run",
    intro: "From the largest to the smallest:",
    picture: Some(PICTURE),
    topics: &[
        topic(
            &["run", "gate"],
            "\
One call of `shakedown run`: every case of the suites it was given, once. It has an id, a seed, one exit code and one
report. Nothing is sent before all suites are valid. A run whose exit code decides whether a change goes on is a gate.",
        ),
        topic(
            &["check"],
            "\
One entry of `checks`: a name (`id`), one family with its fields, and what is expected of the facts. A check with a
`matrix` becomes several cases.",
        ),
        topic(
            &["case", "case id"],
            "\
What is run and judged: a check, or one cell of its matrix, such as `vip[port=443]`. Reports, `--only`, `needs` and
baselines name cases by this id.",
        ),
        topic(
            &["attempt"],
            "\
One try of a case: all of its rounds. Without `retries` and `eventually` there is one. The verdict is that of the last
attempt; reports keep the reasons of the earlier ones.",
        ),
        topic(
            &["round", "warm-up", "warm_up"],
            "\
One repetition of the measurement, by `rounds: N`. With more than one, a warm-up round is made first and discarded, except
for checks that break something. What is expected must hold in every round. Comparisons count rounds and not samples,
because samples that follow each other resemble each other.",
        ),
        topic(
            &["sample"],
            "\
One measurement in a round, by `samples: N`, each with new connections. Every sample is judged. A round ends with the
first sample that gets no answer.",
        ),
        topic(
            &["pair", "pairs", "interleaved"],
            "\
With `--against`, one round of each arm, one right after the other, in an order drawn from the seed. `--pairs 10` is the
default and 6 the least. What changes with time affects both arms alike, so what differs between them is due to the target.",
        ),
        topic(
            &["arm", "base", "head"],
            "\
One of the two sides of `--against`: `base` is the suite as written, `head` has the variables changed. The verdict of a
check is about `head`; what `base` showed is reported beside it.",
        ),
        topic(
            &["seed"],
            "\
The number from which everything random in a run is drawn, such as the order in each pair. It is in the report; the same
`--seed` gives the same order again.",
        ),
        topic(
            &["stage", "footprint", "quiet", "noisy", "disruptive"],
            "\
How a check shares the machine. Quiet checks run in parallel, up to `--jobs` of them. Noisy ones (loads, throughput,
comparisons) run alone. Disruptive ones (`failover`) break something on purpose: they run alone and last, need
`--allow-disruptive`, and what they broke is restored on every path. Scans (more than 1,024 hosts beyond this machine and its links) need
`--allow-scan`. `shakedown plan` shows the stages.",
        ),
        topic(
            &["observation"],
            "\
What a probe saw in one attempt: facts and samples, round by round. Probes do not judge: refused, timed out or expired are
facts like any other.",
        ),
        topic(
            &["fact", "facts"],
            "\
A named value that a probe saw, such as `outcome`, `status` or `expires_in`. Each family has a table of them
(`shakedown explain tls`). What was not seen is absent, and never 0 or empty.",
        ),
        topic(
            &["distribution", "statistic", "statistics", "percentile", "quantile"],
            "\
A fact with many samples. An expectation names a part of it: `.min`, `.mean`, `.p50` (or `.median`), `.p90`, `.p95`,
`.p99`, `.max`, `.stddev` or `.count`. `p95` is the value that 95 of 100 samples do not exceed. With few samples it
says little more than the largest one.",
        ),
        shown(
            &["late_here"],
            "\
Samples that this host measured late, because it had no processor time. The report counts them; they are neither judged nor
compared. When all samples are late, an upper limit that they keep all the same holds, and any other expectation makes the
check errored.",
            "  - id: fast
    http: {url: \"https://www.example.test/\"}
    samples: 20
    expect: {total_time.p95: {lt: 500ms}}
",
        ),
        topic(
            &["partial", "seen in part"],
            "\
Only a part of a fact was seen: a body that `limit` cut off, a server that did not answer. An expectation of it is decided only
if more data could not change the result. Otherwise the case is errored and says which part is missing.",
        ),
        topic(
            &["JSON report", "JSON", "report", "record"],
            "\
What `--json F` writes: everything a run saw, each case with its facts, expectations, verdict and reason. The console text, JUnit
and comparisons can be made of it again (`shakedown report`, `shakedown compare`). `shakedown schema report` is its JSON Schema.",
        ),
        topic(
            &["settings", "shakedown.toml", "configuration", "environment", "precedence", "NO_COLOR"],
            "\
A flag comes first, then its environment variable (`SHAKEDOWN_JOBS` for `--jobs`), then the key of `shakedown.toml` in the working
directory, then the default. `shakedown explain jobs` shows one setting; `docs/configuration.md` has all of them. `NO_COLOR` switches colour off.",
        ),
        topic(
            &["evidence"],
            "\
Lines that show what a fact rests on: who sent the reset, what the body began with, which certificate is meant. They are
for people and are not judged.",
        ),
    ],
};

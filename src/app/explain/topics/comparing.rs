//! Topics about comparisons.

use super::{Chapter, shown, topic};

pub(super) const CHAPTER: Chapter = Chapter {
    title: "Comparisons",
    intro: "Two targets at the same time (`--against`), a run against accepted runs (`--baseline`), or two reports (`compare`).",
    picture: None,
    topics: &[
        topic(
            &["metric"],
            "\
A fact with a direction: lower is better (a time, loss) or higher is better (a rate). Metrics are compared by numbers; all
other facts by a rule.",
        ),
        topic(
            &["regressed", "regression", "REGR"],
            "\
Slower, or otherwise worse, and not by chance: the 95 % interval lies on the worse side of no change, the estimate is at least the tolerance,
and fresh rounds confirmed it. Exit code 4. Two runs one after the other never say this, because a drift looks the same.",
        ),
        topic(&["improved"], "Better, by the same rule as `regressed`."),
        topic(
            &["unchanged"],
            "\
Shown to be the same: the 90 % interval lies within the tolerance. It is a result, and not the absence of one.",
        ),
        topic(
            &["inconclusive"],
            "\
Neither a change nor its absence could be shown. That is no pass, although the exit code is 0 unless `--strict` is given (then
3). The output says how large a change would have been seen (MDE), and how many pairs or runs would decide.",
        ),
        topic(
            &["not compared", "not_compared"],
            "\
There is nothing to compare with, for the reason given: no accepted runs, another class of hosts, another definition of
the check. A run that was to compare and compared nothing has exit code 3.",
        ),
        topic(
            &["MDE", "minimum detectable effect", "power"],
            "\
Minimum detectable effect: the change that 80 of 100 such comparisons would find. `MDE 12%` beside `unchanged` or
`inconclusive` says that a smaller change than 12 % may well have been missed. More pairs, more samples and a quieter
path make it smaller.",
        ),
        shown(
            &["tolerance"],
            "\
The smallest change that counts: a share (`5%`), or an amount in the unit of a fact that may be 0. Each metric has a
default (`shakedown explain http.total_time`), and a check may set another one.",
            "  - id: api
    http: {url: \"https://www.example.test/\"}
    baseline: {total_time: {tolerance: 10%}}
",
        ),
        topic(
            &["confidence interval", "interval", "ci", "p"],
            "\
`+10% [+7.6%, +13%]` is the estimate and its 95 % interval: of 100 such intervals 95 contain the true change. `p` is the
probability of a difference at least this large if nothing had changed.",
        ),
        topic(
            &["confirmation", "confirmed", "alarm"],
            "\
A suspected regression is measured again with as many fresh rounds, and is reported only if they show it, too. So chance alone
seldom fails a run.",
        ),
        topic(
            &["baseline", "accepted run"],
            "\
An accepted run that later runs are compared with. `shakedown baseline accept r.json` adds one, `run --baseline DIR`
compares; a verdict needs eight comparable runs. In a check, the key `baseline` says how its facts are compared.",
        ),
        topic(
            &["pinned", "pin", "pinned run"],
            "\
A run that stays in the baseline while others roll out, such as a release. Each metric is also compared with it, so that a
slow drift cannot hide in the window of the last 30 runs.",
        ),
        topic(
            &["noise floor", "noise", "calibrate"],
            "\
How much runs of an unchanged target differ from each other, measured by `shakedown calibrate`. With it, a single accepted
run is enough to compare with.",
        ),
        topic(
            &["host class", "host_class"],
            "\
A short name for hosts that measure alike: same processor and number of cores, same kernel series, same congestion control, same
virtualisation. Numbers of different classes are never compared.",
        ),
        topic(
            &["digest", "definition"],
            "\
A hash of what a check measures. An override that only says where to look (another host, address or port) leaves it as it is; one
that changes the measurement itself (a size, a number of samples) changes it. Numbers are only compared where it is the same.",
        ),
        topic(
            &["rule", "rules", "change", "same", "may_grow", "may_shrink", "ignore"],
            "\
How a fact that is no metric may change from one report to the next. `same`: not at all, except for the order of a list. `may_grow`: a
number may rise, a list may gain elements, a choice may move up, and an absent fact may appear. `may_shrink`: the opposite. `ignore`:
it may be anything. Each fact has a default; a check (`baseline: {answers: {change: may_grow}}`) or the command line
(`compare --rule 'api-*:headers.server=ignore'`) may say otherwise.",
        ),
        topic(
            &["vanished", "new", "renamed"],
            "\
Checks that are not in both reports: only the older one has a check that vanished, only the newer one a new check. A renamed check has
the same definition (`digest`) under another name.",
        ),
        topic(
            &["change point", "history", "trend"],
            "\
The run from which on a metric has another level. `shakedown history` finds them in a folder of reports; it never fails a
pipeline.",
        ),
    ],
};

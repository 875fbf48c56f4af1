//! benchstat's test of the same rounds: the exact Mann-Whitney U test of the round medians, p <= .05.

use shakedown::model::Arm;
use shakedown::model::reduced::Metric;
use shakedown::stats::Effect;

/// Two-sided p-value of the exact U test (Mann and Whitney 1947) for values without ties; twice the smaller tail.
pub fn mann_whitney(base: &[f64], head: &[f64]) -> f64 {
    let above = |h: &f64| base.iter().filter(|b| *b < h).count();
    let u: usize = head.iter().map(above).sum();
    let ways = ways(base.len(), head.len());
    let all: f64 = ways.iter().sum();
    let below: f64 = ways[..=u].iter().sum();
    let from: f64 = ways[u..].iter().sum();
    (2.0 * below.min(from) / all).min(1.0)
}

/// Two-sided p-value of the pooled test of two proportions, as if packets were lost independently of each other: what one
/// gets who adds up the losses of all rounds. `sent` packets per round.
pub fn two_proportions(metric: &Metric, sent: u32) -> f64 {
    let of = |arm: Arm| {
        let values: Vec<f64> = metric.rounds.iter().filter(|r| r.arm == Some(arm)).map(|r| r.p50).collect();
        (values.iter().sum::<f64>() / values.len() as f64, values.len() as f64 * f64::from(sent))
    };
    let ((base, of_base), (head, of_head)) = (of(Arm::Base), of(Arm::Head));
    let pooled = f64::midpoint(base, head);
    let se = (pooled * (1.0 - pooled) * (1.0 / of_base + 1.0 / of_head)).sqrt();
    Effect { estimate: head - base, se, df: 1e6 }.p()
}

/// In how many orders of `m` and `n` values each U from 0 to m n comes up: the coefficients of the Gaussian binomial,
/// the product of (1 - x^(n + i)) / (1 - x^i) for i = 1..=m.
fn ways(m: usize, n: usize) -> Vec<f64> {
    let mut out = vec![0.0; m * n + 1];
    out[0] = 1.0;
    for i in 1..=m {
        for u in (n + i..out.len()).rev() {
            out[u] -= out[u - n - i];
        }
        for u in i..out.len() {
            out[u] += out[u - i];
        }
    }
    out
}

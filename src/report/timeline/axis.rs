//! Ticks of a time axis.

/// Parts of the axis at most.
const PARTS: f64 = 8.0;
/// Steps between a second and a day, seconds.
const STEPS: [f64; 17] = [
    1.0, 2.0, 5.0, 10.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 900.0, 1800.0, 3600.0, 7200.0, 10_800.0, 21_600.0,
    43_200.0,
];
const DAY: f64 = 86_400.0;
/// Units, and how long a time must be to be told in them.
const UNITS: [(f64, &str, f64); 7] = [
    (DAY, "d", 4.0 * DAY),
    (3600.0, "h", 2.0 * 3600.0),
    (60.0, "min", 2.0 * 60.0),
    (1.0, "s", 1.0),
    (1e-3, "ms", 1e-3),
    (1e-6, "us", 1e-6),
    (1e-9, "ns", 0.0),
];

/// Moments from 0 to `end` with round numbers, and their labels in one unit.
pub(super) fn ticks(end: f64) -> Vec<(f64, String)> {
    if !end.is_finite() || end <= 0.0 {
        return vec![(0.0, "0 s".to_owned())];
    }
    let step = step(end / PARTS);
    let unit = UNITS.iter().find(|(.., from)| end >= *from);
    let (scale, name) = unit.map_or((1.0, "s"), |(scale, name, _)| (*scale, *name));
    let moments = (0_u32..=10).map(|number| f64::from(number) * step).take_while(|at| *at <= end * (1.0 + 1e-9));
    moments.map(|at| (at, format!("{} {name}", rounded(at / scale)))).collect()
}

/// The least round number that is not below `least`.
fn step(least: f64) -> f64 {
    if least > 1.0 && least <= DAY / 2.0 {
        return STEPS.into_iter().find(|step| *step >= least).unwrap_or(DAY);
    }
    let scale = if least > 1.0 { DAY } else { 1.0 };
    let power = 10_f64.powf((least / scale).log10().floor());
    let steps = [1.0, 2.0, 5.0, 10.0].map(|part| part * power * scale);
    steps.into_iter().find(|step| *step >= least).unwrap_or(least)
}

/// Without what a sum of fractions leaves at the end.
fn rounded(number: f64) -> String {
    if number.abs() >= 1e6 {
        return format!("{number:.0e}");
    }
    let text = format!("{number:.3}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::ticks;

    #[test]
    fn numbers_are_round_and_few_and_have_one_unit() {
        let labels = |end: f64| ticks(end).into_iter().map(|(_, label)| label).collect::<Vec<_>>().join(" ");
        assert_eq!(labels(6.05), "0 s 1 s 2 s 3 s 4 s 5 s 6 s");
        assert_eq!(labels(1.4), "0 s 0.2 s 0.4 s 0.6 s 0.8 s 1 s 1.2 s 1.4 s");
        assert_eq!(labels(0.05), "0 ms 10 ms 20 ms 30 ms 40 ms 50 ms");
        assert_eq!(labels(90.0), "0 s 15 s 30 s 45 s 60 s 75 s 90 s");
        assert_eq!(labels(7200.0), "0 h 0.25 h 0.5 h 0.75 h 1 h 1.25 h 1.5 h 1.75 h 2 h");
        assert_eq!(labels(10.0 * 86_400.0), "0 d 2 d 4 d 6 d 8 d 10 d");
        for end in [f64::MIN_POSITIVE, 1e-9, 3e-7, 0.9, 8.0, 59.9, 400_000.0, 1e12, f64::MAX] {
            let ticks = ticks(end);
            let inside = ticks.iter().all(|(at, _)| (0.0..=end * 1.001).contains(at));
            assert!((2..=11).contains(&ticks.len()) && inside, "{end}: {ticks:?}");
        }
        assert_eq!(ticks(f64::NAN).len() + ticks(-1.0).len() + ticks(0.0).len(), 3);
    }
}

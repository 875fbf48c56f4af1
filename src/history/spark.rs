//! A series as one line of text.

/// Most runs drawn; the newest.
pub const WIDTH: usize = 32;

const BLOCKS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
const ASCII: [char; 8] = ['_', '.', ',', '-', '=', '+', '*', '#'];

/// The newest values, the lowest of them at the bottom and the highest at the top; equal values lie in the middle.
#[must_use]
pub fn line(values: impl DoubleEndedIterator<Item = f64>, ascii: bool) -> String {
    let mut newest: Vec<f64> = values.rev().take(WIDTH).collect();
    newest.reverse();
    let low = newest.iter().copied().fold(f64::INFINITY, f64::min);
    let high = newest.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let signs = if ascii { ASCII } else { BLOCKS };
    let sign = |value: f64| {
        // Halves first: the range of two numbers may be no number.
        let share = (value / 2.0 - low / 2.0) / (high / 2.0 - low / 2.0);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 7 by the line above")]
        let index = if share.is_finite() { (share * 7.0).round().clamp(0.0, 7.0) as usize } else { 3 };
        signs[index]
    };
    newest.iter().map(|value| sign(*value)).collect()
}

#[cfg(test)]
mod tests {
    use super::{WIDTH, line};

    #[test]
    fn the_lowest_is_at_the_bottom_and_the_highest_at_the_top() {
        assert_eq!(line([1.0, 8.0, 4.0].into_iter(), false), "▁█▄");
        assert_eq!(line([1.0, 8.0, 4.0].into_iter(), true), "_#-");
        assert_eq!(line([2.0, 2.0].into_iter(), true), "--");
        assert_eq!(line([f64::MIN, f64::MAX].into_iter(), true), "_#");
        assert_eq!(line(std::iter::empty(), true), "");
        let long: String = line((0..100).map(f64::from), true);
        assert_eq!((long.len(), long.chars().next()), (WIDTH, Some('_')), "the newest, from their lowest");
    }
}

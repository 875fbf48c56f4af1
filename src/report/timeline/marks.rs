//! Where the labels of marks stand: each at the moment it is about, none over another.

use super::fitted;
use super::slices::Span;
use crate::model::timeline::Mark;

/// Rows of labels.
pub(super) const ROWS: usize = 3;
/// Columns of text of a label.
const LABEL: usize = 24;
/// Moments that get a label.
const MOMENTS: usize = 32;

/// A label and where it stands.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Label {
    /// Row, from 0.
    pub(super) row: usize,
    /// The column of the moment it is about.
    pub(super) column: usize,
    /// Whether it ends there; else it begins there.
    pub(super) ends: bool,
    /// What happened.
    pub(super) text: String,
}

/// The labels, and how many marks have none, for lack of room.
pub(super) fn labels(marks: &[Mark], span: &Span, end: char, width: impl Fn(&str) -> usize) -> (Vec<Label>, usize) {
    let mut moments: Vec<(usize, String, usize)> = Vec::new();
    let mut left_out = 0;
    for mark in marks {
        let room = moments.len() < MOMENTS;
        let Some(column) = span.column(mark.at_s).filter(|_| span.holds(mark.at_s)) else {
            left_out += 1;
            continue;
        };
        let what = fitted(&mark.what, LABEL, end);
        match moments.iter_mut().find(|(known, ..)| *known == column) {
            Some((_, text, count)) if text.len() < LABEL => {
                text.push_str(", ");
                text.push_str(&what);
                *count += 1;
            }
            Some(_) => left_out += 1,
            None if room => moments.push((column, what, 1)),
            None => left_out += 1,
        }
    }
    moments.sort_by_key(|(column, ..)| *column);
    let mut taken: [Vec<(usize, usize)>; ROWS] = Default::default();
    let mut placed = Vec::new();
    for (column, text, count) in moments {
        match place(&mut taken, column, width(&text), span.columns) {
            Some((row, ends)) => placed.push(Label { row, column, ends, text }),
            None => left_out += count,
        }
    }
    (placed, left_out)
}

/// A row with room for a sign at the column and a text beside it, and on which side the text stands.
fn place(taken: &mut [Vec<(usize, usize)>], column: usize, width: usize, columns: usize) -> Option<(usize, bool)> {
    let right = (column + width < columns).then_some((column, column + width));
    let left = column.checked_sub(width).map(|from| (from, column));
    for (row, taken) in taken.iter_mut().enumerate() {
        for (ends, extent) in [(false, right), (true, left)] {
            let Some((from, until)) = extent else { continue };
            // A column apart from each other.
            if taken.iter().all(|(other_from, other_until)| until + 1 < *other_from || other_until + 1 < from) {
                taken.push((from, until));
                return Some((row, ends));
            }
        }
    }
    None
}

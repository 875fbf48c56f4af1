//! What the streams of a check saw over time, drawn: one line of text each ([`strip`]), or a picture ([`svg`]). Pure.
//!
//! Both cut the time into slices of the same length and show what came of the probes sent in each ([`slices`]). So what is drawn is
//! bounded, however long it was watched. A document may come from a later version, or from somebody else: no number in it is trusted.

mod axis;
mod marks;
mod slices;
pub mod strip;
pub mod svg;

use unicode_width::UnicodeWidthChar as _;

use super::style::visible;

/// Streams that are drawn; more are counted.
const STREAMS: usize = 12;
/// Owners that are named; more are counted.
const OWNERS: usize = 8;

/// A text in so many columns: what is longer is cut, and ends with `end`.
fn fitted(text: &str, width: usize, end: char) -> String {
    // Characters without a width of their own would make a short text of any length.
    let most = width.saturating_mul(4);
    let (mut out, mut used) = (String::new(), 0);
    let mut last_fit = 0;
    for (count, c) in visible_start(text, most).chars().enumerate() {
        let wide = c.width().unwrap_or(0);
        if count == most || used + wide > width {
            out.truncate(last_fit);
            if width > 0 {
                out.push(end);
            }
            return out;
        }
        out.push(c);
        used += wide;
        // There must be room for the sign that something is missing.
        if used < width {
            last_fit = out.len();
        }
    }
    out
}

/// The beginning of a text, as it may be shown.
fn visible_start(text: &str, most: usize) -> String {
    let start = text.char_indices().nth(most.saturating_add(1)).map_or(text, |(at, _)| &text[..at]);
    visible(start)
}

/// The letter of an owner, by the order in which owners answered.
fn letter(owner: usize) -> char {
    u8::try_from(owner).ok().filter(|owner| *owner < 26).map_or('*', |owner| char::from(b'A' + owner))
}

#[cfg(test)]
mod tests;

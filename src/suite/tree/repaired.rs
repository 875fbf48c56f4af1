//! Places in a text that was mended line by line, as places in the text that was written.

use super::{Kind, Node};
use crate::suite::diagnostic::Span;

/// Both texts, by lines.
pub(super) struct Places<'t> {
    mended: Vec<(usize, &'t str)>,
    written: Vec<(usize, &'t str)>,
}

impl<'t> Places<'t> {
    pub(super) fn of(mended: &'t str, written: &'t str) -> Self {
        Self { mended: lines(mended), written: lines(written) }
    }

    /// Puts a node and all below it where they were written.
    pub(super) fn put_back(&self, node: &mut Node) {
        node.span = self.written(node.span);
        match &mut node.kind {
            Kind::Null | Kind::Scalar(..) => {}
            Kind::List(items) => items.iter_mut().for_each(|item| self.put_back(item)),
            Kind::Map(entries) => {
                for (key, value) in entries {
                    key.span = self.written(key.span);
                    self.put_back(value);
                }
            }
        }
    }

    /// Where a stretch of the mended text was written.
    pub(super) fn written(&self, span: Span) -> Span {
        let [start, end] = [span.start, span.end].map(|at| self.offset(at));
        Span { start, end: end.max(start), ..span }
    }

    fn offset(&self, at: u32) -> u32 {
        let line = self.mended.partition_point(|(start, _)| *start <= at as usize).saturating_sub(1);
        let (Some((start, new)), Some((begin, old))) = (self.mended.get(line), self.written.get(line)) else {
            return at;
        };
        u32::try_from(begin + column(at as usize - start, new, old)).unwrap_or(u32::MAX)
    }
}

/// A column of a line that was mended: what stands before and behind the change is where it was.
fn column(at: usize, new: &str, old: &str) -> usize {
    let same = |(a, b): &(u8, u8)| a == b;
    let before = new.bytes().zip(old.bytes()).take_while(same).count();
    if at <= before {
        return at.min(old.len());
    }
    let behind =
        new.bytes().rev().zip(old.bytes().rev()).take_while(same).count().min(new.len().min(old.len()) - before);
    let left = new.len().saturating_sub(at);
    if left <= behind { old.len() - left } else { at.min(old.len() - behind) }
}

fn lines(text: &str) -> Vec<(usize, &str)> {
    let mut at = 0;
    let line = |line: &'_ str| {
        let start = at;
        at += line.len();
        start
    };
    let starts: Vec<usize> = text.split_inclusive('\n').map(line).collect();
    starts.into_iter().zip(text.lines()).collect()
}

#[cfg(test)]
mod tests {
    use super::column;

    #[test]
    fn a_column_is_where_it_was_written() {
        let (new, old) = ("tcp: {host: \"${h}\", port: 1}", "tcp: {host: ${h}, port: 1}");
        for word in ["tcp", "host", "port", "1}"] {
            assert_eq!(column(new.find(word).unwrap(), new, old), old.find(word).unwrap(), "{word}");
        }
        assert_eq!(column(new.find('"').unwrap(), new, old), old.find('$').unwrap());
        assert_eq!(column(new.len(), new, old), old.len());
    }
}

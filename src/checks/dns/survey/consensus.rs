//! One value out of those of many servers.
//!
//! A value counts only when every server was seen and none contradicts it, so that a silent server never hides behind the
//! others; what is seen of one suffices where it decides (one open resolver, one server that differs).

use super::server_report::ServerReport;
use crate::model::Fact;
use crate::model::fact::Scalar;
use crate::probe::Cx;

/// Whether all of it holds: one that does not decides, one that is unknown leaves the rest open.
pub(super) fn all(values: impl IntoIterator<Item = Option<bool>>) -> Option<bool> {
    let mut known = Some(true);
    for value in values {
        match value {
            Some(false) => return Some(false),
            Some(true) => {}
            None => known = None,
        }
    }
    known
}

/// The value all have in common, if it is known of all; nothing of nobody.
pub(super) fn common<T: PartialEq>(values: impl IntoIterator<Item = Option<T>>) -> Option<T> {
    let mut values = values.into_iter();
    let first = values.next()??;
    values.all(|value| value.as_ref() == Some(&first)).then_some(first)
}

/// Labels of the servers of which it is true, if it is known of every one.
pub(super) fn labels_where(
    reports: &[ServerReport],
    test: impl Fn(&ServerReport) -> Option<bool>,
) -> Option<Vec<String>> {
    let mut out = Vec::new();
    for report in reports {
        if test(report)? {
            out.push(report.label().to_owned());
        }
    }
    Some(out)
}

/// Sets the list of servers of which something is true. Where it is not known of one, the list is seen in part, and says of
/// whom: `unseen` is the words before their names.
pub(super) fn set_list(
    cx: &mut Cx<'_>,
    fact: &Fact<Vec<String>>,
    reports: &[ServerReport],
    test: impl Fn(&ServerReport) -> Option<bool>,
    unseen: &str,
) {
    let (mut found, mut open) = (Vec::new(), Vec::new());
    for report in reports {
        match test(report) {
            Some(true) => found.push(report.label().to_owned()),
            Some(false) => {}
            None => open.push(report.label()),
        }
    }
    if open.is_empty() || !found.is_empty() {
        cx.set(fact, found);
    }
    if !open.is_empty() {
        cx.partial(fact, format!("{unseen} {}", open.join(", ")));
    }
}

/// Sets a fact whose value is known.
pub(super) fn set_known<T: Scalar>(cx: &mut Cx<'_>, fact: &Fact<T>, value: Option<impl Into<T::In>>) {
    if let Some(value) = value {
        cx.set(fact, value);
    }
}

#[cfg(test)]
mod tests {
    use super::{all, common};

    #[test]
    fn what_is_unknown_of_one_is_not_said_of_all() {
        assert_eq!(all([Some(true), Some(true)]), Some(true));
        assert_eq!(all([Some(true), None]), None);
        assert_eq!(all([None, Some(false)]), Some(false));
        assert_eq!(common([Some(1), Some(1)]), Some(1));
        assert_eq!(common([Some(1), None]), None);
        assert_eq!(common([None, Some(1)]), None);
        assert_eq!(common([Some(1), Some(2)]), None);
        assert_eq!(common::<u8>([]), None);
    }
}

//! The history for other tools: pure functions of the series to bytes, one file each.

pub mod bencher;
pub mod gobench;
pub mod openmetrics;
pub mod otava;

use super::Selected;

/// A file of an export.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExportFile {
    /// Name in the folder; empty for an export of one file, whose name is the user's.
    pub name: String,
    /// Content.
    pub text: String,
}

/// An export.
pub struct Export {
    /// Name: also the flag.
    pub name: &'static str,
    /// One line for the docs.
    pub help: &'static str,
    /// The function.
    pub render: fn(&Selected<'_>) -> Vec<ExportFile>,
}

/// Every export.
pub static EXPORTS: &[Export] = &[
    Export { name: "otava", help: "Apache Otava: a CSV per series and its configuration.", render: otava::render },
    Export { name: "gobench", help: "Go benchmark text, a line per round.", render: gobench::render },
    Export { name: "bencher", help: "Bencher Metric Format, the newest run.", render: bencher::render },
    Export { name: "openmetrics", help: "OpenMetrics text, the newest run.", render: openmetrics::render },
];

/// An export by name.
#[must_use]
pub fn export(name: &str) -> Option<&'static Export> {
    EXPORTS.iter().find(|export| export.name == name)
}

/// The only file of an export.
fn one(text: String) -> Vec<ExportFile> {
    vec![ExportFile { name: String::new(), text }]
}

#[cfg(test)]
pub(super) mod tests;

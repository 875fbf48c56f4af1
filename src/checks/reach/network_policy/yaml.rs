//! YAML of other programs as values of serde: several documents, no place of each node.

use serde::de::DeserializeOwned;
use serde_saphyr::DuplicateKeyPolicy;

/// Deepest nesting of a document.
const MAX_DEPTH: usize = 64;

/// The documents of a text, empty ones left out. A key that is written twice, a tag that is not of the core schema, and what
/// goes beyond the bounds are errors, with line and column.
pub(super) fn documents<T: DeserializeOwned>(text: &str) -> Result<Vec<T>, String> {
    let options = serde_saphyr::options! {
        duplicate_keys: DuplicateKeyPolicy::Error,
        reject_unsupported_tags: true,
        with_snippet: false,
        // Nobody writes manifests with thousands of aliases.
        alias_limits: serde_saphyr::alias_limits! { max_total_replayed_events: 100_000 },
        budget: serde_saphyr::budget! {
            max_nodes: 5_000_000,
            max_events: 20_000_000,
            max_depth: MAX_DEPTH,
            max_documents: 10_000,
            max_total_scalar_bytes: 64 * 1024 * 1024,
        },
    };
    serde_saphyr::from_multiple_with_options(text, options)
        .map_err(|error| error.to_string().lines().next().unwrap_or_default().to_owned())
}

//! `shakedown schema`.

use schemars::schema_for;

use crate::baseline::store::Baseline;
use crate::checks::FAMILIES;
use crate::cli::SchemaOf;
use crate::history::History;
use crate::model::comparison_document::ComparisonDocument;
use crate::model::{Event, Record};
use crate::plan::document::PlanDocument;

/// The JSON Schema as text.
pub(super) fn schema(of: SchemaOf) -> String {
    let value = match of {
        SchemaOf::Suite => return crate::suite::schema::text(FAMILIES),
        SchemaOf::Plan => schema_for!(PlanDocument).to_value(),
        SchemaOf::Report => schema_for!(Record).to_value(),
        SchemaOf::Baseline => schema_for!(Baseline).to_value(),
        SchemaOf::Comparison => schema_for!(ComparisonDocument).to_value(),
        SchemaOf::Events => schema_for!(Event).to_value(),
        SchemaOf::History => schema_for!(History).to_value(),
    };
    let mut text = serde_json::to_string_pretty(&value).unwrap_or_default();
    text.push('\n');
    text
}

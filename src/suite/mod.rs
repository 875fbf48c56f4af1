//! Suite files: YAML to a spanned tree, variables resolved inside scalars, everything typed, every error at once.

pub mod allowed_targets;
pub mod args;
mod baseline_rules;
pub mod captured;
pub mod check;
mod check_builder;
pub mod defaults;
pub mod diagnostic;
pub mod digest;
mod documents;
pub mod expect;
pub mod file;
pub mod matrix;
pub mod merge;
pub mod reading;
mod repeats;
pub mod schema;
pub mod secret;
pub(crate) mod synonyms;
mod syntax;
pub mod tables;
pub mod targets;
pub mod tree;
pub mod vars;
mod yaml_tags;

pub use check::Check;
pub use diagnostic::{Diagnostic, Diagnostics, Sources, Span};
pub use file::{Suite, load};
pub use secret::Redactor;

//! Fields that mean the same in several families, read in one place. It knows no family.

pub mod tls_fields;

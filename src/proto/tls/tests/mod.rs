//! Tests of the parts that read what others wrote, with certificates no authority would issue.

pub mod chains;
mod crl;
pub mod forge;
mod hostile;
mod lint;
pub mod ocsp;
mod profile;

//! Fields that mean the same in several families, read in one place. It knows no family.

pub mod advice;
pub mod diagnosis;
pub mod host_table;
pub mod hosts;
pub mod mtu_search;
pub mod payload;
pub mod prober;
pub mod silence;
pub mod target;
pub mod tls_fields;
pub mod udp_payloads;

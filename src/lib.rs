//! shakedown tells whether new or changed infrastructure is ready.
//!
//! `suite file -> plan -> engine -> observation -> judge -> verdict -> record -> report`. Modules are listed in layer
//! order; imports run only towards the top (`tests/tidy` enforces it).

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

pub mod stats;

pub mod model;

pub mod net;

pub mod proto;

pub mod probe;

pub mod suite;

pub mod guard;

pub mod checks;

pub mod plan;

pub mod judge;

pub mod baseline;

pub mod engine;

pub mod exit;

pub mod assess;

pub mod report;

pub mod history;

pub mod serve;

pub mod lab;

pub mod cli;

pub mod app;

#[cfg(test)]
mod testing;

//! The `shakedown` binary.

fn main() {}

//! HTTP: how an exchange ended, and small files by plain GET.

pub mod fetch;
pub mod stream_end;

//! The two sorts of text that records hold.

use std::borrow::Cow;
use std::sync::Arc;

/// Text that is usually static.
pub type Word = Cow<'static, str>;

/// Text shared with the plan: ten thousand records of it cost ten thousand pointers.
pub type Shared = Arc<str>;

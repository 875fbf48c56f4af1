//! Whatever lies in a folder as a report is read whole, in part, and as history, and written again; or called damaged.
#![no_main]

use shakedown::history::{index, reading};
use shakedown::report::{self, FORMATS, reduced};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    // The reader that passes over what it does not need takes what the whole one takes.
    let in_part = reduced::read(bytes);
    index::fuzz_lines(bytes);
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let _ = reading::of_text(text);
    if let Ok(record) = report::read(text) {
        if let Err(why) = in_part {
            panic!("read whole, and not in part: {why}");
        }
        for format in FORMATS {
            (format.render)(&record, &mut std::io::sink()).expect("a sink takes everything");
        }
    }
});

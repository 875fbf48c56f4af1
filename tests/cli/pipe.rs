//! Named pipes that runs and their commands write to, heard line by line: nobody has to look at files again and again.

use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::Command;
use std::sync::mpsc;
use std::time::Instant;

use super::PATIENCE;

/// The reading side of a pipe.
pub struct Pipe(mpsc::Receiver<String>);

impl Pipe {
    /// Makes it at `path`. It is read until this process ends, so that no writer ever waits or fails.
    pub fn new(path: &Path) -> Self {
        assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
        // Both sides, so that a writer that closes its own is not the end.
        let pipe = BufReader::new(File::options().read(true).write(true).open(path).unwrap());
        let (tell, lines) = mpsc::channel();
        std::thread::spawn(move || pipe.lines().map_while(Result::ok).for_each(|line| drop(tell.send(line))));
        Self(lines)
    }

    /// Waits until a line with these words is written.
    pub fn hear(&self, words: &str) {
        let end = Instant::now() + PATIENCE;
        let next = || self.0.recv_timeout(end.saturating_duration_since(Instant::now()));
        while !next().unwrap_or_else(|_| panic!("waited in vain for {words}")).contains(words) {}
    }
}

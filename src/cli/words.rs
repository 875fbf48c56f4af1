//! What was typed, as clap reads it.

use std::ffi::OsString;

/// The words of a command line as clap reads them: `help run` asks for the help of `run`, as in other programs.
#[must_use]
pub fn words(given: impl IntoIterator<Item = OsString>) -> Vec<OsString> {
    let mut words: Vec<OsString> = given.into_iter().collect();
    if words.get(1).is_some_and(|word| word == "help") {
        words.remove(1);
        words.push("--help".into());
    }
    words
}

#[cfg(test)]
mod tests {
    #[test]
    fn help_may_be_asked_for_by_a_command() {
        let read = |line: &str| super::words(line.split(' ').map(Into::into)).join(" ".as_ref());
        assert_eq!(read("shakedown help"), "shakedown --help");
        assert_eq!(read("shakedown help baseline keep"), "shakedown baseline keep --help");
        assert_eq!(read("shakedown run help"), "shakedown run help", "a file of that name");
    }
}

//! Standard output and error, without panics on a closed pipe.

use std::io::{self, IsTerminal as _, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::sync::{Arc, OnceLock};

use nix::fcntl::{FcntlArg, OFlag};

use crate::cli::ColorChoice;
use crate::model::visible::visible_on_terminal;
use crate::report::style::{self, Style};

/// Where text for people goes.
#[derive(Clone, Debug)]
pub struct Terminal {
    when: ColorChoice,
    verbose: bool,
    /// Whether text for standard output is dropped.
    muted: bool,
    /// Why text for standard output was lost, shared by every copy.
    lost: Arc<OnceLock<String>>,
}

impl Terminal {
    pub(super) fn new(when: ColorChoice, verbose: bool) -> Self {
        Self { when, verbose, muted: false, lost: Arc::default() }
    }

    /// The same terminal without text on standard output, for who prints the result in another form.
    pub(super) fn muted(&self) -> Self {
        Self { muted: true, ..self.clone() }
    }

    /// Writes to stdout. `head` closing the pipe is no error of ours.
    pub(super) fn out(&self, text: &str) {
        if self.muted {
            return;
        }
        let mut out = io::stdout().lock();
        match out.write_all(visible_on_terminal(text).as_bytes()).and_then(|()| out.flush()) {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
                let _ = self.lost.set(error.to_string());
            }
            _ => {}
        }
    }

    /// Why text for standard output was lost, such as a full disk.
    pub(super) fn lost(&self) -> Option<&str> {
        self.lost.get().map(String::as_str)
    }

    /// Lets `fill` write to stdout.
    #[expect(clippy::unused_self, reason = "the terminal is handed to whoever may print")]
    pub(super) fn out_with(&self, fill: impl FnOnce(&mut dyn io::Write) -> io::Result<()>) -> io::Result<()> {
        stdout_open()?;
        let mut out = io::BufWriter::new(io::stdout().lock());
        fill(&mut out)?;
        out.flush()
    }

    /// Writes to stderr.
    #[expect(clippy::unused_self, reason = "the terminal is handed to whoever may print")]
    pub(super) fn err(&self, text: &str) {
        let _ = io::stderr().lock().write_all(visible_on_terminal(text).as_bytes());
    }

    /// Colours and detail of text on stdout.
    pub(super) fn style(&self) -> Style {
        let terminal = io::stdout().is_terminal();
        self.style_of(terminal, width(terminal, io::stdout()))
    }

    /// Colours for text on stderr.
    pub(super) fn style_err(&self) -> Style {
        let terminal = io::stderr().is_terminal();
        self.style_of(terminal, width(terminal, io::stderr()))
    }

    fn style_of(&self, terminal: bool, width: Option<usize>) -> Style {
        let ascii = !style::utf8(|name| std::env::var(name).ok());
        Style { color: self.colored(terminal), verbose: self.verbose, ascii, width }
    }

    fn colored(&self, terminal: bool) -> bool {
        match self.when {
            ColorChoice::Always => true,
            ColorChoice::Never => false,
            ColorChoice::Auto => terminal && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty()),
        }
    }

    /// Whether a bar can be drawn.
    pub(super) fn interactive() -> bool {
        io::stderr().is_terminal() && std::env::var_os("CI").is_none()
    }
}

/// Columns of a line: those of the terminal, else those that `COLUMNS` asks for.
fn width(terminal: bool, stream: impl std::os::fd::AsFd) -> Option<usize> {
    let size = terminal.then(|| terminal_size::terminal_size_of(stream)).flatten();
    size.map(|(columns, _)| usize::from(columns.0))
        .or_else(|| std::env::var("COLUMNS").ok()?.parse().ok())
        .filter(|width| *width >= 40)
}

/// An error when the program was started without standard output. Rust's runtime has put `/dev/null` in its place by then, open
/// to read and write, where every byte is lost without an error; `>/dev/null`, lost on purpose, is open to write only.
pub(super) fn stdout_open() -> io::Result<()> {
    let null = std::fs::metadata("/dev/null").map_or(0, |null| null.rdev());
    let device = nix::sys::stat::fstat(io::stdout()).is_ok_and(|stdout| null != 0 && stdout.st_rdev == null);
    let flags = nix::fcntl::fcntl(io::stdout(), FcntlArg::F_GETFL).unwrap_or(0);
    if device && flags & OFlag::O_ACCMODE.bits() == OFlag::O_RDWR.bits() {
        return Err(io::Error::other("it is closed"));
    }
    Ok(())
}

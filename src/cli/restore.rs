//! `shakedown restore`.

use std::path::PathBuf;

use clap::Args;

/// Where journals are.
#[derive(Args, Clone, Debug, Default)]
pub struct JournalArgs {
    /// Folder for the journals of what is broken on purpose; it must outlive a reboot, which /tmp does not on many hosts [default: /var/lib/shakedown/journal
    /// for root, else ~/.local/state/shakedown/journal].
    #[arg(long, value_name = "DIR", env = "SHAKEDOWN_JOURNAL", hide_env_values = true)]
    pub journal: Option<PathBuf>,
}

impl JournalArgs {
    /// The same as words of a command line; none where the environment says it.
    #[must_use]
    pub fn words(&self) -> Vec<String> {
        let known = std::env::var_os("SHAKEDOWN_JOURNAL");
        let folder = self.journal.iter().filter(|folder| known.as_deref() != Some(folder.as_os_str()));
        let folder = folder.map(|folder| folder.display().to_string());
        folder.flat_map(|folder| ["--journal".to_owned(), folder]).collect()
    }
}

/// Arguments of `restore`.
#[derive(Args, Clone, Debug, Default)]
pub struct RestoreArgs {
    /// Only list what is open: check, target, time, and whether its guard still lives.
    #[arg(long, conflicts_with = "dry_run")]
    pub list: bool,
    /// Print the commands that would run, in order, and change nothing.
    #[arg(long)]
    pub dry_run: bool,
    /// Where journals are.
    #[command(flatten)]
    pub journal: JournalArgs,
}

//! The programs that change this host: `ip`, `nft` and `systemctl`, each with a limit in time and of output, and with no secret in its
//! arguments.

use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use nix::unistd::{AccessFlags, access};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::process::{Child, ChildStdin, Command};
use tokio::time::timeout;

use crate::model::human_time;
use crate::model::shell;

/// None of them waits for anybody but the kernel.
const LIMIT: Duration = Duration::from_secs(20);
/// Bytes of output that are kept at most.
const MOST: usize = 16 << 20;
/// Bytes of what it says about an error.
const SAID: u64 = 2048;
/// Where they are when the variable PATH does not say so: that of a plain user leaves these out.
const FOLDERS: [&str; 3] = ["/usr/sbin", "/sbin", "/usr/local/sbin"];

/// Programs, and the package that has each.
const PACKAGES: [(&str, &str); 4] =
    [("ip", "iproute2"), ("nft", "nftables"), ("systemctl", "systemd"), ("ssh", "openssh-client")];

/// One command line.
#[derive(Clone, Debug)]
pub(super) struct Tool {
    words: Vec<String>,
    input: String,
}

impl Tool {
    /// `ip`, in the network namespace of that name.
    pub(super) fn ip(netns: Option<&str>) -> Self {
        let inside = netns.iter().flat_map(|name| ["-n", name]);
        Self::of("ip").args(inside)
    }

    /// `nft`, in the network namespace of that name.
    pub(super) fn nft(netns: Option<&str>) -> Self {
        match netns {
            Some(name) => Self::of("ip").args(["netns", "exec", name, "nft"]),
            None => Self::of("nft"),
        }
    }

    /// `systemctl`.
    pub(super) fn systemctl() -> Self {
        Self::of("systemctl")
    }

    fn of(program: &str) -> Self {
        Self { words: vec![program.to_owned()], input: String::new() }
    }

    /// The same with these arguments behind the others.
    pub(super) fn args<'a>(mut self, words: impl IntoIterator<Item = &'a str>) -> Self {
        self.words.extend(words.into_iter().map(str::to_owned));
        self
    }

    /// The same with this as its standard input.
    pub(super) fn input(self, input: String) -> Self {
        Self { input, ..self }
    }

    /// As one would type it.
    pub(super) fn shell_text(&self) -> String {
        self.words.iter().map(|word| shell::word(word)).collect::<Vec<_>>().join(" ")
    }

    /// What it prints; `Err` says why it failed.
    pub(super) async fn output(&self) -> Result<String, String> {
        self.lines(|_| true).await.map(|lines| lines.join("\n"))
    }

    /// Runs it for what it does.
    pub(super) async fn run(&self) -> Result<(), String> {
        self.lines(|_| false).await.map(drop)
    }

    /// The lines of what it prints that `keep` wants.
    pub(super) async fn lines(&self, keep: impl Fn(&str) -> bool) -> Result<Vec<String>, String> {
        let failed = |why: String| format!("`{}`: {why}", self.shell_text());
        let mut child = self.spawn().map_err(&failed)?;
        let ended = timeout(LIMIT, self.talk(&mut child, keep)).await;
        let (lines, said, status) =
            ended.map_err(|_| failed(format!("not done within {}, killed", human_time(LIMIT))))?.map_err(&failed)?;
        if status.success() { Ok(lines) } else { Err(failed(failure(status, said.trim()))) }
    }

    fn spawn(&self) -> Result<Child, String> {
        let (program, arguments) = self.words.split_first().ok_or("the command is empty")?;
        let mut command = Command::new(find(program)?);
        // Words of its own language are looked for in what it prints.
        command.args(arguments).env("LC_ALL", "C").kill_on_drop(true);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.spawn().map_err(|error| format!("could not start: {error}"))
    }

    async fn talk(
        &self,
        child: &mut Child,
        keep: impl Fn(&str) -> bool,
    ) -> Result<(Vec<String>, String, ExitStatus), String> {
        let (Some(input), Some(output), Some(error)) = (child.stdin.take(), child.stdout.take(), child.stderr.take())
        else {
            return Err("it has no pipes".into());
        };
        let read = async {
            let (mut lines, mut bytes) = (Vec::new(), 0);
            let mut output = BufReader::new(output).lines();
            while let Some(line) = output.next_line().await.map_err(|error| error.to_string())? {
                if keep(&line) {
                    bytes += line.len() + 1;
                    lines.push(line);
                }
                if bytes > MOST {
                    return Err(format!("it printed more than {MOST} bytes"));
                }
            }
            Ok(lines)
        };
        let mut said = String::new();
        let mut error = error.take(SAID);
        // What it says beyond that is read and thrown away, so that it does not wait for a reader.
        let say = async {
            let _ = error.read_to_string(&mut said).await;
            let _ = tokio::io::copy(error.get_mut(), &mut tokio::io::sink()).await;
        };
        let ((), lines, ()) = tokio::join!(feed(input, &self.input), read, say);
        let status = child.wait().await.map_err(|error| error.to_string())?;
        Ok((lines?, said, status))
    }
}

/// A program that ends without reading to the end says why by its status.
async fn feed(mut input: ChildStdin, text: &str) {
    let _ = input.write_all(text.as_bytes()).await;
}

fn failure(status: ExitStatus, said: &str) -> String {
    let end = status.code().map_or_else(|| status.to_string(), |code| format!("exit status {code}"));
    if said.is_empty() {
        end
    } else {
        said.lines().map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join("; ")
    }
}

/// Where the program is.
pub(super) fn find(program: &str) -> Result<PathBuf, String> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain(FOLDERS.map(PathBuf::from));
    let mut files = folders.map(|folder| folder.join(program));
    files.find(|file| file.is_file() && access(file, AccessFlags::X_OK).is_ok()).ok_or_else(|| {
        let package = PACKAGES.iter().find(|(name, _)| *name == program).map_or(program, |(_, package)| package);
        format!("there is no program `{program}` on this host: install the package {package}")
    })
}

/// Whether each of these programs is there.
pub(super) fn installed(programs: &[&str]) -> Result<(), String> {
    programs.iter().try_for_each(|program| find(program).map(drop))
}

#[cfg(test)]
mod tests {
    use super::{Tool, find, installed};

    #[test]
    fn a_missing_program_is_named_with_its_package() {
        assert!(find("sh").unwrap().is_absolute());
        assert!(installed(&["sh"]).is_ok());
        let missing = find("no-such-program-anywhere").unwrap_err();
        assert!(missing.contains("there is no program `no-such-program-anywhere`"), "{missing}");
    }

    #[test]
    fn a_command_is_shown_as_one_would_type_it() {
        assert_eq!(Tool::ip(Some("a b")).args(["link", "show"]).shell_text(), "ip -n 'a b' link show");
        assert_eq!(Tool::nft(Some("a")).args(["-f", "-"]).shell_text(), "ip netns exec a nft -f -");
        assert_eq!(Tool::nft(None).shell_text(), "nft");
    }

    #[tokio::test]
    async fn lines_are_kept_and_an_error_says_what_the_program_said() {
        let shell = |script: &str| Tool::of("sh").args(["-c", script]);
        assert_eq!(shell("cat; echo b; echo c").input("a\n".into()).output().await.unwrap(), "a\nb\nc");
        let kept = shell("echo a; echo b").lines(|line| line == "b").await.unwrap();
        assert_eq!(kept, ["b"]);
        let error = shell("head -c 100000 /dev/zero | tr '\\0' x >&2; exit 3").run().await.unwrap_err();
        assert!(error.ends_with(&"x".repeat(2048)) && error.len() < 2200, "{}", error.len());
        let error = shell("exit 3").run().await.unwrap_err();
        assert!(error.ends_with(": exit status 3"), "{error}");
        assert!(shell("yes").output().await.unwrap_err().contains("more than"));
    }
}

//! A family costs its folder and one line. A copy of the project gets a family it did not know, and everything that lists
//! families follows from the registry.

#![allow(clippy::unwrap_used, clippy::expect_used)] // a test that panics is a test that fails

use std::collections::BTreeMap;
use std::fs;
use std::net::UdpSocket;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// The name of the program in the copy, so that building it leaves the one under test alone.
const PROGRAM: &str = "shakedown-with-ntp";
/// Parts of the project a build reads.
const PARTS: &[&str] = &["src", "benches", "fuzz", "suites", "Cargo.toml", "Cargo.lock", "clippy.toml"];

/// A copy of the project with one more family.
struct Copy {
    folder: PathBuf,
    program: PathBuf,
}

impl Copy {
    fn build() -> Self {
        let project = Path::new(env!("CARGO_MANIFEST_DIR"));
        // `target/debug/deps/new_family-…`: the copy shares the built dependencies, and lives beside them.
        let target = std::env::current_exe().unwrap().ancestors().nth(3).unwrap().to_owned();
        let folder = target.join("new-family");
        for part in PARTS {
            mirror(&project.join(part), &folder.join(part));
        }
        let before = files(&folder);
        add_family(&folder);
        count_changes(&before, &files(&folder));
        let manifest = folder.join("Cargo.toml");
        let text = fs::read_to_string(&manifest).unwrap();
        let renamed = text.replacen("[[bin]]\nname = \"shakedown\"", &format!("[[bin]]\nname = \"{PROGRAM}\""), 1);
        let renamed = renamed.replacen("default-run = \"shakedown\"", &format!("default-run = \"{PROGRAM}\""), 1);
        assert_ne!(text, renamed, "the program of the copy has a name of its own");
        write(&manifest, renamed);
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let mut build = Command::new(cargo);
        build.args(["build", "--quiet", "--offline", "--locked", "--bin", PROGRAM]).current_dir(&folder);
        let built = build.env("CARGO_TARGET_DIR", &target).output().unwrap();
        assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
        Self { program: target.join("debug").join(PROGRAM), folder }
    }

    fn run(&self, args: &[&str]) -> (i32, String) {
        let Output { status, stdout, stderr } =
            Command::new(&self.program).args(args).current_dir(&self.folder).output().unwrap();
        (status.code().unwrap_or(-1), String::from_utf8(stdout).unwrap() + &String::from_utf8(stderr).unwrap())
    }
}

/// The folder, and one line in the registry.
fn add_family(folder: &Path) {
    let template = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/new_family/ntp");
    mirror(&template, &folder.join("src/checks/ntp"));
    let registry = folder.join("src/checks/mod.rs");
    let text = fs::read_to_string(&registry).unwrap();
    write(&registry, text.replacen("families! {\n", "families! {\n    ntp::Ntp,\n", 1));
}

/// Besides the new folder one file differs, by one line.
fn count_changes(before: &BTreeMap<PathBuf, Vec<u8>>, after: &BTreeMap<PathBuf, Vec<u8>>) {
    let outside = after.iter().filter(|(path, _)| !path.starts_with("src/checks/ntp"));
    let changed: Vec<_> = outside.filter(|(path, content)| before.get(*path) != Some(*content)).collect();
    let lines = |content: &[u8]| content.split(|byte| *byte == b'\n').count();
    let [(path, content)] = changed.as_slice() else {
        panic!("files changed besides the folder: {:?}", changed.iter().map(|(path, _)| path).collect::<Vec<_>>());
    };
    assert_eq!(path.as_path(), Path::new("src/checks/mod.rs"));
    assert_eq!(lines(content), lines(&before[*path]) + 1);
}

/// Copies a file or a folder; what is already the same keeps its time, so that a second build has little to do.
fn mirror(from: &Path, to: &Path) {
    if from.is_dir() {
        fs::create_dir_all(to).unwrap();
        let kept: Vec<_> = fs::read_dir(from).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        for entry in fs::read_dir(to).unwrap().map(Result::unwrap).filter(|entry| !kept.contains(&entry.file_name())) {
            let path = entry.path();
            if path.is_dir() { fs::remove_dir_all(path).unwrap() } else { fs::remove_file(path).unwrap() }
        }
        for name in &kept {
            mirror(&from.join(name), &to.join(name));
        }
    } else {
        write(to, fs::read(from).unwrap());
    }
}

fn write(path: &Path, content: impl AsRef<[u8]>) {
    if !fs::read(path).is_ok_and(|there| there == content.as_ref()) {
        fs::write(path, content).unwrap();
    }
}

/// Every file below `folder`, by its path from there.
fn files(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut out = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for path in fs::read_dir(next).unwrap().map(|entry| entry.unwrap().path()) {
            if path.is_dir() {
                folders.push(path);
            } else {
                out.insert(path.strip_prefix(folder).unwrap().to_owned(), fs::read(&path).unwrap());
            }
        }
    }
    out
}

/// A time server that answers every request with this stratum; it ends with the test.
fn time_server(stratum: u8) -> u16 {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let port = socket.local_addr().unwrap().port();
    std::thread::spawn(move || {
        let mut packet = [0; 512];
        while let Ok((length, client)) = socket.recv_from(&mut packet) {
            let origin: [u8; 8] = packet[40..48].try_into().unwrap();
            packet[0] = 0x24;
            packet[1] = stratum;
            packet[24..32].copy_from_slice(&origin);
            let _ = socket.send_to(&packet[..length], client);
        }
    });
    port
}

#[test]
fn a_family_costs_its_folder_and_one_line() {
    let copy = Copy::build();

    let (code, text) = copy.run(&["plan", "src/checks/ntp/example.yaml"]);
    assert!(code == 0 && text.contains("ntp"), "{text}");
    let (code, text) = copy.run(&["explain", "ntp"]);
    assert!(code == 0 && text.contains("stratum") && text.contains("outcome: answered"), "{text}");
    let (_, text) = copy.run(&["explain"]);
    assert!(text.contains("NTP: a time server"), "{text}");
    let (_, schema) = copy.run(&["schema", "suite"]);
    assert!(schema.contains("\"ntp.expect\"") && schema.contains("\"ntp.baseline\""), "the schema knows the family");
    let (_, text) = copy.run(&["explain", "failover"]);
    assert!(text.contains(", ntp") || text.contains("ntp,"), "failover asks it too: {text}");

    let port = time_server(2);
    let (code, text) = copy.run(&["probe", "ntp", &format!("127.0.0.1:{port}")]);
    assert!(code == 0, "a server that is synchronised passes: {text}");
    let port = time_server(16);
    let (code, text) = copy.run(&["probe", "ntp", &format!("127.0.0.1:{port}")]);
    assert!(code == 1 && text.contains("the server follows no clock"), "its own advice is shown: {text}");
}

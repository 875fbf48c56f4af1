//! The documentation: every page is rendered, every link followed, every example planned, parsed or run.

#![allow(clippy::unwrap_used, clippy::expect_used)] // a test that panics is a test that fails

mod commands;
mod explain;
mod links;
mod manual;
mod operators;
mod picture;
mod rendering;
mod shown;
#[path = "../skips/mod.rs"]
mod skips;
mod suites;

use std::path::{Path, PathBuf};
use std::process::Command;

use pulldown_cmark::{CodeBlockKind, Event, Options, Parser, Tag, TagEnd};

/// A page of the repository.
struct Page {
    /// Its path from the root of the repository.
    path: String,
    text: String,
}

/// A fenced block of a page.
struct Block {
    /// Its language.
    language: String,
    text: String,
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every page there is, sorted by path.
fn pages() -> Vec<Page> {
    /// Not ours: what is built, and other checkouts.
    const NOT_HERE: [&str; 4] = ["target", ".git", "fuzz/target", "reports/runs"];
    let (mut out, mut folders) = (Vec::new(), vec![PathBuf::new()]);
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(root().join(&folder)).unwrap() {
            let entry = entry.unwrap();
            let path = folder.join(entry.file_name());
            let name = path.to_str().unwrap().to_owned();
            if entry.file_type().unwrap().is_dir() {
                if !NOT_HERE.contains(&&*name) {
                    folders.push(path);
                }
            } else if path.extension().is_some_and(|extension| extension == "md") {
                out.push(Page { text: std::fs::read_to_string(entry.path()).unwrap(), path: name });
            }
        }
    }
    out.sort_by(|a, b| a.path.cmp(&b.path));
    assert!(out.len() > 20, "only {} pages were found", out.len());
    out
}

impl Page {
    fn events(&self) -> Parser<'_> {
        Parser::new_ext(&self.text, Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH)
    }

    fn blocks(&self) -> Vec<Block> {
        let (mut out, mut open) = (Vec::new(), None);
        for event in self.events() {
            match event {
                Event::Start(Tag::CodeBlock(CodeBlockKind::Fenced(language))) => {
                    open = Some(Block { language: language.to_string(), text: String::new() });
                }
                Event::Text(text) => {
                    if let Some(block) = &mut open {
                        block.text += &text;
                    }
                }
                Event::End(TagEnd::CodeBlock) => out.extend(open.take()),
                _ => {}
            }
        }
        out
    }

    /// The files that it shows, with their names: `<!-- file: NAME -->` and a block.
    fn files(&self) -> Vec<(&str, &str)> {
        let marked = self.text.split("<!-- file: ").skip(1);
        let file = |rest: &'_ str| -> Option<(usize, usize, usize)> {
            let (name, block) = rest.split_once(" -->\n```")?;
            let start = name.len() + " -->\n```".len() + block.find('\n')? + 1;
            Some((name.len(), start, start + rest[start..].find("\n```")? + 1))
        };
        marked.filter_map(|rest| file(rest).map(|(name, start, end)| (&rest[..name], &rest[start..end]))).collect()
    }

    /// Its headings with their levels, as plain text.
    fn headings(&self) -> Vec<(u8, String)> {
        let (mut out, mut open): (Vec<(u8, String)>, bool) = (Vec::new(), false);
        for event in self.events() {
            match event {
                Event::Start(Tag::Heading { level, .. }) => {
                    open = true;
                    out.push((level as u8, String::new()));
                }
                Event::End(TagEnd::Heading(_)) => open = false,
                Event::Text(text) | Event::Code(text) if open => out.last_mut().unwrap().1 += &text,
                _ => {}
            }
        }
        out
    }

    /// The first whole suite it shows.
    fn suite(&self) -> Option<String> {
        let found =
            self.blocks().into_iter().find(|block| block.language == "yaml" && block.text.starts_with("version:"));
        found.map(|block| block.text)
    }
}

/// The program in a folder, with nothing from the environment of the tests.
fn shakedown(folder: &Path, args: &[&str]) -> (i32, String, String) {
    shakedown_with(folder, args, &[])
}

/// The same with some variables.
fn shakedown_with(folder: &Path, args: &[&str], vars: &[(&str, &str)]) -> (i32, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_shakedown"));
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("SHAKEDOWN_")) {
        command.env_remove(name);
    }
    command.args(args).current_dir(folder).env_remove("CI").env_remove("COLUMNS").envs(vars.iter().copied());
    let output = command.output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap_or(-1), text(output.stdout), text(output.stderr))
}

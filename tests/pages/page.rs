//! A page: its blocks, and what the comment above each says is to be done with it.
//!
//! - `<!-- file: NAME -->`: the block is written to this file.
//! - `<!-- run: STATE; exit: 0; shows: CASE FACT VALUE; says: TEXT -->`: a console block. Its `$` lines are run with the servers in
//!   this state; `$ #` is where the change happens, and the state begins there. `exit` has the code of the last command, or of each.
//! - `<!-- pipeline: STATE; exit: 0 -->`: a job of a CI system, of which the lines that call `shakedown` are run.
//! - `<!-- probes: STATE; exit: 0 -->`: a table, of which the commands in the last column are run.
//! - `<!-- checks: STATE; exit: 0 -->`: a table, of which what stands in the last column is a check (its family, its `expect`).

use std::path::{Path, PathBuf};

use super::claims::Claims;

/// Of a block without a comment above it.
const UNMARKED: &str = "a block without a comment that names its scenario";

/// What a block is for.
#[derive(Clone, Debug)]
pub enum Role {
    /// A file with this name.
    File(String),
    /// Commands and their output.
    Run(Claims),
    /// A job of a CI system.
    Pipeline(Claims),
    /// A table of commands.
    Probes(Claims),
    /// A table of checks.
    Checks(Claims),
}

/// Lines of a page, and what they are for.
#[derive(Clone, Debug)]
pub struct Block {
    pub role: Role,
    /// Numbers of its lines, without fences.
    pub lines: std::ops::Range<usize>,
}

pub struct Page {
    pub path: PathBuf,
    pub text: String,
    pub blocks: Vec<Block>,
    /// Only blocks with a comment are played.
    pub in_part: bool,
    /// Blocks without a comment above them, and comments that say nothing known.
    pub problems: Vec<String>,
}

impl Page {
    pub fn read(path: &Path) -> Self {
        let text = std::fs::read_to_string(path).unwrap();
        let (blocks, problems) = blocks(&text);
        Self { path: path.to_owned(), text, blocks, problems, in_part: false }
    }

    /// A page beside the how-tos, of which only the blocks with a comment are played.
    pub fn in_part(path: &Path) -> Self {
        let mut page = Self::read(path);
        page.in_part = true;
        page.problems.retain(|problem| !problem.ends_with(UNMARKED));
        page
    }

    /// The commands that the answer names in its sentences, with the number of the line: what a reader types first. Those with a
    /// word to fill in (`FILE`) are none.
    pub fn first_commands(&self) -> Vec<(usize, String)> {
        let code = regex::Regex::new("`(shakedown [^`]+)`").unwrap();
        let (mut fenced, mut out) = (false, Vec::new());
        let answer = self.text.lines().take_while(|line| !line.starts_with("## A good run"));
        for (at, line) in answer.enumerate() {
            fenced ^= line.starts_with("```");
            if fenced || line.starts_with('|') {
                continue;
            }
            for found in code.captures_iter(line) {
                let words: Vec<&str> = found[1].split_whitespace().collect();
                let blank = |word: &&str| word.len() > 1 && word.chars().all(|c| c.is_ascii_uppercase() || c == '=');
                if words.len() > 2 && !words.iter().any(blank) {
                    out.push((at + 1, found[1].to_owned()));
                }
            }
        }
        out
    }

    /// The commands that its console blocks run.
    pub fn run_commands(&self) -> Vec<String> {
        self.text.lines().filter_map(|line| line.strip_prefix("$ ")).map(str::to_owned).collect()
    }

    pub fn name(&self) -> String {
        self.path.file_stem().unwrap().to_string_lossy().into_owned()
    }

    pub fn lines(&self, block: &Block) -> Vec<String> {
        self.text.lines().skip(block.lines.start).take(block.lines.len()).map(str::to_owned).collect()
    }

    /// Every exit code the page claims.
    pub fn exits(&self) -> impl Iterator<Item = i32> {
        self.blocks.iter().flat_map(|block| match &block.role {
            Role::Run(claims) | Role::Pipeline(claims) | Role::Probes(claims) | Role::Checks(claims) => {
                claims.exits.clone()
            }
            Role::File(_) => Vec::new(),
        })
    }
}

fn blocks(text: &str) -> (Vec<Block>, Vec<String>) {
    let lines: Vec<&str> = text.lines().collect();
    let (mut blocks, mut problems) = (Vec::new(), Vec::new());
    let mut comment: Option<&str> = None;
    let mut at = 0;
    while at < lines.len() {
        let line = lines[at];
        if let Some(inner) = line.strip_prefix("<!-- ").and_then(|rest| rest.strip_suffix(" -->")) {
            comment = Some(inner);
            at += 1;
        } else if line.starts_with("```") {
            let end = (at + 1..lines.len()).find(|end| lines[*end].starts_with("```")).expect("a fence that ends");
            let role = comment.take().ok_or_else(|| UNMARKED.to_owned()).and_then(role);
            match role {
                Ok(role) => blocks.push(Block { role, lines: at + 1..end }),
                Err(why) => problems.push(format!("line {}: {why}", at + 1)),
            }
            at = end + 1;
        } else if line.starts_with('|')
            && comment.is_some_and(|comment| comment.starts_with("probes:") || comment.starts_with("checks:"))
        {
            let end = (at..lines.len()).find(|end| !lines[*end].starts_with('|')).unwrap_or(lines.len());
            match role(comment.take().unwrap()) {
                // Without its head and the line below.
                Ok(role) => blocks.push(Block { role, lines: at + 2..end }),
                Err(why) => problems.push(format!("line {}: {why}", at + 1)),
            }
            at = end;
        } else {
            if !line.is_empty() {
                comment = None;
            }
            at += 1;
        }
    }
    (blocks, problems)
}

fn role(comment: &str) -> Result<Role, String> {
    let (word, rest) = comment.split_once(": ").ok_or_else(|| format!("`{comment}` is no scenario"))?;
    match word {
        "file" => Ok(Role::File(rest.to_owned())),
        "run" => Claims::parse(rest).map(Role::Run),
        "pipeline" => Claims::parse(rest).map(Role::Pipeline),
        "probes" => Claims::parse(rest).map(Role::Probes),
        "checks" => Claims::parse(rest).map(Role::Checks),
        _ => Err(format!("`{word}` is no scenario")),
    }
}

//! What a page claims of a run, and whether it is so.

use serde_json::Value;

/// `STATE; exit: 1; shows: CASE FACT VALUE, CASE FACT VALUE; says: TEXT`. With `; varies`, the output need not be the one shown.
#[derive(Clone, Debug)]
pub struct Claims {
    /// How the servers are.
    pub state: String,
    /// Exit codes: of the last command, or of each.
    pub exits: Vec<i32>,
    /// Case, fact (or `verdict`) and what its value holds.
    shows: Vec<[String; 3]>,
    /// What the output says.
    says: Vec<String>,
    /// The output is an example: other numbers lead to other lines.
    pub varies: bool,
}

impl Claims {
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut parts = text.split("; ");
        let mut claims = Self {
            state: parts.next().unwrap_or_default().to_owned(),
            exits: Vec::new(),
            shows: Vec::new(),
            says: Vec::new(),
            varies: false,
        };
        for part in parts {
            if part == "varies" {
                claims.varies = true;
                continue;
            }
            let (word, rest) = part.split_once(": ").ok_or_else(|| format!("`{part}` claims nothing"))?;
            match word {
                "exit" => {
                    let codes =
                        rest.split(' ').map(|code| code.parse().map_err(|_| format!("`{code}` is no exit code")));
                    claims.exits = codes.collect::<Result<_, _>>()?;
                }
                "shows" => {
                    for one in rest.split(", ") {
                        let words: Vec<&str> = one.splitn(3, ' ').collect();
                        let [case, fact, value] = words[..] else {
                            return Err(format!("`{one}` is no CASE FACT VALUE"));
                        };
                        claims.shows.push([case, fact, value].map(str::to_owned));
                    }
                }
                "says" => claims.says.push(rest.to_owned()),
                _ => return Err(format!("`{word}` is no claim")),
            }
        }
        if claims.exits.is_empty() {
            return Err("no `exit:`".to_owned());
        }
        Ok(claims)
    }

    /// What of it is not so. `codes` are those of the commands, `report` is the last one written.
    pub fn wrong(&self, codes: &[i32], output: &str, report: Option<&Value>) -> Vec<String> {
        let mut wrong = Vec::new();
        let wanted = match &self.exits[..] {
            [last] => vec![0; codes.len() - 1].into_iter().chain([*last]).collect(),
            each => each.to_vec(),
        };
        if wanted != codes {
            wrong.push(format!("exit codes {codes:?} instead of {wanted:?}"));
        }
        wrong.extend(
            self.says.iter().filter(|text| !output.contains(*text)).map(|text| format!("does not say `{text}`")),
        );
        for [case, fact, value] in &self.shows {
            let shown = shown(report, case, fact);
            if !shown.contains(value) {
                wrong.push(format!("{case} {fact} is `{shown}`, not `{value}`"));
            }
        }
        wrong
    }
}

/// A fact of a case of the report, as text; its verdict or reason by that name.
fn shown(report: Option<&Value>, case: &str, fact: &str) -> String {
    let checks = report.and_then(|report| report["checks"].as_array()).into_iter().flatten();
    let Some(check) = checks.into_iter().find(|check| check["id"] == case) else { return "no such case".to_owned() };
    let value = match fact {
        "verdict" | "reason" => &check[fact],
        _ => &check["facts"][fact],
    };
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

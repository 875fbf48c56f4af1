//! Patterns of ids and names.

/// A pattern with `*` and `?`.
#[derive(Clone, Debug)]
pub struct Glob(Vec<char>);

impl std::str::FromStr for Glob {
    type Err = std::convert::Infallible;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(Self(text.chars().collect()))
    }
}

impl std::fmt::Display for Glob {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|c| write!(f, "{c}"))
    }
}

impl Glob {
    /// Whether the whole of `text` matches.
    #[must_use]
    pub fn matches(&self, text: &str) -> bool {
        let text: Vec<char> = text.chars().collect();
        // Greedy with one point of return: linear in practice, never exponential.
        let (mut p, mut t, mut star, mut mark) = (0, 0, None, 0);
        while t < text.len() {
            match self.0.get(p) {
                Some('*') => {
                    star = Some(p);
                    mark = t;
                    p += 1;
                }
                Some(c) if *c == '?' || *c == text[t] => {
                    p += 1;
                    t += 1;
                }
                _ => match star {
                    Some(s) => {
                        p = s + 1;
                        mark += 1;
                        t = mark;
                    }
                    None => return false,
                },
            }
        }
        self.0[p..].iter().all(|c| *c == '*')
    }
}

#[cfg(test)]
mod tests {
    use super::Glob;

    #[test]
    fn globs_match_whole_names() {
        for (glob, text, want) in [
            ("vip-*", "vip-tcp", true),
            ("vip-*", "a-vip-tcp", false),
            ("*tcp[family=ipv?]", "vip-tcp[family=ipv4]", true),
            ("edge/*", "edge/vip", true),
            ("a*b*c", "aXbYbZc", true),
            ("a*b*c", "aXbY", false),
            ("", "", true),
            ("*", "", true),
        ] {
            let glob: Glob = glob.parse().unwrap();
            assert_eq!(glob.matches(text), want, "{glob:?} {text}");
        }
    }
}

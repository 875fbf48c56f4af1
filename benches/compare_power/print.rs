//! Tables, and the bounds that must hold.

use crate::tally::Share;

/// Normal quantile of a two-sided 99.9 % interval.
const Z_999: f64 = 3.290_527;

/// The bound of a share, per cent.
#[derive(Clone, Copy, Debug)]
pub enum Limit {
    /// Not shown to be above: the lower end of its Wilson interval is at most this. The interval is that of 99.9 %: some
    /// 250 bounds are held at once, and of the 95 % intervals a few miss by chance.
    AtMost(f64),
    /// Measured at least this.
    AtLeast(f64),
    /// Measured between these.
    Within(f64, f64),
}

impl Limit {
    fn holds(self, share: Share) -> bool {
        match self {
            Self::AtMost(most) => share.wilson_at(Z_999)[0] <= most,
            Self::AtLeast(least) => share.percent() >= least,
            Self::Within(least, most) => (least..=most).contains(&share.percent()),
        }
    }

    fn shown(self) -> String {
        match self {
            Self::AtMost(most) => format!("at most {most} %"),
            Self::AtLeast(least) => format!("at least {least} %"),
            Self::Within(least, most) => format!("{least} to {most} %"),
        }
    }
}

/// The printed figures, held against the promised ones.
#[derive(Default)]
pub struct Report {
    held: u32,
    broken: Vec<String>,
}

impl Report {
    /// Holds a share against its limit.
    pub fn bound(&mut self, cell: &str, what: &str, share: Share, limit: Limit) {
        if limit.holds(share) {
            self.held += 1;
        } else {
            let [low, high] = share.wilson();
            let (percent, limit) = (share.percent(), limit.shown());
            self.broken.push(format!("{cell}: {what} {percent:.1} % ({low:.1} to {high:.1}), wanted {limit}"));
        }
    }

    /// Prints what held and what did not; true when all held.
    pub fn finish(&self) -> bool {
        println!("\n{} bounds hold, {} are broken", self.held, self.broken.len());
        for broken in &self.broken {
            println!("  {broken}");
        }
        self.broken.is_empty()
    }
}

/// A share with its Wilson interval.
pub fn cell(share: Share) -> String {
    let [low, high] = share.wilson();
    format!("{:.1} ({low:.1}-{high:.1})", share.percent())
}

/// A share alone.
pub fn bare(share: Share) -> String {
    format!("{:.1}", share.percent())
}

/// Prints a table in Markdown.
pub fn table(title: &str, head: &[&str], rows: &[Vec<String>]) {
    println!("\n### {title}\n");
    println!("| {} |", head.join(" | "));
    println!("|{}", "---|".repeat(head.len()));
    for row in rows {
        println!("| {} |", row.join(" | "));
    }
}

//! The steps as a suite writes them.

use regex::{Regex, RegexBuilder};

use crate::checks::shared::payload::bytes_of;
use crate::checks::tcp::fields::{self, Addresses, DIALOGUE, LIMIT};
use crate::model::argument::choices;
use crate::model::expectation::domain;
use crate::model::table::fields;
use crate::model::{Args, Field, FieldKind, Invalid, Text};
use crate::net::bytes::quoted;

/// Most steps of a dialogue.
const MOST_STEPS: usize = 32;
/// Largest compiled pattern, bytes.
const LARGEST_PATTERN: usize = 1 << 20;

choices! {
    /// How a side of the connection ends.
    pub(super) enum CloseSide {
        Write = "write",
        Peer = "peer",
    }
}

// One step of a dialogue.
fields! { pub(in crate::checks::tcp) STEP;
    const SEND: Field<Option<Text>> = Field::optional("send", FieldKind::Text, "Text to send, with its line end (`\\r\\n`).");
    const SEND_HEX: Field<Option<Text>> = Field::optional("send_hex", FieldKind::Text, "Bytes to send, in hexadecimal.");
    const EXPECT: Field<Option<Text>> =
        Field::optional("expect", FieldKind::Text, "Text to wait for.");
    const EXPECT_HEX: Field<Option<Text>> = Field::optional("expect_hex", FieldKind::Text, "Bytes to wait for, in hexadecimal.");
    const MATCHES: Field<Option<Text>> =
        Field::optional("matches", FieldKind::Text, "Regular expression of a line to wait for.");
    const UNLESS: Field<Option<Text>> = Field::optional(
        "unless",
        FieldKind::Text,
        "Beside `matches`: regular expression of a line that is a `mismatch` at once.",
    );
    const CLOSE: Field<Option<CloseSide>> =
        Field::optional_choice("close", "End this side's sending (`write`), or wait until the server closes (`peer`).");
}

/// Fields of a step that say what it does.
const ACTIONS: [&str; 6] =
    [EXPECT.name(), EXPECT_HEX.name(), MATCHES.name(), SEND.name(), SEND_HEX.name(), CLOSE.name()];

/// What a step does.
pub(super) enum StepAction {
    Send(Vec<u8>),
    /// Waits for bytes, which are told as this text.
    Expect(Vec<u8>, String),
    Match(LinePattern),
    CloseSide(CloseSide),
}

/// Which line a step waits for.
pub(super) struct LinePattern {
    pub(super) matches: Regex,
    pub(super) unless: Option<Regex>,
    shown: String,
}

impl StepAction {
    /// Whether it waits for words of the peer.
    pub(super) const fn reads(&self) -> bool {
        matches!(self, Self::Expect(..) | Self::Match(_))
    }

    /// What it waits for, for people.
    pub(super) fn wanted(&self) -> &str {
        match self {
            Self::Expect(_, shown) => shown,
            Self::Match(pattern) => &pattern.shown,
            Self::Send(_) | Self::CloseSide(CloseSide::Write) => "to send all of it",
            Self::CloseSide(CloseSide::Peer) => "the end of the connection",
        }
    }
}

/// The steps, and what they share.
pub(in crate::checks::tcp) struct Dialogue {
    pub(super) actions: Vec<StepAction>,
    pub(super) limit: usize,
    /// Texts of the peer may have an echo of a secret, so they are not cut within a line.
    pub(super) holds_secret: bool,
}

impl Dialogue {
    /// `None` where a check has none.
    pub(in crate::checks::tcp) fn from_args(args: &Args) -> Result<Option<Self>, Invalid> {
        if !args.given(&DIALOGUE) {
            return Ok(None);
        }
        stands_alone(args)?;
        let steps = args.get(&DIALOGUE);
        if steps.is_empty() || steps.len() > MOST_STEPS {
            let message = format!("a dialogue has 1 to {MOST_STEPS} steps, and this one {}", steps.len());
            return Err(DIALOGUE.invalid(message, "write `dialogue: [{expect: TEXT}, {send: TEXT}]`"));
        }
        let mut actions = Vec::with_capacity(steps.len());
        for (number, step) in (1..).zip(&steps) {
            let at = |(message, help): (String, &str)| DIALOGUE.invalid(format!("step {number}: {message}"), help);
            actions.push(action(step).map_err(at)?);
        }
        in_order(&actions)?;
        Ok(Some(Self { actions, limit: args.get(&LIMIT), holds_secret: args.holds_secret() }))
    }

    /// Whether this side ends its sending in it.
    pub(in crate::checks::tcp) fn half_closes(args: &Args) -> bool {
        args.get(&DIALOGUE).iter().any(|step| step.get(&CLOSE) == Some(CloseSide::Write))
    }

    /// How many times it waits for the peer, at most: for each step, and for the end.
    pub(in crate::checks::tcp) fn waits(&self) -> u32 {
        u32::try_from(self.actions.len()).unwrap_or(u32::MAX).saturating_add(1)
    }
}

/// What a dialogue takes the place of.
fn stands_alone(args: &Args) -> Result<(), Invalid> {
    let fields = [&fields::SEND, &fields::SEND_HEX, &fields::EXPECT, &fields::EXPECT_HEX];
    if let Some(field) = fields.into_iter().find(|field| args.given(*field)) {
        let name = field.name();
        let message = format!("`dialogue` and `{name}` exclude each other");
        return Err(DIALOGUE.invalid(message, format!("make it a step: `- {name}: …`")));
    }
    if args.get(&fields::BANNER) {
        let message = "`dialogue` and `banner` exclude each other";
        return Err(DIALOGUE.invalid(message, "make the greeting the first step: `- expect: TEXT`"));
    }
    if args.get(&fields::HALF_CLOSE) {
        let message = "`dialogue` and `half_close` exclude each other";
        return Err(DIALOGUE.invalid(message, "make it a step: `- close: write`"));
    }
    if args.get(&fields::ADDRESSES) == Addresses::All {
        let message = "a dialogue is with one address, not with all of them";
        return Err(DIALOGUE.invalid(message, "leave `addresses` out, and write a check for each address"));
    }
    Ok(())
}

fn action(step: &Args) -> Result<StepAction, (String, &'static str)> {
    const ONE: &str = "write each as a step of its own: `- expect: …`, `- send: …`";
    let written: Vec<&str> = ACTIONS.into_iter().filter(|name| step.0.contains_key(name)).collect();
    match written.as_slice() {
        [] => return Err(("it does nothing".to_owned(), "write `expect`, `matches`, `send` or `close`")),
        [_] => {}
        several => return Err((format!("it has {} at once", several.join(" and ")), ONE)),
    }
    if step.given(&UNLESS) && !step.given(&MATCHES) {
        return Err(("`unless` stands beside `matches` alone".to_owned(), "write `matches`, too"));
    }
    if let Some(close) = step.get(&CLOSE) {
        return Ok(StepAction::CloseSide(close));
    }
    if let Some(text) = step.get(&MATCHES) {
        let unless = step.get(&UNLESS).map(|text| pattern(&text)).transpose()?;
        let shown = format!("a line that matches `{text}`");
        return Ok(StepAction::Match(LinePattern { matches: pattern(&text)?, unless, shown }));
    }
    let bytes = match (bytes_of(step, &SEND, &SEND_HEX)?, bytes_of(step, &EXPECT, &EXPECT_HEX)?) {
        (None, None) => return Err(("it does nothing".to_owned(), ONE)),
        (Some(bytes), _) | (None, Some(bytes)) => bytes,
    };
    if bytes.is_empty() {
        return Err(("it is empty".to_owned(), "write at least one byte"));
    }
    Ok(match (step.get(&EXPECT), step.get(&EXPECT_HEX)) {
        (Some(text), _) => StepAction::Expect(bytes, quoted(text.shown().as_bytes())),
        (None, Some(hex)) => StepAction::Expect(bytes, format!("the bytes {hex}")),
        (None, None) => StepAction::Send(bytes),
    })
}

fn pattern(text: &Text) -> Result<Regex, (String, &'static str)> {
    // A secret, and a value that another check captures, is no pattern.
    let source = text.with_secrets(regex::escape);
    match RegexBuilder::new(&source).size_limit(LARGEST_PATTERN).build() {
        Ok(regex) if domain::matches_anything(&regex) => {
            Err((format!("`{text}` matches anything"), "write a pattern that some lines do not match"))
        }
        Ok(regex) => Ok(regex),
        Err(_) => Err((
            format!("`{text}` is not a regular expression"),
            "put `\\` before signs that stand for themselves, or wait for the text as it is: `expect`",
        )),
    }
}

/// Steps that cannot come after others, and a dialogue to which no answer is needed.
fn in_order(actions: &[StepAction]) -> Result<(), Invalid> {
    let position = |close: CloseSide| {
        actions.iter().position(|action| matches!(action, StepAction::CloseSide(at) if *at == close))
    };
    let (write, peer) = (position(CloseSide::Write), position(CloseSide::Peer));
    if peer.is_some_and(|at| at + 1 < actions.len()) {
        return Err(DIALOGUE.invalid("nothing can follow `close: peer`", "make it the last step"));
    }
    let after = |action: &StepAction| matches!(action, StepAction::Send(_) | StepAction::CloseSide(CloseSide::Write));
    if write.is_some_and(|at| actions.iter().skip(at + 1).any(after)) {
        return Err(DIALOGUE.invalid("nothing can be sent after `close: write`", "send all before it"));
    }
    if !actions.iter().any(StepAction::reads) && write.is_none() && peer.is_none() {
        return Err(DIALOGUE.invalid("it waits for nothing, so nobody has to answer", "add a step `- expect: TEXT`"));
    }
    Ok(())
}

//! Profiles of a check: which ones the suite names, and what became of them as facts.

#[cfg(test)]
mod tests;

use tokio::io::AsyncReadExt;
use tokio::sync::OnceCell;

use crate::model::table::{facts, fields};
use crate::model::typed::Form;
use crate::model::{Args, Fact, Fault, Field, FieldKind, Invalid, Text, Value};
use crate::probe::Cx;
use crate::proto::tls::profile::{BUILT_IN, Profile, ServerProperties, Status, built_in, evaluate};

/// Most bytes of a profile.
const MOST: u64 = 1024 * 1024;
/// Most lines of evidence for each profile.
const MAX_NOTES: usize = 6;

fields! { pub FIELDS;
    /// Profiles of a check that knows what a server offers.
    pub const PROFILES: Field<Vec<Text>> = Field::optional(
        "profiles",
        FieldKind::List(&FieldKind::FileOr(BUILT_IN)),
        "Profiles to check the server against: built in, or TOML files of your own.",
    );
}

const BROKEN_RULE: &str =
    "each breach names the rule and its source: change the server's configuration, or choose another profile";

facts! { pub FACTS;
    const PROFILE: Fact<Value> = Fact::object(
        "profile",
        "For each profile of `profiles`: compliant, breached, or undecided if no rule is known to be broken but not everything was seen.",
    )
    .form(Form::Words(&["compliant", "breached", "undecided"]))
    .on_breach(BROKEN_RULE);
    const BREACHES: Fact<Vec<String>> = Fact::list(
        "profile.breaches",
        "Every rule that is broken: the profile, what was seen, what is required, and where the document says so.",
    )
    .on_breach(BROKEN_RULE);
    const UNDECIDED: Fact<Vec<String>> =
        Fact::list("profile.undecided", "Every rule that could not be decided, and why.").on_breach(BROKEN_RULE);
    const VERSIONS: Fact<Vec<String>> =
        Fact::list("profile.versions", "Name and version of each profile, and the document it follows.")
            .on_breach(BROKEN_RULE);
}

/// The profiles a suite names. Files are read at the first use, so that a plan can be printed where they are not.
#[derive(Debug)]
pub struct Profiles {
    named: Vec<ProfileSource>,
    loaded: OnceCell<Vec<Profile>>,
}

#[derive(Debug, PartialEq, Eq)]
enum ProfileSource {
    BuiltIn(&'static str),
    File(Text),
}

impl Profiles {
    /// From the field `profiles`.
    pub fn from_args(args: &Args) -> Result<Self, Invalid> {
        let texts = args.get(&PROFILES);
        if args.given(&PROFILES) && texts.is_empty() {
            return Err(PROFILES.invalid("the list is empty", format!("name one of {}", BUILT_IN.join(", "))));
        }
        let mut named = Vec::new();
        for text in texts {
            let one = match BUILT_IN.iter().find(|known| ***known == *text) {
                Some(known) => ProfileSource::BuiltIn(known),
                None => ProfileSource::File(text.clone()),
            };
            if named.contains(&one) {
                return Err(PROFILES.invalid(format!("`{text}` is in it twice"), "name each profile once"));
            }
            named.push(one);
        }
        Ok(Self { named, loaded: OnceCell::new() })
    }

    /// None is named.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.named.is_empty()
    }

    /// Reads the files; what was read is kept, a failure is not.
    pub async fn load(&self) -> Result<&[Profile], Fault> {
        let load = async || {
            let mut out: Vec<Profile> = Vec::new();
            for named in &self.named {
                let (profile, place) = match named {
                    ProfileSource::BuiltIn(name) => {
                        (read(built_in(name).unwrap_or_default(), name)?, (*name).to_owned())
                    }
                    ProfileSource::File(path) => (read(&file(path).await?, path.shown())?, path.to_string()),
                };
                if out.iter().any(|other| other.name == profile.name) {
                    let detail = format!("a profile called `{}` is there already", profile.name);
                    return Err(fault(&place, detail, "give each profile a name of its own"));
                }
                out.push(profile);
            }
            Ok(out)
        };
        self.loaded.get_or_try_init(load).await.map(Vec::as_slice)
    }

    /// Evaluates `properties` by every profile, and records the facts.
    pub async fn record(&self, cx: &mut Cx<'_>, properties: &ServerProperties) -> Result<(), Fault> {
        let profiles = self.load().await?;
        if profiles.is_empty() {
            return Ok(());
        }
        let (mut statuses, mut breaches, mut undecided) = (serde_json::Map::new(), Vec::new(), Vec::new());
        for profile in profiles {
            let verdict = evaluate(profile, properties);
            statuses.insert(profile.name.clone(), Value::from(verdict.status.word()));
            let lines = if verdict.status == Status::Breached { &verdict.breaches } else { &verdict.undecided };
            for line in lines.iter().take(MAX_NOTES) {
                cx.note(line.clone());
            }
            breaches.extend(verdict.breaches);
            undecided.extend(verdict.undecided);
        }
        cx.set(&PROFILE, Value::Object(statuses));
        cx.set(&BREACHES, breaches);
        cx.set(&UNDECIDED, undecided);
        let titles = profiles.iter().map(|profile| format!("{} ({})", profile.title(), profile.source));
        cx.set(&VERSIONS, titles.collect::<Vec<_>>());
        Ok(())
    }
}

fn read(text: &str, place: &str) -> Result<Profile, Fault> {
    Profile::parse(text, place).map_err(|why| {
        fault(place, why, "see the built-in ones for a pattern: `shakedown explain tls` names their rules")
    })
}

async fn file(path: &Text) -> Result<String, Fault> {
    let place = path.to_string();
    let remedy =
        "check its permissions, and the path, which is relative to the file that names it or to the working directory";
    let broken = |error: std::io::Error| fault(&place, error.to_string(), remedy);
    let mut text = String::new();
    let opened = tokio::fs::File::open(path).await.map_err(broken)?;
    opened.take(MOST + 1).read_to_string(&mut text).await.map_err(broken)?;
    if text.len() as u64 > MOST {
        return Err(fault(&place, format!("more than {MOST} bytes"), "name a profile in TOML"));
    }
    Ok(text)
}

fn fault(place: &str, detail: impl Into<String>, remedy: &str) -> Fault {
    Fault::local("load a TLS profile", place, detail, remedy)
}

//! The words behind `probe`, read as what they mean wherever that is known.

use std::net::IpAddr;

use super::credentials;
use super::options::{self, Row};
use crate::app::adhoc::{key_and_value, listing};
use crate::model::interface::address_and_zone;
use crate::model::{FieldKind, corrections};
use crate::probe::{Family, Synonyms, plain};
use crate::proto::dns::name;

/// Options that mean the same to every tool, for families that have the field.
const OF_ALL: &[Row] = &[("-4", "ip_version=ipv4"), ("-6", "ip_version=ipv6"), ("-v", ""), ("--", "")];
/// Our own options.
#[rustfmt::skip]
const WITH_VALUE: &[&str] = &["-e", "--expect", "-H", "--header", "--secret", "--color"];
const ALONE: &[&str] = &["-v", "-vv", "--verbose", "-h", "--help"];
/// The server that a command names where only its port was typed.
const SERVER: &str = "192.0.2.53";

/// Why a line has no command that says the same.
pub(super) enum LineError {
    /// This word has no meaning here.
    At(String),
    /// The reason, for people.
    Because(String),
}

/// What was read of a command line.
#[derive(Default)]
pub(super) struct Line {
    /// What was strange, in order.
    pub(super) wrong: Vec<String>,
    /// What is asked.
    pub(super) target: Option<String>,
    /// What is to be known of the command.
    pub(super) note: Option<String>,
    fields: Vec<(String, String)>,
    /// Fields that hold unless the line says otherwise.
    otherwise: Vec<(String, String)>,
    own: Vec<String>,
    /// The scheme or port that the name of the tool stands for.
    scheme: Option<&'static str>,
    port: Option<&'static str>,
}

impl Line {
    /// What the name of a tool says beside the family: `ping6`, `ssh`, `mx`, `https`.
    pub(super) fn said_by_name(&mut self, family: &Family, name: &str) {
        let fields = family.synonyms.said_by(name).into_iter().flatten();
        self.otherwise.extend(fields.map(|(key, value)| (key.to_owned(), value.to_owned())));
        let name = plain(name);
        self.scheme = (family.target_field.0 == "url" && name == "https").then_some("https://");
        self.port = corrections::port_named(&name).filter(|_| family.target_field.1.is_some());
    }

    /// Reads the words behind the family.
    pub(super) fn read(&mut self, family: &Family, words: Vec<&String>) -> Result<(), LineError> {
        let mut rest = words.into_iter().peekable();
        while let Some(word) = rest.next() {
            let name = word.split('=').next().unwrap_or_default();
            if word == "--" {
                continue;
            }
            if ALONE.contains(&word.as_str()) {
                self.own.push(word.clone());
            } else if WITH_VALUE.contains(&name) {
                let value = match word.split_once('=') {
                    Some((_, value)) => value.to_owned(),
                    None => rest.next().ok_or_else(|| LineError::At(word.clone()))?.clone(),
                };
                self.own_option(name, &value);
            } else if word.starts_with(['-', '+']) && word.len() > 1 {
                let found = options::find(&[family.synonyms.options, OF_ALL], word, &mut rest)
                    .ok_or_else(|| LineError::At(word.clone()))?;
                for option in found {
                    self.wrong.push(format!("`{}` is no option of `probe`", option.name));
                    self.option(family, option.instead, option.value.as_deref().unwrap_or_default())?;
                }
            } else if let Some(server) = word.strip_prefix('@') {
                let field = listing::server_field(family).ok_or_else(|| LineError::At(word.clone()))?;
                self.wrong.push("a server is a field".to_owned());
                self.fields.push((field.to_owned(), server.to_owned()));
            } else if let Some((key, value)) = key_and_value(word) {
                self.field(family, key, value)?;
            } else {
                self.bare(family, word)?;
            }
        }
        self.finish(family)
    }

    fn own_option(&mut self, name: &str, value: &str) {
        let mut value = value.to_owned();
        if matches!(name, "-H" | "--header")
            && let Some((header, content)) = value.split_once(':')
            && credentials::is_credential(header)
            && !content.contains("${")
        {
            let variable = self.secret(header);
            value = format!("{}: ${{{variable}}}", header.trim());
        }
        self.own.extend([name.to_owned(), value]);
    }

    /// What an option says here.
    fn option(&mut self, family: &Family, instead: &str, value: &str) -> Result<(), LineError> {
        if let Some(why) = instead.strip_prefix('!') {
            return Err(LineError::Because(format!("{}; {why}", self.wrong.last().cloned().unwrap_or_default())));
        }
        if let Some(expected) = instead.strip_prefix("-e=") {
            self.own.extend(["-e".to_owned(), expected.to_owned()]);
            return Ok(());
        }
        for piece in instead.split(' ').filter(|piece| !piece.is_empty()) {
            let (piece, implied) = piece.strip_prefix('?').map_or((piece, false), |piece| (piece, true));
            let said = placed(piece, value).ok_or_else(|| LineError::At(value.to_owned()))?;
            match said.split_once('=').filter(|_| piece.contains('=')) {
                Some((key, value)) if implied => self.otherwise.push((key.to_owned(), value.to_owned())),
                Some((key, value)) => self.field(family, key, value)?,
                None => self.target = Some(said),
            }
        }
        Ok(())
    }

    /// A field by our name for it, or by another.
    fn field(&mut self, family: &Family, key: &str, value: &str) -> Result<(), LineError> {
        let name = key.split('.').next().unwrap_or_default();
        if family.fields.iter().any(|field| field.name == name) || self.is_port_of_server(family, name) {
            self.fields.push((key.to_owned(), value.to_owned()));
            return Ok(());
        }
        let stop = || LineError::At(key.to_owned());
        let instead = Synonyms::find(family.synonyms.fields, key).ok_or_else(stop)?;
        if let Some(why) = instead.strip_prefix('!') {
            return Err(LineError::Because(format!("`{}` has no field `{key}`; {why}", family.name)));
        }
        self.wrong.push(format!("`{}` has no field `{key}`", family.name));
        match instead.split_once(": ") {
            None => self.fields.push((instead.to_owned(), value.to_owned())),
            // `headers: {User-Agent: NAME}`
            Some((field, map)) if map.starts_with('{') => {
                let below = map.trim_start_matches('{').split(':').next().ok_or_else(stop)?;
                self.fields.push((format!("{field}.{below}"), value.to_owned()));
            }
            // What is switched off is not said at all.
            Some(_) if corrections::flag(value) == Some("false") => {}
            Some((field, said)) => self.fields.push((field.to_owned(), said.to_owned())),
        }
        Ok(())
    }

    /// A word by itself: the target, the port behind it, or the value of a field that has such words.
    fn bare(&mut self, family: &Family, word: &str) -> Result<(), LineError> {
        let Some(target) = &self.target else {
            self.target = Some(word.to_owned());
            return Ok(());
        };
        let number = if word.parse::<u16>().is_ok() { Some(word) } else { corrections::port_named(word) };
        if let (Some(_), Some(number)) = (family.target_field.1, number)
            && !target.contains(':')
        {
            self.wrong.push("the port stands behind the host, with a colon".to_owned());
            self.target = Some(format!("{target}:{number}"));
            return Ok(());
        }
        // `host NAME SERVER`
        if let Some(field) = listing::server_field(family).filter(|_| word.contains(['.', ':'])) {
            self.wrong.push("a server is a field".to_owned());
            self.fields.push((field.to_owned(), word.to_owned()));
            return Ok(());
        }
        let meant = listing::field_of(family, word);
        match meant.split_once('=').filter(|(key, _)| key.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'))
        {
            Some((key, value)) => {
                self.wrong.push(format!("`{word}` is the value of a field"));
                self.fields.push((key.to_owned(), value.to_owned()));
                Ok(())
            }
            None => Err(LineError::At(word.to_owned())),
        }
    }

    /// A family without a port of its own has it in the server or the target.
    fn is_port_of_server(&mut self, family: &Family, name: &str) -> bool {
        if name != "port" || !(listing::server_field(family).is_some() || is_endpoint(family)) {
            return false;
        }
        self.wrong.push(format!("`{}` has no field `port`", family.name));
        true
    }

    /// What only the whole line tells: a port by its name, the scheme, the port of a server.
    fn finish(&mut self, family: &Family) -> Result<(), LineError> {
        if let Some(target) = &mut self.target {
            if let Some(scheme) = self.scheme.filter(|_| !target.contains("://")) {
                target.insert_str(0, scheme);
            }
            // `testssl.sh https://HOST/`
            if family.target_field.0 != "url"
                && !self.wrong.is_empty()
                && let Some((_, rest)) = target.split_once("://")
            {
                *target = rest.split(['/', '?', '#']).next().unwrap_or_default().to_owned();
            }
            if family.target_field.1.is_some() && !target.contains("://") {
                match target.rsplit_once(':') {
                    Some((host, name)) if !host.contains(':') => {
                        if let Some(number) = corrections::port_named(name) {
                            self.wrong.push(format!("`{name}` is no port number"));
                            *target = format!("{host}:{number}");
                        }
                    }
                    None => target.extend(self.port.iter().flat_map(|number| [":", number])),
                    _ => {}
                }
            }
        }
        if !family.fields.iter().any(|field| field.name == "port")
            && let Some(at) = self.fields.iter().position(|(key, _)| key == "port")
        {
            let (_, port) = self.fields.remove(at);
            match (listing::server_field(family), &mut self.target) {
                (Some(field), _) => match self.fields.iter_mut().find(|(key, _)| key == field) {
                    Some((_, server)) => *server = with_port(server, &port),
                    None => {
                        self.fields.push((field.to_owned(), with_port(SERVER, &port)));
                        self.note = Some(format!("{SERVER} stands for the server to ask."));
                    }
                },
                (None, Some(target)) => *target = with_port(target, &port),
                (None, None) => return Err(LineError::At("port".to_owned())),
            }
        }
        Ok(())
    }

    /// The words of the command, without the program; credentials are left out of it.
    pub(super) fn words(&mut self, family: &Family) -> Vec<String> {
        for (key, value) in std::mem::take(&mut self.otherwise) {
            if !self.fields.iter().any(|(known, _)| *known == key) {
                self.fields.push((key, value));
            }
        }
        let mut out = vec!["probe".to_owned(), family.name.to_owned()];
        let (main, _) = family.target_field;
        let needs = family.fields.iter().any(|field| field.name == main && field.required) || self.fields.is_empty();
        match &self.target {
            Some(target) => out.push(credentials::without(target)),
            None if needs && !self.fields.iter().any(|(key, _)| key == main) => {
                let given = |word: &&str| self.fields.iter().any(|(key, _)| word.split('=').next() == Some(key));
                let command = listing::command(family);
                out.extend(command.split(' ').skip(1).filter(|word| !given(word)).map(str::to_owned));
            }
            None => {}
        }
        // Said twice, the last one counts.
        let fields = std::mem::take(&mut self.fields);
        for (at, (key, value)) in fields.iter().enumerate() {
            if fields.iter().skip(at + 1).any(|(later, _)| later == key) {
                continue;
            }
            let last = key.rsplit('.').next().unwrap_or_default();
            let hidden = key.contains('.') && credentials::is_credential(last) || credentials::holds_credential(value);
            if hidden && !value.contains("${") {
                let variable = self.secret(last);
                out.push(format!("{key}=${{{variable}}}"));
            } else {
                out.push(format!("{key}={value}"));
            }
        }
        out.append(&mut self.own);
        out
    }

    /// The environment variable in place of a credential.
    fn secret(&mut self, name: &str) -> String {
        let letter = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' };
        let variable: String = name.trim().chars().map(letter).collect();
        if !self.own.contains(&variable) {
            self.own.extend(["--secret".to_owned(), variable.clone()]);
        }
        let basic = if variable == "AUTHORIZATION" {
            ", such as Basic and the base64 of USER:PASSWORD, or Bearer and the token"
        } else {
            ""
        };
        self.note = Some(format!("The environment variable {variable} holds what must not be shown{basic}."));
        variable
    }
}

/// A part of what stands in place of an option, with its value.
fn placed(piece: &str, value: &str) -> Option<String> {
    Some(match piece {
        // Many tools take either.
        "{source}={}" => {
            let value = value.trim_start_matches("if!").trim_start_matches("host!");
            let field = if value.parse::<IpAddr>().is_ok() { "source" } else { "interface" };
            format!("{field}={value}")
        }
        _ if piece.contains("{address}") => {
            let address = value.splitn(3, ':').nth(2).unwrap_or(value).trim_start_matches('[').trim_end_matches(']');
            piece.replace("{address}", address)
        }
        "{reverse}" => name::reverse(value.parse().ok()?),
        _ => piece.replace("{}", value).replace("{secret}", ""),
    })
}

fn is_endpoint(family: &Family) -> bool {
    let (main, _) = family.target_field;
    family.fields.iter().any(|field| field.name == main && matches!(field.kind, FieldKind::Endpoint))
}

/// An endpoint with this port, which replaces none.
fn with_port(host: &str, port: &str) -> String {
    match address_and_zone(host) {
        Some((IpAddr::V6(_), _)) => format!("[{host}]:{port}"),
        _ if host.contains(':') => host.to_owned(),
        _ => format!("{host}:{port}"),
    }
}

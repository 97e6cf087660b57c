//! Reads transcript files. The format is described at the top of this folder.

use std::time::Duration;

use thiserror::Error;

use super::script::{PASSWORD, bare_jid};
use super::tree;
use super::{
    Account, Action, Actor, Expected, Listener, Need, Pattern, PatternError, Restart, Room, Script,
    Sent, Step, Template, TemplateError,
};

/// Before elements that may come in any order.
const UNORDERED: &str = "unordered";

/// A file that cannot be read.
#[derive(Clone, Debug, Error)]
#[error("{script}:{line}: {problem}")]
pub struct ScriptError {
    /// The file.
    pub script: String,
    /// The line, from one.
    pub line: usize,
    /// What is wrong with it.
    pub problem: ScriptProblem,
}

/// What is wrong with a line.
#[derive(Clone, Debug, Error)]
pub enum ScriptProblem {
    /// The file does not say what it tests.
    #[error("there is no line such as \"spec xep-0280#outbound\"")]
    NoSpec,
    /// `spec` is there twice, or after something has happened.
    #[error("\"{0}\" stands once, before anything happens")]
    Misplaced(&'static str),
    /// The line begins with no known word and is no arrow.
    #[error("\"{0}\" is neither a known word nor followed by \"->\" or \"<-\"")]
    Unknown(String),
    /// An indented line belongs to nothing.
    #[error("this line is indented but nothing above takes it")]
    Stray,
    /// A word needs something after it.
    #[error("\"{0}\" needs something after it")]
    Incomplete(String),
    /// A session has no resource, or a transport has one.
    #[error("\"{0}\" is no session: write an account and a resource, such as romeo/orchard")]
    NoSession(String),
    /// A name that stands for a transport looks like a session.
    #[error("\"{0}\" is no name for a transport: leave out the slash")]
    NoTransport(String),
    /// A period of time cannot be read.
    #[error("\"{0}\" is no time; write such as \"5 min\" (ms, s, min, h, days)")]
    Time(String),
    /// An unknown word after a known one.
    #[error("\"{0}\" is not known here; possible are {1}")]
    Word(String, &'static str),
    /// What is expected are no elements.
    #[error("\"{0}\" is neither elements nor nothing, anything, closed or cut")]
    Expected(String),
    /// A quoted text of bytes cannot be read.
    #[error(
        "the quoted bytes end too early or have an unknown escape (\\n \\r \\t \\\\ \\\" \\xNN)"
    )]
    Bytes,
    /// A brace is wrong.
    #[error(transparent)]
    Template(#[from] TemplateError),
    /// An element is wrong.
    #[error("{0} in {1}")]
    Pattern(PatternError, String),
}

impl Script {
    /// Reads a transcript. `name` is what messages call it: its path.
    ///
    /// # Errors
    ///
    /// [`ScriptError`] for the first line that cannot be read.
    pub fn parse(name: &str, text: &str) -> Result<Self, ScriptError> {
        let mut script = Self {
            name: name.to_owned(),
            intent: String::new(),
            spec: String::new(),
            config: String::new(),
            needs: Vec::new(),
            steps: Vec::new(),
        };
        for block in blocks(text).map_err(|line| error(name, line, ScriptProblem::Stray))? {
            let line = block.line;
            script
                .add(block)
                .map_err(|problem| error(name, line, problem))?;
        }
        if script.spec.is_empty() {
            return Err(error(name, 1, ScriptProblem::NoSpec));
        }
        script.needs.sort_unstable();
        script.needs.dedup();
        Ok(script)
    }

    fn add(&mut self, block: Block<'_>) -> Result<(), ScriptProblem> {
        let (word, rest) = first_word(block.head);
        if let Some(comment) = block.head.strip_prefix('#') {
            if self.intent.is_empty() && self.steps.is_empty() {
                comment.trim().clone_into(&mut self.intent);
            }
            return Ok(());
        }
        let (arrow, after) = first_word(rest);
        if arrow == "->" || arrow == "<-" {
            let step = if arrow == "->" {
                Action::Send(actor(word)?, sent(after, &block)?)
            } else if word == "everyone" && after == "nothing" {
                Action::ExpectNothing
            } else {
                Action::Expect(actor(word)?, expected(after, &block)?)
            };
            self.push(&block, step);
            return Ok(());
        }
        if !matches!(word, "config" | "reload") && !block.body.is_empty() {
            return Err(ScriptProblem::Stray);
        }
        match word {
            "spec" => self.set_spec(rest),
            "only" => self.add_needs(rest),
            "config" => self.set_config(rest, &block),
            "reload" => {
                self.needs.push(Need::InProcess);
                self.push(&block, Action::Reload(toml(rest, &block)));
                Ok(())
            }
            _ => {
                let action = action(word, rest)?;
                self.needs.extend(need_of(&action));
                self.push(&block, action);
                Ok(())
            }
        }
    }

    fn push(&mut self, block: &Block<'_>, action: Action) {
        self.steps.push(Step {
            line: block.line,
            action,
        });
    }

    fn set_spec(&mut self, rest: &str) -> Result<(), ScriptProblem> {
        if !self.spec.is_empty() || !self.steps.is_empty() {
            return Err(ScriptProblem::Misplaced("spec"));
        }
        if rest.is_empty() {
            return Err(ScriptProblem::Incomplete("spec".to_owned()));
        }
        rest.clone_into(&mut self.spec);
        Ok(())
    }

    fn add_needs(&mut self, rest: &str) -> Result<(), ScriptProblem> {
        if !self.steps.is_empty() {
            return Err(ScriptProblem::Misplaced("only"));
        }
        for word in list("only", rest)? {
            let known = "stream, documents, in-process, couplet";
            let need =
                Need::named(word).ok_or_else(|| ScriptProblem::Word(word.to_owned(), known))?;
            self.needs.push(need);
        }
        Ok(())
    }

    fn set_config(&mut self, rest: &str, block: &Block<'_>) -> Result<(), ScriptProblem> {
        if !self.config.is_empty() || !self.steps.is_empty() {
            return Err(ScriptProblem::Misplaced("config"));
        }
        self.config = toml(rest, block);
        if self.config.is_empty() {
            return Err(ScriptProblem::Incomplete("config".to_owned()));
        }
        self.needs.push(Need::Config);
        Ok(())
    }
}

/// What stands behind a word and below it, as lines.
fn toml(rest: &str, block: &Block<'_>) -> String {
    let lines = [rest]
        .into_iter()
        .filter(|line| !line.is_empty())
        .chain(block.body.iter().copied());
    lines.map(|line| format!("{}\n", line.trim())).collect()
}

/// A line and the indented ones below it.
struct Block<'a> {
    line: usize,
    head: &'a str,
    body: Vec<&'a str>,
}

impl Block<'_> {
    /// `first` and the body as one line of XML: no white space between tags, one space elsewhere.
    fn joined(&self, first: &str) -> String {
        let mut text = String::new();
        for line in [first].into_iter().chain(self.body.iter().copied()) {
            let line = line.trim();
            let is_between_tags = text.ends_with('>') || line.starts_with('<');
            if !text.is_empty() && !line.is_empty() && !is_between_tags {
                text.push(' ');
            }
            text.push_str(line);
        }
        text
    }
}

/// Cuts the file into blocks; the error is the number of an indented line that belongs to none.
fn blocks(text: &str) -> Result<Vec<Block<'_>>, usize> {
    let mut blocks: Vec<Block<'_>> = Vec::new();
    for (index, raw) in text.lines().enumerate() {
        let line = index + 1;
        let trimmed = raw.trim();
        let is_indented = raw.starts_with([' ', '\t']);
        if trimmed.is_empty() || (is_indented && trimmed.starts_with('#')) {
            continue;
        }
        if !is_indented {
            blocks.push(Block {
                line,
                head: trimmed,
                body: Vec::new(),
            });
            continue;
        }
        match blocks.last_mut() {
            Some(block) if !block.head.starts_with('#') => block.body.push(trimmed),
            Some(_) | None => return Err(line),
        }
    }
    Ok(blocks)
}

fn action(word: &str, rest: &str) -> Result<Action, ScriptProblem> {
    Ok(match word {
        "account" => Action::Accounts(accounts(rest)?),
        "contacts" => Action::Contacts(list(word, rest)?.into_iter().map(bare_jid).collect()),
        "online" => Action::Online(sessions(word, rest)?),
        "connected" => Action::Connected(sessions(word, rest)?),
        "signed-in" => Action::SignedIn(sessions(word, rest)?),
        "stream" => stream(rest)?,
        "wait" => Action::Wait(time(rest)?),
        "server" => Action::Server(match rest {
            "restart" => Restart::InOrder,
            "kill" => Restart::Killed,
            "power-cut" => Restart::PowerCut,
            other => {
                return Err(ScriptProblem::Word(
                    other.to_owned(),
                    "restart, kill, power-cut",
                ));
            }
        }),
        "disk" => Action::Disk(match rest {
            "full" => Room::None,
            "free" => Room::Enough,
            other => return Err(ScriptProblem::Word(other.to_owned(), "full, free")),
        }),
        "metric" => match rest.rsplit_once(' ') {
            Some((sample, value)) => Action::Metric(sample.trim().to_owned(), value.to_owned()),
            None => return Err(ScriptProblem::Incomplete(word.to_owned())),
        },
        "command" if rest.is_empty() => return Err(ScriptProblem::Incomplete(word.to_owned())),
        "command" => Action::Command(Template::parse(rest)?),
        other => return Err(ScriptProblem::Unknown(other.to_owned())),
    })
}

const fn need_of(action: &Action) -> Option<Need> {
    match action {
        Action::Wait(_) => Some(Need::VirtualTime),
        Action::Disk(_) | Action::Metric(..) | Action::Stream(_, Listener::Early) => {
            Some(Need::InProcess)
        }
        Action::Server(Restart::PowerCut) => Some(Need::InProcess),
        Action::Server(_) => Some(Need::Restart),
        Action::Command(_) => Some(Need::Commands),
        _ => None,
    }
}

fn accounts(rest: &str) -> Result<Vec<Account>, ScriptProblem> {
    let mut accounts = Vec::new();
    for text in list("account", rest)? {
        let (name, rest) = first_word(text);
        let password = match first_word(rest) {
            ("", _) => PASSWORD,
            ("password", password) if !password.is_empty() => password,
            (other, _) => return Err(ScriptProblem::Word(other.to_owned(), "password and one")),
        };
        accounts.push(Account {
            jid: bare_jid(name),
            password: password.to_owned(),
        });
    }
    Ok(accounts)
}

fn sessions(word: &str, rest: &str) -> Result<Vec<Actor>, ScriptProblem> {
    let mut sessions = Vec::new();
    for name in list(word, rest)? {
        let session = actor(name)?;
        if session.full_jid().is_none() {
            return Err(ScriptProblem::NoSession(name.to_owned()));
        }
        sessions.push(session);
    }
    Ok(sessions)
}

fn stream(rest: &str) -> Result<Action, ScriptProblem> {
    let (name, listener) = first_word(rest);
    if name.is_empty() {
        return Err(ScriptProblem::Incomplete("stream".to_owned()));
    }
    if name.contains('/') {
        return Err(ScriptProblem::NoTransport(name.to_owned()));
    }
    let listener = match listener {
        "" => Listener::Plain,
        "tls" => Listener::Tls,
        "early" => Listener::Early,
        other => return Err(ScriptProblem::Word(other.to_owned(), "tls, early")),
    };
    Ok(Action::Stream(Actor::new(name), listener))
}

fn actor(name: &str) -> Result<Actor, ScriptProblem> {
    let is_broken = name.starts_with('/') || name.ends_with('/');
    if name.is_empty() || name == "everyone" || is_broken {
        return Err(ScriptProblem::NoSession(name.to_owned()));
    }
    Ok(Actor::new(name))
}

fn sent(first: &str, block: &Block<'_>) -> Result<Sent, ScriptProblem> {
    let text = block.joined(first);
    Ok(match text.as_str() {
        "" => return Err(ScriptProblem::Incomplete("->".to_owned())),
        "close" => Sent::Close,
        "cut" => Sent::Cut,
        "tls" => Sent::StartTls,
        quoted if quoted.starts_with('"') => Sent::Bytes(bytes(quoted)?),
        text => Sent::Text(Template::parse(text)?),
    })
}

fn expected(first: &str, block: &Block<'_>) -> Result<Expected, ScriptProblem> {
    let text = block.joined(first);
    Ok(match text.as_str() {
        "" => return Err(ScriptProblem::Incomplete("<-".to_owned())),
        "nothing" => Expected::Nothing,
        "anything" => Expected::Anything,
        "closed" => Expected::Closed,
        "cut" => Expected::Cut,
        text if text.starts_with(UNORDERED) => match text.trim_start_matches(UNORDERED) {
            "" => return Err(ScriptProblem::Incomplete(UNORDERED.to_owned())),
            elements => Expected::Unordered(patterns(elements)?),
        },
        text => Expected::InOrder(patterns(text)?),
    })
}

fn patterns(text: &str) -> Result<Vec<Pattern>, ScriptProblem> {
    let elements = match tree::elements(text) {
        Some(elements) if !elements.is_empty() => elements,
        Some(_) | None => return Err(ScriptProblem::Expected(text.to_owned())),
    };
    elements
        .into_iter()
        .map(|element| {
            Pattern::parse(element)
                .map_err(|fault| ScriptProblem::Pattern(fault, element.to_owned()))
        })
        .collect()
}

fn bytes(quoted: &str) -> Result<Vec<u8>, ScriptProblem> {
    let inner = quoted
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'));
    let mut rest = inner.ok_or(ScriptProblem::Bytes)?;
    let mut bytes = Vec::new();
    while let Some((before, after)) = rest.split_once('\\') {
        bytes.extend_from_slice(before.as_bytes());
        let mut chars = after.chars();
        let byte = match chars.next() {
            Some('n') => b'\n',
            Some('r') => b'\r',
            Some('t') => b'\t',
            Some('\\') => b'\\',
            Some('"') => b'"',
            Some('x') => {
                let digits = after.get(1..3).ok_or(ScriptProblem::Bytes)?;
                chars = after.get(3..).unwrap_or_default().chars();
                u8::from_str_radix(digits, 16).map_err(|_| ScriptProblem::Bytes)?
            }
            Some(_) | None => return Err(ScriptProblem::Bytes),
        };
        bytes.push(byte);
        rest = chars.as_str();
    }
    bytes.extend_from_slice(rest.as_bytes());
    Ok(bytes)
}

fn time(text: &str) -> Result<Duration, ScriptProblem> {
    let fail = || ScriptProblem::Time(text.to_owned());
    let (number, unit) = first_word(text);
    let number: u32 = number.parse().map_err(|_| fail())?;
    let unit = match unit {
        "ms" => Duration::from_millis(1),
        "s" => Duration::from_secs(1),
        "min" => Duration::from_secs(60),
        "h" => Duration::from_secs(3_600),
        "day" | "days" => Duration::from_secs(86_400),
        _ => return Err(fail()),
    };
    unit.checked_mul(number).ok_or_else(fail)
}

fn list<'a>(word: &str, rest: &'a str) -> Result<Vec<&'a str>, ScriptProblem> {
    let names: Vec<&str> = rest.split(',').map(str::trim).collect();
    if names.iter().any(|name| name.is_empty()) {
        return Err(ScriptProblem::Incomplete(word.to_owned()));
    }
    Ok(names)
}

fn first_word(text: &str) -> (&str, &str) {
    match text.split_once(char::is_whitespace) {
        Some((word, rest)) => (word, rest.trim()),
        None => (text, ""),
    }
}

fn error(script: &str, line: usize, problem: ScriptProblem) -> ScriptError {
    ScriptError {
        script: script.to_owned(),
        line,
        problem,
    }
}

#[cfg(test)]
#[path = "parse_tests.rs"]
mod tests;

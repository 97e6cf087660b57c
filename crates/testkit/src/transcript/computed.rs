//! What a client has to compute of what it received, in a transcript `{word argument argument}`: an argument is a name that
//! was captured, or else stands for itself.
//!
//! | text | value, base64 |
//! | --- | --- |
//! | `{token HT-SHA-256-NONE romeo t}` | the message that shows to have the token `{t}` |
//! | `{token-answer HT-SHA-256-NONE t}` | what shows that the server has it too |
//! | `{scram SCRAM-SHA-256 romeo}` | the first message of an exchange |
//! | `{scram-proof SCRAM-SHA-256 romeo secret c}` | what a client with this password answers to the challenge `{c}` |
//! | `{salted SHA-256 secret salt iterations}` | a password, salted as the server asks |
//!
//! A channel is bound to where the mechanism does, as transports in virtual time have it.

use sasl::{
    ChannelBinding, Hash, Mechanism, Nonce, Password, client,
    wire::{decode, encode},
};

use super::Captures;
use crate::world::EXPORTER;

/// The words, with how many arguments each has.
const WORDS: [(&str, usize); 5] = [
    ("token", 3),
    ("token-answer", 2),
    ("scram", 2),
    ("scram-proof", 4),
    ("salted", 4),
];

/// Something to compute.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Computed {
    word: &'static str,
    arguments: Vec<String>,
}

impl Computed {
    /// Reads what stands in the braces; nothing, when it does not begin with one of the words.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut words = text.split(' ');
        let first = words.next()?;
        let (word, count) = WORDS.into_iter().find(|(word, _)| *word == first)?;
        let arguments: Vec<String> = words.map(str::to_owned).collect();
        (arguments.len() == count).then_some(Self { word, arguments })
    }

    /// The value; nothing, when the arguments have none.
    pub(super) fn value(&self, captures: &Captures) -> Option<String> {
        let value = |argument: &str| captures.value(argument).unwrap_or(argument).to_owned();
        let arguments: Vec<String> = self.arguments.iter().map(|one| value(one)).collect();
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        match (self.word, arguments.as_slice()) {
            ("token", [name, username, token]) => {
                let mechanism = Mechanism::from_name(name)?;
                let binding = binding(mechanism);
                let message = client::token(mechanism, username, token, binding.as_ref());
                Some(encode(&message.ok()?))
            }
            ("token-answer", [name, token]) => {
                let mechanism = Mechanism::from_name(name)?;
                let binding = binding(mechanism);
                let answer = client::token_answer(mechanism, token, binding.as_ref());
                Some(encode(&answer.ok()?))
            }
            ("scram", [name, username]) => {
                let exchange = scram(name, username, "")?;
                Some(encode(&exchange.first()))
            }
            ("scram-proof", [name, username, password, challenge]) => {
                let mut exchange = scram(name, username, password)?;
                let answer = exchange.answer(&decode(challenge).ok()?);
                Some(encode(&answer.ok()?))
            }
            ("salted", [hash, password, salt, iterations]) => {
                let hash = Hash::from_name(hash)?;
                let password = Password::prepare(password).ok()?;
                let salt = decode(salt).ok()?;
                let iterations = iterations.parse().ok()?;
                Some(client::salted(hash, &password, &salt, iterations))
            }
            _ => None,
        }
    }
}

/// An exchange. Its nonce is the same each time: the server's half makes it a new one.
fn scram(name: &str, username: &str, password: &str) -> Option<client::Scram> {
    let mechanism = Mechanism::from_name(name)?;
    let nonce = Nonce::from_bytes(b"transcript");
    // Nothing is said of a password before the challenge.
    let password = if password.is_empty() { "-" } else { password };
    let binding = binding(mechanism);
    client::Scram::new(mechanism, username, password, &nonce, binding.as_ref()).ok()
}

fn binding(mechanism: Mechanism) -> Option<ChannelBinding> {
    let is_bound = mechanism.is_plus() || mechanism.name().ends_with("-EXPR");
    is_bound.then_some(ChannelBinding::Exporter(EXPORTER))
}

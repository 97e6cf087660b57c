//! Protocol tests as files: who sends what, who receives what, in the order of the page.
//!
//! ```text
//! # XEP-0280 §8: what I send on one device appears on my other devices.
//! spec     xep-0280#outbound
//! online   romeo/orchard, romeo/garden, juliet/balcony
//!
//! romeo/garden -> <iq type='set' id='on'><enable xmlns='urn:xmpp:carbons:2'/></iq>
//! romeo/garden <- <iq type='result' id='on'/>
//! ```
//!
//! # Lines
//!
//! A line that starts with `#` is a comment; the first says what the file shows. Indented lines belong to the line
//! above them. Names such as `romeo/orchard` stand for `romeo@example/orchard`; `romeo@other.example/orchard` is
//! written out.
//!
//! | line | meaning |
//! | --- | --- |
//! | `spec xep-0280#outbound` | the section under test; every file has one |
//! | `only stream` | plays only where this holds, see [`Need`] |
//! | `config` and indented TOML | the server's configuration, over that of the test bench |
//! | `account romeo, juliet` | these accounts exist, with the password `secret`; being `online` or `connected` implies it |
//! | `account romeo password pencil` | the same with another password |
//! | `contacts romeo, juliet` | each sees the presence of every other |
//! | `online romeo/orchard` | signs in, binds, sends presence; then everything that anybody received is put aside |
//! | `connected romeo/orchard` | signs in and binds, no more |
//! | `signed-in romeo/orchard` | signs in and binds nothing: to resume a session, with whatever resource |
//! | `stream raw`, `stream raw tls` | opens a transport, plain or with TLS from the start, and sends nothing |
//! | `stream raw early` | the same with TLS, and what it sends next comes before its handshake is over; plays in process only |
//! | `romeo/orchard -> <message .../>` | sends this; several elements, or a part of one, are fine |
//! | `raw -> "\x00<\n"` | sends these bytes |
//! | `romeo/orchard -> close` | ends its stream as its framing asks |
//! | `romeo/orchard -> cut` | its transport breaks without a word |
//! | `raw -> tls` | starts TLS on a plain transport, or ends the handshake of one that is `early` |
//! | `romeo/orchard <- <message .../>` | receives this next; several elements come in this order |
//! | `romeo/orchard <- unordered <a/><b/>` | receives these next, in any order |
//! | `romeo/orchard <- nothing` | when all has settled, nothing has come |
//! | `everyone <- nothing` | the same for all |
//! | `romeo/orchard <- anything` | when all has settled, what came is put aside |
//! | `romeo/orchard <- closed` | the server has ended the stream |
//! | `romeo/orchard <- cut` | the server has dropped the transport |
//! | `wait 5 min` | time passes (`ms`, `s`, `min`, `h`, `days`); plays in virtual time only |
//! | `server restart`, `server kill` | the server stops in order, or at once, and starts again on the same data |
//! | `server power-cut` | the server is killed with its machine, which then starts anew; plays in process only |
//! | `disk full`, `disk free` | the disk refuses every write from now on, or takes them again; plays in process only |
//! | `metric couplet_sign_ins_total{mechanism="PLAIN"} 2` | when all has settled, the server's metrics say this; plays in process only |
//! | `reload` and indented TOML | the configuration is this one from now on; plays in process only |
//! | `command user delete romeo@example` | the operator gives this command; a text of several words stands in double quotes |
//!
//! # Matching
//!
//! Elements match as trees. The order of attributes and of children, namespace prefixes and white space between
//! elements do not count. A child or an attribute too many fails; but on the received element itself, `from`, `to`,
//! `id` and `xml:lang` are free where the file does not name them.
//!
//! In texts and attribute values, `{name}` takes what it finds the first time and must equal it from then on, also in
//! what is sent later; `{}` matches anything; `{absent}` as an attribute's whole value says that it is not there;
//! `{...}` as an element's text lets it have more children and any text. `{{` is a brace. What a client computes of what
//! it received is written `{token HT-SHA-256-NONE romeo t}` and the like, see `computed.rs`.
//!
//! [`Script::parse`] reads a file, [`play`] plays it on any [`Actors`].

mod actors;
mod computed;
mod failure;
mod framing;
mod parse;
mod pattern;
mod player;
mod script;
mod template;
mod tree;
mod words;

pub use actors::{Actors, Received, Restart, Room, SignIn};
pub use failure::{Failure, Problem};
pub use framing::as_documents;
pub use parse::{ScriptError, ScriptProblem};
pub use pattern::{Mismatch, Pattern, PatternError};
pub use player::{Outcome, play};
pub use script::{Account, Action, Actor, Expected, Listener, Need, Script, Sent, Step};
pub use template::{Captures, Template, TemplateError};
pub use words::words;

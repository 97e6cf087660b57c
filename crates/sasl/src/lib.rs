//! # SASL, the server's side
//!
//! SCRAM with SHA-1, SHA-256 and SHA-512 ([RFC 5802], [RFC 7677]), each also with channel binding
//! ([RFC 9266] `tls-exporter`, [RFC 5929] `tls-server-end-point`), PLAIN ([RFC 4616]), EXTERNAL
//! ([RFC 4422 appendix A]) and ANONYMOUS ([RFC 4505]), as XMPP uses them ([RFC 6120 §6]); HT with SHA-256 and SHA-512
//! ([draft-schmaus-kitten-sasl-ht-09]) for tokens that were given out before ([XEP-0484]). SCRAM tells the client what was
//! offered ([XEP-0474]), and keys for another hash can be made of what a client salts itself ([XEP-0480]).
//!
//! No I/O, no clock, no randomness: bytes come in and a [`Step`] goes out. Where an exchange needs what
//! only its caller knows, it returns [`Step::Ask`] and waits to be answered:
//!
//! ```
//! use sasl::{Ask, Credentials, Exchange, FakeCredentials, Hash, ITERATIONS_DEFAULT, Mechanism, Nonce,
//!     Offer, Step};
//!
//! let offer = Offer::new(vec![Mechanism::ScramSha256], vec![]);
//! let mechanism = offer.choose("SCRAM-SHA-256")?;
//! let mut exchange = Exchange::new(mechanism, &offer, Nonce::from_bytes(&[7; 18]));
//!
//! let step = exchange.start(Some(b"n,,n=juliet,r=fyko+d2lbbFgONRv9qkxdawL"));
//! let Step::Ask(Ask::Credentials { username, hash, .. }) = step else { panic!("{step:?}") };
//!
//! // An unknown name gets keys that look like anybody's and that no password opens.
//! let fake = FakeCredentials::new([1; 32]).for_name(&username, hash, ITERATIONS_DEFAULT);
//! let step = exchange.credentials(Credentials::refused(fake));
//! assert!(matches!(step, Step::Challenge(_)));
//! # Ok::<(), sasl::SaslFailure>(())
//! ```
//!
//! What is stored of a password is [`ScramKeys`] only. Whether an account is unknown, disabled, or the
//! password wrong cannot be told from bytes, steps or work: all three are `not-authorized` at the same step.
//!
//! [RFC 4422 appendix A]: https://www.rfc-editor.org/rfc/rfc4422#appendix-A
//! [RFC 4505]: https://www.rfc-editor.org/rfc/rfc4505
//! [RFC 4616]: https://www.rfc-editor.org/rfc/rfc4616
//! [RFC 5802]: https://www.rfc-editor.org/rfc/rfc5802
//! [RFC 5929]: https://www.rfc-editor.org/rfc/rfc5929
//! [RFC 6120 §6]: https://www.rfc-editor.org/rfc/rfc6120#section-6
//! [RFC 7677]: https://www.rfc-editor.org/rfc/rfc7677
//! [RFC 9266]: https://www.rfc-editor.org/rfc/rfc9266
//! [XEP-0474]: https://xmpp.org/extensions/xep-0474.html
//! [XEP-0480]: https://xmpp.org/extensions/xep-0480.html
//! [XEP-0484]: https://xmpp.org/extensions/xep-0484.html
//! [draft-schmaus-kitten-sasl-ht-09]: https://datatracker.ietf.org/doc/draft-schmaus-kitten-sasl-ht/09/

mod binding;
pub mod client;
mod credentials;
mod exchange;
mod failure;
mod fake;
mod hash;
mod hashed_token;
mod keys;
pub mod limits;
mod mechanism;
mod message;
mod nonce;
mod offer;
mod password;
mod plain;
mod saslprep;
mod scram;
mod secret;
mod step;
mod token;
mod upgrade;
pub mod wire;

pub use binding::ChannelBinding;
pub use credentials::{Credentials, Verdict};
pub use exchange::Exchange;
pub use failure::SaslFailure;
pub use fake::FakeCredentials;
pub use hash::Hash;
pub use keys::{ITERATIONS_DEFAULT, KeysError, ScramKeys};
pub use mechanism::Mechanism;
pub use nonce::Nonce;
pub use offer::Offer;
pub use password::Password;
pub use saslprep::{PrepareError, saslprep};
pub use step::{Ask, Step, Success};
pub use token::{Token, TokenFacts, TokenKey, TokenSlot, Tokens};
pub use upgrade::ScramUpgrade;

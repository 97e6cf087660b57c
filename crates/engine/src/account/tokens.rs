//! Tokens of an account's clients: what they sign in with instead of a password.
//!
//! What is stored of a token is what it was made of, but for a key that lies elsewhere: the store alone signs nobody in.
//! Each client has two places, [XEP-0484 §5.1]: the token it used last, and a newer one that it has not used yet. Whoever
//! uses the newer one gives up the older.
//!
//! A token is also void once its account's *credentials* are other ones: their number is part of what is stored, and goes up
//! with each change of the password and whenever the account is barred. So a token that was given out in the same moment,
//! because of a proof that was still true when it was looked at, is void as well, whichever is written first.
//!
//! [XEP-0484 §5.1]: https://xmpp.org/extensions/xep-0484.html#multiple-tokens

use std::{fmt, time::Duration};

use jid::BareJid;
use sasl::{
    Mechanism, SaslFailure, Token, TokenFacts, TokenKey, TokenSlot, Tokens,
    limits::TOKEN_NONCE_BYTES,
};
use serde::{Deserialize, Serialize};
use stanza::Timestamp;
use store::{Collection, Map, Owner, StoreError, Version};

use super::{AccountRecord, ClientName, credentials::ACCOUNT};
use crate::{environment::random_bytes, host::Host, server::Server};

/// The tokens of each client, by its name.
pub(crate) const TOKENS: Collection<Map<String, ClientTokens>> =
    Collection::new("account.tokens", Version(1));

const WEEK_MICROS: i64 = 7 * 24 * 60 * 60 * 1_000_000;

/// The tokens of one client.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default, rename_all = "kebab-case")]
pub(crate) struct ClientTokens {
    #[serde(skip_serializing_if = "Option::is_none")]
    current: Option<Stored>,
    #[serde(skip_serializing_if = "Option::is_none")]
    new: Option<Stored>,
}

/// What is stored of one token.
#[derive(Clone, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
struct Stored {
    mechanism: String,
    /// Microseconds UTC.
    issued: i64,
    expiry: i64,
    nonce: [u8; TOKEN_NONCE_BYTES],
    /// Which credentials of the account it was given out for.
    credentials: u32,
    /// The highest count that came with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    count: Option<u32>,
}

/// What was read to hold a client's proof against.
#[derive(Clone, Debug, Default)]
pub(crate) struct Held {
    tokens: ClientTokens,
    /// The account's record in that moment, if somebody can get in.
    pub(crate) record: Option<AccountRecord>,
}

/// A token that was proved: what becomes of it, and what it may be replaced for.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ProvedToken(Stored);

/// How a token was used.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct TokenUse {
    /// How often the client says it has used it, [XEP-0484 §3.4].
    ///
    /// [XEP-0484 §3.4]: https://xmpp.org/extensions/xep-0484.html#fast-auth
    pub count: Option<u32>,
    /// It came in what the client sent before the handshake was over, and which somebody may have sent again.
    pub is_early: bool,
    /// It is not to be good any more, [XEP-0484 §3.6].
    ///
    /// [XEP-0484 §3.6]: https://xmpp.org/extensions/xep-0484.html#invalidation
    pub invalidates: bool,
}

/// What a client is given a token for.
#[derive(Clone, Copy, Debug)]
pub struct Grant {
    /// By which mechanism it will use it.
    pub mechanism: Mechanism,
    /// Which credentials of the account it proved to have.
    pub credentials: u32,
    /// How long the token is to be good.
    pub lifetime: Duration,
    /// One that it was given before and has not used may be given to it again while it is younger than this.
    pub fresh: Duration,
}

/// A token for a client.
#[derive(Clone, Debug)]
pub struct Issued {
    /// What it gets to hear.
    pub token: Token,
    /// Until when it is good.
    pub expiry: Timestamp,
}

impl fmt::Debug for Stored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Stored({} until {})", self.mechanism, self.expiry)
    }
}

impl Stored {
    fn mechanism(&self) -> Option<Mechanism> {
        Mechanism::from_name(&self.mechanism)
    }

    /// The text that the client has.
    fn token(&self, key: &TokenKey, account: &BareJid, client: &ClientName) -> Option<Token> {
        Some(key.token(&TokenFacts {
            account: account.as_str(),
            client: &client.to_string(),
            mechanism: self.mechanism()?,
            expiry: self.expiry,
            nonce: self.nonce,
        }))
    }

    fn is_expired(&self, now: Timestamp) -> bool {
        self.expiry <= now.as_micros()
    }

    fn is_of(&self, record: &AccountRecord) -> bool {
        self.credentials == record.credentials
    }
}

impl ClientTokens {
    fn in_slot(&self, slot: TokenSlot) -> Option<&Stored> {
        match slot {
            TokenSlot::New => self.new.as_ref(),
            TokenSlot::Current => self.current.as_ref(),
        }
    }

    /// Until when the client can sign in with the best of them.
    pub(super) fn until(&self, record: &AccountRecord, now: Timestamp) -> Option<Timestamp> {
        let both = [&self.current, &self.new].into_iter().flatten();
        let good = both.filter(|stored| stored.is_of(record) && !stored.is_expired(now));
        let latest = good.map(|stored| stored.expiry).max();
        latest.map(Timestamp::from_micros)
    }

    /// When nothing of it is good any more.
    fn expiry(&self) -> i64 {
        let both = [&self.current, &self.new].into_iter().flatten();
        both.map(|stored| stored.expiry).max().unwrap_or(0)
    }

    /// A token was proved: it is the current one from now on, and only a newer one is left beside it.
    ///
    /// # Errors
    ///
    /// `not-authorized` when it is not there any more, or when its count says that it was used like this before.
    fn used(&mut self, proved: &ProvedToken, how: TokenUse) -> Result<bool, SaslFailure> {
        let is_it = |stored: &Option<Stored>| {
            stored
                .as_ref()
                .is_some_and(|stored| stored.nonce == proved.0.nonce)
        };
        let before = self.clone();
        let mut stored = if is_it(&self.new) {
            self.new.take().ok_or(SaslFailure::NotAuthorized)?
        } else if is_it(&self.current) {
            self.current.take().ok_or(SaslFailure::NotAuthorized)?
        } else {
            return Err(SaslFailure::NotAuthorized);
        };
        match (how.count, stored.count) {
            (None, _) if how.is_early => return Err(SaslFailure::NotAuthorized),
            (Some(count), Some(last)) if count <= last => return Err(SaslFailure::NotAuthorized),
            (Some(count), _) => stored.count = Some(count),
            (None, _) => {}
        }
        self.current = (!how.invalidates).then_some(stored);
        Ok(*self != before)
    }
}

impl Held {
    /// The one that was proved.
    pub(crate) fn proved(&self, slot: TokenSlot) -> Option<ProvedToken> {
        self.tokens.in_slot(slot).cloned().map(ProvedToken)
    }
}

impl ProvedToken {
    /// When it was given out.
    #[must_use]
    pub fn issued(&self) -> Timestamp {
        Timestamp::from_micros(self.0.issued)
    }

    /// Which mechanism it is for.
    #[must_use]
    pub fn mechanism(&self) -> Option<Mechanism> {
        self.0.mechanism()
    }
}

impl Server {
    /// Takes the key that tokens are made with. Without one there are none. The first one counts.
    pub fn make_tokens_with(&self, key: [u8; 32]) {
        let _ = self.token_key.set(TokenKey::new(key));
    }

    /// Whether clients can be given tokens.
    #[must_use]
    pub fn makes_tokens(&self) -> bool {
        self.token_key.get().is_some()
    }

    /// What a sign-in by token as `username` is checked against: for an account that may not sign in or does not exist, and
    /// for a client without tokens, nothing that any proof fits. Also what was read for it.
    pub(crate) async fn tokens(
        &self,
        host: &Host,
        username: &str,
        client: Option<&ClientName>,
        mechanism: Mechanism,
    ) -> Result<(Tokens, Held), StoreError> {
        let domain = &host.facts().domain;
        let account = domain.with_local(username).ok();
        // What can't be one is asked for all the same.
        let jid = account.unwrap_or_else(|| BareJid::from(domain.clone()));
        // One that does not say who it is has none, and is asked for like the others.
        let client = client.copied().unwrap_or(ClientName::NOBODY);
        let owner = Owner::Account(jid.clone());
        let question = (
            ACCOUNT.get(&owner, &()),
            TOKENS.get(&owner, &client.to_string()),
        );
        let (record, held) = self.store().read(question).await?;
        let (Some(record), Some(held), Some(key)) = (record, held, self.token_key.get()) else {
            return Ok((Tokens::none(), Held::default()));
        };
        let now = self.environment().timestamp();
        let mut tokens = Tokens::none();
        for slot in [TokenSlot::New, TokenSlot::Current] {
            let good = held.in_slot(slot).filter(|stored| {
                record.may_sign_in()
                    && stored.is_of(&record)
                    && stored.mechanism() == Some(mechanism)
            });
            if let Some(stored) = good
                && let Some(token) = stored.token(key, &jid, &client)
            {
                tokens = tokens.with(slot, token, stored.is_expired(now));
            }
        }
        let held = Held {
            tokens: held,
            record: Some(record).filter(AccountRecord::may_sign_in),
        };
        Ok((tokens, held))
    }

    /// A client used a token. What that changes is on disk when this says yes.
    ///
    /// # Errors
    ///
    /// `not-authorized` when the token is gone meanwhile, or was used like this before; `temporary-auth-failure` when the
    /// store fails.
    pub async fn use_token(
        &self,
        jid: &BareJid,
        client: &ClientName,
        proved: &ProvedToken,
        how: TokenUse,
    ) -> Result<(), SaslFailure> {
        let owner = Owner::Account(jid.clone());
        let name = client.to_string();
        let mut tokens = self.store().write(TOKENS, &owner).await.map_err(failed)?;
        let mut own = tokens.get(&name).cloned().unwrap_or_default();
        if !own.used(proved, how)? {
            return Ok(());
        }
        // A client that gave up its last token has a place still: without one, somebody took its access.
        let now = self.environment().timestamp().as_micros();
        let until = own.expiry().max(now).saturating_add(WEEK_MICROS);
        tokens.put_until(name, own, until);
        tokens.commit().durable().await.map_err(failed)?;
        Ok(())
    }

    /// Gives a client a new token, which is on disk when this returns. The one that it uses stays good until it uses the new
    /// one; a newer one that it never used is replaced, or given out again if that will do.
    ///
    /// # Errors
    ///
    /// `temporary-auth-failure` when the store fails, or when there is no key.
    pub async fn issue_token(
        &self,
        jid: &BareJid,
        client: &ClientName,
        grant: Grant,
    ) -> Result<Issued, SaslFailure> {
        let key = self.token_key.get();
        let key = key.ok_or(SaslFailure::TemporaryAuthFailure)?;
        let owner = Owner::Account(jid.clone());
        let name = client.to_string();
        let now = self.environment().timestamp();
        let mut tokens = self.store().write(TOKENS, &owner).await.map_err(failed)?;
        let mut own = tokens.get(&name).cloned().unwrap_or_default();
        let unused = own.new.as_ref().filter(|stored| {
            stored.mechanism() == Some(grant.mechanism)
                && stored.credentials == grant.credentials
                && now.since(Timestamp::from_micros(stored.issued)) < grant.fresh
        });
        let stored = match unused {
            Some(stored) => stored.clone(),
            None => Stored {
                mechanism: grant.mechanism.name().to_owned(),
                issued: now.as_micros(),
                expiry: whole_seconds(now.plus(grant.lifetime)),
                nonce: random_bytes(self.environment()),
                credentials: grant.credentials,
                count: None,
            },
        };
        if own.new.as_ref() != Some(&stored) {
            own.new = Some(stored.clone());
            make_room(&mut tokens, &name, self.limits().clients_per_account_max);
            // Who comes with one that has expired is still told so, for a while.
            let until = own.expiry().saturating_add(WEEK_MICROS);
            tokens.put_until(name, own, until);
            tokens.commit().durable().await.map_err(failed)?;
        }
        let token = stored.token(key, jid, client);
        Ok(Issued {
            token: token.ok_or(SaslFailure::TemporaryAuthFailure)?,
            expiry: Timestamp::from_micros(stored.expiry),
        })
    }
}

/// The client is told whole seconds, and it is good until then.
fn whole_seconds(at: Timestamp) -> i64 {
    at.as_micros().div_euclid(1_000_000) * 1_000_000
}

/// A client that has none gets one; the one whose are over first gives way if there are too many.
fn make_room(tokens: &mut store::MapWriter<String, ClientTokens>, name: &String, most: usize) {
    if tokens.contains(name) || tokens.len() < most {
        return;
    }
    let over_first = tokens.iter().min_by_key(|(_, own)| own.expiry());
    if let Some(other) = over_first.map(|(other, _)| other.clone()) {
        tokens.delete(&other);
    }
}

fn failed(error: StoreError) -> SaslFailure {
    tracing::error!(%error, "tokens can't be read or written; the sign-in is refused for now");
    SaslFailure::TemporaryAuthFailure
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::MAX;

    #[test]
    fn the_newer_token_takes_the_place_of_the_older_when_it_is_used() {
        let (one, two) = (stored(1), stored(2));
        let both = tokens(Some(&one), Some(&two));
        check(&both, &two, Ok((Some(&two), None)));
        check(&both, &one, Ok((Some(&one), Some(&two))));
        check(&both, &stored(3), Err(SaslFailure::NotAuthorized));
        check(&tokens(None, Some(&two)), &two, Ok((Some(&two), None)));
        check(&tokens(None, None), &one, Err(SaslFailure::NotAuthorized));

        #[track_caller]
        fn check(
            before: &ClientTokens,
            used: &Stored,
            expected: Result<(Option<&Stored>, Option<&Stored>), SaslFailure>,
        ) {
            let mut after = before.clone();
            let changed = after.used(&ProvedToken(used.clone()), TokenUse::default());
            let expected = expected.map(|(current, new)| tokens(current, new));
            assert_eq!(
                changed.map(|_| after.clone()),
                expected,
                "{before:?} {used:?}"
            );
            if let Ok(changed) = changed {
                assert_eq!(changed, after != *before, "it is written if it changed");
            }
        }
    }

    #[test]
    fn a_count_goes_up() {
        check(None, None, false, true);
        check(None, Some(0), false, true);
        check(Some(4), Some(5), false, true);
        check(Some(5), Some(5), false, false);
        check(Some(6), Some(5), false, false);
        // What came without one does not count.
        check(Some(6), None, false, true);
        check(None, None, true, false);
        check(Some(4), Some(5), true, true);
        check(Some(u32::MAX), Some(0), true, false);

        #[track_caller]
        fn check(last: Option<u32>, count: Option<u32>, is_early: bool, is_let_in: bool) {
            let stored = Stored {
                count: last,
                ..stored(1)
            };
            let how = TokenUse {
                count,
                is_early,
                invalidates: false,
            };
            let mut after = tokens(Some(&stored), None);
            let outcome = after.used(&ProvedToken(stored), how);
            assert_eq!(outcome.is_ok(), is_let_in, "{last:?} {count:?} {is_early}");
            let kept = after.current.and_then(|stored| stored.count);
            if is_let_in {
                assert_eq!(kept, count.or(last));
            }
        }
    }

    #[test]
    fn a_token_that_is_invalidated_goes_and_a_newer_one_stays() {
        let (one, two) = (stored(1), stored(2));
        let last = TokenUse {
            invalidates: true,
            ..TokenUse::default()
        };
        let mut after = tokens(Some(&one), Some(&two));
        assert_eq!(after.used(&ProvedToken(one.clone()), last), Ok(true));
        assert_eq!(after, tokens(None, Some(&two)));
        let mut after = tokens(Some(&one), Some(&two));
        assert_eq!(after.used(&ProvedToken(two), last), Ok(true));
        assert_eq!(after, ClientTokens::default());
    }

    #[test]
    fn a_client_has_access_until_the_last_good_token_is_over() {
        let record = AccountRecord {
            credentials: 7,
            ..AccountRecord::default()
        };
        let good = |expiry| Stored {
            expiry,
            credentials: 7,
            ..stored(1)
        };
        let until = |current: Option<&Stored>, new: Option<&Stored>| {
            let until = tokens(current, new).until(&record, Timestamp::from_micros(10));
            until.map(Timestamp::as_micros)
        };
        assert_eq!(until(Some(&good(20)), Some(&good(30))), Some(30));
        assert_eq!(until(Some(&good(20)), None), Some(20));
        assert_eq!(until(Some(&good(10)), None), None);
        let void = Stored {
            credentials: 6,
            ..good(40)
        };
        assert_eq!(until(Some(&good(20)), Some(&void)), Some(20));
        assert_eq!(until(None, None), None);
    }

    #[test]
    fn what_is_stored_reads_as_it_was_written_and_prints_no_nonce() {
        let both = tokens(Some(&stored(1)), Some(&stored(200)));
        let text = serde_json::to_string(&both).expect("it can be written");
        let read: ClientTokens = serde_json::from_str(&text).expect("it can be read");
        assert_eq!(read, both);
        assert!(stored(1).is_expired(NOW));
        assert!(!format!("{both:?}").contains("200, 200"));
    }

    fn tokens(current: Option<&Stored>, new: Option<&Stored>) -> ClientTokens {
        ClientTokens {
            current: current.cloned(),
            new: new.cloned(),
        }
    }

    fn stored(nonce: u8) -> Stored {
        Stored {
            mechanism: "HT-SHA-256-NONE".to_owned(),
            issued: 0,
            expiry: 1_000_000,
            nonce: [nonce; TOKEN_NONCE_BYTES],
            credentials: 0,
            count: None,
        }
    }
}

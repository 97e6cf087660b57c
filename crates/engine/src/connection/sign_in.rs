//! What a sign-in waits for: credentials, the work of a PLAIN password, and whether the account may.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use jid::BareJid;
use sasl::{Mechanism, Password, SaslFailure, Verdict};
use store::StoreError;

use super::negotiation::SignedIn;
use crate::{
    account::AccountRecord,
    host::{Authentication, Host},
    permission::Role,
    server::Server,
};

/// Waits out the delay that earlier failures cost.
pub(super) async fn hold(server: &Arc<Server>, since: Instant, delay: Duration) {
    if !delay.is_zero() {
        server.environment().sleep_until(since + delay).await;
    }
}

/// A store that does not answer is no wrong password.
pub(super) fn or_temporary<T>(read: Result<T, StoreError>) -> Result<T, SaslFailure> {
    read.map_err(|error| {
        tracing::error!(%error, "credentials can't be read; the sign-in is refused for now");
        SaslFailure::TemporaryAuthFailure
    })
}

/// Checks a PLAIN password off the worker; the same work for every name.
pub(super) async fn verify_plain(
    server: &Arc<Server>,
    host: &Arc<Host>,
    username: &str,
    authzid: Option<&str>,
    password: Password,
) -> Result<(Verdict, Option<AccountRecord>), SaslFailure> {
    let read = server.credentials(host, username, authzid, None).await;
    let (credentials, record) = or_temporary(read)?;
    let verdict = server.compute(move || credentials.verify(&password)).await;
    let verdict = verdict.ok_or(SaslFailure::TemporaryAuthFailure)?;
    Ok((verdict, record))
}

/// The account a certificate speaks for on this host, XEP-0178.
///
/// # Errors
///
/// `invalid-authzid` when the client asks for an address that is not in its certificate, or names none
/// where there are several; `not-authorized` when none is of this host.
pub(super) fn by_certificate(
    host: &Host,
    addresses: &[String],
    authzid: Option<&str>,
) -> Result<String, SaslFailure> {
    let ours: Vec<BareJid> = addresses
        .iter()
        .filter_map(|address| BareJid::parse(address).ok())
        .filter(|jid| jid.domain() == host.domain().as_str() && jid.local().is_some())
        .collect();
    let chosen = match authzid {
        Some(authzid) => {
            let wanted = BareJid::parse(authzid).map_err(|_| SaslFailure::InvalidAuthzid)?;
            ours.into_iter()
                .find(|jid| *jid == wanted)
                .ok_or(SaslFailure::InvalidAuthzid)?
        }
        None => match ours.as_slice() {
            [] => return Err(SaslFailure::NotAuthorized),
            [only] => only.clone(),
            _ => return Err(SaslFailure::InvalidAuthzid),
        },
    };
    chosen
        .local()
        .map(str::to_owned)
        .ok_or(SaslFailure::NotAuthorized)
}

/// Who proved to be somebody: does the account exist, may it sign in, what may it do? `record` is the account's as it was
/// when it was read what the proof is held against. If something else lets people in since then, binding finds out.
pub(super) async fn admit(
    server: &Arc<Server>,
    host: &Arc<Host>,
    username: &str,
    mechanism: Mechanism,
    record: Option<AccountRecord>,
) -> Result<SignedIn, SaslFailure> {
    let jid = host
        .facts()
        .domain
        .with_local(username)
        .map_err(|_| SaslFailure::NotAuthorized)?;
    if host.facts().authentication == Authentication::Anonymous {
        return Ok(SignedIn {
            jid,
            role: Role::Guest,
            is_anonymous: true,
            mechanism,
            credentials: 0,
            user_agent: None,
        });
    }
    let record = match record {
        Some(record) => Some(record),
        None => server.account_record(&jid).await.map_err(|error| {
            tracing::error!(%error, "an account can't be read; the sign-in is refused for now");
            SaslFailure::TemporaryAuthFailure
        })?,
    };
    // A certificate may name an account that is not there (any more); passwords were checked against it.
    let Some(record) = record.filter(AccountRecord::may_sign_in) else {
        return Err(SaslFailure::NotAuthorized);
    };
    let role = server.role_of(host, &jid, Some(&record));
    Ok(SignedIn {
        jid,
        role,
        is_anonymous: false,
        mechanism,
        credentials: record.credentials,
        user_agent: None,
    })
}

//! # In-Band Registration
//!
//! Where the operator opens it, people make their own account from their client. Users change their
//! password and remove their account in any case.
//!
//! Spec: [XEP-0077](https://xmpp.org/extensions/xep-0077.html) 2.4 for accounts of the server, with a data
//! form beside the plain fields. Nothing of it is offered before TLS where TLS is required.
//!
//! `protocol.rs` holds the wire forms, `throttle.rs` bounds what one address may try, `tests/` the
//! transcripts.

mod protocol;
mod throttle;

use std::sync::{Mutex, PoisonError};

use engine::{
    Action, Authentication, HostFacts,
    account::AccountError,
    may,
    module::{Answer, AtStream, ConfigError, HandleIq, IqJob, Key, Module, Spec, To, Wiring},
};
use protocol::{Change, EarlyGet, EarlySet, Get, Set};
use serde::{Deserialize, Serialize};
use stanza::{Condition, StanzaError};
use throttle::Throttle;
use xml::Builder;

/// The feature.
pub struct Registration {
    config: Config,
    attempts: Mutex<Throttle>,
}

/// `registration = "open"`.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Config {
    /// Accounts are made by the operator.
    #[default]
    Closed,
    /// Anybody who can reach the server may make one.
    Open,
}

impl Module for Registration {
    const NAME: &'static str = "registration";
    const SPECS: &'static [Spec] =
        &[Spec::new("XEP-0077", "2.4")
            .except("redirection, and fields other than name and password")];
    type Config = Config;

    fn keys() -> Vec<Key> {
        let about = "Who makes accounts: \"closed\", the operator alone, or \"open\", everybody with their client. \
                     Changing the own password and removing the own account go either way.";
        vec![Key::main(&Config::default(), about)]
    }

    fn new(config: Config, host: &HostFacts) -> Result<Option<Self>, ConfigError> {
        // Anonymous users have nothing to keep a password for.
        let has_accounts = host.authentication == Authentication::Accounts;
        Ok(has_accounts.then(|| Self {
            config,
            attempts: Mutex::default(),
        }))
    }

    fn wire(wiring: &mut Wiring<'_, Self>) {
        wiring
            .disco_feature(protocol::NS)
            .stream_feature(AtStream::BeforeSignIn, |registration, _| {
                let open = registration.config == Config::Open;
                open.then(|| Builder::new("register", protocol::NS_STREAM).build())
            })
            .iq_waiting::<EarlyGet>(To::HostBeforeSignIn)
            .iq_waiting::<EarlySet>(To::HostBeforeSignIn)
            .iq_waiting::<Get>(To::Host)
            .iq_waiting::<Get>(To::OwnAccount)
            .iq_waiting::<Set>(To::Host)
            .iq_waiting::<Set>(To::OwnAccount);
    }
}

/// What somebody unknown has to fill in, [§3.1](https://xmpp.org/extensions/xep-0077.html#usecases-register).
impl HandleIq<EarlyGet> for Registration {
    async fn handle_iq(&self, _: EarlyGet, _: IqJob) -> Answer {
        self.must_be_open()?;
        Ok(Some(protocol::fields()))
    }
}

/// Somebody unknown makes an account.
impl HandleIq<EarlySet> for Registration {
    async fn handle_iq(&self, EarlySet(change): EarlySet, job: IqJob) -> Answer {
        self.must_be_open()?;
        let Change::Credentials { username, password } = change else {
            return Err(StanzaError::new(Condition::UnexpectedRequest));
        };
        let (Some(username), Some(password)) = (username, password) else {
            return Err(not_acceptable("a username and a password are required"));
        };
        let domain = job.host().domain();
        let account = domain
            .with_local_strict(&username)
            .map_err(|_| not_acceptable("this username can't be used"))?;
        self.count_attempt(&job)?;
        job.server()
            .create_account(&account, password.as_str(), true)
            .await
            .map_err(|error| refusal(&error))?;
        tracing::info!(%account, "an account was registered");
        Ok(None)
    }
}

/// What is on file of a user: the name.
impl HandleIq<Get> for Registration {
    async fn handle_iq(&self, _: Get, job: IqJob) -> Answer {
        let username = own_username(&job)?;
        Ok(Some(protocol::registered(&username)))
    }
}

/// A user changes the password, [§3.3](https://xmpp.org/extensions/xep-0077.html#usecases-changepw), or goes,
/// [§3.2](https://xmpp.org/extensions/xep-0077.html#usecases-cancel).
impl HandleIq<Set> for Registration {
    async fn handle_iq(&self, Set(change): Set, job: IqJob) -> Answer {
        let own = own_username(&job)?;
        match change {
            Change::Remove => {
                let deletion = job
                    .delete_own_account()
                    .await
                    .map_err(|error| refusal(&error))?;
                tracing::info!(account = %job.from().bare(), ?deletion, "an account was removed by its user");
                Ok(None)
            }
            Change::Credentials { username, password } => {
                let (Some(username), Some(password)) = (username, password) else {
                    return Err(StanzaError::new(Condition::BadRequest)
                        .with_text("a username and a password are required"));
                };
                let named = job.host().domain().with_local(&username).ok();
                if named.as_ref().and_then(|named| named.local()) != Some(&*own) {
                    return Err(StanzaError::new(Condition::NotAllowed)
                        .with_text("this is another's username"));
                }
                let session = job.session().map(|session| session.id());
                job.server()
                    .set_password(&job.from().bare(), password.as_str(), session)
                    .await
                    .map_err(|error| refusal(&error))?;
                Ok(None)
            }
        }
    }
}

impl Registration {
    /// A closed host answers as one without registration.
    fn must_be_open(&self) -> Result<(), StanzaError> {
        match self.config {
            Config::Open => Ok(()),
            Config::Closed => Err(StanzaError::new(Condition::ServiceUnavailable)),
        }
    }

    /// Each try counts, so that names can't be tried out by the thousand.
    fn count_attempt(&self, job: &IqJob) -> Result<(), StanzaError> {
        let Some(address) = job.address() else {
            return Ok(());
        };
        if job.server().limits().is_exempt(address) {
            return Ok(());
        }
        let now = job.server().environment().now();
        // A panic while counting leaves counts that are at most one too high.
        let mut attempts = self.attempts.lock().unwrap_or_else(PoisonError::into_inner);
        match attempts.attempt(address.into(), now) {
            true => Ok(()),
            false => Err(StanzaError::new(Condition::ResourceConstraint)
                .with_text("too many accounts were registered from here; try again later")),
        }
    }
}

/// The name of the user who asks.
///
/// # Errors
///
/// `service-unavailable` for somebody of another server or host, `forbidden` for a guest.
fn own_username(job: &IqJob) -> Result<String, StanzaError> {
    let from = job.from();
    let is_ours = job.session().is_some() && from.domain() == job.host().domain().as_str();
    let Some(username) = from.local().filter(|_| is_ours) else {
        return Err(StanzaError::new(Condition::ServiceUnavailable));
    };
    if !may(job.role(), Action::ManageOwnAccount) {
        return Err(StanzaError::new(Condition::Forbidden));
    }
    Ok(username.to_owned())
}

/// What the client is told of our reasons.
fn refusal(error: &AccountError) -> StanzaError {
    match error {
        AccountError::Exists(_) => StanzaError::new(Condition::Conflict),
        AccountError::Password(_) => not_acceptable("this password can't be used"),
        AccountError::Missing(_) => StanzaError::new(Condition::RegistrationRequired),
        AccountError::NoHost(_) => StanzaError::new(Condition::ServiceUnavailable),
        AccountError::Store(error) => {
            tracing::error!(%error, "an account can't be stored; the request is refused");
            StanzaError::new(Condition::InternalServerError)
        }
    }
}

fn not_acceptable(text: &str) -> StanzaError {
    StanzaError::new(Condition::NotAcceptable).with_text(text)
}

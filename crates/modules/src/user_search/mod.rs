//! # User Search
//!
//! Finds people of a host by their name, nickname or email address, as their vCards say, or by the name of their account.
//! Off unless the operator turns it on, and then only those are found who said that they want to be: their client
//! registers them with the service, as it does with any other. The operator may say instead that everybody is found who
//! does not refuse.
//!
//! Spec: [XEP-0055](https://xmpp.org/extensions/xep-0055.html) 1.3 with its data form and pages (XEP-0059), at a domain of its
//! own, for accounts of the host; [XEP-0077](https://xmpp.org/extensions/xep-0077.html) there, without fields.
//!
//! A search looks through all who can be found, in memory; `user_search_people_max` bounds how many they are.
//!
//! `person.rs` is what is found of one, `directory.rs` everybody, `protocol.rs` the wire forms, `tests/` the transcripts.

mod directory;
mod person;
mod protocol;

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use directory::{Change, Directory, LISTED, Listed};
use engine::{
    Action, Authentication, Envelope, HostFacts, Identity,
    account::{Account, VCARD},
    may,
    module::{
        Answer, AnswerIq, ConfigError, HandleIq, IqContext, IqJob, Key, Module, On, Service, Spec,
        Wiring,
    },
    pipeline::{
        Context, Stage,
        events::{AccountCreated, AccountDeleted, AccountDisabled, VCardChanged},
    },
};
use jid::Domain;
use person::Person;
use protocol::{AskFields, AskListed, Search, SetListed};
use serde::Deserialize;
use stanza::{Condition, Kind, MessageType, StanzaError, rsm};
use store::{Batch, Owner, StoreError};

/// While somebody else reads the directory, it is looked again after so long, so often.
const LOOK_AGAIN: Duration = Duration::from_millis(50);
const LOOKS_MAX: u32 = 200;

/// The feature.
pub struct UserSearch {
    host: Domain,
    domain: Domain,
    everybody: bool,
    directory: Mutex<Directory>,
}

/// Who can be found.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "kebab-case")]
pub enum Who {
    /// Nobody: there is no search.
    #[default]
    Off,
    /// Those who said so.
    OptIn,
    /// Everybody but those who refused.
    All,
}

/// `user_search = "opt-in"`, or a table that also names the domain.
#[derive(Clone, Debug, Deserialize)]
#[serde(
    untagged,
    expecting = "\"off\", \"opt-in\", \"all\", or a table with who and domain"
)]
pub enum Config {
    /// Who can be found, at `search.` and the host's domain.
    Who(Who),
    /// The same, and where.
    Table(Table),
}

/// `user_search = { who = "opt-in", domain = "people.example.org" }`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Table {
    /// Who can be found: "off", "opt-in" or "all".
    pub who: Who,
    /// The domain of the service.
    pub domain: Option<Domain>,
}

impl Default for Config {
    fn default() -> Self {
        Self::Who(Who::default())
    }
}

impl Module for UserSearch {
    const NAME: &'static str = "user_search";
    const SPECS: &'static [Spec] = &[Spec::new("XEP-0055", "1.3")];
    type Config = Config;

    fn keys() -> Vec<Key> {
        let about = "Whether people find each other by what their vCards say: \"off\"; \"opt-in\", those who registered \
                     with the service; \"all\", all who did not refuse. Or a table with the next two.";
        vec![
            Key::main(&"off", about),
            Key::new("who", &"off", &["The same, in a table."]),
            Key::new(
                "domain",
                &(),
                &["Where the service is; `search.` and the host's domain unless named."],
            ),
        ]
    }

    fn new(config: Config, host: &HostFacts) -> Result<Option<Self>, ConfigError> {
        let Table { who, domain } = match config {
            Config::Who(who) => Table { who, domain: None },
            Config::Table(table) => table,
        };
        // A host without accounts has nobody to find.
        if who == Who::Off || host.authentication == Authentication::Anonymous {
            return Ok(None);
        }
        let default = || Domain::parse(&format!("search.{}", host.domain));
        let domain = domain
            .map_or_else(default, Ok)
            .map_err(|error| ConfigError {
                key: Self::NAME.to_owned(),
                problem: format!("name a domain for the service: {error}"),
            })?;
        Ok(Some(Self {
            host: host.domain.clone(),
            domain,
            everybody: who == Who::All,
            directory: Mutex::default(),
        }))
    }

    fn wire(wiring: &mut Wiring<'_, Self>) {
        let identity = Identity {
            category: "directory",
            kind: "user",
            name: Some("User search"),
        };
        let domain = wiring.module().domain.clone();
        wiring
            .service(domain, identity, |service| {
                service
                    .disco_feature(protocol::NS)
                    .disco_feature(protocol::NS_REGISTER)
                    .disco_feature(rsm::NS)
                    .iq::<AskFields>()
                    .iq_waiting::<Search>()
                    .iq_waiting::<AskListed>()
                    .iq_waiting::<SetListed>();
            })
            .on::<VCardChanged>(Stage::Listen)
            .on::<AccountCreated>(Stage::Listen)
            .on::<AccountDisabled>(Stage::Listen)
            .on::<AccountDeleted>(Stage::Listen);
    }
}

/// What is no request is refused.
impl Service for UserSearch {
    fn take(&self, envelope: &Envelope, cx: &Context<'_>) {
        let stanza = envelope.stanza();
        if !matches!(stanza.kind(), Kind::Message(kind) if kind != MessageType::Error) {
            return;
        }
        let error = StanzaError::new(Condition::ServiceUnavailable);
        let (own, sender) = (envelope.to().clone(), envelope.from().clone());
        let answer = stanza
            .reply_error(&error)
            .and_then(|reply| Envelope::from_service(&self.domain, own, sender, reply));
        if let Some(answer) = answer {
            cx.route(answer);
        }
    }
}

/// What can be searched for, [§2.1](https://xmpp.org/extensions/xep-0055.html#usecases-search).
impl AnswerIq<AskFields> for UserSearch {
    fn answer_iq(&self, _: AskFields, cx: &mut IqContext<'_>) -> Answer {
        let may_ask = may(cx.role(), Action::StoreData);
        self.must_be_user(cx.from().domain(), may_ask)?;
        Ok(Some(protocol::fields()))
    }
}

/// Finds people.
impl HandleIq<Search> for UserSearch {
    async fn handle_iq(&self, search: Search, job: IqJob) -> Answer {
        self.must_be_user(job.from().domain(), may(job.role(), Action::StoreData))?;
        let found = self.find(&search, &job).await?;
        search.answer(&found).map(Some)
    }
}

/// Whether the asker can be found.
impl HandleIq<AskListed> for UserSearch {
    async fn handle_iq(&self, _: AskListed, job: IqJob) -> Answer {
        self.must_be_user(job.from().domain(), may(job.role(), Action::StoreData))?;
        let store = job.server().store();
        let owner = Owner::Account(job.from().bare());
        let said = store.get(LISTED, &owner, &()).await.map_err(failed)?;
        let is_listed = said.map_or(self.everybody, |listed| listed.0);
        Ok(Some(protocol::listed(is_listed)))
    }
}

/// The asker wants to be found, or not any more.
impl HandleIq<SetListed> for UserSearch {
    async fn handle_iq(&self, SetListed(is_listed): SetListed, job: IqJob) -> Answer {
        self.must_be_user(job.from().domain(), may(job.role(), Action::StoreData))?;
        let (jid, store) = (job.from().bare(), job.server().store());
        let owner = Owner::Account(jid.clone());
        let mut batch = Batch::new();
        batch.put(LISTED, &owner, &(), &Listed(is_listed));
        job.store_for_account(batch).await.map_err(|error| {
            tracing::error!(%error, account = %jid, "what a user said can't be stored; it is refused");
            StanzaError::new(Condition::InternalServerError)
        })?;
        let most = job.server().limits().user_search_people_max;
        if !is_listed {
            self.directory().note(&jid, Change::Went, most);
            return Ok(None);
        }
        let blank = Person::new(&jid, None);
        self.directory().note(&jid, Change::Came(blank), most);
        let vcard = store.get(VCARD, &owner, &()).await.map_err(failed)?;
        let person = Person::new(&jid, vcard.as_deref());
        self.directory().fill_in(person);
        Ok(None)
    }
}

impl On<VCardChanged> for UserSearch {
    fn on(&self, event: &mut VCardChanged, account: &mut Account, cx: &Context<'_>) {
        let person = Person::new(account.jid(), event.vcard.as_deref());
        self.note(account, cx, Change::Said(person));
    }
}

impl On<AccountCreated> for UserSearch {
    fn on(&self, _: &mut AccountCreated, account: &mut Account, cx: &Context<'_>) {
        if self.everybody {
            let person = Person::new(account.jid(), None);
            self.note(account, cx, Change::Came(person));
        }
    }
}

impl On<AccountDisabled> for UserSearch {
    fn on(&self, event: &mut AccountDisabled, account: &mut Account, cx: &Context<'_>) {
        match event.disabled {
            true => self.note(account, cx, Change::Went),
            // Whether that can be found, and with what, has to be read.
            false => self.directory().forget(),
        }
    }
}

impl On<AccountDeleted> for UserSearch {
    fn on(&self, _: &mut AccountDeleted, account: &mut Account, cx: &Context<'_>) {
        self.note(account, cx, Change::Went);
    }
}

impl UserSearch {
    fn directory(&self) -> MutexGuard<'_, Directory> {
        // Each change is one call that leaves it whole.
        self.directory
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn note(&self, account: &Account, cx: &Context<'_>, change: Change) {
        let most = cx.server().limits().user_search_people_max;
        self.directory().note(account.jid(), change, most);
    }

    /// Only accounts of the host search it.
    fn must_be_user(&self, domain: &str, may_ask: bool) -> Result<(), StanzaError> {
        match may_ask && domain == self.host.as_str() {
            true => Ok(()),
            false => Err(Condition::Forbidden.into()),
        }
    }

    /// Whom a search finds. The first one reads the directory, and others wait for it.
    async fn find(&self, search: &Search, job: &IqJob) -> Result<Vec<Arc<Person>>, StanzaError> {
        let server = job.server();
        let most = server.limits().user_search_people_max;
        for _ in 0..LOOKS_MAX {
            let (found, is_reader) = {
                let mut directory = self.directory();
                let found = directory.search(&search.wanted);
                (found, directory.begin())
            };
            if let Some(found) = found {
                return Ok(found);
            }
            if is_reader {
                let reading = Reading { of: self };
                let people = directory::read(server, job.host(), self.everybody, most).await;
                let people = people.map_err(failed)?;
                std::mem::forget(reading);
                return Ok(self.directory().end(people, most, &search.wanted));
            }
            let again = server.environment().now() + LOOK_AGAIN;
            server.environment().sleep_until(again).await;
        }
        Err(Condition::ResourceConstraint.into())
    }
}

/// Gives the reading up when it is dropped on the way: an error, or a panic.
struct Reading<'a> {
    of: &'a UserSearch,
}

impl Drop for Reading<'_> {
    fn drop(&mut self) {
        self.of.directory().give_up();
    }
}

fn failed(error: StoreError) -> StanzaError {
    tracing::error!(%error, "the user search can't read; the request is refused");
    Condition::InternalServerError.into()
}

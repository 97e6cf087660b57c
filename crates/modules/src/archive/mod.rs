//! # Message Archive
//!
//! What a user sends and receives, kept on the server, so that every device has the same history.
//!
//! Spec: [XEP-0313](https://xmpp.org/extensions/xep-0313.html) 1.1.3 for users, with `#extended`;
//! [XEP-0441](https://xmpp.org/extensions/xep-0441.html) 0.2.0; [XEP-0359](https://xmpp.org/extensions/xep-0359.html)
//! 0.7.0.
//!
//! The archive is a way to look at the mailbox, which the engine fills (`docs/design/0015-the-archive.md`). Here is
//! whose messages it takes, and how it is asked. Everybody has their own and nobody else's: an archive that is asked for
//! by others is answered as one that is not there.
//!
//! `policy.rs` and `preferences.rs` say what is taken, `ids.rs` whose ids a message carries, `bind.rs` what a session is told
//! of it as it binds, `protocol.rs` holds the wire
//! forms, `query.rs` what is asked for, `page.rs` reads it, `tests/` the transcripts.

mod bind;
mod ids;
mod limits;
mod page;
mod policy;
mod preferences;
mod protocol;
mod query;

use engine::{
    Action, Authentication, HostFacts,
    account::{Account, AccountError, ResidentKind},
    may,
    module::{
        Answer, AnswerIq, Archives, ConfigError, HandleIq, IqContext, IqJob, Key, Module, Payload,
        Spec, To, Wiring,
    },
    pipeline::{
        Stage,
        events::{MessageArrived, MessageSent},
    },
    session::marks::ReadsArchive,
};
use jid::Jid;
use mailbox::{Data, WireKey, message_of};
use page::Results;
pub use policy::Policy;
use preferences::{Chosen, Preferences};
use protocol::{AskForm, AskMetadata, AskPreferences, Place, SetPreferences};
use query::{Line, Query, Wanted};
use stanza::{Condition, StanzaError, Timestamp, rsm};
use store::Found;

/// The feature.
pub struct MessageArchive {
    policy: Policy,
}

impl Module for MessageArchive {
    const NAME: &'static str = "archive";
    const SPECS: &'static [Spec] = &[
        Spec::new("XEP-0313", "1.1.3").except("archives of rooms and pubsub nodes"),
        Spec::new("XEP-0359", "0.7.0"),
        Spec::new("XEP-0441", "0.2.0"),
    ];
    const RESIDENT: &'static [ResidentKind] = &[ResidentKind::of::<Chosen>()];
    type Config = Policy;

    fn keys() -> Vec<Key> {
        let about = "What is archived of users who have not decided for themselves: \"always\" everything, \"roster\" what \
                     is from or to contacts, or \"never\" anything. With false there are no archives, and users can't \
                     turn theirs on.";
        vec![Key::main(&Policy::default(), about)]
    }

    fn new(policy: Policy, host: &HostFacts) -> Result<Option<Self>, ConfigError> {
        // Nothing of an anonymous user is kept.
        let has_accounts = host.authentication == Authentication::Accounts;
        Ok(has_accounts.then_some(Self { policy }))
    }

    fn wire(wiring: &mut Wiring<'_, Self>) {
        let features = [
            protocol::NS,
            protocol::NS_EXTENDED,
            protocol::NS_GROUPCHAT_FIELD,
            stanza::ids::NS,
        ];
        for feature in features {
            // Clients look at the host as well.
            wiring.disco_account_feature(feature).disco_feature(feature);
        }
        wiring
            .archives()
            .session_mark::<ReadsArchive>()
            .at_bind()
            .on::<MessageSent>(Stage::Annotate)
            .on::<MessageArrived>(Stage::Annotate)
            .iq::<AskForm>(To::OwnAccount)
            .iq::<AskPreferences>(To::OwnAccount)
            .iq::<SetPreferences>(To::OwnAccount)
            .iq_waiting::<AskMetadata>(To::OwnAccount)
            .iq_waiting::<Query>(To::OwnAccount)
            .iq::<OfOthers<AskForm>>(To::OtherAccount)
            .iq::<OfOthers<AskPreferences>>(To::OtherAccount)
            .iq::<OfOthers<SetPreferences>>(To::OtherAccount)
            .iq::<OfOthers<AskMetadata>>(To::OtherAccount)
            .iq::<OfOthers<Query>>(To::OtherAccount);
    }
}

/// The host's policy, unless the user decided.
impl Archives for MessageArchive {
    fn archives(&self, peer: &Jid, account: &Account) -> bool {
        let is_contact = || {
            // A user's own devices are no strangers.
            peer.bare_str() == account.jid().as_str()
                || account.contacts().standing(&peer.bare()).listed
        };
        match account.resident::<Chosen>() {
            Some(Chosen(Some(chosen))) => chosen.takes(peer, is_contact),
            _ => self.policy.takes(is_contact),
        }
    }
}

impl AnswerIq<AskForm> for MessageArchive {
    fn answer_iq(&self, _: AskForm, cx: &mut IqContext<'_>) -> Answer {
        Ok(Some(protocol::form(cx.host().archive_fields())))
    }
}

impl AnswerIq<AskPreferences> for MessageArchive {
    fn answer_iq(&self, _: AskPreferences, cx: &mut IqContext<'_>) -> Answer {
        let (account, _) = cx.account().ok_or(Condition::Forbidden)?;
        let chosen = account.resident::<Chosen>();
        Ok(Some(match chosen.and_then(|chosen| chosen.0.as_ref()) {
            Some(chosen) => protocol::preferences(chosen),
            None => protocol::preferences(&Preferences {
                default: self.policy,
                ..Preferences::default()
            }),
        }))
    }
}

/// The answer shows what holds from now on.
impl AnswerIq<SetPreferences> for MessageArchive {
    fn answer_iq(&self, SetPreferences(new): SetPreferences, cx: &mut IqContext<'_>) -> Answer {
        if !may(cx.role(), Action::StoreData) {
            return Err(Condition::Forbidden.into());
        }
        let (account, run) = cx.account().ok_or(Condition::Forbidden)?;
        let answer = protocol::preferences(&new);
        run.batch().put(Chosen::STORED, account.owner(), &(), &new);
        let before = account.resident_mut::<Chosen>().0.replace(new);
        run.undo_if_lost(Box::new(move |account| {
            account.resident_mut::<Chosen>().0 = before;
        }));
        Ok(Some(answer))
    }
}

impl HandleIq<AskMetadata> for MessageArchive {
    async fn handle_iq(&self, _: AskMetadata, job: IqJob) -> Answer {
        let line = job.in_account(|account, _| Line::of(account.mailbox()));
        let line = line.await.map_err(|error| no_account(&error))?;
        let store = job.server().store();
        // Whatever became of it, what could be read then can be read now.
        let _ = store.settled(line.seq).await;
        let ends = page::ends(store, &line.owner, &line.all()).await?;
        let ends = ends.map(|(first, last)| (place(line.key, &first), place(line.key, &last)));
        Ok(Some(protocol::metadata(ends)))
    }
}

/// First the results, as fast as the client takes them, then what page they were.
impl HandleIq<Query> for MessageArchive {
    async fn handle_iq(&self, query: Query, job: IqJob) -> Answer {
        let session = job.session().map(|session| session.id());
        let line = job.in_account(|account, _| {
            if let Some(resource) = session.and_then(|id| account.resource_mut(id)) {
                resource.mark::<ReadsArchive>();
            }
            Line::of(account.mailbox())
        });
        let line = line.await.map_err(|error| no_account(&error))?;
        let wanted = query.wanted(&line, job.host().archive_fields())?;
        let pieces = job.pieces()?;
        let store = job.server().store();
        let _ = store.settled(line.seq).await;
        let results = page::read(store, &line, &wanted).await?;
        let fin = fin(&line, &wanted, &results);
        let archive = job.from().bare();
        let mut found = results.found;
        if query.is_flipped {
            found.reverse();
        }
        let mut read = Vec::with_capacity(found.len());
        for one in &found {
            let message = match message_of(one) {
                Ok(message) => message,
                Err(error) => {
                    tracing::error!(account = %archive, %error, "an archived message is damaged and was skipped");
                    continue;
                }
            };
            let at = place(line.key, one);
            let result = protocol::result(&archive, query.id.as_deref(), at, &message);
            if !pieces.push(result).await {
                return Ok(Some(fin));
            }
            read.push(one.entry.id);
        }
        // It has them now, however they come; of an account that has gone meanwhile nothing waits.
        let done = job.in_account(|account, cx| account.has_read(cx, read));
        let _ = done.await;
        Ok(Some(fin))
    }
}

/// Which page it was, [§4.3.2](https://xmpp.org/extensions/xep-0313.html#paging). The position of its first is known
/// where that is the first of all: the page begins there, or came there from behind.
fn fin(line: &Line, wanted: &Wanted, results: &Results) -> xml::Fragment {
    let id = |found: &Found<Data>| line.key.seal(found.entry.id).to_string();
    let is_from_start = match wanted.page.backwards {
        true => results.is_complete,
        false => wanted.is_at_end,
    };
    let index = is_from_start.then_some(0);
    let page = rsm::Page {
        first: results.found.first().map(|first| (id(first), index)),
        last: results.found.last().map(id),
        count: results.count.and_then(|count| u32::try_from(count).ok()),
    };
    protocol::fin(results.is_complete, &page)
}

fn place(key: WireKey, found: &Found<Data>) -> Place {
    let at = Timestamp::from_micros(found.entry.at);
    (key.seal(found.entry.id), at)
}

fn no_account(error: &AccountError) -> StanzaError {
    tracing::error!(%error, "an archive can't be reached; the request is refused");
    Condition::InternalServerError.into()
}

/// A request to somebody else's archive.
struct OfOthers<P>(std::marker::PhantomData<P>);

impl<P: Payload> Payload for OfOthers<P> {
    const ELEMENT: &'static str = P::ELEMENT;
    const NS: &'static str = P::NS;
    const METHOD: engine::module::Method = P::METHOD;

    fn parse(_: &xml::Element<'_>) -> Result<Self, StanzaError> {
        Ok(Self(std::marker::PhantomData))
    }
}

/// [§8.1](https://xmpp.org/extensions/xep-0313.html#security-privacy).
impl<P: Payload> AnswerIq<OfOthers<P>> for MessageArchive {
    fn answer_iq(&self, _: OfOthers<P>, _: &mut IqContext<'_>) -> Answer {
        Err(Condition::Forbidden.into())
    }
}

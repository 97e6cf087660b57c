//! # Block List
//!
//! Users shut others out: nothing comes from them, nothing goes to them, and to them the user looks
//! offline. Subscriptions stay as they are, so that unblocking brings everything back.
//!
//! Spec: [XEP-0191](https://xmpp.org/extensions/xep-0191.html) 1.3, complete.
//!
//! The user's own account and the host itself can be on the list, but are never shut out: a user's devices
//! always reach each other, and what the operator has to say always arrives. Taking a blocked contact off
//! the roster still ends the subscriptions, so that both rosters stay true.
//!
//! `list.rs` is the list and what it matches, `protocol.rs` holds the wire forms, `screens.rs` is what is
//! stopped, `tests/` the transcripts.

mod list;
mod protocol;
mod screens;

use std::{collections::BTreeSet, sync::Arc};

use engine::{
    Environment, HostFacts,
    account::{Account, ResidentKind},
    module::{Answer, AnswerIq, ConfigError, IqContext, Key, Module, Spec, To, Wiring},
    pipeline::{
        Context,
        events::{
            AddressBlocked, IqArrived, IqSent, MessageArrived, MessageSent, PeerAddressed,
            PresenceArrived, PresenceSent,
        },
    },
    session::marks::SessionMark,
};
use jid::Jid;
use list::Blocked;
use protocol::{Block, Get, Unblock};
use serde::{Deserialize, Serialize};
use stanza::{Condition, IqType, Stanza, StanzaError};
use xml::Fragment;

/// The feature.
pub struct Blocklist {
    messages: Refusal,
}

engine::config! {
    /// `blocklist = { messages = "drop" }`.
    #[derive(Clone, Copy, Debug)]
    pub struct Config {
        /// What becomes of a message from somebody blocked: with "bounce" it comes back as undeliverable, with "drop" it
        /// vanishes without a word.
        pub messages: Refusal,
    }
}

/// What somebody blocked is told of a message.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Refusal {
    /// It comes back with `service-unavailable`. The sender knows that it was not delivered, and may guess
    /// why.
    #[default]
    Bounce,
    /// Nothing: the message is gone.
    Drop,
}

impl Module for Blocklist {
    const NAME: &'static str = "blocklist";
    const SPECS: &'static [Spec] = &[Spec::new("XEP-0191", "1.3")];
    const RESIDENT: &'static [ResidentKind] = &[ResidentKind::of::<Blocked>()];
    type Config = Config;

    fn keys() -> Vec<Key> {
        Config::keys()
    }

    fn new(config: Config, _: &HostFacts) -> Result<Option<Self>, ConfigError> {
        Ok(Some(Self {
            messages: config.messages,
        }))
    }

    fn wire(wiring: &mut Wiring<'_, Self>) {
        wiring
            .disco_feature(protocol::NS)
            .session_mark::<WantsPushes>()
            .iq::<Get>(To::OwnAccount)
            .iq::<Block>(To::OwnAccount)
            .iq::<Unblock>(To::OwnAccount)
            .screen::<MessageSent>()
            .screen::<MessageArrived>()
            .screen::<PresenceSent>()
            .screen::<PresenceArrived>()
            .screen::<IqSent>()
            .screen::<IqArrived>()
            .screen::<PeerAddressed>();
    }
}

/// The list, [§3.2](https://xmpp.org/extensions/xep-0191.html#blocklist). From now on the resource gets pushes.
impl AnswerIq<Get> for Blocklist {
    fn answer_iq(&self, _: Get, cx: &mut IqContext<'_>) -> Answer {
        cx.resource().ok_or_else(not_ours)?.mark::<WantsPushes>();
        let (account, _) = cx.account().ok_or_else(not_ours)?;
        Ok(Some(protocol::list(account.resident::<Blocked>())))
    }
}

/// Shuts addresses out, [§3.3](https://xmpp.org/extensions/xep-0191.html#block): whoever is among them and saw the
/// user sees the user go.
impl AnswerIq<Block> for Blocklist {
    fn answer_iq(&self, Block { items, said }: Block, cx: &mut IqContext<'_>) -> Answer {
        let (account, run) = cx.account().ok_or_else(not_ours)?;
        let new: Vec<Jid> = account.resident::<Blocked>().map_or_else(
            || items.iter().cloned().collect(),
            |blocked| blocked.missing(&items),
        );
        let known = account.resident::<Blocked>().map_or(0, Blocked::len);
        if known + new.len() > run.server().limits().block_list_items_max {
            return Err(
                StanzaError::new(Condition::ResourceConstraint).with_text("the block list is full")
            );
        }
        for peer in concerned(account, &new) {
            if !list::shuts_out(account, &peer) {
                account.withdraw_presence(run, &peer);
            }
        }
        insert(account, run, new);
        for (address, said) in said {
            run.tell(AddressBlocked { address, said }, account);
        }
        push(cx, protocol::block(&items));
        Ok(None)
    }
}

/// Lets addresses in again, [§3.4](https://xmpp.org/extensions/xep-0191.html#unblock), or everybody,
/// [§3.5](https://xmpp.org/extensions/xep-0191.html#unblockall): whoever is among them and may see the user does.
impl AnswerIq<Unblock> for Blocklist {
    fn answer_iq(&self, Unblock(items): Unblock, cx: &mut IqContext<'_>) -> Answer {
        let (account, run) = cx.account().ok_or_else(not_ours)?;
        let gone = account
            .resident::<Blocked>()
            .map_or_else(Vec::new, |blocked| match items.is_empty() {
                true => blocked.all(),
                false => blocked.present(&items),
            });
        let concerned = concerned(account, &gone);
        remove(account, run, gone);
        for peer in concerned {
            if !list::shuts_out(account, &peer) {
                account.renew_presence(run, &peer);
            }
        }
        push(cx, protocol::unblock(&items));
        Ok(None)
    }
}

/// Whom of those the account has to do with a change of these items may concern.
fn concerned(account: &Account, items: &[Jid]) -> BTreeSet<Jid> {
    let changed: Blocked = items.iter().cloned().collect();
    let seen = account
        .contacts()
        .standings()
        .filter(|contact| contact.standing().state.sees_contact())
        .map(|contact| Jid::from(contact.jid()));
    let known = account.watchers().into_iter().chain(seen);
    // A resource of a contact is no contact by itself.
    let resources = items
        .iter()
        .filter(|item| item.is_full() && account.is_seen_by(item))
        .cloned();
    known
        .filter(|peer| changed.matches(peer))
        .chain(resources)
        .filter(|peer| !list::is_exempt(account, peer))
        .collect()
}

fn insert(account: &mut Account, run: &Context<'_>, new: Vec<Jid>) {
    if !account.is_anonymous() {
        for item in &new {
            run.batch().put(Blocked::STORED, account.owner(), item, &());
        }
    }
    account.resident_mut::<Blocked>().extend(new.clone());
    run.undo_if_lost(Box::new(move |account| {
        account.resident_mut::<Blocked>().remove_all(&new);
    }));
}

fn remove(account: &mut Account, run: &Context<'_>, gone: Vec<Jid>) {
    if !account.is_anonymous() {
        for item in &gone {
            run.batch().delete(Blocked::STORED, account.owner(), item);
        }
    }
    account.resident_mut::<Blocked>().remove_all(&gone);
    run.undo_if_lost(Box::new(move |account| {
        account.resident_mut::<Blocked>().extend(gone);
    }));
}

/// Tells the resources that asked for the list; the asking one after its answer.
fn push(cx: &mut IqContext<'_>, change: Fragment) {
    let asker = cx.session_id();
    let Some((account, run)) = cx.account() else {
        return;
    };
    let push = pushed(run.server().environment(), change);
    let mut asker_wants_it = false;
    let others = Arc::new(push.clone());
    for resource in account.resources_with::<WantsPushes>() {
        match Some(resource.session().id()) == asker {
            true => asker_wants_it = true,
            false => run.push(resource.session(), &others),
        }
    }
    if asker_wants_it {
        cx.push_afterwards(push);
    }
}

/// Nobody waits for the client's answer, and the id is used once.
fn pushed(environment: &dyn Environment, change: Fragment) -> Stanza {
    let mut id = [0; 8];
    environment.fill_random(&mut id);
    let id = format!("block-{:016x}", u64::from_be_bytes(id));
    Stanza::iq(IqType::Set, &id).with_child(change)
}

/// Only clients of ours have an own account to ask.
fn not_ours() -> StanzaError {
    StanzaError::new(Condition::Forbidden)
}

/// Per-session mark: this resource asked for the list.
struct WantsPushes;

impl SessionMark for WantsPushes {
    const NAME: &'static str = "blocklist.pushes";
}

//! Binding along with sign-in, [XEP-0386](https://xmpp.org/extensions/xep-0386.html): what is offered, which resource a
//! client gets, and what is done for it in the run that connects it.

use std::sync::Arc;

use jid::{BareJid, FullJid};
use stream::ClientId;
use xml::{Builder, Fragment};

use super::sm::{self, SmSettings, Starting};
use crate::{
    account::Account,
    environment::{random_bytes, readable_id},
    module::{BindHandler, Telling},
    pipeline::Context,
    server::Server,
    session::Session,
};

/// The namespace of [XEP-0386](https://xmpp.org/extensions/xep-0386.html) 1.1.
pub(super) const NS: &str = "urn:xmpp:bind:0";

/// What a client wants to be bound, and what else at that moment.
pub(super) struct BindRequest {
    /// What it calls itself.
    tag: Option<String>,
    /// The elements of features.
    inline: Vec<Fragment>,
}

/// `<bind/>` inside `<inline/>`, with what can be asked for in it,
/// [§Discovering support](https://xmpp.org/extensions/xep-0386.html#disco).
pub(super) fn feature(handlers: &[BindHandler]) -> Fragment {
    let mut names = vec![sm::NS];
    for handler in handlers {
        if !names.contains(&handler.ns) {
            names.push(handler.ns);
        }
    }
    let features = names
        .into_iter()
        .map(|name| Builder::new("feature", NS).attr("var", name));
    Builder::new("bind", NS)
        .child(Builder::new("inline", NS).children(features))
        .build()
}

impl BindRequest {
    /// Reads `<bind/>`.
    pub(super) fn read(bind: &Fragment) -> Self {
        let tree = bind.tree();
        let tag = tree.root().child_text("tag", NS);
        Self {
            tag: tag
                .map(|tag| tag.trim().to_owned())
                .filter(|tag| !tag.is_empty()),
            inline: tree
                .root()
                .children()
                .filter(|child| child.ns() != NS)
                .map(Fragment::from)
                .collect(),
        }
    }

    /// What the client calls itself.
    pub(super) fn tag(&self) -> Option<&str> {
        self.tag.as_deref()
    }

    /// The resource of an account's client: the same each time for one that says who it is, and for nobody else to
    /// guess, [§Resource identifier generation](https://xmpp.org/extensions/xep-0386.html#resource). A tag that no
    /// resource can hold is left out.
    pub(super) fn full_jid(
        &self,
        server: &Server,
        account: &BareJid,
        client: Option<ClientId>,
    ) -> Option<FullJid> {
        let tag = self.tag.as_deref().unwrap_or_default();
        let id = match client {
            Some(client) => server.client_resource(account, client, tag),
            None => readable_id(random_bytes(server.environment())),
        };
        let tagged = format!("{tag}/{id}");
        let with_tag = (!tag.is_empty()).then(|| {
            let strict = account.with_resource_strict(&tagged);
            strict.or_else(|_| account.with_resource(&tagged)).ok()
        });
        with_tag
            .flatten()
            .or_else(|| account.with_resource(&id).ok())
    }

    /// Under the account's lock, in the run that connects `session`: does what it asked for, each thing once, and gives
    /// what it is told, and what that waits for, [§Performing the bind](https://xmpp.org/extensions/xep-0386.html#bind).
    pub(super) fn bound(
        &self,
        session: &Arc<Session>,
        account: &mut Account,
        cx: &Context<'_>,
        settings: &SmSettings,
        telling: &[Telling],
    ) -> (Fragment, Option<Starting>) {
        let mut starting = None;
        let mut bound = Builder::new("bound", NS);
        let mut done: Vec<(&str, xml::Ns<'_>)> = Vec::new();
        for element in &self.inline {
            if done.contains(&(element.name(), element.ns())) {
                continue;
            }
            done.push((element.name(), element.ns()));
            let answer = if element.is("enable", sm::NS) {
                let enable = element.tree();
                match sm::enable_inline(&enable.root(), session, account, cx, settings) {
                    Ok(begun) => Some(starting.insert(begun).hoped_for()),
                    Err(failed) => Some(failed),
                }
            } else {
                let mut handlers = cx.host().bind_inline().iter();
                let handler = handlers.find(|handler| element.is(handler.name, handler.ns));
                handler.and_then(|handler| {
                    (handler.handle)(&element.tree().root(), session.id(), account, cx)
                })
            };
            bound = bound.child_opt(answer);
        }
        for tell in telling {
            bound = bound.child_opt(tell(session.id(), account, cx));
        }
        (bound.build(), starting)
    }
}

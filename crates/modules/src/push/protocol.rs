//! Wire forms of [XEP-0357](https://xmpp.org/extensions/xep-0357.html): two requests of clients, and what is published.
//! Beside them three extensions that clients for iOS use, of <https://xeps.tigase.net/docs/push-notifications/>: whom to
//! leave out, and what is urgent.

use engine::module::{Method, Payload};
use jid::Jid;
use stanza::{
    Condition, IqType, Stanza, StanzaError,
    form::{self, Field, Form, FormKind},
};
use xml::{Builder, Element, Fragment};

use super::{
    config::Told,
    limits::{MUTED_MAX, NODE_BYTES_MAX, OPTIONS_BYTES_MAX},
};

/// The namespace.
pub(super) const NS: &str = "urn:xmpp:push:0";
/// Whose messages wake nobody.
pub(super) const NS_MUTED: &str = "tigase:push:filter:muted:0";
/// Only contacts wake anybody.
pub(super) const NS_IGNORE_UNKNOWN: &str = "tigase:push:filter:ignore-unknown:0";
/// What is urgent.
pub(super) const NS_PRIORITY: &str = "tigase:push:priority:0";

const PUBSUB: &str = "http://jabber.org/protocol/pubsub";
const PUBLISH_OPTIONS: &str = "http://jabber.org/protocol/pubsub#publish-options";
const SUMMARY: &str = "urn:xmpp:push:summary";

/// `<enable/>`, [§5](https://xmpp.org/extensions/xep-0357.html#enabling).
pub(super) struct Enable {
    pub(super) service: Jid,
    pub(super) node: Option<String>,
    pub(super) options: Option<String>,
    pub(super) muted: Vec<String>,
    pub(super) ignores_unknown: bool,
    pub(super) wants_priority: bool,
}

/// `<disable/>`, [§6](https://xmpp.org/extensions/xep-0357.html#disabling).
pub(super) struct Disable {
    pub(super) service: Jid,
    /// All of the service where none is named.
    pub(super) node: Option<String>,
}

impl Payload for Enable {
    const ELEMENT: &'static str = "enable";
    const NS: &'static str = NS;
    const METHOD: Method = Method::Set;

    fn parse(enable: &Element<'_>) -> Result<Self, StanzaError> {
        let options = enable
            .child("x", form::NS)
            .filter(|x| Form::parse(x).is_ok_and(|form| form.form_type() == Some(PUBLISH_OPTIONS)))
            .map(|x| Fragment::from(x).as_str().to_owned());
        let muted: Vec<String> = enable
            .child("muted", NS_MUTED)
            .into_iter()
            .flat_map(|muted| muted.children())
            .filter(|item| item.is("item", NS_MUTED))
            .filter_map(|item| Jid::parse(&item.attr("jid")?).ok())
            .map(|jid| jid.bare_str().to_owned())
            .collect();
        if muted.len() > MUTED_MAX
            || options
                .as_ref()
                .is_some_and(|options| options.len() > OPTIONS_BYTES_MAX)
        {
            return Err(Condition::ResourceConstraint.into());
        }
        Ok(Self {
            service: service(enable)?,
            node: node(enable)?,
            options,
            muted,
            ignores_unknown: enable.child("ignore-unknown", NS_IGNORE_UNKNOWN).is_some(),
            wants_priority: enable.child("priority", NS_PRIORITY).is_some(),
        })
    }
}

impl Payload for Disable {
    const ELEMENT: &'static str = "disable";
    const NS: &'static str = NS;
    const METHOD: Method = Method::Set;

    fn parse(disable: &Element<'_>) -> Result<Self, StanzaError> {
        Ok(Self {
            service: service(disable)?,
            node: node(disable)?,
        })
    }
}

fn service(element: &Element<'_>) -> Result<Jid, StanzaError> {
    let jid = element.attr("jid").ok_or(Condition::BadRequest)?;
    Ok(Jid::parse(&jid).map_err(|_| Condition::JidMalformed)?)
}

fn node(element: &Element<'_>) -> Result<Option<String>, StanzaError> {
    let node = element.attr("node").map(|node| node.into_owned());
    match node {
        Some(node) if node.len() > NODE_BYTES_MAX => Err(Condition::ResourceConstraint.into()),
        node => Ok(node),
    }
}

/// What a notification says.
pub(super) struct Notification<'a> {
    pub(super) node: Option<&'a str>,
    pub(super) options: Option<&'a str>,
    pub(super) told: &'a [Told],
    pub(super) count: u32,
    pub(super) sender: Option<&'a Jid>,
    pub(super) body: Option<&'a str>,
    pub(super) is_urgent: bool,
}

impl Notification<'_> {
    /// The request that publishes it, [§7](https://xmpp.org/extensions/xep-0357.html#publishing); its id is for who
    /// sends it.
    pub(super) fn to_stanza(&self) -> Stanza {
        let urgent = self
            .is_urgent
            .then(|| Builder::new("priority", NS_PRIORITY).text("high"));
        let notification = Builder::new("notification", NS)
            .child_opt(self.summary())
            .child_opt(urgent);
        let publish = Builder::new("publish", PUBSUB)
            .attr_opt("node", self.node)
            .child(Builder::new("item", PUBSUB).child(notification));
        let options = self
            .options
            .and_then(|options| Fragment::parse(options).ok())
            .map(|options| Builder::new("publish-options", PUBSUB).child(options));
        let pubsub = Builder::new("pubsub", PUBSUB)
            .child(publish)
            .child_opt(options);
        Stanza::iq(IqType::Set, "").with_child(pubsub.build())
    }

    fn summary(&self) -> Option<Fragment> {
        let empty = Form::new(FormKind::Submit).field(Field::form_type(SUMMARY));
        let fields = self.told.iter().filter_map(|told| match told {
            Told::MessageCount => Some(Field::data("message-count", [self.count.to_string()])),
            Told::LastMessageSender => {
                let sender = self.sender?;
                Some(Field::data("last-message-sender", [sender.to_string()]))
            }
            Told::LastMessageBody => Some(Field::data("last-message-body", [self.body?])),
        });
        let form = fields.fold(empty, Form::field);
        (form.fields.len() > 1).then(|| form.to_fragment())
    }
}

/// A push service takes no more from this account, [§8](https://xmpp.org/extensions/xep-0357.html#remote): the node.
pub(super) fn withdrawn(message: &Stanza, account: &str) -> Option<Option<String>> {
    let tree = message.child("pubsub", PUBSUB)?.tree();
    let pubsub = tree.root();
    let affiliation = pubsub.child("affiliation", PUBSUB)?;
    let is_ours = affiliation
        .attr("jid")
        .is_some_and(|jid| Jid::parse(&jid).is_ok_and(|jid| jid.bare_str() == account));
    let is_none = affiliation.attr("affiliation").as_deref() == Some("none");
    (is_ours && is_none).then(|| pubsub.attr("node").map(|node| node.into_owned()))
}

//! Which commands are there for whom, and under which nodes.
//!
//! A command stands under the node it names, or else under its words: `user info` is `user-info`. Commands that name
//! the same node are one to whoever uses it: which of them is meant, the address tells. Besides, there are the
//! questions of XEP-0133, each a look at what a command of ours answers ([`views`](super::views)).

use std::borrow::Cow;

use engine::{
    Host,
    command::{CommandEntry, Concern, Who},
};
use stanza::{Condition, StanzaError};

use super::{
    profile,
    protocol::forbidden,
    views::{VIEWS, View},
};

/// One command as clients see it.
pub(super) struct Offer {
    pub(super) node: Cow<'static, str>,
    pub(super) what: What,
}

/// What is behind it.
pub(super) enum What {
    /// Our own; never empty, and hardly ever more than one.
    Commands(Vec<&'static CommandEntry>),
    /// Another question that a command answers.
    View(&'static View, &'static CommandEntry),
}

impl Offer {
    /// Everything that `host` offers, in the order of its features.
    fn all(host: &Host) -> Vec<Self> {
        let mut offers: Vec<Self> = Vec::new();
        // What goes on until somebody has seen enough has no end that a form could show.
        for &entry in host.commands().iter().filter(|entry| !entry.live) {
            let node = match entry.node {
                Some(node) => Cow::from(node),
                None => Cow::from(entry.path.replace(' ', "-")),
            };
            match offers.iter_mut().find(|offer| offer.node == node) {
                Some(Self {
                    what: What::Commands(entries),
                    ..
                }) => entries.push(entry),
                Some(_) | None => offers.push(Self {
                    node,
                    what: What::Commands(vec![entry]),
                }),
            }
        }
        for view in VIEWS {
            let commands = host.commands().iter();
            let mut of = commands.filter(|entry| entry.path == view.of);
            if let Some(entry) = of.next() {
                offers.push(Self {
                    node: Cow::from(view.node),
                    what: What::View(view, entry),
                });
            }
        }
        offers
    }

    /// What `who` may use on `host`.
    pub(super) fn list(host: &Host, who: &Who) -> Vec<Self> {
        let mut offers = Self::all(host);
        offers.retain(|offer| offer.is_for(who, host));
        offers
    }

    /// The command at `node`.
    ///
    /// # Errors
    ///
    /// `forbidden` when it is not for `who`; `item-not-found` when there is none, or, as
    /// [XEP-0133 §5](https://xmpp.org/extensions/xep-0133.html#errors) wants it, `feature-not-implemented` for one of those
    /// that it describes.
    pub(super) fn find(host: &Host, who: &Who, node: &str) -> Result<Self, StanzaError> {
        let mut offers = Self::all(host).into_iter();
        match offers.find(|offer| offer.node == node) {
            Some(offer) if offer.is_for(who, host) => Ok(offer),
            Some(_) => Err(forbidden()),
            None if profile::knows(node) => Err(Condition::FeatureNotImplemented.into()),
            None => Err(Condition::ItemNotFound.into()),
        }
    }

    /// Its name for people.
    pub(super) fn name(&self) -> &'static str {
        match &self.what {
            What::View(view, _) => view.title,
            What::Commands(entries) => {
                let about = entries.first().map_or("", |entry| entry.about);
                profile::of(&self.node).map_or(about, |profile| profile.title)
            }
        }
    }

    /// Its commands.
    pub(super) fn entries(&self) -> &[&'static CommandEntry] {
        match &self.what {
            What::Commands(entries) => entries,
            What::View(_, entry) => std::slice::from_ref(entry),
        }
    }

    /// Whether `who` may use it here. What exactly it may be used on, each command decides.
    fn is_for(&self, who: &Who, host: &Host) -> bool {
        let here = Concern::Host(host.domain().clone());
        let mut entries = self.entries().iter();
        entries.all(|entry| who.may(entry.needs, &here))
    }
}

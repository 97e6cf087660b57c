//! What [XEP-0388](https://xmpp.org/extensions/xep-0388.html) has besides the exchange of a mechanism: what a client asks
//! for along with it, tasks that are to be done before it is in, and a success that opens no other stream.
//!
//! A client that knows what we offer need not wait for it ([XEP-0509](https://xmpp.org/extensions/xep-0509.html)), nor for
//! the success before it sends what builds on it: what comes behind `<authenticate/>` is looked at when the sign-in is
//! decided, and thrown away if it failed.

use jid::{BareJid, FullJid};
use sasl::{Ask, SaslFailure};
use stanza::Stanza;
use xml::{Builder, Element, Fragment, Ns, ns};

use super::authenticate::{Authenticate, PIPELINING};
use super::authenticated::Authenticated;
use super::bound::Bound;
use super::opened::{Discards, Opened, SignIn};
use super::profile::{Profile, write_message};
use crate::wire::{Wire, write_text_child};
use crate::{Event, StreamFault};

impl Opened {
    /// [XEP-0388 §Initiation](https://xmpp.org/extensions/xep-0388.html#initiation).
    pub(super) fn authenticate(
        &mut self,
        element: &Element<'_>,
        wire: &mut Wire,
    ) -> Result<Event<'static>, StreamFault> {
        self.begin_anew(Profile::Sasl2)?;
        let Some(offered) = self.version.clone() else {
            return self.handled(Err(SaslFailure::EncryptionRequired), wire);
        };
        let read = match Authenticate::read(element) {
            Ok(read) => read,
            Err(failure) => {
                // Whatever it was to be, more may come with it.
                self.discards = Discards::WithSignIn;
                return self.handled(Err(failure), wire);
            }
        };
        if read.leads_others() {
            self.discards = Discards::WithSignIn;
        }
        if read.version.is_some_and(|version| *version != *offered) {
            self.outdated(wire);
            return Ok(Event::Handled);
        }
        let name = &read.mechanism;
        let tokens = || self.offer.choose_for_token(name);
        match self
            .offer
            .choose(name)
            .or_else(|failure| tokens().map_err(|_| failure))
        {
            Ok(mechanism) => Ok(self.chosen(mechanism, read.initial, read.request)),
            Err(failure) => self.handled(Err(failure), wire),
        }
    }

    /// The client went by another offer than ours. That counts as no failure: it could not know,
    /// [XEP-0509 §Usage](https://xmpp.org/extensions/xep-0509.html#usage).
    fn outdated(&mut self, wire: &mut Wire) {
        self.gave_up();
        let why = Builder::new("config-version-mismatch", PIPELINING).build();
        Profile::Sasl2.failure(SaslFailure::Aborted, Some(&why), wire);
    }

    /// A message of a sign-in that does not run.
    pub(super) fn stray(&mut self, wire: &mut Wire) -> Result<Event<'static>, StreamFault> {
        self.begin_anew(Profile::Sasl2)?;
        self.handled(Err(SaslFailure::MalformedRequest), wire)
    }

    /// Whether the client has the word in a sign-in by SASL2.
    pub(super) fn is_amid_sasl2(&self) -> bool {
        let has_word = matches!(
            self.step,
            SignIn::Running(_) | SignIn::Continued { .. } | SignIn::TaskRunning
        );
        has_word && self.profile == Profile::Sasl2
    }

    /// What it may say then, and nothing else,
    /// [XEP-0388 §During Authentication](https://xmpp.org/extensions/xep-0388.html#during-auth).
    ///
    /// DEVIATION: white space is no reason to disconnect. The scanner keeps none between elements, and nothing depends
    /// on it.
    pub(super) fn amid_sasl2<'a>(
        &mut self,
        element: &Element<'a>,
        wire: &mut Wire,
    ) -> Result<Event<'a>, StreamFault> {
        match (&self.step, element.name(), element.ns()) {
            (_, "abort", Ns::Uri(ns::SASL2)) => self.abort(Profile::Sasl2, wire),
            (SignIn::Running(_), "response", Ns::Uri(ns::SASL2)) => self.response(element, wire),
            (SignIn::Continued { tasks }, "next", Ns::Uri(ns::SASL2)) => {
                let name = element.attr("task").unwrap_or_default().into_owned();
                if !tasks.contains(&name) {
                    return self.handled(Err(SaslFailure::MalformedRequest), wire);
                }
                self.step = SignIn::TaskAsked;
                Ok(Event::Task {
                    name: Some(name),
                    data: contents(element),
                })
            }
            (SignIn::TaskRunning, "task-data", Ns::Uri(ns::SASL2)) => {
                self.step = SignIn::TaskAsked;
                Ok(Event::Task {
                    name: None,
                    data: contents(element),
                })
            }
            _ if Stanza::is_stanza(element) => Err(StreamFault::TooEarly),
            _ => Err(StreamFault::UnsupportedStanzaType),
        }
    }

    /// Whether the client wants to act as somebody else than the header says it is,
    /// [XEP-0388 §Initiation](https://xmpp.org/extensions/xep-0388.html#initiation).
    pub(super) fn is_foreign(&self, ask: &Ask) -> bool {
        let authzid = match ask {
            Ask::Credentials { authzid, .. }
            | Ask::VerifyPlain { authzid, .. }
            | Ask::External { authzid } => authzid.as_deref(),
            Ask::Tokens { .. } | Ask::Anonymous => None,
        };
        let (Some(authzid), Some(claimed), Profile::Sasl2) = (authzid, &self.claimed, self.profile)
        else {
            return false;
        };
        BareJid::parse(authzid).ok().as_ref() != Some(claimed)
    }

    /// The caller's answer to a proof, or to the end of a task: first there is something to do,
    /// [XEP-0388 §Continue](https://xmpp.org/extensions/xep-0388.html#continue).
    pub(crate) fn require(&mut self, tasks: Vec<String>, why: Option<&str>, wire: &mut Wire) {
        let Some(data) = self.take_decision() else {
            return;
        };
        wire.element("continue", ns::SASL2, |out| {
            write_additional_data(data.as_deref(), out);
            out.extend_from_slice(b"<tasks>");
            for task in &tasks {
                write_text_child(out, "task", task);
            }
            out.extend_from_slice(b"</tasks>");
            if let Some(why) = why {
                write_text_child(out, "text", why);
            }
        });
        self.is_continued = true;
        self.step = SignIn::Continued { tasks };
    }

    /// The caller's answer in a task.
    pub(crate) fn task_data(&mut self, data: &[Fragment], wire: &mut Wire) {
        if !matches!(self.step, SignIn::TaskAsked) {
            return;
        }
        wire.element("task-data", ns::SASL2, |out| write_others(data, out));
        self.step = SignIn::TaskRunning;
    }

    /// The caller's yes without a resource. Nothing when there is no success to tell.
    pub(crate) fn succeed(
        &mut self,
        jid: BareJid,
        others: &[Fragment],
        wire: &mut Wire,
    ) -> Option<Authenticated> {
        self.success(jid.as_str(), others, wire)?;
        Some(Authenticated::on_the_same_stream(
            jid,
            self.host.clone(),
            self.id,
            self.lang.take(),
        ))
    }

    /// The caller's yes with a resource. Nothing when there is no success to tell.
    pub(crate) fn succeed_bound(
        &mut self,
        jid: FullJid,
        others: &[Fragment],
        wire: &mut Wire,
    ) -> Option<Bound> {
        self.success(jid.as_str(), others, wire)?;
        Some(Bound::new(jid, self.lang.take()))
    }

    /// [XEP-0388 §Success](https://xmpp.org/extensions/xep-0388.html#success).
    fn success(&mut self, identity: &str, others: &[Fragment], wire: &mut Wire) -> Option<()> {
        let data = self.take_decision()?;
        wire.element("success", ns::SASL2, |out| {
            write_additional_data(data.as_deref(), out);
            write_text_child(out, "authorization-identifier", identity);
            write_others(others, out);
        });
        Some(())
    }

    /// What a mechanism that has just succeeded has to say, where the caller may decide what comes of it.
    fn take_decision(&mut self) -> Option<Option<Vec<u8>>> {
        match (&mut self.step, self.profile) {
            (SignIn::Proved { data, .. }, Profile::Sasl2) => Some(data.take()),
            (SignIn::TaskAsked, Profile::Sasl2) => Some(None),
            _ => None,
        }
    }
}

fn contents(element: &Element<'_>) -> Vec<Fragment> {
    element.children().map(Fragment::from).collect()
}

fn write_additional_data(data: Option<&[u8]>, out: &mut Vec<u8>) {
    if let Some(data) = data {
        out.extend_from_slice(b"<additional-data>");
        write_message(data, out);
        out.extend_from_slice(b"</additional-data>");
    }
}

fn write_others(others: &[Fragment], out: &mut Vec<u8>) {
    for other in others {
        other.write_into(Ns::Uri(ns::SASL2), ns::CLIENT, out);
    }
}

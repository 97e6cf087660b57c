//! What the caller says to a stream: answers to its questions, and what is to be sent.
//!
//! An answer that nobody waits for any more, because the stream ended meanwhile, is ignored.

use jid::{BareJid, FullJid};
use sasl::{Credentials, Nonce, SaslFailure, Tokens, Verdict};
use stanza::{Output, Stanza, StanzaError};
use xml::Fragment;

use super::opened::{Answer, Opened};
use super::{C2s, State, features};
use crate::wire::{write_foreign, write_stanza};
use crate::{Channel, HostPolicy, StreamFault};

/// Answers to questions.
impl C2s {
    /// Answers [`Event::Opening`](crate::Event::Opening): the host is served, and this is what it offers. With
    /// nothing to offer the stream ends.
    pub fn open(&mut self, policy: HostPolicy) {
        let State::Connecting(connecting) = &mut self.state else {
            return;
        };
        if !connecting.is_waiting() {
            return;
        }
        connecting.write_header(&mut self.wire);
        let Some(start) = connecting.start() else {
            return;
        };
        match Opened::open(start, policy, &self.settings, &mut self.wire) {
            Ok(opened) => self.state = State::Opened(Box::new(opened)),
            Err(fault) => {
                // The header is written already, and `Connecting` would write another.
                self.wire.error(&fault);
                self.wire.close();
                self.state = State::Over(Some(Box::new(fault)));
            }
        }
    }

    /// TLS is established, over which all that follows comes: after [`Event::StartTls`](crate::Event::StartTls), or
    /// before the first byte.
    pub fn tls_established(&mut self, channel: impl Into<Channel>) {
        let channel = channel.into();
        match &mut self.state {
            State::Connecting(connecting) => connecting.secure(channel),
            State::Opened(opened) if opened.awaits_tls() => {
                self.state = State::Connecting(Box::new(opened.secured(channel)));
                self.scanner.restart();
            }
            _ => {}
        }
    }

    /// Answers [`Event::SigningIn`](crate::Event::SigningIn). `nonce` is new and unguessable.
    pub fn begin(&mut self, nonce: Nonce) {
        self.with_opened(|opened, wire| opened.begin(nonce, wire));
    }

    /// Answers [`Ask::Credentials`](sasl::Ask::Credentials).
    pub fn credentials(&mut self, credentials: Credentials) {
        self.with_opened(|opened, wire| opened.answer(Answer::Credentials(credentials), wire));
    }

    /// Answers [`Ask::VerifyPlain`](sasl::Ask::VerifyPlain).
    pub fn verdict(&mut self, verdict: Verdict) {
        self.with_opened(|opened, wire| opened.answer(Answer::Verdict(verdict), wire));
    }

    /// Answers [`Ask::Tokens`](sasl::Ask::Tokens).
    pub fn tokens(&mut self, tokens: Tokens) {
        self.with_opened(|opened, wire| opened.answer(Answer::Tokens(Box::new(tokens)), wire));
    }

    /// Answers [`Ask::External`](sasl::Ask::External) and [`Ask::Anonymous`](sasl::Ask::Anonymous).
    pub fn identified(&mut self, username: String) {
        self.with_opened(|opened, wire| opened.answer(Answer::Identified(username), wire));
    }

    /// Says no to any question between [`Event::SigningIn`](crate::Event::SigningIn) and
    /// [`Event::Proved`](crate::Event::Proved), or to [`Event::Task`](crate::Event::Task). Counts as a failed attempt.
    pub fn refuse(&mut self, failure: SaslFailure) {
        self.with_opened(|opened, wire| opened.refuse(failure, None, wire));
    }

    /// As [`refuse`](Self::refuse), and says what is the matter in an element of its own.
    pub fn refuse_because(&mut self, failure: SaslFailure, why: &Fragment) {
        self.with_opened(|opened, wire| opened.refuse(failure, Some(why), wire));
    }

    /// Why the last sign-in failed, as the client was told, if that was not asked for before.
    pub fn take_sasl_failure(&mut self) -> Option<SaslFailure> {
        self.wire.take_sasl_failure()
    }

    /// Answers [`Event::Proved`](crate::Event::Proved) and [`Event::Task`](crate::Event::Task) of SASL2: it is not enough
    /// yet. The client has to do one of these tasks; `text` tells its user why.
    pub fn require(&mut self, tasks: Vec<String>, text: Option<&str>) {
        if let State::Opened(opened) = &mut self.state {
            opened.require(tasks, text, &mut self.wire);
        }
    }

    /// Answers [`Event::Task`](crate::Event::Task): the task goes on with this.
    pub fn task_data(&mut self, data: &[Fragment]) {
        if let State::Opened(opened) = &mut self.state {
            opened.task_data(data, &mut self.wire);
        }
    }

    /// Answers [`Event::Proved`](crate::Event::Proved) and [`Event::Task`](crate::Event::Task) of SASL2: the client is in,
    /// without a resource. `others` is what else came of its sign-in. Features are asked for next.
    pub fn succeed(&mut self, jid: BareJid, others: &[Fragment]) {
        if let State::Opened(opened) = &mut self.state
            && let Some(authenticated) = opened.succeed(jid, others, &mut self.wire)
        {
            self.state = State::Authenticated(Box::new(authenticated));
            self.scanner.set_limits(self.settings.limits);
        }
    }

    /// The same with a new resource, and what a session may use that has one.
    pub fn succeed_bound(&mut self, jid: FullJid, others: &[Fragment], features: &[Fragment]) {
        if self.succeed_with_resource(jid, others) {
            features::after_binding(features, &self.settings, &mut self.wire);
        }
    }

    /// The same with the resource of a session that goes on, to which nothing new is offered,
    /// [XEP-0198 §Inline Stream Resumption](https://xmpp.org/extensions/xep-0198.html#inline-resume).
    pub fn succeed_resumed(&mut self, jid: FullJid, others: &[Fragment]) {
        self.succeed_with_resource(jid, others);
    }

    /// Whether there was a success to tell.
    fn succeed_with_resource(&mut self, jid: FullJid, others: &[Fragment]) -> bool {
        if let State::Opened(opened) = &mut self.state
            && let Some(bound) = opened.succeed_bound(jid, others, &mut self.wire)
        {
            self.state = State::Bound(bound);
            self.scanner.set_limits(self.settings.limits);
            return true;
        }
        false
    }

    /// Answers [`Event::Proved`](crate::Event::Proved) of RFC 6120: the client is told of its success and begins a new
    /// stream. Its header may be behind what was received already.
    pub fn accept(&mut self, jid: BareJid) {
        let State::Opened(opened) = &mut self.state else {
            return;
        };
        if let Some(authenticated) = opened.accept(jid, &mut self.wire) {
            self.state = State::Authenticated(Box::new(authenticated));
            self.scanner.restart();
            self.scanner.set_limits(self.settings.limits);
        }
    }

    /// Answers [`Event::Reopened`](crate::Event::Reopened): what an account may use besides binding.
    pub fn features(&mut self, features: &[Fragment]) {
        if let State::Authenticated(authenticated) = &mut self.state {
            authenticated.features(features, &self.settings, &mut self.wire);
        }
    }

    /// Answers [`Event::Binding`](crate::Event::Binding).
    pub fn bind(&mut self, jid: FullJid) {
        if let State::Authenticated(authenticated) = &mut self.state
            && let Some(bound) = authenticated.bind(jid, &mut self.wire)
        {
            self.state = State::Bound(bound);
        }
    }

    /// Answers [`Event::Binding`](crate::Event::Binding) with an error; the client may ask again.
    pub fn refuse_bind(&mut self, error: &StanzaError) {
        if let State::Authenticated(authenticated) = &mut self.state {
            authenticated.refuse_bind(error, &mut self.wire);
        }
    }

    /// Makes an authenticated stream that has not bound the stream of a session that has a resource, as resumption
    /// does after its [`Event::Nonza`](crate::Event::Nonza). Writes nothing. Whether it did.
    pub fn resume(&mut self, jid: FullJid) -> bool {
        if let State::Authenticated(authenticated) = &mut self.state
            && let Some(bound) = authenticated.resume(jid)
        {
            self.state = State::Bound(bound);
            return true;
        }
        false
    }

    fn with_opened(
        &mut self,
        answer: impl FnOnce(&mut Opened, &mut crate::wire::Wire) -> Result<(), StreamFault>,
    ) {
        if let State::Opened(opened) = &mut self.state
            && let Err(fault) = answer(opened, &mut self.wire)
        {
            self.fail_later(fault);
        }
    }
}

/// What is to be sent. After our closing tag nothing is.
impl C2s {
    /// Appends a stanza to `out`, its namespace declared as the framing wants it, else as `output` says. What
    /// the stream itself wrote has to be [flushed](Self::flush) before. Whether it could be sent.
    pub fn write_stanza(&self, stanza: &Stanza, output: Output<'_>, out: &mut Vec<u8>) -> bool {
        let can_write = self.can_write();
        if can_write {
            write_stanza(self.settings.framing, stanza, output, out);
        }
        can_write
    }

    /// Appends a stanza that was to be sent before the stream ended; the caller puts what ended it behind.
    pub fn write_last_stanza(&self, stanza: &Stanza, output: Output<'_>, out: &mut Vec<u8>) {
        write_stanza(self.settings.framing, stanza, output, out);
    }

    /// Appends a first-level element that is no stanza, as [`write_stanza`](Self::write_stanza). `write` writes it, with
    /// the namespace that it declares.
    pub fn write_nonza(&self, out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) -> bool {
        let can_write = self.can_write();
        if can_write {
            write_foreign(self.settings.framing, out, write);
        }
        can_write
    }

    /// Sends a stanza with the stream's own output.
    pub fn send_stanza(&mut self, stanza: &Stanza) {
        if self.can_write() {
            self.wire.stanza(stanza);
        }
    }

    /// Sends a first-level element that is no stanza with the stream's own output.
    pub fn send_nonza(&mut self, nonza: &Fragment) {
        if self.can_write() {
            self.wire.nonza(nonza);
        }
    }
}

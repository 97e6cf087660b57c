//! A client's connection: its stream, and behind it first the negotiation, then the session.
//!
//! No socket and no executor: a driver gives bytes, time and a waker and takes bytes
//! (`transport` on tokio, `testkit` on a seeded executor). While a future is awaited, or a stanza has
//! not taken effect yet, nothing more is read: that keeps the session's order.

mod before_sign_in;
mod bind;
mod bind2;
mod bound;
mod entry;
mod mechanism;
mod negotiation;
mod offer;
mod resume;
mod sasl2;
mod sign_in;
mod sm;

use std::{
    cell::RefCell,
    future::Future,
    net::IpAddr,
    pin::Pin,
    sync::{Arc, atomic::Ordering},
    task::{Context, Poll},
    time::Instant,
};

use sasl::ChannelBinding;
use stream::{C2s, C2sSettings, Channel, Event, StreamFault, StreamId};
use xml::{Fragment, Scratch};

pub use self::{bind::ConflictPolicy, sm::SmSettings};
use self::{
    bound::{Bound, Leaving},
    negotiation::Negotiation,
};
use crate::{
    account::detached::TAKEN_OVER,
    environment::random_bytes,
    faults::{Caught, Panicked},
    limits::{Bucket, Limits},
    module::BindHandler,
    server::Server,
    session::Standing,
};

thread_local! {
    /// The worker's scratch for parsing: an idle connection owns none.
    static SCRATCH: RefCell<Scratch> = RefCell::default();
}

/// One flush writes about this much; what the peer does not take meanwhile stays in the outbox.
const FLUSH_BYTES: usize = 64 * 1024;

/// What the engine can do along with a sign-in by SASL2: bind, with what `handlers` take then, and resume.
pub(crate) fn sign_in_inline(handlers: &[BindHandler]) -> Vec<Fragment> {
    vec![bind2::feature(handlers), sm::feature()]
}

/// What an operator sets for a listener's clients.
#[derive(Clone, Debug)]
pub struct ClientSettings {
    /// Limits and timeouts of the stream.
    pub stream: Arc<C2sSettings>,
    /// Nobody signs in without TLS.
    pub requires_tls: bool,
    /// STARTTLS is offered.
    pub can_start_tls: bool,
    /// What happens when a resource is taken.
    pub conflict: ConflictPolicy,
    /// Sessions that can be resumed.
    pub sm: SmSettings,
}

/// What holds where an operator has said nothing.
impl Default for ClientSettings {
    fn default() -> Self {
        Self {
            stream: Arc::default(),
            requires_tls: true,
            can_start_tls: true,
            conflict: ConflictPolicy::KickOld,
            sm: SmSettings::default(),
        }
    }
}

/// What the handshake told.
#[derive(Clone, Debug, Default)]
pub struct TlsFacts {
    /// What SASL may bind to.
    pub bindings: Vec<ChannelBinding>,
    /// Which version of TLS it is, by the number that TLS has for it: 0x0304 for 1.3.
    pub version: Option<u16>,
    /// A client that comes back to this listener may sign in by what it sends before its handshake is over.
    pub takes_early_data: bool,
    /// The XMPP addresses of the client's certificate, unprepared.
    pub xmpp_addresses: Vec<String>,
    /// Protocol version and cipher suite, as shown in lists.
    pub description: String,
}

/// What is known of a connection from outside its stream.
#[derive(Clone, Debug)]
pub struct Peer {
    /// Its network address, if it has one.
    pub address: Option<IpAddr>,
    /// Names it in logs.
    pub label: String,
}

type Waiting = Pin<Box<dyn Future<Output = Result<Outcome, Panicked>> + Send>>;

/// What an awaited future tells the connection.
enum Outcome {
    Negotiation(negotiation::Outcome),
    Bound(Box<bind::BindOutcome>),
    Resumed(Box<Result<resume::Resumed, resume::Refusal>>),
    /// Stream management began: the answer.
    Started(xml::Fragment),
}

/// A client's connection.
pub struct Connection {
    server: Arc<Server>,
    settings: Arc<ClientSettings>,
    peer: Peer,
    stream: C2s,
    phase: Phase,
    /// Received, not taken yet.
    input: Vec<u8>,
    waiting: Option<Waiting>,
    tls: Tls,
    throttle: Throttle,
    /// What the session could still be told when it ended, before the stream's own last words.
    last_words: Vec<u8>,
    /// The peer will send nothing more.
    has_eof: bool,
    is_lost: bool,
    /// The server stops, and the session is to outlive this connection.
    is_parting: bool,
}

enum Phase {
    Negotiating(Box<Negotiation>),
    Bound(Box<Bound>),
    Over,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Tls {
    Settled,
    Requested,
    /// The handshake is not over: what comes may have been recorded and sent by somebody else once more.
    Early,
}

/// How fast the client may send.
#[derive(Debug)]
struct Throttle {
    bytes: Bucket,
    stanzas: Bucket,
    exempt: bool,
    paused_until: Option<Instant>,
}

impl Connection {
    /// A connection that was just accepted.
    #[must_use]
    pub fn new(
        server: Arc<Server>,
        settings: Arc<ClientSettings>,
        peer: Peer,
        now: Instant,
    ) -> Self {
        let id = StreamId::from_bytes(random_bytes(server.environment()));
        let limits = server.limits();
        let throttle = Throttle {
            bytes: Bucket::full(limits.c2s_bytes(), now),
            stanzas: Bucket::full(limits.c2s_stanzas(), now),
            exempt: peer
                .address
                .is_some_and(|address| limits.is_exempt(address)),
            paused_until: None,
        };
        Self {
            stream: C2s::new(settings.stream.clone(), id, now),
            server,
            settings,
            peer,
            phase: Phase::Negotiating(Box::default()),
            input: Vec::new(),
            waiting: None,
            tls: Tls::Settled,
            throttle,
            last_words: Vec::new(),
            has_eof: false,
            is_lost: false,
            is_parting: false,
        }
    }

    /// Takes bytes from the peer. Nothing is lost when it can't go on: the rest is kept. So give more only while it
    /// [`wants_read`](Self::wants_read), but for early data.
    pub fn receive(&mut self, bytes: &[u8], now: Instant) {
        if !self.throttle.exempt {
            let rate = self.server.limit(Limits::c2s_bytes);
            let count = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
            let pause = self.throttle.bytes.take(rate, count, now);
            self.throttle.pause(pause, now);
        }
        if self.input.is_empty() {
            let rest = self.pump(bytes, now);
            let kept = bytes.len().saturating_sub(rest);
            self.input
                .extend_from_slice(bytes.get(kept..).unwrap_or_default());
        } else {
            self.input.extend_from_slice(bytes);
            self.pump_kept(now);
        }
    }

    /// Whether the connection can take more bytes.
    #[must_use]
    pub fn wants_read(&self) -> bool {
        self.tls != Tls::Requested
            && !self.has_eof
            && !self.is_parting
            && self.input.is_empty()
            && !self.is_blocked()
            && !self.is_closed()
    }

    /// Moves on what does not depend on bytes. Ready when there may be something to flush or the
    /// connection is over.
    pub fn poll(&mut self, cx: &mut Context<'_>, now: Instant) -> Poll<()> {
        self.expire(now);
        loop {
            self.poll_waiting(cx, now);
            // Whatever changes from here on wakes; what changed before is seen now.
            let standing = match &self.phase {
                Phase::Bound(bound) => bound.watch(cx),
                Phase::Negotiating(_) | Phase::Over => Standing::Here,
            };
            match standing {
                Standing::Here => {}
                Standing::Ended => self.end_by_order(),
                Standing::TakenOver => self.end_with(&TAKEN_OVER),
                Standing::Dropped => {
                    tracing::info!(peer = %self.peer.label, "the client takes too little; its connection is dropped");
                    self.lost(now);
                }
            }
            if self.is_parting || self.is_blocked() || self.input.is_empty() {
                break;
            }
            self.pump_kept(now);
        }
        if self.is_parting && self.waiting.is_none() {
            self.part(cx);
        }
        if self.has_eof && self.input.is_empty() && !self.is_blocked() {
            self.lost(now);
        }
        let is_due = match &mut self.phase {
            Phase::Bound(bound) => bound.poll_due(&self.server, cx, now),
            Phase::Negotiating(_) | Phase::Over => false,
        };
        match is_due || !self.last_words.is_empty() || self.stream.has_output() || self.is_closed()
        {
            true => Poll::Ready(()),
            false => Poll::Pending,
        }
    }

    /// When to poll if nothing happens before.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        let bound = match &self.phase {
            Phase::Bound(bound) => bound.deadline(),
            Phase::Negotiating(_) | Phase::Over => None,
        };
        [
            self.stream.poll_timeout(),
            self.throttle.paused_until,
            bound,
        ]
        .into_iter()
        .flatten()
        .min()
    }

    /// Appends what is due to `out`, a bounded amount.
    pub fn flush(&mut self, out: &mut Vec<u8>) {
        out.append(&mut self.last_words);
        self.stream.flush(out);
        if let Phase::Bound(bound) = &mut self.phase {
            bound.flush(&self.server, &self.stream, out, FLUSH_BYTES);
        }
    }

    /// The stream agreed to STARTTLS: once the output is written, the handshake begins.
    #[must_use]
    pub fn tls_requested(&self) -> bool {
        self.tls == Tls::Requested
    }

    /// The host the stream was opened to, for a client that names none in the handshake.
    #[must_use]
    pub fn tls_host(&self) -> Option<String> {
        match &self.phase {
            Phase::Negotiating(negotiation) => {
                negotiation.host().map(|host| host.domain().to_string())
            }
            Phase::Bound(_) | Phase::Over => None,
        }
    }

    /// The client sends data before its handshake is over, on a connection that begins with TLS. What only a client that is
    /// there may do is refused until [`tls_established`](Self::tls_established).
    pub fn tls_early(&mut self, facts: TlsFacts) {
        self.tls_established(facts);
        self.tls = Tls::Early;
    }

    /// The handshake is over.
    pub fn tls_established(&mut self, facts: TlsFacts) {
        if std::mem::replace(&mut self.tls, Tls::Settled) == Tls::Early {
            // What came early came from this client, and goes on.
            return;
        }
        self.input.clear();
        self.stream.tls_established(Channel {
            bindings: facts.bindings.clone(),
            tls_version: facts.version,
        });
        if let Phase::Negotiating(negotiation) = &mut self.phase {
            negotiation.secured(facts);
        }
    }

    /// Nothing more will be said: what `flush` still gives is written, then the connection is closed.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.is_lost || (matches!(self.phase, Phase::Over) && self.stream.is_over())
    }

    /// Whether somebody signed in.
    #[must_use]
    pub fn is_authenticated(&self) -> bool {
        match &self.phase {
            Phase::Negotiating(negotiation) => negotiation.is_authenticated(),
            Phase::Bound(_) => true,
            Phase::Over => false,
        }
    }

    /// The peer closed its direction without closing its stream: as if the connection were lost, but
    /// what it sent before is processed first.
    pub fn peer_closed(&mut self, now: Instant) {
        self.has_eof = true;
        self.pump_kept(now);
        if self.input.is_empty() && !self.is_blocked() {
            self.lost(now);
        }
    }

    /// The connection broke: nothing can be sent or received any more.
    pub fn lost(&mut self, _now: Instant) {
        self.is_lost = true;
        self.stream.lost();
        self.leave(Leaving::Lost);
    }

    /// The server stops: a session that can be resumed leaves its connection, once everything that came is handled; any
    /// other ends, then its stream with `system-shutdown`.
    pub fn stop(&mut self, _now: Instant) {
        self.server.stopping.store(true, Ordering::Relaxed);
        if matches!(&self.phase, Phase::Bound(bound) if bound.can_wait()) {
            self.is_parting = true;
            return;
        }
        self.end_with(&StreamFault::SystemShutdown { reason: None });
    }

    /// What is due and a last `<a/>` are written, and the connection is dropped without closing the stream:
    /// [XEP-0198 §7](https://xmpp.org/extensions/xep-0198.html#closure) has it that the session is not over then.
    fn part(&mut self, cx: &mut Context<'_>) {
        let Phase::Bound(bound) = &mut self.phase else {
            return;
        };
        let Some(h) = bound.poll_handled(&self.server, cx) else {
            return;
        };
        bound.write_out(&self.server, &mut self.stream, &mut self.last_words);
        self.stream
            .write_nonza(&mut self.last_words, |out| sm::write_answer(h, out));
        self.leave(Leaving::Lost);
        self.stream.lost();
    }

    /// Ends the session, if any, then the stream, with an error.
    fn end_with(&mut self, fault: &StreamFault) {
        if let Phase::Bound(bound) = &mut self.phase {
            bound.write_out(&self.server, &mut self.stream, &mut self.last_words);
        }
        self.leave(Leaving::Closed);
        self.stream.fault(fault);
    }

    /// Whether reading must wait: for a future, for a stanza to take effect, or for the rate.
    fn is_blocked(&self) -> bool {
        if self.waiting.is_some()
            || self.throttle.paused_until.is_some()
            || self.tls == Tls::Requested
        {
            return true;
        }
        match &self.phase {
            Phase::Bound(bound) => bound.is_held(),
            Phase::Negotiating(_) => false,
            Phase::Over => self.stream.is_over(),
        }
    }

    /// Processes what was kept.
    fn pump_kept(&mut self, now: Instant) {
        let input = std::mem::take(&mut self.input);
        let rest = self.pump(&input, now);
        if rest > 0 {
            let taken = input.len().saturating_sub(rest);
            let mut input = input;
            input.drain(..taken);
            self.input = input;
        }
    }

    /// Processes `bytes` up to where it must wait; gives how many are left.
    fn pump(&mut self, bytes: &[u8], now: Instant) -> usize {
        SCRATCH.with_borrow_mut(|scratch| {
            let mut left = bytes;
            while !self.is_blocked() {
                let mut input = left;
                let event = self.stream.receive(&mut input, scratch, now);
                let taken = left.len().saturating_sub(input.len());
                let Some(event) = event else {
                    left = left.get(taken..).unwrap_or_default();
                    break;
                };
                self.event(event, now);
                left = left.get(taken..).unwrap_or_default();
            }
            left.len()
        })
    }

    fn event(&mut self, event: Event<'_>, now: Instant) {
        match event {
            Event::PeerClosed => self.peer_left(now),
            Event::PeerFaulted { condition } => {
                tracing::debug!(peer = %self.peer.label, %condition, "the client ended its stream with an error");
                self.peer_left(now);
            }
            Event::Faulted(fault) => {
                tracing::info!(peer = %self.peer.label, condition = fault.condition(), reason = %fault, "stream ended");
                if let Phase::Bound(bound) = &mut self.phase {
                    bound.write_out(&self.server, &mut self.stream, &mut self.last_words);
                }
                self.count_failed_sign_in();
                self.leave(Leaving::Closed);
            }
            Event::StartTls => self.tls = Tls::Requested,
            event => {
                if let Phase::Bound(_) = &self.phase {
                    self.bound_event(event, now);
                } else {
                    self.negotiate(event, now);
                }
            }
        }
    }

    /// The client closed its stream: what is due is written, the session ends, then our side closes.
    fn peer_left(&mut self, now: Instant) {
        if let Phase::Bound(bound) = &mut self.phase {
            bound.write_out(&self.server, &mut self.stream, &mut self.last_words);
        }
        self.leave(Leaving::Closed);
        self.stream.close(now);
    }

    /// The session, if there is one, is left here; the stream may still have something to say.
    fn leave(&mut self, how: Leaving) {
        // Whatever is awaited is not for anybody any more; what must run to its end is a task.
        self.waiting = None;
        match std::mem::replace(&mut self.phase, Phase::Over) {
            Phase::Bound(bound) => bound.leave(&self.server, how),
            Phase::Negotiating(negotiation) => negotiation.leave(&self.server, &self.peer),
            Phase::Over => {}
        }
    }

    /// Somebody else ended the session.
    fn end_by_order(&mut self) {
        let Phase::Bound(bound) = &self.phase else {
            return;
        };
        let fault = bound
            .session()
            .outbox()
            .ending()
            .map(|ending| ending.fault.clone());
        let fault = fault.unwrap_or(StreamFault::Internal);
        let last_words = bound.session().outbox().take_last_words();
        tracing::info!(peer = %self.peer.label, jid = %bound.session().full_jid(), condition = fault.condition(), reason = %fault, "session ended by the server");
        self.leave(Leaving::Closed);
        if let Some(stanza) = last_words {
            self.stream.send_stanza(&stanza);
        }
        self.stream.fault(&fault);
    }

    fn poll_waiting(&mut self, cx: &mut Context<'_>, now: Instant) {
        while let Some(waiting) = &mut self.waiting {
            let Poll::Ready(outcome) = waiting.as_mut().poll(cx) else {
                return;
            };
            self.waiting = None;
            match outcome {
                Ok(Outcome::Negotiation(outcome)) => self.negotiated(outcome, now),
                Ok(Outcome::Bound(outcome)) => self.bound(*outcome),
                Ok(Outcome::Resumed(outcome)) => self.resumed(*outcome),
                Ok(Outcome::Started(answer)) => self.stream.send_nonza(&answer),
                Err(Panicked) => self.end_with(&StreamFault::Internal),
            }
            // An answer may have caused the next event, and input may be waiting.
            self.pump_kept(now);
        }
    }

    /// Does what is due at `now`.
    fn expire(&mut self, now: Instant) {
        if self.throttle.paused_until.is_some_and(|until| until <= now) {
            self.throttle.paused_until = None;
        }
        if let Some(event) = self.stream.handle_timeout(now) {
            self.event(event, now);
        }
        // A peer that never answered our closing tag: nothing is left of the stream.
        if self.stream.is_over() && !matches!(self.phase, Phase::Over) {
            self.leave(Leaving::Closed);
        }
    }

    fn wait_for(&mut self, future: impl Future<Output = Outcome> + Send + 'static) {
        self.waiting = Some(Box::pin(Caught::new(future)));
    }
}

impl Throttle {
    fn pause(&mut self, pause: Option<std::time::Duration>, now: Instant) {
        if let Some(pause) = pause {
            let until = now + pause;
            self.paused_until = Some(self.paused_until.map_or(until, |before| before.max(until)));
        }
    }
}

impl Drop for Connection {
    /// A driver that drops a connection has lost it: its session must not stay behind.
    fn drop(&mut self) {
        self.leave(Leaving::Lost);
    }
}

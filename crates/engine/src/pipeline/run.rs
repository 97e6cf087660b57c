//! One run: handlers over one event under one account's lock, and the handing over of what they want.

use std::{
    cell::{RefCell, RefMut},
    sync::Arc,
    time::Instant,
};

use jid::{BareJid, Jid};
use smallvec::SmallVec;
use stanza::{Kind, MessageType, Stanza, Timestamp};
use store::{Batch, Seq};
use stream::StreamFault;

use super::{
    Gates,
    events::{Event, PeerAddressed, Verdict},
};
use crate::{
    account::{Account, DrainQueue, ending, noted},
    effect::Effect,
    envelope::Envelope,
    faults::{Panicked, caught},
    host::Host,
    losses::{Bounce, Bounces, Mending, Mendings},
    module::{AccountMessage, Saying, TellError},
    room,
    sabotage::Sabotage,
    server::Server,
    session::{
        Session,
        frame::{Fate, Frame},
        outbox::Refused,
    },
};

/// What a handler may reach besides its account: the host, the clocks, and where to put what shall
/// happen after the run.
pub struct Context<'a> {
    server: &'a Arc<Server>,
    host: &'a Arc<Host>,
    run: RefCell<Run>,
}

/// Undoes in memory what a failed batch did not do on disk.
pub type Undo = Box<dyn FnOnce(&mut Account) + Send>;

/// Whether something a run says is so only if its batch is stored.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Truth {
    Stored,
    Regardless,
}

impl Truth {
    /// What it waits for when the run waits for `gates`.
    fn gates(self, gates: Gates, inherited: Gates) -> Gates {
        match self {
            Self::Stored => gates,
            Self::Regardless => Gates {
                needs: inherited.needs,
                ..gates
            },
        }
    }
}

/// What goes to others when the run is handed over.
enum Route {
    Stanza(Envelope, Truth),
    Message(Box<Saying>),
}

impl Route {
    /// With its gates, and `from` as who speaks.
    #[inline]
    fn on_its_way(self, from: &BareJid, gates: Gates, inherited: Gates) -> Effect {
        match self {
            Self::Stanza(mut envelope, truth) => {
                envelope.gate_at(truth.gates(gates, inherited));
                Effect::Stanza(envelope)
            }
            Self::Message(saying) => Effect::Told(Box::new(saying.stamped(from, gates))),
        }
    }
}

/// What one run collects.
#[derive(Default)]
pub(crate) struct Run {
    batch: Batch,
    /// What nothing of this run waits for.
    aside: Batch,
    routes: SmallVec<[Route; 1]>,
    pushes: SmallVec<[(Arc<Session>, Frame, Truth); 2]>,
    /// If the batch fails, these get an error: nobody will ever see them.
    bounces: Bounces,
    mendings: Mendings,
}

impl<'a> Context<'a> {
    fn new(server: &'a Arc<Server>, host: &'a Arc<Host>) -> Self {
        Self {
            server,
            host,
            run: RefCell::default(),
        }
    }

    /// The virtual host the account belongs to.
    #[must_use]
    pub fn host(&self) -> &'a Arc<Host> {
        self.host
    }

    /// The server.
    #[must_use]
    pub fn server(&self) -> &'a Arc<Server> {
        self.server
    }

    /// The wall clock.
    #[must_use]
    pub fn timestamp(&self) -> Timestamp {
        self.server.environment().timestamp()
    }

    /// The monotonic clock.
    #[must_use]
    pub fn now(&self) -> Instant {
        self.server.environment().now()
    }

    /// Puts a stanza on its way after this run, behind what the account sent before.
    pub fn route(&self, envelope: Envelope) {
        let route = Route::Stanza(envelope, Truth::Stored);
        self.run.borrow_mut().routes.push(route);
    }

    /// As [`Context::route`], for what is so whatever becomes of this run's batch: that somebody is
    /// there or gone, or an error.
    pub fn route_regardless(&self, envelope: Envelope) {
        let route = Route::Stanza(envelope, Truth::Regardless);
        self.run.borrow_mut().routes.push(route);
    }

    /// Tells another account of ours something, in a run of its own there: behind what this account or service
    /// routed before, and once this run's batch is durable. See [`AccountMessage`].
    ///
    /// # Errors
    ///
    /// [`TellError`]; then nothing is on its way.
    pub fn tell_account<M: AccountMessage>(
        &self,
        account: &BareJid,
        message: &M,
    ) -> Result<(), TellError> {
        if account.local().is_none() || !self.server.serves(account.domain()) {
            return Err(TellError::NoAccount);
        }
        let saying = Saying::new(account, message)?;
        let route = Route::Message(Box::new(saying));
        self.run.borrow_mut().routes.push(route);
        Ok(())
    }

    /// Gives `session` a copy of `stanza`, readdressed to it, which is dropped if the session ends first.
    pub fn push(&self, session: &Arc<Session>, stanza: &Arc<Stanza>) {
        let to = Some(Jid::from(session.full_jid().clone()));
        self.push_frame(
            session,
            Frame {
                stanza: stanza.clone(),
                to,
                gates: Gates::OPEN,
                fate: Fate::Drop,
            },
        );
    }

    /// As [`Context::push`], for what is so whatever becomes of this run's batch.
    pub(crate) fn push_regardless(&self, session: &Arc<Session>, stanza: &Arc<Stanza>) {
        let to = Some(Jid::from(session.full_jid().clone()));
        let frame = Frame {
            stanza: stanza.clone(),
            to,
            gates: Gates::OPEN,
            fate: Fate::Drop,
        };
        self.run
            .borrow_mut()
            .pushes
            .push((session.clone(), frame, Truth::Regardless));
    }

    /// As [`Context::push`], with another `to`: the bare JID it was sent to.
    pub fn push_to(&self, session: &Arc<Session>, stanza: &Arc<Stanza>, to: Jid) {
        let frame = Frame {
            stanza: stanza.clone(),
            to: Some(to),
            gates: Gates::OPEN,
            fate: Fate::Drop,
        };
        self.push_frame(session, frame);
    }

    /// Gives `session` a frame. An error is so whatever becomes of this run's batch: it may be the very news that
    /// the store refuses what it is given.
    pub(crate) fn push_frame(&self, session: &Arc<Session>, frame: Frame) {
        let truth = match frame.stanza.kind() {
            Kind::Message(MessageType::Error) => Truth::Regardless,
            Kind::Message(_) | Kind::Presence(_) | Kind::Iq(_) => Truth::Stored,
        };
        self.run
            .borrow_mut()
            .pushes
            .push((session.clone(), frame, truth));
    }

    /// What this run stores: one batch, all of it or nothing. Frames and stanzas of this run are not
    /// seen by anybody before it is durable.
    pub fn batch(&self) -> RefMut<'_, Batch> {
        RefMut::map(self.run.borrow_mut(), |run| &mut run.batch)
    }

    /// A second batch, for what nobody relies on: nothing of this run waits for it, and if it fails, nothing
    /// is taken back. The account stays in memory until it is settled.
    pub fn aside(&self) -> RefMut<'_, Batch> {
        RefMut::map(self.run.borrow_mut(), |run| &mut run.aside)
    }

    /// If this run's batch fails, `stanza` is answered with `internal-server-error`; unless the batch that it came here
    /// with failed, with which it was answered already.
    pub(crate) fn bounce_if_lost(&self, stanza: &Arc<Stanza>, unless_failed: Seq) {
        self.run.borrow_mut().bounces.push(Bounce {
            stanza: stanza.clone(),
            unless_failed,
        });
    }

    /// If this run's batch fails, `undo` mends what the run changed in memory.
    pub fn undo_if_lost(&self, undo: Undo) {
        self.mend_if_lost(Mending::Undo(undo));
    }

    /// The same for what nearly every message needs.
    pub(crate) fn mend_if_lost(&self, mending: Mending) {
        self.run.borrow_mut().mendings.push(mending);
    }

    /// Whether the screens let the account turn to `peer` by itself.
    #[must_use]
    pub fn may_address(&self, account: &Account, peer: &Jid) -> bool {
        let handlers = PeerAddressed::handlers(self.host.pipeline());
        if handlers.is_empty() {
            return true;
        }
        let event = PeerAddressed { peer: peer.clone() };
        handlers.screen(&event, account, self) == Verdict::Pass
    }

    /// Tells an event to its listeners.
    pub fn tell<E: Event>(&self, mut event: E, account: &mut Account) {
        E::handlers(self.host.pipeline()).at(super::Stage::Listen, &mut event, account, self);
    }
}

/// Runs `body` over `account`, whose lock the caller holds, then ends sessions that could not take a
/// frame, each in a run of its own. Gives the body's result and the gates of the runs.
///
/// # Errors
///
/// [`Panicked`]: the account is not to be trusted any more.
pub(crate) fn run<R>(
    server: &Arc<Server>,
    host: &Arc<Host>,
    account: &mut Account,
    gates: Gates,
    body: impl FnOnce(&mut Account, &Context<'_>) -> R,
) -> Result<(R, Gates), Panicked> {
    let (result, mut gates) = run_once(server, host, account, gates, body)?;
    while !account.condemned.is_empty() {
        let (id, fault, frame) = account.condemned.remove(0);
        // The end itself is true whatever becomes of what the frame rests on.
        let behind = Gates::after(frame.gates.after);
        let (_, more) = run_once(server, host, account, behind, |account, cx| {
            let is_resumable = account
                .resource(id)
                .is_some_and(|it| it.session().outbox().resumption().is_some());
            ending::end(account, cx, id, &fault);
            ending::reroute(account, cx, &frame, is_resumable);
        })?;
        gates = gates.and(more);
    }
    Ok((result, gates))
}

fn run_once<R>(
    server: &Arc<Server>,
    host: &Arc<Host>,
    account: &mut Account,
    gates: Gates,
    body: impl FnOnce(&mut Account, &Context<'_>) -> R,
) -> Result<(R, Gates), Panicked> {
    let cx = Context::new(server, host);
    let result = caught(|| {
        let result = body(account, &cx);
        noted::look_for_changes(account, &cx);
        result
    })?;
    let gates = hand_over(server, account, gates, cx.run.into_inner());
    Ok((result, gates))
}

/// Runs `body` for a service at the address `jid`, whose lock the caller holds; what it routes is appended
/// to `effects`. There are no sessions to push to and no account to undo anything in.
///
/// # Errors
///
/// [`Panicked`]: then it is as if it had not run.
pub(crate) fn run_service<R>(
    server: &Arc<Server>,
    host: &Arc<Host>,
    jid: &BareJid,
    effects: &mut DrainQueue<Effect>,
    gates: Gates,
    body: impl FnOnce(&Context<'_>) -> R,
) -> Result<(R, Gates), Panicked> {
    let cx = Context::new(server, host);
    let result = caught(|| body(&cx))?;
    let mut run = cx.run.into_inner();
    let inherited = gates;
    let gates = match submit(server, jid, &mut run) {
        Some(seq) => inherited.and(Gates::on(seq)),
        None => inherited,
    };
    submit_aside(server, &mut run);
    for route in run.routes {
        effects.push(route.on_its_way(jid, gates, inherited));
    }
    Ok((result, gates))
}

/// Hands the run's batch to the store, and watches over it if something depends on it.
fn submit(server: &Arc<Server>, jid: &BareJid, run: &mut Run) -> Option<Seq> {
    if run.batch.is_empty() {
        return None;
    }
    let seq = server.store().submit(std::mem::take(&mut run.batch));
    if !run.bounces.is_empty() || !run.mendings.is_empty() {
        let bounces = std::mem::take(&mut run.bounces);
        let mendings = std::mem::take(&mut run.mendings);
        server.losses().watch(seq, jid, bounces, mendings);
    }
    Some(seq)
}

fn submit_aside(server: &Arc<Server>, run: &mut Run) -> Option<Seq> {
    let aside = std::mem::take(&mut run.aside);
    (!aside.is_empty()).then(|| server.store().submit(aside))
}

/// The fault that a test may put in: messages do not wait.
fn without_waiting(frame: &Frame) -> Gates {
    match frame.stanza.kind() {
        Kind::Message(_) => Gates::OPEN,
        _ => frame.gates,
    }
}

/// First the batch, which gives the gates; then frames and stanzas, which carry them.
fn hand_over(server: &Arc<Server>, account: &mut Account, inherited: Gates, mut run: Run) -> Gates {
    let gates = match submit(server, account.jid(), &mut run) {
        Some(seq) => {
            account.submitted(seq, server.store());
            inherited.and(Gates::on(seq))
        }
        None => inherited,
    };
    if let Some(seq) = submit_aside(server, &mut run) {
        account.last_seq = seq;
    }
    for (session, mut frame, truth) in run.pushes {
        frame.gates = frame.gates.and(truth.gates(gates, inherited));
        if server.sabotage() == Sabotage::DeliverBeforeCommit {
            frame.gates = without_waiting(&frame);
        }
        match session
            .outbox()
            .push(frame, || server.environment().timestamp())
        {
            Ok(pushed) => {
                if pushed.needs_wake {
                    session.wake();
                }
                server.metrics().waiting_dropped(pushed.dropped);
            }
            // It ended in this run, or must: what it was to get goes elsewhere.
            Err((Refused::Resting, frame)) if matches!(frame.fate, Fate::Drop) => {}
            Err((_, frame)) => {
                let bytes_max =
                    usize::try_from(server.limits().outbox_bytes_max).unwrap_or(usize::MAX);
                account.condemned.push((
                    session.id(),
                    StreamFault::OutboxFull { bytes_max },
                    frame,
                ));
            }
        }
    }
    if !run.routes.is_empty() {
        room::have(account.effects.waiting());
    }
    for route in run.routes {
        let effect = route.on_its_way(account.jid(), gates, inherited);
        account.effects.push(effect);
    }
    gates
}

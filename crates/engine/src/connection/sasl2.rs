//! The engine's side of SASL2 ([XEP-0388](https://xmpp.org/extensions/xep-0388.html)): from the proof over the tasks of
//! features to a success that resumes or binds. What is on the wire is in `stream`.

use std::{collections::VecDeque, sync::Arc};

use jid::BareJid;
use sasl::{Mechanism, SaslFailure};
use stanza::Condition;
use stream::{SignInRequest, StreamFault};
use xml::{Builder, Fragment};

use super::{
    ClientSettings, Connection, Outcome as Awaited, Phase,
    bind::{self, Bound},
    bind2::{self, BindRequest},
    negotiation::{Outcome, SignedIn},
    resume::{self, Refusal, Resumed},
    sign_in, sm,
};
use crate::{
    account::{AccountRecord, ProvedToken},
    host::Host,
    module::{AtStream, SignIn, SignInTask, TaskStep},
    server::Server,
};

/// A client that proved who it is, on its way in.
pub(super) struct Proof {
    who: SignedIn,
    sign_in: Arc<SignIn>,
    /// What it has to do yet; it is about the first.
    tasks: VecDeque<Box<dyn SignInTask>>,
    /// What it gets with its success.
    others: Vec<Fragment>,
}

/// What became of a step towards success.
pub(super) enum Progress {
    /// The first of the tasks is to be done.
    Require(Box<Proof>),
    /// It goes on with this.
    Data(Vec<Fragment>, Box<Proof>),
    /// The client is in.
    Success(Box<Success>),
    /// It is not, and is told why.
    Failed(SaslFailure, Option<Fragment>),
    /// And neither is its stream to go on.
    Faulted(StreamFault),
}

/// A client that is in.
pub(super) struct Success {
    who: SignedIn,
    others: Vec<Fragment>,
    seat: Seat,
}

/// Where a client that is in sits.
enum Seat {
    /// Nowhere yet: it will ask for a resource.
    None,
    /// On the resource it asked for along with its sign-in.
    Bound(Bound),
    /// Where it sat before.
    Resumed(Resumed),
}

/// Who proved what, and how.
pub(super) struct Proved {
    pub(super) username: String,
    pub(super) mechanism: Mechanism,
    /// The account's record, if it was read for the proof.
    pub(super) record: Option<AccountRecord>,
    pub(super) token: Option<ProvedToken>,
    /// It came before the handshake was over.
    pub(super) is_early: bool,
    /// Whom the header named.
    pub(super) claimed: Option<BareJid>,
    pub(super) request: SignInRequest,
}

impl From<SaslFailure> for Progress {
    fn from(failure: SaslFailure) -> Self {
        Self::Failed(failure, None)
    }
}

impl Proof {
    /// The mechanism succeeded: who is it, and what has it to do yet?
    async fn of(
        server: &Arc<Server>,
        host: &Arc<Host>,
        proved: Proved,
    ) -> Result<Self, SaslFailure> {
        let (username, mechanism) = (&proved.username, proved.mechanism);
        let mut who = sign_in::admit(server, host, username, mechanism, proved.record).await?;
        // Whoever the header named was offered this; nobody else may make use of it.
        if proved.claimed.is_some_and(|claimed| claimed != who.jid) {
            return Err(SaslFailure::InvalidAuthzid);
        }
        who.user_agent = Some(Arc::new(proved.request.user_agent.clone()));
        let sign_in = Arc::new(SignIn {
            jid: who.jid.clone(),
            host: host.clone(),
            server: server.clone(),
            mechanism: proved.mechanism,
            token: proved.token,
            is_early: proved.is_early,
            credentials: who.credentials,
            is_anonymous: who.is_anonymous,
            request: proved.request,
        });
        let mut tasks = VecDeque::new();
        for feature in host.sign_in() {
            tasks.extend(feature.tasks(sign_in.clone()).await?);
        }
        // A task may do something, and how often a token was used is noted behind all of them.
        if sign_in.is_early && !tasks.is_empty() {
            return Err(SaslFailure::TemporaryAuthFailure);
        }
        Ok(Self {
            who,
            sign_in,
            tasks,
            others: Vec::new(),
        })
    }

    /// The client says something in the task it is about.
    async fn step(mut self, data: Vec<Fragment>, settings: &ClientSettings) -> Progress {
        let Some(task) = self.tasks.pop_front() else {
            return SaslFailure::TemporaryAuthFailure.into();
        };
        let server = self.sign_in.server.clone();
        match server.detached(task.step(data)).await {
            Some(TaskStep::Data(data, task)) => {
                self.tasks.push_front(task);
                Progress::Data(data, Box::new(self))
            }
            Some(TaskStep::Done(others)) => {
                self.others.extend(others);
                self.go_on(settings).await
            }
            Some(TaskStep::Failed(failure)) => failure.into(),
            None => SaslFailure::TemporaryAuthFailure.into(),
        }
    }

    /// Nothing is under way: the next task, or success.
    async fn go_on(self, settings: &ClientSettings) -> Progress {
        if !self.tasks.is_empty() {
            return Progress::Require(Box::new(self));
        }
        self.succeed(settings).await.unwrap_or_else(|failed| failed)
    }

    /// Everything is done: the client gets what features have for it, and its session,
    /// [XEP-0386 §Performing the bind](https://xmpp.org/extensions/xep-0386.html#bind).
    ///
    /// The session is made last, with nothing awaited behind it: a future may be dropped where it waits.
    async fn succeed(self, settings: &ClientSettings) -> Result<Progress, Progress> {
        let Self {
            who,
            sign_in,
            mut others,
            ..
        } = self;
        let (server, host) = (&sign_in.server, &sign_in.host);
        for feature in host.sign_in() {
            let given = server.detached(feature.signed_in(sign_in.clone())).await;
            others.extend(given.ok_or(SaslFailure::TemporaryAuthFailure)??);
        }
        let seat = find_seat(&sign_in, &who, settings, &mut others).await?;
        Ok(Progress::Success(Box::new(Success { who, others, seat })))
    }
}

/// Resumes a session, or else binds a resource, as far as the client asked for it: a session that goes on has a resource,
/// [XEP-0198 §Inline Stream Resumption](https://xmpp.org/extensions/xep-0198.html#inline-resume).
async fn find_seat(
    sign_in: &SignIn,
    who: &SignedIn,
    settings: &ClientSettings,
    others: &mut Vec<Fragment>,
) -> Result<Seat, Progress> {
    let (server, host) = (&sign_in.server, &sign_in.host);
    if let Some(element) = sign_in.request.inline("resume", sm::NS) {
        let outcome = match resume::Request::parse(&element.tree().root()) {
            None => Err(sm::failed_with(Condition::BadRequest, None)),
            Some(request) => match resume::resume(server, who, request, &settings.sm).await {
                Ok(resumed) => Ok(resumed),
                Err(Refusal::TooHigh(too_high)) => {
                    return Err(Progress::Faulted(too_high.fault()));
                }
                Err(refusal) => Err(refusal.to_fragment()),
            },
        };
        match outcome {
            Ok(resumed) => {
                others.push(resumed.to_fragment());
                return Ok(Seat::Resumed(resumed));
            }
            Err(failed) => others.push(failed),
        }
    }
    let Some(bind) = sign_in.request.inline("bind", bind2::NS) else {
        return Ok(Seat::None);
    };
    let wanted = bind::Wanted::Inline(BindRequest::read(bind));
    let bound = bind::bind(server, host, who.clone(), wanted, settings).await;
    // A resource that cannot be had is a sign-in that cannot be now.
    let bound = bound.map_err(|error| {
        let why = Builder::new(error.condition().name(), xml::ns::STANZA_ERRORS);
        Progress::Failed(SaslFailure::TemporaryAuthFailure, Some(why.build()))
    })?;
    others.extend(bound.told.clone());
    Ok(Seat::Bound(bound))
}

impl Connection {
    /// The mechanism of a sign-in by SASL2 succeeded.
    pub(super) fn sasl2_proved(&mut self, host: Arc<Host>, proved: Proved) {
        let (server, settings) = (self.server.clone(), self.settings.clone());
        self.wait_for(async move {
            let progress = match Proof::of(&server, &host, proved).await {
                Ok(proof) => proof.go_on(&settings).await,
                Err(failure) => failure.into(),
            };
            Awaited::Negotiation(Outcome::Sasl2(Box::new(progress)))
        });
    }

    /// The client says something in a task.
    pub(super) fn sasl2_task(&mut self, data: Vec<Fragment>) {
        let settings = self.settings.clone();
        let proof = match &mut self.phase {
            Phase::Negotiating(negotiation) => negotiation.proof.take(),
            Phase::Bound(_) | Phase::Over => None,
        };
        let Some(proof) = proof else {
            return self.stream.refuse(SaslFailure::TemporaryAuthFailure);
        };
        self.wait_for(async move {
            Awaited::Negotiation(Outcome::Sasl2(Box::new(proof.step(data, &settings).await)))
        });
    }

    /// A step towards success was made.
    pub(super) fn sasl2_progress(&mut self, progress: Progress) {
        match progress {
            // What is named together are alternatives, of which the client does one; what has to be done besides comes with
            // the next <continue/>, https://xmpp.org/extensions/xep-0388.html#continue. None of ours is an alternative.
            Progress::Require(proof) => {
                let task = proof.tasks.front();
                let name = task.map(|task| task.name().to_owned());
                self.stream.require(
                    name.into_iter().collect(),
                    task.and_then(|task| task.text()),
                );
                self.keep_proof(proof);
            }
            Progress::Data(data, proof) => {
                self.stream.task_data(&data);
                self.keep_proof(proof);
            }
            Progress::Success(success) => self.sasl2_success(*success),
            Progress::Failed(failure, None) => self.stream.refuse(failure),
            Progress::Failed(failure, Some(why)) => self.stream.refuse_because(failure, &why),
            Progress::Faulted(fault) => self.end_with(&fault),
        }
    }

    fn keep_proof(&mut self, proof: Box<Proof>) {
        if let Phase::Negotiating(negotiation) = &mut self.phase {
            negotiation.proof = Some(proof);
        }
    }

    fn sasl2_success(&mut self, success: Success) {
        let Success { who, others, seat } = success;
        self.log_sign_in(&who);
        let jid = who.jid.clone();
        if let Phase::Negotiating(negotiation) = &mut self.phase {
            negotiation.account = Some(who);
        }
        match seat {
            Seat::None => self.stream.succeed(jid, &others),
            Seat::Resumed(resumed) => {
                let full_jid = resumed.session().full_jid().clone();
                self.stream.succeed_resumed(full_jid, &others);
                self.sit_on(resumed);
            }
            Seat::Bound(bound) => {
                let has_acks = bound.session.has_acks();
                let Some((host, full_jid)) = self.enter(bound) else {
                    return;
                };
                let mut features = host.stream_features(AtStream::AfterSignIn);
                if !has_acks {
                    features.push(sm::feature());
                }
                self.stream.succeed_bound(full_jid, &others, &features);
            }
        }
    }
}

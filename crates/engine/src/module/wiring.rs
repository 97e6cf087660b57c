//! What a module says it touches, and where that goes.

use std::{any::Any, sync::Arc, time::Duration};

use jid::{BareJid, Domain, Jid};
use stanza::{Stanza, StanzaError, form::Form};
use xml::Fragment;

use super::{
    AccountMessage, AnswerIq, ArchiveField, ArchiveFieldEntry, Archives, ArchivesFn, AtBind,
    AtBindFn, AtSignIn, BindElement, BindHandler, BindInline, Circles, CirclesFn, DiscoNodes,
    FanOut, Gone, GoneFn, HandleIq, Module, On, OnAccountMessage, Payload, Prepare, PrepareFn,
    Screen, SignInPart, Telling,
    account_message::AccountMessageHandler,
    iq::{IqContext, IqTable, To, answering, handling},
    job::{Job, JobEntry},
    service::{Service, ServiceParts, ServiceWiring},
    stream_element::{AtSession, ElementHandler, StreamElement},
};
use crate::{
    command::CommandEntry,
    disco::{Disco, Identity, Item, Node},
    envelope::Envelope,
    host::Host,
    metrics::Counter,
    pipeline::{Context, Pipeline, Stage, events::Event},
    server::Server,
    session::{Session, marks::SessionMark},
};

/// At which moment of a stream a feature shows in `<stream:features/>`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum AtStream {
    /// Before sign-in.
    BeforeSignIn,
    /// After sign-in, before binding.
    AfterSignIn,
}

/// Whom a stanza goes to, with what goes there, or the error that is the answer.
pub(crate) type FannedOut = Option<Result<Vec<(Jid, Stanza)>, StanzaError>>;
pub(crate) type FanOutFn = Box<dyn Fn(&Stanza, &Session, &Server) -> FannedOut + Send + Sync>;
pub(crate) type NodeFn =
    Box<dyn Fn(&str, &IqContext<'_>) -> Option<Result<Node, StanzaError>> + Send + Sync>;
pub(crate) type FeatureFn = Box<dyn Fn(&Host) -> Option<Fragment> + Send + Sync>;

/// What a feature says of a host when somebody asks.
pub(crate) struct Gauge {
    pub(crate) name: &'static str,
    pub(crate) help: &'static str,
    pub(crate) read: ReadFn,
}

type ReadFn = Box<dyn Fn(&Arc<Host>, &Arc<Server>) -> f64 + Send + Sync>;

/// What the modules of one host made together.
#[derive(Default)]
pub(crate) struct Parts {
    /// The modules themselves, of whatever types.
    pub(crate) modules: Vec<Arc<dyn Any + Send + Sync>>,
    pub(crate) pipeline: Pipeline,
    pub(crate) iq: IqTable,
    pub(crate) disco: Disco,
    pub(crate) nodes: Vec<NodeFn>,
    pub(crate) fan_outs: Vec<FanOutFn>,
    pub(crate) features: Vec<(AtStream, FeatureFn)>,
    pub(crate) marks: Vec<&'static str>,
    pub(crate) services: Vec<ServiceParts>,
    pub(crate) elements: Vec<ElementHandler>,
    pub(crate) sign_in: Vec<Box<dyn SignInPart>>,
    pub(crate) bind_inline: Vec<BindHandler>,
    pub(crate) at_bind: Vec<AtBindFn>,
    pub(crate) account_messages: Vec<AccountMessageHandler>,
    pub(crate) jobs: Vec<JobEntry>,
    pub(crate) commands: Vec<&'static CommandEntry>,
    pub(crate) counters: Vec<&'static Counter>,
    pub(crate) gauges: Vec<Gauge>,
    pub(crate) prepares: Vec<PrepareFn>,
    pub(crate) circles: Vec<CirclesFn>,
    pub(crate) gone: Vec<GoneFn>,
    pub(crate) archives: Option<ArchivesFn>,
    pub(crate) archive_fields: Vec<ArchiveFieldEntry>,
    pub(crate) deletion_grace: Duration,
    pub(crate) clients_kept: Option<Duration>,
}

/// Registers one module. Handed to [`Module::wire`].
pub struct Wiring<'a, M> {
    module: Arc<M>,
    parts: &'a mut Parts,
}

impl<'a, M: Module> Wiring<'a, M> {
    pub(crate) fn new(module: M, parts: &'a mut Parts) -> Self {
        let module = Arc::new(module);
        parts.modules.push(module.clone());
        Self { module, parts }
    }

    /// The module's own configuration decides what is wired.
    #[must_use]
    pub fn module(&self) -> &M {
        &self.module
    }

    /// The host and its accounts have this feature, XEP-0030.
    pub fn disco_feature(&mut self, feature: &'static str) -> &mut Self {
        self.parts.disco.add_host_feature(feature);
        self
    }

    /// Accounts have this feature: it shows in the disco of a bare JID, and of the host.
    pub fn disco_account_feature(&mut self, feature: &'static str) -> &mut Self {
        self.parts.disco.add_account_feature(feature);
        self
    }

    /// A data set that the host shows with its features, XEP-0128.
    pub fn disco_form(&mut self, form: Form) -> &mut Self {
        self.parts.disco.add_host_form(form);
        self
    }

    /// An item of the host: a service for its users, XEP-0030.
    pub fn disco_item(&mut self, item: Item) -> &mut Self {
        self.parts.disco.add_host_item(item);
        self
    }

    /// The host has nodes in service discovery that this feature answers for.
    pub fn disco_nodes(&mut self) -> &mut Self
    where
        M: DiscoNodes,
    {
        let module = self.module.clone();
        self.parts
            .nodes
            .push(Box::new(move |node, cx| module.disco_node(node, cx)));
        self
    }

    /// A feature of the stream, computed when the stream offers it.
    pub fn stream_feature(
        &mut self,
        when: AtStream,
        feature: impl Fn(&M, &Host) -> Option<Fragment> + Send + Sync + 'static,
    ) -> &mut Self {
        let module = self.module.clone();
        self.parts
            .features
            .push((when, Box::new(move |host| feature(&module, host))));
        self
    }

    /// Answers requests with payload `P` at once.
    pub fn iq<P: Payload>(&mut self, to: To) -> &mut Self
    where
        M: AnswerIq<P>,
    {
        self.parts.iq.add::<P>(to, answering::<M, P>(&self.module));
        self
    }

    /// Answers requests with payload `P` after waiting for something.
    pub fn iq_waiting<P: Payload + Send>(&mut self, to: To) -> &mut Self
    where
        M: HandleIq<P>,
    {
        self.parts.iq.add::<P>(to, handling::<M, P>(&self.module));
        self
    }

    /// Owns `domain`: takes what is sent there. `wire` registers what the service says and answers; the host
    /// lists it among its items.
    pub fn service(
        &mut self,
        domain: Domain,
        identity: Identity,
        wire: impl FnOnce(&mut ServiceWiring<'_, M>),
    ) -> &mut Self
    where
        M: Service,
    {
        let module = self.module.clone();
        let take = Box::new(move |envelope: &Envelope, cx: &Context<'_>| module.take(envelope, cx));
        self.disco_item(Item {
            jid: domain.clone().into(),
            node: None,
            name: identity.name.map(ToOwned::to_owned),
        });
        let mut parts = ServiceParts::new(domain, identity, take);
        wire(&mut ServiceWiring::new(&self.module, &mut parts));
        self.parts.services.push(parts);
        self
    }

    /// Sends on messages and presence that sessions send to the host itself.
    pub fn fan_out(&mut self) -> &mut Self
    where
        M: FanOut,
    {
        let module = self.module.clone();
        self.parts
            .fan_outs
            .push(Box::new(move |stanza, session, server| {
                module.fan_out(stanza, session, server)
            }));
        self
    }

    /// Takes elements of bound streams that are no stanzas, with name and namespace of `P`.
    pub fn stream_element<P: StreamElement>(&mut self) -> &mut Self
    where
        M: AtSession<P>,
    {
        let module = self.module.clone();
        self.parts.elements.push(ElementHandler {
            name: P::ELEMENT,
            ns: P::NS,
            handle: Box::new(move |element, session, account, cx| {
                module.at_session(P::parse(element)?, session, account, cx)
            }),
        });
        self
    }

    /// Has to do with how clients sign in by SASL2.
    pub fn at_sign_in(&mut self) -> &mut Self
    where
        M: AtSignIn,
    {
        self.parts.sign_in.push(Box::new(self.module.clone()));
        self
    }

    /// Takes elements with name and namespace of `P` that a client sends along with binding by Bind 2.
    pub fn bind_inline<P: BindElement>(&mut self) -> &mut Self
    where
        M: BindInline<P>,
    {
        let module = self.module.clone();
        self.parts.bind_inline.push(BindHandler {
            name: P::ELEMENT,
            ns: P::NS,
            handle: Box::new(move |element, session, account, cx| {
                module.bind_inline(P::parse(element)?, session, account, cx)
            }),
        });
        self
    }

    /// Tells each session that binds by Bind 2 something.
    pub fn at_bind(&mut self) -> &mut Self
    where
        M: AtBind,
    {
        let module = self.module.clone();
        self.parts.at_bind.push(Box::new(move |account, server| {
            let module = module.clone();
            Box::pin(async move {
                let read = module.before_bind(&account, &server).await;
                let telling: Telling = Box::new(move |session, account, cx| {
                    module.at_bind(&read, session, account, cx)
                });
                telling
            })
        }));
        self
    }

    /// Takes what accounts and services of this feature say to an account with
    /// [`tell_account`](Context::tell_account).
    pub fn account_message<A: AccountMessage>(&mut self) -> &mut Self
    where
        M: OnAccountMessage<A>,
    {
        let handler = AccountMessageHandler::new::<M, A>(&self.module);
        self.parts.account_messages.push(handler);
        self
    }

    /// Does [`Job::run`] again and again, `every` so often, beginning one such span after the start or after
    /// the reload that turned the feature on.
    pub fn job(&mut self, every: Duration) -> &mut Self
    where
        M: Job,
    {
        let module = self.module.clone();
        self.parts.jobs.push(JobEntry {
            name: M::NAME,
            every,
            run: Box::new(move |host, server| {
                let module = module.clone();
                Box::pin(async move { module.run(&host, &server).await })
            }),
        });
        self
    }

    /// Reads something of the host before its accounts.
    pub fn prepare(&mut self) -> &mut Self
    where
        M: Prepare,
    {
        let module = self.module.clone();
        self.parts.prepares.push(Box::new(move |host, server| {
            let module = module.clone();
            Box::pin(async move { module.prepare(&host, &server).await })
        }));
        self
    }

    /// Provides contacts to accounts.
    pub fn circles(&mut self) -> &mut Self
    where
        M: Circles,
    {
        let module = self.module.clone();
        let circles = Box::new(move |account: &BareJid| module.circles(account));
        self.parts.circles.push(circles);
        self
    }

    /// For this long a deleted account can be taken back; the longest that a feature asks for counts. Who asks for it
    /// has to see to it that [`Server::finish_deletions`](crate::Server::finish_deletions) is called.
    pub fn deletion_grace(&mut self, grace: Duration) -> &mut Self {
        self.parts.deletion_grace = self.parts.deletion_grace.max(grace);
        self
    }

    /// Has the clients of the host's accounts remembered until this long after they were last seen; the longest that a
    /// feature asks for counts.
    pub fn keep_clients(&mut self, kept: Duration) -> &mut Self {
        let before = self.parts.clients_kept.unwrap_or_default();
        self.parts.clients_kept = Some(before.max(kept));
        self
    }

    /// Decides what archives of accounts take. One feature does.
    pub fn archives(&mut self) -> &mut Self
    where
        M: Archives,
    {
        let module = self.module.clone();
        self.parts.archives = Some(Box::new(move |peer, account| {
            module.archives(peer, account)
        }));
        self
    }

    /// Adds a field to the form by which users ask their archives.
    pub fn archive_field(&mut self) -> &mut Self
    where
        M: ArchiveField,
    {
        for name in std::iter::once(&M::FIELD).chain(M::ALSO) {
            let module = self.module.clone();
            self.parts.archive_fields.push(ArchiveFieldEntry {
                name,
                narrow: Box::new(move |value, page| module.narrow(value, page)),
            });
        }
        self
    }

    /// Remembers names whose account was deleted.
    pub fn gone(&mut self) -> &mut Self
    where
        M: Gone,
    {
        let module = self.module.clone();
        self.parts.gone.push(Box::new(move |account, server| {
            let module = module.clone();
            Box::pin(async move { module.is_gone(&account, &server).await })
        }));
        self
    }

    /// Listens to `E` at a stage.
    pub fn on<E: Event>(&mut self, stage: Stage) -> &mut Self
    where
        M: On<E>,
    {
        let module = self.module.clone();
        E::handlers_mut(&mut self.parts.pipeline).listen(
            stage,
            Box::new(move |event, account, cx| module.on(event, account, cx)),
        );
        self
    }

    /// Screens `E`: may stop it.
    pub fn screen<E: Event>(&mut self) -> &mut Self
    where
        M: Screen<E>,
    {
        let module = self.module.clone();
        E::handlers_mut(&mut self.parts.pipeline).add_screen(Box::new(
            move |event, account, cx| module.screen(event, account, cx),
        ));
        self
    }

    /// Counts into `counter`, which is shown while a host has the feature. Whoever has the server at hand counts:
    /// `cx.server().metrics().count(&COUNTER)`.
    pub fn counter(&mut self, counter: &'static Counter) -> &mut Self {
        self.parts.counters.push(counter);
        self
    }

    /// A number that goes up and down, looked at when metrics are asked for; each host has its own. `name` has no
    /// prefix, `help` is a phrase, and `read` takes no lock for long.
    pub fn gauge(
        &mut self,
        name: &'static str,
        help: &'static str,
        read: impl Fn(&M, &Arc<Host>, &Arc<Server>) -> f64 + Send + Sync + 'static,
    ) -> &mut Self {
        let module = self.module.clone();
        self.parts.gauges.push(Gauge {
            name,
            help,
            read: Box::new(move |host, server| read(&module, host, server)),
        });
        self
    }

    /// Declares a mark this feature sets on sessions.
    pub fn session_mark<T: SessionMark>(&mut self) -> &mut Self {
        self.parts.marks.push(T::NAME);
        self
    }
}

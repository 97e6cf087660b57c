//! A virtual host: a domain of ours with its accounts, and the features its configuration gives it.

use std::{
    collections::BTreeMap,
    num::NonZeroU32,
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use jid::{BareJid, Domain};
use sasl::Hash;
use serde_json::Value;
use stanza::{Stanza, StanzaError};
use stream::OfferVersions;
use xml::Fragment;

use crate::{
    account::Circle,
    command::CommandEntry,
    connection,
    disco::{Disco, Node},
    metrics::Counter,
    module::{
        AccountMessageHandler, ArchiveFieldEntry, ArchivesFn, AtBindFn, AtStream, BindHandler,
        ConfigError, ElementHandler, Entry, FannedOut, Gauge, GoneFn, IqContext, JobEntry, Module,
        Preparation, PrepareFn, ServiceParts, Setting, SignInPart, iq::IqTable,
    },
    notice::NS_NO_REPLY,
    pipeline::Pipeline,
    server::Server,
    session::Session,
};

/// How clients of a host sign in.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Authentication {
    /// With an account of the host.
    #[default]
    Accounts,
    /// Without any: each gets an address of its own that ends with the session.
    Anonymous,
}

/// What the engine itself reads of a host's configuration, and modules may look at.
#[derive(Clone, Debug)]
pub struct HostFacts {
    /// Its domain.
    pub domain: Domain,
    /// How clients sign in.
    pub authentication: Authentication,
    /// Whether the store finds entries by their text; the server says so, whatever stands here.
    pub full_text: bool,
    /// Who administers the server.
    pub admins: Vec<BareJid>,
    /// The hashes new passwords are stored with.
    pub scram_hashes: Vec<Hash>,
    /// The iterations new passwords are stored with.
    pub scram_iterations: NonZeroU32,
}

impl HostFacts {
    /// Defaults for a domain.
    #[must_use]
    pub fn new(domain: Domain) -> Self {
        Self {
            domain,
            authentication: Authentication::default(),
            full_text: false,
            admins: Vec::new(),
            scram_hashes: Hash::ALL.to_vec(),
            scram_iterations: sasl::ITERATIONS_DEFAULT,
        }
    }
}

/// A host's configuration: the engine's part, and a value for each module that has one.
#[derive(Clone, Debug)]
pub struct HostSettings {
    /// The engine's part.
    pub facts: HostFacts,
    /// By module name; what is not named gets defaults.
    pub modules: BTreeMap<String, Value>,
}

/// A virtual host with its features.
pub struct Host {
    facts: HostFacts,
    parts: crate::module::Parts,
    preparation: Preparation,
    /// What the engine itself can do along with a sign-in by SASL2.
    sign_in_inline: Vec<Fragment>,
    /// The versions of what its streams offer: gone with this configuration.
    offer_versions: Arc<OfferVersions>,
    /// Shared with the host's earlier and later configurations.
    streams: RwLock<Arc<AtomicU32>>,
}

impl Host {
    pub(crate) fn build(settings: &HostSettings, entries: &[Entry]) -> Result<Self, ConfigError> {
        let mut parts = crate::module::Parts::default();
        parts.disco.add_host_feature(NS_NO_REPLY);
        if settings.facts.authentication == Authentication::Accounts {
            // XEP-0160 §4: what nobody is there to take is kept.
            parts.disco.add_host_feature("msgoffline");
        }
        for entry in entries {
            let setting = Setting::from_value(settings.modules.get(entry.name).cloned());
            entry.build(setting, &settings.facts, &mut parts)?;
        }
        Ok(Self {
            facts: settings.facts.clone(),
            sign_in_inline: connection::sign_in_inline(&parts.bind_inline),
            offer_versions: Arc::default(),
            parts,
            preparation: Preparation::default(),
            streams: RwLock::default(),
        })
    }

    /// Reorders handlers inside their stages, as tests do.
    pub(crate) fn shuffle(&mut self, random: &mut dyn FnMut(usize) -> usize) {
        self.parts.pipeline.shuffle(random);
    }

    /// Its domain.
    #[must_use]
    pub fn domain(&self) -> &Domain {
        &self.facts.domain
    }

    /// The engine's part of its configuration.
    #[must_use]
    pub fn facts(&self) -> &HostFacts {
        &self.facts
    }

    /// What it and its accounts say of themselves.
    #[must_use]
    pub fn disco(&self) -> &Disco {
        &self.parts.disco
    }

    /// What a node of it is to whoever asks; `None` when no feature has such a node.
    #[must_use]
    pub fn disco_node(&self, node: &str, cx: &IqContext<'_>) -> Option<Result<Node, StanzaError>> {
        self.parts.nodes.iter().find_map(|answer| answer(node, cx))
    }

    /// What goes instead of a message or presence to it; the first feature that knows decides.
    pub(crate) fn fan_out(&self, stanza: &Stanza, session: &Session, server: &Server) -> FannedOut {
        let mut fan_outs = self.parts.fan_outs.iter();
        fan_outs.find_map(|fan_out| fan_out(stanza, session, server))
    }

    /// A feature as this host has it, for its own commands; `None` where it is off.
    #[must_use]
    pub fn feature<M: Module>(&self) -> Option<Arc<M>> {
        let mut modules = self.parts.modules.iter();
        modules.find_map(|module| module.clone().downcast().ok())
    }

    pub(crate) fn pipeline(&self) -> &Pipeline {
        &self.parts.pipeline
    }

    pub(crate) fn iq(&self) -> &IqTable {
        &self.parts.iq
    }

    /// The commands of its features, in their order. Those of a feature that it does not have are not among them.
    #[must_use]
    pub fn commands(&self) -> &[&'static CommandEntry] {
        &self.parts.commands
    }

    /// The mark of this name that a feature of this host sets on sessions.
    pub(crate) fn mark(&self, name: &str) -> Option<&'static str> {
        self.parts.marks.iter().copied().find(|mark| *mark == name)
    }

    /// The domains that features of this host own.
    pub(crate) fn services(&self) -> &[ServiceParts] {
        &self.parts.services
    }

    /// What its features do from time to time.
    pub(crate) fn jobs(&self) -> &[JobEntry] {
        &self.parts.jobs
    }

    /// What its features count.
    pub(crate) fn counters(&self) -> &[&'static Counter] {
        &self.parts.counters
    }

    /// What its features say of it when metrics are asked for.
    pub(crate) fn gauges(&self) -> &[Gauge] {
        &self.parts.gauges
    }

    /// The features that read something of the host before its accounts.
    pub(crate) fn prepares(&self) -> &[PrepareFn] {
        &self.parts.prepares
    }

    /// How far they are.
    pub(crate) fn preparation(&self) -> &Preparation {
        &self.preparation
    }

    /// Whether features provide contacts to its accounts.
    pub(crate) fn has_circles(&self) -> bool {
        !self.parts.circles.is_empty()
    }

    /// The contacts that features provide to an account.
    pub(crate) fn circles_of(&self, account: &BareJid) -> Vec<Arc<Circle>> {
        let features = self.parts.circles.iter();
        features.flat_map(|circles| circles(account)).collect()
    }

    /// Who decides what archives of accounts take; `None` where there are no archives.
    pub(crate) fn archives(&self) -> Option<&ArchivesFn> {
        self.parts.archives.as_ref()
    }

    /// The fields that features add to the form by which users ask their archives.
    #[must_use]
    pub fn archive_fields(&self) -> &[ArchiveFieldEntry] {
        &self.parts.archive_fields
    }

    /// Who remembers names whose account was deleted.
    pub(crate) fn gone(&self) -> &[GoneFn] {
        &self.parts.gone
    }

    /// For how long a deleted account can be taken back.
    #[must_use]
    pub fn deletion_grace(&self) -> Duration {
        self.parts.deletion_grace
    }

    /// Until how long after they were last seen the clients of its accounts are remembered; `None` when they are not.
    #[must_use]
    pub fn clients_kept(&self) -> Option<Duration> {
        self.parts.clients_kept
    }

    /// Who takes a first-level element that is no stanza.
    pub(crate) fn element(&self, name: &str, ns: &str) -> Option<&ElementHandler> {
        let mut elements = self.parts.elements.iter();
        elements.find(|one| one.name == name && one.ns == ns)
    }

    /// Who has to do with how clients sign in by SASL2.
    pub(crate) fn sign_in(&self) -> &[Box<dyn SignInPart>] {
        &self.parts.sign_in
    }

    /// What the engine itself can do along with a sign-in by SASL2, the same on each stream.
    pub(crate) fn sign_in_inline(&self) -> &[Fragment] {
        &self.sign_in_inline
    }

    /// The versions of what its streams offer before sign-in.
    pub(crate) fn offer_versions(&self) -> &Arc<OfferVersions> {
        &self.offer_versions
    }

    /// Who takes what a client asks for along with binding by Bind 2.
    pub(crate) fn bind_inline(&self) -> &[BindHandler] {
        &self.parts.bind_inline
    }

    /// Who tells each session something that binds by Bind 2.
    pub(crate) fn at_bind(&self) -> &[AtBindFn] {
        &self.parts.at_bind
    }

    /// Who takes messages between accounts of this name.
    pub(crate) fn account_message(&self, name: &str) -> Option<&AccountMessageHandler> {
        let mut handlers = self.parts.account_messages.iter();
        handlers.find(|one| one.name == name)
    }

    /// The feature children of the stream at `when`.
    pub(crate) fn stream_features(&self, when: AtStream) -> Vec<Fragment> {
        self.parts
            .features
            .iter()
            .filter(|(at, _)| *at == when)
            .filter_map(|(_, feature)| feature(self))
            .collect()
    }

    /// How many client streams it carries.
    #[must_use]
    pub fn streams(&self) -> u32 {
        self.counter().load(Ordering::Relaxed)
    }

    /// Counts a stream, unless there are `most` already.
    pub(crate) fn open_stream(&self, most: u32) -> bool {
        self.counter()
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |open| {
                (open < most).then_some(open + 1)
            })
            .is_ok()
    }

    pub(crate) fn close_stream(&self) {
        self.counter().fetch_sub(1, Ordering::Relaxed);
    }

    /// This is the same host in a newer configuration.
    pub(crate) fn count_streams_of(&self, before: &Self) {
        *self.streams.write().unwrap_or_else(PoisonError::into_inner) = before.counter();
    }

    fn counter(&self) -> Arc<AtomicU32> {
        self.streams
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

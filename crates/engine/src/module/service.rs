//! Services: domains of a feature's own, such as rooms.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use jid::Domain;

use super::{
    AnswerIq, ConfigError, HandleIq, Module, Payload,
    iq::{IqTable, answering, handling},
};
use crate::{
    account::DrainQueue,
    disco::{Disco, Identity},
    effect::Effect,
    envelope::Envelope,
    host::Host,
    pipeline::Context,
    server::StartError,
};

/// A feature that owns a domain takes what is sent there.
pub trait Service: Send + Sync {
    /// Takes a message or presence for an address of the domain. Never waits. Runs of one service don't
    /// overlap: what they route goes out in their order, behind the batch each has made.
    fn take(&self, envelope: &Envelope, cx: &Context<'_>);
}

pub(crate) type TakeFn = Box<dyn Fn(&Envelope, &Context<'_>) + Send + Sync>;

/// A declared service: what it says of itself, and who answers for it.
pub struct ServiceParts {
    domain: Domain,
    identity: Identity,
    disco: Disco,
    pub(crate) iq: IqTable,
    pub(crate) take: TakeFn,
}

impl ServiceParts {
    pub(crate) fn new(domain: Domain, identity: Identity, take: TakeFn) -> Self {
        Self {
            domain,
            identity,
            disco: Disco::default(),
            iq: IqTable::default(),
            take,
        }
    }

    /// Its domain.
    #[must_use]
    pub fn domain(&self) -> &Domain {
        &self.domain
    }

    /// What kind of service it is.
    #[must_use]
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// What it offers, as a host's features, forms and items.
    #[must_use]
    pub fn disco(&self) -> &Disco {
        &self.disco
    }
}

/// Registers what a service answers. Handed out by [`Wiring::service`](super::Wiring::service).
pub struct ServiceWiring<'a, M> {
    module: &'a Arc<M>,
    parts: &'a mut ServiceParts,
}

impl<'a, M: Module> ServiceWiring<'a, M> {
    pub(crate) fn new(module: &'a Arc<M>, parts: &'a mut ServiceParts) -> Self {
        Self { module, parts }
    }

    /// The service has this feature, XEP-0030.
    pub fn disco_feature(&mut self, feature: &'static str) -> &mut Self {
        self.parts.disco.add_host_feature(feature);
        self
    }

    /// Answers requests to the service with payload `P` at once.
    pub fn iq<P: Payload>(&mut self) -> &mut Self
    where
        M: AnswerIq<P>,
    {
        self.parts
            .iq
            .add::<P>(super::To::Service, answering::<M, P>(self.module));
        self
    }

    /// Answers requests to the service with payload `P` after waiting for something.
    pub fn iq_waiting<P: Payload + Send>(&mut self) -> &mut Self
    where
        M: HandleIq<P>,
    {
        self.parts
            .iq
            .add::<P>(super::To::Service, handling::<M, P>(self.module));
        self
    }
}

/// A service's lock, and what its runs made, to be routed in order by one drainer. It stays the same over
/// reloads.
#[derive(Default)]
pub(crate) struct ServiceCell(Mutex<DrainQueue<Effect>>);

impl ServiceCell {
    /// Takes the service's lock: for one run, or to take the next effect.
    pub(crate) fn lock(&self) -> MutexGuard<'_, DrainQueue<Effect>> {
        // A panic inside a run is caught there, before anything was put into the queue.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is to be routed next; `None` ends the draining.
    pub(crate) fn next_effect(&self) -> Option<Effect> {
        self.lock().next(VecDeque::pop_front)
    }
}

/// A service of the configuration in force.
#[derive(Clone)]
pub(crate) struct ServiceRef {
    host: Arc<Host>,
    index: usize,
    pub(crate) cell: Arc<ServiceCell>,
}

impl ServiceRef {
    /// The services of all hosts, by domain.
    ///
    /// # Errors
    ///
    /// [`StartError::Config`] when two want the same domain, or one wants a host's.
    pub(crate) fn all(
        hosts: &BTreeMap<String, Arc<Host>>,
    ) -> Result<BTreeMap<String, Self>, StartError> {
        let mut services = BTreeMap::new();
        for host in hosts.values() {
            for (index, parts) in host.services().iter().enumerate() {
                let domain = parts.domain().as_str().to_owned();
                let service = Self {
                    host: host.clone(),
                    index,
                    cell: Arc::default(),
                };
                if hosts.contains_key(&domain) || services.insert(domain.clone(), service).is_some()
                {
                    return Err(StartError::Config {
                        host: host.domain().clone(),
                        error: ConfigError {
                            key: domain,
                            problem: "two features, or a feature and a host, want this domain; give one of them another".to_owned(),
                        },
                    });
                }
            }
        }
        Ok(services)
    }

    /// The host it belongs to.
    pub(crate) fn host(&self) -> &Arc<Host> {
        &self.host
    }

    /// What was declared.
    pub(crate) fn parts(&self) -> &ServiceParts {
        self.host
            .services()
            .get(self.index)
            .expect("made for a service of this host, whose list never changes")
    }
}

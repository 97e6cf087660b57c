//! Several homes: accounts that live in different processes, as one server.
//!
//! A home is where all work on an account's memory is done, and where what it owns is stored. Nothing in the engine
//! reaches a second account but by a stanza or an [`AccountMessage`](crate::module::AccountMessage), so the router is
//! the only place that has to know where accounts live: it asks [`Homes`], once per stanza, and only if there are
//! several. What is for an account elsewhere becomes a [`Parcel`](parcel::Parcel) and leaves as bytes.
//!
//! Here is what every way between homes needs: order, gates, what is kept until the other side has it, and that
//! nothing is taken twice. Who lives where, and how bytes travel, is the business of whoever implements [`Homes`]; the
//! engine has no network here either. See `docs/design/0011-homes.md`.
//!
//! `parcel` is what travels, `leaving` the way out, `arriving` the way in, `crossing` what a stanza of another home
//! carries until it has taken effect, `requests` who still awaits an answer.

mod arriving;
mod crossing;
mod leaving;
mod link;
mod parcel;
mod requests;

use std::{collections::BTreeMap, sync::Arc};

use jid::Domain;

pub use self::crossing::Crossing;
pub(crate) use self::link::Link;
use crate::server::Server;

/// Where accounts live, and the way to the other homes. Whoever assembles the server gives it, by
/// [`Environment::homes`](crate::Environment::homes).
///
/// Between [`Server::home_is_up`] and [`Server::home_is_down`] nothing on the way between two homes is lost or changes
/// its place. A home that went down comes back as another life of it: with its store, and without its sessions. So
/// whoever can't bridge a broken connection has to make sure that one of both sides ends.
pub trait Homes: Send + Sync + 'static {
    /// The other homes, by name. They stay the same.
    fn others(&self) -> Vec<Domain>;

    /// The home of the account or service with this bare address, one of [`others`](Self::others); `None` when it
    /// lives here. All homes answer the same.
    fn elsewhere(&self, bare_jid: &str) -> Option<Domain>;

    /// Takes bytes to another home, behind those it was given before. Never waits and never calls the server: it may
    /// be called under a lock.
    fn send(&self, home: &Domain, bytes: Vec<u8>);
}

/// The ways to all other homes.
pub(crate) struct Links {
    port: Arc<dyn Homes>,
    links: BTreeMap<String, Arc<Link>>,
}

impl Links {
    pub(crate) fn new(port: Arc<dyn Homes>) -> Self {
        let links = port.others().into_iter().map(|home| {
            let name = home.as_str().to_owned();
            (name, Arc::new(Link::new(home, port.clone())))
        });
        Self {
            links: links.collect(),
            port,
        }
    }

    /// The way to where this bare address lives, if that is not here.
    fn elsewhere(&self, bare_jid: &str) -> Option<&Arc<Link>> {
        self.links.get(self.port.elsewhere(bare_jid)?.as_str())
    }

    fn all(&self) -> impl Iterator<Item = &Arc<Link>> {
        self.links.values()
    }
}

impl Server {
    /// The way to where this bare address lives; `None` when that is here, as it always is with one home: then
    /// nobody asks for the address.
    pub(crate) fn link_to<'a>(&self, bare_jid: impl FnOnce() -> &'a str) -> Option<&Arc<Link>> {
        self.links.as_ref()?.elsewhere(bare_jid())
    }

    fn link(&self, home: &Domain) -> Option<&Arc<Link>> {
        self.links.as_ref()?.links.get(home.as_str())
    }

    /// After a start: reads what an earlier life has kept for other homes, and taken from them.
    pub(crate) fn read_links(self: &Arc<Self>) {
        for link in self.links.iter().flat_map(Links::all) {
            let (server, link) = (self.clone(), link.clone());
            self.environment()
                .spawn(Box::pin(async move { link.load(&server).await }));
        }
    }
}

//! Who may connect: the engine's limits per address, held by each connection for its life.

use std::{
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock},
};

use engine::{
    Limits,
    limits::{self, Connections, Refused},
};

/// Counts connections by address and says which are let in.
#[derive(Debug)]
pub struct Admission {
    limits: RwLock<Arc<Limits>>,
    connections: Mutex<Connections>,
}

impl Admission {
    /// Lets in what `limits` allow.
    pub fn new(limits: Arc<Limits>) -> Arc<Self> {
        Arc::new(Self {
            limits: RwLock::new(limits),
            connections: Mutex::default(),
        })
    }

    /// Changes the limits; connections that are in stay.
    pub fn set_limits(&self, limits: Arc<Limits>) {
        *self.limits.write().unwrap_or_else(PoisonError::into_inner) = limits;
    }

    /// Counts a new connection from `address`, if it is let in.
    pub(crate) fn admit(self: &Arc<Self>, address: IpAddr) -> Result<Permit, Refused> {
        let limits = Arc::clone(&self.limits.read().unwrap_or_else(PoisonError::into_inner));
        let counted = self.connections().opened(&limits, address)?;
        Ok(Permit {
            admission: Arc::clone(self),
            counted: Some(counted),
            authenticated: false,
        })
    }

    fn connections(&self) -> MutexGuard<'_, Connections> {
        self.connections
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// A connection's place in the counts; given back when dropped.
#[derive(Debug)]
pub(crate) struct Permit {
    admission: Arc<Admission>,
    counted: Option<limits::Admission>,
    /// So that the counts are locked once, not in every turn.
    authenticated: bool,
}

impl Permit {
    /// Somebody signed in: no longer counts as unauthenticated.
    pub(crate) fn authenticated(&mut self) {
        if self.authenticated {
            return;
        }
        self.authenticated = true;
        if let Some(counted) = &mut self.counted {
            self.admission.connections().authenticated(counted);
        }
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        if let Some(counted) = self.counted.take() {
            self.admission.connections().closed(counted);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dropped_permit_gives_its_place_back() {
        let limits = Limits {
            connections_per_address_max: 2,
            unauthenticated_per_address_max: 1,
            ..Limits::default()
        };
        let admission = Admission::new(Arc::new(limits));
        let address = "192.0.2.1".parse().unwrap();
        let mut first = admission.admit(address).unwrap();
        assert!(admission.admit(address).is_err(), "one has not signed in");
        first.authenticated();
        let second = admission.admit(address).unwrap();
        assert!(admission.admit(address).is_err(), "two are all");
        drop((first, second));
        assert_eq!(admission.connections().addresses(), 0);
    }
}

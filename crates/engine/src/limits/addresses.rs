//! How many connections each network address has, and how many of those have not signed in.
//!
//! An entry is there exactly as long as its address has a connection. The table is bounded all the same: past
//! [`ADDRESSES_MAX`] addresses, connections from further ones are refused.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::net::IpAddr;

use thiserror::Error;

use super::{AddressBlock, Limits};

/// How many addresses may be connected at once. Far beyond the file descriptors of a machine.
const ADDRESSES_MAX: usize = 4_000_000;

/// The connections of every address that is not exempt.
#[derive(Debug, Default)]
pub struct Connections {
    addresses: BTreeMap<AddressBlock, Counts>,
}

#[derive(Debug, Default)]
struct Counts {
    connections: u32,
    unauthenticated: u32,
}

/// One counted connection. It must go back to [`Connections::closed`], or its address counts it for ever.
#[derive(Debug, Eq, PartialEq)]
#[must_use = "a connection that is not closed is counted for ever"]
pub struct Admission {
    /// `None` when the address is exempt.
    block: Option<AddressBlock>,
    authenticated: bool,
}

/// Which limit a refused connection met.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum AddressLimit {
    /// `connections_per_address_max`.
    Connections,
    /// `unauthenticated_per_address_max`.
    Unauthenticated,
    /// [`ADDRESSES_MAX`].
    Addresses,
}

/// Why a connection must be closed at once. Its text is for the operator.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub enum Refused {
    /// The address has as many connections as it may have.
    #[error("{address} already has {max} connections; see limits.connections_per_address_max")]
    Connections {
        /// Where the connection came from.
        address: IpAddr,
        /// The limit.
        max: u32,
    },
    /// The address has as many connections without sign-in as it may have.
    #[error(
        "{address} already has {max} connections that have not signed in; see limits.unauthenticated_per_address_max"
    )]
    Unauthenticated {
        /// Where the connection came from.
        address: IpAddr,
        /// The limit.
        max: u32,
    },
    /// Too many addresses are connected.
    #[error("{ADDRESSES_MAX} addresses are connected, which is as many as are counted")]
    Addresses,
}

impl Refused {
    /// Which limit it was.
    #[must_use]
    pub const fn limit(&self) -> AddressLimit {
        match self {
            Self::Connections { .. } => AddressLimit::Connections,
            Self::Unauthenticated { .. } => AddressLimit::Unauthenticated,
            Self::Addresses => AddressLimit::Addresses,
        }
    }
}

impl Connections {
    /// Counts a new connection, which has not signed in.
    ///
    /// # Errors
    ///
    /// [`Refused`] when a limit is met; nothing is counted then, and the connection must be closed.
    pub fn opened(&mut self, limits: &Limits, address: IpAddr) -> Result<Admission, Refused> {
        let exempt = Admission {
            block: None,
            authenticated: false,
        };
        if limits.is_exempt(address) {
            return Ok(exempt);
        }
        let block = AddressBlock::from(address);
        let addresses = self.addresses.len();
        let counts = match self.addresses.entry(block) {
            Entry::Occupied(entry) => entry.into_mut(),
            Entry::Vacant(_) if addresses >= ADDRESSES_MAX => return Err(Refused::Addresses),
            // Both limits are at least one, so the new entry gets its connection below.
            Entry::Vacant(entry) => entry.insert(Counts::default()),
        };
        let max = limits.connections_per_address_max.max(1);
        if counts.connections >= max {
            return Err(Refused::Connections { address, max });
        }
        let max = limits.unauthenticated_per_address_max.max(1);
        if counts.unauthenticated >= max {
            return Err(Refused::Unauthenticated { address, max });
        }
        counts.connections += 1;
        counts.unauthenticated += 1;
        Ok(Admission {
            block: Some(block),
            ..exempt
        })
    }

    /// The connection has signed in. Saying so twice changes nothing.
    pub fn authenticated(&mut self, admission: &mut Admission) {
        if admission.authenticated {
            return;
        }
        admission.authenticated = true;
        if let Some(counts) = self.counts(admission) {
            counts.unauthenticated = counts.unauthenticated.saturating_sub(1);
        }
    }

    /// The connection is gone.
    pub fn closed(&mut self, mut admission: Admission) {
        self.authenticated(&mut admission);
        let Some(counts) = self.counts(&admission) else {
            return;
        };
        counts.connections = counts.connections.saturating_sub(1);
        if counts.connections == 0
            && let Some(block) = admission.block
        {
            self.addresses.remove(&block);
        }
    }

    /// How many addresses have a connection. Exempt ones are not counted.
    #[must_use]
    pub fn addresses(&self) -> usize {
        self.addresses.len()
    }

    fn counts(&mut self, admission: &Admission) -> Option<&mut Counts> {
        self.addresses.get_mut(admission.block.as_ref()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits(connections: u32, unauthenticated: u32) -> Limits {
        Limits {
            connections_per_address_max: connections,
            unauthenticated_per_address_max: unauthenticated,
            ..Limits::default()
        }
    }

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn an_address_may_have_as_many_connections_as_the_limit_says() {
        let (limits, mut table) = (limits(2, 2), Connections::default());
        let first = table.opened(&limits, address("192.0.2.1")).unwrap();
        let _second = table.opened(&limits, address("192.0.2.1")).unwrap();
        let refused = table.opened(&limits, address("192.0.2.1")).unwrap_err();
        assert_eq!(refused.limit(), AddressLimit::Connections);
        let _other = table.opened(&limits, address("192.0.2.2")).unwrap();
        table.closed(first);
        assert!(table.opened(&limits, address("192.0.2.1")).is_ok());
    }

    #[test]
    fn signing_in_makes_room_for_another_that_has_not() {
        let (limits, mut table) = (limits(9, 1), Connections::default());
        let mut first = table.opened(&limits, address("192.0.2.1")).unwrap();
        let refused = table.opened(&limits, address("192.0.2.1")).unwrap_err();
        assert_eq!(refused.limit(), AddressLimit::Unauthenticated);
        table.authenticated(&mut first);
        table.authenticated(&mut first);
        let _second = table.opened(&limits, address("192.0.2.1")).unwrap();
        assert!(table.opened(&limits, address("192.0.2.1")).is_err());
    }

    #[test]
    fn a_64_counts_as_one_address() {
        let (limits, mut table) = (limits(1, 1), Connections::default());
        let _first = table.opened(&limits, address("2001:db8::1")).unwrap();
        assert!(table.opened(&limits, address("2001:db8::2")).is_err());
        assert!(table.opened(&limits, address("2001:db8:0:1::1")).is_ok());
    }

    #[test]
    fn exempt_addresses_are_not_counted() {
        let (limits, mut table) = (limits(1, 1), Connections::default());
        let admissions: Vec<_> = (0..100)
            .map(|_| table.opened(&limits, address("127.0.0.1")).unwrap())
            .collect();
        assert_eq!(table.addresses(), 0);
        admissions.into_iter().for_each(|one| table.closed(one));
    }

    #[test]
    fn nothing_stays_when_all_are_gone() {
        let (limits, mut table) = (limits(3, 2), Connections::default());
        let mut open = Vec::new();
        for round in 0..1_000_u32 {
            let from = IpAddr::from([192, 0, 2, (round % 7) as u8]);
            if let Ok(mut admission) = table.opened(&limits, from) {
                if round % 3 == 0 {
                    table.authenticated(&mut admission);
                }
                open.push(admission);
            }
            if round % 2 == 0 && !open.is_empty() {
                table.closed(open.remove(0));
            }
        }
        assert!(table.addresses() > 0);
        open.into_iter().for_each(|one| table.closed(one));
        assert_eq!(table.addresses(), 0);
    }

    #[test]
    fn a_limit_of_zero_still_lets_one_in() {
        let (limits, mut table) = (limits(0, 0), Connections::default());
        let admission = table.opened(&limits, address("192.0.2.1")).unwrap();
        assert!(table.opened(&limits, address("192.0.2.1")).is_err());
        table.closed(admission);
        assert_eq!(table.addresses(), 0);
    }
}

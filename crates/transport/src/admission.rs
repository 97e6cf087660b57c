//! Who may connect: limits of connections per address, and in all.
//!
//! An IPv6 user has a /64 to himself, so that is what counts as one address.

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    str::FromStr,
    sync::{Arc, Mutex, PoisonError, RwLock},
};

use thiserror::Error;

/// How many connections are let in.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct AdmissionLimits {
    /// Connections from one address, signed in or not.
    pub per_address_max: usize,
    /// Connections from one address on which nobody has signed in yet.
    pub unauthenticated_per_address_max: usize,
    /// Connections in all.
    pub connections_max: usize,
    /// Networks to which the limits per address do not apply.
    pub exempt: Vec<Network>,
}

/// Counts connections and says which are let in.
#[derive(Debug)]
pub struct Admission {
    limits: RwLock<AdmissionLimits>,
    counts: Mutex<Counts>,
}

#[derive(Debug, Default)]
struct Counts {
    total: usize,
    by_address: HashMap<IpAddr, AddressCount>,
}

#[derive(Debug, Default)]
struct AddressCount {
    connections: usize,
    unauthenticated: usize,
}

impl Admission {
    /// Lets in what `limits` allow.
    pub fn new(limits: AdmissionLimits) -> Arc<Self> {
        Arc::new(Self {
            limits: RwLock::new(limits),
            counts: Mutex::default(),
        })
    }

    /// Changes the limits; connections that are in stay.
    pub fn set_limits(&self, limits: AdmissionLimits) {
        *self.limits.write().unwrap_or_else(PoisonError::into_inner) = limits;
    }

    /// Counts a new connection from `address`, if it is let in.
    pub(crate) fn admit(self: &Arc<Self>, address: IpAddr) -> Option<Permit> {
        let limits = self.limits.read().unwrap_or_else(PoisonError::into_inner);
        let exempt = limits
            .exempt
            .iter()
            .any(|network| network.contains(address));
        let key = address_key(address);
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        if counts.total >= limits.connections_max {
            return None;
        }
        let count = counts.by_address.entry(key).or_default();
        let full = count.connections >= limits.per_address_max
            || count.unauthenticated >= limits.unauthenticated_per_address_max;
        if full && !exempt {
            return None;
        }
        count.connections += 1;
        count.unauthenticated += 1;
        counts.total += 1;
        Some(Permit {
            admission: Arc::clone(self),
            key,
            authenticated: false,
        })
    }

    /// How many connections are in.
    pub fn connections(&self) -> usize {
        self.counts
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .total
    }
}

/// A connection's place in the counts; given back when dropped.
#[derive(Debug)]
pub(crate) struct Permit {
    admission: Arc<Admission>,
    key: IpAddr,
    authenticated: bool,
}

impl Permit {
    /// Somebody signed in: no longer counts as unauthenticated.
    pub(crate) fn authenticated(&mut self) {
        if self.authenticated {
            return;
        }
        self.authenticated = true;
        let mut counts = self
            .admission
            .counts
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = counts.by_address.get_mut(&self.key) {
            count.unauthenticated -= 1;
        }
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let mut counts = self
            .admission
            .counts
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        counts.total -= 1;
        if let Some(count) = counts.by_address.get_mut(&self.key) {
            count.connections -= 1;
            count.unauthenticated -= usize::from(!self.authenticated);
            if count.connections == 0 {
                counts.by_address.remove(&self.key);
            }
        }
    }
}

/// What counts as one address.
fn address_key(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => address.into(),
        IpAddr::V6(address) => Ipv6Addr::from_bits(masked(address.to_bits(), 128, 64)).into(),
    }
}

/// The first `prefix` of `width` bits.
fn masked(bits: u128, width: u8, prefix: u8) -> u128 {
    let cut = u32::from(width.saturating_sub(prefix));
    bits.checked_shr(cut)
        .and_then(|high| high.checked_shl(cut))
        .unwrap_or(0)
}

/// A network in CIDR notation: `127.0.0.0/8`, `::1`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Network {
    address: IpAddr,
    prefix: u8,
}

impl Network {
    /// Whether `address` is in it. IPv4-mapped IPv6 counts as IPv4.
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.address, address.to_canonical()) {
            (IpAddr::V4(network), IpAddr::V4(address)) => {
                let [network, address] =
                    [network, address].map(|a| masked(a.to_bits().into(), 32, self.prefix));
                network == address
            }
            (IpAddr::V6(network), IpAddr::V6(address)) => {
                let [network, address] =
                    [network, address].map(|a| masked(a.to_bits(), 128, self.prefix));
                network == address
            }
            _ => false,
        }
    }
}

impl std::fmt::Display for Network {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.address, self.prefix)
    }
}

/// The text is no address and no network.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[error("not a network such as \"127.0.0.0/8\" or \"::1\"")]
pub struct ParseNetworkError;

impl FromStr for Network {
    type Err = ParseNetworkError;

    fn from_str(text: &str) -> Result<Self, ParseNetworkError> {
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| ParseNetworkError)?;
        let width = match address {
            IpAddr::V4(Ipv4Addr { .. }) => 32,
            IpAddr::V6(_) => 128,
        };
        let prefix = match prefix {
            Some(prefix) => prefix.parse().map_err(|_| ParseNetworkError)?,
            None => width,
        };
        if prefix > width {
            return Err(ParseNetworkError);
        }
        Ok(Self { address, prefix })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_contain_what_their_prefix_says() {
        check("127.0.0.0/8", "127.9.9.9", true);
        check("127.0.0.0/8", "128.0.0.1", false);
        check("127.0.0.0/8", "::ffff:127.0.0.1", true);
        check("::1", "::1", true);
        check("::1", "::2", false);
        check("2001:db8::/32", "2001:db8:ffff::1", true);
        check("0.0.0.0/0", "9.9.9.9", true);
        check("0.0.0.0/0", "::1", false);
        check("::/0", "2001:db8::1", true);
    }

    #[track_caller]
    fn check(network: &str, address: &str, inside: bool) {
        let network: Network = network.parse().unwrap();
        assert_eq!(
            network.contains(address.parse().unwrap()),
            inside,
            "{network} {address}"
        );
    }

    #[test]
    fn what_is_no_network_is_refused() {
        for text in [
            "",
            "localhost",
            "10.0.0.0/33",
            "10.0.0/8",
            "::1/129",
            "10.0.0.0/-1",
        ] {
            assert_eq!(text.parse::<Network>(), Err(ParseNetworkError), "{text}");
        }
    }

    fn admission() -> Arc<Admission> {
        Admission::new(AdmissionLimits {
            per_address_max: 3,
            unauthenticated_per_address_max: 2,
            connections_max: 5,
            exempt: vec!["127.0.0.0/8".parse().unwrap()],
        })
    }

    #[test]
    fn one_address_gets_its_limit_and_no_more() {
        let admission = admission();
        let address = "192.0.2.1".parse().unwrap();
        let mut first = admission.admit(address).unwrap();
        let second = admission.admit(address).unwrap();
        assert!(admission.admit(address).is_none(), "two are not signed in");
        first.authenticated();
        let third = admission.admit(address).unwrap();
        assert!(admission.admit(address).is_none());
        drop((first, second, third));
        assert_eq!(admission.connections(), 0);
        assert!(admission.counts.lock().unwrap().by_address.is_empty());
    }

    #[test]
    fn an_ipv6_subnet_is_one_address_and_its_neighbour_another() {
        let admission = admission();
        let _a = admission.admit("2001:db8::1".parse().unwrap()).unwrap();
        let _b = admission.admit("2001:db8::ffff".parse().unwrap()).unwrap();
        assert!(admission.admit("2001:db8::2".parse().unwrap()).is_none());
        assert!(
            admission
                .admit("2001:db8:0:1::1".parse().unwrap())
                .is_some()
        );
    }

    #[test]
    fn exempt_networks_meet_only_the_total() {
        let admission = admission();
        let address = "127.0.0.1".parse().unwrap();
        let permits: Vec<_> = (0..5).map_while(|_| admission.admit(address)).collect();
        assert_eq!(permits.len(), 5);
        assert!(admission.admit(address).is_none());
    }
}

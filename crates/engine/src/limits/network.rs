//! Network addresses as limits see them: blocks that belong to one customer, and networks that are exempt.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// What is counted as one address: an IPv4 address, or the /64 of an IPv6 address, since whoever has one address of a
/// /64 has them all. An IPv4 address in IPv6 clothes (`::ffff:192.0.2.1`) counts as IPv4.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum AddressBlock {
    /// One IPv4 address.
    V4(Ipv4Addr),
    /// The first 64 bits of an IPv6 address.
    V6(u64),
}

impl From<IpAddr> for AddressBlock {
    fn from(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(v4) => Self::V4(v4),
            IpAddr::V6(v6) => {
                let [a, b, c, d, e, f, g, h, ..] = v6.octets();
                Self::V6(u64::from_be_bytes([a, b, c, d, e, f, g, h]))
            }
        }
    }
}

/// A network: an address and how many of its leading bits count. Bits past them are ignored.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct Network {
    address: IpAddr,
    prefix_bits: u8,
}

impl Network {
    /// `127.0.0.0/8` and `::1`.
    pub const LOOPBACK: [Self; 2] = [
        Self {
            address: IpAddr::V4(Ipv4Addr::new(127, 0, 0, 0)),
            prefix_bits: 8,
        },
        Self {
            address: IpAddr::V6(Ipv6Addr::LOCALHOST),
            prefix_bits: 128,
        },
    ];

    /// Whether `address` lies in this network. An IPv4 address in IPv6 clothes is looked up as IPv4.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.address, address.to_canonical()) {
            (IpAddr::V4(network), IpAddr::V4(address)) => {
                let differing = network.to_bits() ^ address.to_bits();
                differing.leading_zeros() >= u32::from(self.prefix_bits)
            }
            (IpAddr::V6(network), IpAddr::V6(address)) => {
                let differing = network.to_bits() ^ address.to_bits();
                differing.leading_zeros() >= u32::from(self.prefix_bits)
            }
            (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => false,
        }
    }
}

impl From<Network> for String {
    fn from(network: Network) -> Self {
        let whole = if network.address.is_ipv4() { 32 } else { 128 };
        match network.prefix_bits == whole {
            true => network.address.to_string(),
            false => format!("{}/{}", network.address, network.prefix_bits),
        }
    }
}

/// Why a text is no network.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
pub enum NetworkError {
    /// The part before the slash is no address.
    #[error(
        "\"{0}\" is not an IP address; write one such as \"192.0.2.7\", \"10.0.0.0/8\" or \"2001:db8::/32\""
    )]
    Address(String),
    /// The part after the slash is no number.
    #[error("\"{0}\" is not a prefix length")]
    Prefix(String),
    /// The prefix is longer than the address.
    #[error("the prefix length {bits} is more than {bits_max}")]
    PrefixTooLong {
        /// What was written.
        bits: u8,
        /// What such an address has: 32 or 128.
        bits_max: u8,
    },
}

impl FromStr for Network {
    type Err = NetworkError;

    fn from_str(text: &str) -> Result<Self, NetworkError> {
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        let address: IpAddr = address
            .parse()
            .map_err(|_| NetworkError::Address(address.to_owned()))?;
        let bits_max = if address.is_ipv4() { 32 } else { 128 };
        let prefix_bits = match prefix {
            None => bits_max,
            Some(prefix) => prefix
                .parse()
                .map_err(|_| NetworkError::Prefix(prefix.to_owned()))?,
        };
        if prefix_bits > bits_max {
            return Err(NetworkError::PrefixTooLong {
                bits: prefix_bits,
                bits_max,
            });
        }
        Ok(Self {
            address,
            prefix_bits,
        })
    }
}

impl TryFrom<String> for Network {
    type Error = NetworkError;

    fn try_from(text: String) -> Result<Self, NetworkError> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_customer_is_one_block() {
        let block = |text: &str| AddressBlock::from(text.parse::<IpAddr>().unwrap());
        assert_eq!(block("2001:db8:1:2::1"), block("2001:db8:1:2:ffff::9"));
        assert_ne!(block("2001:db8:1:2::1"), block("2001:db8:1:3::1"));
        assert_ne!(block("192.0.2.1"), block("192.0.2.2"));
        assert_eq!(block("::ffff:192.0.2.1"), block("192.0.2.1"));
        assert_ne!(block("::1"), block("0.0.0.1"));
    }

    #[test]
    fn a_network_contains_what_shares_its_prefix() {
        check("10.0.0.0/8", "10.255.0.1", true);
        check("10.0.0.0/8", "11.0.0.0", false);
        check("10.1.2.3/8", "10.9.9.9", true);
        check("192.0.2.7", "192.0.2.7", true);
        check("192.0.2.7", "192.0.2.6", false);
        check("192.0.2.0/31", "192.0.2.1", true);
        check("192.0.2.0/31", "192.0.2.2", false);
        check("0.0.0.0/0", "255.255.255.255", true);
        check("0.0.0.0/0", "2001:db8::1", false);
        check("::/0", "2001:db8::1", true);
        check("::/0", "192.0.2.1", false);
        check("::/0", "::ffff:192.0.2.1", false);
        check("192.0.2.0/24", "::ffff:192.0.2.1", true);
        check("2001:db8::/32", "2001:db8:ffff::1", true);
        check("2001:db8::/32", "2001:db9::1", false);
        check("::1", "::1", true);
        check("::1", "::2", false);
    }

    #[test]
    fn bad_networks_say_what_is_wrong() {
        assert!(matches!(
            "10.0.0/8".parse::<Network>(),
            Err(NetworkError::Address(_))
        ));
        assert!(matches!(
            "10.0.0.0/x".parse::<Network>(),
            Err(NetworkError::Prefix(_))
        ));
        assert!(matches!(
            "10.0.0.0/".parse::<Network>(),
            Err(NetworkError::Prefix(_))
        ));
        assert!(matches!(
            "10.0.0.0/256".parse::<Network>(),
            Err(NetworkError::Prefix(_))
        ));
        let too_long = NetworkError::PrefixTooLong {
            bits: 129,
            bits_max: 128,
        };
        assert_eq!("::1/129".parse::<Network>(), Err(too_long));
    }

    #[track_caller]
    fn check(network: &str, address: &str, contained: bool) {
        let parsed: Network = network.parse().unwrap();
        let inside = parsed.contains(address.parse().unwrap());
        assert_eq!(inside, contained, "{address} in {network}");
    }
}

//! Accounts by number: `u%d@localhost` with 7 is `u7@localhost`, all with one password.

use anyhow::{Context, Result, ensure};
use jid::BareJid;

/// Accounts that differ in a number.
#[derive(Clone, Debug)]
pub(crate) struct Accounts {
    before: String,
    after: String,
    domain: String,
    password: String,
    first: u32,
}

impl Accounts {
    /// Reads a pattern, a bare JID with one `%d` in its local part. Numbers count from `first`.
    ///
    /// # Errors
    ///
    /// When it is none.
    pub(crate) fn new(pattern: &str, password: &str, first: u32) -> Result<Self> {
        let (local, _) = pattern
            .split_once('@')
            .with_context(|| format!("{pattern:?} has no @: an example is u%d@localhost"))?;
        let (before, after) = local
            .split_once("%d")
            .with_context(|| format!("{pattern:?} has no %d before its @"))?;
        let example = BareJid::parse(&pattern.replacen("%d", "1", 1))
            .with_context(|| format!("{pattern:?} is no pattern for addresses"))?;
        ensure!(
            example.local() == Some(format!("{before}1{after}").as_str()),
            "{pattern:?} has characters that addresses do not keep, such as capitals"
        );
        Ok(Self {
            before: before.to_owned(),
            after: after.to_owned(),
            domain: example.domain().to_owned(),
            password: password.to_owned(),
            first,
        })
    }

    /// The local part of the account at this place, counted from 0.
    pub(crate) fn username(&self, place: u32) -> String {
        format!("{}{}{}", self.before, self.first + place, self.after)
    }

    /// Its address.
    pub(crate) fn address(&self, place: u32) -> String {
        format!("{}@{}", self.username(place), self.domain)
    }

    /// The domain of all.
    pub(crate) fn domain(&self) -> &str {
        &self.domain
    }

    /// The password of all.
    pub(crate) fn password(&self) -> &str {
        &self.password
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_take_their_place() {
        let accounts = Accounts::new("load-%d-x@example.com", "secret", 5).unwrap();
        assert_eq!(accounts.username(0), "load-5-x");
        assert_eq!(accounts.address(2), "load-7-x@example.com");
        assert_eq!(accounts.domain(), "example.com");
    }

    #[test]
    fn what_is_no_pattern_is_refused() {
        for pattern in [
            "u@localhost",
            "u%d",
            "U%d@localhost",
            "u%d@",
            "u@%d.localhost",
            "a b%d@c",
        ] {
            assert!(Accounts::new(pattern, "secret", 0).is_err(), "{pattern}");
        }
    }
}

//! Certificates that expire soon: said in the log, once a day for each.

use std::collections::BTreeMap;

use transport::certificate::CertificateSet;

/// How long before its end a certificate is spoken of.
pub(crate) const NOTICE_DAYS: i64 = 14;

const DAY_SECONDS: i64 = 24 * 60 * 60;

/// A certificate that expires soon, or has expired.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Expiring {
    pub(crate) host: String,
    pub(crate) file: String,
    /// When, in seconds since 1970.
    pub(crate) not_after: i64,
    /// Whole days that are left; negative once it has expired.
    pub(crate) days: i64,
}

/// Those of `hosts` whose certificate in `set` expires soon. `now` is in seconds since 1970.
pub(crate) fn expiring(set: &CertificateSet, hosts: &[String], now: i64) -> Vec<Expiring> {
    let soon = |host: &String| {
        let identity = set.find(host)?;
        let days = days_left(identity.leaf.not_after, now);
        (days < NOTICE_DAYS).then(|| Expiring {
            host: host.clone(),
            file: identity.path.display().to_string(),
            not_after: identity.leaf.not_after,
            days,
        })
    };
    hosts.iter().filter_map(soon).collect()
}

/// Whole days from `now` to `not_after`.
pub(crate) fn days_left(not_after: i64, now: i64) -> i64 {
    (not_after - now).div_euclid(DAY_SECONDS)
}

/// Who was told of what, so that it is said once a day.
#[derive(Debug, Default)]
pub(crate) struct Notices {
    /// By host: when its certificate expires, and when that was said.
    told: BTreeMap<String, (i64, i64)>,
}

impl Notices {
    /// Those of `expiring` that are to be spoken of now.
    pub(crate) fn due(&mut self, expiring: Vec<Expiring>, now: i64) -> Vec<Expiring> {
        self.told
            .retain(|host, _| expiring.iter().any(|one| one.host == *host));
        expiring
            .into_iter()
            .filter(|one| {
                let told = self.told.get(&one.host);
                let is_due = told.is_none_or(|(not_after, at)| {
                    *not_after != one.not_after || now >= at + DAY_SECONDS
                });
                if is_due {
                    self.told.insert(one.host.clone(), (one.not_after, now));
                }
                is_due
            })
            .collect()
    }
}

/// Says it.
pub(crate) fn warn(expiring: &Expiring) {
    let Expiring {
        host, file, days, ..
    } = expiring;
    match *days {
        ..0 => tracing::error!(
            host,
            file,
            "the certificate has expired: clients refuse to connect; renew it"
        ),
        days => tracing::warn!(host, file, days, "the certificate expires soon; renew it"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_whole_and_negative_when_they_are_over() {
        assert_eq!(days_left(14 * DAY_SECONDS, 0), 14);
        assert_eq!(days_left(14 * DAY_SECONDS - 1, 0), 13);
        assert_eq!(days_left(0, 0), 0);
        assert_eq!(days_left(0, 1), -1);
    }

    fn one(not_after: i64) -> Vec<Expiring> {
        vec![Expiring {
            host: "example.org".to_owned(),
            file: "example.org.crt".to_owned(),
            not_after,
            days: 13,
        }]
    }

    #[test]
    fn it_is_said_once_a_day_and_at_once_of_another_one() {
        let mut notices = Notices::default();
        let mut said = |not_after, now| notices.due(one(not_after), now).len();
        assert_eq!(said(1, 0), 1);
        assert_eq!(said(1, DAY_SECONDS - 1), 0);
        assert_eq!(said(1, DAY_SECONDS), 1);
        assert_eq!(said(2, DAY_SECONDS + 1), 1);
        assert_eq!(notices.due(Vec::new(), DAY_SECONDS + 2), []);
        assert_eq!(
            notices.due(one(2), DAY_SECONDS + 3).len(),
            1,
            "it was renewed in between"
        );
    }
}

//! Ports: whether they can be listened on, tried out when no server runs.

use std::collections::BTreeMap;

use transport::Endpoint;

use super::{Finding, Severity};
use crate::config::Config;

const ABOUT: &str = "ports";

/// What is found about the addresses to listen on. A server that runs has them already.
pub(super) fn look(config: &Config, is_running: bool) -> Vec<Finding> {
    let listen = &config.listen;
    let keys = [
        ("listen.c2s", &listen.c2s),
        ("listen.c2s_tls", &listen.c2s_tls),
        ("listen.metrics", &listen.metrics),
    ];
    let endpoints: Vec<(&str, Endpoint)> = keys
        .into_iter()
        .flat_map(|(key, endpoints)| endpoints.iter().map(move |endpoint| (key, *endpoint)))
        .collect();
    let mut findings = twice(&endpoints);
    if listen.c2s.is_empty() && listen.c2s_tls.is_empty() {
        findings.push(Finding::new(
            Severity::Error,
            ABOUT,
            "there is nothing to listen on",
            "Give listen.c2s or listen.c2s_tls an address",
        ));
    }
    if config.tls.early_data && listen.c2s_tls.is_empty() {
        findings.push(Finding::new(
            Severity::Note,
            ABOUT,
            "tls.early_data is for clients that begin with TLS, and none can",
            "Give listen.c2s_tls an address, or leave tls.early_data out",
        ));
    }
    if is_running {
        findings.push(Finding::new(
            Severity::Note,
            ABOUT,
            "a server runs on this data folder, so its ports were not tried",
            "\"couplet healthcheck\" says how it is",
        ));
        return findings;
    }
    for (key, endpoint) in endpoints {
        if let Err(error) = transport::bind(endpoint) {
            findings.push(Finding::new(
                Severity::Error,
                ABOUT,
                format!("{error} ({key})"),
                "\"ss -ltnp\" shows who listens where",
            ));
        }
    }
    findings
}

/// The same address under two keys, which only a start would show.
fn twice(endpoints: &[(&str, Endpoint)]) -> Vec<Finding> {
    let mut seen: BTreeMap<String, &str> = BTreeMap::new();
    let mut findings = Vec::new();
    for (key, endpoint) in endpoints {
        let is_chosen_later = match endpoint {
            Endpoint::Any(port) => *port == 0,
            Endpoint::One(address) => address.port() == 0,
        };
        if let Some(other) = seen.insert(endpoint.to_string(), key)
            && !is_chosen_later
        {
            findings.push(Finding::new(
                Severity::Error,
                ABOUT,
                format!("{endpoint} is listened on twice ({other}, {key})"),
                "Give one of them another port",
            ));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_listened_on_once() {
        check(&["*:5222", "*:5223"], 0);
        check(&["*:5222", "*:5222"], 1);
        check(&["127.0.0.1:0", "127.0.0.1:0"], 0);
    }

    #[track_caller]
    fn check(endpoints: &[&str], count: usize) {
        let endpoints: Vec<_> = endpoints
            .iter()
            .map(|endpoint| ("key", endpoint.parse().unwrap()))
            .collect();
        assert_eq!(twice(&endpoints).len(), count, "{endpoints:?}");
    }
}

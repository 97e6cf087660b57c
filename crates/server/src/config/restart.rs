//! Which keys are read at a start only.

use super::load::Config;

/// The keys that have another value in `now` than in `started` and need a restart to be in force.
pub(crate) fn needs_restart(started: &Config, now: &Config) -> Vec<String> {
    let differs = [
        ("workers", started.general.workers != now.general.workers),
        (
            "durability",
            started.general.durability != now.general.durability,
        ),
        ("listen.c2s", started.listen.c2s != now.listen.c2s),
        (
            "listen.c2s_tls",
            started.listen.c2s_tls != now.listen.c2s_tls,
        ),
        (
            "listen.metrics",
            started.listen.metrics != now.listen.metrics,
        ),
        (
            "tls.client_authorities",
            started.tls.client_authorities != now.tls.client_authorities,
        ),
        (
            "tls.early_data",
            started.tls.early_data != now.tls.early_data,
        ),
        ("log.format", started.log.format != now.log.format),
    ];
    let differs = differs.into_iter().filter(|(_, differs)| *differs);
    differs.map(|(key, _)| key.to_owned()).collect()
}

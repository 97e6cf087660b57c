//! Bounds that are not the operator's to set. Those that are stand in the `[limits]` table.

use std::time::Duration;

/// A form of publish options may have this many bytes. Past it, the registration is refused with
/// `resource-constraint`. Services ask for a secret and a name.
pub(super) const OPTIONS_BYTES_MAX: usize = 4 * 1024;

/// A node's name may have this many bytes. Past it, the registration is refused with `resource-constraint`.
pub(super) const NODE_BYTES_MAX: usize = 1024;

/// So many senders may be muted per registration. Past it, the registration is refused with `resource-constraint`.
pub(super) const MUTED_MAX: usize = 500;

/// So many things are remembered that one device is to be notified of. Past it, the oldest counts and is forgotten.
pub(super) const NOTES_MAX: usize = 32;

/// So much of a message's text goes along. The rest is cut: the services behind take little.
pub(super) const BODY_BYTES_MAX: usize = 1024;

/// A push service that has not answered by then has not taken the notification.
pub(super) const PATIENCE: Duration = Duration::from_secs(30);

/// After so many failures in a row a registration is removed, as with Prosody: its client registers anew when it is
/// there again.
pub(super) const FAILURES_MAX: u32 = 16;

/// How long the first failure holds back the next try; each further one doubles it.
const FIRST_PAUSE: Duration = Duration::from_secs(30);
/// And never longer than this.
const PAUSE_MAX: Duration = Duration::from_secs(60 * 60);

/// How long to wait after so many failures in a row.
pub(super) fn pause(failures: u32) -> Duration {
    let doublings = failures.saturating_sub(1).min(16);
    FIRST_PAUSE
        .saturating_mul(2_u32.saturating_pow(doublings))
        .min(PAUSE_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_failure_doubles_the_pause_up_to_an_hour() {
        let seconds = [1, 2, 3, 7, 8, 16].map(|failures| pause(failures).as_secs());
        assert_eq!(seconds, [30, 60, 120, 1_920, 3_600, 3_600]);
    }
}

//! Who relies on a message being in the log. What nobody relies on costs no write.

use crate::class::Class;

/// Whom it would harm if a message were lost in a crash right after it was routed. All false: nobody.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Reliance {
    /// The sender's session has stream management on: its `<a/>` promises that the message is safe.
    pub sender_acknowledged: bool,
    /// A session that was chosen to receive it has stream management on: it may ask for it again.
    pub recipient_acknowledges: bool,
    /// There is no session that can take it now.
    pub nobody_takes_it: bool,
}

impl Reliance {
    /// Whether the recipient's mailbox must log the message. `may_wait` is [`may_wait`](crate::may_wait) of it: when
    /// nobody takes it, a message that may not wait is answered or dropped by the router, not logged.
    #[must_use]
    pub fn must_log(self, class: Class, may_wait: bool) -> bool {
        match class {
            Class::None => false,
            Class::Archive => true,
            Class::Delivery if self.nobody_takes_it => may_wait,
            Class::Delivery => self.sender_acknowledged || self.recipient_acknowledges,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOBODY: Reliance = Reliance {
        sender_acknowledged: false,
        recipient_acknowledges: false,
        nobody_takes_it: false,
    };

    #[test]
    fn nothing_fleeting_is_logged_whoever_relies_on_it() {
        let all = Reliance {
            sender_acknowledged: true,
            recipient_acknowledges: true,
            nobody_takes_it: true,
        };
        assert!(!all.must_log(Class::None, true));
    }

    #[test]
    fn the_archive_logs_though_nobody_else_relies_on_it() {
        assert!(NOBODY.must_log(Class::Archive, true));
    }

    #[test]
    fn a_delivery_is_logged_when_somebody_relies_on_it() {
        check(NOBODY, true, false);
        check(
            Reliance {
                sender_acknowledged: true,
                ..NOBODY
            },
            true,
            true,
        );
        check(
            Reliance {
                recipient_acknowledges: true,
                ..NOBODY
            },
            true,
            true,
        );
        check(
            Reliance {
                recipient_acknowledges: true,
                ..NOBODY
            },
            false,
            true,
        );
        check(
            Reliance {
                nobody_takes_it: true,
                ..NOBODY
            },
            true,
            true,
        );
    }

    #[test]
    fn what_may_not_wait_is_not_logged_for_nobody() {
        check(
            Reliance {
                nobody_takes_it: true,
                ..NOBODY
            },
            false,
            false,
        );
        check(
            Reliance {
                nobody_takes_it: true,
                sender_acknowledged: true,
                ..NOBODY
            },
            false,
            false,
        );
    }

    #[track_caller]
    fn check(reliance: Reliance, may_wait: bool, logged: bool) {
        assert_eq!(
            reliance.must_log(Class::Delivery, may_wait),
            logged,
            "{reliance:?}"
        );
    }
}

//! The defined conditions of stanza errors and what a sender should do about them, [RFC 6120 §8.3].
//!
//! The error itself, with its text and payload, is in `error.rs`.
//!
//! [RFC 6120 §8.3]: https://www.rfc-editor.org/rfc/rfc6120#section-8.3

/// The `type` of an error: what its receiver may do about it, [RFC 6120 §8.3.2].
///
/// [RFC 6120 §8.3.2]: https://www.rfc-editor.org/rfc/rfc6120#section-8.3.2
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum ErrorType {
    /// Retry after providing credentials.
    Auth,
    /// Do not retry.
    Cancel,
    /// Proceed: it was only a warning.
    Continue,
    /// Retry after changing what was sent.
    Modify,
    /// Retry after waiting.
    Wait,
}

impl ErrorType {
    /// The value of the `type` attribute.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Auth => "auth",
            Self::Cancel => "cancel",
            Self::Continue => "continue",
            Self::Modify => "modify",
            Self::Wait => "wait",
        }
    }

    /// Reads the `type` attribute; nothing when it is none of the five.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "auth" => Self::Auth,
            "cancel" => Self::Cancel,
            "continue" => Self::Continue,
            "modify" => Self::Modify,
            "wait" => Self::Wait,
            _ => return None,
        })
    }
}

/// Why a stanza failed: the closed list of [RFC 6120 §8.3.3].
///
/// [RFC 6120 §8.3.3]: https://www.rfc-editor.org/rfc/rfc6120#section-8.3.3
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Condition {
    /// The XML of the request does not follow its schema.
    BadRequest,
    /// Something with this name or address is already there.
    Conflict,
    /// The feature, or this part of it, is not there.
    FeatureNotImplemented,
    /// The sender lacks the permission.
    Forbidden,
    /// The recipient is no longer at this address; the new one may be given.
    Gone,
    /// We failed.
    InternalServerError,
    /// The address or item does not exist.
    ItemNotFound,
    /// An address breaks the rules of RFC 7622.
    JidMalformed,
    /// The request follows the schema but not our criteria.
    NotAcceptable,
    /// Nobody may do this here.
    NotAllowed,
    /// The sender must authenticate first.
    NotAuthorized,
    /// The sender broke a local policy.
    PolicyViolation,
    /// The recipient is there but cannot take it now.
    RecipientUnavailable,
    /// The recipient is for now reached at another address.
    Redirect,
    /// The sender must register first.
    RegistrationRequired,
    /// The remote server does not exist or has no such service.
    RemoteServerNotFound,
    /// The remote server could not be reached in time.
    RemoteServerTimeout,
    /// There is no room, memory or time left for it.
    ResourceConstraint,
    /// Nobody is there who offers this.
    ServiceUnavailable,
    /// The sender must subscribe first.
    SubscriptionRequired,
    /// None of the others; goes with an application-specific element.
    UndefinedCondition,
    /// The request came at the wrong moment.
    UnexpectedRequest,
}

impl Condition {
    /// All of them, in the order of the RFC.
    pub const ALL: [Self; 22] = [
        Self::BadRequest,
        Self::Conflict,
        Self::FeatureNotImplemented,
        Self::Forbidden,
        Self::Gone,
        Self::InternalServerError,
        Self::ItemNotFound,
        Self::JidMalformed,
        Self::NotAcceptable,
        Self::NotAllowed,
        Self::NotAuthorized,
        Self::PolicyViolation,
        Self::RecipientUnavailable,
        Self::Redirect,
        Self::RegistrationRequired,
        Self::RemoteServerNotFound,
        Self::RemoteServerTimeout,
        Self::ResourceConstraint,
        Self::ServiceUnavailable,
        Self::SubscriptionRequired,
        Self::UndefinedCondition,
        Self::UnexpectedRequest,
    ];

    /// The name of the condition's element.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::BadRequest => "bad-request",
            Self::Conflict => "conflict",
            Self::FeatureNotImplemented => "feature-not-implemented",
            Self::Forbidden => "forbidden",
            Self::Gone => "gone",
            Self::InternalServerError => "internal-server-error",
            Self::ItemNotFound => "item-not-found",
            Self::JidMalformed => "jid-malformed",
            Self::NotAcceptable => "not-acceptable",
            Self::NotAllowed => "not-allowed",
            Self::NotAuthorized => "not-authorized",
            Self::PolicyViolation => "policy-violation",
            Self::RecipientUnavailable => "recipient-unavailable",
            Self::Redirect => "redirect",
            Self::RegistrationRequired => "registration-required",
            Self::RemoteServerNotFound => "remote-server-not-found",
            Self::RemoteServerTimeout => "remote-server-timeout",
            Self::ResourceConstraint => "resource-constraint",
            Self::ServiceUnavailable => "service-unavailable",
            Self::SubscriptionRequired => "subscription-required",
            Self::UndefinedCondition => "undefined-condition",
            Self::UnexpectedRequest => "unexpected-request",
        }
    }

    /// Reads the name of a condition's element.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|condition| condition.name() == name)
    }

    /// The type the RFC associates with the condition.
    ///
    /// Where it allows two, the first it names; `undefined-condition` has none and counts as `cancel`.
    #[must_use]
    pub fn default_type(self) -> ErrorType {
        match self {
            Self::BadRequest
            | Self::JidMalformed
            | Self::NotAcceptable
            | Self::PolicyViolation
            | Self::Redirect => ErrorType::Modify,
            Self::Conflict
            | Self::FeatureNotImplemented
            | Self::Gone
            | Self::InternalServerError
            | Self::ItemNotFound
            | Self::NotAllowed
            | Self::RemoteServerNotFound
            | Self::ServiceUnavailable
            | Self::UndefinedCondition => ErrorType::Cancel,
            Self::Forbidden
            | Self::NotAuthorized
            | Self::RegistrationRequired
            | Self::SubscriptionRequired => ErrorType::Auth,
            Self::RecipientUnavailable
            | Self::RemoteServerTimeout
            | Self::ResourceConstraint
            | Self::UnexpectedRequest => ErrorType::Wait,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_condition_has_the_type_of_rfc_6120() {
        let table = "bad-request modify, conflict cancel, feature-not-implemented cancel, forbidden auth, gone cancel, \
            internal-server-error cancel, item-not-found cancel, jid-malformed modify, not-acceptable modify, \
            not-allowed cancel, not-authorized auth, policy-violation modify, recipient-unavailable wait, \
            redirect modify, registration-required auth, remote-server-not-found cancel, remote-server-timeout wait, \
            resource-constraint wait, service-unavailable cancel, subscription-required auth, \
            undefined-condition cancel, unexpected-request wait";
        let ours: Vec<String> = Condition::ALL
            .iter()
            .map(|condition| format!("{} {}", condition.name(), condition.default_type().name()))
            .collect();
        assert_eq!(ours.join(", "), table);
    }

    #[test]
    fn names_are_read_back() {
        for condition in Condition::ALL {
            assert_eq!(Condition::parse(condition.name()), Some(condition));
        }
        assert_eq!(Condition::parse("payment-required"), None);
        for name in ["auth", "cancel", "continue", "modify", "wait"] {
            assert_eq!(ErrorType::parse(name).map(ErrorType::name), Some(name));
        }
        assert_eq!(ErrorType::parse("legacy"), None);
    }
}

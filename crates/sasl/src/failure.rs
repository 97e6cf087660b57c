//! How an exchange fails, on the wire.

use thiserror::Error;

/// A SASL failure of [RFC 6120 §6.5], the complete list.
///
/// [RFC 6120 §6.5]: https://www.rfc-editor.org/rfc/rfc6120#section-6.5
#[derive(Clone, Copy, Debug, Eq, Error, Hash, Ord, PartialEq, PartialOrd)]
pub enum SaslFailure {
    /// The client aborted the exchange.
    #[error("the client aborted")]
    Aborted,
    /// The account is disabled. Never said by an [`Exchange`](crate::Exchange): it would tell that the
    /// account exists.
    #[error("the account is disabled")]
    AccountDisabled,
    /// The credentials are too old.
    #[error("the credentials have expired")]
    CredentialsExpired,
    /// The mechanism is to be had on an encrypted stream only.
    #[error("the mechanism needs an encrypted stream")]
    EncryptionRequired,
    /// The base64 of a message is broken.
    #[error("the message is not valid base64")]
    IncorrectEncoding,
    /// The client asked to act as somebody it may not act as.
    #[error("the authorization identity is not the client's own")]
    InvalidAuthzid,
    /// The mechanism is unknown or was not offered.
    #[error("the mechanism was not offered")]
    InvalidMechanism,
    /// A message breaks the mechanism's rules, or is too long.
    #[error("the message breaks the mechanism's rules")]
    MalformedRequest,
    /// The mechanism is weaker than policy allows for this account.
    #[error("the mechanism is too weak for this account")]
    MechanismTooWeak,
    /// Wrong password, unknown account, disabled account, wrong channel binding: no more is said.
    #[error("the credentials are not accepted")]
    NotAuthorized,
    /// We cannot tell now, because of a fault of ours; the client may try again.
    #[error("a temporary fault prevents the check")]
    TemporaryAuthFailure,
}

impl SaslFailure {
    /// Every failure, in the order of the RFC.
    pub const ALL: [Self; 11] = [
        Self::Aborted,
        Self::AccountDisabled,
        Self::CredentialsExpired,
        Self::EncryptionRequired,
        Self::IncorrectEncoding,
        Self::InvalidAuthzid,
        Self::InvalidMechanism,
        Self::MalformedRequest,
        Self::MechanismTooWeak,
        Self::NotAuthorized,
        Self::TemporaryAuthFailure,
    ];

    /// The name of the element inside `<failure/>`.
    pub const fn condition(self) -> &'static str {
        match self {
            Self::Aborted => "aborted",
            Self::AccountDisabled => "account-disabled",
            Self::CredentialsExpired => "credentials-expired",
            Self::EncryptionRequired => "encryption-required",
            Self::IncorrectEncoding => "incorrect-encoding",
            Self::InvalidAuthzid => "invalid-authzid",
            Self::InvalidMechanism => "invalid-mechanism",
            Self::MalformedRequest => "malformed-request",
            Self::MechanismTooWeak => "mechanism-too-weak",
            Self::NotAuthorized => "not-authorized",
            Self::TemporaryAuthFailure => "temporary-auth-failure",
        }
    }
}

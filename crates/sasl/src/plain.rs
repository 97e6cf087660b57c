//! The one message of PLAIN, [RFC 4616 §2].
//!
//! [RFC 4616 §2]: https://www.rfc-editor.org/rfc/rfc4616#section-2

use crate::limits::AUTHZID_BYTES_MAX;
use crate::scram::prepare_username;
use crate::{Ask, Password, PrepareError, SaslFailure};

/// Reads `[authzid] NUL authcid NUL passwd`: two NULs and no more, neither name nor password empty.
pub(crate) fn read(message: &[u8]) -> Result<Ask, SaslFailure> {
    let malformed = SaslFailure::MalformedRequest;
    let message = std::str::from_utf8(message).map_err(|_| malformed)?;
    let mut fields = message.split('\0');
    let (Some(authzid), Some(authcid), Some(password), None) =
        (fields.next(), fields.next(), fields.next(), fields.next())
    else {
        return Err(malformed);
    };
    if authzid.len() > AUTHZID_BYTES_MAX {
        return Err(malformed);
    }
    Ok(Ask::VerifyPlain {
        username: prepare_username(authcid)?,
        authzid: (!authzid.is_empty()).then(|| authzid.to_owned()),
        password: Password::prepare(password).map_err(|error| match error {
            PrepareError::Empty | PrepareError::TooLong => malformed,
            PrepareError::Prohibited | PrepareError::Bidi => SaslFailure::NotAuthorized,
        })?,
    })
}

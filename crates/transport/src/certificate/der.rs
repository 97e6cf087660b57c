//! The few fields of an X.509 certificate we need, read by hand.
//!
//! Not a validator: rustls checks signatures and chains. This reads names, validity and the
//! signature's hash, from our own certificates and from client certificates that rustls has
//! already accepted. Spec: [RFC 5280 §4.1](https://www.rfc-editor.org/rfc/rfc5280#section-4.1).

use thiserror::Error;

/// The bytes are no certificate, or use a form that RFC 5280 does not allow.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[error("not a valid X.509 certificate")]
pub struct DerError;

/// What we read from a certificate.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Certificate {
    /// The `dNSName`s of the subject alternative name, in lower case; may begin with `*.`.
    pub dns_names: Vec<String>,
    /// The `id-on-xmppAddr` names, [RFC 6120 §13.7.1.4], as written.
    ///
    /// [RFC 6120 §13.7.1.4]: https://www.rfc-editor.org/rfc/rfc6120#section-13.7.1.4
    pub xmpp_addresses: Vec<String>,
    /// Seconds since 1970 before and after which it is not valid.
    pub not_before: i64,
    /// See [`not_before`](Self::not_before).
    pub not_after: i64,
    /// Whether it names itself as its issuer: nobody else vouches for it.
    pub is_self_issued: bool,
    /// The hash for `tls-server-end-point`; none where RFC 5929 §4.1 leaves it undefined.
    pub end_point_hash: Option<EndPointHash>,
}

/// The hash function of a certificate's signature, as [RFC 5929 §4.1] maps it.
///
/// [RFC 5929 §4.1]: https://www.rfc-editor.org/rfc/rfc5929#section-4.1
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum EndPointHash {
    /// SHA-256, also where the signature uses MD5 or SHA-1.
    Sha256,
    /// SHA-384.
    Sha384,
    /// SHA-512.
    Sha512,
}

impl EndPointHash {
    /// The hash of `certificate`, in DER.
    pub fn digest(self, certificate: &[u8]) -> Vec<u8> {
        let algorithm = match self {
            Self::Sha256 => &ring::digest::SHA256,
            Self::Sha384 => &ring::digest::SHA384,
            Self::Sha512 => &ring::digest::SHA512,
        };
        ring::digest::digest(algorithm, certificate)
            .as_ref()
            .to_vec()
    }
}

const SEQUENCE: u8 = 0x30;
const OID: u8 = 0x06;
const OCTET_STRING: u8 = 0x04;
const UTF8_STRING: u8 = 0x0c;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
const EXTENSIONS: u8 = 0xa3;
/// `[0]`: the version in a certificate, an otherName in a GeneralName, a value in an otherName.
const CONTEXT_0: u8 = 0xa0;
const DNS_NAME: u8 = 0x82;

/// 2.5.29.17
const SUBJECT_ALT_NAME: &[u8] = &[0x55, 0x1d, 0x11];
/// 1.3.6.1.5.5.7.8.5
const XMPP_ADDR: &[u8] = &[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x08, 0x05];

impl Certificate {
    /// Reads a certificate in DER.
    ///
    /// # Errors
    ///
    /// [`DerError`] when it is not one.
    pub fn parse(der: &[u8]) -> Result<Self, DerError> {
        let mut outer = Reader(Reader(der).expect(SEQUENCE)?);
        let mut tbs = Reader(outer.expect(SEQUENCE)?);
        let end_point_hash = end_point_hash(Reader(outer.expect(SEQUENCE)?))?;

        tbs.optional(CONTEXT_0)?; // version
        tbs.next()?; // serialNumber
        tbs.expect(SEQUENCE)?; // signature
        let issuer = tbs.expect(SEQUENCE)?;
        let mut validity = Reader(tbs.expect(SEQUENCE)?);
        let (not_before, not_after) = (time(validity.next()?)?, time(validity.next()?)?);
        let subject = tbs.expect(SEQUENCE)?;
        tbs.expect(SEQUENCE)?; // subjectPublicKeyInfo

        let mut certificate = Self {
            dns_names: Vec::new(),
            xmpp_addresses: Vec::new(),
            not_before,
            not_after,
            is_self_issued: issuer == subject,
            end_point_hash,
        };
        while !tbs.is_empty() {
            let (tag, content) = tbs.next()?;
            if tag == EXTENSIONS {
                certificate.read_extensions(Reader(Reader(content).expect(SEQUENCE)?))?;
            }
        }
        Ok(certificate)
    }

    fn read_extensions(&mut self, mut extensions: Reader<'_>) -> Result<(), DerError> {
        while !extensions.is_empty() {
            let mut extension = Reader(extensions.expect(SEQUENCE)?);
            if extension.expect(OID)? != SUBJECT_ALT_NAME {
                continue;
            }
            let (mut tag, mut content) = extension.next()?;
            if tag != OCTET_STRING {
                (tag, content) = extension.next()?; // after `critical`
            }
            if tag != OCTET_STRING {
                return Err(DerError);
            }
            self.read_names(Reader(Reader(content).expect(SEQUENCE)?))?;
        }
        Ok(())
    }

    fn read_names(&mut self, mut names: Reader<'_>) -> Result<(), DerError> {
        while !names.is_empty() {
            match names.next()? {
                (DNS_NAME, name) => {
                    self.dns_names.push(text(name)?.to_ascii_lowercase());
                }
                (CONTEXT_0, other) => {
                    let mut other = Reader(other);
                    if other.expect(OID)? != XMPP_ADDR {
                        continue;
                    }
                    let mut value = Reader(other.expect(CONTEXT_0)?);
                    self.xmpp_addresses
                        .push(text(value.expect(UTF8_STRING)?)?.to_owned());
                }
                _ => {}
            }
        }
        Ok(())
    }
}

/// Walks the elements of one DER value.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The next element's tag and content.
    fn next(&mut self) -> Result<(u8, &'a [u8]), DerError> {
        let (&tag, rest) = self.0.split_first().ok_or(DerError)?;
        // Tags above 30 take further bytes; none of ours do.
        if tag & 0x1f == 0x1f {
            return Err(DerError);
        }
        let (&first, mut rest) = rest.split_first().ok_or(DerError)?;
        let mut length = usize::from(first);
        if first & 0x80 != 0 {
            let count = usize::from(first & 0x7f);
            if !(1..=4).contains(&count) {
                return Err(DerError);
            }
            let (bytes, after) = rest.split_at_checked(count).ok_or(DerError)?;
            length = bytes
                .iter()
                .fold(0, |sum, byte| (sum << 8) | usize::from(*byte));
            rest = after;
        }
        let (content, rest) = rest.split_at_checked(length).ok_or(DerError)?;
        self.0 = rest;
        Ok((tag, content))
    }

    fn expect(&mut self, wanted: u8) -> Result<&'a [u8], DerError> {
        match self.next()? {
            (tag, content) if tag == wanted => Ok(content),
            _ => Err(DerError),
        }
    }

    fn optional(&mut self, wanted: u8) -> Result<(), DerError> {
        if self.0.first() == Some(&wanted) {
            self.next()?;
        }
        Ok(())
    }
}

fn text(bytes: &[u8]) -> Result<&str, DerError> {
    std::str::from_utf8(bytes).map_err(|_| DerError)
}

/// The hash of an `AlgorithmIdentifier`.
fn end_point_hash(mut algorithm: Reader<'_>) -> Result<Option<EndPointHash>, DerError> {
    const RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01];
    const ECDSA_SHA2: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03];
    const ECDSA_SHA1: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x01];
    let oid = algorithm.expect(OID)?;
    if oid == ECDSA_SHA1 {
        return Ok(Some(EndPointHash::Sha256));
    }
    let Some((&last, family)) = oid.split_last() else {
        return Err(DerError);
    };
    Ok(match (family, last) {
        (RSA, 4 | 5 | 11) | (ECDSA_SHA2, 2) => Some(EndPointHash::Sha256),
        (RSA, 12) | (ECDSA_SHA2, 3) => Some(EndPointHash::Sha384),
        (RSA, 13) | (ECDSA_SHA2, 4) => Some(EndPointHash::Sha512),
        (RSA, 10) => pss_hash(algorithm)?,
        _ => None, // Ed25519 and Ed448 have no separate hash.
    })
}

/// The hash named in RSASSA-PSS parameters; SHA-1, the default, counts as SHA-256.
fn pss_hash(mut algorithm: Reader<'_>) -> Result<Option<EndPointHash>, DerError> {
    const SHA2: &[u8] = &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02];
    let mut parameters = Reader(algorithm.expect(SEQUENCE)?);
    if parameters.0.first() != Some(&CONTEXT_0) {
        return Ok(Some(EndPointHash::Sha256));
    }
    let mut hash = Reader(Reader(parameters.expect(CONTEXT_0)?).expect(SEQUENCE)?);
    Ok(match hash.expect(OID)?.split_last() {
        Some((1, SHA2)) => Some(EndPointHash::Sha256),
        Some((2, SHA2)) => Some(EndPointHash::Sha384),
        Some((3, SHA2)) => Some(EndPointHash::Sha512),
        _ => None,
    })
}

/// `UTCTime` or `GeneralizedTime` in the only forms RFC 5280 §4.1.2.5 allows: UTC with seconds.
fn time((tag, content): (u8, &[u8])) -> Result<i64, DerError> {
    let text = text(content)?.strip_suffix('Z').ok_or(DerError)?;
    let (year, rest) = match tag {
        UTC_TIME => {
            let (year, rest) = number(text, 2)?;
            (if year < 50 { 2000 + year } else { 1900 + year }, rest)
        }
        GENERALIZED_TIME => number(text, 4)?,
        _ => return Err(DerError),
    };
    let (month, rest) = number(rest, 2)?;
    let (day, rest) = number(rest, 2)?;
    let (hour, rest) = number(rest, 2)?;
    let (minute, rest) = number(rest, 2)?;
    let (second, rest) = number(rest, 2)?;
    if !rest.is_empty() || !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return Err(DerError);
    }
    Ok(((days_from_civil(year, month, day) * 24 + hour) * 60 + minute) * 60 + second)
}

fn number(text: &str, digits: usize) -> Result<(i64, &str), DerError> {
    let (head, rest) = text.split_at_checked(digits).ok_or(DerError)?;
    if !head.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(DerError);
    }
    Ok((head.parse().map_err(|_| DerError)?, rest))
}

/// Days since 1970-01-01 in the Gregorian calendar, by counting from 1 March of year 0.
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, KeyPair, SanType};

    use super::*;

    fn certificate(adjust: impl FnOnce(&mut CertificateParams)) -> Vec<u8> {
        let mut params = CertificateParams::new(vec!["Example.ORG".to_owned()]).unwrap();
        adjust(&mut params);
        params
            .self_signed(&KeyPair::generate().unwrap())
            .unwrap()
            .der()
            .to_vec()
    }

    #[test]
    fn names_validity_and_hash_are_read() {
        let der = certificate(|params| {
            params.not_before = rcgen::date_time_ymd(2024, 2, 29);
            params.not_after = rcgen::date_time_ymd(2055, 12, 31);
            params
                .subject_alt_names
                .push(SanType::DnsName("*.example.org".try_into().unwrap()));
            params.subject_alt_names.push(SanType::OtherName((
                vec![1, 3, 6, 1, 5, 5, 7, 8, 5],
                "juliet@example.org".into(),
            )));
        });
        let read = Certificate::parse(&der).unwrap();
        assert_eq!(read.dns_names, ["example.org", "*.example.org"]);
        assert_eq!(read.xmpp_addresses, ["juliet@example.org"]);
        assert!(read.is_self_issued);
        assert_eq!(read.not_before, 1_709_164_800);
        assert_eq!(read.not_after, 2_713_824_000);
        assert_eq!(read.end_point_hash, Some(EndPointHash::Sha256));
    }

    #[test]
    fn a_cut_certificate_is_an_error_at_every_length() {
        let der = certificate(|_| {});
        for length in 0..der.len() {
            assert_eq!(
                Certificate::parse(&der[..length]),
                Err(DerError),
                "{length}"
            );
        }
    }

    #[test]
    fn any_changed_byte_is_read_or_refused_but_never_panics() {
        let der = certificate(|_| {});
        for index in 0..der.len() {
            for value in [0, 0x7f, 0x80, 0x84, 0xff] {
                let mut changed = der.clone();
                changed[index] = value;
                let _ = Certificate::parse(&changed);
            }
        }
    }

    #[test]
    fn the_end_point_hash_follows_rfc_5929() {
        check("2a864886f70d010105", Some(EndPointHash::Sha256)); // SHA-1 with RSA
        check("2a864886f70d01010b", Some(EndPointHash::Sha256));
        check("2a864886f70d01010c", Some(EndPointHash::Sha384));
        check("2a864886f70d01010d", Some(EndPointHash::Sha512));
        check("2a8648ce3d040303", Some(EndPointHash::Sha384)); // ECDSA
        check("2b6570", None); // Ed25519
    }

    #[track_caller]
    fn check(oid: &str, hash: Option<EndPointHash>) {
        let bytes: Vec<u8> = (0..oid.len())
            .step_by(2)
            .map(|at| u8::from_str_radix(&oid[at..at + 2], 16).unwrap())
            .collect();
        let mut element = vec![OID, bytes.len() as u8];
        element.extend(&bytes);
        assert_eq!(end_point_hash(Reader(&element)), Ok(hash), "{oid}");
    }
}

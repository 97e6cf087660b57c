//! Checks an answer against the form that was offered, and gives typed access to its values.
//!
//! Validation is the service's business ([XEP-0004 §4], [XEP-0122 §4.4]): whatever the client was told, nothing is
//! taken on trust.
//!
//! [XEP-0004 §4]: https://xmpp.org/extensions/xep-0004.html#validation
//! [XEP-0122 §4.4]: https://xmpp.org/extensions/xep-0122.html#impl-submit

use std::fmt;

use jid::Jid;
use thiserror::Error;

use super::datatype::{flag, is_within, read};
use super::{FORM_TYPE, Field, FieldKind, Form, FormKind, Method};
use crate::{Condition, StanzaError};

/// Why an answer cannot be used.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
pub enum FormError {
    /// It is no submission.
    #[error("a form of type submit is expected")]
    NotASubmission,

    /// The user gave up.
    #[error("the form was cancelled")]
    Cancelled,

    /// It answers another form.
    #[error("the FORM_TYPE is another one")]
    FormType,

    /// One of its fields is wrong.
    #[error("{var}: {fault}")]
    Field {
        /// The name of the field.
        var: String,
        /// What is wrong with it.
        fault: FieldFault,
    },
}

/// What is wrong with a field.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub enum FieldFault {
    /// A required field has no value.
    #[error("a value is required")]
    Required,
    /// A field for one value has several.
    #[error("only one value is allowed")]
    TooMany,
    /// A value is not of the field's type or datatype.
    #[error("the value is not valid")]
    Invalid,
    /// A value is not among the options.
    #[error("the value is not one of the options")]
    NotAnOption,
    /// A value is too small or too large.
    #[error("the value is out of range")]
    OutOfRange,
    /// A list has too few or too many values.
    #[error("the number of values is out of range")]
    Count,
}

impl FormError {
    /// The condition of the answer.
    #[must_use]
    pub fn condition(&self) -> Condition {
        match self {
            Self::NotASubmission | Self::Cancelled | Self::FormType => Condition::BadRequest,
            Self::Field { .. } => Condition::NotAcceptable,
        }
    }
}

impl From<FormError> for StanzaError {
    fn from(error: FormError) -> Self {
        Self::new(error.condition()).with_text(error.to_string())
    }
}

/// The checked values of a submission. A field that was left out is not in it and should keep what it is
/// ([§3.5](https://xmpp.org/extensions/xep-0004.html#protocol)).
///
/// `Debug` shows which fields are there, never their values.
#[derive(Clone, Default, Eq, PartialEq)]
pub struct Submission {
    /// In the order of the form.
    values: Vec<(String, Vec<String>)>,
}

impl Form {
    /// Checks a submission against this form. Fields the form does not have are ignored, as §3.1 asks.
    ///
    /// # Errors
    ///
    /// [`FormError`]; the first faulty field in the order of this form.
    pub fn submission(&self, submitted: &Self) -> Result<Submission, FormError> {
        match submitted.kind {
            FormKind::Submit => {}
            FormKind::Cancel => return Err(FormError::Cancelled),
            FormKind::Form | FormKind::Result => return Err(FormError::NotASubmission),
        }
        // A submission may leave the FORM_TYPE out; what it is for then follows from where it stands (XEP-0068 §4.1).
        if let (Some(ours), Some(theirs)) = (self.form_type(), submitted.form_type())
            && ours != theirs
        {
            return Err(FormError::FormType);
        }
        let mut values = Vec::new();
        for field in &self.fields {
            let Some(var) = field.var.as_deref().filter(|var| *var != FORM_TYPE) else {
                continue;
            };
            let checked = field
                .check(submitted.find(var))
                .map_err(|fault| FormError::Field {
                    var: var.to_owned(),
                    fault,
                })?;
            if let Some(checked) = checked {
                values.push((var.to_owned(), checked));
            }
        }
        Ok(Submission { values })
    }
}

impl Field {
    /// The values submitted for this field of a form; nothing when it was left out.
    fn check(&self, submitted: Option<&Self>) -> Result<Option<Vec<String>>, FieldFault> {
        let kind = self.kind.unwrap_or_default();
        if kind == FieldKind::Fixed {
            return Ok(None);
        }
        let Some(submitted) = submitted else {
            return if self.required {
                Err(FieldFault::Required)
            } else {
                Ok(None)
            };
        };
        let mut values = submitted.values.clone();
        // `<field/>` and `<value/>` both say "no value" (§3.6), except where an option has the empty value.
        if !self.options.iter().any(|option| option.value.is_empty())
            && values.iter().all(String::is_empty)
        {
            values.clear();
        }
        if values.is_empty() && self.required {
            return Err(FieldFault::Required);
        }
        if values.len() > 1 && !kind.takes_many() {
            return Err(FieldFault::TooMany);
        }
        for value in &mut values {
            self.check_value(kind, value)?;
        }
        if matches!(kind, FieldKind::JidMulti | FieldKind::ListMulti) {
            drop_repeated(&mut values);
        }
        self.check_count(kind, values.len())?;
        Ok(Some(values))
    }

    /// Checks one value; an address is replaced by its prepared form.
    fn check_value(&self, kind: FieldKind, value: &mut String) -> Result<(), FieldFault> {
        match kind {
            FieldKind::Boolean => {
                flag(value).ok_or(FieldFault::Invalid)?;
            }
            FieldKind::JidMulti | FieldKind::JidSingle => {
                let jid = Jid::parse(value).map_err(|_| FieldFault::Invalid)?;
                *value = jid.as_str().to_owned();
            }
            FieldKind::ListMulti | FieldKind::ListSingle => {
                if !self.is_open() && !self.options.iter().any(|option| option.value == *value) {
                    return Err(FieldFault::NotAnOption);
                }
            }
            FieldKind::Fixed
            | FieldKind::Hidden
            | FieldKind::TextMulti
            | FieldKind::TextPrivate
            | FieldKind::TextSingle => {}
        }
        self.check_datatype(value)
    }

    /// Whether values beyond the options are fine: every method but `<basic/>` implies it (XEP-0122 §3.2).
    fn is_open(&self) -> bool {
        self.validation
            .as_ref()
            .is_some_and(|validation| validation.method != Method::Basic)
    }

    fn check_datatype(&self, value: &str) -> Result<(), FieldFault> {
        let Some(validation) = &self.validation else {
            return Ok(());
        };
        let datatype = &validation.datatype;
        let read = read(datatype, value).ok_or(FieldFault::Invalid)?;
        match &validation.method {
            Method::Range { min, max }
                if !is_within(datatype, read, min.as_deref(), max.as_deref()) =>
            {
                Err(FieldFault::OutOfRange)
            }
            _ => Ok(()),
        }
    }

    fn check_count(&self, kind: FieldKind, count: usize) -> Result<(), FieldFault> {
        let range = self.validation.as_ref().and_then(|rules| rules.list_range);
        let (Some((min, max)), FieldKind::ListMulti) = (range, kind) else {
            return Ok(());
        };
        let limit = |limit: u32| usize::try_from(limit).unwrap_or(usize::MAX);
        if min.is_some_and(|min| count < limit(min)) || max.is_some_and(|max| count > limit(max)) {
            return Err(FieldFault::Count);
        }
        Ok(())
    }
}

/// Keeps the first of equal values; repeated addresses must be ignored (§3.3).
fn drop_repeated(values: &mut Vec<String>) {
    let mut seen = std::collections::BTreeSet::new();
    values.retain(|value| seen.insert(value.clone()));
}

impl Submission {
    /// The values of a field; nothing when it was left out, empty when it was cleared.
    #[must_use]
    pub fn values(&self, var: &str) -> Option<&[String]> {
        let (_, values) = self.values.iter().find(|(name, _)| name == var)?;
        Some(values)
    }

    /// The one value of a field as text; empty when it was cleared.
    #[must_use]
    pub fn text(&self, var: &str) -> Option<&str> {
        Some(self.values(var)?.first().map_or("", String::as_str))
    }

    /// The lines of a field as one text.
    #[must_use]
    pub fn lines(&self, var: &str) -> Option<String> {
        Some(self.values(var)?.join("\n"))
    }

    /// The value of a yes-or-no field; cleared counts as no, which is the type's default (§3.3).
    #[must_use]
    pub fn flag(&self, var: &str) -> Option<bool> {
        Some(flag(self.text(var)?).unwrap_or(false))
    }

    /// The value of a field as a number of a type it is declared to have; nothing also when it was cleared.
    #[must_use]
    pub fn number<N: std::str::FromStr>(&self, var: &str) -> Option<N> {
        self.text(var)?.parse().ok()
    }

    /// The value of an address field; nothing also when it was cleared.
    #[must_use]
    pub fn jid(&self, var: &str) -> Option<Jid> {
        Jid::parse(self.text(var)?).ok()
    }

    /// The values of a field for several addresses.
    #[must_use]
    pub fn jids(&self, var: &str) -> Option<Vec<Jid>> {
        Some(
            self.values(var)?
                .iter()
                .filter_map(|value| Jid::parse(value).ok())
                .collect(),
        )
    }
}

impl fmt::Debug for Submission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list()
            .entries(self.values.iter().map(|(var, _)| var))
            .finish()
    }
}

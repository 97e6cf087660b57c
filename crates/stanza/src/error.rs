//! Stanza errors, [RFC 6120 §8.3]: values that a handler returns and the engine sends.
//!
//! [RFC 6120 §8.3]: https://www.rfc-editor.org/rfc/rfc6120#section-8.3

use std::fmt;

use jid::Jid;
use xml::{Builder, Element, Fragment, Ns};

use crate::{Condition, ErrorType};

/// The error child of a stanza of type `error`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct StanzaError {
    condition: Condition,
    kind: ErrorType,
    /// What most errors do not have.
    details: Option<Box<Details>>,
}

#[derive(Clone, Debug, Default, Eq, PartialEq)]
struct Details {
    text: Option<String>,
    lang: Option<String>,
    uri: Option<String>,
    by: Option<Jid>,
    application: Option<Fragment>,
}

impl StanzaError {
    /// An error of a condition, with the type the RFC gives it.
    #[must_use]
    pub fn new(condition: Condition) -> Self {
        Self {
            condition,
            kind: condition.default_type(),
            details: None,
        }
    }

    /// The recipient is gone for good, to the address of `uri` if one is given, [RFC 6120 §8.3.3.5].
    ///
    /// [RFC 6120 §8.3.3.5]: https://www.rfc-editor.org/rfc/rfc6120#section-8.3.3.5
    #[must_use]
    pub fn gone(uri: Option<&str>) -> Self {
        Self::new(Condition::Gone).with_uri(uri)
    }

    /// The recipient is for now at the address of `uri`, [RFC 6120 §8.3.3.14].
    ///
    /// [RFC 6120 §8.3.3.14]: https://www.rfc-editor.org/rfc/rfc6120#section-8.3.3.14
    #[must_use]
    pub fn redirect(uri: &str) -> Self {
        Self::new(Condition::Redirect).with_uri(Some(uri))
    }

    /// Of another type than the RFC's default.
    #[must_use]
    pub fn with_type(mut self, kind: ErrorType) -> Self {
        self.kind = kind;
        self
    }

    /// With a text for whoever reads the other side's log; it must reveal nothing.
    #[must_use]
    pub fn with_text(mut self, text: impl Into<String>) -> Self {
        self.details_mut().text = Some(text.into());
        self
    }

    /// In which language the text is; `en` where nothing else is said.
    #[must_use]
    pub fn with_lang(mut self, lang: impl Into<String>) -> Self {
        self.details_mut().lang = Some(lang.into());
        self
    }

    /// With an application-specific element, [RFC 6120 §8.3.4].
    ///
    /// [RFC 6120 §8.3.4]: https://www.rfc-editor.org/rfc/rfc6120#section-8.3.4
    #[must_use]
    pub fn with_application(mut self, element: Fragment) -> Self {
        self.details_mut().application = Some(element);
        self
    }

    /// With the address of who found the error.
    #[must_use]
    pub fn with_by(mut self, by: Jid) -> Self {
        self.details_mut().by = Some(by);
        self
    }

    fn with_uri(mut self, uri: Option<&str>) -> Self {
        if let Some(uri) = uri {
            self.details_mut().uri = Some(uri.to_owned());
        }
        self
    }

    fn details_mut(&mut self) -> &mut Details {
        self.details.get_or_insert_default()
    }

    /// The condition.
    #[must_use]
    pub fn condition(&self) -> Condition {
        self.condition
    }

    /// What the receiver may do about it.
    #[must_use]
    pub fn error_type(&self) -> ErrorType {
        self.kind
    }

    /// The text.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        self.details.as_ref()?.text.as_deref()
    }

    /// The language of the text.
    #[must_use]
    pub fn lang(&self) -> Option<&str> {
        self.details.as_ref()?.lang.as_deref()
    }

    /// The new address of a recipient that is gone or redirected.
    #[must_use]
    pub fn uri(&self) -> Option<&str> {
        self.details.as_ref()?.uri.as_deref()
    }

    /// Who found the error.
    #[must_use]
    pub fn by(&self) -> Option<&Jid> {
        self.details.as_ref()?.by.as_ref()
    }

    /// The application-specific element.
    #[must_use]
    pub fn application(&self) -> Option<&Fragment> {
        self.details.as_ref()?.application.as_ref()
    }

    /// Reads `<error/>`. An unknown or missing condition counts as `undefined-condition`, an unknown type as that of
    /// the condition: whoever sent it may be newer than we are.
    #[must_use]
    pub fn parse(error: &Element<'_>) -> Self {
        let mut condition = None;
        let mut details = Details {
            by: error.attr("by").and_then(|by| Jid::parse(&by).ok()),
            ..Details::default()
        };
        for child in error.children() {
            if child.ns() != Ns::Uri(xml::ns::STANZA_ERRORS) {
                if details.application.is_none() {
                    details.application = Some(Fragment::from(child));
                }
            } else if child.name() == "text" {
                details.text = Some(child.text().into_owned());
                details.lang = child.lang().map(|lang| lang.into_owned());
            } else if condition.is_none() {
                condition = Condition::parse(child.name());
                details.uri = match child.text().trim() {
                    "" => None,
                    uri => Some(uri.to_owned()),
                };
            }
        }
        let condition = condition.unwrap_or(Condition::UndefinedCondition);
        if !matches!(condition, Condition::Gone | Condition::Redirect) {
            details.uri = None;
        }
        Self {
            condition,
            kind: error
                .attr("type")
                .and_then(|kind| ErrorType::parse(&kind))
                .unwrap_or(condition.default_type()),
            details: (details != Details::default()).then(|| Box::new(details)),
        }
    }

    /// `<error/>`, to be put into a stanza of type `error`.
    #[must_use]
    pub fn to_fragment(&self) -> Fragment {
        let mut condition = Builder::new(self.condition.name(), xml::ns::STANZA_ERRORS);
        if let Some(uri) = self.uri() {
            condition = condition.text(uri);
        }
        let text = self.text().map(|text| {
            Builder::new("text", xml::ns::STANZA_ERRORS)
                .attr("xml:lang", self.lang().unwrap_or("en"))
                .text(text)
        });
        Builder::content("error")
            .attr("type", self.kind.name())
            .attr_opt("by", self.by().map(Jid::as_str))
            .child(condition)
            .child_opt(text)
            .child_opt(self.application())
            .build()
    }
}

impl From<Condition> for StanzaError {
    fn from(condition: Condition) -> Self {
        Self::new(condition)
    }
}

/// For the operator: the type and condition, and the text if there is one.
impl fmt::Display for StanzaError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.kind.name(), self.condition.name())?;
        match self.text() {
            Some(text) => write!(f, " ({text})"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for StanzaError {}

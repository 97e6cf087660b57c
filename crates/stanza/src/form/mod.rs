//! Data forms, [XEP-0004] 2.13.2: the form a service offers, what comes back, and generic data sets.
//!
//! With field standardisation ([XEP-0068] 1.3: `FORM_TYPE`), validation ([XEP-0122] 1.0.2) and the data sets of
//! service discovery ([XEP-0128] 1.0.1: [`Form::data`]). A service describes its form once, as a [`Form`] of kind
//! [`FormKind::Form`]; [`Form::submission`] checks an answer against it and gives typed access to the values.
//!
//! `wire.rs` reads and writes the XML, `datatype.rs` knows the datatypes of XEP-0122, `submission.rs` checks answers.
//!
//! [XEP-0004]: https://xmpp.org/extensions/xep-0004.html
//! [XEP-0068]: https://xmpp.org/extensions/xep-0068.html
//! [XEP-0122]: https://xmpp.org/extensions/xep-0122.html
//! [XEP-0128]: https://xmpp.org/extensions/xep-0128.html

mod datatype;
mod submission;
mod wire;

use std::fmt;

pub use submission::{FieldFault, FormError, Submission};

/// The namespace of `<x/>`.
pub const NS: &str = "jabber:x:data";

/// The namespace of `<validate/>`, XEP-0122.
pub const NS_VALIDATE: &str = "http://jabber.org/protocol/xdata-validate";

/// The name of the hidden field that says what the other fields mean, XEP-0068.
pub const FORM_TYPE: &str = "FORM_TYPE";

/// A form, a submission, or a result.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Form {
    /// What the form is for.
    pub kind: FormKind,
    /// A heading for the user.
    pub title: Option<String>,
    /// What the user should do, one paragraph each.
    pub instructions: Vec<String>,
    /// The fields in the order they are shown.
    pub fields: Vec<Field>,
    /// The columns of `items`, for results with several items.
    pub reported: Vec<Field>,
    /// The rows of such a result.
    pub items: Vec<Vec<Field>>,
}

/// What a form is for, [§3.1](https://xmpp.org/extensions/xep-0004.html#protocol-formtypes).
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum FormKind {
    /// To be filled in.
    Form,
    /// Filled in.
    Submit,
    /// The user gave up.
    Cancel,
    /// Data: the outcome of a submission, or a data set of its own.
    Result,
}

/// One field of a form.
///
/// `Debug` shows its name and how many values it has, never the values: they may be passwords.
#[derive(Clone, Default, Eq, PartialEq)]
pub struct Field {
    /// Its name; only fields of type `fixed` may do without.
    pub var: Option<String>,
    /// Its type; in a submission usually missing.
    pub kind: Option<FieldKind>,
    /// Its name for the user.
    pub label: Option<String>,
    /// What it is about, for the user.
    pub description: Option<String>,
    /// Whether a submission must give it a value.
    pub required: bool,
    /// The default, the answer, or the result.
    pub values: Vec<String>,
    /// What a list field lets the user choose from.
    pub options: Vec<FieldOption>,
    /// What values are fine beyond what `kind` says, XEP-0122.
    pub validation: Option<Validation>,
}

/// One choice of a list field.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct FieldOption {
    /// Its name for the user.
    pub label: Option<String>,
    /// What is submitted when it is chosen.
    pub value: String,
}

/// The type of a field, [§3.3](https://xmpp.org/extensions/xep-0004.html#protocol-fieldtypes).
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub enum FieldKind {
    /// Yes or no.
    Boolean,
    /// Text shown between fields; submits nothing.
    Fixed,
    /// Not shown; comes back as it was.
    Hidden,
    /// Several addresses.
    JidMulti,
    /// One address.
    JidSingle,
    /// Several of the options.
    ListMulti,
    /// One of the options.
    ListSingle,
    /// Lines of text.
    TextMulti,
    /// One line of text, not shown while typed.
    TextPrivate,
    /// One line of text; also what an unknown type means.
    #[default]
    TextSingle,
}

/// Further rules for the values of a field, XEP-0122.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Validation {
    /// The datatype, such as `xs:integer`. An unknown one counts as `xs:string`.
    pub datatype: String,
    /// The method.
    pub method: Method,
    /// The least and greatest number of values in a `list-multi` field.
    pub list_range: Option<(Option<u32>, Option<u32>)>,
}

/// How values are validated, [XEP-0122 §3.2](https://xmpp.org/extensions/xep-0122.html#usecases-validation).
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub enum Method {
    /// By the datatype and the field's type.
    #[default]
    Basic,
    /// By the datatype only: a list field takes values that are not among its options.
    Open,
    /// By the datatype and within limits, which are written in the datatype's form.
    Range {
        /// The least value.
        min: Option<String>,
        /// The greatest value.
        max: Option<String>,
    },
    /// By a POSIX extended regular expression. We pass the pattern on and check the datatype only, which §4.1 allows
    /// where a method is not understood.
    Regex(String),
}

impl Form {
    /// An empty form of a kind.
    #[must_use]
    pub fn new(kind: FormKind) -> Self {
        Self {
            kind,
            title: None,
            instructions: Vec::new(),
            fields: Vec::new(),
            reported: Vec::new(),
            items: Vec::new(),
        }
    }

    /// A form to be filled in.
    #[must_use]
    pub fn to_fill_in(form_type: &str, title: &str) -> Self {
        let mut form = Self::new(FormKind::Form).field(Field::form_type(form_type));
        form.title = Some(title.to_owned());
        form
    }

    /// A data set of a type, as service discovery carries it (XEP-0128).
    #[must_use]
    pub fn data(form_type: &str) -> Self {
        Self::new(FormKind::Result).field(Field::form_type(form_type))
    }

    /// With a paragraph of instructions.
    #[must_use]
    pub fn instruction(mut self, text: &str) -> Self {
        self.instructions.push(text.to_owned());
        self
    }

    /// With one more field.
    #[must_use]
    pub fn field(mut self, field: Field) -> Self {
        self.fields.push(field);
        self
    }

    /// The first field of that name.
    #[must_use]
    pub fn find(&self, var: &str) -> Option<&Field> {
        self.fields
            .iter()
            .find(|field| field.var.as_deref() == Some(var))
    }

    /// The first value of the field of that name.
    #[must_use]
    pub fn value(&self, var: &str) -> Option<&str> {
        self.find(var)?.values.first().map(String::as_str)
    }

    /// What the fields mean, [XEP-0068 §4.3].
    ///
    /// In a form or a result the field counts only when it is hidden; in a submission also when it has no type.
    ///
    /// [XEP-0068 §4.3]: https://xmpp.org/extensions/xep-0068.html
    #[must_use]
    pub fn form_type(&self) -> Option<&str> {
        let field = self.find(FORM_TYPE)?;
        let counts = match field.kind {
            Some(FieldKind::Hidden) => true,
            None => matches!(self.kind, FormKind::Submit | FormKind::Cancel),
            Some(_) => false,
        };
        if counts {
            field.values.first().map(String::as_str)
        } else {
            None
        }
    }
}

impl Field {
    /// A field of a name and type.
    #[must_use]
    pub fn new(var: &str, kind: FieldKind) -> Self {
        Self {
            var: Some(var.to_owned()),
            kind: Some(kind),
            ..Self::default()
        }
    }

    /// The hidden `FORM_TYPE` field.
    #[must_use]
    pub fn form_type(form_type: &str) -> Self {
        Self::new(FORM_TYPE, FieldKind::Hidden).value(form_type)
    }

    /// Text between fields.
    #[must_use]
    pub fn fixed(text: &str) -> Self {
        Self {
            kind: Some(FieldKind::Fixed),
            ..Self::default()
        }
        .value(text)
    }

    /// A field without a type, as results and data sets carry it.
    #[must_use]
    pub fn data<V: Into<String>>(var: &str, values: impl IntoIterator<Item = V>) -> Self {
        Self {
            var: Some(var.to_owned()),
            values: values.into_iter().map(Into::into).collect(),
            ..Self::default()
        }
    }

    /// With a label.
    #[must_use]
    pub fn label(mut self, label: &str) -> Self {
        self.label = Some(label.to_owned());
        self
    }

    /// With a description.
    #[must_use]
    pub fn description(mut self, text: &str) -> Self {
        self.description = Some(text.to_owned());
        self
    }

    /// Required.
    #[must_use]
    pub fn required(mut self) -> Self {
        self.required = true;
        self
    }

    /// With one more value.
    #[must_use]
    pub fn value(mut self, value: impl Into<String>) -> Self {
        self.values.push(value.into());
        self
    }

    /// With a yes or no as its value.
    #[must_use]
    pub fn flag(self, value: bool) -> Self {
        self.value(if value { "1" } else { "0" })
    }

    /// With one more option.
    #[must_use]
    pub fn option(mut self, label: &str, value: &str) -> Self {
        self.options.push(FieldOption {
            label: Some(label.to_owned()),
            value: value.to_owned(),
        });
        self
    }

    /// Validated by a datatype of XEP-0122.
    #[must_use]
    pub fn datatype(self, datatype: &str) -> Self {
        self.validated(datatype, Method::Basic)
    }

    /// Validated by a datatype and a method.
    #[must_use]
    pub fn validated(mut self, datatype: &str, method: Method) -> Self {
        self.validation = Some(Validation {
            datatype: datatype.to_owned(),
            method,
            list_range: None,
        });
        self
    }
}

impl fmt::Debug for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Field")
            .field("var", &self.var)
            .field("kind", &self.kind)
            .field("values", &self.values.len())
            .finish_non_exhaustive()
    }
}

impl FormKind {
    /// The value of the `type` attribute.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Form => "form",
            Self::Submit => "submit",
            Self::Cancel => "cancel",
            Self::Result => "result",
        }
    }

    /// Reads the `type` attribute.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "form" => Self::Form,
            "submit" => Self::Submit,
            "cancel" => Self::Cancel,
            "result" => Self::Result,
            _ => return None,
        })
    }
}

impl FieldKind {
    /// The value of the `type` attribute.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Boolean => "boolean",
            Self::Fixed => "fixed",
            Self::Hidden => "hidden",
            Self::JidMulti => "jid-multi",
            Self::JidSingle => "jid-single",
            Self::ListMulti => "list-multi",
            Self::ListSingle => "list-single",
            Self::TextMulti => "text-multi",
            Self::TextPrivate => "text-private",
            Self::TextSingle => "text-single",
        }
    }

    /// Reads the `type` attribute. An unknown type counts as [`FieldKind::TextSingle`].
    #[must_use]
    pub fn parse(name: &str) -> Self {
        match name {
            "boolean" => Self::Boolean,
            "fixed" => Self::Fixed,
            "hidden" => Self::Hidden,
            "jid-multi" => Self::JidMulti,
            "jid-single" => Self::JidSingle,
            "list-multi" => Self::ListMulti,
            "list-single" => Self::ListSingle,
            "text-multi" => Self::TextMulti,
            "text-private" => Self::TextPrivate,
            _ => Self::TextSingle,
        }
    }

    /// Whether a field of this type may have several values.
    #[must_use]
    pub fn takes_many(self) -> bool {
        matches!(
            self,
            Self::Hidden | Self::JidMulti | Self::ListMulti | Self::TextMulti
        )
    }

    /// Whether values are chosen from options.
    #[must_use]
    pub fn is_list(self) -> bool {
        matches!(self, Self::ListMulti | Self::ListSingle)
    }
}

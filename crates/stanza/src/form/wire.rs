//! The XML of data forms.

use xml::{Builder, Element, Fragment};

use super::{Field, FieldKind, FieldOption, Form, FormKind, Method, NS, NS_VALIDATE, Validation};
use crate::limits::{FORM_FIELDS_MAX, FORM_VALUES_MAX};
use crate::{Condition, StanzaError};

impl Form {
    /// Reads `<x/>`.
    ///
    /// # Errors
    ///
    /// `bad-request` when the type is none of the four, or an option has not exactly one value; `not-acceptable` when
    /// there are more fields or values than [`crate::limits`] allow.
    pub fn parse(x: &Element<'_>) -> Result<Self, StanzaError> {
        let kind = x.attr("type").and_then(|kind| FormKind::parse(&kind));
        let mut form = Self::new(kind.ok_or_else(|| bad_request("a form needs a known type"))?);
        form.title = x.child_text("title", NS).map(|title| title.into_owned());
        form.fields = fields(x)?;
        for child in x.children().filter(|child| child.ns() == NS) {
            match child.name() {
                "instructions" => form.instructions.push(child.text().into_owned()),
                // Header and rows may come in either order (§3.4).
                "reported" => form.reported = fields(&child)?,
                "item" => form.items.push(fields(&child)?),
                _ => {}
            }
        }
        Ok(form)
    }

    /// Reads the form directly inside an element, if there is one.
    ///
    /// # Errors
    ///
    /// As [`Form::parse`].
    pub fn within(parent: &Element<'_>) -> Result<Option<Self>, StanzaError> {
        parent.child("x", NS).map(|x| Self::parse(&x)).transpose()
    }

    /// `<x/>`.
    #[must_use]
    pub fn to_fragment(&self) -> Fragment {
        let mut x = Builder::new("x", NS).attr("type", self.kind.name());
        if let Some(title) = &self.title {
            x = x.child_text("title", title);
        }
        for text in &self.instructions {
            x = x.child_text("instructions", text);
        }
        x = x.children(self.fields.iter().map(Field::to_builder));
        if !self.reported.is_empty() {
            x = x.child(row("reported", &self.reported));
        }
        x.children(self.items.iter().map(|item| row("item", item)))
            .build()
    }
}

fn row(name: &str, fields: &[Field]) -> Builder {
    Builder::new(name, NS).children(fields.iter().map(Field::to_builder))
}

fn fields(parent: &Element<'_>) -> Result<Vec<Field>, StanzaError> {
    let mut fields = Vec::new();
    for child in parent.children().filter(|child| child.is("field", NS)) {
        if fields.len() == FORM_FIELDS_MAX {
            return Err(too_many("fields"));
        }
        fields.push(Field::parse(&child)?);
    }
    Ok(fields)
}

impl Field {
    fn parse(field: &Element<'_>) -> Result<Self, StanzaError> {
        let mut parsed = Self {
            var: field.attr("var").map(|var| var.into_owned()),
            kind: field.attr("type").map(|kind| FieldKind::parse(&kind)),
            label: field.attr("label").map(|label| label.into_owned()),
            description: field.child_text("desc", NS).map(|text| text.into_owned()),
            required: field.child("required", NS).is_some(),
            validation: field
                .child("validate", NS_VALIDATE)
                .map(|validate| Validation::parse(&validate)),
            ..Self::default()
        };
        for child in field.children().filter(|child| child.ns() == NS) {
            match child.name() {
                "value" => parsed.values.push(child.text().into_owned()),
                "option" => parsed.options.push(FieldOption::parse(&child)?),
                _ => {}
            }
            if parsed.values.len().max(parsed.options.len()) > FORM_VALUES_MAX {
                return Err(too_many("values"));
            }
        }
        Ok(parsed)
    }

    fn to_builder(&self) -> Builder {
        let mut field = Builder::new("field", NS)
            .attr_opt("var", self.var.as_ref())
            .attr_opt("type", self.kind.map(FieldKind::name))
            .attr_opt("label", self.label.as_ref());
        if let Some(text) = &self.description {
            field = field.child_text("desc", text);
        }
        if self.required {
            field = field.child(Builder::new("required", NS));
        }
        if let Some(validation) = &self.validation {
            field = field.child(validation.to_builder());
        }
        for value in &self.values {
            field = field.child_text("value", value);
        }
        field.children(self.options.iter().map(|option| {
            Builder::new("option", NS)
                .attr_opt("label", option.label.as_ref())
                .child_text("value", &option.value)
        }))
    }
}

impl FieldOption {
    fn parse(option: &Element<'_>) -> Result<Self, StanzaError> {
        let mut values = option.children().filter(|child| child.is("value", NS));
        match (values.next(), values.next()) {
            (Some(value), None) => Ok(Self {
                label: option.attr("label").map(|label| label.into_owned()),
                value: value.text().into_owned(),
            }),
            _ => Err(bad_request("an option has one value")),
        }
    }
}

impl Validation {
    fn parse(validate: &Element<'_>) -> Self {
        let attr = |element: &Element<'_>, name: &str| element.attr(name).map(|v| v.into_owned());
        let mut method = Method::default();
        let mut list_range = None;
        for child in validate
            .children()
            .filter(|child| child.ns() == NS_VALIDATE)
        {
            match child.name() {
                "open" => method = Method::Open,
                "range" => {
                    method = Method::Range {
                        min: attr(&child, "min"),
                        max: attr(&child, "max"),
                    };
                }
                "regex" => method = Method::Regex(child.text().into_owned()),
                "list-range" => {
                    let number = |name| child.attr(name).and_then(|text| text.parse().ok());
                    list_range = Some((number("min"), number("max")));
                }
                _ => {}
            }
        }
        Self {
            datatype: attr(validate, "datatype").unwrap_or_else(|| "xs:string".to_owned()),
            method,
            list_range,
        }
    }

    fn to_builder(&self) -> Builder {
        let element = |name| Builder::new(name, NS_VALIDATE);
        let method = match &self.method {
            Method::Basic => element("basic"),
            Method::Open => element("open"),
            Method::Range { min, max } => element("range")
                .attr_opt("min", min.as_ref())
                .attr_opt("max", max.as_ref()),
            Method::Regex(pattern) => element("regex").text(pattern),
        };
        let list_range = self.list_range.map(|(min, max)| {
            element("list-range")
                .attr_opt("min", min.map(|min| min.to_string()))
                .attr_opt("max", max.map(|max| max.to_string()))
        });
        element("validate")
            .attr("datatype", &self.datatype)
            .child(method)
            .child_opt(list_range)
    }
}

fn bad_request(text: &str) -> StanzaError {
    StanzaError::new(Condition::BadRequest).with_text(text)
}

fn too_many(what: &str) -> StanzaError {
    StanzaError::new(Condition::NotAcceptable).with_text(format!("the form has too many {what}"))
}

//! What an expected element looks like, and whether a received one does.

use std::borrow::Cow;
use std::fmt;

use thiserror::Error;
use xml::{Element, Fault, Tree};

use super::template::{Captures, Template, TemplateError};
use super::tree;

/// Attributes of the received element itself that may be there unmentioned.
const FREE: [(&str, &str); 4] = [("", "from"), ("", "to"), ("", "id"), (xml::ns::XML, "lang")];

/// The text that lets an element have more than what is written.
const MORE: &str = "{...}";

/// The attribute value that says that an attribute is not there.
const ABSENT: &str = "{absent}";

/// An expected element.
#[derive(Clone, Debug)]
pub struct Pattern {
    shape: Shape,
    is_header: bool,
    source: String,
}

/// One element of it.
#[derive(Clone, Debug)]
struct Shape {
    name: String,
    ns: String,
    attributes: Vec<(String, String, Value)>,
    text: Template,
    children: Vec<Self>,
    /// `{...}` stands in it.
    may_have_more: bool,
}

#[derive(Clone, Debug)]
enum Value {
    Is(Template),
    Absent,
}

/// Why a text is no pattern.
#[derive(Clone, Debug, Error)]
pub enum PatternError {
    /// It is not one well-formed element.
    #[error("this is not well-formed: {0}")]
    Xml(#[from] Fault),
    /// A `{name}` in it is wrong.
    #[error(transparent)]
    Template(#[from] TemplateError),
}

/// How a received element differs from the expected one.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Mismatch {
    /// The names of the elements down to the one that differs.
    path: Vec<String>,
    what: String,
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "in <{}>: {}", self.path.join("><"), self.what)
    }
}

impl Pattern {
    /// Reads one element, or an unclosed stream header.
    ///
    /// # Errors
    ///
    /// [`PatternError`].
    pub fn parse(source: &str) -> Result<Self, PatternError> {
        let parsed = Tree::parse_fragment(tree::as_fragment(source))?;
        Ok(Self {
            shape: Shape::read(parsed.root())?,
            is_header: source.starts_with(tree::HEADER),
            source: source.to_owned(),
        })
    }

    /// Whether a stream header is expected. Of it only the attributes are compared, since one-document framing has an
    /// `<open/>` instead.
    #[must_use]
    pub fn is_header(&self) -> bool {
        self.is_header
    }

    /// Whether `received` is as expected; if so, what `{name}`s stand for is added to `captures`.
    ///
    /// # Errors
    ///
    /// The first difference found. `captures` is left as it was.
    pub fn matches(&self, received: &Tree, captures: &mut Captures) -> Result<(), Mismatch> {
        let root = received.root();
        let mut found = captures.clone();
        if self.is_header {
            self.shape.match_attributes(root, true, &mut found)?;
        } else {
            found = self.shape.matches(root, true, &found)?;
        }
        *captures = found;
        Ok(())
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.source)
    }
}

impl Shape {
    fn read(element: Element<'_>) -> Result<Self, TemplateError> {
        let text = element.text();
        let may_have_more = text.contains(MORE);
        let mut attributes = Vec::new();
        for attribute in element.attrs() {
            let value = match attribute.value() {
                value if value == ABSENT => Value::Absent,
                value => Value::Is(Template::parse(&value)?),
            };
            attributes.push((
                attribute.ns().to_owned(),
                attribute.name().to_owned(),
                value,
            ));
        }
        let children = element
            .children()
            .map(Self::read)
            .collect::<Result<_, _>>()?;
        Ok(Self {
            name: element.name().to_owned(),
            ns: uri(element),
            attributes,
            text: Template::parse(&significant(Cow::Owned(text.replace(MORE, ""))))?,
            children,
            may_have_more,
        })
    }

    fn matches(
        &self,
        element: Element<'_>,
        is_top: bool,
        captures: &Captures,
    ) -> Result<Captures, Mismatch> {
        if !self.is_named_like(element) {
            let (name, ns) = (element.name(), uri(element));
            return Err(differs(
                element,
                format!("expected {}, got <{name} xmlns='{ns}'>", self.tag()),
            ));
        }
        let mut captures = captures.clone();
        self.match_attributes(element, is_top, &mut captures)?;
        self.match_text(element, &mut captures)?;
        let children: Vec<Element<'_>> = element.children().collect();
        let free = vec![true; children.len()];
        if let Some(fitted) = self.fit_children(&self.children, &children, &free, &captures) {
            return Ok(fitted);
        }
        Err(self.why_children_differ(element, &children, &captures))
    }

    fn is_named_like(&self, element: Element<'_>) -> bool {
        self.name == element.name() && self.ns == uri(element)
    }

    fn match_attributes(
        &self,
        element: Element<'_>,
        is_top: bool,
        captures: &mut Captures,
    ) -> Result<(), Mismatch> {
        for (ns, name, expected) in &self.attributes {
            let received = element
                .attrs()
                .find(|attribute| attribute.ns() == ns && attribute.name() == name)
                .map(|attribute| attribute.value());
            match (expected, received) {
                (Value::Absent, None) => {}
                (Value::Absent, Some(value)) => {
                    return Err(differs(
                        element,
                        format!("the attribute {name}='{value}' should not be there"),
                    ));
                }
                (Value::Is(_), None) => {
                    return Err(differs(element, format!("the attribute {name} is missing")));
                }
                (Value::Is(template), Some(value)) => {
                    if !template.matches(&value, captures) {
                        return Err(differs(
                            element,
                            format!("the attribute {name} is '{value}'"),
                        ));
                    }
                }
            }
        }
        for attribute in element.attrs() {
            let (ns, name) = (attribute.ns(), attribute.name());
            let is_expected = self.attributes.iter().any(|(n, a, _)| n == ns && a == name);
            let is_free = is_top && FREE.contains(&(ns, name));
            if !is_expected && !is_free {
                let value = attribute.value();
                return Err(differs(
                    element,
                    format!("the attribute {name}='{value}' is unexpected"),
                ));
            }
        }
        Ok(())
    }

    fn match_text(&self, element: Element<'_>, captures: &mut Captures) -> Result<(), Mismatch> {
        if self.may_have_more && self.text.is_literal("") {
            return Ok(());
        }
        let text = significant(element.text());
        if self.text.matches(&text, captures) {
            Ok(())
        } else {
            Err(differs(element, format!("the text is \"{text}\"")))
        }
    }

    /// Gives each of `expected` one of the `children` that are still free, trying all ways.
    fn fit_children(
        &self,
        expected: &[Self],
        children: &[Element<'_>],
        free: &[bool],
        captures: &Captures,
    ) -> Option<Captures> {
        let Some((first, rest)) = expected.split_first() else {
            let all_taken = free.iter().all(|free| !free);
            return (all_taken || self.may_have_more).then(|| captures.clone());
        };
        for (index, child) in children.iter().enumerate() {
            if !free.get(index).copied().unwrap_or(false) {
                continue;
            }
            let Ok(captures) = first.matches(*child, false, captures) else {
                continue;
            };
            let mut free = free.to_vec();
            if let Some(taken) = free.get_mut(index) {
                *taken = false;
            }
            let fitted = self.fit_children(rest, children, &free, &captures);
            if fitted.is_some() {
                return fitted;
            }
        }
        None
    }

    /// Says which child is missing, too many, or nearly right.
    fn why_children_differ(
        &self,
        element: Element<'_>,
        children: &[Element<'_>],
        captures: &Captures,
    ) -> Mismatch {
        let mut left: Vec<Element<'_>> = children.to_vec();
        let mut missing = Vec::new();
        for expected in &self.children {
            match left
                .iter()
                .position(|child| expected.matches(*child, false, captures).is_ok())
            {
                Some(index) => drop(left.remove(index)),
                None => missing.push(expected),
            }
        }
        for expected in &missing {
            let alike = left.iter().find(|child| expected.is_named_like(**child));
            if let Some(Err(mut mismatch)) =
                alike.map(|child| expected.matches(*child, false, captures))
            {
                mismatch.path.insert(0, element.name().to_owned());
                return mismatch;
            }
        }
        let what = match (missing.first(), left.first()) {
            (Some(missing), _) => format!("the child {} is missing", missing.tag()),
            (None, Some(extra)) => format!("the child {} is unexpected", tree::show(*extra)),
            (None, None) => "no way of taking the children satisfies every {name}".to_owned(),
        };
        differs(element, what)
    }

    fn tag(&self) -> String {
        format!("<{} xmlns='{}'>", self.name, self.ns)
    }
}

fn differs(element: Element<'_>, what: String) -> Mismatch {
    Mismatch {
        path: vec![element.name().to_owned()],
        what,
    }
}

fn uri(element: Element<'_>) -> String {
    element.ns().uri_or(xml::ns::CLIENT).to_owned()
}

/// White space alone is indentation.
fn significant(text: Cow<'_, str>) -> Cow<'_, str> {
    if text.trim().is_empty() {
        Cow::Borrowed("")
    } else {
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attribute_order_prefixes_quotes_and_indentation_do_not_count() {
        same("<a x='1' y='2'/>", "<a y=\"2\" x=\"1\"></a>");
        same(
            "<a><b xmlns='u'><c/></b></a>",
            "<a xmlns:p='u'>\n  <p:b>\n <p:c/> </p:b></a>",
        );
        same("<a><b>1</b><c/></a>", "<a><c/><b>1</b></a>");
        same("<a>&lt;&#65;</a>", "<a><![CDATA[<A]]></a>");
    }

    #[test]
    fn addresses_id_and_language_are_free_at_the_top_only() {
        same(
            "<iq type='result'/>",
            "<iq type='result' from='a' to='b' id='c' xml:lang='en'/>",
        );
        differ(
            "<a><b/></a>",
            "<a><b to='x'/></a>",
            "in <a><b>: the attribute to='x' is unexpected",
        );
        differ(
            "<iq/>",
            "<iq type='get'/>",
            "in <iq>: the attribute type='get' is unexpected",
        );
        differ(
            "<iq to='a'/>",
            "<iq to='b'/>",
            "in <iq>: the attribute to is 'b'",
        );
        differ(
            "<iq to='a'/>",
            "<iq/>",
            "in <iq>: the attribute to is missing",
        );
        same("<iq to='{absent}'/>", "<iq/>");
        differ(
            "<iq to='{absent}'/>",
            "<iq to='b'/>",
            "in <iq>: the attribute to='b' should not be there",
        );
    }

    #[test]
    fn a_child_too_many_or_too_few_fails() {
        differ(
            "<a><b/></a>",
            "<a><b/><c/></a>",
            "in <a>: the child <c/> is unexpected",
        );
        differ(
            "<a><b/><b/></a>",
            "<a><b/></a>",
            "in <a>: the child <b xmlns='jabber:client'> is missing",
        );
        differ(
            "<a><b/></a>",
            "<a><b xmlns='u'/></a>",
            "in <a>: the child <b xmlns='jabber:client'> is missing",
        );
        differ(
            "<a/>",
            "<b/>",
            "in <b>: expected <a xmlns='jabber:client'>, got <b xmlns='jabber:client'>",
        );
    }

    #[test]
    fn the_difference_is_told_where_it_is() {
        let expected = "<m><f xmlns='u'><m xmlns='jabber:client'><body>hi</body></m></f></m>";
        let received = expected.replace("hi", "ho");
        differ(
            expected,
            &received,
            "in <m><f><m><body>: the text is \"ho\"",
        );
    }

    #[test]
    fn an_element_with_dots_may_have_more() {
        same("<a>{...}</a>", "<a x='1'/>".replace(" x='1'", "").as_str());
        same("<a><b/>{...}</a>", "<a>text<c/><b/><d/></a>");
        differ(
            "<a><b/>{...}</a>",
            "<a><c/></a>",
            "in <a>: the child <b xmlns='jabber:client'> is missing",
        );
    }

    #[test]
    fn captures_hold_through_the_tree_and_choose_between_children() {
        same("<a x='{n}'><b>{n}</b></a>", "<a x='1'><b>1</b></a>");
        differ(
            "<a x='{n}'><b>{n}</b></a>",
            "<a x='1'><b>2</b></a>",
            "in <a><b>: the text is \"2\"",
        );
        // The first <b/> that fits {n} is not the one that <c/> asks for.
        same(
            "<a><b>{n}</b><b>2</b><c>{n}</c></a>",
            "<a><b>2</b><b>1</b><c>1</c></a>",
        );
    }

    #[test]
    fn stream_elements_need_no_declaration() {
        let received = "<error xmlns='http://etherx.jabber.org/streams'/>";
        same("<stream:error/>", received);
        let header = "<open xmlns='urn:ietf:params:xml:ns:xmpp-framing' version='1.0' id='x'/>";
        same("<stream:stream version='1.0' id='{id}'>", header);
        differ(
            "<stream:stream version='1.1'>",
            header,
            "in <open>: the attribute version is '1.0'",
        );
    }

    #[test]
    fn bad_patterns_are_errors() {
        assert!(matches!(Pattern::parse("<a>"), Err(PatternError::Xml(_))));
        assert!(matches!(
            Pattern::parse("<a>{b c}</a>"),
            Err(PatternError::Template(_))
        ));
    }

    #[track_caller]
    fn same(pattern: &str, received: &str) {
        if let Err(mismatch) = compare(pattern, received) {
            panic!("{pattern} and {received}: {mismatch}");
        }
    }

    #[track_caller]
    fn differ(pattern: &str, received: &str, how: &str) {
        let mismatch = compare(pattern, received).expect_err(received);
        assert_eq!(mismatch.to_string(), how, "{pattern} and {received}");
    }

    fn compare(pattern: &str, received: &str) -> Result<(), Mismatch> {
        let received = Tree::parse_fragment(received).unwrap();
        Pattern::parse(pattern)
            .unwrap()
            .matches(&received, &mut Captures::default())
    }
}

//! A builder.
use crate::fragment::Fragment;
/// Makes a [`Fragment`].
#[derive(Clone, Debug)]
pub struct Builder {}
impl Builder {
    /// An element `name` in the namespace `ns`.
    pub fn new(name: &str, ns: &str) -> Self {
        let _ = (name, ns);
        unimplemented!()
    }
    /// An element `name` in the content namespace.
    pub fn content(name: &str) -> Self {
        let _ = name;
        unimplemented!()
    }
    /// Adds an attribute.
    #[must_use]
    pub fn attr(self, name: &str, value: impl AsRef<str>) -> Self {
        let _ = (name, value);
        self
    }
    /// Adds an attribute when there is a value.
    #[must_use]
    pub fn attr_opt(self, name: &str, value: Option<impl AsRef<str>>) -> Self {
        let _ = (name, value);
        self
    }
    /// Adds a child: a `Builder` or a `Fragment`.
    #[must_use]
    pub fn child(self, child: impl Into<Child>) -> Self {
        let _ = child.into();
        self
    }
    /// Adds children.
    #[must_use]
    pub fn children<C: Into<Child>>(self, children: impl IntoIterator<Item = C>) -> Self {
        for _ in children {}
        self
    }
    /// Adds a child when there is one.
    #[must_use]
    pub fn child_opt(self, child: Option<impl Into<Child>>) -> Self {
        let _ = child;
        self
    }
    /// Adds text.
    #[must_use]
    pub fn text(self, text: &str) -> Self {
        let _ = text;
        self
    }
    /// Adds a child in this element's namespace that holds `text`.
    #[must_use]
    pub fn child_text(self, name: &str, text: &str) -> Self {
        let _ = (name, text);
        self
    }
    /// The finished fragment.
    pub fn build(self) -> Fragment {
        unimplemented!()
    }
}
/// What can stand inside a [`Builder`].
#[derive(Clone, Debug)]
pub struct Child {}
impl From<Builder> for Child {
    fn from(_: Builder) -> Self {
        Self {}
    }
}
impl From<Fragment> for Child {
    fn from(_: Fragment) -> Self {
        Self {}
    }
}
impl From<&Fragment> for Child {
    fn from(_: &Fragment) -> Self {
        Self {}
    }
}

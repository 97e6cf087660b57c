//! Namespace declarations and the prefixes that use them, [Namespaces §3 to §6](https://www.w3.org/TR/xml-names/).

use crate::{
    fault::Fault,
    ns, reference,
    scan::{Binding, Context, Space, Work},
    tape::{Declaration, NsCode, Span, Uri, offset},
};

impl Work {
    /// Puts the declarations of the start tag in force. `true` when it declares the content namespace as the
    /// default where that says nothing: where it is the default already, or on the outermost element.
    pub(super) fn declare(&mut self, bytes: &[u8], cx: &Context<'_>) -> Result<bool, Fault> {
        let mut redundant = false;
        for index in 0..self.found.len() {
            let Some(&found) = self.found.get(index) else {
                break;
            };
            if found.space != Space::Xmlns {
                continue;
            }
            let uri = self.uri(bytes, found.value, cx)?;
            let text = self.uri_bytes(bytes, uri);
            let is_xml = text == ns::XML.as_bytes();
            let is_content = cx.content_ns.is_some_and(|own| own.as_bytes() == text);
            if text == ns::XMLNS.as_bytes() {
                return Err(Fault::ReservedNamespace);
            }
            if found.prefix_len == 0 {
                if is_xml {
                    return Err(Fault::ReservedNamespace);
                }
                if text.is_empty() {
                    self.default = NsCode::NONE;
                } else if is_content && (self.default == NsCode::CONTENT || self.stack.is_empty()) {
                    self.default = NsCode::CONTENT;
                    redundant = true;
                } else {
                    self.default = self.declaration(Span::default(), uri);
                }
                continue;
            }
            let prefix = Span {
                start: found.name.start + found.prefix_len,
                end: found.name.end,
            };
            match prefix.of_bytes(bytes) {
                b"xml" if is_xml => continue,
                b"xml" | b"xmlns" => return Err(Fault::ReservedNamespace),
                _ if is_xml => return Err(Fault::ReservedNamespace),
                _ if text.is_empty() => return Err(Fault::EmptyPrefixBinding),
                _ => {}
            }
            if self.scope.len() >= cx.limits.declarations_max {
                return Err(Fault::TooManyDeclarations {
                    declarations_max: cx.limits.declarations_max,
                });
            }
            let code = self.declaration(prefix, uri);
            self.scope.push(Binding {
                prefix,
                uri,
                code,
                content: is_content,
            });
        }
        Ok(redundant)
    }

    fn declaration(&mut self, prefix: Span, uri: Uri) -> NsCode {
        let code = NsCode::declared(self.tape.declarations.len());
        if !self.untaped {
            self.tape.declarations.push(Declaration {
                prefix,
                uri,
                element: offset(self.tape.elements.len()),
            });
        }
        code
    }

    /// The URI that a declaration's value is; what unescaping changes goes to the spill.
    fn uri(&mut self, bytes: &[u8], value: Span, cx: &Context<'_>) -> Result<Uri, Fault> {
        if value.len() > cx.limits.name_bytes_max {
            return Err(Fault::NameTooLong {
                bytes_max: cx.limits.name_bytes_max,
            });
        }
        let raw = value.of_bytes(bytes);
        if !raw
            .iter()
            .any(|byte| matches!(byte, b'&' | b'\t' | b'\n' | b'\r'))
        {
            return Ok(Uri {
                span: value,
                spilled: false,
            });
        }
        let text = str::from_utf8(raw).map_err(|_| Fault::InvalidUtf8)?;
        let start = self.tape.spill.len();
        self.tape.spill.push_str(&reference::value(text));
        Ok(Uri {
            span: Span::new(start, self.tape.spill.len()),
            spilled: true,
        })
    }

    pub(super) fn uri_bytes<'a>(&'a self, bytes: &'a [u8], uri: Uri) -> &'a [u8] {
        uri.span.of_bytes(if uri.spilled {
            self.tape.spill.as_bytes()
        } else {
            bytes
        })
    }

    /// The namespace of the start tag's name, which has a prefix.
    pub(super) fn prefix_code(&mut self, bytes: &[u8], cx: &Context<'_>) -> Result<NsCode, Fault> {
        let prefix = Span {
            start: self.tag_name.start,
            end: self.tag_name.start + self.tag_prefix_len - 1,
        };
        let space = match prefix.of_bytes(bytes) {
            b"xml" => return Ok(NsCode::XML),
            b"xmlns" => return Err(Fault::ReservedNamespace),
            prefix => self.find(bytes, prefix, cx)?,
        };
        self.tape.intricate = true;
        let (code, is_content) = match space {
            Space::Local(index) => match self.scope.get(index as usize) {
                Some(binding) => (binding.code, binding.content),
                None => return Err(Fault::UndeclaredPrefix),
            },
            Space::Stream(index) => {
                let uri = cx.bindings.uri(index as usize);
                (
                    NsCode::inherited(index as usize),
                    cx.content_ns == Some(uri),
                )
            }
            Space::None | Space::Xml | Space::Xmlns => return Err(Fault::UndeclaredPrefix),
        };
        if is_content && self.default == NsCode::CONTENT {
            return Ok(NsCode::CONTENT);
        }
        Ok(code)
    }

    /// Finds what `prefix` is bound to: the innermost declaration counts.
    pub(super) fn find(
        &self,
        bytes: &[u8],
        prefix: &[u8],
        cx: &Context<'_>,
    ) -> Result<Space, Fault> {
        let local = self
            .scope
            .iter()
            .rposition(|binding| binding.prefix.of_bytes(bytes) == prefix);
        if let Some(index) = local {
            return Ok(Space::Local(offset(index)));
        }
        match cx.bindings.find(prefix) {
            Some(index) => Ok(Space::Stream(offset(index))),
            None => Err(Fault::UndeclaredPrefix),
        }
    }
}

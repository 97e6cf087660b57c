//! No two attributes of an element have the same expanded name, [Namespaces §6.3](https://www.w3.org/TR/xml-names/#uniqAttrs).

use crate::{
    fault::Fault,
    ns,
    scan::{Context, Found, Space, Work},
    tape::Span,
};

/// Up to so many attributes each is compared with each; more are sorted first.
const PAIRWISE_MAX: usize = 16;

impl Work {
    /// Refuses duplicates among the attributes of the start tag, and prefixes that are not declared.
    #[inline]
    pub(super) fn refuse_duplicates(
        &mut self,
        bytes: &[u8],
        cx: &Context<'_>,
    ) -> Result<(), Fault> {
        if self.prefixed {
            self.resolve_prefixes(bytes, cx)?;
        }
        if self.found.len() > PAIRWISE_MAX {
            return self.refuse_sorted(bytes, cx);
        }
        // A name's length and two of its letters choose one of 64 marks. Only those that meet on one are compared.
        let mut seen = 0_u64;
        for (index, found) in self.found.iter().enumerate() {
            let local = local_name(found, bytes);
            let mark = match local {
                [] => 0,
                [first, .., last] => first.wrapping_mul(5) ^ last ^ (local.len() as u8),
                [only] => *only,
            };
            let bit = 1_u64 << (mark & 63);
            if seen & bit != 0 {
                let earlier = self.found.get(..index).unwrap_or_default();
                if earlier
                    .iter()
                    .any(|other| self.is_same(other, found, bytes, cx))
                {
                    return Err(Fault::DuplicateAttribute);
                }
            }
            seen |= bit;
        }
        Ok(())
    }

    fn resolve_prefixes(&mut self, bytes: &[u8], cx: &Context<'_>) -> Result<(), Fault> {
        for index in 0..self.found.len() {
            let Some(&found) = self.found.get(index) else {
                break;
            };
            if found.space != Space::None || found.prefix_len == 0 {
                continue;
            }
            let prefix = Span {
                start: found.name.start,
                end: found.name.start + found.prefix_len - 1,
            };
            let space = self.find(bytes, prefix.of_bytes(bytes), cx)?;
            self.tape.intricate = true;
            if let Some(found) = self.found.get_mut(index) {
                found.space = space;
            }
        }
        Ok(())
    }

    fn refuse_sorted(&mut self, bytes: &[u8], cx: &Context<'_>) -> Result<(), Fault> {
        let mut order = std::mem::take(&mut self.order);
        order.clear();
        order.extend(0..self.found.len() as u16);
        let key = |index: u16| {
            self.found.get(usize::from(index)).map(|found| {
                (
                    local_name(found, bytes),
                    self.space_bytes(found.space, bytes, cx),
                )
            })
        };
        order.sort_unstable_by(|&left, &right| key(left).cmp(&key(right)));
        let twice = order
            .iter()
            .zip(order.iter().skip(1))
            .any(|(&left, &right)| key(left) == key(right));
        self.order = order;
        if twice {
            return Err(Fault::DuplicateAttribute);
        }
        Ok(())
    }

    fn is_same(&self, left: &Found, right: &Found, bytes: &[u8], cx: &Context<'_>) -> bool {
        local_name(left, bytes) == local_name(right, bytes)
            && (left.space == right.space
                || self.space_bytes(left.space, bytes, cx)
                    == self.space_bytes(right.space, bytes, cx))
    }

    fn space_bytes<'a>(&'a self, space: Space, bytes: &'a [u8], cx: &Context<'a>) -> &'a [u8] {
        match space {
            Space::None => b"",
            Space::Xml => ns::XML.as_bytes(),
            Space::Xmlns => ns::XMLNS.as_bytes(),
            Space::Local(index) => self
                .scope
                .get(index as usize)
                .map_or(&[], |binding| self.uri_bytes(bytes, binding.uri)),
            Space::Stream(index) => cx.bindings.uri(index as usize).as_bytes(),
        }
    }
}

/// The name without its prefix.
fn local_name<'a>(found: &Found, bytes: &'a [u8]) -> &'a [u8] {
    Span {
        start: found.name.start + found.prefix_len,
        end: found.name.end,
    }
    .of_bytes(bytes)
}

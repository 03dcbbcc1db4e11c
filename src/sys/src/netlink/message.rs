//! Netlink messages as bytes: building requests, walking answers.

/// Bytes of a request: a header, its body, a few attributes.
const REQUEST_BYTES_MAX: usize = 192;
/// Bytes of `struct nlmsghdr`.
const HEADER_BYTES: usize = 16;
/// Bytes of `struct rtattr`.
const ATTRIBUTE_HEADER_BYTES: usize = 4;

/// A request in the making.
pub(super) struct Request {
    bytes: [u8; REQUEST_BYTES_MAX],
    length: usize,
}

impl Request {
    /// A request of this type with these flags.
    pub(super) fn new(kind: u16, flags: u16, sequence: u32) -> Request {
        let mut request = Request {
            bytes: [0; REQUEST_BYTES_MAX],
            length: 0,
        };
        request
            .put(&[0; 4]) // length, filled in by `finish`
            .put(&kind.to_ne_bytes())
            .put(&flags.to_ne_bytes())
            .put(&sequence.to_ne_bytes())
            .put(&[0; 4]); // port: the kernel fills it in
        request
    }

    /// Appends bytes. What is built here has a known size, far below the array's.
    pub(super) fn put(&mut self, bytes: &[u8]) -> &mut Request {
        let end = self.length + bytes.len();
        if let Some(room) = self.bytes.get_mut(self.length..end) {
            room.copy_from_slice(bytes);
            self.length = end;
        } else {
            debug_assert!(false, "a request is larger than its array");
        }
        self
    }

    /// Appends an attribute.
    pub(super) fn attribute(&mut self, kind: u16, value: &[u8]) -> &mut Request {
        let length = u16::try_from(ATTRIBUTE_HEADER_BYTES + value.len()).unwrap_or(u16::MAX);
        self.put(&length.to_ne_bytes())
            .put(&kind.to_ne_bytes())
            .put(value);
        let padding = aligned(self.length) - self.length;
        self.put([0; 3].get(..padding).unwrap_or_default())
    }

    /// Begins an attribute that holds others; [`Request::end`] takes what this returns.
    pub(super) fn begin(&mut self, kind: u16) -> usize {
        let at = self.length;
        self.attribute(kind, &[]);
        at
    }

    /// Ends an attribute that holds others.
    pub(super) fn end(&mut self, at: usize) -> &mut Request {
        let length = u16::try_from(self.length.saturating_sub(at)).unwrap_or(u16::MAX);
        let header = self.bytes.get_mut(at..).and_then(<[u8]>::first_chunk_mut);
        if let Some(field) = header {
            *field = length.to_ne_bytes();
        }
        self
    }

    /// The bytes to send.
    pub(super) fn finish(&mut self) -> &[u8] {
        let length = u32::try_from(self.length).unwrap_or(u32::MAX);
        if let Some(field) = self.bytes.first_chunk_mut() {
            *field = length.to_ne_bytes();
        }
        self.bytes.get(..self.length).unwrap_or_default()
    }
}

/// A message of an answer.
pub(super) struct Message<'a> {
    pub(super) kind: u16,
    pub(super) sequence: u32,
    pub(super) body: &'a [u8],
}

/// The messages in what was received. Ends at the first that is cut short.
pub(super) fn messages(mut bytes: &[u8]) -> impl Iterator<Item = Message<'_>> {
    core::iter::from_fn(move || {
        let length = usize::try_from(u32::from_ne_bytes(field(bytes, 0)?)).ok()?;
        let message = Message {
            kind: u16::from_ne_bytes(field(bytes, 4)?),
            sequence: u32::from_ne_bytes(field(bytes, 8)?),
            body: bytes.get(HEADER_BYTES..length)?,
        };
        bytes = bytes.get(aligned(length)..).unwrap_or_default();
        Some(message)
    })
}

/// The attributes behind a message's fixed part, as type and value.
pub(super) fn attributes(mut bytes: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    core::iter::from_fn(move || {
        let length = usize::from(u16::from_ne_bytes(field(bytes, 0)?));
        let kind = u16::from_ne_bytes(field(bytes, 2)?);
        let value = bytes.get(ATTRIBUTE_HEADER_BYTES..length)?;
        bytes = bytes.get(aligned(length)..).unwrap_or_default();
        Some((kind, value))
    })
}

/// `N` bytes at `at`.
pub(super) fn field<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..)?.first_chunk().copied()
}

fn aligned(length: usize) -> usize {
    length.next_multiple_of(4)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec::Vec;

    #[test]
    fn what_is_built_is_read_back() {
        let mut request = Request::new(16, 5, 9);
        request
            .put(&[7; 16])
            .attribute(3, b"eth0\0")
            .attribute(1, &[1, 2]);
        let bytes = request.finish();
        assert_eq!(bytes.len() % 4, 0);
        let message = messages(bytes).next().unwrap();
        assert_eq!((message.kind, message.sequence), (16, 9));
        let read: Vec<_> = attributes(&message.body[16..]).collect();
        assert_eq!(read, [(3, &b"eth0\0"[..]), (1, &[1, 2][..])]);
    }

    #[test]
    fn an_attribute_holds_others() {
        let mut request = Request::new(16, 5, 9);
        let outer = request.begin(18);
        request.attribute(1, b"vlan\0");
        let inner = request.begin(2);
        request.attribute(1, &[5, 0]).end(inner).end(outer);
        request.attribute(3, b"x\0");
        let bytes = request.finish();
        let message = messages(bytes).next().unwrap();
        let read: Vec<_> = attributes(message.body).collect();
        assert_eq!(read[1], (3, &b"x\0"[..]));
        let outer: Vec<_> = attributes(read[0].1).collect();
        assert_eq!(outer[0], (1, &b"vlan\0"[..]));
        let inner: Vec<_> = attributes(outer[1].1).collect();
        assert_eq!((outer[1].0, &inner[..]), (2, &[(1, &[5, 0][..])][..]));
    }

    #[test]
    fn what_is_cut_short_ends_the_walk() {
        let mut request = Request::new(16, 5, 9);
        request.put(&[7; 16]).attribute(3, b"eth0\0");
        let bytes = request.finish();
        for end in 0..bytes.len() {
            assert_eq!(messages(&bytes[..end]).count(), 0, "{end}");
        }
        assert_eq!(messages(&[0; 64]).count(), 0);
        assert_eq!(attributes(&[0; 64]).count(), 0);
    }
}

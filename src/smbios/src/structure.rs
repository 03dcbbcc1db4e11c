//! Structures one after the other: type, length, handle, fields, texts (DSP0134, section 6.1).

/// The type of the structure that ends the table (section 7.45).
pub const END: u8 = 127;
/// Bytes of type, length and handle.
const HEADER_BYTES: usize = 4;

/// One structure of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Structure<'t> {
    /// Where it begins, in bytes from the table's beginning.
    pub at: usize,
    /// Its type.
    pub kind: u8,
    /// By which others refer to it.
    pub handle: u16,
    /// Header and fields.
    formatted: &'t [u8],
    /// Texts with a NUL behind each.
    texts: &'t [u8],
}

/// How a table is broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The table ends within a header or the fields.
    Cut,
    /// A structure is shorter than its own header.
    Length(u8),
    /// The table ends before the texts do.
    Unended,
    /// The table ends without the structure that says so. What came before it is whole.
    NoEnd,
    /// A field names a text that is not there, by this number.
    Text(u8),
}

/// What is broken, and where: the structure's first byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Broken {
    /// In bytes from the table's beginning.
    pub at: usize,
    /// How.
    pub fault: Fault,
}

impl Fault {
    /// In a few words.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Fault::Cut => "the table ends within a structure",
            Fault::Length(_) => "a structure is shorter than its header",
            Fault::Unended => "texts have no end",
            Fault::NoEnd => "the table has no end",
            Fault::Text(_) => "a text is missing",
        }
    }
}

/// Walks a table.
#[must_use]
pub fn structures(table: &[u8]) -> Structures<'_> {
    Structures {
        table,
        next: Some(0),
    }
}

/// The structures of a table, up to its end or to the first that is broken, which is the last item.
#[derive(Debug, Clone)]
pub struct Structures<'t> {
    table: &'t [u8],
    /// Where the next begins; `None`: there is none.
    next: Option<usize>,
}

impl<'t> Iterator for Structures<'t> {
    type Item = Result<Structure<'t>, Broken>;

    fn next(&mut self) -> Option<Self::Item> {
        let at = self.next.take()?;
        let rest = self.table.get(at..).unwrap_or_default();
        let (structure, bytes) = match read(rest, at) {
            Ok(read) => read,
            Err(fault) => return Some(Err(Broken { at, fault })),
        };
        if structure.kind != END {
            self.next = Some(at + bytes);
        }
        Some(Ok(structure))
    }
}

/// The structure at the front of `rest`, and its bytes.
fn read(rest: &[u8], at: usize) -> Result<(Structure<'_>, usize), Fault> {
    if rest.is_empty() {
        return Err(Fault::NoEnd);
    }
    let (kind, length, handle) = match rest.get(..HEADER_BYTES) {
        Some(&[kind, length, low, high]) => (kind, length, u16::from_le_bytes([low, high])),
        _ => return Err(Fault::Cut),
    };
    if usize::from(length) < HEADER_BYTES {
        return Err(Fault::Length(length));
    }
    let (formatted, behind) = rest.split_at_checked(length.into()).ok_or(Fault::Cut)?;
    let (texts, texts_bytes) = match texts_of(behind) {
        Some(found) => found,
        // Nobody asks the end for texts, and some firmware has none behind it.
        None if kind == END => (&[][..], behind.len()),
        None => return Err(Fault::Unended),
    };
    let structure = Structure {
        at,
        kind,
        handle,
        formatted,
        texts,
    };
    Ok((structure, formatted.len() + texts_bytes))
}

/// Texts up to the NUL behind the last one's, and how many bytes all of it is.
fn texts_of(behind: &[u8]) -> Option<(&[u8], usize)> {
    let end = behind.windows(2).position(|pair| pair == [0, 0])?;
    // Without any text both NULs end the set; else the first of them is the last text's.
    let texts = if end == 0 {
        &[]
    } else {
        behind.get(..end + 1)?
    };
    Some((texts, end + 2))
}

impl<'t> Structure<'t> {
    /// The byte at an offset.
    #[must_use]
    pub fn byte(&self, offset: usize) -> Option<u8> {
        self.formatted.get(offset).copied()
    }

    /// The number of two bytes at an offset.
    #[must_use]
    pub fn word(&self, offset: usize) -> Option<u16> {
        self.bytes(offset).map(u16::from_le_bytes)
    }

    /// The number of four bytes at an offset.
    #[must_use]
    pub fn double(&self, offset: usize) -> Option<u32> {
        self.bytes(offset).map(u32::from_le_bytes)
    }

    /// The number of eight bytes at an offset.
    #[must_use]
    pub fn quad(&self, offset: usize) -> Option<u64> {
        self.bytes(offset).map(u64::from_le_bytes)
    }

    fn bytes<const N: usize>(&self, offset: usize) -> Option<[u8; N]> {
        self.formatted.get(offset..)?.first_chunk().copied()
    }

    /// The text that the field at an offset names, without blanks around it; empty when it names none or is not there. Any
    /// bytes: firmware obeys no encoding.
    ///
    /// # Errors
    /// [`Fault::Text`]: it names one that is not there.
    pub fn text(&self, offset: usize) -> Result<&'t [u8], Broken> {
        let number = self.byte(offset).unwrap_or(0);
        let Some(before) = number.checked_sub(1) else {
            return Ok(&[]);
        };
        let fault = Fault::Text(number);
        let mut texts = self.texts.split_inclusive(|&byte| byte == 0);
        let text = texts.nth(before.into());
        let text = text.and_then(|text| text.strip_suffix(&[0]));
        text.map(<[u8]>::trim_ascii)
            .ok_or(Broken { at: self.at, fault })
    }
}

//! Text in bounds: whatever a caller passes, its event fits into a frame.
//!
//! The encoders cut, so that no caller can forget to. What comes from the kernel or a disk need not
//! be UTF-8; [`text`] takes the part that is.

use minicbor::decode::{Decoder, Error as DecodeError};
use minicbor::encode::{Encoder, Error as EncodeError, Write};

use crate::limits::TEXT_BYTES_MAX;

/// The longest front of `text` that has at most `max` bytes and ends at a character.
#[must_use]
pub fn cut(text: &str, max: usize) -> &str {
    let mut end = max.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or_default()
}

/// The longest front of `bytes` that is text.
#[must_use]
pub fn text(bytes: &[u8]) -> &str {
    match core::str::from_utf8(bytes) {
        Ok(whole) => whole,
        Err(error) => bytes
            .get(..error.valid_up_to())
            .and_then(|front| core::str::from_utf8(front).ok())
            .unwrap_or_default(),
    }
}

pub(crate) fn encode<C, W: Write>(
    text: &str,
    encoder: &mut Encoder<W>,
    _: &mut C,
) -> Result<(), EncodeError<W::Error>> {
    encoder.str(cut(text, TEXT_BYTES_MAX))?.ok()
}

pub(crate) fn decode<'b, C>(decoder: &mut Decoder<'b>, _: &mut C) -> Result<&'b str, DecodeError> {
    decoder.str()
}

/// An optional text: the key is left out when there is none.
pub(crate) mod optional {
    use super::{DecodeError, Decoder, EncodeError, Encoder, Write};

    pub(crate) fn encode<C, W: Write>(
        text: &Option<&str>,
        encoder: &mut Encoder<W>,
        context: &mut C,
    ) -> Result<(), EncodeError<W::Error>> {
        match text {
            Some(text) => super::encode(text, encoder, context),
            None => encoder.null()?.ok(),
        }
    }

    pub(crate) fn decode<'b, C>(
        decoder: &mut Decoder<'b>,
        _: &mut C,
    ) -> Result<Option<&'b str>, DecodeError> {
        if decoder.datatype()? == minicbor::data::Type::Null {
            decoder.null()?;
            return Ok(None);
        }
        decoder.str().map(Some)
    }

    pub(crate) fn is_nil(text: &Option<&str>) -> bool {
        text.is_none()
    }

    pub(crate) fn nil<'b>() -> Option<Option<&'b str>> {
        Some(None)
    }
}

/// The kernel command line, which may be longer than other text.
pub(crate) mod command_line {
    use super::{DecodeError, Decoder, EncodeError, Encoder, Write, cut};
    use crate::limits::COMMAND_LINE_BYTES_MAX;

    pub(crate) fn encode<C, W: Write>(
        text: &str,
        encoder: &mut Encoder<W>,
        _: &mut C,
    ) -> Result<(), EncodeError<W::Error>> {
        encoder.str(cut(text, COMMAND_LINE_BYTES_MAX))?.ok()
    }

    pub(crate) fn decode<'b, C>(
        decoder: &mut Decoder<'b>,
        context: &mut C,
    ) -> Result<&'b str, DecodeError> {
        super::decode(decoder, context)
    }
}

/// What is known of a thing, which may be longer than other text.
pub(crate) mod facts {
    use super::{DecodeError, Decoder, EncodeError, Encoder, Write, cut};
    use crate::limits::FACTS_BYTES_MAX;

    pub(crate) fn encode<C, W: Write>(
        text: &str,
        encoder: &mut Encoder<W>,
        _: &mut C,
    ) -> Result<(), EncodeError<W::Error>> {
        encoder.str(cut(text, FACTS_BYTES_MAX))?.ok()
    }

    pub(crate) fn decode<'b, C>(
        decoder: &mut Decoder<'b>,
        context: &mut C,
    ) -> Result<&'b str, DecodeError> {
        super::decode(decoder, context)
    }
}

//! Unpacks the files of a payload, each only when it is asked for.

use crate::lzma::{Decoder, StreamError};
use crate::model::Model;
use crate::payload::{Entry, Payload};

/// A payload while it is unpacked into an output.
#[derive(Debug)]
pub struct Unpacker<'a> {
    decoder: Decoder<'a>,
}

impl<'a> Unpacker<'a> {
    /// Begins. The output must have room for [`Payload::raw_bytes`]; the model may be any.
    pub fn new(
        payload: &Payload<'a>,
        model: &'a mut Model,
        output: &'a mut [u8],
    ) -> Result<Unpacker<'a>, StreamError> {
        let decoder = Decoder::new(payload.stream(), model, output)?;
        Ok(Unpacker { decoder })
    }

    /// The bytes of a file, checked. All files before it are unpacked on the way.
    pub fn file(&mut self, entry: &Entry<'_>) -> Result<&[u8], StreamError> {
        let end = entry
            .start
            .checked_add(entry.bytes)
            .ok_or(StreamError::Damaged)?;
        let bytes = self
            .decoder
            .decode_to(end)?
            .get(entry.start..)
            .unwrap_or_default();
        if preroot_crc::crc32(bytes) == entry.crc32 {
            Ok(bytes)
        } else {
            Err(StreamError::Damaged)
        }
    }
}

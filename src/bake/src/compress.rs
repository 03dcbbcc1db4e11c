//! Compression as the kernel's unpacker knows it.
//!
//! lz4 is the *legacy* frame, the only one that lib/decompress_unlz4.c takes: a magic, then for each
//! 8 MiB of input a length and a block, no checksums, no end mark.

use std::io::{Error, ErrorKind, Read, Write};

use crate::limits::UNPACKED_BYTES_MAX;

const LZ4_MAGIC: [u8; 4] = 0x184C_2102_u32.to_le_bytes();
const LZ4_CHUNK_BYTES: usize = 8 << 20;
/// The last level of LZ4's optimal parser. The kernel's time is the same at every level.
const LZ4_LEVEL: i32 = 12;
const ZSTD_MAGIC: [u8; 4] = 0xFD2F_B528_u32.to_le_bytes();
/// The last level whose window any kernel takes without being asked.
const ZSTD_LEVEL: i32 = 19;
const GZIP_MAGIC: [u8; 2] = [0x1F, 0x8B];

/// How an image is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compression {
    /// Smallest; costs the kernel 19 ns per unpacked byte (instructions, see `cargo xtask bench`).
    Zstd,
    /// For kernels that know nothing else.
    Gzip,
    /// 5 ns per unpacked byte.
    Lz4,
    /// Nothing but the copy into memory: 4 ns per byte, as with each of the others on top.
    None,
}

impl Compression {
    /// All, by name.
    pub const ALL: [Compression; 4] = [
        Compression::Zstd,
        Compression::Gzip,
        Compression::Lz4,
        Compression::None,
    ];

    /// Its name in configs and on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Compression::Zstd => "zstd",
            Compression::Gzip => "gzip",
            Compression::Lz4 => "lz4",
            Compression::None => "none",
        }
    }

    /// The compression of this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Compression> {
        Compression::ALL
            .into_iter()
            .find(|compression| compression.name() == name)
    }

    /// Compresses. The same bytes give the same bytes.
    pub(crate) fn compress(self, bytes: &[u8]) -> Result<Vec<u8>, Error> {
        match self {
            Compression::Zstd => zstd::bulk::compress(bytes, ZSTD_LEVEL),
            Compression::Gzip => {
                let mut encoder = flate2::GzBuilder::new()
                    .mtime(0)
                    .write(Vec::new(), flate2::Compression::best());
                encoder.write_all(bytes)?;
                encoder.finish()
            }
            Compression::Lz4 => compress_lz4(bytes),
            Compression::None => Ok(bytes.to_vec()),
        }
    }

    /// What compressed bytes are compressed with, by their magic.
    pub(crate) fn of(bytes: &[u8]) -> Compression {
        if bytes.starts_with(&ZSTD_MAGIC) {
            Compression::Zstd
        } else if bytes.starts_with(&GZIP_MAGIC) {
            Compression::Gzip
        } else if bytes.starts_with(&LZ4_MAGIC) {
            Compression::Lz4
        } else {
            Compression::None
        }
    }

    /// Undoes [`Compression::compress`].
    pub(crate) fn decompress(self, bytes: &[u8]) -> Result<Vec<u8>, Error> {
        match self {
            Compression::Zstd => read_all(zstd::stream::read::Decoder::new(bytes)?),
            Compression::Gzip => read_all(flate2::read::MultiGzDecoder::new(bytes)),
            Compression::Lz4 => decompress_lz4(bytes),
            Compression::None => Ok(bytes.to_vec()),
        }
    }
}

/// Reads to the end, which must come before the limit.
pub(crate) fn read_all(source: impl Read) -> Result<Vec<u8>, Error> {
    let mut bytes = Vec::new();
    source
        .take(UNPACKED_BYTES_MAX + 1)
        .read_to_end(&mut bytes)?;
    if bytes.len() as u64 > UNPACKED_BYTES_MAX {
        return Err(Error::new(
            ErrorKind::InvalidData,
            "it unpacks to more than an image can hold",
        ));
    }
    Ok(bytes)
}

fn compress_lz4(bytes: &[u8]) -> Result<Vec<u8>, Error> {
    let mode = lz4::block::CompressionMode::HIGHCOMPRESSION(LZ4_LEVEL);
    let mut output = LZ4_MAGIC.to_vec();
    for chunk in bytes.chunks(LZ4_CHUNK_BYTES) {
        let block = lz4::block::compress(chunk, Some(mode), false)?;
        let length = u32::try_from(block.len()).map_err(Error::other)?;
        output.extend_from_slice(&length.to_le_bytes());
        output.extend_from_slice(&block);
    }
    Ok(output)
}

fn decompress_lz4(bytes: &[u8]) -> Result<Vec<u8>, Error> {
    let short = || Error::new(ErrorKind::UnexpectedEof, "the lz4 stream is cut short");
    let mut rest = bytes.strip_prefix(&LZ4_MAGIC).ok_or_else(short)?;
    let mut output = Vec::new();
    while !rest.is_empty() {
        let (length, after) = rest.split_first_chunk::<4>().ok_or_else(short)?;
        let length = usize::try_from(u32::from_le_bytes(*length)).map_err(Error::other)?;
        let block = after.get(..length).ok_or_else(short)?;
        let chunk_bytes = i32::try_from(LZ4_CHUNK_BYTES).map_err(Error::other)?;
        output.extend_from_slice(&lz4::block::decompress(block, Some(chunk_bytes))?);
        if output.len() as u64 > UNPACKED_BYTES_MAX {
            return Err(Error::new(
                ErrorKind::InvalidData,
                "it unpacks to more than an image",
            ));
        }
        rest = &after[length..];
    }
    Ok(output)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_compression_is_undone() {
        // Beyond one lz4 chunk.
        let bytes: Vec<u8> = (0..9_u32 << 20).map(|at| (at / 7 % 251) as u8).collect();
        for compression in Compression::ALL {
            let packed = compression.compress(&bytes).unwrap();
            assert_eq!(
                packed,
                compression.compress(&bytes).unwrap(),
                "{compression:?}"
            );
            assert_eq!(Compression::of(&packed), compression);
            assert!(
                compression.decompress(&packed).unwrap() == bytes,
                "{compression:?}"
            );
            assert_eq!(
                Compression::from_name(compression.name()),
                Some(compression)
            );
        }
    }

    #[test]
    fn a_cut_stream_is_refused() {
        let bytes: Vec<u8> = (0..5000_u32).map(|at| (at * at % 251) as u8).collect();
        for compression in [Compression::Zstd, Compression::Gzip, Compression::Lz4] {
            let packed = compression.compress(&bytes).unwrap();
            for length in (4..packed.len()).step_by(97) {
                let cut = compression.decompress(&packed[..length]);
                // A lz4 stream that ends at a chunk is whole.
                let whole = compression == Compression::Lz4 && length == LZ4_MAGIC.len();
                assert_eq!(cut.is_err(), !whole, "{compression:?} {length}");
            }
        }
    }
}

//! Where the bytes come from.
//!
//! Invariant: [`fill`] asks a device only for bytes below its size, so a damaged pointer on the disk never
//! becomes an IO error.

/// A device or an image of one. Nothing here ever writes.
pub trait Read {
    /// What reading can fail with.
    type Error;

    /// Its size in bytes.
    fn size(&self) -> u64;

    /// Fills `out` with the bytes at `offset`; all of them lie within [`Read::size`].
    fn read_at(&mut self, offset: u64, out: &mut [u8]) -> Result<(), Self::Error>;
}

/// Fills `out` with the bytes at `offset`; what lies behind the end of the device reads as zeros.
pub(crate) fn fill<R: Read>(device: &mut R, offset: u64, out: &mut [u8]) -> Result<(), R::Error> {
    let left = device.size().saturating_sub(offset);
    let wanted = usize::try_from(left).unwrap_or(usize::MAX).min(out.len());
    let (inside, beyond) = out.split_at_mut(wanted);
    beyond.fill(0);
    if inside.is_empty() {
        return Ok(());
    }
    device.read_at(offset, inside)
}

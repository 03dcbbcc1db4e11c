//! Fixed fields in bytes, without a way to panic.

/// The `N` bytes at `at`, or `None` when they are not all there.
pub(crate) fn field<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..at.checked_add(N)?)?.try_into().ok()
}

/// Copies `bytes` to `at`. The callers' offsets are constants within `out`; tests read each back.
pub(crate) fn put(out: &mut [u8], at: usize, bytes: &[u8]) {
    let place = at
        .checked_add(bytes.len())
        .and_then(|end| out.get_mut(at..end));
    if let Some(place) = place {
        place.copy_from_slice(bytes);
    }
}

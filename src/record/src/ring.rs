//! Whose segments those of a store are, and in which order they were written.

use crate::limits::SEGMENT_COUNT_MAX;
use crate::store::StoreHeader;

/// The segments of a store, each with the tag of its boot.
#[derive(Debug, Clone)]
pub(crate) struct Ring {
    pub(crate) shape: StoreHeader,
    /// The slot that was begun last.
    pub(crate) newest: u32,
    /// By slot; `None` for one that holds nothing.
    tags: [Option<u32>; SEGMENT_COUNT_MAX as usize],
}

impl Ring {
    /// Nothing is known of any.
    pub(crate) fn new(shape: StoreHeader) -> Ring {
        Ring {
            shape,
            newest: 0,
            tags: [None; SEGMENT_COUNT_MAX as usize],
        }
    }

    /// Slots from the oldest to the newest.
    pub(crate) fn slots(&self) -> impl DoubleEndedIterator<Item = u32> + '_ {
        let count = self.shape.segment_count;
        (0..count).map(move |back| self.slot(count - back))
    }

    /// The same, of one boot.
    pub(crate) fn of(&self, tag: u32) -> impl DoubleEndedIterator<Item = u32> + '_ {
        self.slots()
            .filter(move |&slot| self.tag(slot) == Some(tag))
    }

    /// Each boot with its oldest slot, the oldest first.
    pub(crate) fn boots(&self) -> impl DoubleEndedIterator<Item = (u32, u32)> + '_ {
        self.slots().filter_map(move |slot| {
            let tag = self.tag(slot)?;
            (self.of(tag).next() == Some(slot)).then_some((tag, slot))
        })
    }

    /// The slot that is written when `left` slots, it included, are left up to the newest.
    pub(crate) fn slot(&self, left: u32) -> u32 {
        let count = self.shape.segment_count;
        (self.newest + 1 + count - left) % count
    }

    pub(crate) fn tag(&self, slot: u32) -> Option<u32> {
        let slot = usize::try_from(slot).ok()?;
        self.tags.get(slot).copied().flatten()
    }

    pub(crate) fn set(&mut self, slot: u32, tag: Option<u32>) {
        let place = usize::try_from(slot).ok();
        if let Some(place) = place.and_then(|slot| self.tags.get_mut(slot)) {
            *place = tag;
        }
    }
}

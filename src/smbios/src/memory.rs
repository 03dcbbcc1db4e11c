//! The structures that tell of memory: arrays of slots, what is in the slots, and which addresses they have.

use crate::structure::{Broken, Structure};

const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;

/// Physical Memory Array (type 16, section 7.17): a place with slots for memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Array {
    /// By which its devices refer to it.
    pub handle: u16,
    /// Where it is: 3 the system board, others cards.
    pub location: u8,
    /// What it is for: 3 is the system's memory; others are video memory, flash, caches.
    pub purpose: u8,
    /// How much fits, bytes; `None`: not said.
    pub bytes_max: Option<u64>,
    /// How many slots or sockets it has.
    pub slots: u16,
}

impl Array {
    /// The type of its structure.
    pub const KIND: u8 = 16;
    /// What it is for when it is the system's memory.
    pub const SYSTEM_MEMORY: u8 = 3;

    /// What a structure says; `None`: it is another, or too short.
    #[must_use]
    pub fn of(structure: &Structure<'_>) -> Option<Array> {
        if structure.kind != Array::KIND {
            return None;
        }
        let bytes_max = match structure.double(0x07)? {
            // "The maximum capacity is to be found in the extended field."
            0x8000_0000 => structure.quad(0x0F),
            kib => Some(u64::from(kib) * KIB),
        };
        Some(Array {
            handle: structure.handle,
            location: structure.byte(0x04)?,
            purpose: structure.byte(0x05)?,
            bytes_max,
            slots: structure.word(0x0D)?,
        })
    }
}

/// How much memory is in a slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Size {
    /// None is installed.
    Empty,
    /// Some, but not how much.
    Unknown,
    /// So many bytes.
    Bytes(u64),
}

/// Memory Device (type 17, section 7.18): one slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Device<'t> {
    /// The array it belongs to.
    pub array: u16,
    /// What is in it.
    pub size: Size,
    /// What is printed on the board beside it: `DIMM_A1`.
    pub locator: &'t [u8],
    /// The bank it belongs to: `P0 CHANNEL A`.
    pub bank: &'t [u8],
    /// What it is capable of, MT/s; `None`: not said.
    pub speed: Option<u32>,
    /// Who made what is in it.
    pub manufacturer: &'t [u8],
    /// Its serial number.
    pub serial: &'t [u8],
    /// Its part number.
    pub part: &'t [u8],
    /// The first of its texts that is not there.
    pub broken: Option<Broken>,
}

impl<'t> Device<'t> {
    /// The type of its structure.
    pub const KIND: u8 = 17;

    /// What a structure says; `None`: it is another, or too short.
    #[must_use]
    pub fn of(structure: &Structure<'t>) -> Option<Device<'t>> {
        if structure.kind != Device::KIND {
            return None;
        }
        let mut broken = None;
        let mut text = |offset| {
            structure.text(offset).unwrap_or_else(|fault| {
                broken = broken.or(Some(fault));
                &[]
            })
        };
        let (locator, bank) = (text(0x10), text(0x11));
        let (manufacturer, serial, part) = (text(0x17), text(0x18), text(0x1A));
        Some(Device {
            array: structure.word(0x04)?,
            size: size(structure)?,
            locator,
            bank,
            speed: speed(structure),
            manufacturer,
            serial,
            part,
            broken,
        })
    }
}

/// Size and Extended Size (sections 7.18.4, 7.18.5).
fn size(structure: &Structure<'_>) -> Option<Size> {
    let bytes = match structure.word(0x0C)? {
        0 => return Some(Size::Empty),
        0xFFFF => return Some(Size::Unknown),
        0x7FFF => match structure.double(0x1C) {
            // Its highest bit is reserved.
            Some(mib) => u64::from(mib & 0x7FFF_FFFF) * MIB,
            None => return Some(Size::Unknown),
        },
        kib if kib & 0x8000 != 0 => u64::from(kib & 0x7FFF) * KIB,
        mib => u64::from(mib) * MIB,
    };
    Some(if bytes == 0 {
        Size::Unknown
    } else {
        Size::Bytes(bytes)
    })
}

/// Speed and Extended Speed (section 7.18.4).
fn speed(structure: &Structure<'_>) -> Option<u32> {
    let speed = match structure.word(0x15)? {
        0xFFFF => structure.double(0x54)? & 0x7FFF_FFFF,
        speed => speed.into(),
    };
    (speed != 0).then_some(speed)
}

/// Memory Array Mapped Address (type 19, section 7.20): the addresses of an array's memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Range {
    /// The array.
    pub array: u16,
    /// Its first address.
    pub first: u64,
    /// Its last address.
    pub last: u64,
}

impl Range {
    /// The type of its structure.
    pub const KIND: u8 = 19;

    /// What a structure says; `None`: it is another, too short, or ends before it begins.
    #[must_use]
    pub fn of(structure: &Structure<'_>) -> Option<Range> {
        if structure.kind != Range::KIND {
            return None;
        }
        let (first, last) = match (structure.double(0x04)?, structure.double(0x08)?) {
            (u32::MAX, _) => (structure.quad(0x0F)?, structure.quad(0x17)?),
            // In KiB, and the last one is counted in.
            (first, last) => (u64::from(first) * KIB, u64::from(last) * KIB + (KIB - 1)),
        };
        (first <= last).then_some(Range {
            array: structure.word(0x0C)?,
            first,
            last,
        })
    }

    /// How many bytes that is; `None`: more than can be counted.
    #[must_use]
    pub fn bytes(&self) -> Option<u64> {
        self.last.checked_sub(self.first)?.checked_add(1)
    }
}

//! Every bound of what is read from a disk, unit last.

/// The one buffer that everything is read into. A superblock that is larger is read piece by piece.
pub const SCRATCH_BYTES: usize = 4096;
/// A UUID in text: LVM's has 38 characters, all others 36.
pub const UUID_BYTES_MAX: usize = 40;
/// A label: btrfs allows 255 bytes. Longer ones (f2fs) are cut.
pub const LABEL_BYTES_MAX: usize = 256;

/// The smallest logical sector.
pub const SECTOR_BYTES_MIN: u32 = 512;
/// The largest logical sector.
pub const SECTOR_BYTES_MAX: u32 = 4096;
/// A GPT's entry array: 128 entries take 16 KiB; nobody writes more than a few times that.
pub const GPT_ARRAY_BYTES_MAX: u64 = 1 << 20;
/// UTF-16 units in the name of a GPT partition.
pub const GPT_NAME_UNITS: usize = 36;
/// The name of a partition in UTF-8: a unit becomes three bytes at most.
pub const PARTITION_LABEL_BYTES_MAX: usize = GPT_NAME_UNITS * 3;
/// Extended boot records followed from one extended partition, as in the kernel's `msdos.c`.
pub const EXTENDED_RECORDS_MAX: u32 = 100;

const _: () = assert!(SECTOR_BYTES_MAX as usize <= SCRATCH_BYTES);
const _: () = assert!(SECTOR_BYTES_MIN.is_power_of_two() && SECTOR_BYTES_MAX.is_power_of_two());
const _: () = assert!(PARTITION_LABEL_BYTES_MAX <= LABEL_BYTES_MAX);

//! How long the firmware took, as one tells of it: the ACPI table FPDT, and the record FBPT in memory that it points to.
//!
//! ACPI Specification 6.5, 5.2.24. QEMU's own firmware has neither: QEMU hands the table on, and puts the record into memory
//! that the kernel command line has taken away from the kernel.

/// Where the record lies: behind the first megabyte of [`MEMORY`].
pub(crate) const RECORD_AT: u64 = 0x1e10_0000;
/// Memory that outlives a reset and that no kernel uses: a megabyte for ramoops, then one for the record.
pub(crate) const MEMORY: &str = "memmap=2M$0x1e000000";
/// When the loader was loaded, ns since the reset.
pub(crate) const LOAD_NS: u64 = 2_345_678_901;
/// When the kernel had the machine.
pub(crate) const EXIT_NS: u64 = 3_456_789_012;

/// The table without its ACPI header, which QEMU writes: one Firmware Basic Boot Performance Pointer.
pub(crate) fn table() -> Vec<u8> {
    let mut out = vec![0, 0, 16, 1, 0, 0, 0, 0];
    out.extend(RECORD_AT.to_le_bytes());
    out
}

/// The record: one Firmware Basic Boot Performance Data.
pub(crate) fn record() -> Vec<u8> {
    let mut out = b"FBPT".to_vec();
    out.extend(56_u32.to_le_bytes());
    out.extend([2, 0, 48, 2, 0, 0, 0, 0]);
    let reset_ends = 12_345_678_u64;
    for time in [reset_ends, LOAD_NS, LOAD_NS, EXIT_NS, EXIT_NS] {
        out.extend(time.to_le_bytes());
    }
    out
}

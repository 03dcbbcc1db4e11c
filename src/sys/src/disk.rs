//! Disks: what their controllers are asked by ioctl(2), beside the blocks.
//!
//! linux/nvme_ioctl.h and the NVM Express Base Specification; scsi/sg.h, SPC-4 and SAT-3.

use core::ffi::c_void;
use core::ptr::null_mut;

use linux_raw_sys::general::__NR_ioctl;
use rustix::fd::{AsFd, AsRawFd};
use rustix::io::Errno;

use crate::syscall::syscall;

/// `NVME_IOCTL_ADMIN_CMD`: `_IOWR('N', 0x41, struct nvme_admin_cmd)`.
const NVME_ADMIN: u32 = 0xC048_4E41;
/// Get Log Page (Base Specification 2.0, section 5.16).
const NVME_GET_LOG_PAGE: u8 = 0x02;
/// Identify (section 5.17).
const NVME_IDENTIFY: u8 = 0x06;
/// SMART / Health Information, as a log page.
const NVME_HEALTH: u32 = 2;
/// Identify Controller, as CNS.
const NVME_CONTROLLER: u32 = 1;

/// `SG_IO`.
const SG_IO: u32 = 0x2285;
/// `SG_DXFER_NONE`, `SG_DXFER_FROM_DEV`.
const NO_DATA: i32 = -1;

/// Bytes of the health log that are asked for; its first byte says what is critical.
pub const NVME_HEALTH_BYTES: usize = 512;
/// Bytes of what a controller says it is.
pub const NVME_IDENTIFY_BYTES: usize = 4096;
/// Bytes of what a SCSI command says of itself when it did not just succeed.
pub const SENSE_BYTES: usize = 32;

/// `struct nvme_passthru_cmd`.
#[repr(C)]
#[derive(Default)]
struct NvmeCommand {
    opcode: u8,
    flags: u8,
    reserved: u16,
    namespace: u32,
    words_2_3: [u32; 2],
    metadata: u64,
    data: u64,
    metadata_bytes: u32,
    data_bytes: u32,
    words_10_15: [u32; 6],
    timeout_ms: u32,
    result: u32,
}

/// `struct sg_io_hdr`.
#[repr(C)]
struct SgRequest {
    interface: i32,
    direction: i32,
    command_bytes: u8,
    sense_bytes_max: u8,
    vectors: u16,
    data_bytes: u32,
    data: *mut c_void,
    command: *const c_void,
    sense: *mut c_void,
    timeout_ms: u32,
    flags: u32,
    id: i32,
    user: *mut c_void,
    status: u8,
    masked_status: u8,
    message_status: u8,
    sense_bytes: u8,
    host_status: u16,
    driver_status: u16,
    residual: i32,
    duration_ms: u32,
    info: u32,
}

const _: () = assert!(size_of::<NvmeCommand>() == 72 && size_of::<SgRequest>() == 88);

/// What became of a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scsi {
    /// SAM status: 0 good, 2 check condition.
    pub status: u8,
    /// The host adapter's own: 0 when the command came to the device.
    pub host: u16,
    /// Sense data, with zeros behind them.
    pub sense: [u8; SENSE_BYTES],
}

/// `ioctl(fd, NVME_IOCTL_ADMIN_CMD, Get Log Page 2)`: the controller's health.
///
/// # Errors
/// As the call; `EIO` when the controller refuses.
pub fn nvme_health(device: impl AsFd, timeout_ms: u32) -> Result<[u8; NVME_HEALTH_BYTES], Errno> {
    let mut data = [0; NVME_HEALTH_BYTES];
    // The number of dwords, less one, above the page's number.
    let dwords = u32::try_from(NVME_HEALTH_BYTES / 4 - 1).unwrap_or(0);
    let command = NvmeCommand {
        opcode: NVME_GET_LOG_PAGE,
        // Of all namespaces.
        namespace: u32::MAX,
        words_10_15: [dwords << 16 | NVME_HEALTH, 0, 0, 0, 0, 0],
        timeout_ms,
        ..NvmeCommand::default()
    };
    nvme(device, command, &mut data)?;
    Ok(data)
}

/// `ioctl(fd, NVME_IOCTL_ADMIN_CMD, Identify Controller)`: its serial number is in bytes 4 to 23, its model in 24 to 63.
///
/// # Errors
/// As the call; `EIO` when the controller refuses.
pub fn nvme_identify(
    device: impl AsFd,
    timeout_ms: u32,
) -> Result<[u8; NVME_IDENTIFY_BYTES], Errno> {
    let mut data = [0; NVME_IDENTIFY_BYTES];
    let command = NvmeCommand {
        opcode: NVME_IDENTIFY,
        words_10_15: [NVME_CONTROLLER, 0, 0, 0, 0, 0],
        timeout_ms,
        ..NvmeCommand::default()
    };
    nvme(device, command, &mut data)?;
    Ok(data)
}

fn nvme(device: impl AsFd, mut command: NvmeCommand, data: &mut [u8]) -> Result<(), Errno> {
    command.data = data.as_mut_ptr().expose_provenance() as u64;
    command.data_bytes = u32::try_from(data.len()).map_err(|_| Errno::INVAL)?;
    let argument = (&raw mut command).cast();
    // SAFETY: the command is as long as its request says; it reads `data_bytes` into `data`, which outlives the call.
    let status = unsafe { ioctl(device, NVME_ADMIN, argument) }?;
    // A status of the controller's own.
    if status == 0 { Ok(()) } else { Err(Errno::IO) }
}

/// `ioctl(fd, SG_IO, &request)` of a command that moves no data.
///
/// # Errors
/// As the call: `ENOTTY` or `EINVAL` of what speaks no SCSI. What the device answers is no error.
pub fn scsi(device: impl AsFd, command: &[u8], timeout_ms: u32) -> Result<Scsi, Errno> {
    let mut sense = [0; SENSE_BYTES];
    let mut request = SgRequest {
        interface: i32::from(b'S'),
        direction: NO_DATA,
        command_bytes: u8::try_from(command.len()).map_err(|_| Errno::INVAL)?,
        sense_bytes_max: u8::try_from(SENSE_BYTES).map_err(|_| Errno::INVAL)?,
        vectors: 0,
        data_bytes: 0,
        data: null_mut(),
        command: command.as_ptr().cast(),
        sense: sense.as_mut_ptr().cast(),
        timeout_ms,
        flags: 0,
        id: 0,
        user: null_mut(),
        status: 0,
        masked_status: 0,
        message_status: 0,
        sense_bytes: 0,
        host_status: 0,
        driver_status: 0,
        residual: 0,
        duration_ms: 0,
        info: 0,
    };
    // SAFETY: the request is the kernel's type; command and sense are as long as it says and outlive the call.
    unsafe { ioctl(device, SG_IO, (&raw mut request).cast()) }?;
    Ok(Scsi {
        status: request.status,
        host: request.host_status,
        sense,
    })
}

/// # Safety
/// `argument` is good for what `request` does with it.
unsafe fn ioctl(device: impl AsFd, request: u32, argument: *mut c_void) -> Result<usize, Errno> {
    let fd = usize::try_from(device.as_fd().as_raw_fd()).map_err(|_| Errno::BADF)?;
    let arguments = [fd, request as usize, argument as usize, 0, 0, 0];
    // SAFETY: as the caller vouches.
    unsafe { syscall(__NR_ioctl, arguments) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_disk_says_so() {
        let mode = rustix::fs::Mode::empty();
        let null = rustix::fs::open("/dev/null", rustix::fs::OFlags::RDONLY, mode).unwrap();
        assert_eq!(nvme_health(&null, 10).err(), Some(Errno::NOTTY));
        assert_eq!(nvme_identify(&null, 10).err(), Some(Errno::NOTTY));
        assert_eq!(scsi(&null, &[0; 6], 10).err(), Some(Errno::NOTTY));
    }
}

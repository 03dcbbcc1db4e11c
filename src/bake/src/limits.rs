//! Every bound of what is read and written, unit last.

/// One file of the input: a tool, a package, an image.
pub const FILE_BYTES_MAX: u64 = 512 << 20;
/// An image, unpacked. The kernel holds all of it in memory.
pub const UNPACKED_BYTES_MAX: u64 = 1 << 30;
/// A path in an image: what the kernel's unpacker takes, with its NUL.
pub const PATH_BYTES_MAX: usize = 4096;
/// Members of an archive.
pub const MEMBERS_MAX: usize = 1 << 20;
/// Links that are followed until a file is found.
pub const LINKS_MAX: usize = 40;
/// A line of `authorized_keys`: dropbear's `MAX_AUTHKEYS_LINE`.
pub const KEY_LINE_BYTES_MAX: usize = 4200;

/// What PID 1 reads of how sshd is started (`preroot-boot`'s limit of this name).
pub const SSHD_RECIPE_BYTES_MAX: usize = 1024 - 64;

const _: () = assert!(
    UNPACKED_BYTES_MAX <= u32::MAX as u64,
    "newc holds a size in eight hexadecimal digits"
);

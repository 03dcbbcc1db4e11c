//! Whether root is still what was mounted: the kernel makes a file system that it has met errors in read-only, and says
//! so to nobody but its log.
//!
//! Asked when the order is done and on the way down. ext counts its errors in sysfs (`fs/ext4/sysfs.c`), and does so
//! too where it goes on regardless (`errors=continue`). Without errors, it was somebody who has remounted it.

use preroot_plan::MountMode;

use crate::core::{Boot, RootPlace};
use crate::machine::{Errno, Machine};
use crate::seal;
use crate::text::{Text, text};

/// Makes the verdict DEGRADED, and says why, if root is not what it was any more.
pub(crate) fn look<M: Machine>(boot: &mut Boot<'_, M>) {
    let Some(volume) = &boot.root.found else {
        return;
    };
    if boot.root_place != RootPlace::Slash {
        return;
    }
    let is_counted = volume.kind.starts_with("ext");
    let path: Text = text(format_args!("/sys/fs/ext4/{}/errors_count", volume.name));
    let mut buffer = [0; 16];
    let length = boot.machine.read_file(&path, &mut buffer).unwrap_or(0);
    let errors = buffer.get(..length).unwrap_or_default().trim_ascii();
    let errors = core::str::from_utf8(errors).unwrap_or_default();
    let errors = errors.parse::<u32>().unwrap_or(0);
    let was_writable = boot.root_mode == MountMode::ReadWrite;
    // Since 6.12 (and 6.1.113) ext4 refuses to write without being read-only: only who writes hears of it.
    let has_turned = was_writable
        && (boot.machine.writable("/") == Err(Errno::ROFS)
            || errors > 0 && seal::store(boot) == Err(Errno::ROFS));
    match (has_turned, errors) {
        (true, 1..) => boot.degrade(format_args!(
            "root has turned read-only: {errors} errors, see dmesg"
        )),
        (true, 0) if !is_counted => {
            boot.degrade(format_args!("root has turned read-only, see dmesg"));
        }
        (false, 1..) => boot.degrade(format_args!("root has met {errors} errors, see dmesg")),
        _ => {}
    }
}

//! Whether an array of the md driver is whole, by what the kernel says of it (Documentation/admin-guide/md.rst).

use core::fmt::Write;

use crate::core::Boot;
use crate::limits::{MEMBERS_MAX, VOLUMES_MAX};
use crate::machine::Machine;
use crate::text::{Text, text};
use crate::volume::RAID_MEMBER;

/// Says which members an array runs without, if it does; `false`: it is whole, or no array.
pub(crate) fn tell<M: Machine>(boot: &mut Boot<'_, M>, name: &str) -> bool {
    let lacks = number(boot, name, "md/degraded");
    if lacks == 0 {
        return false;
    }
    let members = number(boot, name, "md/raid_disks");
    // What does not fit into the line is cut.
    let mut line: Text = text(format_args!("array {name} lacks {lacks} of {members}:"));
    for slot in 0..members.min(MEMBERS_MAX) {
        let file: Text = text(format_args!("md/rd{slot}/state"));
        if !is_there(boot, name, &file) {
            let _ = write!(line, " slot {slot}");
        }
    }
    let mut held = [false; VOLUMES_MAX];
    let file: Text = text(format_args!("holders/{name}/dev"));
    for (index, held) in held.iter_mut().enumerate() {
        let volume = boot.root.volumes().get(index);
        let Some(volume) = volume.map(|volume| volume.name.clone()) else {
            break;
        };
        *held = is_there(boot, &volume, &file);
    }
    // Of the same array are those whose superblocks say the same as that of one that it has.
    let volumes = || boot.root.volumes().iter().zip(held);
    for (volume, is_held) in volumes() {
        let mut twins = volumes().filter(|(twin, is_held)| *is_held && twin.uuid == volume.uuid);
        if !is_held && volume.kind == RAID_MEMBER && twins.next().is_some() {
            let _ = write!(line, ", left out {}", volume.name);
        }
    }
    boot.verdict.degrade(format_args!("{line}"));
    boot.alarm(format_args!("{line}"));
    true
}

fn is_there<M: Machine>(boot: &mut Boot<'_, M>, device: &str, file: &str) -> bool {
    let path: Text = text(format_args!("/sys/class/block/{device}/{file}"));
    boot.machine.read_file(&path, &mut [0; 1]).is_ok()
}

/// What a file says; 0: nothing that is a number.
fn number<M: Machine>(boot: &mut Boot<'_, M>, device: &str, file: &str) -> u32 {
    let path: Text = text(format_args!("/sys/class/block/{device}/{file}"));
    let mut buffer = [0; 16];
    let length = boot.machine.read_file(&path, &mut buffer).unwrap_or(0);
    let digits = buffer.get(..length).unwrap_or_default().trim_ascii();
    let digits = core::str::from_utf8(digits).unwrap_or_default();
    preroot_plan::number_of(digits, 10).unwrap_or(0)
}

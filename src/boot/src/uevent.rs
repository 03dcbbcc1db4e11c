//! Kernel uevents: a device came or went (lib/kobject_uevent.c: `ACTION@PATH`, then `KEY=VALUE`, each
//! ended by a NUL).

use crate::core::{Boot, is_again};
use crate::machine::Machine;

/// Bytes of one uevent (UEVENT_BUFFER_SIZE of the kernel, with its header).
const UEVENT_BYTES_MAX: usize = 4096;

/// What of a uevent concerns us.
#[derive(Debug, Default, PartialEq, Eq)]
struct Uevent<'a> {
    action: &'a str,
    subsystem: &'a str,
    name: &'a str,
    modalias: &'a str,
}

fn parse(bytes: &[u8]) -> Option<Uevent<'_>> {
    let mut fields = bytes
        .split(|&byte| byte == 0)
        .filter_map(|f| core::str::from_utf8(f).ok());
    // udev's own messages begin with `libudev`; only the kernel's have an `@`.
    let (action, _) = fields.next()?.split_once('@')?;
    let mut uevent = Uevent {
        action,
        ..Uevent::default()
    };
    for (key, value) in fields.filter_map(|field| field.split_once('=')) {
        match key {
            "SUBSYSTEM" => uevent.subsystem = value,
            "DEVNAME" => uevent.name = value,
            "MODALIAS" => uevent.modalias = value,
            _ => {}
        }
    }
    Some(uevent)
}

/// Takes one uevent and tells those whom it concerns.
pub(crate) fn arrived<M: Machine>(boot: &mut Boot<'_, M>) {
    let mut buffer = [0; UEVENT_BYTES_MAX];
    let length = match boot.machine.read_uevent(&mut buffer) {
        Ok(length) => length,
        Err(errno) if is_again(errno) => return,
        Err(_) => {
            // Some were lost (ENOBUFS): only looking at everything again tells what they said.
            boot.modules.forget_sweep();
            let _ = crate::modules::sweep(boot);
            let _ = crate::root::coldplug(boot);
            crate::watchdog::appeared(boot, "");
            return;
        }
    };
    let Some(uevent) = buffer.get(..length).and_then(parse) else {
        return;
    };
    match uevent.action {
        "add" if !uevent.modalias.is_empty() => crate::modules::appeared(boot, uevent.modalias),
        // The first one has another name beside its own, /dev/watchdog, which is of misc (drivers/watchdog/watchdog_dev.c).
        "add" if matches!(uevent.subsystem, "watchdog" | "misc") && !uevent.name.is_empty() => {
            crate::watchdog::appeared(boot, uevent.name);
        }
        _ if uevent.subsystem != "block" => {}
        // A disk whose size or table changes says `change`, and so does the device mapper when it has one.
        "add" | "change" | "online" => crate::root::appeared(boot, uevent.name),
        "remove" | "offline" => {
            boot.root.vanished(uevent.name);
            boot.keeper.vanished(uevent.name);
            boot.assembly.vanished(uevent.name);
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_concerns_us_is_read() {
        let bytes = b"add@/devices/pci0000:00/0000:00:03.0/virtio1\0ACTION=add\0\
            SUBSYSTEM=virtio\0MODALIAS=virtio:d00000002v00001AF4\0SEQNUM=7\0";
        let uevent = parse(bytes).unwrap();
        assert_eq!(
            (uevent.action, uevent.modalias),
            ("add", "virtio:d00000002v00001AF4")
        );
        let bytes = b"add@/devices/x/block/vda/vda1\0SUBSYSTEM=block\0DEVNAME=vda1\0";
        let uevent = parse(bytes).unwrap();
        assert_eq!((uevent.subsystem, uevent.name), ("block", "vda1"));
        assert_eq!(parse(b"libudev\0\xfe\xed"), None);
        assert_eq!(parse(b""), None);
    }
}

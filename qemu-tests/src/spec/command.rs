//! QEMU's command line of a machine.

use std::path::Path;
use std::process::Command;

use super::{Bus, Cache, Counted, Link, Nic, Plug, Random, Spec};
use crate::accelerator::Accelerator;
use crate::steady;

impl Spec {
    pub(super) fn command(&self, dir: &Path) -> Command {
        let mut command = Command::new(&self.qemu);
        command.args([
            "-M",
            "q35",
            "-nodefaults",
            "-no-user-config",
            "-display",
            "none",
        ]);
        command.args(["-uuid", "70726572-6f6f-4000-8000-0000000000ff"]);
        command.args(["-m", &self.memory_mib.to_string()]);
        let mut append = self.append.join(" ");
        match self.counted {
            Counted::Free => {
                let mut words = Accelerator::find(&self.qemu, &self.kernel)
                    .arguments()
                    .map(str::to_owned);
                if let (Random::None, Some(processor)) = (self.random, words.last_mut()) {
                    processor.push_str(",rdrand=off,rdseed=off");
                }
                command.args(words);
                command.args(["-smp", &self.processors.to_string()]);
                // On a busy host the emulated timer ticks too late for the kernel's check of it, which then panics.
                append.push_str(" no_timer_check");
            }
            Counted::Instructions => {
                command.args(["-accel", "tcg", "-icount", "shift=0,sleep=off", "-smp", "1"]);
                let processor = match self.random {
                    Random::Processor => "max",
                    Random::Usual | Random::None => "max,rdrand=off,rdseed=off",
                };
                command.args(["-cpu", processor, "-seed", "1"]);
                command.args(["-rtc", "base=2030-01-01T00:00:00,clock=vm"]);
                // Without polling, each wait of the guest jumps to its next timer.
                append.push_str(" nokaslr norandmaps idle=poll");
            }
        }
        if !self.reboots {
            command.arg("-no-reboot");
        }
        if self.is_held() {
            command.arg("-S");
        }
        command.arg("-kernel").arg(&self.kernel);
        if let Some(image) = &self.image {
            command.arg("-initrd").arg(image);
        }
        command.arg("-append").arg(append);
        command
            .args(["-serial", "chardev:console", "-chardev"])
            .arg(format!(
                "socket,id=console,path={},server=on,wait=off,logfile={}",
                dir.join("keyboard").display(),
                dir.join("console").display()
            ));
        command.arg("-qmp").arg(format!(
            "unix:{},server=on,wait=off",
            dir.join("qmp").display()
        ));
        if let Some(words) = &self.firmware {
            command.args(["-smbios", words]);
        }
        self.add_disks(&mut command);
        self.add_nics(&mut command);
        command
    }

    fn add_disks(&self, command: &mut Command) {
        if self.disks.iter().any(|plug| plug.bus == Bus::VirtioScsi) {
            command.args(["-device", "virtio-scsi-pci,id=scsi"]);
        }
        let mut ports = 0..;
        for (number, plug) in self.disks.iter().enumerate() {
            let Plug {
                path, bus, layer, ..
            } = plug;
            if let Some(layer) = layer {
                let (node, object) = layer.node(&format!("disk{number}"), path);
                command.args(object.iter().flat_map(|object| ["-object", object]));
                command.args(["-blockdev", &node.to_string()]);
            } else {
                let writing = match bus {
                    Bus::VirtioReadOnly => "on",
                    _ => "off",
                };
                // The page cache outlives QEMU, so a killed machine has lost power but not its disk.
                let how = match self.counted {
                    Counted::Free => "cache=writeback",
                    Counted::Instructions => steady::disk(&self.qemu),
                };
                let drive = format!(
                    "file={},format=raw,if=none,id=disk{number},{how},readonly={writing}",
                    path.display()
                );
                command.args(["-drive", &drive]);
            }
            let usual = format!("preroot-disk{number}");
            let serial = plug.serial.as_ref().unwrap_or(&usual);
            let wwn = plug
                .wwn
                .map_or(String::new(), |wwn| format!(",wwn={wwn:#x}"));
            let names = format!("drive=disk{number},serial={serial}{}", plug.cache.words());
            let device = match bus {
                Bus::Virtio | Bus::VirtioReadOnly => {
                    let mut device = disk_device(number, None);
                    device["serial"] = serial.as_str().into();
                    if plug.cache == Cache::Writethrough {
                        device["write-cache"] = "off".into();
                    }
                    device.to_string()
                }
                Bus::Nvme => format!("nvme,{names}"),
                Bus::VirtioScsi => format!("scsi-hd,bus=scsi.0,{names}{wwn}"),
                Bus::Ahci => {
                    let port: u32 = ports.next().unwrap_or_default();
                    format!("ide-hd,bus=ide.{port},{names}{wwn}")
                }
                Bus::Unplugged => format!("pcie-root-port,id=slot{number},slot={number}"),
            };
            command.args(["-device", &device]);
        }
    }

    fn add_nics(&self, command: &mut Command) {
        let is_hub = |(nic, _): &&(Nic, String)| matches!(nic, Nic::Hub { .. });
        if let Some((Nic::Hub { forwards }, _)) = self.nics.iter().find(is_hub) {
            command.args(["-netdev", &user("hub", "on", forwards)]);
            command.args(["-netdev", "hubport,id=uplink,hubid=1,netdev=hub"]);
        }
        for (number, (nic, mac)) in self.nics.iter().enumerate() {
            let backend = match nic {
                Nic::User { forwards } => user(&format!("net{number}"), "on", forwards),
                Nic::Loopback { forwards } => user(&format!("net{number}"), "off", forwards),
                Nic::Hub { .. } => format!("hubport,id=net{number},hubid=1"),
                Nic::Cable(Link { here, there }) => format!(
                    "socket,id=net{number},udp=127.0.0.1:{there},localaddr=127.0.0.1:{here}"
                ),
            };
            command.args(["-netdev", &backend]);
            let mut device =
                format!("virtio-net-pci,id=card{number},netdev=net{number},mac={mac},romfile=");
            if self.counted == Counted::Instructions {
                device.push_str(steady::CARD);
            }
            if let Some((_, slot)) = self.slots.iter().find(|(card, _)| *card == number) {
                device.push_str(&format!(",addr={slot}"));
            }
            command.args(["-device", &device]);
        }
    }
}

impl Cache {
    /// Words for a device.
    fn words(self) -> &'static str {
        match self {
            Cache::Writeback => "",
            Cache::Writethrough => ",write-cache=off",
        }
    }
}

/// The same by setpriv(1), so that it does not outlive whoever waits for it, though that be killed.
pub(super) fn bound_to_us(command: &Command) -> Command {
    let mut bound = Command::new("setpriv");
    bound.args(["--pdeathsig", "KILL", "--"]);
    bound.arg(command.get_program()).args(command.get_args());
    bound
}

/// QEMU's own network; `cut_off`, on or off: from the outside.
fn user(id: &str, cut_off: &str, forwards: &[(u16, u16)]) -> String {
    let mut text = format!("user,id={id},restrict={cut_off}");
    for (host, guest) in forwards {
        text.push_str(&format!(",hostfwd=tcp:127.0.0.1:{host}-:{guest}"));
    }
    text
}

/// A disk as a device, in the form that both the command line and the monitor take.
pub(crate) fn disk_device(number: usize, slot: Option<String>) -> serde_json::Value {
    let mut device = serde_json::json!({
        "driver": "virtio-blk-pci",
        "drive": format!("disk{number}"),
        "serial": format!("preroot-disk{number}"),
        "id": format!("blk{number}"),
        // In a thread of its own, counted time would not wait for it.
        "ioeventfd": false,
        // QEMU's log of writes keeps zeros that are not written out apart from what says where they go.
        "write-zeroes": false,
        "discard": false,
    });
    if let Some(slot) = slot {
        device["bus"] = slot.into();
    }
    device
}

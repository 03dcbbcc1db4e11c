//! What lies between a machine and its disk, as QEMU's block drivers: a log, a brake, bad sectors.

use std::path::{Path, PathBuf};

/// What lies between a machine and its disk.
#[derive(Debug, Clone)]
pub enum Layer {
    /// A log of all writes, in this file: [`crate::WriteLog`].
    WriteLog(PathBuf),
    /// So many bytes in a second, and no more.
    Slow(u64),
    /// This sector of 512 bytes cannot be read, nor what is read with it.
    ReadError(u64),
    /// Nothing can be read.
    NoReads,
    /// What is read never comes, but for the very first: QEMU and the firmware look at a disk's first sectors before the kernel.
    Hangs,
}

impl Layer {
    /// The disk as QEMU's `-blockdev` takes it, and objects that it needs.
    pub(crate) fn node(&self, name: &str, path: &Path) -> (serde_json::Value, Option<String>) {
        let file = |path: &Path| {
            // What QEMU has written outlives it without being flushed: the machine is what is cut off, not the host.
            serde_json::json!({
                "driver": "file",
                "filename": path.display().to_string(),
                "cache": { "no-flush": true },
            })
        };
        match self {
            Layer::WriteLog(log) => {
                let node = serde_json::json!({
                    "driver": "blklogwrites",
                    "node-name": name,
                    "file": file(path),
                    "log": file(log),
                    "log-sector-size": crate::write_log::SECTOR_BYTES,
                });
                (node, None)
            }
            Layer::Slow(bytes) => {
                let node = serde_json::json!({
                    "driver": "throttle",
                    "node-name": name,
                    "throttle-group": format!("slow-{name}"),
                    "file": file(path),
                });
                let group = format!("throttle-group,id=slow-{name},x-bps-total={bytes}");
                (node, Some(group))
            }
            Layer::NoReads => {
                let node = serde_json::json!({
                    "driver": "blkdebug",
                    "node-name": name,
                    "image": file(path),
                    "inject-error": [{
                        "event": "none", "iotype": "read", "errno": 5, "once": false,
                    }],
                });
                (node, None)
            }
            Layer::Hangs => {
                let node = serde_json::json!({
                    "driver": "throttle",
                    "node-name": name,
                    "throttle-group": format!("slow-{name}"),
                    "file": file(path),
                });
                let group =
                    format!("throttle-group,id=slow-{name},x-bps-read=1,x-bps-read-max=2048");
                (node, Some(group))
            }
            Layer::ReadError(sector) => {
                let node = serde_json::json!({
                    "driver": "blkdebug",
                    "node-name": name,
                    "image": file(path),
                    "inject-error": [{
                        "event": "none", "iotype": "read", "errno": 5, "once": false, "sector": sector,
                    }],
                });
                (node, None)
            }
        }
    }
}

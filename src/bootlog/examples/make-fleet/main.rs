//! Makes the stores of a fleet, to measure `bootlog fleet` with: `make-fleet DIR STORES`.
//!
//! Ten boots a store, 60 scripts a boot: 25 kB each, and segments of 32 KiB with no more than two to spare. Host 7 misses half of its memory, host 11 a disk,
//! host 13 did not come up, and on host 17 one script is slow.

#[path = "../../tests/common/fleet.rs"]
mod fleet;

use std::path::Path;

fn main() -> std::io::Result<()> {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, dir, stores] = arguments.as_slice() else {
        return Err(std::io::Error::other("make-fleet DIR STORES"));
    };
    let stores: u32 = stores.parse().map_err(std::io::Error::other)?;
    for host in 0..stores {
        let dir = Path::new(dir).join(format!("{:02}", host % 100));
        std::fs::create_dir_all(&dir)?;
        std::fs::write(dir.join(format!("host{host}")), fleet::store(host))?;
    }
    Ok(())
}

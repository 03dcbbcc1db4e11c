//! Tests that boot machines. `cargo xtask test` runs them; without it they fail and say so.

/// One test for each scenario of the library.
macro_rules! scenarios {
    ($($test:ident $name:literal)+) => {
        $(
            #[test]
            fn $test() -> Result<(), preroot_qemu_tests::Error> {
                preroot_qemu_tests::run_scenario($name)
            }
        )+
    };
}

mod assembled;
mod crowd;
mod damage;
mod disks;
mod fleet;
mod hardware;
mod in_place;
mod library;
mod log_partition;
mod network;
mod operator;
mod order;
mod policies;
mod power;
mod power_cuts;
mod pstore;
mod regress;
mod rescue;
mod roots;
mod sshd;
mod states;
mod survival;
mod warehouse;
mod watchdog;

use preroot_qemu_tests::{
    Artefacts, Disk, Door, Error, Machine, Nic, Session, Spec, Ssh, free_port,
};

/// The port of the rescue sshd in the config.
const RESCUE_PORT: u16 = 2222;
/// The port of the root's own sshd, and of the rescue sshd when there is no plan.
const DEFAULT_PORT: u16 = 22;

/// A machine with a network of its own, and both ways into it.
struct Guest {
    machine: Machine,
    rescue: Ssh,
    root: Ssh,
}

impl Guest {
    /// Starts what is described, with a network card added.
    fn start(artefacts: &Artefacts, spec: Spec) -> Result<Self, Error> {
        let (rescue, root) = (free_port()?, free_port()?);
        let forwards = vec![(rescue, RESCUE_PORT), (root, DEFAULT_PORT)];
        Ok(Self {
            machine: spec.nic(Nic::User { forwards }).start_init()?,
            rescue: Ssh::new(artefacts, Door::Rescue, rescue)?,
            root: Ssh::new(artefacts, Door::Root, root)?,
        })
    }

    /// Waits until the rescue sshd lets us in, and stays.
    fn log_in(&mut self) -> Result<Session, Error> {
        self.rescue.wait(&mut self.machine)?;
        self.rescue.session()
    }

    /// Waits until the order has ended; gives the verdict.
    fn wait_verdict(&mut self, session: &mut Session) -> Result<String, Error> {
        preroot_qemu_tests::wait_verdict(&mut self.machine, session)
    }

    /// Waits until the root's own sshd lets us in.
    fn wait_root(&mut self) -> Result<(), Error> {
        self.root.wait(&mut self.machine)
    }

    /// Switches it off by the root's own tools.
    fn power_off(&mut self) -> Result<(), Error> {
        // The connection may be cut before the status comes back.
        self.root.output("poweroff")?;
        self.machine.wait_off()
    }
}

/// The usual machine on a fresh disk.
fn usual(artefacts: &Artefacts) -> Result<(Disk, Spec), Error> {
    let disk = Disk::copy(artefacts)?;
    let spec = Spec::new(artefacts).disk(&disk);
    Ok((disk, spec))
}

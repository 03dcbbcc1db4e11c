//! Checks that cannot be made, and disks that misbehave while they are: each ends where `OUTCOMES.md` says.

use std::path::{Path, PathBuf};

use preroot_qemu_tests::{
    Archive, Artefacts, Disk, Door, Ends, Error, Health, Layer, Machine, Nic, Record, Session,
    Small, Spec, Ssh, files, free_port, until,
};

use crate::RESCUE_PORT;

/// A small root whose superblock says that the kernel met errors, with a file whose inode is gone.
const DAMAGE: [&str; 2] = ["clri /usr/share/1/file-1", "set_super_value state 3"];
/// What its check ends with, if nothing else is wrong.
const REPAIRED: &str =
    "DEGRADED: root vda was repaired: 1 names dropped, 1 files fewer than before";

/// A machine with a small root, and somebody logged in.
struct Patient {
    machine: Machine,
    session: Session,
    ssh: Ssh,
}

impl Patient {
    fn start(artefacts: &Artefacts, spec: Spec) -> Result<Self, Error> {
        let port = free_port()?;
        let forwards = vec![(port, RESCUE_PORT)];
        let mut machine = spec.nic(Nic::User { forwards }).start_init()?;
        let ssh = Ssh::new(artefacts, Door::Rescue, port)?;
        ssh.wait(&mut machine)?;
        let session = ssh.session()?;
        Ok(Self {
            machine,
            session,
            ssh,
        })
    }

    /// Waits for a verdict that is not one of these many that were given before; gives it with its reason.
    fn verdict(&mut self, before: usize) -> Result<String, Error> {
        until("a verdict", || {
            self.machine.check_running()?;
            let record = Record::running(&mut self.session)?;
            let boot = record.latest()?;
            let verdicts = boot
                .events()
                .filter(|(_, event)| matches!(event, preroot_qemu_tests::Event::Verdict(_)));
            Ok(match boot.verdict() {
                Some(verdict) if verdicts.count() > before => Ok(in_full(&verdict)),
                _ => Err(boot.text()),
            })
        })
    }

    fn switch_off(&mut self) -> Result<(), Error> {
        // The connection may be cut before the status comes back.
        self.ssh.output("preroot poweroff")?;
        self.machine.wait_off()
    }
}

/// The small root, damaged, and what boots it.
fn damaged(artefacts: &Artefacts) -> Result<(Small, Disk), Error> {
    let small = Small::ensure(artefacts)?;
    let disk = small.disk(&[])?;
    disk.debugfs(&DAMAGE)?;
    Ok((small, disk))
}

/// An image in which e2fsck is this program, or none.
fn image(small: &Small, into: &Path, program: Option<&[u8]>) -> Result<PathBuf, Error> {
    let mut archive = Archive::read(&small.image())?;
    match program {
        // A later member of that name takes its place (the kernel's `init/initramfs.c`).
        Some(program) => {
            let mut second = Archive::default();
            second.add("sbin/e2fsck", 0o100_755, program);
            second.end();
            archive.append(&second);
        }
        None => archive.rename("sbin/e2fsck", "sbin/e2fsc-")?,
    }
    let image = into.join("image");
    archive.write(&image)?;
    Ok(image)
}

/// Boots with that image: it must wait for a person, for this reason, with the root as it was.
fn check_is_impossible(program: Option<&[u8]>, reason: &str) -> Result<(), Error> {
    let artefacts = Artefacts::find()?;
    let (small, disk) = damaged(&artefacts)?;
    let dir = tempfile::tempdir().map_err(|error| Error::unexpected(error.to_string()))?;
    let image = image(&small, dir.path(), program)?;
    let before = files::read(&disk.path())?;
    let spec = Spec::new(&artefacts).image(&image).disk(&disk);
    let mut patient = Patient::start(&artefacts, spec)?;
    assert_eq!(patient.verdict(0)?, reason);
    patient.switch_off()?;
    assert!(
        files::read(&disk.path())? == before,
        "the root was written to"
    );
    Ok(())
}

/// A static program (elf(5)) of two instructions: `xor eax, eax` and `mov eax, [rax]`.
fn crashing_program() -> Vec<u8> {
    const BASE: u64 = 0x40_0000;
    const CODE: [u8; 4] = [0x31, 0xc0, 0x8b, 0x00];
    const HEADER_BYTES: u16 = 64;
    const SEGMENT_BYTES: u16 = 56;
    let code_at = u64::from(HEADER_BYTES + SEGMENT_BYTES);
    let mut program = b"\x7fELF\x02\x01\x01".to_vec();
    program.resize(16, 0);
    let half = |program: &mut Vec<u8>, value: u16| program.extend(value.to_le_bytes());
    let word = |program: &mut Vec<u8>, value: u32| program.extend(value.to_le_bytes());
    let long = |program: &mut Vec<u8>, value: u64| program.extend(value.to_le_bytes());
    // An executable, for x86-64; its entry, its only program header, no sections.
    half(&mut program, 2);
    half(&mut program, 62);
    word(&mut program, 1);
    long(&mut program, BASE + code_at);
    long(&mut program, u64::from(HEADER_BYTES));
    long(&mut program, 0);
    word(&mut program, 0);
    for value in [HEADER_BYTES, SEGMENT_BYTES, 1, 0, 0, 0] {
        half(&mut program, value);
    }
    // All of the file, to be read and executed.
    let bytes = code_at + CODE.len() as u64;
    word(&mut program, 1);
    word(&mut program, 5);
    for value in [0, BASE, BASE, bytes, bytes, 0x1000] {
        long(&mut program, value);
    }
    program.extend(CODE);
    program
}

#[test]
fn e2fsck_is_missing() -> Result<(), Error> {
    let reason = "RESCUE: fsck: start the file system check, errno 2";
    check_is_impossible(None, reason)
}

#[test]
fn e2fsck_crashes() -> Result<(), Error> {
    let reason = "RESCUE: fsck: the file system check was ended by a signal";
    check_is_impossible(Some(&crashing_program()), reason)
}

#[test]
fn e2fsck_is_no_program() -> Result<(), Error> {
    let reason = "RESCUE: fsck: start the file system check, errno 8";
    check_is_impossible(Some(b"\x7fELF and no more"), reason)
}

/// Somebody kills it; the person in the rescue lets it be done again, and the boot goes on.
#[test]
fn e2fsck_is_killed_and_runs_again() -> Result<(), Error> {
    let artefacts = Artefacts::find()?;
    let (small, disk) = damaged(&artefacts)?;
    let spec = Spec::new(&artefacts)
        .image(&small.image())
        .disk(&disk)
        .append("preroot.hold=fsck");
    let mut patient = Patient::start(&artefacts, spec)?;
    // It says something before it begins, so it is there when it is seen.
    let kill = "preroot continue; until kill -KILL $(pidof e2fsck) 2>/dev/null; do :; done";
    patient.session.ask(kill)?;
    let killed = "RESCUE: fsck: the file system check was ended by a signal";
    assert_eq!(patient.verdict(0)?, killed);
    // Its last boot's service switches the machine off when the order has ended.
    patient.session.ask("preroot retry")?;
    patient.machine.wait_off()?;
    let record = Record::stored(&disk)?;
    let boot = record.latest()?;
    let word = boot.verdict().map(|verdict| verdict.word);
    assert_eq!(word, Some("DEGRADED"), "{}", boot.text());
    let checks: Vec<&str> = boot.checks().iter().map(|check| check.verdict).collect();
    assert_eq!(checks, ["not checked", "repaired"], "{}", boot.text());
    assert_eq!(disk.health()?, Health::Clean);
    Ok(())
}

/// A disk that reads some hundred KiB in a second: it takes long, how far it is is told, and it ends as ever.
#[test]
fn a_slow_disk_takes_its_time() -> Result<(), Error> {
    let artefacts = Artefacts::find()?;
    let (small, disk) = damaged(&artefacts)?;
    let spec = Spec::new(&artefacts)
        .image(&small.image())
        .disk_behind(&disk, Layer::Slow(800 << 10));
    let record = preroot_qemu_tests::boot_small(&artefacts, &spec, &disk, Ends::ByItself)?;
    let boot = record.latest()?;
    let verdict = boot.verdict().map(|given| in_full(&given));
    assert_eq!(verdict.as_deref(), Some(REPAIRED), "{}", boot.text());
    assert_eq!(disk.health()?, Health::Clean);
    Ok(())
}

/// The disk is pulled while e2fsck reads it: the rescue does not live on it.
#[test]
fn the_disk_disappears_during_the_check() -> Result<(), Error> {
    let artefacts = Artefacts::find()?;
    let (small, disk) = damaged(&artefacts)?;
    let spec = Spec::new(&artefacts)
        .image(&small.image())
        .disk_unplugged_behind(&disk, Layer::Slow(60 << 10))
        .append("preroot.hold=fsck rootwait=120");
    let mut patient = Patient::start(&artefacts, spec)?;
    patient.machine.attach(0)?;
    patient.machine.wait_console("held before fsck")?;
    patient
        .session
        .ask("preroot continue; until pidof e2fsck; do :; done")?;
    patient.machine.detach(0)?;
    let verdict = patient.verdict(0)?;
    assert!(verdict.starts_with("RESCUE: fsck: "), "{verdict}");
    assert_eq!(
        patient
            .session
            .ask("ls /sys/class/block | grep -c vda || true")?,
        "0"
    );
    Ok(())
}

/// A block of the inode table cannot be read.
#[test]
fn a_disk_that_cannot_be_read_in_one_place() -> Result<(), Error> {
    let artefacts = Artefacts::find()?;
    let (small, disk) = damaged(&artefacts)?;
    let at = disk.offset_of("inode /usr/share/7/file-3")?;
    let (sector, before) = (at / 512, disk.peek(at, 512)?);
    let spec = Spec::new(&artefacts)
        .image(&small.image())
        .disk_behind(&disk, Layer::ReadError(sector));
    let mut patient = Patient::start(&artefacts, spec)?;
    let verdict = patient.verdict(0)?;
    assert_eq!(verdict, "RESCUE: fsck: the disk cannot be read");
    // The kernel has said so too, by the first sector of the page.
    let said = format!("I/O error, dev vda, sector {} op", sector & !7);
    until("the kernel's own error", || {
        let told = patient.session.ask("bootlog kernel")?;
        Ok(if told.contains(&said) {
            Ok(())
        } else {
            Err(told)
        })
    })?;
    patient.switch_off()?;
    assert!(disk.peek(at, 512)? == before, "it was written over");
    Ok(())
}

/// Not even the superblock can be read.
#[test]
fn a_disk_that_cannot_be_read_at_its_superblock() -> Result<(), Error> {
    let artefacts = Artefacts::find()?;
    let (small, disk) = damaged(&artefacts)?;
    let spec = Spec::new(&artefacts)
        .image(&small.image())
        .disk_behind(&disk, Layer::ReadError(2))
        .append("rootwait=3");
    let mut patient = Patient::start(&artefacts, spec)?;
    assert_eq!(patient.verdict(0)?, "RESCUE: root: root was not found");
    Ok(())
}

/// A verdict's word and its reason, in full where that is more.
fn in_full(verdict: &preroot_record::Verdict<'_>) -> String {
    let reason = verdict.detail.unwrap_or(verdict.reason);
    format!("{}: {reason}", verdict.word)
}

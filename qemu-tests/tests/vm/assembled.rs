//! Roots on arrays, encrypted disks and logical volumes: `scenarios/assembled`.

use preroot_qemu_tests::{Error, run_assembled};

#[test]
fn mirror() -> Result<(), Error> {
    run_assembled("mirror")
}

#[test]
fn mirror_member_missing() -> Result<(), Error> {
    run_assembled("mirror-member-missing")
}

#[test]
fn mirror_member_stale() -> Result<(), Error> {
    run_assembled("mirror-member-stale")
}

#[test]
fn member_is_no_root() -> Result<(), Error> {
    run_assembled("member-is-no-root")
}

#[test]
fn encrypted() -> Result<(), Error> {
    run_assembled("encrypted")
}

#[test]
fn wrong_key() -> Result<(), Error> {
    run_assembled("wrong-key")
}

#[test]
fn hanging_program() -> Result<(), Error> {
    run_assembled("hanging-program")
}

#[test]
fn group_on_crypt_on_mirror() -> Result<(), Error> {
    run_assembled("group-on-crypt-on-mirror")
}

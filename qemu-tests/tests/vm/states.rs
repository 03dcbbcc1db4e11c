//! Roots that are not as they should be: one test a file of `scenarios/state`.

use preroot_qemu_tests::{Error, run_scenario};

macro_rules! states {
    ($($test:ident $name:literal)+) => {
        $(
            #[test]
            fn $test() -> Result<(), Error> {
                run_scenario(concat!("state/", $name))
            }
        )+
    };
}

states! {
    meets_an_error "meets-an-error"
    mount_point_is_a_link "mount-point-is-a-link"
    no_init "no-init"
    no_inodes "no-inodes"
    no_mount_point_read_only "no-mount-point-read-only"
    no_mount_points "no-mount-points"
    no_room "no-room"
    options_refused "options-refused"
    read_only_disk "read-only-disk"
    read_only_disk_unclean "read-only-disk-unclean"
    swap "swap"
    turns_read_only "turns-read-only"
    wrong_type "wrong-type"
}

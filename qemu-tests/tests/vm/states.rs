//! Roots that are not as they should be: one test a file of `scenarios/state`.

scenarios! {
    meets_an_error "state/meets-an-error"
    mount_point_is_a_link "state/mount-point-is-a-link"
    no_init "state/no-init"
    no_inodes "state/no-inodes"
    no_mount_point_read_only "state/no-mount-point-read-only"
    no_mount_points "state/no-mount-points"
    no_room "state/no-room"
    options_refused "state/options-refused"
    read_only_disk "state/read-only-disk"
    read_only_disk_unclean "state/read-only-disk-unclean"
    swap "state/swap"
    turns_read_only "state/turns-read-only"
    wrong_type "state/wrong-type"
}

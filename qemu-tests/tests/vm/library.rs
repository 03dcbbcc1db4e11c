//! Scenarios of the library, one test each: what is quick and shown by no other test. All of them: `cargo xtask regress`.

scenarios! {
    disk_root_comes_late "disk/root-comes-late"
    disk_root_hangs "disk/root-hangs"
    image_no_archive "image/no-archive"
    image_plan_garbled "image/plan-garbled"
    network_cable_pulled "network/cable-pulled"
    outage_three_times "outage/three-times"
    root_no_libc "root/no-libc"
    script_fills_the_root "script/fills-the-root"
    script_kills_everybody "script/kills-everybody"
    script_kills_init "script/kills-init"
    script_leaves_a_mess "script/leaves-a-mess"
}

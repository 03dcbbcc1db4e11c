//! How soon somebody can log in by each of the rescue's sshds, beside Debian's initramfs-tools with dropbear; what an idle
//! rescue costs; and what either does with a root that is broken ([`super::broken`]).
//!
//! The first banner is counted with no root disk at all, so that neither boot can end before it. A client knocks once in
//! a while; the kernel's own trace says when /init was executed, when an sshd first sent anything, and when the
//! processor had nothing to do in between. What somebody waits for without working (the network, a device, the client's
//! next knock) is idle time: it is told beside and not counted.

use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

use preroot_qemu_tests::{
    ADDRESS, Artefacts, Baked, Error, Nic, Spec, Ssh, SshdImage, bake_sshd, files, free_port,
};

use super::Table;
use super::broken;
use super::guest::Peers;
use super::idle::{self, Idle};

/// What the section in the table is called.
const HEADING: &str = "Rescue";
/// The port of our rescue sshd in the config.
pub(super) const RESCUE_PORT: u16 = 2222;
/// Everybody else's.
pub(super) const SSH_PORT: u16 = 22;
/// The kernel traces who runs, what is executed, and each time that something is sent.
const TRACE: &str = "trace_event=sched:sched_switch,sched:sched_process_exec \
    kprobe_event=p:say,tcp_sendmsg trace_buf_size=8M";
/// What of it counts.
const READ_TRACE: &str = "mkdir -p /tmp/trace && mount -t tracefs none /tmp/trace && \
    grep -e say: -e filename=/init -e swapper /tmp/trace/trace | head -n 20000";
/// What of the usual config is another with OpenSSH; compressed as that is.
const OPENSSH: &str = "rescue.sshd = \"openssh\"\nimage.compression = \"lz4\"";
/// What the kernel says before it starts the image's init.
const RUN_INIT: &str = "Run /init as init process";

/// From the exec of /init to the first banner.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Banner {
    elapsed_ms: f64,
    idle_ms: f64,
}

impl Banner {
    fn worked_ms(self) -> f64 {
        self.elapsed_ms - self.idle_ms
    }
}

/// Measures everything.
pub(crate) fn run(peers: &Peers, table: &Table) -> Result<(), Error> {
    let artefacts = Artefacts::find()?;
    eprintln!("measuring: each boot takes a minute or two, whatever else the machine does");
    let openssh = openssh(&artefacts)?;
    let sshds = [
        ("preroot, dropbear", artefacts.image.clone()),
        ("preroot, OpenSSH", openssh.image()),
    ];
    let mut rows = Vec::new();
    let mut sizes = Vec::new();
    for (name, image) in &sshds {
        rows.push((*name, banner(&artefacts, image, RESCUE_PORT, "")?));
        let size = (idle::bytes(image)?, idle::measure(&artefacts, image)?);
        sizes.push((*name, size));
    }
    let append = format!("root=/dev/vda1 {ADDRESS}");
    let theirs = banner(&artefacts, &peers.image("dropbear"), SSH_PORT, &append)?;
    rows.push(("initramfs-tools + dropbear", theirs));
    let mut text = banners(&rows, theirs);
    text.push_str(&memory(&sizes));
    text.push_str(&broken::run(&artefacts, peers)?);
    table.hand_out(HEADING, &text)
}

/// The usual image with OpenSSH in it.
fn openssh(artefacts: &Artefacts) -> Result<Baked, Error> {
    let scratch = tempfile::tempdir().map_err(|error| Error::unexpected(error.to_string()))?;
    let host_key = scratch.path().join("host_key");
    let mut generate = Command::new("ssh-keygen");
    generate.args(["-q", "-t", "ed25519", "-N", "", "-f"]);
    files::run(generate.arg(&host_key))?;
    let image = SshdImage {
        packages: artefacts.openssh_packages.clone(),
        authorized_keys: artefacts.client_key.with_extension("pub"),
        host_key: Some(host_key),
    };
    bake_sshd(artefacts, &[OPENSSH], &image)
}

/// One counted boot until somebody is in.
fn banner(artefacts: &Artefacts, image: &Path, port: u16, append: &str) -> Result<Banner, Error> {
    eprintln!("  the first banner of {}", image.display());
    let knocked = free_port()?;
    let spec = Spec::new(artefacts)
        .counted_with_random()
        .image(image)
        .append(TRACE);
    let mut machine = spec
        .append(append)
        .nic(Nic::User {
            forwards: vec![(knocked, port)],
        })
        .start()?;
    let ssh = Ssh::unpinned(artefacts, knocked)?;
    machine.wait_console(RUN_INIT)?;
    ssh.wait(&mut machine)?;
    let trace = ssh.text_of(READ_TRACE)?;
    machine.cut_power();
    parse(&trace).ok_or_else(|| {
        let lines: Vec<&str> = trace.lines().take(20).collect();
        Error::unexpected(format!("no banner in the trace:\n{}", lines.join("\n")))
    })
}

/// Reads the kernel's trace (Documentation/trace/ftrace.rst, the format of `trace`).
fn parse(trace: &str) -> Option<Banner> {
    let mut born_ms = None;
    let mut idle_since_ms = None;
    let mut idle_ms = 0.0;
    for line in trace.lines() {
        let Some((at_ms, words)) = event(line) else {
            continue;
        };
        if words.contains("filename=/init ") {
            // What follows is counted; of what was before, only whether anybody ran.
            born_ms = born_ms.or(Some(at_ms));
        }
        let Some(born_ms) = born_ms else {
            continue;
        };
        if words.starts_with("say:") {
            let elapsed_ms = at_ms - born_ms;
            return Some(Banner {
                elapsed_ms,
                idle_ms,
            });
        }
        if words.contains("next_pid=0 ") {
            idle_since_ms = Some(at_ms);
        } else if words.contains("prev_pid=0 ")
            && let Some(since_ms) = idle_since_ms.take()
        {
            idle_ms += at_ms - since_ms;
        }
    }
    None
}

/// `COMM-PID [CPU] FLAGS SECONDS: WORDS`.
fn event(line: &str) -> Option<(f64, &str)> {
    let (_, rest) = line.split_once("] ")?;
    let (stamp, words) = rest.split_once(": ")?;
    let seconds: f64 = stamp.split_whitespace().last()?.parse().ok()?;
    Some((seconds * 1e3, words))
}

fn banners(rows: &[(&str, Banner)], theirs: Banner) -> String {
    let mut text = String::from(
        "Guest time from the exec of /init to the first ssh banner, one instruction is one ns (QEMU icount), with no root\n\
         disk. Worked: without the time in which nobody had anything to do, the waits for the network and for the client's next\n\
         knock among it.\n\n\
         | | worked, ms | waited, ms | from init to banner, ms | worked / dropbear-initramfs |\n\
         |---|---:|---:|---:|---:|\n",
    );
    for (name, one) in rows {
        let (worked, ratio) = (one.worked_ms(), one.worked_ms() / theirs.worked_ms());
        let Banner {
            elapsed_ms,
            idle_ms,
        } = one;
        // Writing to a String cannot fail.
        let _ = writeln!(
            text,
            "| {name} | {worked:.1} | {idle_ms:.1} | {elapsed_ms:.1} | {ratio:.2} |"
        );
    }
    text
}

fn memory(sizes: &[(&str, (u64, Idle))]) -> String {
    let mut text = String::from(
        "\n## Sizes, and the memory of an idle rescue\n\n\
         The root's own init has taken over and nobody has been in the rescue. All: what is free again, caches dropped, when\n\
         its processes have been ended and its stage has been emptied; the kernel's own part is in it, and so is its noise,\n\
         some 300 KiB. Stage: the unpacked image, which never leaves memory. Own: what the sshd has beside it.\n\n\
         | | image, bytes | all, KiB | stage, KiB | own, KiB | stage once somebody has logged in, KiB |\n\
         |---|---:|---:|---:|---:|---:|\n",
    );
    for (name, (bytes, idle)) in sizes {
        let Idle {
            stage,
            own,
            all,
            stage_used,
        } = idle;
        // Writing to a String cannot fail.
        let _ = writeln!(
            text,
            "| {name} | {bytes} | {all} | {stage} | {own} | {stage_used} |"
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn idle_time_is_not_work() {
        let trace = "\
 kthreadd-2 [000] d..2. 0.900000: sched_switch: prev_comm=x prev_pid=9 prev_prio=1 prev_state=S ==> next_comm=swapper/0 next_pid=0 next_prio=120
 init-1 [000] ..... 1.000000: sched_process_exec: filename=/init pid=1 old_pid=1
 init-1 [000] d..2. 1.010000: sched_switch: prev_comm=init prev_pid=1 prev_prio=120 prev_state=S ==> next_comm=swapper/0 next_pid=0 next_prio=120
 <idle>-0 [000] d..2. 1.040000: sched_switch: prev_comm=swapper/0 prev_pid=0 prev_prio=120 prev_state=R ==> next_comm=init next_pid=1 next_prio=120
 dropbear-60 [000] ..... 1.100000: say: (tcp_sendmsg+0x0/0x50)
";
        let found = parse(trace).map(|one| (one.elapsed_ms.round(), one.worked_ms().round()));
        assert_eq!(found, Some((100.0, 70.0)));
        assert_eq!(parse("# tracer: nop\n"), None);
    }
}

//! What is left when the boot core has panicked: PID 1 goes on without it.
//!
//! It says what happened, has it sent to the plan's receivers of syslog, then serves for ever: reaps, drains the pipes
//! that children write to, starts sshd where none runs, whatever the plan's policy, and reboots on ctrl-alt-del or
//! `preroot reboot`. The root, its services and
//! every session stay as they are. It uses nothing of the core's state, only numbers left here.
//!
//! Invariant: nothing here can panic: there is nothing below to catch it.

use core::fmt::Write;
use core::panic::PanicInfo;

use heapless::{String, Vec};
use preroot_boot::limits::SSHD_RECIPE_BYTES_MAX;
use preroot_boot::machine::{Program, Spawn};
use preroot_boot::roles::ALIVE;
use preroot_boot::sshd;
use preroot_boot::sshd_recipe::{FILE, Recipe};
use preroot_record::limits::FRAME_HEADER_BYTES;
use preroot_record::{Header, StageBegan, Verdict, write_frame};
use preroot_sys::clock::now_ns;
use preroot_sys::event::epoll;
use preroot_sys::fd::BorrowedFd;
use preroot_sys::fs::{Mode, OFlags, open};
use preroot_sys::process::Signal;
use preroot_sys::spawn::{Command, Terminal, spawn};
use preroot_sys::strings::Strings;
use preroot_sys::time::ClockId;
use preroot_sys::{background, descriptor, io, reap, signal, system, thread};

use crate::limits::{
    CONTROL_BYTES_MAX, LAST_STAND_PAUSE_MS, LAST_WORDS_MAX, LINE_BYTES_MAX, PATH_BYTES_MAX,
};
use crate::linux::{RECORD, Ready, ReadySource, read, receive, send};
use crate::reach::{self, Modules};
use crate::statics::LAST_STAND;

/// The verdict's word.
pub(crate) const FAILED: &str = "FAILED";
/// A verdict as one line.
type Line = String<80>;

/// sshd's port when the core has not said one.
const PORT_DEFAULT: &str = "22";

/// What the panic handler knows of the machine: numbers, and how sshd is started.
#[derive(Debug)]
pub struct LastStand {
    /// The epoll set.
    pub epoll: Option<u32>,
    /// /dev/null.
    pub null: Option<u32>,
    /// The rescue's root.
    pub rescue_root: Option<u32>,
    /// The helpers' program.
    pub helper: Option<u32>,
    /// The network's helper; 0: none runs.
    pub network: u32,
    /// The clock had to be set by the image's age: it does not say when this is.
    pub clock_was_set: bool,
    program: String<PATH_BYTES_MAX>,
    arguments: Strings,
    environment: Strings,
    pid: u32,
    /// Tag and number of the frame that was recorded last.
    frame: Option<(u32, u32)>,
    /// The stage that began last.
    stage: String<16>,
}

impl LastStand {
    /// Nothing is known yet.
    #[must_use]
    pub const fn new() -> LastStand {
        LastStand {
            epoll: None,
            null: None,
            rescue_root: None,
            helper: None,
            network: 0,
            clock_was_set: false,
            program: String::new(),
            arguments: Strings::new(),
            environment: Strings::new(),
            pid: 0,
            frame: None,
            stage: String::new(),
        }
    }

    /// Remembers how sshd was started. What was checked at its spawn fits here too.
    pub fn remember(&mut self, spawn: &Spawn<'_>, pid: u32) {
        let Program::Path(path) = spawn.program else {
            return;
        };
        self.program = String::try_from(path).unwrap_or_default();
        let kept = self.arguments.set(spawn.arguments).is_ok()
            && self.environment.set(spawn.environment).is_ok();
        if !kept {
            self.program.clear();
        }
        self.pid = pid;
    }

    /// Somebody was reaped. Who is gone when the core dies is started again: an sshd that was told to end too, for then
    /// there is no longer anybody to say that it is not needed.
    pub fn reaped(&mut self, pid: u32) {
        for kept in [&mut self.network, &mut self.pid] {
            if *kept == pid {
                *kept = 0;
            }
        }
    }

    /// Remembers where the record stands.
    pub fn recorded(&mut self, frame: &[u8]) {
        // As record's lib.rs draws it. It is our own: what is not where it should be is left.
        let word = |at: usize| {
            frame
                .get(at..)?
                .first_chunk()
                .copied()
                .map(u32::from_le_bytes)
        };
        self.frame = word(8).zip(word(12));
        // A map of one key, 0, and a short text (RFC 8949, section 3).
        let kind = frame
            .get(4..6)
            .map(|kind| kind == StageBegan::KIND.to_le_bytes());
        if kind == Some(true)
            && let Some([0xa1, 0, length, name @ ..]) = frame.get(FRAME_HEADER_BYTES..)
        {
            let name = name.get(..usize::from(length & 0x1f));
            let name = name.and_then(|name| core::str::from_utf8(name).ok());
            self.stage = String::try_from(name.unwrap_or_default()).unwrap_or_default();
        }
    }

    /// The verdict on a boot whose core is dead: said, recorded behind what the core has recorded, and given back.
    fn fail(&self) -> Line {
        let mut reason = String::<40>::new();
        let _ = write!(reason, "{}, panic", self.stage);
        let mut line = Line::new();
        let _ = write!(line, "<2>preroot: verdict FAILED({reason})");
        epitaph(&line);
        self.record_failure(&reason);
        line.clear();
        let _ = write!(line, "FAILED({reason})");
        line
    }

    fn record_failure(&self, reason: &str) {
        let Some((boot, sequence)) = self.frame else {
            return;
        };
        let header = Header {
            kind: Verdict::KIND,
            boot,
            sequence: sequence.wrapping_add(1),
            time_ns: now_ns(ClockId::Monotonic),
        };
        let verdict = Verdict {
            word: FAILED,
            reason,
            detail: None,
        };
        let mut frame = [0; 256];
        let flags = OFlags::WRONLY | OFlags::APPEND | OFlags::CLOEXEC;
        let length = write_frame(&header, &verdict.into(), &mut frame);
        if let Some(frame) = length.and_then(|length| frame.get(..length)) {
            let _ = open(RECORD, flags, Mode::empty()).and_then(|file| io::write(&file, frame));
        }
    }

    /// Starts sshd again.
    fn start(&mut self) {
        let Some(null) = self.null.and_then(descriptor::by_number) else {
            return;
        };
        let (arguments, environment) = (words(&self.arguments), words(&self.environment));
        // A core that did not live to start sshd has left no word of how.
        let mut said = [0; SSHD_RECIPE_BYTES_MAX];
        let recipe;
        let (program, arguments, environment) = if self.program.is_empty() {
            let length = read(FILE, &mut said).unwrap_or(0);
            recipe = Recipe::new(said.get(..length).unwrap_or_default(), PORT_DEFAULT);
            let words = recipe.words("run");
            let program = words.first().copied().unwrap_or_default();
            let arguments = words_of(words.get(1..).unwrap_or_default());
            (program, arguments, words_of(sshd::ENVIRONMENT))
        } else {
            (self.program.as_str(), arguments, environment)
        };
        self.pid = spawn(&Command {
            program: preroot_sys::spawn::Program::Path(program),
            arguments: &arguments,
            environment: &environment,
            root: self.rescue_root.and_then(descriptor::by_number),
            streams: [null; 3],
            terminal: Terminal::None,
            group: None,
            oom_score: "-1000",
            open_files: None,
        })
        .unwrap_or(0);
    }
}

impl Default for LastStand {
    fn default() -> LastStand {
        LastStand::new()
    }
}

fn words_of<'w>(words: &[&'w str]) -> Vec<&'w str, LAST_WORDS_MAX> {
    words.iter().copied().take(LAST_WORDS_MAX).collect()
}

fn words(strings: &Strings) -> Vec<&str, LAST_WORDS_MAX> {
    strings
        .iter()
        .filter_map(|word| word.to_str().ok())
        .take(LAST_WORDS_MAX)
        .collect()
}

/// Writes the epitaph and serves.
pub fn run(info: &PanicInfo<'_>) -> ! {
    let mut line = String::<LINE_BYTES_MAX>::new();
    // What does not fit is cut.
    let _ = write!(line, "<2>preroot: PID 1 {info}");
    epitaph(&line);
    epitaph(
        "<2>preroot: the boot stops here; sshd and what runs goes on. `preroot reboot` or ctrl-alt-del reboots",
    );
    if let Some(verdict) = LAST_STAND.with(|last| last.fail()) {
        reach::send(&verdict);
    }
    serve()
}

/// Says a line to the kernel's log, and to the console in case that has failed.
pub(crate) fn epitaph(line: &str) {
    let text: Vec<u8, { LINE_BYTES_MAX + 1 }> = line.bytes().map(clean).chain([b'\n']).collect();
    let flags = OFlags::WRONLY | OFlags::NOCTTY | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let said = open("/dev/kmsg", flags, Mode::empty()).and_then(|log| io::write(&log, &text));
    if said.is_err() {
        let console = open("/dev/console", flags, Mode::empty());
        let _ = console.and_then(|console| io::write(&console, &text));
    }
}

/// A panic's message has line breaks; the log takes lines.
fn clean(byte: u8) -> u8 {
    if byte == b'\n' { b' ' } else { byte }
}

/// Serves for ever.
pub fn serve() -> ! {
    let signals = signal::Set::EMPTY.with(Signal::CHILD).with(Signal::INT);
    let _ = system::reboot(system::RebootCommand::CadOff);
    let mut modules = Modules::Untried;
    loop {
        modules = reach::try_once(modules);
        // A signal wakes at once; pipes and the control socket are looked at once in a while.
        if signal::wait(signals, LAST_STAND_PAUSE_MS) == Some(Signal::INT) {
            reboot(system::RebootCommand::Restart);
        }
        let before = LAST_STAND.with(|last| last.pid);
        while let Some(reaped) = reap::any() {
            LAST_STAND.with(|last| last.reaped(reaped.pid));
        }
        if LAST_STAND.with(|last| last.pid) == Some(0) {
            if before != Some(0) {
                // It has just ended. One that does so at once must not be started as fast as that.
                pause();
            }
            LAST_STAND.with(LastStand::start);
        }
        drain();
    }
}

fn pause() {
    let pause = preroot_sys::time::Timespec {
        tv_sec: i64::from(LAST_STAND_PAUSE_MS / 1000),
        tv_nsec: 0,
    };
    let _ = thread::nanosleep(&pause);
}

/// Reads away what is ready in the core's epoll set, so that nobody who logs to PID 1 is stopped by a full pipe.
fn drain() {
    let Some(Some(set)) = LAST_STAND.with(|last| last.epoll.and_then(descriptor::by_number)) else {
        return;
    };
    let mut ready = [const { core::mem::MaybeUninit::uninit() }; 64];
    let now = preroot_sys::time::Timespec::default();
    // As long as there is something, but never for ever: reaping must go on too.
    for _ in 0..64 {
        let Ok((events, _)) = epoll::wait(set, &mut ready, Some(&now)) else {
            return;
        };
        if events.is_empty() {
            return;
        }
        for event in events.iter() {
            if let Some(ready) = Ready::unpack(event.data.u64())
                && let Some(fd) = descriptor::by_number(ready.fd)
            {
                match ready.source {
                    ReadySource::Control => obey(fd),
                    // Signals are waited for, not read.
                    ReadySource::Signals => {
                        let _ = epoll::delete(set, fd);
                    }
                    _ => forget(set, fd),
                }
            }
        }
    }
}

/// Reads and drops. What has ended, or fails, is no longer watched.
fn forget(set: BorrowedFd<'_>, fd: BorrowedFd<'_>) {
    let mut buffer = [0; CONTROL_BYTES_MAX];
    match io::read(fd, &mut buffer) {
        Ok(1..) | Err(io::Errno::AGAIN) => {}
        Ok(_) | Err(_) => {
            let _ = epoll::delete(set, fd);
        }
    }
}

/// The four words that still mean something.
fn obey(socket: BorrowedFd<'_>) {
    let mut buffer = [0; 64];
    let Ok((length, asker)) = receive(socket, &mut buffer) else {
        return;
    };
    let word = buffer.get(..length).unwrap_or_default().trim_ascii();
    let command = match word {
        b"reboot" => Some(system::RebootCommand::Restart),
        b"poweroff" => Some(system::RebootCommand::PowerOff),
        b"halt" => Some(system::RebootCommand::Halt),
        _ => None,
    };
    let answer: &[u8] = match command {
        // The watchdog is fed on: who serves does not hang.
        None if word == ALIVE.as_bytes() => ALIVE.as_bytes(),
        Some(_) => b"going down, without a shutdown: the boot core has panicked\n",
        None => b"error: the boot core has panicked (see dmesg); known: reboot poweroff halt\n",
    };
    if let Some(asker) = asker {
        let _ = send(socket, answer, &asker);
    }
    if let Some(command) = command {
        reboot(command);
    }
}

/// Syncs and makes everything read-only as far as that works in a few seconds, then ends the machine.
fn reboot(command: system::RebootCommand) {
    let _ = background::sync();
    // Emergency remount (Documentation/admin-guide/sysrq.rst): the kernel's own workers do it.
    let flags = OFlags::WRONLY | OFlags::CLOEXEC;
    let _ = open("/proc/sysrq-trigger", flags, Mode::empty())
        .and_then(|trigger| io::write(&trigger, b"u"));
    for _ in 0..3 {
        pause();
    }
    let _ = system::reboot(command);
}

#[cfg(test)]
mod tests {
    use preroot_record::Event;

    use super::*;

    #[test]
    fn where_the_record_stands_is_remembered() {
        let mut last = LastStand::new();
        let mut keep = |sequence, event: Event<'_>| {
            let header = Header {
                kind: event.kind(),
                boot: 7,
                sequence,
                time_ns: 1,
            };
            let mut frame = [0; 256];
            let length = write_frame(&header, &event, &mut frame).expect("it fits");
            last.recorded(&frame[..length]);
            (last.frame, last.stage.clone())
        };
        let stage = keep(4, StageBegan { stage: "hardware" }.into());
        assert_eq!((stage.0, stage.1.as_str()), (Some((7, 4)), "hardware"));
        let note = preroot_record::Note { text: "x" };
        let note = keep(5, note.into());
        assert_eq!((note.0, note.1.as_str()), (Some((7, 5)), "hardware"));
    }

    #[test]
    fn who_is_reaped_is_not_taken_for_who_serves() {
        let check = |reaped: u32, expected: (u32, u32)| {
            let mut last = LastStand::new();
            (last.network, last.pid) = (7, 8);
            last.reaped(reaped);
            assert_eq!((last.network, last.pid), expected, "{reaped}");
        };
        check(7, (0, 8));
        check(8, (7, 0));
        check(9, (7, 8));
    }
}

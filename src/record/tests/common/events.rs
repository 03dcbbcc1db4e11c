//! One event of every kind.

use preroot_record::{
    Assembled, BeforeInit, Born, Died, Event, Fsck, Handover, Hardware, Inventory, KernelMessage,
    Lost, Module, Mounted, Network, Note, Operator, Outcome, Output, RootFound, RunlevelBegan,
    RunlevelEnded, ScriptEnd, ScriptEnded, ScriptStarted, Service, Session, Shutdown, Source, Sshd,
    StageBegan, StageEnded, Syslog, Verdict, Watchdog,
};

/// Every kind, with this text in every text field and numbers as large as they can be.
pub(crate) fn every_kind<'a>(text: &'a str, bytes: &'a [u8]) -> Vec<Event<'a>> {
    let mut events = start(text);
    events.extend(root(text));
    events.extend(scripts(text, bytes));
    events.extend(rest(text));
    events.extend(before(text, bytes));
    events
}

fn start(text: &str) -> Vec<Event<'_>> {
    vec![
        Born {
            boot_id: text,
            kernel: text,
            image: text,
            plan: text,
            config: text,
            command_line: text,
            epoch_ns: u64::MAX,
            version: text,
            plan_error: Some(text),
            exec_ns: Some(u64::MAX),
        }
        .into(),
        StageBegan { stage: text }.into(),
        StageEnded {
            stage: text,
            outcome: Outcome::Skipped,
            step: u16::MAX,
            step_name: text,
            errno: u16::MAX,
        }
        .into(),
        Module {
            name: text,
            errno: u16::MAX,
            took_ns: u64::MAX,
            modalias: text,
        }
        .into(),
        Network {
            interface: text,
            what: text,
            errno: u16::MAX,
        }
        .into(),
        Sshd {
            what: text,
            pid: u32::MAX,
            starts: u32::MAX,
            status: i32::MIN,
            why: Some(text),
        }
        .into(),
        Hardware {
            item: text,
            expected: u64::MAX,
            found: u64::MAX,
            verdict: text,
            detail: Some(text),
            concern: Some(text),
        }
        .into(),
    ]
}

fn root(text: &str) -> Vec<Event<'_>> {
    vec![
        RootFound {
            wanted: text,
            device: text,
            kind: text,
            waited_ns: u64::MAX,
        }
        .into(),
        Fsck {
            device: text,
            reason: text,
            command: text,
            code: u16::MAX,
            signal: u16::MAX,
            took_ns: u64::MAX,
            verdict: text,
            inodes_cleared: Some(u32::MAX),
            entries_dropped: Some(u32::MAX),
            attached: Some(u32::MAX),
            orphans: Some(u32::MAX),
            files_before: Some(u64::MAX),
            files_after: Some(u64::MAX),
        }
        .into(),
        Mounted {
            device: text,
            at: text,
            kind: text,
            options: text,
        }
        .into(),
    ]
}

fn scripts<'a>(text: &'a str, bytes: &'a [u8]) -> Vec<Event<'a>> {
    vec![
        RunlevelBegan {
            runlevel: text,
            scripts: u32::MAX,
            policy: text,
        }
        .into(),
        RunlevelEnded {
            runlevel: text,
            succeeded: u32::MAX,
            failed: u32::MAX,
            timed_out: u32::MAX,
            skipped: Some(3),
        }
        .into(),
        ScriptStarted {
            script: u32::MAX,
            name: text,
            runlevel: text,
            level: u16::MAX,
            argument: text,
            pid: u32::MAX,
            waited_for: Some(u32::MAX),
        }
        .into(),
        ScriptEnded {
            script: u32::MAX,
            name: text,
            end: ScriptEnd::Abandoned,
            status: u16::MAX,
            took_ns: u64::MAX,
            user_ns: u64::MAX,
            system_ns: u64::MAX,
            memory_kib: u32::MAX,
            output_bytes: u64::MAX,
            read_bytes: Some(u64::MAX),
            written_bytes: Some(u64::MAX),
        }
        .into(),
        Output {
            source: Source::Child,
            script: u32::MAX,
            bytes,
        }
        .into(),
    ]
}

fn rest(text: &str) -> Vec<Event<'_>> {
    vec![
        Verdict {
            word: text,
            reason: text,
            detail: Some(text),
        }
        .into(),
        Service {
            id: text,
            what: text,
            pid: u32::MAX,
            status: i32::MIN,
        }
        .into(),
        Shutdown {
            how: text,
            who: text,
        }
        .into(),
        Operator {
            what: text,
            stage: text,
            why: Some(text),
            by: Some(text),
            waited_ns: Some(u64::MAX),
        }
        .into(),
        Note { text }.into(),
        Lost {
            what: text,
            count: u64::MAX,
            script: Some(u32::MAX),
        }
        .into(),
        Assembled {
            step: text,
            device: text,
            command: text,
            code: u16::MAX,
            signal: u16::MAX,
            errno: u16::MAX,
            took_ns: u64::MAX,
            verdict: text,
        }
        .into(),
        Session {
            what: text,
            who: text,
            user: text,
            from: text,
            pid: u32::MAX,
            began_ns: u64::MAX,
            how: text,
            refused: u32::MAX,
        }
        .into(),
        Handover {
            what: text,
            to: text,
            count: u32::MAX,
            failed: u32::MAX,
            errno: u16::MAX,
        }
        .into(),
        Syslog {
            to: text,
            word: text,
            bytes: u32::MAX,
            errno: u16::MAX,
            tries: u32::MAX,
        }
        .into(),
        Watchdog {
            what: text,
            device: text,
            timeout_s: u32::MAX,
            identity: Some(text),
            boot_status: Some(u32::MAX),
            why: Some(text),
            errno: Some(u16::MAX),
        }
        .into(),
        KernelMessage {
            level: u8::MAX,
            at_ns: u64::MAX,
            text,
        }
        .into(),
        Inventory {
            class: text,
            name: text,
            facts: text,
        }
        .into(),
    ]
}

fn before<'a>(text: &'a str, bytes: &'a [u8]) -> Vec<Event<'a>> {
    vec![
        Died {
            kept_by: text,
            reason: text,
            boot_id: text,
            unix_s: u64::MAX,
            number: u32::MAX,
            piece: u32::MAX,
            bytes,
            lost: Some(u64::MAX),
        }
        .into(),
        BeforeInit {
            told_by: text,
            firmware_ns: Some(u64::MAX),
            loader_ns: Some(u64::MAX),
            unpack_began_ns: Some(u64::MAX),
            unpack_ended_ns: Some(u64::MAX),
            run_ns: Some(u64::MAX),
        }
        .into(),
    ]
}

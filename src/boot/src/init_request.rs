//! /run/initctl: how sysvinit's telinit, shutdown and reboot speak to init.
//!
//! `struct init_request` of sysvinit's initreq.h, in native byte order: magic `0x03091969`, command,
//! runlevel, sleeptime (each an int), then 368 bytes of data. `shutdown -h -P` first sends
//! `INIT_HALT=POWEROFF` as an environment variable (command 6), then runlevel 0 (command 1).

use crate::core::Boot;
use crate::machine::{Channel, Machine, Power};
use crate::shutdown;

const MAGIC: i32 = 0x0309_1969;
const COMMAND_RUNLEVEL: i32 = 1;
const COMMAND_SET_ENVIRONMENT: i32 = 6;

/// What somebody wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wanted {
    Runlevel(u8),
    /// How a later runlevel 0 is meant.
    HaltAs(Power),
    /// Nothing that PID 1 does.
    Nothing,
}

fn parse(request: &[u8; 384]) -> Option<Wanted> {
    let int = |at: usize| {
        request
            .get(at..at + 4)
            .and_then(|bytes| bytes.try_into().ok())
            .map(i32::from_ne_bytes)
    };
    if int(0)? != MAGIC {
        return None;
    }
    Some(match int(4)? {
        COMMAND_RUNLEVEL => u8::try_from(int(8)?).map_or(Wanted::Nothing, Wanted::Runlevel),
        COMMAND_SET_ENVIRONMENT => {
            let data = request.get(16..)?;
            let variable = data.split(|&byte| byte == 0).next()?;
            match variable {
                b"INIT_HALT=HALT" => Wanted::HaltAs(Power::Halt),
                b"INIT_HALT=POWEROFF" => Wanted::HaltAs(Power::Off),
                _ => Wanted::Nothing,
            }
        }
        _ => Wanted::Nothing,
    })
}

/// Takes one request.
pub(crate) fn arrived<M: Machine>(boot: &mut Boot<'_, M>) {
    let mut buffer = [0; 384];
    if boot.machine.read_init_request(&mut buffer).is_err() {
        return;
    }
    match parse(&buffer) {
        Some(Wanted::HaltAs(how)) => boot.operator.halt_as = how,
        Some(Wanted::Runlevel(b'0')) => {
            let how = boot.operator.halt_as;
            shutdown::request(boot, how, "initctl");
        }
        Some(Wanted::Runlevel(b'6')) => shutdown::request(boot, Power::Reboot, "initctl"),
        Some(Wanted::Runlevel(runlevel)) => {
            let runlevel = char::from(runlevel).escape_default();
            boot.alarm(format_args!(
                "initctl: runlevel {runlevel} is not served: the order is frozen; 0 and 6 are"
            ));
        }
        Some(Wanted::Nothing) => {}
        None => boot.alarm(format_args!("initctl: not a request of sysvinit's tools")),
    }
}

/// SIGUSR1, as to sysvinit's init: opens the pipe again.
pub(crate) fn reopen<M: Machine>(boot: &mut Boot<'_, M>) {
    if let Err(errno) = boot.machine.listen(Channel::InitRequests) {
        boot.alarm(format_args!("/run/initctl: errno {}", errno.0));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(command: i32, runlevel: i32, data: &[u8]) -> [u8; 384] {
        let mut bytes = [0; 384];
        bytes[0..4].copy_from_slice(&MAGIC.to_ne_bytes());
        bytes[4..8].copy_from_slice(&command.to_ne_bytes());
        bytes[8..12].copy_from_slice(&runlevel.to_ne_bytes());
        bytes[16..16 + data.len()].copy_from_slice(data);
        bytes
    }

    #[test]
    fn sysvinits_requests_are_read() {
        let cases = [
            (
                request(1, i32::from(b'6'), b""),
                Some(Wanted::Runlevel(b'6')),
            ),
            (request(1, 1000, b""), Some(Wanted::Nothing)),
            (
                request(6, 0, b"INIT_HALT=HALT\0"),
                Some(Wanted::HaltAs(Power::Halt)),
            ),
            (
                request(6, 0, b"INIT_HALT=POWEROFF\0X=1"),
                Some(Wanted::HaltAs(Power::Off)),
            ),
            (request(6, 0, b"PATH=/x"), Some(Wanted::Nothing)),
            (request(2, 0, b""), Some(Wanted::Nothing)),
            ([0; 384], None),
            ([0xff; 384], None),
        ];
        for (bytes, expected) in cases {
            assert_eq!(parse(&bytes), expected);
        }
    }
}

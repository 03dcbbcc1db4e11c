//! `hold`: the boot waits for a person before a stage, as with `preroot.hold=`; said while it runs, and taken back.

use core::fmt::Write;

use super::{Answer, Order, Waiting, by, note};
use crate::command_line::Words;
use crate::core::Boot;
use crate::machine::Machine;
use crate::stage::Stage;

/// `hold`, `hold STAGE`, `hold off`, `hold off STAGE`.
pub(super) fn run<M: Machine>(boot: &mut Boot<'_, M>, words: &str, pid: u32, answer: &mut Answer) {
    let mut words = Words::new(words);
    let words = [words.next(), words.next(), words.next()];
    match words {
        [None, ..] => {}
        [Some("off"), None, _] => {
            if !boot.command_line.hold.is_empty() {
                boot.command_line.hold.clear();
                said(boot, "hold off", boot.stage, pid);
            }
        }
        [Some("off"), Some(name), None] => match held(boot, name) {
            Some(stage) => {
                boot.command_line.hold.retain(|hold| *hold != stage);
                said(boot, "hold off", stage, pid);
            }
            None => {
                let _ = writeln!(answer, "error: nothing holds before {name}");
                return;
            }
        },
        [Some(name), None, _] => {
            if let Err(why) = add(boot, name, pid) {
                let _ = writeln!(answer, "error: {name} {why}");
                return;
            }
        }
        _ => {
            let _ = writeln!(answer, "error: one STAGE, or `off` and a STAGE");
            return;
        }
    }
    tell(boot, answer);
}

/// The stage of this name, if the boot holds before it.
fn held<M: Machine>(boot: &Boot<'_, M>, name: &str) -> Option<Stage> {
    let stage = Stage::from_name(name)?;
    boot.command_line.hold.contains(&stage).then_some(stage)
}

fn add<M: Machine>(boot: &mut Boot<'_, M>, name: &str, pid: u32) -> Result<(), &'static str> {
    let stage = Stage::from_name(name).ok_or(
        "is no stage; stages: modules network sshd hardware root fsck mount pivot start seal stay",
    )?;
    // While it waits, the next stage has not begun.
    let is_over = match boot.operator.waiting {
        Waiting::Held(before) => stage.number() <= before.number(),
        _ => stage.number() <= boot.stage.number(),
    };
    if is_over {
        return Err("has begun, or is where the boot stands: a later one");
    }
    if !boot.command_line.hold.contains(&stage) {
        // There is room for every stage.
        let _ = boot.command_line.hold.push(stage);
        said(boot, "hold", stage, pid);
    }
    Ok(())
}

fn said<M: Machine>(boot: &mut Boot<'_, M>, what: &str, stage: Stage, pid: u32) {
    let by = by(boot, pid);
    let order = Order {
        why: None,
        by: Some(&by),
    };
    note(boot, what, stage, order, None);
}

/// The stages that the boot will wait before.
fn tell<M: Machine>(boot: &Boot<'_, M>, answer: &mut Answer) {
    if boot.command_line.hold.is_empty() {
        let _ = writeln!(answer, "no holds");
    }
    for stage in &boot.command_line.hold {
        let _ = writeln!(answer, "holds before {}", stage.name());
    }
}

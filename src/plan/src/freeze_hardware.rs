//! What is expected of machines, from a draft into tables.

use alloc::vec::Vec;

use zerocopy::little_endian::{U16, U64};

use crate::draft::{Draft, DraftError, DraftExpected};
use crate::freezer::{Freezer, number};
use crate::hardware::{Expected, Expecting, KnownBy};

/// The tables.
#[derive(Default)]
pub(crate) struct Hardware {
    pub(crate) expected: Vec<Expected>,
    pub(crate) machines: Vec<Expecting>,
    pub(crate) keys: Vec<KnownBy>,
}

impl Hardware {
    pub(crate) fn of(freezer: &mut Freezer, draft: &Draft) -> Result<Hardware, DraftError> {
        let mut tables = Hardware::default();
        tables.machine(freezer, "", &draft.expected)?;
        let mut keys = Vec::new();
        for machine in &draft.machines {
            let at = small(tables.machines.len(), "machines")?;
            keys.extend(machine.keys.iter().map(|(kind, key)| (*kind, key, at)));
            tables.machine(freezer, &machine.name, &machine.expected)?;
        }
        keys.sort_by_key(|(kind, key, _)| (kind.number(), *key));
        for (kind, key, machine) in keys {
            tables.keys.push(KnownBy {
                key: freezer.text(key)?,
                machine,
                kind: kind.number(),
            });
        }
        Ok(tables)
    }

    fn machine(
        &mut self,
        freezer: &mut Freezer,
        name: &str,
        expected: &[DraftExpected],
    ) -> Result<(), DraftError> {
        self.machines.push(Expecting {
            name: freezer.text(name)?,
            first_expected: number(self.expected.len(), "expected hardware")?,
            expected_count: small(expected.len(), "expected hardware")?,
        });
        for it in expected {
            self.expected.push(Expected {
                name: freezer.text(&it.name)?,
                low: U64::new(it.low),
                high: U64::new(it.high),
                count: U16::new(it.count),
                class: it.class.number(),
                by: it.by.number(),
                concern: it.concern.number(),
                state: it.state.number(),
            });
        }
        Ok(())
    }
}

fn small(value: usize, what: &'static str) -> Result<U16, DraftError> {
    u16::try_from(value)
        .map(U16::new)
        .map_err(|_| DraftError::Many(what))
}

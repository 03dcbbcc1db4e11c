//! What LZMA has learned so far: a probability for each decision it can meet.

pub(crate) const STATES: usize = 12;
/// pb = 2.
pub(crate) const POSITIONS: usize = 4;
const LITERAL_CONTEXTS: usize = 8;
const LITERAL_BYTES: usize = 0x300;

/// Even odds, of 2048.
const EVEN: u16 = 1024;

/// The lengths of matches.
#[derive(Debug, Clone)]
pub(crate) struct Lengths {
    pub(crate) choice: [u16; 2],
    pub(crate) low: [[u16; 8]; POSITIONS],
    pub(crate) middle: [[u16; 8]; POSITIONS],
    pub(crate) high: [u16; 256],
}

impl Lengths {
    const NEW: Lengths = Lengths {
        choice: [EVEN; 2],
        low: [[EVEN; 8]; POSITIONS],
        middle: [[EVEN; 8]; POSITIONS],
        high: [EVEN; 256],
    };
}

/// All probabilities: 16 KiB. It may be a static, or lie on the stack.
#[derive(Debug, Clone)]
pub struct Model {
    pub(crate) is_match: [[u16; POSITIONS]; STATES],
    pub(crate) is_repeat: [u16; STATES],
    pub(crate) is_repeat_0: [u16; STATES],
    pub(crate) is_repeat_0_long: [[u16; POSITIONS]; STATES],
    pub(crate) is_repeat_1: [u16; STATES],
    pub(crate) is_repeat_2: [u16; STATES],
    pub(crate) slots: [[u16; 64]; 4],
    pub(crate) special: [u16; 128],
    pub(crate) align: [u16; 16],
    pub(crate) match_lengths: Lengths,
    pub(crate) repeat_lengths: Lengths,
    pub(crate) literals: [[u16; LITERAL_BYTES]; LITERAL_CONTEXTS],
}

impl Model {
    /// A model that has learned nothing.
    pub const NEW: Model = Model {
        is_match: [[EVEN; POSITIONS]; STATES],
        is_repeat: [EVEN; STATES],
        is_repeat_0: [EVEN; STATES],
        is_repeat_0_long: [[EVEN; POSITIONS]; STATES],
        is_repeat_1: [EVEN; STATES],
        is_repeat_2: [EVEN; STATES],
        slots: [[EVEN; 64]; 4],
        special: [EVEN; 128],
        align: [EVEN; 16],
        match_lengths: Lengths::NEW,
        repeat_lengths: Lengths::NEW,
        literals: [[EVEN; LITERAL_BYTES]; LITERAL_CONTEXTS],
    };
}

const _: () = assert!(
    size_of::<Model>() <= 16 << 10,
    "it fits where the helper keeps it"
);

//! placeholder
use crate::BootArgs;
use crate::error::Error;
use crate::setup;

pub(crate) fn command(_args: &BootArgs) -> Result<(), Error> {
    setup::all().map(drop)
}

//! placeholder
use crate::BenchArgs;
use crate::error::Error;
use crate::setup;

pub(crate) fn command(_args: &BenchArgs) -> Result<(), Error> {
    setup::all().map(drop)
}

//! placeholder
use crate::TestArgs;
use crate::error::Error;
use crate::setup;

pub(crate) fn command(_args: &TestArgs) -> Result<(), Error> {
    setup::all().map(drop)
}

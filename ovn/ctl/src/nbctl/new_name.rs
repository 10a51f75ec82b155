//! Names of new switches and routers, which may be anything that is not taken.

use super::rows::Named;
use crate::Failure;
use crate::cli::{Argument, Command};
use crate::context::Context;
use crate::failure::fail;

/// The options of the verbs that take such a name.
pub(super) const OPTIONS: &[(&str, Argument)] =
    &[("--add-duplicate", Argument::None), ("--may-exist", Argument::None)];

/// The name for a new row, if one was given; nothing if there is to be no new row.
pub(super) fn new_name<'a, T: Named>(
    context: &Context<'_>,
    command: &'a Command,
) -> Result<Option<&'a str>, Failure> {
    let (may_exist, add_duplicate) = (command.has("--may-exist"), command.has("--add-duplicate"));
    if may_exist && add_duplicate {
        fail!("--may-exist and --add-duplicate may not be used together");
    }
    match command.optional(0) {
        Some(name) => {
            if add_duplicate || context.view.named(T::TABLE, "name", name).is_empty() {
                return Ok(Some(name));
            }
            if may_exist {
                return Ok(None);
            }
            fail!("{name}: a {} with this name already exists", T::WHAT)
        }
        None if may_exist => fail!("--may-exist requires specifying a name"),
        None if add_duplicate => fail!("--add-duplicate requires specifying a name"),
        None => Ok(Some("")),
    }
}

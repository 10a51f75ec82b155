//! Verbs for any table of any database, one file a verb.

mod add;
mod argument;
mod clear;
mod comment;
mod compare;
mod create;
mod destroy;
mod find;
mod get;
mod list;
mod remove;
mod rows;
mod set;
mod wait_until;

pub(crate) use add::ADD;
pub(crate) use argument::set_column;
pub(crate) use clear::CLEAR;
pub(crate) use comment::COMMENT;
pub(crate) use create::CREATE;
pub(crate) use destroy::DESTROY;
pub(crate) use find::FIND;
pub(crate) use get::GET;
pub(crate) use list::LIST;
pub(crate) use remove::REMOVE;
pub(crate) use set::SET;
pub(crate) use wait_until::WAIT_UNTIL;

/// The heading that these verbs stand under in help.
pub(crate) const GROUP: &str = "Database commands";

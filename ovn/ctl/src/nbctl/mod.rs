//! The verbs of `ovn-nbctl`.

mod init;
mod ls_add;
mod ls_del;
mod ls_list;
mod lsp_add;
mod lsp_addresses;
mod lsp_del;
mod lsp_enabled;
mod lsp_get_ls;
mod lsp_get_up;
mod lsp_list;
mod lsp_options;
mod lsp_parent_tag;
mod lsp_port_security;
mod lsp_type;
mod rows;
mod show;
mod sync;

use crate::verb::Verb;
use crate::{connection, generic, tls};

const LS: &str = "Logical switch commands";
const LSP: &str = "Logical switch port commands";

/// Sorted by name.
pub(crate) const VERBS: &[&Verb] = &[
    &generic::ADD,
    &generic::CLEAR,
    &generic::COMMENT,
    &generic::CREATE,
    &connection::DEL,
    &tls::DEL,
    &generic::DESTROY,
    &generic::FIND,
    &generic::GET,
    &connection::GET,
    &tls::GET,
    &init::INIT,
    &generic::LIST,
    &ls_add::LS_ADD,
    &ls_del::LS_DEL,
    &ls_list::LS_LIST,
    &lsp_add::LSP_ADD,
    &lsp_del::LSP_DEL,
    &lsp_addresses::GET,
    &lsp_enabled::GET,
    &lsp_get_ls::LSP_GET_LS,
    &lsp_options::GET,
    &lsp_parent_tag::GET_PARENT,
    &lsp_port_security::GET,
    &lsp_parent_tag::GET_TAG,
    &lsp_type::GET,
    &lsp_get_up::LSP_GET_UP,
    &lsp_list::LSP_LIST,
    &lsp_addresses::SET,
    &lsp_enabled::SET,
    &lsp_options::SET,
    &lsp_port_security::SET,
    &lsp_type::SET,
    &generic::REMOVE,
    &generic::SET,
    &connection::SET,
    &tls::SET,
    &show::SHOW,
    &sync::SYNC,
    &generic::WAIT_UNTIL,
];

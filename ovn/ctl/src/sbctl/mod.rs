//! The verbs of `ovn-sbctl`.

mod chassis_add;
mod chassis_del;
mod count_flows;
mod flows;
mod init;
mod ip_multicast_flush;
mod lflow_list;
mod lsp_bind;
mod lsp_unbind;
mod show;
mod vflows;

use crate::verb::Verb;
use crate::{connection, generic, tls};

/// Sorted by name.
pub(crate) const VERBS: &[&Verb] = &[
    &generic::ADD,
    &chassis_add::CHASSIS_ADD,
    &chassis_del::CHASSIS_DEL,
    &generic::CLEAR,
    &generic::COMMENT,
    &count_flows::COUNT_FLOWS,
    &generic::CREATE,
    &connection::DEL,
    &tls::DEL,
    &generic::DESTROY,
    &lflow_list::DUMP_FLOWS,
    &generic::FIND,
    &generic::GET,
    &connection::GET,
    &tls::GET,
    &init::INIT,
    &ip_multicast_flush::IP_MULTICAST_FLUSH,
    &lflow_list::LFLOW_LIST,
    &generic::LIST,
    &lsp_bind::LSP_BIND,
    &lsp_unbind::LSP_UNBIND,
    &generic::REMOVE,
    &generic::SET,
    &connection::SET,
    &tls::SET,
    &show::SHOW,
    &generic::WAIT_UNTIL,
];

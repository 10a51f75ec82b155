//! The verbs of `ovn-nbctl`.

mod acl;
mod acl_add;
mod acl_del;
mod acl_list;
mod addresses;
mod attached_lb;
mod copp;
mod dhcp_options;
mod fwd_group;
mod ha_chassis_group;
mod init;
mod lb_add;
mod lb_del;
mod lb_list;
mod lr;
mod lr_nat_add;
mod lr_nat_del;
mod lr_nat_list;
mod lr_nat_update_ext_ip;
mod lr_policy_add;
mod lr_policy_del;
mod lr_policy_list;
mod lr_route_add;
mod lr_route_del;
mod lr_route_list;
mod lrp;
mod lrp_add;
mod lrp_enabled;
mod lrp_gateway_chassis;
mod lrp_networks;
mod lrp_options;
mod lrp_redirect_type;
mod ls_add;
mod ls_del;
mod ls_list;
mod lsp_add;
mod lsp_add_special;
mod lsp_addresses;
mod lsp_del;
mod lsp_dhcp_options;
mod lsp_enabled;
mod lsp_get_ls;
mod lsp_get_up;
mod lsp_health_check;
mod lsp_list;
mod lsp_mirror;
mod lsp_options;
mod lsp_parent_tag;
mod lsp_port_security;
mod lsp_type;
mod meter;
mod mirror;
mod mirror_rule;
mod nat;
mod network_function;
mod network_function_group;
mod new_name;
mod policies;
mod port_group;
mod qos;
mod routes;
mod rows;
mod scan;
mod show;
mod static_mac_binding;
mod sync;
mod values;
mod vips;

use crate::verb::Verb;
use crate::{connection, generic, tls};

const LR: &str = "Logical router commands";
const LRP: &str = "Logical router port commands";
const LS: &str = "Logical switch commands";
const LSP: &str = "Logical switch port commands";

/// Sorted by name.
pub(crate) const VERBS: &[&Verb] = &[
    &acl_add::ACL_ADD,
    &acl_del::ACL_DEL,
    &acl_list::ACL_LIST,
    &generic::ADD,
    &generic::CLEAR,
    &generic::COMMENT,
    &copp::ADD,
    &copp::DEL,
    &copp::LIST,
    &generic::CREATE,
    &connection::DEL,
    &tls::DEL,
    &generic::DESTROY,
    &dhcp_options::CREATE,
    &dhcp_options::DEL,
    &dhcp_options::GET_OPTIONS,
    &dhcp_options::LIST,
    &dhcp_options::SET_OPTIONS,
    &generic::FIND,
    &fwd_group::ADD,
    &fwd_group::DEL,
    &fwd_group::LIST,
    &generic::GET,
    &connection::GET,
    &tls::GET,
    &ha_chassis_group::ADD,
    &ha_chassis_group::ADD_CHASSIS,
    &ha_chassis_group::DEL,
    &ha_chassis_group::LIST,
    &ha_chassis_group::REMOVE_CHASSIS,
    &ha_chassis_group::SET_PRIORITY,
    &init::INIT,
    &lb_add::LB_ADD,
    &lb_del::LB_DEL,
    &lb_list::LB_LIST,
    &generic::LIST,
    &lr::ADD,
    &copp::LR_ADD,
    &lr::DEL,
    &attached_lb::LR_ADD,
    &attached_lb::LR_DEL,
    &attached_lb::LR_LIST,
    &lr::LIST,
    &lr_nat_add::LR_NAT_ADD,
    &lr_nat_del::LR_NAT_DEL,
    &lr_nat_list::LR_NAT_LIST,
    &lr_nat_update_ext_ip::LR_NAT_UPDATE_EXT_IP,
    &lr_policy_add::LR_POLICY_ADD,
    &lr_policy_del::LR_POLICY_DEL,
    &lr_policy_list::LR_POLICY_LIST,
    &lr_route_add::LR_ROUTE_ADD,
    &lr_route_del::LR_ROUTE_DEL,
    &lr_route_list::LR_ROUTE_LIST,
    &lrp_add::LRP_ADD,
    &lrp::DEL,
    &lrp_gateway_chassis::DEL,
    &lrp_enabled::GET,
    &lrp_gateway_chassis::GET,
    &lrp_redirect_type::GET,
    &lrp::LIST,
    &lrp_enabled::SET,
    &lrp_gateway_chassis::SET,
    &lrp_options::SET,
    &lrp_redirect_type::SET,
    &ls_add::LS_ADD,
    &copp::LS_ADD,
    &ls_del::LS_DEL,
    &attached_lb::LS_ADD,
    &attached_lb::LS_DEL,
    &attached_lb::LS_LIST,
    &ls_list::LS_LIST,
    &lsp_add::LSP_ADD,
    &lsp_add_special::LOCALNET,
    &lsp_add_special::ROUTER,
    &lsp_mirror::ATTACH,
    &lsp_del::LSP_DEL,
    &lsp_mirror::DETACH,
    &lsp_addresses::GET,
    &lsp_dhcp_options::GET_V4,
    &lsp_dhcp_options::GET_V6,
    &lsp_enabled::GET,
    &lsp_get_ls::LSP_GET_LS,
    &lsp_options::GET,
    &lsp_parent_tag::GET_PARENT,
    &lsp_port_security::GET,
    &lsp_parent_tag::GET_TAG,
    &lsp_type::GET,
    &lsp_get_up::LSP_GET_UP,
    &lsp_health_check::ADD,
    &lsp_health_check::DEL,
    &lsp_health_check::LIST,
    &lsp_list::LSP_LIST,
    &lsp_addresses::SET,
    &lsp_dhcp_options::SET_V4,
    &lsp_dhcp_options::SET_V6,
    &lsp_enabled::SET,
    &lsp_options::SET,
    &lsp_port_security::SET,
    &lsp_type::SET,
    &meter::ADD,
    &meter::DEL,
    &meter::LIST,
    &mirror::ADD,
    &mirror::DEL,
    &mirror::LIST,
    &mirror_rule::ADD,
    &mirror_rule::DEL,
    &network_function::ADD,
    &network_function::DEL,
    &network_function::LIST,
    &network_function_group::ADD,
    &network_function_group::ADD_FUNCTION,
    &network_function_group::DEL,
    &network_function_group::DEL_FUNCTION,
    &network_function_group::LIST,
    &port_group::ADD,
    &port_group::DEL,
    &port_group::GET_PORTS,
    &port_group::SET_PORTS,
    &qos::ADD,
    &qos::DEL,
    &qos::LIST,
    &generic::REMOVE,
    &generic::SET,
    &connection::SET,
    &tls::SET,
    &show::SHOW,
    &static_mac_binding::ADD,
    &static_mac_binding::DEL,
    &static_mac_binding::LIST,
    &sync::SYNC,
    &generic::WAIT_UNTIL,
];

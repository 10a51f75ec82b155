//! `NB_Global`, as far as features depend on it.

use ovsdb::Str;
use packet::MacAddr;
use schema::nb;

use crate::model::options::Options;

/// Settings for the whole deployment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Global {
    /// Whether neighbours are answered for ports that are down, too.
    pub ignores_down_ports: bool,
    /// The source of packets that watch services. None before northd has chosen one.
    pub service_monitor_mac: Option<MacAddr>,
    /// The same, for monitors inside of logical switches.
    pub service_monitor_mac_inside: Option<MacAddr>,
    /// Whether chassis that offer VXLAN narrow the range of tunnel keys.
    pub vxlan_counts: bool,
    /// At most so many neighbours that nobody used are forgotten at once.
    pub neighbors_removed_max: Option<u32>,
    /// Whether switches with ACLs drop what none of them is about.
    pub acls_drop_by_default: bool,
    /// Whether what belongs to no connection is dropped where connections are tracked.
    pub drops_invalid: bool,
    /// What was not understood.
    pub complaints: Vec<String>,
}

impl Global {
    /// Reads the row.
    pub fn parse(row: &nb::NbGlobal) -> Self {
        let mut complaints = Vec::new();
        let mut options = Options::new(&row.options, "options", &mut complaints);
        Self {
            ignores_down_ports: options.flag("ignore_lsp_down", true),
            acls_drop_by_default: options.flag("default_acl_drop", false),
            drops_invalid: options.flag("use_ct_inv_match", true),
            neighbors_removed_max: options
                .number("mac_binding_removal_limit", 0..=u32::MAX)
                .filter(|limit| *limit > 0),
            vxlan_counts: options.flag("vxlan_mode", true),
            service_monitor_mac: mac(options.text("svc_monitor_mac")),
            service_monitor_mac_inside: mac(options.text("svc_monitor_mac_dst")),
            complaints,
        }
    }
}

impl Default for Global {
    fn default() -> Self {
        Self::parse(&nb::NbGlobal::default())
    }
}

/// No complaint here: northd replaces a MAC that cannot be read by one that can.
fn mac(text: Option<&Str>) -> Option<MacAddr> {
    text?.parse().ok()
}

//! The stages of the logical pipeline: one list, from which everything else about a stage follows.
//!
//! A logical datapath is a switch or a router. A packet runs through its *ingress* pipeline until an
//! `output` action, then, once for each port it leaves by, through its *egress* pipeline. Each
//! pipeline is a sequence of stages, and a stage is one logical table.
//!
//! The numbers are private to northd and the controllers that read its flows; they are written in
//! this file and nowhere else. Names are those of OVN wherever a stage means the same thing, because
//! operators know them and `ovn-trace` and `ovn-sbctl lflow-list` print them.

use std::fmt;

/// What a logical datapath is: it decides which stages its packets run through.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DatapathKind {
    Switch,
    Router,
}

/// The two halves of a datapath's processing, `Logical_Flow.pipeline` in the southbound database.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Pipeline {
    Ingress,
    Egress,
}

impl Pipeline {
    /// The word used in the database and in `next(pipeline=...)`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ingress => "ingress",
            Self::Egress => "egress",
        }
    }

    /// The pipeline of that name, if it is one.
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "ingress" => Some(Self::Ingress),
            "egress" => Some(Self::Egress),
            _ => None,
        }
    }

    /// How many logical tables this pipeline has room for, on any kind of datapath: tables are
    /// numbered from 0 to one less than this.
    pub const fn tables(self) -> u8 {
        match self {
            Self::Ingress => 35,
            Self::Egress => 16,
        }
    }
}

impl fmt::Display for Pipeline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

macro_rules! stages {
    ($($kind:ident $pipeline:ident { $($table:literal $stage:ident $name:literal,)* })*) => {
        /// One stage of one kind of datapath's pipeline.
        ///
        /// The order of the variants is the order in which a packet meets them, within a kind of
        /// datapath and a pipeline.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Stage {
            $($(#[doc = $name] $stage,)*)*
        }

        impl Stage {
            /// Every stage: switch ingress, switch egress, router ingress, router egress.
            pub const ALL: &[Self] = &[$($(Self::$stage,)*)*];

            /// The stage's name, as written in `Logical_Flow.external_ids:stage-name`.
            pub const fn name(self) -> &'static str {
                match self { $($(Self::$stage => $name,)*)* }
            }

            /// The stage's `Logical_Flow.table_id`, counted within its pipeline.
            pub const fn table(self) -> u8 {
                match self { $($(Self::$stage => $table,)*)* }
            }

            /// The pipeline that the stage is part of.
            pub const fn pipeline(self) -> Pipeline {
                match self { $($(Self::$stage => Pipeline::$pipeline,)*)* }
            }

            /// The kind of datapath that has the stage.
            pub const fn datapath(self) -> DatapathKind {
                match self { $($(Self::$stage => DatapathKind::$kind,)*)* }
            }
        }
    };
}

stages! {
    Switch Ingress {
         0 LsInCheckPortSec "ls_in_check_port_sec",
         1 LsInApplyPortSec "ls_in_apply_port_sec",
         2 LsInMirror "ls_in_mirror",
         3 LsInLookupFdb "ls_in_lookup_fdb",
         4 LsInPutFdb "ls_in_put_fdb",
         5 LsInPreAcl "ls_in_pre_acl",
         6 LsInPreLb "ls_in_pre_lb",
         7 LsInPreStateful "ls_in_pre_stateful",
         8 LsInAclHint "ls_in_acl_hint",
         9 LsInAclEval "ls_in_acl_eval",
        10 LsInAclSample "ls_in_acl_sample",
        11 LsInAclAction "ls_in_acl_action",
        12 LsInQos "ls_in_qos",
        13 LsInCtExtract "ls_in_ct_extract",
        14 LsInLbAffCheck "ls_in_lb_aff_check",
        15 LsInLb "ls_in_lb",
        16 LsInLbAffLearn "ls_in_lb_aff_learn",
        17 LsInPreHairpin "ls_in_pre_hairpin",
        18 LsInNatHairpin "ls_in_nat_hairpin",
        19 LsInHairpin "ls_in_hairpin",
        20 LsInAclAfterLbEval "ls_in_acl_after_lb_eval",
        21 LsInAclAfterLbSample "ls_in_acl_after_lb_sample",
        22 LsInAclAfterLbAction "ls_in_acl_after_lb_action",
        23 LsInPreNetworkFunction "ls_in_pre_network_function",
        24 LsInStateful "ls_in_stateful",
        25 LsInNetworkFunction "ls_in_network_function",
        26 LsInArpNdPreLookup "ls_in_arp_nd_pre_lookup",
        27 LsInArpRsp "ls_in_arp_rsp",
        28 LsInDhcpOptions "ls_in_dhcp_options",
        29 LsInDhcpResponse "ls_in_dhcp_response",
        30 LsInDnsLookup "ls_in_dns_lookup",
        31 LsInDnsResponse "ls_in_dns_response",
        32 LsInExternalPort "ls_in_external_port",
        33 LsInL2Lkup "ls_in_l2_lkup",
        34 LsInL2Unknown "ls_in_l2_unknown",
    }
    Switch Egress {
         0 LsOutLookupFdb "ls_out_lookup_fdb",
         1 LsOutPutFdb "ls_out_put_fdb",
         2 LsOutPreAcl "ls_out_pre_acl",
         3 LsOutPreLb "ls_out_pre_lb",
         4 LsOutPreStateful "ls_out_pre_stateful",
         5 LsOutAclHint "ls_out_acl_hint",
         6 LsOutAclEval "ls_out_acl_eval",
         7 LsOutAclSample "ls_out_acl_sample",
         8 LsOutAclAction "ls_out_acl_action",
         9 LsOutMirror "ls_out_mirror",
        10 LsOutQos "ls_out_qos",
        11 LsOutPreNetworkFunction "ls_out_pre_network_function",
        12 LsOutStateful "ls_out_stateful",
        13 LsOutNetworkFunction "ls_out_network_function",
        14 LsOutCheckPortSec "ls_out_check_port_sec",
        15 LsOutApplyPortSec "ls_out_apply_port_sec",
    }
    Router Ingress {
         0 LrInAdmission "lr_in_admission",
         1 LrInLookupNeighbor "lr_in_lookup_neighbor",
         2 LrInLearnNeighbor "lr_in_learn_neighbor",
         3 LrInIpInput "lr_in_ip_input",
         4 LrInDhcpRelayReq "lr_in_dhcp_relay_req",
         5 LrInUnsnat "lr_in_unsnat",
         6 LrInPostUnsnat "lr_in_post_unsnat",
         7 LrInDefrag "lr_in_defrag",
         8 LrInCtExtract "lr_in_ct_extract",
         9 LrInLbAffCheck "lr_in_lb_aff_check",
        10 LrInDnat "lr_in_dnat",
        11 LrInLbAffLearn "lr_in_lb_aff_learn",
        12 LrInEcmpStateful "lr_in_ecmp_stateful",
        13 LrInNdRaOptions "lr_in_nd_ra_options",
        14 LrInNdRaResponse "lr_in_nd_ra_response",
        15 LrInIpRoutingPre "lr_in_ip_routing_pre",
        16 LrInIpRouting "lr_in_ip_routing",
        17 LrInIpRoutingEcmp "lr_in_ip_routing_ecmp",
        18 LrInPolicy "lr_in_policy",
        19 LrInPolicyEcmp "lr_in_policy_ecmp",
        20 LrInDhcpRelayRespChk "lr_in_dhcp_relay_resp_chk",
        21 LrInDhcpRelayResp "lr_in_dhcp_relay_resp",
        22 LrInArpResolve "lr_in_arp_resolve",
        23 LrInChkPktLen "lr_in_chk_pkt_len",
        24 LrInLargerPkts "lr_in_larger_pkts",
        25 LrInGwRedirect "lr_in_gw_redirect",
        26 LrInNetworkId "lr_in_network_id",
        27 LrInArpRequest "lr_in_arp_request",
        28 LrInEcmpStatefulEgr "lr_in_ecmp_stateful_egr",
    }
    Router Egress {
         0 LrOutChkDnatLocal "lr_out_chk_dnat_local",
         1 LrOutUndnat "lr_out_undnat",
         2 LrOutPostUndnat "lr_out_post_undnat",
         3 LrOutSnat "lr_out_snat",
         4 LrOutPostSnat "lr_out_post_snat",
         5 LrOutEgrLoop "lr_out_egr_loop",
         6 LrOutDelivery "lr_out_delivery",
    }
}

impl Stage {
    /// The stage with this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|stage| stage.name() == name)
    }

    /// The stage at a place in a pipeline. `None` for a table number that no stage has.
    pub fn at(kind: DatapathKind, pipeline: Pipeline, table: u8) -> Option<Self> {
        Self::of(kind, pipeline).nth(usize::from(table))
    }

    /// All stages of one pipeline, in the order in which a packet meets them.
    pub fn of(kind: DatapathKind, pipeline: Pipeline) -> impl Iterator<Item = Self> {
        Self::ALL
            .iter()
            .copied()
            .filter(move |stage| stage.datapath() == kind && stage.pipeline() == pipeline)
    }

    /// The stage that `next;` leads to; `None` from the last one of a pipeline.
    pub fn next(self) -> Option<Self> {
        Self::at(self.datapath(), self.pipeline(), self.table() + 1)
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_87_stages_and_each_is_found_by_name_and_by_place() {
        assert_eq!(Stage::ALL.len(), 87);
        for &stage in Stage::ALL {
            assert_eq!(Stage::from_name(stage.name()), Some(stage));
            assert_eq!(Stage::at(stage.datapath(), stage.pipeline(), stage.table()), Some(stage));
            assert!(stage.table() < stage.pipeline().tables());
        }
    }

    #[test]
    fn table_numbers_count_up_from_zero_in_every_pipeline() {
        for kind in [DatapathKind::Switch, DatapathKind::Router] {
            for pipeline in [Pipeline::Ingress, Pipeline::Egress] {
                let tables: Vec<u8> = Stage::of(kind, pipeline).map(Stage::table).collect();
                let wanted: Vec<u8> = (0..).take(tables.len()).collect();
                assert_eq!(tables, wanted, "{kind:?} {pipeline}");
            }
        }
    }

    #[test]
    fn a_name_tells_its_datapath_and_pipeline() {
        for &stage in Stage::ALL {
            let prefix = match (stage.datapath(), stage.pipeline()) {
                (DatapathKind::Switch, Pipeline::Ingress) => "ls_in_",
                (DatapathKind::Switch, Pipeline::Egress) => "ls_out_",
                (DatapathKind::Router, Pipeline::Ingress) => "lr_in_",
                (DatapathKind::Router, Pipeline::Egress) => "lr_out_",
            };
            assert!(stage.name().starts_with(prefix), "{stage}");
        }
    }

    #[test]
    fn next_leads_through_a_pipeline_and_stops_at_its_end() {
        let mut stage = Stage::LrOutChkDnatLocal;
        let mut names = vec![stage.name()];
        while let Some(next) = stage.next() {
            names.push(next.name());
            stage = next;
        }
        assert_eq!(
            names.join(" "),
            "lr_out_chk_dnat_local lr_out_undnat lr_out_post_undnat lr_out_snat lr_out_post_snat \
             lr_out_egr_loop lr_out_delivery"
        );
    }
}

//! `Logical_Router`.

use std::collections::BTreeMap;
use std::sync::Arc;

use ovsdb::{Str, Uuid};
use schema::nb;

use crate::model::ageing::Ages;
use crate::model::options::Options;
use crate::model::switch::Switch;

/// A logical router, without its ports and routes: those say themselves where they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Router {
    /// The northbound row.
    pub uuid: Uuid,
    /// For people; need not be unique.
    pub name: Str,
    /// The tunnel key asked for.
    pub requested_key: Option<u32>,
    /// Whether it takes packets at all.
    pub is_enabled: bool,
    /// The chassis that the whole router is on; otherwise it is wherever its neighbours are.
    pub chassis: Option<Str>,
    /// Whether senders of ARP requests are remembered that nobody has asked for.
    pub learns_from_requests: bool,
    /// Whether it finds out about other routers rather than being told.
    pub finds_routers: bool,
    /// How long what was learned about neighbours is kept without being used.
    pub ages: Arc<Ages>,
    /// `Datapath_Binding.external_ids`.
    pub external_ids: BTreeMap<Str, Str>,
    /// What was not understood.
    pub complaints: Vec<String>,
}

impl Router {
    /// Reads a row.
    pub fn parse(row: &nb::LogicalRouter) -> Self {
        let mut complaints = Vec::new();
        let mut options = Options::new(&row.options, "options", &mut complaints);
        let requested_key = options.number("requested-tnl-key", 1..=Switch::KEY_REQUESTED_MAX);
        let learns_from_requests = options.flag("always_learn_from_arp_request", true);
        let finds_routers = options.flag("dynamic_neigh_routers", false);
        let chassis = options.text("chassis").cloned();
        let text = options.text("mac_binding_age_threshold").cloned();
        let ages = text.map_or_else(Ages::default, |text| {
            let (ages, errors) = Ages::parse(&text);
            complaints.extend(
                errors.into_iter().map(|error| format!("options:mac_binding_age_threshold: {error}")),
            );
            ages
        });
        Self {
            uuid: row.uuid,
            name: row.name.clone(),
            requested_key,
            is_enabled: row.enabled.unwrap_or(true),
            chassis,
            learns_from_requests,
            finds_routers,
            external_ids: external_ids(row, &ages, learns_from_requests),
            ages: Arc::new(ages),
            complaints,
        }
    }
}

/// What others look for in a datapath's `external_ids`: where it comes from, its names, and what controllers need to know.
fn external_ids(row: &nb::LogicalRouter, ages: &Ages, learns_from_requests: bool) -> BTreeMap<Str, Str> {
    let mut ids = BTreeMap::from([
        (Str::from("logical-router"), Str::from(row.uuid.to_string())),
        (Str::from("name"), row.name.clone()),
    ]);
    if let Some(name) = row.external_ids.get("neutron:router_name").filter(|name| !name.is_empty()) {
        ids.insert("name2".into(), name.clone());
    }
    if !learns_from_requests {
        ids.insert("always_learn_from_arp_request".into(), "false".into());
    }
    if let Some(seconds) = ages.shortest() {
        ids.insert("mac_binding_age_threshold".into(), seconds.to_string().into());
    }
    ids
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn external_ids_say_where_a_router_comes_from_and_what_controllers_need() {
        let text =
            |pairs: &[(&str, &str)]| pairs.iter().map(|(k, v)| (Str::from(*k), Str::from(*v))).collect();
        let row = nb::LogicalRouter {
            uuid: Uuid::from_u128(1),
            name: "lr0".into(),
            options: text(&[
                ("always_learn_from_arp_request", "false"),
                ("mac_binding_age_threshold", "10.0.0.0/8:60;300;bogus"),
                ("chassis", "hv1"),
            ]),
            external_ids: text(&[("neutron:router_name", "blue")]),
            ..Default::default()
        };
        let router = Router::parse(&row);
        assert_eq!(router.chassis.as_deref(), Some("hv1"));
        insta::assert_debug_snapshot!(router.external_ids, @r#"
        {
            "always_learn_from_arp_request": "false",
            "logical-router": "00000000-0000-0000-0000-000000000001",
            "name": "lr0",
            "name2": "blue",
        }
        "#);
        insta::assert_snapshot!(router.complaints.join("\n"), @r#"options:mac_binding_age_threshold: "bogus" is not SECONDS or PREFIX:SECONDS; nothing expires"#);
    }
}

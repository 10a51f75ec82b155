//! The OpenFlow flows that a switch has of logical flows.

use std::collections::{BTreeMap, BTreeSet};

use crate::base::tls::Tls;

/// The flows with these cookies as text, by cookie. Of a switch that cannot be reached there are none, and a warning
/// says why.
pub(super) async fn flows(remote: &str, cookies: &BTreeSet<u32>, tls: &Tls) -> BTreeMap<u32, Vec<String>> {
    let mut found: BTreeMap<u32, Vec<String>> = BTreeMap::new();
    for (_, flows) in crate::ctl::read_flows(vec![Some(remote.to_owned())], tls).await {
        for flow in flows {
            let cookie = u32::try_from(flow.cookie).ok().filter(|cookie| cookies.contains(cookie));
            if let Some(cookie) = cookie {
                found.entry(cookie).or_default().push(flow.to_string());
            }
        }
    }
    found
}

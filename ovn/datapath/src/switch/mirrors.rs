//! Mirrors of a bridge.

use super::Switch;
use crate::bridge::BridgeId;
use crate::mirror::{Mirror, MirrorConfig};

impl Switch {
    /// Gives a bridge these mirrors. Those that stay as they are count on.
    pub fn set_mirrors(&mut self, id: BridgeId, configs: Vec<MirrorConfig>) {
        let Some(bridge) = self.bridges.get_mut(&id) else { return };
        if bridge.mirrors.iter().map(|mirror| &mirror.config).eq(&configs) {
            return;
        }
        let old = std::mem::take(&mut bridge.mirrors);
        let same = |config: &MirrorConfig| old.iter().find(|mirror| mirror.config == *config).cloned();
        bridge.mirrors =
            configs.into_iter().map(|config| same(&config).unwrap_or_else(|| Mirror::new(config))).collect();
        self.change_all();
    }

    /// The name of each mirror of a bridge, and how many packets and octets it copied.
    pub(crate) fn mirror_counts(&self, id: BridgeId) -> Vec<(String, u64, u64)> {
        let mirrors = self.bridges.get(&id).into_iter().flat_map(|bridge| &bridge.mirrors);
        let counted = mirrors.map(|mirror| {
            let (packets, octets) = mirror.counters.all();
            (mirror.config.name.clone(), packets, octets)
        });
        counted.collect()
    }
}

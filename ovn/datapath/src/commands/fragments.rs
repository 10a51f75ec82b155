//! `dpctl/ipf-*`: how fragments are put together for the connection tracker.

use std::time::Instant;

use super::conntrack::{failed, operands};
use crate::switch::Switch;

/// 0 for `v4`, 1 for `v6`.
fn family(text: Option<&&str>) -> Result<usize, String> {
    match text {
        Some(text) if text.starts_with("v4") => Ok(0),
        Some(text) if text.starts_with("v6") => Ok(1),
        Some(_) | None => Err(failed("parameter missing: 'v4' for IPv4 or 'v6' for IPv6")),
    }
}

fn set(switch: &mut Switch, args: &[&str], enabled: bool) -> Result<String, String> {
    let family = family(operands(args).last())?;
    switch.tracker.fragments.settings.enabled[family] = enabled;
    let what = if enabled { "enabling" } else { "disabling" };
    Ok(format!("{what} fragmentation reassembly successful"))
}

/// `dpctl/ipf-set-enabled [DP] v4|v6`.
pub(super) fn enable(switch: &mut Switch, args: &[&str], _now: Instant) -> Result<String, String> {
    set(switch, args, true)
}

/// `dpctl/ipf-set-disabled [DP] v4|v6`.
pub(super) fn disable(switch: &mut Switch, args: &[&str], _now: Instant) -> Result<String, String> {
    set(switch, args, false)
}

/// `dpctl/ipf-set-min-frag [DP] v4|v6 N`: shorter fragments, but for last ones, are invalid.
pub(super) fn set_min(switch: &mut Switch, args: &[&str], _now: Instant) -> Result<String, String> {
    /// Less would let messages that helpers read be cut.
    const LEAST: u16 = 400;
    let operands = operands(args);
    let [family_name, len] = operands.as_slice() else {
        return Err(failed("parameter missing for minimum fragment size"));
    };
    let family = family(Some(family_name))?;
    let len = len.parse().map_err(|_| failed("parameter missing for minimum fragment size"))?;
    if len < LEAST {
        return Err("ovs-vswitchd: requested minimum fragment size too small; see documentation (Operation not permitted)".to_owned());
    }
    switch.tracker.fragments.settings.len_min[family] = len;
    Ok("setting minimum fragment size successful".to_owned())
}

/// `dpctl/ipf-set-max-nfrags [DP] N`.
pub(super) fn set_max(switch: &mut Switch, args: &[&str], _now: Instant) -> Result<String, String> {
    /// What Open vSwitch allows.
    const MOST: u32 = 5000;
    let count = operands(args).last().and_then(|arg| arg.parse().ok());
    let count: u32 = count.ok_or_else(|| failed("parameter missing for maximum fragments"))?;
    if count > MOST {
        return Err("ovs-vswitchd: setting maximum fragments failed (Operation not permitted)".to_owned());
    }
    switch.tracker.fragments.settings.count_max = count;
    Ok("setting maximum fragments successful".to_owned())
}

/// `dpctl/ipf-get-status [DP]`.
pub(super) fn status(switch: &mut Switch, _args: &[&str], _now: Instant) -> Result<String, String> {
    let fragments = &switch.tracker.fragments;
    let settings = &fragments.settings;
    let mut out = String::from("        Fragmentation Module Status\n        ---------------------------\n");
    let mut line = |name: &str, value: u64| out += &format!("        {name}: {value}\n");
    line("v4 enabled", settings.enabled[0].into());
    line("v6 enabled", settings.enabled[1].into());
    line("max num frags (v4/v6)", settings.count_max.into());
    line("num frag", fragments.len().into());
    for (family, v) in ["v4", "v6"].into_iter().enumerate() {
        let counts = &fragments.counts[family];
        line(&format!("min {v} frag size"), settings.len_min[family].into());
        line(&format!("{v} frags accepted"), counts.accepted);
        line(&format!("{v} frags completed"), counts.completed);
        line(&format!("{v} frags expired"), counts.expired);
        line(&format!("{v} frags too small"), counts.too_small);
        line(&format!("{v} frags overlapped"), counts.overlapped);
        line(&format!("{v} frags purged"), counts.purged);
    }
    Ok(out)
}

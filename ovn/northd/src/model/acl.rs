//! `ACL`: which packets a switch passes.

use lflow::expr;
use ovsdb::{Str, Uuid};
use schema::nb;

use crate::flows::AnySets;
use crate::model::options::Options;

/// An access control rule of a switch, or of a group of ports and so of every switch that has one of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Acl {
    /// The northbound row.
    pub uuid: Uuid,
    /// Where in the pipelines it is asked.
    pub place: Place,
    /// Of all rules of a tier that match, the one with the highest decides. At most [`Acl::PRIORITY_MAX`].
    pub priority: u16,
    /// Which packets, in OVN's language. None if it could not be read.
    pub matches: Option<Str>,
    /// What becomes of them.
    pub action: Action,
    /// Lower tiers are asked first. At most [`Acl::TIER_MAX`].
    pub tier: u8,
    /// The number that connections are marked with; 0 is none.
    pub label: u32,
    /// What is told of the packets.
    pub log: Option<Log>,
    /// Whether answers and related packets are told of as well.
    pub logs_related: bool,
    /// What was not understood.
    pub complaints: Vec<String>,
}

/// Where rules are asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Place {
    /// When a port has sent the packet.
    Ingress,
    /// The same, after load balancing.
    AfterLb,
    /// Before a port receives the packet.
    Egress,
}

impl Place {
    /// All places.
    pub const ALL: [Self; 3] = [Self::Ingress, Self::AfterLb, Self::Egress];
}

/// What becomes of packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Action {
    /// They pass.
    Allow,
    /// They pass, and so do the answers and what is related.
    AllowRelated,
    /// They pass, and their connections are not tracked.
    AllowStateless,
    /// They go nowhere.
    Drop,
    /// The sender is told that they go nowhere.
    Reject,
    /// The next tier decides.
    Pass,
}

impl Action {
    fn parse(word: &str) -> Option<Self> {
        match word {
            "allow" => Some(Self::Allow),
            "allow-related" => Some(Self::AllowRelated),
            "allow-stateless" => Some(Self::AllowStateless),
            "drop" => Some(Self::Drop),
            "reject" => Some(Self::Reject),
            "pass" => Some(Self::Pass),
            _ => None,
        }
    }
}

/// What is told of packets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Log {
    /// What the rule is called.
    pub name: Option<Str>,
    /// How much it matters: a word of action `log`.
    pub severity: Str,
    /// The meter that limits how many are told of.
    pub meter: Option<Str>,
}

impl Acl {
    /// The highest priority that a row may have.
    pub const PRIORITY_MAX: u16 = 32767;
    /// The last tier.
    pub const TIER_MAX: u8 = 3;

    /// Reads a row. The database checks the range of numbers, so one out of range is only kept from doing harm.
    pub fn parse(row: &nb::Acl) -> Self {
        let mut complaints = Vec::new();
        let mut options = Options::new(&row.options, "options", &mut complaints);
        let is_after_lb = options.flag("apply-after-lb", false);
        let logs_related = options.flag("log-related", false);
        let persists = options.flag("persist-established", false);
        if persists {
            complaints.push("options:persist-established is not supported yet, it is ignored".into());
        }
        for (column, is_set) in [
            ("sample_new", row.sample_new.is_some()),
            ("sample_est", row.sample_est.is_some()),
            ("network_function_group", row.network_function_group.is_some()),
        ] {
            if is_set {
                complaints.push(format!("{column} is not supported yet, it is ignored"));
            }
        }
        let place = match &*row.direction {
            "from-lport" if is_after_lb => Place::AfterLb,
            "from-lport" => Place::Ingress,
            _ => Place::Egress,
        };
        // What is not understood does not pass.
        let action = Action::parse(&row.action).unwrap_or_else(|| {
            complaints.push(format!("action \"{}\" is not known, packets are dropped", row.action));
            Action::Drop
        });
        let matches = match check(&row.r#match) {
            Ok(()) => Some(row.r#match.clone()),
            Err(error) => {
                complaints.push(format!("match \"{}\": {error}; the rule is left out", row.r#match));
                None
            }
        };
        let severity = row.severity.clone().unwrap_or_else(|| "info".into());
        let log = || Log { name: row.name.clone(), severity, meter: row.meter.clone() };
        Self {
            uuid: row.uuid,
            place,
            priority: u16::try_from(row.priority.max(0))
                .map_or(Self::PRIORITY_MAX, |n| n.min(Self::PRIORITY_MAX)),
            matches,
            action,
            tier: u8::try_from(row.tier.max(0)).map_or(Self::TIER_MAX, |n| n.min(Self::TIER_MAX)),
            label: u32::try_from(row.label).unwrap_or(0),
            log: row.log.then(log),
            logs_related,
            complaints,
        }
    }

    /// Whether the connections of a switch with this rule are tracked.
    pub fn is_stateful(&self) -> bool {
        self.action == Action::AllowRelated
    }
}

/// A match is put in parentheses, so it has to be one with them and without.
fn check(text: &str) -> Result<(), lflow::Error> {
    expr::parse(text, &AnySets)?;
    expr::parse(&format!("({text})"), &AnySets).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(matches: &str) -> nb::Acl {
        nb::Acl {
            priority: 1000,
            direction: "from-lport".into(),
            r#match: matches.into(),
            action: "allow-related".into(),
            ..Default::default()
        }
    }

    #[test]
    fn a_match_that_would_be_another_one_inside_of_a_flow_is_left_out() {
        for (text, is_one) in [
            ("inport == @pg0 && ip4.src == $pg0_ip4", true),
            ("ip4 || ip6", true),
            ("1) || (1", false),
            ("ip4 // all of it", false),
            ("ip4 &&", false),
            ("", false),
        ] {
            let acl = Acl::parse(&row(text));
            assert_eq!((acl.matches.is_some(), acl.complaints.is_empty()), (is_one, is_one), "{text:?}");
        }
    }

    #[test]
    fn options_say_where_and_what_is_not_supported_is_said() {
        let text =
            |pairs: &[(&str, &str)]| pairs.iter().map(|(k, v)| (Str::from(*k), Str::from(*v))).collect();
        let options =
            text(&[("apply-after-lb", "true"), ("persist-established", "true"), ("log-related", "x")]);
        let acl = Acl::parse(&nb::Acl { options, sample_new: Some(Uuid::ZERO), ..row("ip4") });
        assert_eq!((acl.place, acl.is_stateful(), acl.log), (Place::AfterLb, true, None));
        insta::assert_snapshot!(acl.complaints.join(" | "), @r#"options:log-related is "x", expected true or false | options:persist-established is not supported yet, it is ignored | sample_new is not supported yet, it is ignored"#);
    }
}

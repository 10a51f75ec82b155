//! The programs and their verbs.

use crate::context::LogModule;
use crate::verb::Verb;
use crate::{nbctl, sbctl, vsctl};
use ovsdb::DatabaseSchema;
use std::sync::Arc;

/// A program, by the database it works on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Program {
    /// `ovn-nbctl`, OVN_Northbound.
    Nbctl,
    /// `ovn-sbctl`, OVN_Southbound.
    Sbctl,
    /// `ovs-vsctl`, Open_vSwitch.
    Vsctl,
}

impl Program {
    /// All programs.
    pub const ALL: [Self; 3] = [Self::Nbctl, Self::Sbctl, Self::Vsctl];

    /// The name that error messages begin with.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Nbctl => "ovn-nbctl",
            Self::Sbctl => "ovn-sbctl",
            Self::Vsctl => "ovs-vsctl",
        }
    }

    /// Who its warnings are from.
    pub(crate) const fn log_module(self) -> LogModule {
        match self {
            Self::Nbctl => LogModule::Nbctl,
            Self::Sbctl => LogModule::Sbctl,
            Self::Vsctl => LogModule::Vsctl,
        }
    }

    /// Who warnings about its command line as a whole are from.
    pub(crate) const fn shell_module(self) -> LogModule {
        match self {
            Self::Nbctl | Self::Sbctl => LogModule::OvnDbctl,
            Self::Vsctl => LogModule::Vsctl,
        }
    }

    /// Our schema of its database.
    pub fn schema(self) -> &'static Arc<DatabaseSchema> {
        match self {
            Self::Nbctl => schema::nb::schema(),
            Self::Sbctl => schema::sb::schema(),
            Self::Vsctl => schema::vswitch::schema(),
        }
    }

    /// The table whose one row is about the database as a whole.
    pub const fn global_table(self) -> &'static str {
        match self {
            Self::Nbctl => "NB_Global",
            Self::Sbctl => "SB_Global",
            Self::Vsctl => "Open_vSwitch",
        }
    }

    /// The verbs, sorted by name.
    pub fn verbs(self) -> &'static [&'static Verb] {
        match self {
            Self::Nbctl => nbctl::VERBS,
            Self::Sbctl => sbctl::VERBS,
            Self::Vsctl => vsctl::VERBS,
        }
    }

    /// The verb of that name.
    pub fn verb(self, name: &str) -> Option<&'static Verb> {
        let verbs = self.verbs();
        verbs.binary_search_by(|verb| verb.name.cmp(name)).ok().map(|place| verbs[place])
    }
}

#[cfg(test)]
mod tests {
    use super::Program;

    #[test]
    fn verbs_are_sorted_and_found() {
        for program in Program::ALL {
            let names: Vec<_> = program.verbs().iter().map(|verb| verb.name).collect();
            assert!(names.is_sorted_by(|a, b| a < b), "{program:?}: {names:?}");
            for name in names {
                assert_eq!(program.verb(name).map(|verb| verb.name), Some(name));
            }
            assert!(program.verb("ls").is_none(), "a name is not cut short");
        }
    }
}

//! `DHCP_Options` and `DHCPv6_Options`: the names of options that flows may contain, with their numbers and forms.
//!
//! Our controllers know them; upstream's read them here.

use lflow::action::options::{self, OptionForm, OptionName};
use ovsdb::Str;
use schema::sb;
use schema::tables::Delta;

use crate::sync::content_uuid;
use crate::sync::mirror::Mirror;
use crate::sync::plan::{Plan, fresh_uuid};

/// Table and column of databases that take names as values of DHCPv6 options; those of OVN 23.03 do not.
const AFTER_DOMAINS: (&str, &str) = ("Port_Binding", "mirror_port");

/// The options, each known by its name.
pub struct DhcpOptions {
    v4: Mirror<Str, &'static OptionName, sb::DhcpOptions>,
    v6: Mirror<Str, &'static OptionName, sb::Dhcpv6Options>,
}

impl Default for DhcpOptions {
    fn default() -> Self {
        let mut this = Self { v4: Mirror::default(), v6: Mirror::default() };
        options::dhcp4_names().iter().for_each(|option| this.v4.want(option.name.into(), Some(option)));
        options::dhcp6_names().iter().for_each(|option| this.v6.want(option.name.into(), Some(option)));
        this
    }
}

impl DhcpOptions {
    /// An option of IPv4 came, changed or went.
    pub fn found4(&mut self, delta: &Delta<sb::DhcpOptions>) {
        self.v4.found(delta, |row| row.name.clone());
    }

    /// An option of IPv6 came, changed or went.
    pub fn found6(&mut self, delta: &Delta<sb::Dhcpv6Options>) {
        self.v6.found(delta, |row| row.name.clone());
    }

    /// Compares what may differ.
    pub fn plan(&mut self, plan: &mut Plan) {
        macro_rules! plan {
            ($mirror:expr, $table:ident, $kind:literal) => {
                for name in $mirror.take_dirty() {
                    let wanted = $mirror.wanted(&name).copied();
                    for (uuid, _) in $mirror.rows(&name).skip(usize::from(wanted.is_some())) {
                        plan.delete::<sb::$table>(uuid);
                    }
                    let Some(option) = wanted else { continue };
                    let fill = |row: &sb::$table| sb::$table {
                        name: option.name.into(),
                        code: option.code.into(),
                        r#type: option.form.name().into(),
                        ..row.clone()
                    };
                    match $mirror.row(&name) {
                        Some((uuid, row)) => plan.update(uuid, &**row, &fill(row)),
                        None => {
                            let preferred = content_uuid(&[$kind, name.as_bytes()]);
                            let uuid = fresh_uuid(preferred, |uuid| $mirror.is_taken(uuid));
                            let row = fill(&sb::$table::default());
                            match option.form {
                                OptionForm::Domain => plan.insert_if(uuid, &row, AFTER_DOMAINS),
                                OptionForm::Bool
                                | OptionForm::Uint8
                                | OptionForm::Uint16
                                | OptionForm::Uint32
                                | OptionForm::Ipv4
                                | OptionForm::StaticRoutes
                                | OptionForm::Text
                                | OptionForm::HostId
                                | OptionForm::Domains
                                | OptionForm::Ipv6
                                | OptionForm::Mac => plan.insert(uuid, &row),
                            }
                        }
                    }
                }
            };
        }
        plan!(self.v4, DhcpOptions, b"dhcp4");
        plan!(self.v6, Dhcpv6Options, b"dhcp6");
    }

    /// Compares everything at the next plan.
    pub fn mark_all(&mut self) {
        self.v4.mark_all();
        self.v6.mark_all();
    }

    /// Whether something may differ.
    pub fn is_dirty(&self) -> bool {
        self.v4.is_dirty() || self.v6.is_dirty()
    }
}

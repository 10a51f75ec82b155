//! Rows beside logical flows that become OpenFlow flows: `lflow-list --vflows`.

use super::flows::names;
use super::lflow_list::Look;
use crate::Failure;
use crate::context::Context;
use crate::needs::Needs;
use ovsdb::Uuid;
use schema::TypedRow;
use schema::sb::{
    Chassis, DatapathBinding, LoadBalancer, LogicalDpGroup, MacBinding, MulticastGroup, PortBinding,
};

/// Asks for all that is shown.
pub(super) fn prepare(needs: &mut Needs) {
    needs.columns(PortBinding::TABLE, &["logical_port", "tunnel_key", "datapath"]);
    needs.columns(MacBinding::TABLE, &["logical_port", "ip", "mac", "datapath"]);
    needs.columns(MulticastGroup::TABLE, &["name", "tunnel_key", "datapath", "ports"]);
    needs.columns(Chassis::TABLE, &["name"]);
    let groups = ["datapaths", "datapath_group", "ls_datapath_group"];
    needs.columns(LoadBalancer::TABLE, &groups);
    needs.columns(LoadBalancer::TABLE, &["name", "protocol", "vips"]);
}

/// Prints the rows of one datapath, or all.
pub(super) fn print(context: &mut Context<'_>, look: &Look, only: Option<Uuid>) -> Result<(), Failure> {
    let mut section = Section { context, look, only, is_begun: false };
    section.ports()?;
    section.macs()?;
    section.multicast_groups()?;
    section.chassis()?;
    section.load_balancers()
}

/// The rows of one table, under a heading that stands there if there is any.
struct Section<'a, 'c> {
    context: &'a mut Context<'c>,
    look: &'a Look,
    only: Option<Uuid>,
    is_begun: bool,
}

impl Section<'_, '_> {
    fn ports(&mut self) -> Result<(), Failure> {
        self.is_begun = false;
        for port in self.context.view.rows::<PortBinding>()? {
            let text = format!("logical_port={}, tunnel_key={:<5}", port.logical_port, port.tunnel_key);
            self.in_datapath("Port Bindings", port.uuid, port.datapath, &text)?;
        }
        Ok(())
    }

    fn macs(&mut self) -> Result<(), Failure> {
        self.is_begun = false;
        for binding in self.context.view.rows::<MacBinding>()? {
            let text =
                format!("logical_port={}, ip={}, mac={}", binding.logical_port, binding.ip, binding.mac);
            self.in_datapath("MAC Bindings", binding.uuid, binding.datapath, &text)?;
        }
        Ok(())
    }

    fn multicast_groups(&mut self) -> Result<(), Failure> {
        self.is_begun = false;
        for group in self.context.view.rows::<MulticastGroup>()? {
            let mut ports = Vec::new();
            for port in &group.ports {
                ports.extend(self.context.view.row::<PortBinding>(*port)?.map(|port| port.logical_port));
            }
            let text = format!(
                "name={}, tunnel_key={:<5}, ports=({})",
                group.name,
                group.tunnel_key,
                ports.join(", ")
            );
            self.in_datapath("MC Groups", group.uuid, group.datapath, &text)?;
        }
        Ok(())
    }

    fn chassis(&mut self) -> Result<(), Failure> {
        self.is_begun = false;
        for chassis in self.context.view.rows::<Chassis>()? {
            self.row("Chassis", chassis.uuid, &format!("name={}", chassis.name));
        }
        Ok(())
    }

    fn load_balancers(&mut self) -> Result<(), Failure> {
        self.is_begun = false;
        for balancer in self.context.view.rows::<LoadBalancer>()? {
            let mut datapaths = Vec::from_iter(balancer.datapaths);
            for group in balancer.datapath_group.iter().chain(&balancer.ls_datapath_group) {
                let group = self.context.view.row::<LogicalDpGroup>(*group)?;
                datapaths.extend(group.into_iter().flat_map(|group| group.datapaths));
            }
            if let Some(only) = self.only {
                if !datapaths.contains(&only) {
                    continue;
                }
                datapaths.clear();
            }
            let protocol = balancer.protocol.unwrap_or_default();
            let mut text = format!("name=\"{}\", protocol=\"{protocol}\", ", balancer.name);
            for datapath in datapaths {
                text.push_str(&self.datapath(datapath)?);
            }
            text.push_str("\n  vips:\n");
            for (vip, backends) in balancer.vips {
                text.push_str(&format!("    {vip} = {backends}\n"));
            }
            self.row("Load Balancers", balancer.uuid, &text);
        }
        Ok(())
    }

    /// A row that belongs to one datapath, which is named unless only one is shown.
    fn in_datapath(&mut self, heading: &str, row: Uuid, datapath: Uuid, text: &str) -> Result<(), Failure> {
        match self.only {
            Some(only) if only != datapath => {}
            Some(_) => self.row(heading, row, text),
            None => {
                let datapath = self.datapath(datapath)?;
                self.row(heading, row, &format!("{datapath}{text}"));
            }
        }
        Ok(())
    }

    fn datapath(&self, datapath: Uuid) -> Result<String, Failure> {
        let row = self.context.view.row::<DatapathBinding>(datapath)?;
        Ok(format!("datapath={}, ", row.as_ref().map(names).unwrap_or_default()))
    }

    fn row(&mut self, heading: &str, row: Uuid, text: &str) {
        if !self.is_begun {
            self.context.print(format!("\n{heading}:"));
            self.is_begun = true;
        }
        self.context.print(format!("  {}{text}", self.look.uuid(row)));
        self.look.print_flows(self.context, row);
    }
}

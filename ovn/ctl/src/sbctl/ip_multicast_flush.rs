//! `ip-multicast-flush [SWITCH]`: has the chassis forget the multicast groups that they have learned.

use super::flows::datapath;
use crate::Failure;
use crate::cli::Command;
use crate::context::Context;
use crate::failure::fail;
use crate::needs::Needs;
use crate::verb::{Parameter, Verb};
use ovsdb::Datum;
use schema::TypedRow;
use schema::sb::{DatapathBinding, IpMulticast};

pub(super) const IP_MULTICAST_FLUSH: Verb = Verb {
    name: "ip-multicast-flush",
    options: &[],
    parameters: &[Parameter::Maybe("SWITCH")],
    group: "IP multicast commands",
    help: "forget the multicast groups learned on SWITCH, or on all",
    prepare,
    run,
};

fn prepare(_: &Command, needs: &mut Needs) -> Result<(), Failure> {
    needs.columns(IpMulticast::TABLE, &["datapath", "seq_no"]);
    super::flows::prepare_datapaths(needs);
    Ok(())
}

fn run(context: &mut Context<'_>, command: &Command) -> Result<(), Failure> {
    let only = match command.optional(0) {
        Some(name) => match datapath(context, name)? {
            None => fail!("{name} is not a valid datapath"),
            found => found,
        },
        None => None,
    };
    for row in context.view.rows::<IpMulticast>()? {
        let is_meant = only.is_none_or(|only| only == row.datapath);
        if is_meant && context.view.contains(DatapathBinding::TABLE, row.datapath) {
            let number = row.seq_no.wrapping_add(1);
            context.view.set(IpMulticast::TABLE, row.uuid, "seq_no", Datum::scalar(number));
        }
    }
    Ok(())
}

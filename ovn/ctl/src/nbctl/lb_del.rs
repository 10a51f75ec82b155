//! `lb-del LB [VIP]`.

use super::lb_add::GROUP;
use super::rows::{find, prepare_named};
use crate::Failure;
use crate::cli::{Argument, Command};
use crate::context::Context;
use crate::failure::fail;
use crate::needs::Needs;
use crate::verb::{Parameter, Verb};
use ovsdb::Datum;
use schema::TypedRow;
use schema::nb::LoadBalancer;

pub(super) const LB_DEL: Verb = Verb {
    name: "lb-del",
    options: &[("--if-exists", Argument::None)],
    parameters: &[Parameter::One("LB"), Parameter::Maybe("VIP")],
    group: GROUP,
    help: "delete a load balancer, or one virtual address of it",
    prepare,
    run,
};

fn prepare(_: &Command, needs: &mut Needs) -> Result<(), Failure> {
    prepare_named::<LoadBalancer>(needs, &["vips"]);
    Ok(())
}

fn run(context: &mut Context<'_>, command: &Command) -> Result<(), Failure> {
    let view = &mut *context.view;
    let Some(balancer) = find::<LoadBalancer>(view, command.required(0))? else { return Ok(()) };
    let Some(vip) = command.optional(1) else {
        view.delete(LoadBalancer::TABLE, balancer);
        return Ok(());
    };
    let vips = view.value(LoadBalancer::TABLE, balancer, "vips").into_owned();
    match (vips.get_str(vip), vips.len()) {
        (None, _) if command.has("--if-exists") => {}
        (None, _) => fail!("vip {vip} is not part of the load balancer."),
        (Some(_), 1) => view.delete(LoadBalancer::TABLE, balancer),
        (Some(_), _) => {
            view.verify(LoadBalancer::TABLE, balancer, "vips");
            view.remove(LoadBalancer::TABLE, balancer, "vips", &Datum::scalar(vip));
        }
    }
    Ok(())
}

//! `mirror-add NAME TYPE [INDEX] FILTER SINK`, `mirror-del [NAME]`, `mirror-list`.

use super::addresses::normal_address;
use super::rows::{find, prepare_named, rows};
use super::values::whole_number;
use crate::Failure;
use crate::cli::{Argument, Command};
use crate::context::{Context, LogModule};
use crate::failure::fail;
use crate::needs::Needs;
use crate::verb::{Parameter, Verb};
use schema::TypedRow;
use schema::nb::{LogicalSwitchPort, Mirror, MirrorRule};

pub(super) const GROUP: &str = "Mirror commands";

pub(super) const ADD: Verb = Verb {
    name: "mirror-add",
    options: &[("--may-exist", Argument::None)],
    parameters: &[
        Parameter::One("NAME"),
        Parameter::One("TYPE"),
        Parameter::One("[INDEX]"),
        Parameter::One("FILTER"),
        Parameter::Maybe("SINK"),
    ],
    group: GROUP,
    help: "add a mirror to an address ('gre', 'erspan': with INDEX), a local port ('local') or a logical one ('lport')",
    prepare,
    run: add,
};

pub(super) const DEL: Verb = Verb {
    name: "mirror-del",
    options: &[],
    parameters: &[Parameter::Maybe("NAME")],
    group: GROUP,
    help: "delete the mirror NAME, or all",
    prepare,
    run: del,
};

pub(super) const LIST: Verb = Verb {
    name: "mirror-list",
    options: &[],
    parameters: &[],
    group: GROUP,
    help: "print all mirrors",
    prepare: prepare_list,
    run: list,
};

fn prepare(_: &Command, needs: &mut Needs) -> Result<(), Failure> {
    prepare_named::<Mirror>(needs, &[]);
    prepare_named::<LogicalSwitchPort>(needs, &[]);
    Ok(())
}

fn prepare_list(_: &Command, needs: &mut Needs) -> Result<(), Failure> {
    prepare_named::<Mirror>(needs, &["filter", "index", "sink", "type", "mirror_rules"]);
    needs.rows::<MirrorRule>();
    Ok(())
}

/// Whether mirrors of the type send through a tunnel.
fn is_tunnel(ty: &str) -> bool {
    ["gre", "erspan"].contains(&ty)
}

fn add(context: &mut Context<'_>, command: &Command) -> Result<(), Failure> {
    let name = command.required(0);
    if !context.view.named(Mirror::TABLE, "name", name).is_empty() {
        fail!("Mirror with {name} name already exists.");
    }
    let ty = command.required(1);
    if !is_tunnel(ty) && !["local", "lport"].contains(&ty) {
        fail!("{ty}: type must be \"gre\", \"erspan\", or \"local\" or \"lport\"");
    }
    let mut rest = command.rest(2).iter().map(String::as_str);
    let mut index = -1;
    if is_tunnel(ty) {
        match rest.next().and_then(whole_number) {
            Some(number) => index = number,
            None => fail!("Invalid Index"),
        }
    }
    let filter = filter(rest.next().unwrap_or_default())?;
    let Some(sink) = rest.next() else { fail!("'mirror-add' command requires at least 5 arguments") };
    if is_tunnel(ty) && normal_address(sink).is_none() {
        fail!("Invalid sink ip: {sink}");
    }
    if ty == "lport" && find::<LogicalSwitchPort>(context.view, sink)?.is_none() {
        let text = format!("Attaching target to non existing port with name {sink}.");
        context.warn(LogModule::Nbctl, text);
    }
    let mirror = Mirror {
        name: name.into(),
        r#type: ty.into(),
        index,
        filter: filter.into(),
        sink: sink.into(),
        ..Default::default()
    };
    let uuid = context.fresh();
    context.view.insert_row(uuid, &mirror);
    Ok(())
}

/// What is mirrored, by its first letter.
fn filter(text: &str) -> Result<&'static str, Failure> {
    match text.as_bytes().first() {
        Some(b't') => Ok("to-lport"),
        Some(b'f') => Ok("from-lport"),
        Some(b'b') => Ok("both"),
        _ => fail!("{text}: selection must be \"to-lport\", \"from-lport\", or \"both\""),
    }
}

fn del(context: &mut Context<'_>, command: &Command) -> Result<(), Failure> {
    let mirrors = match command.optional(0) {
        Some(name) => context.view.named(Mirror::TABLE, "name", name),
        None => context.view.uuids(Mirror::TABLE).collect(),
    };
    for mirror in mirrors {
        context.view.delete(Mirror::TABLE, mirror);
    }
    Ok(())
}

fn list(context: &mut Context<'_>, _: &Command) -> Result<(), Failure> {
    let mut mirrors = context.view.rows::<Mirror>()?;
    mirrors.sort_by(|a, b| a.name.cmp(&b.name));
    for mirror in mirrors {
        context.print(format!("{}:", mirror.name));
        context.print(format!("  Type     :  {}", mirror.r#type));
        context.print(format!("  Sink     :  {}", mirror.sink));
        context.print(format!("  Filter   :  {}", mirror.filter));
        if is_tunnel(&mirror.r#type) {
            context.print(format!("  Index/Key:  {}", mirror.index));
        }
        let mut rules: Vec<MirrorRule> = rows(context.view, &mirror.mirror_rules)?;
        rules.sort_by(|a, b| (a.priority, &a.r#match, &a.action).cmp(&(b.priority, &b.r#match, &b.action)));
        if !rules.is_empty() {
            context.print("  Rules    :");
        }
        for rule in rules {
            context.print(format!("       {:>5} {:>30} {:>15}", rule.priority, rule.r#match, rule.action));
        }
        context.print("");
    }
    Ok(())
}

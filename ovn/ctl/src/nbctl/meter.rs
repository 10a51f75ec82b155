//! `meter-add NAME ACTION RATE UNIT [BURST]`, `meter-del [NAME]`, `meter-list`.

use super::rows::rows;
use super::values::number;
use crate::Failure;
use crate::cli::{Argument, Command};
use crate::context::Context;
use crate::failure::fail;
use crate::needs::Needs;
use crate::verb::{Parameter, Verb};
use ovsdb::Datum;
use schema::TypedRow;
use schema::nb::{Meter, MeterBand};

const GROUP: &str = "Meter commands";

pub(super) const ADD: Verb = Verb {
    name: "meter-add",
    options: &[("--fair", Argument::None), ("--may-exist", Argument::None)],
    parameters: &[
        Parameter::One("NAME"),
        Parameter::One("ACTION"),
        Parameter::One("RATE"),
        Parameter::One("UNIT"),
        Parameter::Maybe("BURST"),
    ],
    group: GROUP,
    help: "add a meter that drops what is beyond RATE in UNIT, 'kbps' or 'pktps'",
    prepare,
    run: add,
};

pub(super) const DEL: Verb = Verb {
    name: "meter-del",
    options: &[],
    parameters: &[Parameter::Maybe("NAME")],
    group: GROUP,
    help: "delete the meter NAME, or all",
    prepare,
    run: del,
};

pub(super) const LIST: Verb = Verb {
    name: "meter-list",
    options: &[],
    parameters: &[],
    group: GROUP,
    help: "print all meters",
    prepare,
    run: list,
};

fn prepare(_: &Command, needs: &mut Needs) -> Result<(), Failure> {
    needs.columns(Meter::TABLE, &["name", "fair", "bands", "unit"]);
    needs.columns(MeterBand::TABLE, &["action", "rate", "burst_size"]);
    Ok(())
}

fn add(context: &mut Context<'_>, command: &Command) -> Result<(), Failure> {
    let name = command.required(0);
    let known = context.view.named(Meter::TABLE, "name", name).first().copied();
    if known.is_some() && !command.has("--may-exist") {
        fail!("meter with name \"{name}\" already exists");
    }
    if name.starts_with("__") {
        fail!("meter names that begin with \"__\" are reserved");
    }
    let action = command.required(1);
    if action != "drop" {
        fail!("action must be \"drop\"");
    }
    let Some(rate) = number(command.required(2), 1..=u32::MAX.into()) else {
        fail!("rate must be in the range 1...4294967295");
    };
    let unit = command.required(3);
    if !["kbps", "pktps"].contains(&unit) {
        fail!("unit must be \"kbps\" or \"pktps\"");
    }
    let Some(burst_size) = command.optional(4).map_or(Some(0), |burst| number(burst, 0..=u32::MAX.into()))
    else {
        fail!("burst must be in the range 0...4294967295");
    };
    let known: Option<Meter> = known.map(|meter| context.view.row(meter)).transpose()?.flatten();
    let band = known.as_ref().and_then(|meter| meter.bands.first().copied()).unwrap_or_else(|| {
        let band = context.fresh();
        context.view.insert_row(band, &MeterBand::default());
        band
    });
    for (column, value) in [
        ("action", Datum::scalar(action)),
        ("rate", Datum::scalar(rate)),
        ("burst_size", Datum::scalar(burst_size)),
    ] {
        context.view.set(MeterBand::TABLE, band, column, value);
    }
    let meter = known.map_or_else(
        || {
            let meter = context.fresh();
            context.view.insert_row(meter, &Meter { name: name.into(), ..Default::default() });
            meter
        },
        |meter| meter.uuid,
    );
    context.view.set(Meter::TABLE, meter, "unit", Datum::scalar(unit));
    context.view.set(Meter::TABLE, meter, "bands", Datum::scalar(band));
    if command.has("--fair") {
        context.view.set(Meter::TABLE, meter, "fair", Datum::scalar(true));
    }
    Ok(())
}

fn del(context: &mut Context<'_>, command: &Command) -> Result<(), Failure> {
    let meters = match command.optional(0) {
        Some(name) => context.view.named(Meter::TABLE, "name", name),
        None => context.view.uuids(Meter::TABLE).collect(),
    };
    for meter in meters {
        context.view.delete(Meter::TABLE, meter);
    }
    Ok(())
}

fn list(context: &mut Context<'_>, _: &Command) -> Result<(), Failure> {
    let mut meters = context.view.rows::<Meter>()?;
    meters.sort_by(|a, b| a.name.cmp(&b.name));
    for meter in meters {
        let fair = meter.fair.map_or("", |fair| if fair { " (fair)" } else { " (shared)" });
        context.print(format!("{}:{fair} bands:", meter.name));
        let bands: Vec<MeterBand> = rows(context.view, &meter.bands)?;
        let bands = bands.iter().map(|band| {
            let what = if *meter.unit == *"kbps" { "kb" } else { "packet" };
            let burst = match band.burst_size {
                0 => String::new(),
                burst => format!(", {burst} {what} burst"),
            };
            format!("  {}: {} {}{burst}", band.action, band.rate, meter.unit)
        });
        let bands: String = bands.collect();
        context.print(bands);
    }
    Ok(())
}

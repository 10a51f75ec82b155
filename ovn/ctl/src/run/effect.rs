//! What becomes of a configuration after its transaction: others take it up and say so in the database.

use crate::cli::{Invocation, Wait};
use crate::needs::Needs;
use crate::view::View;
use crate::{Failure, Program};
use ovsdb::Uuid;
use ovsdb::replica::{MonitorTable, Replica};
use schema::TypedRow;
use schema::nb::NbGlobal;
use schema::vswitch::{Interface, OpenVSwitch};

/// Asks for what is looked at.
pub(super) fn prepare(invocation: &Invocation, needs: &mut Needs) {
    let global = needs.program.global_table();
    needs.columns(global, &[]);
    match (needs.program, invocation.wait) {
        (Program::Nbctl, Wait::Next | Wait::Chassis) => {
            let columns =
                ["nb_cfg", "sb_cfg", "hv_cfg", "nb_cfg_timestamp", "sb_cfg_timestamp", "hv_cfg_timestamp"];
            needs.columns(global, &columns);
        }
        (Program::Vsctl, Wait::Next | Wait::Chassis) => {
            needs.columns(global, &["next_cfg", "cur_cfg"]);
            needs.columns(Interface::TABLE, &["name", "ofport", "error"]);
        }
        (Program::Sbctl, _) | (_, Wait::None) => {}
    }
}

fn view(program: Program, monitors: &[MonitorTable], replica: &Replica) -> View {
    View::of_replica(program.schema().clone(), monitors, replica)
}

fn only<T: TypedRow>(view: &View) -> Option<T> {
    view.rows::<T>().ok()?.into_iter().next()
}

/// Whether those that are waited for have taken the configuration of this number up.
pub(super) fn is_reached(
    invocation: &Invocation,
    monitors: &[MonitorTable],
    replica: &Replica,
    next_cfg: i64,
) -> bool {
    let view = view(invocation.program, monitors, replica);
    let reached = match invocation.program {
        Program::Nbctl => only::<NbGlobal>(&view).map(|row| match invocation.wait {
            Wait::None => i64::MAX,
            Wait::Next => row.sb_cfg,
            Wait::Chassis => row.sb_cfg.min(row.hv_cfg),
        }),
        Program::Sbctl => Some(i64::MAX),
        Program::Vsctl => only::<OpenVSwitch>(&view).map(|row| row.cur_cfg),
    };
    reached.is_some_and(|reached| reached >= next_cfg)
}

/// How the time was spent, for `--print-wait-time`.
pub(super) fn wait_time(
    invocation: &Invocation,
    monitors: &[MonitorTable],
    replica: &Replica,
    next_cfg: i64,
    started_ms: i64,
) -> String {
    let view = view(invocation.program, monitors, replica);
    let Some(row) = only::<NbGlobal>(&view) else { return String::new() };
    let mut text = format!("Time spent on processing nb_cfg {next_cfg}:\n");
    text.push_str(&format!(
        "\tovn-northd delay before processing:\t{}ms\n",
        row.nb_cfg_timestamp - started_ms
    ));
    let northd = row.sb_cfg_timestamp - row.nb_cfg_timestamp;
    text.push_str(&format!("\tovn-northd completion:\t\t\t{northd}ms\n"));
    if invocation.wait == Wait::Chassis {
        let chassis = row.hv_cfg_timestamp - row.sb_cfg_timestamp;
        text.push_str(&format!("\tovn-controller(s) completion:\t\t{chassis}ms\n"));
    }
    text
}

/// What the switch says about interfaces that it could not set up.
pub(super) fn interface_errors(
    invocation: &Invocation,
    monitors: &[MonitorTable],
    replica: &Replica,
    added: &[(Uuid, String)],
) -> Vec<String> {
    let view = view(invocation.program, monitors, replica);
    let mut errors = Vec::new();
    for (row, name) in added {
        let found: Result<Option<Interface>, Failure> = view.row(*row);
        let Ok(Some(interface)) = found else { continue };
        if interface.ofport != Some(-1) {
            continue;
        }
        let why = interface.error.map_or_else(String::new, |error| format!(": {error}"));
        errors.push(format!(
            "Error detected while setting up '{name}'{why}.  See ovs-vswitchd log for details."
        ));
    }
    if !errors.is_empty() {
        errors.push(format!("The default log directory is \"{}\".", invocation.logdir));
    }
    errors
}

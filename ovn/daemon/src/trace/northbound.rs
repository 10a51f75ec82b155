//! The northbound database, read once: only what says who asked for a flow.

use anyhow::Context as _;
use ovsdb::replica::{Replica, ReplicaOptions};
use schema::nb;
use trace::Northbound;

use super::copy::copy;
use super::source::Source;
use super::{PROGRAM, Setting, once};
use crate::base::target::Active;

/// What the user says to go without.
const NONE: &str = "none";

/// The rows that flows are made for. Without a server there are none; that is told only if the user named it.
pub(super) async fn read(setting: &Setting) -> Northbound {
    let run_dir = PROGRAM.family.run_dir();
    let named = setting.northbound.clone();
    // The rows of a file may be older than those that a server has now.
    let is_live = matches!(setting.source, Source::Live(..));
    let default = || {
        let socket = run_dir.join("ovnnb_db.sock");
        is_live.then(|| std::env::var("OVN_NB_DB").unwrap_or_else(|_| format!("unix:{}", socket.display())))
    };
    let Some(remote) = named.clone().or_else(default).filter(|remote| remote != NONE) else {
        return Northbound::default();
    };
    match download(&remote, setting).await {
        Ok(northbound) => northbound,
        Err(error) => {
            if named.is_some() {
                tracing::warn!(target: "ovntrace", "{error:#}");
            }
            Northbound::default()
        }
    }
}

async fn download(remote: &str, setting: &Setting) -> anyhow::Result<Northbound> {
    let targets = Active::parse_list(remote, &PROGRAM.family.run_dir())?;
    let stream = once::connect(&targets, &setting.tls, remote).await?;
    let monitors = Northbound::monitors();
    let mut tables = nb::Tables::with_monitors(&monitors);
    let replica = Replica::new(nb::schema().clone(), monitors, ReplicaOptions::default());
    let copied = copy(stream, replica, |change| Ok(tables.apply(change).map(drop)?)).await;
    copied.with_context(|| remote.to_owned())?;
    Ok(Northbound::new(&tables))
}

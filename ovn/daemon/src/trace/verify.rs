//! A question about all packets: needs all rows, where a trace needs few.

use anyhow::{Context as _, bail};
use ovsdb::replica::{Replica, ReplicaOptions};
use schema::sb::{self, Tables};
use trace::Question;

use super::copy::copy;
use super::source::{Source, read_file};
use super::{Setting, once};
use crate::base::options::Own;
use crate::base::stream::Stream;

/// The word for any port.
const ANY: &str = "any";

/// The question of a command line, if it is one about all packets.
pub(super) fn question(own: &Own) -> anyhow::Result<Option<Question>> {
    let drops = own.has("dropped");
    if !drops && !own.has("all-packets") {
        return Ok(None);
    }
    let (from, to, of) = match &own.operands[..] {
        [from, to] => (from, to, None),
        [from, to, of] => (from, to, Some(of.clone())),
        _ => bail!("two ports and at most one expression are required (use --help for help)"),
    };
    let from = (from != ANY).then(|| from.clone());
    Ok(Some(Question { from, to: to.clone(), of, drops }))
}

/// The answer in words.
pub(super) fn answer(setting: &Setting, question: &Question) -> anyhow::Result<String> {
    let tables = match &setting.source {
        Source::Live(targets, db) => {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            runtime.block_on(async {
                let stream = once::connect(targets, &setting.tls, db).await?;
                download(stream, setting.leader_only).await.with_context(|| db.clone())
            })?
        }
        Source::File(path) => read_file(path)?,
        Source::Topology(plan) => plan.compute()?.southbound,
    };
    Ok(trace::verify(&tables, question))
}

/// All rows that a trace can read.
async fn download(stream: Stream, leader_only: bool) -> anyhow::Result<Tables> {
    let monitors: Vec<_> = trace::TABLES.iter().map(|table| table.monitor()).collect();
    let mut tables = Tables::with_monitors(&monitors);
    let options = ReplicaOptions { leader_only, ..ReplicaOptions::default() };
    let replica = Replica::new(sb::schema().clone(), monitors, options);
    copy(stream, replica, |change| Ok(tables.apply(change).map(drop)?)).await?;
    Ok(tables)
}

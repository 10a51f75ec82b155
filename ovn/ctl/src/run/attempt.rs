//! One attempt: all commands of the line on one set of rows, to one transaction and one text.

use crate::cli::{Invocation, Wait};
use crate::context::{Context, LogModule, Output, Served, Wishes};
use crate::failure::fail;
use crate::openflow::SwitchFlows;
use crate::output::Printer;
use crate::symbols::Symbols;
use crate::view::View;
use crate::vsctl::BridgeCache;
use crate::{Failure, Program};
use ovsdb::replica::{MonitorTable, Replica};
use ovsdb::{RefType, Transaction, Uuid};
use schema::{nb, sb, vswitch};

pub(super) struct Attempt<'a> {
    invocation: &'a Invocation,
    view: View,
    symbols: Symbols,
    flows: &'a SwitchFlows,
    bridges: BridgeCache,
    served: ServedBy<'a>,
}

/// What an attempt comes to.
pub(super) struct Prepared {
    pub(super) warnings: Vec<(LogModule, String)>,
    /// Without operations if nothing changes.
    pub(super) transaction: Transaction,
    pub(super) printed: Printed,
}

/// Why an attempt is the last.
pub(super) struct Failed {
    pub(super) warnings: Vec<(LogModule, String)>,
    pub(super) failure: Failure,
}

/// What is printed once the transaction has happened, and what is looked at afterwards.
#[derive(Clone, Debug)]
pub(super) struct Printed {
    pub(super) text: String,
    pub(super) interfaces_added: Vec<(Uuid, String)>,
}

#[derive(Debug)]
struct ServedBy<'a>(&'a Replica);

impl Served for ServedBy<'_> {
    fn column(&self, table: &str, column: &str) -> bool {
        self.0.serves(table, column)
    }
}

impl<'a> Attempt<'a> {
    pub(super) fn new(
        invocation: &'a Invocation,
        monitors: &[MonitorTable],
        flows: &'a SwitchFlows,
        replica: &'a Replica,
        seed: u64,
    ) -> Self {
        let view = View::of_replica(invocation.program.schema().clone(), monitors, replica);
        Self {
            invocation,
            view,
            symbols: Symbols::new(seed),
            flows,
            bridges: BridgeCache::default(),
            served: ServedBy(replica),
        }
    }

    /// Runs the commands; `None` if the rows do not allow them yet. Warnings come with a failure too.
    pub(super) fn run(self) -> Result<Option<Prepared>, Failed> {
        let mut wishes = Wishes::default();
        self.commands(&mut wishes).map_err(|failure| Failed { warnings: wishes.warnings, failure })
    }

    fn commands(mut self, wishes: &mut Wishes) -> Result<Option<Prepared>, Failure> {
        let global = self.global_row()?;
        let mut outputs = Vec::new();
        for command in &self.invocation.commands {
            let mut context = Context {
                program: self.invocation.program,
                schema: self.invocation.program.schema().clone(),
                view: &mut self.view,
                symbols: &mut self.symbols,
                served: &self.served,
                flows: self.flows,
                bridges: &mut self.bridges,
                wait: self.invocation.wait,
                wishes: &mut *wishes,
                output: Output::default(),
            };
            (command.verb.run)(&mut context, command)?;
            outputs.push(context.output);
            if wishes.try_again {
                return Ok(None);
            }
        }
        self.check_symbols(wishes)?;
        let text = self.print(outputs);
        let printed = Printed { text, interfaces_added: std::mem::take(&mut wishes.interfaces_added) };
        let transaction = self.transaction(global, wishes.force_next_cfg);
        Ok(Some(Prepared { warnings: std::mem::take(&mut wishes.warnings), transaction, printed }))
    }

    /// The row of the database as a whole, which is made where it is missing.
    fn global_row(&mut self) -> Result<Uuid, Failure> {
        let fresh = self.symbols.fresh();
        Ok(match self.invocation.program {
            Program::Nbctl => self.view.only::<nb::NbGlobal>(fresh)?.uuid,
            Program::Sbctl => self.view.only::<sb::SbGlobal>(fresh)?.uuid,
            Program::Vsctl => self.view.only::<vswitch::OpenVSwitch>(fresh)?.uuid,
        })
    }

    /// Every name must be some row's; rows that nothing refers to will vanish.
    fn check_symbols(&self, wishes: &mut Wishes) -> Result<(), Failure> {
        if let Some(name) = self.symbols.missing() {
            fail!(
                "row id \"{name}\" is referenced but never created (e.g. with \"-- --id={name} create ...\")"
            );
        }
        if self.symbols.created().next().is_none() {
            return Ok(());
        }
        // Only rows that were written to can refer to new ones.
        let [strong, weak] = [RefType::Strong, RefType::Weak].map(|kind| self.view.written_references(kind));
        for (name, table, row) in self.symbols.created() {
            let is_root = self.invocation.program.schema().table(table).is_some_and(|table| table.is_root);
            if is_root || strong.contains(&row) {
                continue;
            }
            let references = if weak.contains(&row) { "only a weak reference" } else { "no reference" };
            let warning = format!(
                "row id \"{name}\" was created but {references} to it was inserted, so it will not actually appear in \
                 the database"
            );
            wishes.warnings.push((self.invocation.program.shell_module(), warning));
        }
        Ok(())
    }

    fn print(&self, outputs: Vec<Output>) -> String {
        let mut printer = Printer::new(&self.invocation.style);
        let mut text = String::new();
        for output in outputs {
            match output.table {
                Some(table) => printer.print(&table, &mut text),
                None if self.invocation.oneline => {
                    let line = output.text.strip_suffix('\n').unwrap_or(&output.text);
                    text.push_str(&line.replace('\\', "\\\\").replace('\n', "\\n"));
                    text.push('\n');
                }
                None => text.push_str(&output.text),
            }
        }
        text
    }

    fn transaction(&self, global: Uuid, force_next_cfg: bool) -> Transaction {
        let program = self.invocation.program;
        let mut transaction = self.view.transaction();
        let is_changed = !transaction.is_empty();
        let counter = match program {
            Program::Nbctl => Some("nb_cfg"),
            Program::Sbctl => None,
            Program::Vsctl => Some("next_cfg"),
        };
        if self.invocation.wait != Wait::None
            && (is_changed || force_next_cfg)
            && let Some(counter) = counter
        {
            transaction.increment(program.global_table(), global, counter);
        }
        if !transaction.is_empty() {
            transaction.comment(format!("{}: {}", program.name(), self.invocation.line));
        }
        transaction
    }
}

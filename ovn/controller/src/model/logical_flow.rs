//! A logical flow.

use lflow::pipeline::Pipeline;
use ovsdb::{Str, Uuid};
use schema::sb;

use super::Complaint;

/// A logical flow as it is to be compiled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogicalFlow {
    /// The first 32 bits of the row's UUID.
    pub cookie: u32,
    pub datapath: Option<Uuid>,
    pub datapath_group: Option<Uuid>,
    pub pipeline: Pipeline,
    pub table: u8,
    pub priority: u16,
    pub matching: Str,
    pub actions: Str,
    /// The one port that the flow is about: where that is not here, the flow is of no use.
    pub port: Option<Str>,
    /// The name of the meter for what the flow sends to the controller.
    pub controller_meter: Option<Str>,
}

impl LogicalFlow {
    /// Reads the row.
    ///
    /// # Errors
    /// If it is in a table that there is not, or its priority is none of OpenFlow's.
    pub fn parse(row: &sb::LogicalFlow) -> Result<Self, Complaint> {
        let complain = |what: String| Complaint(format!("Logical_Flow {}: {what}", row.uuid));
        let pipeline = Pipeline::from_name(&row.pipeline)
            .ok_or_else(|| complain(format!("pipeline {:?} is neither ingress nor egress", row.pipeline)))?;
        let table = u8::try_from(row.table_id).ok().filter(|&table| table < pipeline.tables());
        let priority = u16::try_from(row.priority);
        Ok(Self {
            cookie: row.uuid.first_u32(),
            datapath: row.logical_datapath,
            datapath_group: row.logical_dp_group,
            pipeline,
            table: table.ok_or_else(|| complain(format!("there is no {pipeline} table {}", row.table_id)))?,
            priority: priority.map_err(|_| complain(format!("priority {} is above 65535", row.priority)))?,
            matching: row.r#match.clone(),
            actions: row.actions.clone(),
            port: row.tags.get("in_out_port").cloned(),
            controller_meter: row.controller_meter.clone(),
        })
    }
}

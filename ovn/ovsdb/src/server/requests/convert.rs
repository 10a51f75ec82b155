//! `convert` (ovsdb-server(7)): another schema for a database that is being served.

use super::super::databases::Answer;
use super::super::rbac::denied;
use super::super::{Server, SessionId};
use super::refuse_syntax;
use crate::{DatabaseSchema, OvsdbError};
use serde_json::{Value, json};
use std::sync::Arc;

impl Server {
    pub(super) fn handle_convert(&mut self, session: SessionId, id: Value, params: &Value) {
        if let Err(error) = self.convert(session, &id, params) {
            self.reply(session, id, Err(error));
        }
    }

    /// Converts, and lets the reply wait until the file has been rewritten.
    fn convert(&mut self, session: SessionId, id: &Value, params: &Value) -> Result<(), Value> {
        let database = self.database_name("convert", params)?;
        let Some([_, schema]) = params.as_array().map(Vec::as_slice) else {
            return refuse_syntax(params, "invalid parameters");
        };
        let refuse = |error: OvsdbError| error.to_json();
        let schema = DatabaseSchema::from_json(schema).map_err(refuse)?;
        if schema.name != database {
            let words = format!("schema is for database {}, not {database}", schema.name);
            return refuse_syntax(params, words);
        }
        let is_relay = self.databases.get(&database).is_some_and(|hosted| hosted.is_relay);
        let is_read_only = self.read_only || is_relay || &*database == "_Server";
        if is_read_only || self.clients.get(session).is_some_and(|client| client.read_only) {
            let words = "convert operation not allowed when database server is in read only mode";
            return Err(OvsdbError::new(OvsdbError::NOT_ALLOWED, words).to_json());
        }
        if let Some(client) = self.clients.get(session).filter(|client| !client.role.is_empty()) {
            let what =
                format!("\"convert\" of database {database} (only the root role may convert databases)");
            return Err(denied(&client.role, client.identity.as_deref(), &what).to_json());
        }
        let seed = self.uuids.generate().first_u32();
        let Some(hosted) = self.databases.get_mut(&database) else { return Ok(()) };
        let newest = hosted.newest.convert(Arc::new(schema), u64::from(seed)).map_err(refuse)?;
        self.converted(&database, newest);
        if let Some(hosted) = self.databases.get_mut(&database) {
            hosted.reply_when_published(session, id.clone(), id.to_string(), Answer::Json(Ok(json!({}))));
        }
        self.send_replies(&database);
        Ok(())
    }
}

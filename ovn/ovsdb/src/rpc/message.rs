//! The three kinds of message (RFC 7047 section 4.1, JSON-RPC 1.0 sections 1.1 to 1.3).

use serde_json::{Map, Value, json};
use std::fmt;

/// One message of a JSON-RPC connection.
#[derive(Clone, Debug, PartialEq)]
pub enum Message {
    /// Wants a reply that repeats `id`, which is any JSON value but null.
    Request { id: Value, method: String, params: Value },
    /// The answer to a request: its result, or an error (any JSON value but null).
    Reply { id: Value, result: Result<Value, Value> },
    /// A request that wants no reply: its id is null.
    Notification { method: String, params: Value },
}

/// A JSON value that is not a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a JSON-RPC message: {0}")]
pub struct MessageError(&'static str);

impl Message {
    /// A request.
    pub fn request(id: impl Into<Value>, method: &str, params: Value) -> Self {
        Self::Request { id: id.into(), method: method.to_owned(), params }
    }

    /// A notification.
    pub fn notification(method: &str, params: Value) -> Self {
        Self::Notification { method: method.to_owned(), params }
    }

    /// Reads a message from its JSON object. A member that is null counts as absent and members that are not
    /// known are ignored.
    pub fn from_value(value: Value) -> Result<Self, MessageError> {
        let Value::Object(mut members) = value else { return Err(MessageError("expected an object")) };
        let id = members.remove("id").unwrap_or(Value::Null);
        let params = members.remove("params").unwrap_or(Value::Null);
        match members.remove("method") {
            Some(Value::String(method)) => Ok(match id {
                Value::Null => Self::Notification { method, params },
                id => Self::Request { id, method, params },
            }),
            Some(Value::Null) | None => Self::reply_from(id, &mut members),
            Some(Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_)) => {
                Err(MessageError("\"method\" must be a string"))
            }
        }
    }

    fn reply_from(id: Value, members: &mut Map<String, Value>) -> Result<Self, MessageError> {
        if id.is_null() {
            return Err(MessageError("neither \"method\" nor \"id\""));
        }
        let result = members.remove("result");
        match (result, members.remove("error")) {
            (_, Some(error)) if !error.is_null() => Ok(Self::Reply { id, result: Err(error) }),
            (Some(result), _) => Ok(Self::Reply { id, result: Ok(result) }),
            (None, _) => Err(MessageError("neither \"method\" nor \"result\" nor \"error\"")),
        }
    }

    /// The JSON object of this message. As upstream's server does, an error reply has no `result` member.
    pub fn to_value(&self) -> Value {
        match self {
            Self::Request { id, method, params } => json!({"id": id, "method": method, "params": params}),
            Self::Notification { method, params } => {
                json!({"id": null, "method": method, "params": params})
            }
            Self::Reply { id, result: Ok(result) } => json!({"id": id, "result": result, "error": null}),
            Self::Reply { id, result: Err(error) } => json!({"id": id, "error": error}),
        }
    }
}

impl Message {
    /// The message as it goes over the wire: compact JSON.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(128);
        match self {
            Self::Request { id, method, params } => {
                put(&mut out, "{\"id\":", id);
                put(&mut out, ",\"method\":", &Value::from(method.as_str()));
                put(&mut out, ",\"params\":", params);
            }
            Self::Notification { method, params } => {
                put(&mut out, "{\"id\":null,\"method\":", &Value::from(method.as_str()));
                put(&mut out, ",\"params\":", params);
            }
            Self::Reply { id, result: Ok(result) } => {
                put(&mut out, "{\"id\":", id);
                put(&mut out, ",\"result\":", result);
                out.extend_from_slice(b",\"error\":null");
            }
            Self::Reply { id, result: Err(error) } => {
                put(&mut out, "{\"id\":", id);
                put(&mut out, ",\"error\":", error);
            }
        }
        out.push(b'}');
        out
    }
}

fn put(out: &mut Vec<u8>, syntax: &str, value: &Value) {
    out.extend_from_slice(syntax.as_bytes());
    serde_json::to_writer(out, value).expect("such a value has JSON text and memory takes it");
}

/// The text of [`Message::to_bytes`].
impl fmt::Display for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&String::from_utf8_lossy(&self.to_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> String {
        match Message::from_value(serde_json::from_str(text).unwrap()) {
            Ok(message) => {
                assert_eq!(message.to_string(), Message::from_value(message.to_value()).unwrap().to_string());
                message.to_string()
            }
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn messages_of_each_kind_are_read_and_written() {
        let table = [
            (r#"{"id":0,"method":"echo","params":[1]}"#, r#"{"id":0,"method":"echo","params":[1]}"#),
            (
                r#"{"method":"get_server_id","id":"x"}"#,
                r#"{"id":"x","method":"get_server_id","params":null}"#,
            ),
            (
                r#"{"method":"cancel","id":null,"params":[7]}"#,
                r#"{"id":null,"method":"cancel","params":[7]}"#,
            ),
            (r#"{"id":[1],"result":{},"error":null}"#, r#"{"id":[1],"result":{},"error":null}"#),
            (r#"{"id":1,"result":null,"error":null}"#, r#"{"id":1,"result":null,"error":null}"#),
            (r#"{"id":1,"result":null,"error":"no"}"#, r#"{"id":1,"error":"no"}"#),
            (
                r#"{"id":1,"error":null}"#,
                r#"not a JSON-RPC message: neither "method" nor "result" nor "error""#,
            ),
            (r#"{"id":1,"method":2}"#, r#"not a JSON-RPC message: "method" must be a string"#),
            ("{}", r#"not a JSON-RPC message: neither "method" nor "id""#),
            ("[]", "not a JSON-RPC message: expected an object"),
        ];
        for (input, output) in table {
            assert_eq!(read(input), output, "{input}");
        }
    }
}

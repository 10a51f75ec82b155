//! `dns`: a guest asks for a name, and who answers.

use super::Action;
use super::dhcp::{one_of, within};
use crate::lab::capture::{Begun, Place};
use crate::lab::guest::GUEST_INTERFACE;
use crate::path;
use crate::scenario::check::{Checker, NodeKind};
use crate::scenario::report::Failure;
use crate::scenario::run::{Run, deadline};
use crate::text::values::{List, Name, Span};
use crate::tools::dns::{Answer, Question, reverse};
use crate::tools::frame;
use packet::{Dns as Message, DnsName, IpProto, Udp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::net::{IpAddr, SocketAddr};
use tokio::time::{Instant, timeout_at};

/// A guest asks a server for a name, and must be answered, soon.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Dns {
    /// The guest that asks.
    pub from: Name,
    /// The server: a guest, or an address.
    pub server: String,
    /// The name that is asked for, or the address whose name is.
    pub ask: String,
    /// What of the name is asked for: an IPv4 address unless given.
    #[serde(default, rename = "type", skip_serializing_if = "Option::is_none")]
    pub ty: Option<Type>,
    /// Addresses or names, in whatever order; an empty list is an answer without any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gets: Option<List<String>>,
    /// The answer must be that it does not work, with this code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fails: Option<Code>,
    /// Nobody answers, but the question reaches this guest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub passes_to: Option<Name>,
    /// Nobody may answer for so long.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub silent_for: Option<Span>,
    /// By then.
    #[serde(default = "within")]
    pub within: Span,
}

/// What of a name is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Type {
    A,
    #[serde(rename = "AAAA")]
    Aaaa,
    #[serde(rename = "PTR")]
    Ptr,
    #[serde(rename = "ANY")]
    Any,
}

/// Why a question has no answer (RFC 1035 section 4.1.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Code {
    FormErr = 1,
    ServFail = 2,
    NxDomain = 3,
    NotImp = 4,
    Refused = 5,
}

impl Dns {
    /// What is asked for, or that it is no name.
    fn asked(&self) -> Option<(DnsName, Type)> {
        match self.ask.parse::<IpAddr>() {
            Ok(address) => Some((reverse(address), self.ty.unwrap_or(Type::Ptr))),
            Err(_) => Some((DnsName::from_text(&self.ask)?, self.ty.unwrap_or(Type::A))),
        }
    }

    /// Whether an answer is the one that is expected.
    fn is_met(&self, answer: &Answer) -> bool {
        let sorted = |values: &[String]| {
            let mut values = values.to_vec();
            values.sort();
            values
        };
        match (&self.gets, self.fails) {
            (Some(values), _) => answer.code == 0 && sorted(values) == sorted(&answer.values),
            (None, Some(code)) => answer.code == code as u8,
            (None, None) => answer.code == 0,
        }
    }

    fn expected(&self) -> String {
        match (&self.gets, self.fails, &self.passes_to, self.silent_for) {
            (_, _, _, Some(span)) => format!("no answer for {span}"),
            (_, _, Some(name), None) => format!("the question to reach {name} within {}", self.within),
            (Some(values), _, None, None) if values.is_empty() => "an answer without records".to_owned(),
            (Some(values), _, None, None) => format!("the answer {}", values.join(", ")),
            (None, Some(code), None, None) => format!("an answer with code {}", code as u8),
            (None, None, None, None) => format!("an answer within {}", self.within),
        }
    }
}

impl Action for Dns {
    fn title(&self) -> String {
        let ty = self.ty.map_or(String::new(), |ty| format!(" {ty:?}").to_uppercase());
        let title = format!("{} asks {} for {}{ty}", self.from, self.server, self.ask);
        match (&self.passes_to, self.silent_for) {
            (Some(name), _) => title + &format!(", which reaches {name}"),
            (None, Some(span)) => title + &format!(", no answer for {span}"),
            (None, None) => title,
        }
    }

    fn check(&self, checker: &mut Checker<'_>) {
        checker.node(path!["from"], self.from.as_str(), &[NodeKind::Guest]);
        checker.node_or_address(path!["server"], &self.server);
        if let Some(name) = &self.passes_to {
            checker.node(path!["passes-to"], name.as_str(), &[NodeKind::Guest]);
        }
        if self.asked().is_none() {
            let expected = "expected labels of 1 to 63 octets with dots between, or an address";
            checker.complain(path!["ask"], "this can be no name", expected);
        }
        one_of(
            checker,
            &[
                ("gets", self.gets.is_some()),
                ("fails", self.fails.is_some()),
                ("passes-to", self.passes_to.is_some()),
                ("silent-for", self.silent_for.is_some()),
            ],
        );
    }

    async fn run(&self, run: &mut Run) -> Result<String, Failure> {
        let (name, ty) = self.asked().expect("the file was checked");
        let ty = match ty {
            Type::A => Message::A,
            Type::Aaaa => Message::AAAA,
            Type::Ptr => Message::PTR,
            Type::Any => Message::ANY,
        };
        let question = Question::new(run.number() as u16, name, ty);
        let server = SocketAddr::new(run.address(&self.server)?, Message::PORT);
        let end = deadline(self.silent_for.unwrap_or(self.within).0);
        let fail = |actual: String| {
            let concerned = run.concerned([self.from.as_str(), self.server.as_str()]);
            Err(Failure::new(self.expected(), actual).with_nodes(concerned))
        };
        let asking = run.lab.ask(self.from.as_str(), server, question.clone(), end);
        if let Some(guest) = &self.passes_to {
            let place = Place::Interface { node: guest.to_string(), interface: GUEST_INTERFACE.to_owned() };
            let begun = run.lab.capture(&place).await?;
            return tokio::select! {
                biased;
                answer = asking => match answer? {
                    Some(answer) => fail(answer.to_string()),
                    None => fail("it did not".to_owned()),
                },
                () = arrives(&begun, &question, end) => Ok(String::new()),
            };
        }
        match (asking.await?, self.silent_for) {
            (None, Some(_)) => Ok(String::new()),
            (Some(answer), None) if self.is_met(&answer) => Ok(answer.to_string()),
            (Some(answer), _) => fail(answer.to_string()),
            (None, None) => fail("no answer".to_owned()),
        }
    }
}

/// Returns when the question arrives; never if it does not.
async fn arrives(begun: &Begun, question: &Question, end: Instant) {
    let is_it = |octets: &[u8]| {
        let Some((_, IpProto::UDP, segment)) = frame::read(octets) else { return false };
        Udp::parse(segment).is_ok_and(|(udp, datagram)| udp.dst == Message::PORT && question.is(datagram))
    };
    let mut next = 0;
    loop {
        let (frames, after, _) = begun.capture.since(next);
        next = after;
        if frames.iter().any(|frame| !frame.outgoing && is_it(&frame.octets)) {
            return;
        }
        if timeout_at(end, begun.capture.changed(next)).await.is_err() {
            return std::future::pending().await;
        }
    }
}

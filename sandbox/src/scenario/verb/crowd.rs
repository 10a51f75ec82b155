//! `crowd`: a router has to know many neighbours, keep those in use, and forget the others.

use super::{Action, Step};
use crate::db::client::Rows;
use crate::lab::capture::{Begun, Place};
use crate::lab::guest::GUEST_INTERFACE;
use crate::path;
use crate::scenario::backend::Sender;
use crate::scenario::check::{Checker, NodeKind};
use crate::scenario::report::Failure;
use crate::scenario::run::{Run, deadline};
use crate::text::values::{Mac, Name, Span};
use crate::tools::crowd::{self, HOSTS_MAX, Plan};
use anyhow::{Result, anyhow, bail};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;
use tokio::time::Instant;

/// Many hosts behind a guest's interface make themselves known to their router. Some talk to somebody behind it while
/// other steps are done, the others are silent. The router must know those who talk all the time, and none of the
/// others when the steps are done.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Crowd {
    /// The guest behind whose interface they are.
    pub at: Name,
    /// How many, at most 10000.
    pub hosts: u32,
    /// IPv4 address of the first; the others count up from there.
    pub ip: Ipv4Addr,
    /// Ethernet address of the first; the others count up from there.
    pub mac: Mac,
    /// The address of their router.
    pub gateway: Ipv4Addr,
    /// The router's port.
    pub port: String,
    /// How many of them talk, from the first on.
    pub talking: u32,
    /// Whom they talk to: a guest or an address.
    pub to: String,
    /// How often each of them does.
    pub every: Span,
    /// Rows that may be written while the steps are done, unless any number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub writes_max: Option<u64>,
    /// What is done meanwhile; long enough for the silent ones to be forgotten.
    pub during: Vec<Step>,
}

/// All that make themselves known are known after so long.
const KNOWN_WITHIN: Duration = Duration::from_secs(30);
/// After so long those that are not known yet say it again.
const AGAIN: Duration = Duration::from_secs(2);
/// Longer an answer is not waited for at the end.
const PATIENCE: Duration = Duration::from_secs(5);

const COLUMNS: &[&str] = &["logical_port", "ip", "mac", "timestamp"];

impl Action for Crowd {
    fn title(&self) -> String {
        let Self { hosts, at, talking, to, port, .. } = self;
        format!("{port} knows {hosts} hosts at {at} as long as they talk, as {talking} do to {to}")
    }

    fn check(&self, checker: &mut Checker<'_>) {
        checker.node(path!["at"], self.at.as_str(), &[NodeKind::Guest]);
        checker.node_or_address(path!["to"], &self.to);
        if !(1..=HOSTS_MAX).contains(&self.hosts) {
            let expected = format!("expected 1 to {HOSTS_MAX}");
            checker.complain(path!["hosts"], "a number of hosts that cannot be", expected);
        }
        if self.talking > self.hosts {
            checker.complain(path!["talking"], "more than there are", "expected at most `hosts`");
        }
        if self.every.0 < Duration::from_millis(10) {
            checker.complain(path!["every"], "too often", "expected at least 10ms");
        }
        checker.inner("during", &self.during);
    }

    async fn run(&self, run: &mut Run) -> Result<String, Failure> {
        let IpAddr::V4(to) = run.address(&self.to)? else {
            return Err(anyhow!("{} has no IPv4 address", self.to).into());
        };
        let guest = run.guest(self.at.as_str())?;
        let Self { hosts, ip, gateway, talking, .. } = *self;
        let plan = Plan { mac: self.mac.0, ip, hosts, gateway, talking, to, every: self.every.0 };
        let lab = run.lab.clone();
        let crowd = RefCell::new(crowd::Crowd::new(plan, Instant::now().into_std()));
        let place = Place::Interface { node: self.at.to_string(), interface: GUEST_INTERFACE.to_owned() };
        let port = guest.port_name(&self.at).to_owned();
        lab.wait_ports_up(&[port], deadline(KNOWN_WITHIN)).await?;
        let (heard, sender) = (lab.capture(&place).await?, lab.sender(self.at.as_str()).await?);
        let books = RefCell::new(Books::new(self, plan));
        tokio::select! {
            biased;
            result = self.watched(run, &crowd, &books) => result?,
            stopped = drive(&sender, &heard, &crowd) => stopped?,
        }
        let (books, report) = (books.into_inner(), crowd.into_inner().report());
        let seen = format!("{report}; {books}");
        if report.sent > report.answered {
            let failure = Failure::new("every one who talks to be answered", seen);
            return Err(failure.with_nodes(run.concerned([self.at.as_str(), &self.to])));
        }
        books.judge(self, &seen)?;
        Ok(seen)
    }
}

impl Crowd {
    /// Waits until all are known, and does the steps while some talk.
    async fn watched(
        &self,
        run: &mut Run,
        crowd: &RefCell<crowd::Crowd>,
        books: &RefCell<Books>,
    ) -> Result<(), Failure> {
        self.known(run, crowd, books).await?;
        crowd.borrow_mut().talk(Instant::now().into_std());
        let (southbound, tables) = (run.lab.southbound(), [("MAC_Binding", COLUMNS)]);
        let never = deadline(Duration::from_secs(365 * 86_400));
        let look = southbound.wait(&tables, never, |rows| {
            books.borrow_mut().see(rows);
            None::<()>
        });
        tokio::select! {
            biased;
            result = run.inner("crowd", "during", &self.during) => result?,
            _ = look => {}
        }
        crowd.borrow_mut().stop();
        let end = deadline(PATIENCE);
        let answered = || crowd.borrow().report().answered >= crowd.borrow().report().sent;
        while !answered() && Instant::now() < end {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        Ok(())
    }

    /// Waits until the router knows all of them.
    async fn known(
        &self,
        run: &Run,
        crowd: &RefCell<crowd::Crowd>,
        books: &RefCell<Books>,
    ) -> Result<(), Failure> {
        let (southbound, tables) = (run.lab.southbound(), [("MAC_Binding", COLUMNS)]);
        let end = deadline(KNOWN_WITHIN);
        loop {
            let soon = deadline(AGAIN).min(end);
            let all = southbound.wait(&tables, soon, |rows| {
                books.borrow_mut().begin(rows);
                (books.borrow().known.len() == self.hosts as usize).then_some(())
            });
            if all.await.is_some() && crowd.borrow().knows_router() {
                return Ok(());
            }
            tokio::time::sleep_until(soon).await;
            if Instant::now() >= end {
                let answered = if crowd.borrow().knows_router() { "has" } else { "has not" };
                let actual =
                    format!("{} are known, and the router {answered} answered", books.borrow().known.len());
                return Err(Failure::new(format!("{} to know {} hosts", self.port, self.hosts), actual));
            }
            crowd.borrow_mut().announce(Instant::now().into_std());
        }
    }
}

/// Sends what the crowd says and tells it what comes, for ever.
async fn drive(sender: &Sender, heard: &Begun, crowd: &RefCell<crowd::Crowd>) -> Result<()> {
    let mut seen = 0;
    loop {
        let (frames, next, more) = heard.capture.since(seen);
        seen = next;
        for frame in frames.iter().filter(|frame| !frame.outgoing) {
            crowd.borrow_mut().handle_frame(&frame.octets);
        }
        if !more {
            bail!("the guest is gone");
        }
        crowd.borrow_mut().handle_timeout(Instant::now().into_std());
        loop {
            let Some(frame) = crowd.borrow_mut().poll_output() else { break };
            sender.send(frame).await?;
        }
        // Somebody may begin to talk at any time, so it is asked again soon.
        let soon = Instant::now() + LOOK_AGAIN;
        let due = crowd.borrow().poll_timeout().map_or(soon, |at| Instant::from_std(at).min(soon));
        tokio::select! {
            biased;
            () = heard.capture.changed(seen) => {}
            () = tokio::time::sleep_until(due) => {}
        }
    }
}

/// Pause between looks whether somebody talks.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// What was seen of the rows.
struct Books {
    port: String,
    plan: Plan,
    /// Those that are known, by host, with all that their rows say.
    known: BTreeMap<u32, (String, i64)>,
    /// Hosts that talk and were forgotten.
    blinked: Vec<u32>,
    forgotten: u64,
    writes: u64,
    transactions: u64,
    began: Instant,
    first_blink: Option<Duration>,
}

impl Books {
    fn new(crowd: &Crowd, plan: Plan) -> Self {
        Self {
            port: crowd.port.clone(),
            plan,
            known: BTreeMap::new(),
            blinked: Vec::new(),
            forgotten: 0,
            writes: 0,
            transactions: 0,
            began: Instant::now(),
            first_blink: None,
        }
    }

    fn read(&self, rows: &Rows<'_>) -> BTreeMap<u32, (String, i64)> {
        let rows = rows.of("MAC_Binding");
        let ours = rows.iter().filter(|row| row.text("logical_port") == self.port).filter_map(|row| {
            let host = self.plan.host_of(row.text("ip").parse().ok()?)?;
            Some((host, (row.text("mac").to_owned(), row.get("timestamp").as_integer().unwrap_or(0))))
        });
        ours.collect()
    }

    /// The rows before anybody talks.
    fn begin(&mut self, rows: &Rows<'_>) {
        self.known = self.read(rows);
        self.began = Instant::now();
    }

    /// The rows have changed, perhaps.
    fn see(&mut self, rows: &Rows<'_>) {
        let now = self.read(rows);
        let before = std::mem::replace(&mut self.known, now);
        let gone: Vec<u32> = before.keys().filter(|host| !self.known.contains_key(host)).copied().collect();
        let written = self.known.iter().filter(|(host, row)| before.get(host) != Some(row)).count();
        let changed = written as u64 + gone.len() as u64;
        self.writes += changed;
        self.transactions += u64::from(changed > 0);
        let (blinked, silent): (Vec<u32>, Vec<u32>) =
            gone.into_iter().partition(|host| *host < self.plan.talking);
        if !blinked.is_empty() {
            self.first_blink.get_or_insert(self.began.elapsed());
        }
        self.forgotten += silent.len() as u64;
        self.blinked.extend(blinked);
    }

    /// Whether all was as it should be.
    fn judge(&self, crowd: &Crowd, seen: &str) -> Result<(), Failure> {
        let fail =
            |expected: String, actual: String| Err(Failure::new(expected, format!("{actual}; {seen}")));
        if let Some(host) = self.blinked.first() {
            let after = self.first_blink.unwrap_or_default();
            return fail(
                "nobody who talks to be forgotten".to_owned(),
                format!("{} was, after {after:.1?}", self.plan.ip_of(*host)),
            );
        }
        if let Some((host, _)) = self.known.range(self.plan.talking..).next() {
            return fail(
                "everybody who is silent to be forgotten".to_owned(),
                format!("{} is still known", self.plan.ip_of(*host)),
            );
        }
        match crowd.writes_max {
            Some(most) if self.writes > most => {
                fail(format!("at most {most} rows to be written"), format!("{} were", self.writes))
            }
            Some(_) | None => Ok(()),
        }
    }
}

impl std::fmt::Display for Books {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { known, forgotten, writes, transactions, .. } = self;
        write!(
            f,
            "{} known, {forgotten} forgotten; {writes} rows written in {transactions} transactions",
            known.len()
        )
    }
}

//! Devices that a switch makes in its chassis: taps of guests, moved into the guest as soon as they are there, and the
//! bridge that has the fabric's address, where there is one.
//!
//! The switch holds such a device, so it goes when the switch goes; a switch that comes back makes it anew. The
//! chassis' interfaces are watched for that as long as the lab lives.

use super::chassis::UNDERLAY_BRIDGE;
use super::guest::GUEST_INTERFACE;
use super::world::{Kind, Lab, Node};
use crate::db::client::Record;
use crate::topology::{Attach, Guest};
use anyhow::{Context, Result, bail};
use futures::StreamExt;
use rtnetlink::packet_core::NetlinkPayload;
use rtnetlink::packet_route::RouteNetlinkMessage;
use rtnetlink::packet_route::link::LinkAttribute;
use rtnetlink::{MulticastGroup, new_multicast_connection};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

/// New interfaces that wait to be looked at; more are forgotten, which only a storm of them can do.
const APPEARED_MAX: usize = 4096;

/// How long a switch may take to say that a device is ready.
const FINISHED_MAX: Duration = Duration::from_secs(2);

/// An interface that appeared.
struct Appeared {
    name: String,
    index: u32,
}

impl Lab {
    /// Looks after the devices that the switch of a chassis makes, from now on.
    ///
    /// # Errors
    /// When the chassis' interfaces cannot be watched.
    pub(super) async fn follow_devices(self: &Rc<Self>, chassis: &Rc<Node>) -> Result<()> {
        let (sender, mut appeared) = mpsc::channel(APPEARED_MAX);
        let (ready, is_ready) = oneshot::channel();
        // Its answer is that the namespace has ended, which nobody asks.
        drop(chassis.netns.start(move |_| watch(sender, ready)).await);
        is_ready.await.context("the chassis is gone")??;
        let (lab, chassis) = (self.clone(), chassis.clone());
        tokio::task::spawn_local(async move {
            // An interface is told of again whenever anything about it changes.
            let mut known: BTreeMap<String, u32> = BTreeMap::new();
            while let Some(Appeared { name, index }) = appeared.recv().await {
                if known.len() > APPEARED_MAX {
                    // Interfaces that are long gone; one that is not is looked after once more, which does no harm.
                    known.clear();
                }
                if known.insert(name.clone(), index) != Some(index) {
                    // It may have gone again already; another one will come.
                    let _ = lab.look_after(&chassis, &name, index).await;
                }
            }
        });
        Ok(())
    }

    async fn look_after(&self, chassis: &Node, name: &str, index: u32) -> Result<()> {
        if let (UNDERLAY_BRIDGE, Kind::Chassis(c)) = (name, &chassis.kind) {
            return self.move_address(chassis, c.address, UNDERLAY_BRIDGE).await;
        }
        let Ok(node) = self.node(name) else { return Ok(()) };
        let Kind::Guest(guest) = &node.kind else { return Ok(()) };
        if guest.chassis.as_str() == chassis.name && self.attachment(guest) == Attach::Tap {
            self.wait_finished(&chassis.name, name, index).await;
            self.take_tap(chassis, &node, guest).await?;
            node.present.send_replace(true);
        }
        Ok(())
    }

    /// Waits until the switch says that it has this very device: it must not lose it while it still sets it up. A
    /// switch that does not say so has had time enough when this gives up.
    async fn wait_finished(&self, chassis: &str, name: &str, index: u32) {
        let switch = self.switch(chassis);
        let tables: [(&str, &[&str]); 1] = [("Interface", &["name", "ifindex"])];
        let said = switch.wait(&tables, Instant::now() + FINISHED_MAX, |rows| {
            let of_name = |row: &Record<'_>| row.text("name") == name;
            let row = rows.of("Interface").into_iter().find(of_name)?;
            (row.get("ifindex").as_integer() == Some(i64::from(index))).then_some(())
        });
        let _ = said.await;
    }

    async fn take_tap(&self, chassis: &Node, node: &Node, guest: &Guest) -> Result<()> {
        // What a switch that was killed has left there, if it makes devices that outlive it.
        node.netns.run(|net| async move { net.remove(GUEST_INTERFACE).await.ok() }).await?;
        let (name, to) = (node.name.clone(), node.netns.clone());
        let fd = to.fd().try_clone_to_owned().context("sharing a namespace")?;
        chassis
            .netns
            .run(move |net| async move {
                use std::os::fd::AsFd;
                net.move_to(&name, fd.as_fd(), GUEST_INTERFACE).await
            })
            .await??;
        self.dress_guest(node, guest, false).await
    }

    /// Waits until a guest's interface is there.
    ///
    /// # Errors
    /// When the deadline has passed.
    pub(super) async fn wait_present(&self, node: &Node, deadline: Instant) -> Result<()> {
        let mut present = node.present.subscribe();
        let there = tokio::time::timeout_at(deadline, present.wait_for(|present| *present)).await.is_ok();
        if !there {
            bail!("the switch did not make the tap of {} in time", node.name);
        }
        Ok(())
    }
}

/// Tells of the interfaces that appear in the calling thread's namespace.
async fn watch(sender: mpsc::Sender<Appeared>, ready: oneshot::Sender<Result<()>>) {
    let mut messages = match new_multicast_connection(&[MulticastGroup::Link]) {
        Ok((connection, _, messages)) => {
            tokio::task::spawn_local(connection);
            messages
        }
        Err(e) => return drop(ready.send(Err(e).context("watching interfaces"))),
    };
    if ready.send(Ok(())).is_err() {
        return;
    }
    while let Some((message, _)) = messages.next().await {
        let NetlinkPayload::InnerMessage(RouteNetlinkMessage::NewLink(link)) = message.payload else {
            continue;
        };
        let index = link.header.index;
        let name = link.attributes.into_iter().find_map(|attribute| match attribute {
            LinkAttribute::IfName(name) => Some(name),
            _ => None,
        });
        if let Some(name) = name
            && matches!(sender.try_send(Appeared { name, index }), Err(mpsc::error::TrySendError::Closed(_)))
        {
            return;
        }
    }
}

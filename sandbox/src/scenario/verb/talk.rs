//! What clients of the network's own services have in common: they talk by frames at a guest's interface, on any backend.

use crate::lab::capture::Place;
use crate::lab::guest::GUEST_INTERFACE;
use crate::scenario::backend::ASK_AGAIN;
use crate::scenario::run::Run;
use crate::tools::Talk;
use anyhow::Result;
use tokio::time::{Instant, timeout_at};

/// Lets a client talk at a guest's interface until it is over, or until `end`. Whether anything that it heard led on.
///
/// # Errors
/// When there is no such guest, or it cannot send.
pub(super) async fn converse(run: &Run, guest: &str, client: &mut impl Talk, end: Instant) -> Result<bool> {
    let place = Place::Interface { node: guest.to_owned(), interface: GUEST_INTERFACE.to_owned() };
    let begun = run.lab.capture(&place).await?;
    let sender = run.lab.sender(guest).await?;
    let (mut next, mut again, mut led_on) = (0, Instant::now(), false);
    loop {
        if again <= Instant::now() {
            again = Instant::now() + ASK_AGAIN;
            if let Some(frame) = client.speak() {
                sender.send(frame).await?;
            }
        }
        let (frames, after, more) = begun.capture.since(next);
        next = after;
        for frame in frames.iter().filter(|frame| !frame.outgoing) {
            if client.hear(&frame.octets) {
                (led_on, again) = (true, Instant::now());
            }
        }
        if client.is_over() || !more || end <= Instant::now() {
            return Ok(led_on);
        }
        // What happens first: a frame, the time to say it again, or the end.
        let _ = timeout_at(again.min(end), begun.capture.changed(next)).await;
    }
}

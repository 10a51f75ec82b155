//! What sessions are: `bfd/show`, and the column `bfd_status`.

use std::time::{Duration, Instant};

use super::Session;

impl Session {
    /// The keys and values of `bfd_status`.
    pub(crate) fn status(&self) -> [(&'static str, String); 6] {
        [
            ("diagnostic", self.diagnostic.to_string()),
            ("flap_count", self.flaps.to_string()),
            ("forwarding", self.forwarding().to_string()),
            ("remote_diagnostic", self.remote.diagnostic.to_string()),
            ("remote_state", self.remote.state.to_string()),
            ("state", self.state.to_string()),
        ]
    }

    /// All of it, for an operator.
    pub(crate) fn show(&self, now: Instant) -> String {
        let from_now = |at: Option<Instant>| match at {
            None => "now +0ms".to_owned(),
            Some(at) if at >= now => format!("now +{}ms", at.duration_since(now).as_millis()),
            Some(at) => format!("now -{}ms", now.duration_since(at).as_millis()),
        };
        let flags = |poll, finale| match (poll, finale) {
            (false, false) => "none",
            (true, false) => "poll",
            (false, true) => "final",
            (true, true) => "poll final",
        };
        let millis = Duration::as_millis;
        format!(
            "\tForwarding: {}\n\tDetect Multiplier: {}\n\tConcatenated Path Down: {}\n\
             \tTX Interval: Approx {}ms\n\tRX Interval: Approx {}ms\n\tDetect Time: {}\n\
             \tNext TX Time: {}\n\tLast TX Time: {}\n\n\
             \tLocal Flags: {}\n\tLocal Session State: {}\n\tLocal Diagnostic: {}\n\
             \tLocal Discriminator: {:#x}\n\tLocal Minimum TX Interval: {}ms\n\
             \tLocal Minimum RX Interval: {}ms\n\n\
             \tRemote Flags: {}\n\tRemote Session State: {}\n\tRemote Diagnostic: {}\n\
             \tRemote Discriminator: {:#x}\n\tRemote Minimum TX Interval: {}ms\n\
             \tRemote Minimum RX Interval: {}ms\n\tRemote Detect Multiplier: {}\n",
            self.forwarding(),
            self.config.multiplier,
            self.config.path_down,
            millis(&self.tx_interval()),
            millis(&self.rx_interval()),
            from_now(self.detect_at),
            from_now(Some(self.send_at)),
            from_now(self.sent),
            flags(self.polling, self.answer),
            self.state,
            self.diagnostic,
            self.discriminator,
            millis(&self.min_tx),
            millis(&self.config.min_rx),
            flags(self.remote.poll, self.remote.finale),
            self.remote.state,
            self.remote.diagnostic,
            self.remote.discriminator,
            millis(&self.remote.min_tx),
            millis(&self.remote.min_rx),
            self.remote.multiplier,
        )
    }
}

//! How many packets of one logical port are answered, so that no guest keeps the controller from serving others.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// Answers to one port a second, and as many at once after a pause.
const ANSWERS_MAX: u32 = 1000;
/// Ports that are counted; when as many have asked within a second, further ones wait for the next.
const PORTS_MAX: usize = 4096;

const SECOND: Duration = Duration::from_secs(1);

/// See the module's documentation. A port is named by the keys of its datapath and of itself.
#[derive(Debug, Default)]
pub(crate) struct Budget {
    ports: BTreeMap<(u32, u32), Account>,
}

#[derive(Clone, Copy, Debug)]
struct Account {
    left: u32,
    since: Instant,
}

impl Budget {
    /// Whether one more answer is due to a port.
    pub(crate) fn take(&mut self, datapath: u32, port: u32, now: Instant) -> bool {
        if self.ports.len() >= PORTS_MAX && !self.ports.contains_key(&(datapath, port)) {
            self.ports.retain(|_, account| now.saturating_duration_since(account.since) < SECOND);
            if self.ports.len() >= PORTS_MAX {
                return false;
            }
        }
        let fresh = Account { left: ANSWERS_MAX, since: now };
        let account = self.ports.entry((datapath, port)).or_insert(fresh);
        if now.saturating_duration_since(account.since) >= SECOND {
            *account = fresh;
        }
        let is_due = account.left > 0;
        account.left = account.left.saturating_sub(1);
        is_due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[allow(clippy::disallowed_methods, reason = "tests begin at some time")]
    fn one_port_takes_nothing_from_another() {
        let (mut budget, start) = (Budget::default(), Instant::now());
        let answered = (0..5000).filter(|_| budget.take(1, 1, start)).count();
        assert_eq!(answered, ANSWERS_MAX as usize);
        assert!(budget.take(1, 2, start) && !budget.take(1, 1, start));
        assert!(budget.take(1, 1, start + SECOND));

        let more = (0..5000).filter(|port| budget.take(2, *port, start + SECOND / 2)).count();
        assert_eq!((more, budget.ports.len()), (PORTS_MAX - 2, PORTS_MAX));
        assert!(budget.take(3, 1, start + 3 * SECOND));
        assert_eq!(budget.ports.len(), 1);
    }
}

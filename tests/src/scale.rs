//! Topologies that are large.

use std::fmt::Write as _;

/// How a network is spread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// One logical switch on all chassis, each of which has a tunnel to each other.
    Flat,
    /// Racks of ten chassis: each is a transport zone and has a logical switch of its own.
    Racks,
}

/// Chassis in a rack.
const RACK: usize = 10;

/// A topology file called `scale`, with so many guests on each chassis: `vm0` is the first, and neighbours are on other
/// chassis.
pub fn topology(layout: Layout, chassis: usize, guests: usize) -> String {
    let rack = if layout == Layout::Flat { chassis } else { RACK };
    let mut text = String::from("version: 1\nname: scale\nchassis:\n");
    for n in 0..chassis {
        let zone = match layout {
            Layout::Flat => String::new(),
            Layout::Racks => format!(", external-ids: {{ovn-transport-zones: rack{}}}", n / rack),
        };
        let _ = writeln!(text, "  hv{n}: {{address: 172.31.{}.{}/16{zone}}}", n / 200, n % 200 + 1);
    }
    text.push_str("northbound:\n  Logical_Switch:\n");
    for (number, hosts) in racks(chassis, guests, rack).enumerate() {
        let _ = write!(text, "    - name: sw{number}\n      ports:\n");
        for n in hosts {
            let address = format!("{} {}", mac(n), ip(n));
            let _ = writeln!(
                text,
                "        - {{name: vm{n}, addresses: [\"{address}\"], port_security: [\"{address}\"]}}"
            );
        }
    }
    text.push_str("guests:\n");
    for (number, hosts) in racks(chassis, guests, rack).enumerate() {
        for (place, n) in hosts.enumerate() {
            let on = number * rack + place % rack.min(chassis - number * rack);
            let _ = writeln!(text, "  vm{n}: {{chassis: hv{on}, mac: \"{}\", ip: {}/8}}", mac(n), ip(n));
        }
    }
    text
}

/// The guests of each logical switch.
fn racks(chassis: usize, guests: usize, rack: usize) -> impl Iterator<Item = std::ops::Range<usize>> {
    let first = (0..chassis).step_by(rack);
    first.map(move |first| first * guests..(first + rack).min(chassis) * guests)
}

fn mac(n: usize) -> String {
    let [.., a, b, c] = n.to_be_bytes();
    format!("0a:00:00:{a:02x}:{b:02x}:{c:02x}")
}

fn ip(n: usize) -> String {
    format!("10.{}.{}.{}", n / 40_000, n / 200 % 200, n % 200 + 1)
}

/// A scenario on it: the first guest pings its neighbour.
pub const SCENARIO: &str = "\
version: 1
name: scale
topology: scale
steps:
  - ping: {from: vm0, to: vm1}
";

//! Address sets, which go southbound as they are.

use incr::Emit;
use ovsdb::Uuid;

use crate::network::{Network, View};
use crate::output::Output;

/// The set and its addresses.
pub fn rows(set: Uuid, view: &View<'_>, emit: &mut Emit<Network>) {
    let Some(row) = view.address_set(set) else { return };
    emit.output(Output::Address { set: row.name.clone(), address: None });
    for address in &row.addresses {
        emit.output(Output::Address { set: row.name.clone(), address: Some(address.clone()) });
    }
}

#[cfg(test)]
mod tests {
    use crate::tests::fixture::check_change;

    #[test]
    fn addresses_come_and_go_one_by_one() {
        insta::assert_snapshot!(check_change("as-set as0 10.0.0.1 10.0.0.2", "as-set as0 10.0.0.2 10.0.0.3"), @r"
        - address set as0 has 10.0.0.1
        + address set as0 has 10.0.0.3
        ");
    }
}

//! How long a question about all packets takes: `cargo bench -p trace --bench verify -- FILE FROM TO [EXPR]`.
//!
//! FILE is a southbound database; a FROM of `any` is any port. Figures are printed, never asserted.
#![allow(clippy::disallowed_methods)] // It reads its arguments.

use ovsdb::Datum;
use schema::sb::{self, Tables};
use trace::Question;

fn main() {
    let words: Vec<String> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    // `cargo test --benches` runs this too; then it only has to compile.
    let [file, from, to, of @ ..] = &words[..] else { return };
    let tables = read(file);
    for drops in [false, true] {
        let question = Question {
            from: (from != "any").then(|| from.clone()),
            to: to.clone(),
            of: of.first().cloned(),
            drops,
        };
        let before = cpu_ms();
        let answer = trace::verify(&tables, &question);
        println!("{answer}");
        println!("{} ms of CPU time", cpu_ms() - before);
    }
}

/// User and system time of this process.
fn cpu_ms() -> u64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace();
    // Of the kernel's hundredths of a second.
    fields.skip(11).take(2).filter_map(|field| field.parse::<u64>().ok()).sum::<u64>() * 10
}

fn read(file: &str) -> Tables {
    let octets = std::fs::read(file).unwrap_or_else(|error| panic!("{file}: {error}"));
    let database = ovsdb::log::replay(&octets, 0).unwrap_or_else(|error| panic!("{file}: {error}")).database;
    let snapshot = database.now();
    let mut tables = Tables::default();
    for table in &snapshot.layout().tables {
        let (Some(id), Some(known)) =
            (snapshot.layout().table_id(&table.name), sb::TableId::from_name(&table.name))
        else {
            continue;
        };
        for (uuid, row) in snapshot.rows(id) {
            let columns = &sb::schema().tables[known.name()].columns;
            let value = |name: &&str| match table.column_index(name) {
                Some(place) => row[place].clone(),
                None => Datum::default_for(&columns[*name].ty),
            };
            let values: Vec<Datum> = known.columns().iter().map(value).collect();
            tables.replace(&table.name, uuid, Some(&values)).unwrap_or_else(|error| panic!("{error}"));
        }
    }
    tables
}

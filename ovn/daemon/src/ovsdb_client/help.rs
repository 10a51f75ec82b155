//! `help` and `--help`.

use super::fatal::Fatal;
use super::{Client, print};

pub(super) fn run(_: &mut Client, _: &[String]) -> Result<(), Fatal> {
    print(TEXT)
}

pub(super) const TEXT: &str = "\
ovsdb-client: asks a database server
usage: ovsdb-client [OPTION...] COMMAND [ARG...]
SERVER is unix:FILE, tcp:IP:PORT or ssl:IP:PORT, or a comma list of them of
which the first that serves the database is asked; or punix:, ptcp: or pssl:,
to wait for the server to connect. The default is unix:RUNDIR/db.sock, and the
default DATABASE is Open_vSwitch or else the only one there is.
What there is:
  list-dbs [SERVER]                    names of the databases
  get-schema [SERVER] [DATABASE]       the schema as JSON
  get-schema-version [SERVER] [DATABASE]
  get-schema-cksum [SERVER] [DATABASE]
  list-tables [SERVER] [DATABASE]      names of the tables
  list-columns [SERVER] [DATABASE] [TABLE]
                                       columns and their types
  dump [SERVER] [DATABASE] [TABLE [COLUMN]...]
                                       contents
Transactions, as the JSON parameters of \"transact\":
  transact [SERVER] TRANSACTION        prints the results
  query [SERVER] TRANSACTION           the same, but nothing is changed
Changes, until the program is ended:
  monitor [SERVER] [DATABASE] TABLE [COLUMN,...]...
  monitor [SERVER] [DATABASE] ALL
  monitor-cond [SERVER] [DATABASE] CONDITION TABLE [COLUMN,...]...
  monitor-cond-since [SERVER] [DATABASE] [LASTID] CONDITION TABLE [COLUMN,...]...
                                       !initial, !insert, !delete or !modify
                                       among the columns leave those out
  wait [SERVER] DATABASE STATE         until it is \"added\", \"connected\" or
                                       \"removed\"
Whole databases:
  backup [SERVER] [DATABASE] > FILE    saves the contents as a database file
  [--force] restore [SERVER] [DATABASE] < FILE
                                       puts them back
  needs-conversion [SERVER] SCHEMA     whether the database has another schema
                                       than the file SCHEMA
  convert [SERVER] SCHEMA              gives it that schema
Locks, held until the program is ended:
  lock [SERVER] LOCK                   gets in line
  steal [SERVER] LOCK                  takes it from its owner
  unlock [SERVER] LOCK                 gives it back
Output:
  -f, --format=FORMAT     table, list, html, csv or json
  -d, --data=FORMAT       values as string, bare or json
  --no-headings           without names of columns
  --pretty                JSON with line breaks
  --bare                  --format=list --data=bare --no-headings
  --max-column-width=N    cuts the columns of tables
  --timestamp             tables of monitors say when they were printed
Other options:
  -t, --timeout=SECS      gives up after so many seconds
  --no-leader-only        of a cluster any member will do
  --force                 restore despite another schema
  -p, --private-key=FILE  -c, --certificate=FILE  -C, --ca-cert=FILE
  --bootstrap-ca-cert=FILE  --ssl-protocols=LIST  --ssl-ciphers=LIST
  --ssl-server-name=NAME  keys and certificates for ssl: and pssl:
  --detach, --pidfile[=FILE], --no-chdir, --unixctl=SOCKET, --log-file[=FILE],
  -v, --verbose=[SPEC], -h, --help, -V, --version  as everywhere
";

//! FTP and TFTP: connections that are announced, and addresses in messages.

use super::packets::{End, host, tcp, udp};
use super::*;
use crate::conntrack::{Helper, is_whole};

fn ftp() -> Request {
    Request { helper: Some(Helper::Ftp), ..commit() }
}

/// A control connection from the client to the server, after its handshake.
fn control(bed: &mut Bed, request: &Request, client: End, server: End) {
    bed.track(request, &tcp(client, server, "S", (100, 0), b""));
}

/// Where the payload of a TCP frame without options is.
fn payload(frame: &[u8]) -> &[u8] {
    let at = if frame[12..14] == [8, 0] { 54 } else { 74 };
    &frame[at..]
}

fn numbers(frame: &[u8]) -> (u32, u32) {
    let at = if frame[12..14] == [8, 0] { 38 } else { 58 };
    let word = |at: usize| u32::from_be_bytes(frame[at..at + 4].try_into().unwrap());
    (word(at), word(at + 4))
}

#[test]
fn passive_data_connections_are_related() {
    for (v6, answer) in [
        (false, "227 Entering Passive Mode (10,0,0,2,4,210)\r\n"),
        (false, "229 Entering Extended Passive Mode (|||1234|)\r\n"),
        (true, "229 Entering Extended Passive Mode (|||1234|)\r\n"),
    ] {
        let mut bed = Bed::new();
        let (client, server) = ((host(v6, 1), 1000), (host(v6, 2), 21));
        control(&mut bed, &Request { mark: (7, u32::MAX), ..ftp() }, client, server);
        bed.track(&look(), &tcp(server, client, "S.", (500, 101), b""));
        assert_eq!(bed.state(&look(), &tcp(server, client, "P.", (501, 101), answer.as_bytes())), "est rpl");
        let data = tcp((client.0, 2000), (server.0, 1234), "S", (1, 0), b"");
        assert_eq!(bed.state(&look(), &tcp((client.0, 2000), (server.0, 1235), "S", (1, 0), b"")), "new");
        assert_eq!(bed.state(&look(), &data), "new rel");
        assert_eq!(bed.state(&Request { mark: (9, u32::MAX), ..commit() }, &data), "new rel");
        let answer = tcp((server.0, 1234), (client.0, 2000), "S.", (1, 2), b"");
        assert_eq!(bed.state(&look(), &answer), "est rel rpl");
        let dump = bed.dump();
        assert!(dump.contains("helper=ftp") && dump.matches("mark=7").count() == 2, "{dump}");
        assert_eq!(
            bed.state(&look(), &tcp((client.0, 2001), (server.0, 1234), "S", (1, 0), b"")),
            "new",
            "one only"
        );
    }
}

#[test]
fn active_connections_through_a_translated_source_come_home() {
    for (v6, said, rewritten) in [
        (false, "PORT 10,0,0,1,4,210\r\n", "PORT 10,0,0,100,4,210\r\n"),
        (false, "EPRT |1|10.0.0.1|1234|\r\n", "EPRT |1|10.0.0.100|1234|\r\n"),
        (true, "EPRT |2|fd00::1|1234|\r\n", "EPRT |2|fd00::64|1234|\r\n"),
    ] {
        let mut bed = Bed::new();
        let (client, server) = ((host(v6, 1), 1000), (host(v6, 2), 21));
        let public = (host(v6, 100), 1000);
        let snat = nat(Side::Source, (public.0, public.0), None);
        let back = with(look(), existing());
        control(&mut bed, &with(ftp(), snat), client, server);
        bed.track(&back, &tcp(server, public, "S.", (500, 101), b""));
        bed.track(&back, &tcp(client, server, ".", (101, 501), b""));
        let (state, sent) = bed.track(&back, &tcp(client, server, "P.", (101, 501), said.as_bytes()));
        assert_eq!((state.as_str(), std::str::from_utf8(payload(&sent)).unwrap()), ("est snat", rewritten));
        assert!(is_whole(&sent));
        let grown = (rewritten.len() - said.len()) as u32;
        // Sent again it is the same again.
        let (_, again) = bed.track(&back, &tcp(client, server, "P.", (101, 501), said.as_bytes()));
        assert_eq!(again, sent);
        // What the server acknowledges is told in the client's numbers, what follows in the server's.
        let end = 101 + said.len() as u32;
        let (state, got) = bed.track(&back, &tcp(server, public, "P.", (501, end + grown), b"200 ok\r\n"));
        assert_eq!((state.as_str(), numbers(&got)), ("est rpl dnat", (501, end)));
        assert!(is_whole(&got));
        let (state, sent) = bed.track(&back, &tcp(client, server, "P.", (end, 509), b"LIST\r\n"));
        assert_eq!((state.as_str(), numbers(&sent)), ("est snat", (end + grown, 509)));
        assert!(is_whole(&sent));
        // The server opens the data connection to the public address.
        let data = tcp((server.0, 20), (public.0, 1234), "S", (9, 0), b"");
        let (state, got) = bed.track(&with(commit(), existing()), &data);
        assert_eq!(state, "new rel dnat");
        assert_eq!(got, tcp((server.0, 20), (client.0, 1234), "S", (9, 0), b""));
        let (state, sent) = bed.track(&back, &tcp((client.0, 1234), (server.0, 20), "S.", (1, 10), b""));
        assert_eq!(state, "est rel rpl snat");
        assert_eq!(sent, tcp((public.0, 1234), (server.0, 20), "S.", (1, 10), b""));
    }
}

#[test]
fn passive_answers_of_a_translated_server_name_the_address_that_clients_know() {
    let mut bed = Bed::new();
    let (client, server) = ((host(false, 1), 1000), (host(false, 2), 21));
    let known = (host(false, 50), 21);
    let dnat = nat(Side::Destination, (server.0, server.0), None);
    control(&mut bed, &with(ftp(), dnat), client, known);
    let back = with(look(), existing());
    bed.track(&back, &tcp(server, client, "S.", (500, 101), b""));
    let said = b"227 Entering Passive Mode (10,0,0,2,4,210)\r\n";
    let (_, got) = bed.track(&back, &tcp(server, client, "P.", (501, 101), said));
    assert_eq!(payload(&got), b"227 Entering Passive Mode (10,0,0,50,4,210)\r\n");
    let (_, sent) = bed.track(&back, &tcp(client, known, ".", (101, 501 + said.len() as u32 + 1), b""));
    assert_eq!(numbers(&sent), (101, 501 + said.len() as u32));
    let data = tcp((client.0, 2000), (known.0, 1234), "S", (1, 0), b"");
    let (state, sent) = bed.track(&with(commit(), existing()), &data);
    assert_eq!(state, "new rel dnat");
    assert_eq!(sent, tcp((client.0, 2000), (server.0, 1234), "S", (1, 0), b""));
}

#[test]
fn an_address_of_someone_else_is_invalid() {
    let mut bed = Bed::new();
    let (client, server) = ((host(false, 1), 1000), (host(false, 2), 21));
    control(&mut bed, &ftp(), client, server);
    bed.track(&look(), &tcp(server, client, "S.", (500, 101), b""));
    for said in ["PORT 10,0,0,9,4,210\r\n", "PORT 10,0,0,1,4,900\r\n", "EPRT |1|10.0.0.1|0|\r\n"] {
        let said = bed.state(&look(), &tcp(client, server, "P.", (101, 501), said.as_bytes()));
        assert_eq!(said, "est inv");
    }
    assert_eq!(bed.state(&look(), &tcp((server.0, 20), (client.0, 1234), "S", (1, 0), b"")), "new");
}

#[test]
fn tftp_answers_come_from_another_port() {
    let mut bed = Bed::new();
    let (client, server) = ((host(false, 1), 1000), (host(false, 2), 69));
    let public = host(false, 100);
    let tftp = Request { helper: Some(Helper::Tftp), ..commit() };
    let snat = with(tftp, nat(Side::Source, (public, public), Some((7000, 7000))));
    bed.track(&snat, &udp(client, server, b"\0\x01file\0octet\0"));
    let answer = udp((server.0, 3333), (public, 7000), b"\0\x03\0\x01data");
    let (state, got) = bed.track(&with(commit(), existing()), &answer);
    assert_eq!((state.as_str(), got), ("new rel dnat", udp((server.0, 3333), client, b"\0\x03\0\x01data")));
    bed.pass(61);
    assert_eq!(bed.state(&commit(), &answer), "new", "it was announced once");
    bed.pass(301);
    assert_eq!(bed.tracker.next_deadline(), None, "nothing is left");
}

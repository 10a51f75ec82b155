use super::*;
use proptest::prelude::*;
use serde_json::json;

/// All messages of `bytes`, pushed in the given pieces, and the error that ended the stream: the same for who wants
/// messages, takes texts, or may take them.
fn read<'a>(pieces: impl IntoIterator<Item = &'a [u8]> + Clone) -> (Vec<Message>, Option<FrameError>) {
    let mut framer = Framer::new(MESSAGE_BYTES_MAX);
    let mut messages = Vec::new();
    let mut failed = None;
    for piece in pieces.clone() {
        let pushed = framer.push(piece);
        messages.extend(std::iter::from_fn(|| framer.pop()));
        if let Err(error) = pushed {
            assert_eq!(framer.push(b"{}"), Err(error.clone()), "an error stays");
            assert_eq!(framer.pop(), None);
            failed = Some(error);
            break;
        }
    }
    for takes in [false, true] {
        let mut framer = Framer::new(MESSAGE_BYTES_MAX);
        let mut reader = TextReader { takes, messages: Vec::new() };
        let pushed = pieces.clone().into_iter().try_for_each(|piece| framer.push_to(piece, &mut reader));
        assert_eq!(reader.messages, messages, "by text, {takes}");
        // A text is looked at for ranges of numbers and the like when it is whole.
        let is_later = match &failed {
            Some(FrameError::Value { .. }) => true,
            Some(FrameError::Syntax { expected, .. }) => expected.contains("surrogate"),
            Some(FrameError::Nesting { .. } | FrameError::Length { .. } | FrameError::Message(_)) | None => {
                false
            }
        };
        let is_later = is_later && pushed.is_ok();
        assert!(
            is_later || pushed.as_ref().err() == failed.as_ref(),
            "by text, {takes}: {pushed:?}, not {failed:?}"
        );
    }
    (messages, failed)
}

/// Can do with texts, if it `takes` them.
struct TextReader {
    takes: bool,
    messages: Vec<Message>,
}

impl Receiver for TextReader {
    const READS_TEXT: bool = true;

    fn text(&mut self, text: &Tape<'_>) -> bool {
        let text = text.root().expect("there is a value").text();
        let message = serde_json::from_str(text).ok().and_then(|value| Message::from_value(value).ok());
        let message = message.filter(|_| self.takes);
        let taken = message.is_some();
        self.messages.extend(message);
        taken
    }

    fn message(&mut self, message: Message) {
        self.messages.push(message);
    }
}

fn echo(params: Value) -> Message {
    Message::request(1, "echo", params)
}

#[test]
fn messages_follow_each_other_with_and_without_white_space() {
    let text = "{\"id\":1,\"method\":\"echo\",\"params\":[]}{ \"id\" : 1 , \"method\":\"echo\"\n,\"params\":[ 1 , {}, true,null ] }\r\n\t {\"id\":1,\"method\":\"echo\",\"params\":[\"}{\\\"\"]}\n";
    let (messages, error) = read([text.as_bytes()]);
    assert_eq!(messages, [echo(json!([])), echo(json!([1, {}, true, null])), echo(json!(["}{\""]))]);
    assert_eq!(error, None);
}

#[test]
fn bad_streams_are_refused_at_their_first_bad_byte() {
    let table: [(&[u8], &str); 22] = [
        (b"x", "byte 0 of message: expected {, found 0x78"),
        (b"[]", "byte 0 of message: expected {, found 0x5b"),
        (b"{]", "byte 1 of message: expected a member name, found 0x5d"),
        (b"{\"a\"1", "byte 4 of message: expected \":\", found 0x31"),
        (b"{\"a\":]", "byte 5 of message: expected a JSON value, found 0x5d"),
        (b"{\"a\":1]", "byte 6 of message: expected \",\" or \"}\", found 0x5d"),
        (b"{\"a\":1,}", "byte 7 of message: expected a member name, found 0x7d"),
        (b"{\"a\":[1}", "byte 7 of message: expected \",\" or \"]\", found 0x7d"),
        (b"{\"a\":[1,]", "byte 8 of message: expected a JSON value, found 0x5d"),
        (b"{\"a\":nul}", "byte 8 of message: expected null, found 0x7d"),
        (b"{\"a\":trux", "byte 8 of message: expected true, found 0x78"),
        (b"{\"a\":01,", "byte 7 of message: not a number within range"),
        (b"{\"a\":1e999,", "byte 10 of message: not a number within range"),
        (b"{\"a\":+1", "byte 5 of message: expected a JSON value, found 0x2b"),
        (b"{\"a\":\"\n\"", "byte 6 of message: expected no control character in a string, found 0x0a"),
        (b"{\"a\":\"\\x\"", "byte 7 of message: expected an escape: one of \" \\ / b f n r t u, found 0x78"),
        (b"{\"a\":\"\\u00g0\"", "byte 10 of message: expected a hexadecimal digit, found 0x67"),
        (b"{\"a\":\"\\udc00\"", "byte 11 of message: unpaired surrogate in a string"),
        (
            b"{\"a\":\"\\ud800.",
            "byte 12 of message: expected the second half of a surrogate pair, found 0x2e",
        ),
        (b"{\"a\":\"\\ud800\\ud800", "byte 17 of message: unpaired surrogate in a string"),
        (b"{\"a\":\"\xff\"", "byte 7 of message: string is not UTF-8"),
        (b"{\"a\":1}", "not a JSON-RPC message: neither \"method\" nor \"id\""),
    ];
    for (bytes, expected) in table {
        let (messages, error) = read([bytes]);
        assert_eq!((messages, error.unwrap().to_string()), (vec![], expected.to_owned()));
    }
}

fn nested(depth: usize) -> String {
    format!(r#"{{"id":1,"method":"echo","params":{}{}}}"#, "[".repeat(depth - 1), "]".repeat(depth - 1))
}

#[test]
fn nesting_up_to_the_bound_is_read_and_written_and_more_is_refused() {
    let text = nested(NESTING_MAX);
    let (messages, error) = read([text.as_bytes()]);
    assert_eq!((messages[0].to_string(), error), (text, None));
    let (messages, error) = read([nested(NESTING_MAX + 1).as_bytes()]);
    assert_eq!((messages, error), (vec![], Some(FrameError::Nesting { offset: 1032 })));
    let (_, error) = read([[b'{', b'"', b'"', b':'].repeat(1 << 20).as_slice()]);
    assert_eq!(error, Some(FrameError::Nesting { offset: 4000 }));
}

#[test]
fn a_message_up_to_the_length_bound_is_read_and_a_longer_one_is_refused() {
    let text = r#"{"id":1,"method":"echo","params":[]}"#;
    let mut framer = Framer::new(text.len());
    framer.push(format!("  {text}\n{text}").as_bytes()).unwrap();
    assert_eq!([framer.pop(), framer.pop()], [Some(echo(json!([]))), Some(echo(json!([])))]);
    let error = framer.push(text.replace("[]", "[0]").as_bytes());
    assert_eq!(error, Err(FrameError::Length { max: text.len() }));
    let mut framer = Framer::new(100);
    let digits = framer.push(format!(r#"{{"a":{}"#, "1".repeat(1000)).as_bytes());
    assert_eq!(digits, Err(FrameError::Length { max: 100 }));
    let (_, error) = read([format!(r#"{{"a":{}"#, "1".repeat(1000)).as_bytes()]);
    assert_eq!(error, Some(FrameError::Value { offset: 405, what: "number is too long" }));
}

#[test]
fn a_text_too_long_to_be_kept_is_read_as_a_message() {
    let text = echo(json!(["x".repeat(TEXT_BYTES_MAX)])).to_string() + &echo(json!([])).to_string();
    assert_eq!(read(text.as_bytes().chunks(60_000)).0.len(), 2);
    assert_eq!(read([text.as_bytes()]).0.len(), 2);
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_filter("JSON has no NaN", |f| f.is_finite()).prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 5, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            proptest::collection::btree_map(any::<String>(), inner, 0..5)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn any_cut_of_the_bytes_gives_the_same_messages(
        params in proptest::collection::vec(any_json(), 1..4),
        ascii in any::<bool>(),
        piece_len in 1..40_usize,
    ) {
        let sent: Vec<_> = params.into_iter().map(echo).collect();
        let mut text: String = sent.iter().map(Message::to_string).collect();
        if ascii {
            text = text.encode_utf16().map(|unit| match unit {
                0..0x7f => char::from(unit as u8).to_string(),
                _ => format!("\\u{unit:04x}"),
            }).collect();
        }
        let (messages, error) = read(text.as_bytes().chunks(piece_len));
        prop_assert_eq!(error, None);
        // serde_json's own printing of a double may differ in its last digit from what it reads back.
        let texts = |all: &[Message]| all.iter().map(Message::to_string).collect::<Vec<_>>();
        let reread: Vec<_> = serde_json::Deserializer::from_str(&text).into_iter::<Value>()
            .map(|value| Message::from_value(value.unwrap()).unwrap()).collect();
        prop_assert_eq!(texts(&messages), texts(&reread));
    }

    #[test]
    fn any_bytes_are_read_or_refused_the_same_way_however_cut(
        bytes in proptest::collection::vec(
            prop_oneof![proptest::sample::select(br#"{}[]":,\u01-.e tfn"#.as_slice()), any::<u8>()], 0..200),
        piece_len in 1..9_usize,
        whole in any::<bool>(),
    ) {
        let mut bytes = bytes;
        if whole {
            bytes.splice(0..0, *br#"{"id":1,"method":"echo","params":[]}{"#);
        }
        prop_assert_eq!(read([bytes.as_slice()]), read(bytes.chunks(piece_len)));
    }
}

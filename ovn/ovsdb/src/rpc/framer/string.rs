//! JSON strings, byte by byte (RFC 8259 section 7).

use super::FrameError;

/// The text so far of a string whose opening quote has been read.
#[derive(Debug, Default)]
pub(super) struct StringParser {
    text: Vec<u8>,
    escape: Escape,
}

#[derive(Debug, Default)]
enum Escape {
    #[default]
    None,
    /// After a backslash.
    Kind,
    /// Within the four digits of `\u`; `high` is the first half of a surrogate pair.
    Hex { high: Option<u32>, digit_count: u8, unit: u32 },
    /// After the first half of a surrogate pair: the second must follow, beginning with a backslash ...
    LowBackslash { high: u32 },
    /// ... and `u`.
    LowU { high: u32 },
}

impl StringParser {
    /// Takes bytes up to the closing quote; says how many it took and gives the text if that was the last.
    pub(super) fn push(
        &mut self,
        bytes: &[u8],
        offset: usize,
    ) -> Result<(usize, Option<String>), FrameError> {
        let mut used = 0;
        while used < bytes.len() {
            let Escape::None = self.escape else {
                self.escaped(bytes[used], offset + used)?;
                used += 1;
                continue;
            };
            let rest = &bytes[used..];
            let plain = rest.iter().take_while(|b| !matches!(b, b'"' | b'\\' | 0..0x20)).count();
            self.text.extend_from_slice(&rest[..plain]);
            used += plain;
            match rest.get(plain) {
                None => {}
                Some(b'"') => {
                    let text = String::from_utf8(std::mem::take(&mut self.text)).map_err(|_| {
                        FrameError::Value { offset: offset + used, what: "string is not UTF-8" }
                    })?;
                    return Ok((used + 1, Some(text)));
                }
                Some(b'\\') => {
                    self.escape = Escape::Kind;
                    used += 1;
                }
                Some(found) => {
                    return Err(FrameError::Syntax {
                        offset: offset + used,
                        expected: "no control character in a string",
                        found: *found,
                    });
                }
            }
        }
        Ok((used, None))
    }

    fn escaped(&mut self, byte: u8, offset: usize) -> Result<(), FrameError> {
        let syntax = |expected| Err(FrameError::Syntax { offset, expected, found: byte });
        self.escape = match std::mem::take(&mut self.escape) {
            Escape::None => unreachable!("called within an escape"),
            Escape::Kind => {
                let plain = match byte {
                    b'"' | b'\\' | b'/' => byte,
                    b'b' => 0x08,
                    b'f' => 0x0c,
                    b'n' => b'\n',
                    b'r' => b'\r',
                    b't' => b'\t',
                    b'u' => {
                        self.escape = Escape::Hex { high: None, digit_count: 0, unit: 0 };
                        return Ok(());
                    }
                    _ => return syntax("an escape: one of \" \\ / b f n r t u"),
                };
                self.text.push(plain);
                Escape::None
            }
            Escape::Hex { high, digit_count, unit } => {
                let Some(digit) = char::from(byte).to_digit(16) else { return syntax("a hexadecimal digit") };
                let unit = unit << 4 | digit;
                if digit_count == 3 {
                    self.unit(high, unit, offset)?
                } else {
                    Escape::Hex { high, digit_count: digit_count + 1, unit }
                }
            }
            Escape::LowBackslash { high } if byte == b'\\' => Escape::LowU { high },
            Escape::LowU { high } if byte == b'u' => {
                Escape::Hex { high: Some(high), digit_count: 0, unit: 0 }
            }
            Escape::LowBackslash { .. } | Escape::LowU { .. } => {
                return syntax("the second half of a surrogate pair");
            }
        };
        Ok(())
    }

    /// A whole UTF-16 unit has been read.
    fn unit(&mut self, high: Option<u32>, unit: u32, offset: usize) -> Result<Escape, FrameError> {
        let code = match (high, unit) {
            (None, 0xd800..0xdc00) => return Ok(Escape::LowBackslash { high: unit }),
            (None, _) => unit,
            (Some(high), 0xdc00..0xe000) => 0x10000 + ((high - 0xd800) << 10) + (unit - 0xdc00),
            (Some(_), _) => u32::MAX,
        };
        let Some(letter) = char::from_u32(code) else {
            return Err(FrameError::Value { offset, what: "unpaired surrogate in a string" });
        };
        self.text.extend_from_slice(letter.encode_utf8(&mut [0; 4]).as_bytes());
        Ok(Escape::None)
    }
}

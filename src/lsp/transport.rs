//! Messages over standard input and output. What is no message is answered and skipped; it ends nothing.

use lsp_server::{Connection, ErrorCode, Message};
use serde_json::{Value, json};
use std::io::{self, BufRead, Read, Write};
use std::thread::{self, JoinHandle};

/// Threads that read and write, as a connection. The second is done when everything sent has been written, which it is
/// some time after the connection is dropped.
pub fn stdio() -> io::Result<(Connection, JoinHandle<()>)> {
    let (server, client) = Connection::memory();
    let (sender, receiver) = (client.sender, client.receiver);
    let read = move || {
        let mut input = io::stdin().lock();
        while let Some(frame) = frame(&mut input) {
            let sent = match message(&frame) {
                Ok(message) => sender.send(message).is_ok(),
                Err(refusal) => write(&mut io::stdout().lock(), &refusal.to_string()).is_ok(),
            };
            if !sent {
                return;
            }
        }
    };
    let write = move || {
        for message in receiver {
            if message.write(&mut io::stdout().lock()).is_err() {
                return;
            }
        }
    };
    thread::Builder::new().name("lsp reader".into()).spawn(read)?;
    let writer = thread::Builder::new().name("lsp writer".into()).spawn(write)?;
    Ok((server, writer))
}

/// The bytes of the next message; `None` where the input ends. Lines that are no header of ours are passed over.
fn frame(input: &mut dyn BufRead) -> Option<Vec<u8>> {
    let mut size = None;
    loop {
        let mut line = Vec::new();
        if input.read_until(b'\n', &mut line).ok()? == 0 {
            return None;
        }
        let line = String::from_utf8_lossy(&line);
        if let (true, Some(size)) = (line.trim().is_empty(), size) {
            let mut body = Vec::new();
            // Read as it comes: a size that is a lie allocates nothing.
            let read = Read::take(input, size).read_to_end(&mut body).ok()?;
            return (read as u64 == size).then_some(body);
        }
        if let Some((name, value)) = line.split_once(':')
            && name.trim().eq_ignore_ascii_case("content-length")
        {
            size = value.trim().parse::<u64>().ok();
        }
    }
}

/// The message that the bytes are, or the answer to bytes that are none.
fn message(body: &[u8]) -> Result<Message, Value> {
    let refuse = |id: Value, code: ErrorCode, message: String| json!({ "jsonrpc": "2.0", "id": id, "error": { "code": code as i32, "message": message } });
    let value: Value =
        serde_json::from_slice(body).map_err(|e| refuse(Value::Null, ErrorCode::ParseError, e.to_string()))?;
    let id = value.get("id").cloned().unwrap_or_default();
    serde_json::from_value(value)
        .map_err(|_| refuse(id, ErrorCode::InvalidRequest, "this is no request, answer or notification".into()))
}

fn write(out: &mut dyn Write, text: &str) -> io::Result<()> {
    write!(out, "Content-Length: {}\r\n\r\n{text}", text.len())?;
    out.flush()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frames(mut input: &[u8]) -> Vec<String> {
        std::iter::from_fn(|| frame(&mut input)).map(|f| String::from_utf8_lossy(&f).into_owned()).collect()
    }

    #[test]
    fn frames_are_found_whatever_stands_between_them() {
        let text = "Content-Length: 2\r\n\r\n{}noise\r\n\r\ncontent-length:3\nContent-Type: x\n\nabcContent-Length: 9\r\n\r\nshort";
        assert_eq!(frames(text.as_bytes()), ["{}", "abc"]);
        assert_eq!(frames(b"Content-Length: 99999999999999\r\n\r\n{}"), [""; 0]);
        assert_eq!(frames(b"Content-Length: many\r\n\r\nContent-Length: 1\r\n\r\nx"), ["x"]);
        assert_eq!(frames(b"\xff\xfe\nContent-Length: 1\r\n\r\nx"), ["x"]);
    }

    #[test]
    fn what_is_no_message_gets_an_answer() {
        let refused = |text: &str| message(text.as_bytes()).unwrap_err();
        assert_eq!(refused("{")["error"]["code"], -32700);
        assert_eq!(refused("[]")["error"]["code"], -32600);
        assert_eq!(refused(r#"{"id":7}"#)["id"], 7);
        assert_eq!(refused(&"[".repeat(100_000))["error"]["code"], -32700);
        assert!(matches!(message(br#"{"jsonrpc":"2.0","method":"exit"}"#), Ok(Message::Notification(_))));
    }
}

//! Messages of AWS event streams, with right checksums: bytes at random never have them.

/// Each line is a message: its name up to the first space, its payload behind it. Names that begin with `!` are those
/// of exceptions. A line without a space goes in as it is.
pub fn of_lines(input: &[u8]) -> Vec<u8> {
    let mut stream = Vec::new();
    for line in input.split(|&byte| byte == b'\n') {
        match line.iter().position(|&byte| byte == b' ') {
            Some(at) => stream.extend(message(&line[..at], &line[at + 1..])),
            None => stream.extend(line),
        }
    }
    stream
}

fn message(name: &[u8], payload: &[u8]) -> Vec<u8> {
    let (kind, name) = name.strip_prefix(b"!").map_or(("event", name), |name| ("exception", name));
    let mut headers = Vec::new();
    for (key, value) in [(format!(":{kind}-type"), &name[..name.len().min(200)]), (":message-type".to_owned(), kind.as_bytes())] {
        headers.push(key.len() as u8);
        headers.extend(key.as_bytes());
        headers.push(7);
        headers.extend((value.len() as u16).to_be_bytes());
        headers.extend(value);
    }
    let mut message = ((headers.len() + payload.len() + 16) as u32).to_be_bytes().to_vec();
    message.extend((headers.len() as u32).to_be_bytes());
    message.extend(crc32fast::hash(&message).to_be_bytes());
    message.extend(headers);
    message.extend(payload);
    message.extend(crc32fast::hash(&message).to_be_bytes());
    message
}

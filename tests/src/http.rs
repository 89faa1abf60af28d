//! HTTP over a peer's TLS stream, by hand: whatever bytes a test wants go out, and one whole answer comes
//! back. Nothing here mends what it reads.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite};

use crate::peer::{Peer, Stream, send, within};

/// One answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The fields, names in lower case.
    pub fields: Vec<(String, String)>,
    /// The body, without its framing.
    pub body: Vec<u8>,
}

impl Answer {
    /// The value of the first field of this name.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(field, _)| field == name).map(|(_, value)| value.as_str())
    }

    /// The body as JSON; null where it is none.
    #[must_use]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// The code of an error of the gate's own: as the body and the header have it.
    ///
    /// # Panics
    /// Where they differ.
    #[must_use]
    pub fn code(&self) -> Option<String> {
        let code = self.field("tsmgate-reason").map(ToOwned::to_owned);
        if let Some(code) = &code {
            assert_eq!(self.json()["error"]["code"], **code, "{self:?}");
        }
        code
    }
}

/// An open connection that speaks HTTP.
pub struct Http<S = Stream> {
    /// The stream, for tests that write to it themselves.
    pub stream: S,
    read: Vec<u8>,
}

impl Http {
    /// Connects, and offers `http/1.1`.
    ///
    /// # Errors
    /// As the gate makes them.
    pub async fn open(peer: &Peer) -> io::Result<Self> {
        let stream = peer.clone().offering(&["http/1.1"]).connect().await?;
        Ok(Self::over(stream))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Http<S> {
    /// Over a stream that is there already.
    #[must_use]
    pub fn over(stream: S) -> Self {
        Self::with(stream, Vec::new())
    }

    /// The same, of which these bytes were read already.
    #[must_use]
    pub fn with(stream: S, read: Vec<u8>) -> Self {
        Self { stream, read }
    }

    /// `GET` of a path.
    ///
    /// # Errors
    /// As the gate makes them.
    pub async fn get(&mut self, path: &str) -> io::Result<Answer> {
        self.ask("GET", path, "", b"").await
    }

    /// A request with a body, and more lines for its header, each with its end.
    ///
    /// # Errors
    /// As the gate makes them.
    pub async fn ask(
        &mut self,
        method: &str,
        path: &str,
        lines: &str,
        body: &[u8],
    ) -> io::Result<Answer> {
        let length = match body.len() {
            0 => String::new(),
            length => format!("content-length: {length}\r\n"),
        };
        let head = format!("{method} {path} HTTP/1.1\r\nhost: gate\r\n{lines}{length}\r\n");
        self.raw(&[head.as_bytes(), body].concat()).await
    }

    /// Sends these bytes, and reads one answer.
    ///
    /// # Errors
    /// As the gate makes them.
    pub async fn raw(&mut self, bytes: &[u8]) -> io::Result<Answer> {
        send(&mut self.stream, bytes).await?;
        self.answer().await
    }

    /// Reads one whole answer. One that is cut is `UnexpectedEof`.
    ///
    /// # Errors
    /// As the gate makes them.
    ///
    /// # Panics
    /// Where it is not HTTP.
    pub async fn answer(&mut self) -> io::Result<Answer> {
        let end = loop {
            if let Some(at) = find(&self.read, b"\r\n\r\n") {
                break at;
            }
            self.more().await?;
        };
        let head: Vec<u8> = self.read.drain(..end + 4).collect();
        let head = String::from_utf8(head).expect("a header in ASCII");
        let mut lines = head.trim_end().split("\r\n");
        let first = lines.next().expect("a first line");
        let status = first.strip_prefix("HTTP/1.1 ").expect(first).get(..3).expect(first);
        let fields: Vec<_> = lines
            .map(|line| line.split_once(": ").expect(line))
            .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
            .collect();
        let mut answer = Answer { status: status.parse().expect(first), fields, body: Vec::new() };
        let length = answer.field("content-length").map(|length| length.parse().expect("a length"));
        answer.body = match (length, answer.field("transfer-encoding")) {
            (Some(length), None) => self.take(length).await?,
            (None, Some("chunked")) => self.chunks().await?,
            (None, None) if matches!(answer.status, 204 | 304) => Vec::new(),
            other => panic!("a framing that is not known: {other:?} in {head}"),
        };
        Ok(answer)
    }

    /// Whether the gate has closed, and has not said anything more.
    pub async fn is_closed(&mut self) -> bool {
        self.read.is_empty()
            && matches!(self.more().await, Err(error) if error.kind() != io::ErrorKind::TimedOut)
    }

    async fn chunks(&mut self) -> io::Result<Vec<u8>> {
        let mut body = Vec::new();
        loop {
            let end = loop {
                if let Some(at) = find(&self.read, b"\r\n") {
                    break at;
                }
                self.more().await?;
            };
            let size: Vec<u8> = self.read.drain(..end + 2).collect();
            let size = std::str::from_utf8(&size).expect("a size").trim_end().to_owned();
            let size = usize::from_str_radix(&size, 16).expect("a size");
            body.extend(self.take(size).await?);
            assert_eq!(self.take(2).await?, b"\r\n");
            if size == 0 {
                return Ok(body);
            }
        }
    }

    async fn take(&mut self, count: usize) -> io::Result<Vec<u8>> {
        while self.read.len() < count {
            self.more().await?;
        }
        Ok(self.read.drain(..count).collect())
    }

    async fn more(&mut self) -> io::Result<()> {
        let mut bytes = [0; 16 * 1024];
        match within(self.stream.read(&mut bytes)).await?? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            count => {
                self.read.extend_from_slice(&bytes[..count]);
                Ok(())
            }
        }
    }
}

/// Where a text begins in another.
#[must_use]
pub fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|window| window == what)
}

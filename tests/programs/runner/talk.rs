//! Questions to a runner, the orders in them, and answers.

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;

use data_encoding::BASE64;
use tests::wait;
use tsmgate_catalogue::command::{OneOption, Order, SentFile};
use tsmgate_catalogue::runner::{Ask, Event, Recorded, Said, Start};

/// One connection to the runner.
pub struct Conversation {
    lines: BufReader<UnixStream>,
}

impl Conversation {
    /// With whom listens there.
    pub fn with(socket: &Path) -> Self {
        let stream = UnixStream::connect(socket).unwrap();
        stream.set_read_timeout(Some(wait::PATIENCE)).unwrap();
        stream.set_write_timeout(Some(wait::PATIENCE)).unwrap();
        Self { lines: BufReader::new(stream) }
    }

    pub fn say(&mut self, ask: &Ask) {
        self.bytes((serde_json::to_string(ask).unwrap() + "\n").as_bytes());
    }

    pub fn recorded(&mut self, n: u64) {
        let recorded = serde_json::to_string(&Recorded { recorded: n }).unwrap();
        self.bytes((recorded + "\n").as_bytes());
    }

    pub fn bytes(&mut self, bytes: &[u8]) {
        self.lines.get_mut().write_all(bytes).unwrap();
    }

    /// The next line; `None` at the end.
    pub fn next(&mut self) -> Option<Said> {
        let mut line = String::new();
        self.lines.read_line(&mut line).unwrap();
        (!line.is_empty()).then(|| serde_json::from_str(&line).unwrap())
    }

    /// What comes until the runner closes.
    pub fn rest(&mut self) -> Vec<u8> {
        let mut rest = Vec::new();
        // one that is closed before it was read from is reset
        let _ = self.lines.read_to_end(&mut rest);
        rest
    }

    pub fn event(&mut self) -> Option<Event> {
        match self.next()? {
            Said::Event(event) => Some(event),
            other => panic!("{other:?}"),
        }
    }

    pub fn events(mut self) -> Vec<Event> {
        std::iter::from_fn(|| self.event()).collect()
    }
}

/// An order with a minute's time and room for all it says.
pub fn start(command: &str, options: Vec<OneOption>) -> Start {
    Start {
        order: Order { command: command.to_owned(), options, run_seconds: None },
        client: "jump01".to_owned(),
        identity: "URI:tsmgate://client/jump01".to_owned(),
        address: "10.20.1.7".to_owned(),
        request: "r-1".to_owned(),
        run_seconds: 60,
        queued: 16,
        output: 16 << 20,
    }
}

pub fn value(name: &str, value: &str) -> OneOption {
    OneOption { name: name.to_owned(), value: Some(value.into()), file: None }
}

pub fn flag(name: &str) -> OneOption {
    OneOption { name: name.to_owned(), value: None, file: None }
}

pub fn file(option: &str, name: &str, bytes: &[u8]) -> OneOption {
    let content = BASE64.encode(bytes);
    let file = SentFile { name: name.to_owned(), content: content.as_str().into() };
    OneOption { name: option.to_owned(), value: None, file: Some(file) }
}

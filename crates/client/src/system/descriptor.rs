//! A numbered file descriptor for the program that this process becomes: a pipe that holds a text and its
//! end. Nothing that is open already is put aside for it.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::fd::{AsFd, AsRawFd, OwnedFd, RawFd};

use rustix::fs::{OFlags, fcntl_setfl};
use rustix::io::{DupFlags, dup3, fcntl_dupfd_cloexec};
use rustix::pipe::{PipeFlags, pipe_with};

/// The numbers that can be asked for: above the standard streams, below what is ours.
pub(crate) const NUMBERS: Range<RawFd> = 3..64;

/// Another number for what is open, above all that can be asked for.
pub(crate) fn out_of_the_way(open: impl AsFd) -> io::Result<OwnedFd> {
    Ok(fcntl_dupfd_cloexec(open, NUMBERS.end)?)
}

/// What a program calls a descriptor.
pub(crate) type Number = RawFd;

/// A number that is ours.
#[derive(Debug)]
pub(crate) struct Reserved(OwnedFd);

impl Reserved {
    /// Takes the number, before anything else does.
    ///
    /// # Errors
    /// [`io::ErrorKind::AddrInUse`] where it is open already, or the system's own answer.
    pub(crate) fn number(number: RawFd) -> io::Result<Self> {
        let nowhere = OwnedFd::from(File::open("/dev/null")?);
        if nowhere.as_raw_fd() == number {
            return Ok(Self(nowhere));
        }
        // the lowest free number from there on: another than that means that it is taken
        let reserved = fcntl_dupfd_cloexec(&nowhere, number)?;
        match reserved.as_raw_fd() == number {
            true => Ok(Self(reserved)),
            false => Err(io::ErrorKind::AddrInUse.into()),
        }
    }

    /// Makes it the reading end of a pipe that holds the text, and that the next program inherits.
    ///
    /// # Errors
    /// [`io::ErrorKind::WouldBlock`] where a pipe has no room for the text, or the system's own answer.
    pub(crate) fn fill(mut self, text: &[u8]) -> io::Result<Filled> {
        let (reading, writing) = pipe_with(PipeFlags::CLOEXEC)?;
        // nobody reads yet: a text that does not fit must fail, and not wait for ever
        fcntl_setfl(&writing, OFlags::NONBLOCK)?;
        let written = rustix::io::write(&writing, text)?;
        if written < text.len() {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        dup3(&reading, &mut self.0, DupFlags::empty())?;
        Ok(Filled { _reading: self.0 })
    }
}

/// A filled pipe; it stays open as long as this is there, or another program has it.
#[derive(Debug)]
pub(crate) struct Filled {
    _reading: OwnedFd,
}

//! What the bytes of a stream say.
//!
//! Each end opens one stream and writes, in this order: a greeting of 10 bytes
//! (`icnq`, version u16, longest frame u32), one byte `R` once it has read the
//! other's greeting, then frames, each a length u32 and as many bytes. Numbers
//! are big-endian.

use quinn::{ReadError, ReadExactError, RecvStream, SendStream, WriteError};

use icn_types::host::Frame;

use crate::end::LinkEnd;

const MAGIC: [u8; 4] = *b"icnq";
const VERSION: u16 = 1;
const READY: u8 = b'R';
const HELLO_LEN: usize = 10;

/// Writes the greeting.
pub(crate) async fn write_hello(
    stream: &mut SendStream,
    frame_len_max: usize,
) -> Result<(), LinkEnd> {
    let max = u32::try_from(frame_len_max).unwrap_or(u32::MAX);
    let hello = [&MAGIC[..], &VERSION.to_be_bytes(), &max.to_be_bytes()].concat();
    stream.write_all(&hello).await.map_err(written)
}

/// Reads the other's greeting: the longest frame that it takes.
pub(crate) async fn read_hello(stream: &mut RecvStream) -> Result<usize, LinkEnd> {
    let mut hello = [0; HELLO_LEN];
    stream.read_exact(&mut hello).await.map_err(read)?;
    let [m0, m1, m2, m3, v0, v1, l0, l1, l2, l3] = hello;
    if [m0, m1, m2, m3] != MAGIC {
        return Err(LinkEnd::BadHello);
    }
    let theirs = u16::from_be_bytes([v0, v1]);
    if theirs != VERSION {
        return Err(LinkEnd::Version { theirs });
    }
    let max = u32::from_be_bytes([l0, l1, l2, l3]);
    Ok(usize::try_from(max).unwrap_or(usize::MAX))
}

/// Says that the other's greeting was read.
pub(crate) async fn write_ready(stream: &mut SendStream) -> Result<(), LinkEnd> {
    stream.write_all(&[READY]).await.map_err(written)
}

/// Waits for the other to say so.
pub(crate) async fn read_ready(stream: &mut RecvStream) -> Result<(), LinkEnd> {
    let mut ready = [0];
    stream.read_exact(&mut ready).await.map_err(read)?;
    if ready == [READY] {
        Ok(())
    } else {
        Err(LinkEnd::BadHello)
    }
}

/// Writes one frame; its length was checked when it was queued.
pub(crate) async fn write_frame(stream: &mut SendStream, frame: &Frame) -> Result<(), LinkEnd> {
    let len = u32::try_from(frame.len()).unwrap_or(u32::MAX);
    stream
        .write_all(&len.to_be_bytes())
        .await
        .map_err(written)?;
    stream.write_all(frame).await.map_err(written)
}

/// Reads one frame. Its announced length is checked before anything is
/// allocated.
pub(crate) async fn read_frame(stream: &mut RecvStream, max: usize) -> Result<Frame, LinkEnd> {
    let mut len = [0; 4];
    stream.read_exact(&mut len).await.map_err(read)?;
    let len = usize::try_from(u32::from_be_bytes(len)).unwrap_or(usize::MAX);
    if len > max {
        return Err(LinkEnd::TooLong { len, max });
    }
    let mut bytes = vec![0; len];
    stream.read_exact(&mut bytes).await.map_err(read)?;
    Ok(Frame::from(bytes))
}

fn read(error: ReadExactError) -> LinkEnd {
    match error {
        ReadExactError::ReadError(ReadError::ConnectionLost(error)) => error.into(),
        ReadExactError::FinishedEarly(_) | ReadExactError::ReadError(ReadError::Reset(_)) => {
            LinkEnd::Truncated
        }
        ReadExactError::ReadError(_) => LinkEnd::Protocol,
    }
}

fn written(error: WriteError) -> LinkEnd {
    match error {
        WriteError::ConnectionLost(error) => error.into(),
        _ => LinkEnd::Protocol,
    }
}

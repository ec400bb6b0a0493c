use super::{DEPTH_MAX, DecodeError, LEN_MAX, Reason};

const UINT: u8 = 0;
const NEGATIVE: u8 = 1;
const BYTES: u8 = 2;
const TEXT: u8 = 3;
const ARRAY: u8 = 4;
const SIMPLE: u8 = 7;

/// Reads canonical items from a slice and refuses every other spelling.
///
/// Nothing is copied and nothing is allocated. A reader that answered with an
/// error stays where it was and is of no further use.
#[derive(Clone, Debug)]
pub struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
    /// How many arrays around an item count as its own.
    outer: usize,
}

impl<'a> Reader<'a> {
    /// A reader at the start of `bytes`.
    ///
    /// # Errors
    /// [`Reason::Limit`] when `bytes` is longer than [`LEN_MAX`].
    pub const fn new(bytes: &'a [u8]) -> Result<Self, DecodeError> {
        if bytes.len() > LEN_MAX {
            return Err(DecodeError::new(0, Reason::Limit));
        }
        Ok(Self {
            bytes,
            at: 0,
            outer: 0,
        })
    }

    /// Ends reading.
    ///
    /// # Errors
    /// [`Reason::Trailing`] when bytes are left.
    pub const fn finish(&self) -> Result<(), DecodeError> {
        if self.at == self.bytes.len() {
            Ok(())
        } else {
            Err(self.error(Reason::Trailing))
        }
    }

    /// An error at the present offset.
    #[must_use]
    pub const fn error(&self, reason: Reason) -> DecodeError {
        DecodeError::new(self.at, reason)
    }

    /// Number of items of the array that starts here. It never exceeds the
    /// number of bytes left, so it bounds any allocation made for the items.
    ///
    /// # Errors
    /// [`DecodeError`] when no array starts here or it announces too much.
    #[inline]
    pub fn array(&mut self) -> Result<usize, DecodeError> {
        let len = self.length(ARRAY)?;
        if len > self.bytes.len() - self.at {
            return Err(self.error(Reason::Truncated));
        }
        Ok(len)
    }

    /// The head of an array of exactly `expected` items.
    ///
    /// # Errors
    /// [`Reason::Count`] when the array has another number of items.
    #[inline]
    pub fn array_of(&mut self, expected: usize) -> Result<(), DecodeError> {
        let at = self.at;
        if self.array()? == expected {
            Ok(())
        } else {
            Err(DecodeError::new(at, Reason::Count))
        }
    }

    /// The type tag `expected`.
    ///
    /// # Errors
    /// [`Reason::Tag`] when the text is another one.
    pub fn tag(&mut self, expected: &'static str) -> Result<(), DecodeError> {
        let at = self.at;
        let len = self.length(TEXT)?;
        let start = self.at;
        let text = self.take(len)?;
        // Equal bytes are text: no need to look at them twice.
        if text == expected.as_bytes() {
            return Ok(());
        }
        Err(match core::str::from_utf8(text) {
            Ok(_) => DecodeError::new(at, Reason::Tag),
            Err(_) => DecodeError::new(start, Reason::Text),
        })
    }

    /// An unsigned integer.
    ///
    /// # Errors
    /// [`DecodeError`] when no shortest unsigned integer starts here.
    #[inline]
    pub fn uint(&mut self) -> Result<u64, DecodeError> {
        self.head(UINT)
    }

    /// A signed integer of 64 bits.
    ///
    /// # Errors
    /// [`Reason::Range`] when the integer does not fit.
    pub fn int(&mut self) -> Result<i64, DecodeError> {
        let negative = self.peek()? >> 5 == NEGATIVE;
        let at = self.at;
        let value = self.head(if negative { NEGATIVE } else { UINT })?;
        let value = i64::try_from(value).map_err(|_| DecodeError::new(at, Reason::Range))?;
        Ok(if negative { !value } else { value })
    }

    /// A byte string.
    ///
    /// # Errors
    /// [`DecodeError`] when no byte string starts here or it is cut off.
    #[inline]
    pub fn bytes(&mut self) -> Result<&'a [u8], DecodeError> {
        let len = self.length(BYTES)?;
        self.take(len)
    }

    /// A byte string of exactly `N` bytes.
    ///
    /// # Errors
    /// [`Reason::Range`] when it has another length.
    pub fn fixed<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        let at = self.at;
        if let Some(fixed) = self.usual_fixed() {
            return Ok(fixed);
        }
        self.bytes()?
            .try_into()
            .map_err(|_| DecodeError::new(at, Reason::Range))
    }

    /// A byte string of `N` bytes behind a head of two bytes, if one is here.
    #[inline]
    fn usual_fixed<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (head, rest) = self.bytes.get(self.at..)?.split_first_chunk()?;
        let is_shortest = (24..=0xff).contains(&N);
        let is_head = is_shortest && *head == [0x58, u8::try_from(N).ok()?];
        let fixed = rest.first_chunk().filter(|_| is_head)?;
        self.at += 2 + N;
        Some(*fixed)
    }

    /// UTF-8 text.
    ///
    /// # Errors
    /// [`Reason::Text`] when the bytes are not UTF-8.
    pub fn text(&mut self) -> Result<&'a str, DecodeError> {
        let len = self.length(TEXT)?;
        let at = self.at;
        core::str::from_utf8(self.take(len)?).map_err(|_| DecodeError::new(at, Reason::Text))
    }

    /// `true` or `false`.
    ///
    /// # Errors
    /// [`Reason::Type`] when it is neither, [`Reason::Forbidden`] when no item
    /// starts here at all.
    pub fn bool(&mut self) -> Result<bool, DecodeError> {
        match self.peek()? {
            0xf4 => self.skip_byte(false),
            0xf5 => self.skip_byte(true),
            first => Err(self.unexpected(first)),
        }
    }

    /// Consumes a null if one is here.
    ///
    /// # Errors
    /// [`Reason::Truncated`] at the end of the input.
    #[inline]
    pub fn null(&mut self) -> Result<bool, DecodeError> {
        match self.peek()? {
            0xf6 => self.skip_byte(true),
            _ => Ok(false),
        }
    }

    /// The bytes of whatever single item starts here, checked all the way
    /// down. Cost is linear in its length, stack use is constant.
    ///
    /// # Errors
    /// [`DecodeError`] when the item is not canonical or nests deeper than
    /// [`DEPTH_MAX`].
    pub fn item(&mut self) -> Result<&'a [u8], DecodeError> {
        let start = self.at;
        let mut open = [0_usize; DEPTH_MAX]; // items still missing per open array
        let mut depth = self.outer;
        loop {
            let first = self.peek()?;
            match first >> 5 {
                UINT => drop(self.uint()?),
                NEGATIVE => drop(self.int()?),
                BYTES => drop(self.bytes()?),
                TEXT => drop(self.text()?),
                ARRAY => {
                    let too_deep = self.error(Reason::Depth);
                    let len = self.array()?;
                    let slot = open.get_mut(depth).ok_or(too_deep)?;
                    if len > 0 {
                        *slot = len;
                        depth += 1;
                        continue;
                    }
                }
                _ if is_forbidden(first) => return Err(self.error(Reason::Forbidden)),
                _ => self.at += 1,
            }
            while depth > self.outer {
                open[depth - 1] -= 1;
                if open[depth - 1] > 0 {
                    break;
                }
                depth -= 1;
            }
            if depth == self.outer {
                return Ok(&self.bytes[start..self.at]);
            }
        }
    }

    /// What `read` reads of one array whose items nest no deeper than if all of
    /// it was taken as one [`item`](Self::item).
    pub(crate) fn inside<T>(
        &mut self,
        read: impl FnOnce(&mut Self) -> Result<T, DecodeError>,
    ) -> Result<T, DecodeError> {
        self.outer += 1;
        let value = read(self)?;
        self.outer -= 1;
        Ok(value)
    }

    /// What `read` reads, with the bytes that it read.
    pub(crate) fn spanned<T>(
        &mut self,
        read: impl FnOnce(&mut Self) -> Result<T, DecodeError>,
    ) -> Result<(T, &'a [u8]), DecodeError> {
        let start = self.at;
        let value = read(self)?;
        Ok((value, &self.bytes[start..self.at]))
    }

    #[inline]
    fn peek(&self) -> Result<u8, DecodeError> {
        self.bytes
            .get(self.at)
            .copied()
            .ok_or_else(|| self.error(Reason::Truncated))
    }

    /// What to say about an item that was not asked for.
    const fn unexpected(&self, first: u8) -> DecodeError {
        self.error(if is_forbidden(first) {
            Reason::Forbidden
        } else {
            Reason::Type
        })
    }

    const fn skip_byte<T: Copy>(&mut self, value: T) -> Result<T, DecodeError> {
        self.at += 1;
        Ok(value)
    }

    #[inline]
    fn take(&mut self, len: usize) -> Result<&'a [u8], DecodeError> {
        let rest = &self.bytes[self.at..];
        let taken = rest
            .get(..len)
            .ok_or_else(|| self.error(Reason::Truncated))?;
        self.at += len;
        Ok(taken)
    }

    #[inline]
    fn length(&mut self, major: u8) -> Result<usize, DecodeError> {
        let at = self.at;
        usize::try_from(self.head(major)?).map_err(|_| DecodeError::new(at, Reason::Truncated))
    }

    /// Head of an item of the given major type, in shortest form.
    #[inline]
    fn head(&mut self, major: u8) -> Result<u64, DecodeError> {
        match self.bytes.get(self.at) {
            Some(&first) if first >> 5 == major && first & 0x1f < 24 => {
                self.at += 1;
                Ok(u64::from(first & 0x1f))
            }
            _ => self.wide_head(major),
        }
    }

    fn wide_head(&mut self, major: u8) -> Result<u64, DecodeError> {
        let first = self.peek()?;
        if first >> 5 != major || is_forbidden(first) {
            return Err(self.unexpected(first));
        }
        let rest = &self.bytes[self.at + 1..];
        let (value, width, least) = match first & 0x1f {
            24 => (rest.first().map(|&digit| digit.into()), 1, 24),
            25 => (number(rest, u16::from_be_bytes), 2, 0x100),
            26 => (number(rest, u32::from_be_bytes), 4, 0x1_0000),
            _ => (number(rest, u64::from_be_bytes), 8, 0x1_0000_0000),
        };
        let value = value.ok_or_else(|| self.error(Reason::Truncated))?;
        if value < least {
            return Err(self.error(Reason::NotShortest));
        }
        self.at += 1 + width;
        Ok(value)
    }
}

/// The number at the start of `bytes`, if they are long enough.
fn number<const N: usize, T: Into<u64>>(bytes: &[u8], read: fn([u8; N]) -> T) -> Option<u64> {
    bytes.first_chunk().map(|digits| read(*digits).into())
}

/// Whether no canonical item starts with this byte: maps, tags, indefinite
/// lengths, reserved heads, floats and all simple values but three.
const fn is_forbidden(first: u8) -> bool {
    match first >> 5 {
        UINT | NEGATIVE | BYTES | TEXT | ARRAY => first & 0x1f > 27,
        SIMPLE => !matches!(first, 0xf4..=0xf6),
        _ => true,
    }
}

//! Content codings of HTTP (RFC 9110, 8.4.1): gzip, deflate, br (RFC 7932) and zstd (RFC 8878), undone within limits.

use std::io::{self, Read};

use aws_lc_rs::digest::{Context, SHA256};
use flate2::read::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};

use crate::net::bytes::hex;

/// Most codings one after the other: what a cache and a compressing proxy could both add, twice.
const MOST_CODINGS: usize = 4;
/// Bytes after which decoding stops, whatever is kept of them: a bomb says no more than its size.
pub const MOST_DECODED: u64 = 64 * 1024 * 1024;
/// Memory that a Zstandard frame may ask for: 8 MiB, which RFC 9659 allows a content coding.
const ZSTD_WINDOW: u64 = 8 * 1024 * 1024;
/// The longest header of a Zstandard frame.
const ZSTD_HEADER: u64 = 18;

/// One coding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Coding {
    /// gzip, RFC 1952.
    Gzip,
    /// zlib, RFC 1950; some servers send raw DEFLATE under this name.
    Deflate,
    /// Brotli.
    Brotli,
    /// Zstandard.
    Zstd,
}

/// A body as it was before it was coded.
#[derive(Debug, PartialEq, Eq)]
pub struct Decoded {
    /// The first bytes.
    pub kept: Vec<u8>,
    /// Bytes that came out.
    pub size: u64,
    /// More would have come out: the coded body was cut, or too much came.
    pub cut: bool,
    /// SHA-256 of all that came out, in hexadecimal; empty where it was cut.
    pub sha256: String,
}

/// The codings a `Content-Encoding` names, in the order applied. `Err` names one that is not known, or says that there are
/// too many.
pub fn named<'v>(values: impl IntoIterator<Item = &'v str>) -> Result<Vec<Coding>, String> {
    let words = values.into_iter().flat_map(|value| value.split(',')).map(str::trim).filter(|word| !word.is_empty());
    let mut out = Vec::new();
    for word in words {
        match word.to_ascii_lowercase().as_str() {
            "identity" => {}
            "gzip" | "x-gzip" => out.push(Coding::Gzip),
            "deflate" => out.push(Coding::Deflate),
            "br" => out.push(Coding::Brotli),
            "zstd" => out.push(Coding::Zstd),
            _ => return Err(format!("content-encoding {word} is not known here")),
        }
    }
    if out.len() > MOST_CODINGS {
        return Err(format!("{} content codings are more than the {MOST_CODINGS} that are undone", out.len()));
    }
    Ok(out)
}

/// Undoes `codings` of `raw`, the whole body or its beginning; keeps `limit` bytes. `Err` says why it is not coded as it
/// claims to be.
pub fn decode(codings: &[Coding], raw: &[u8], whole: bool, limit: usize) -> Result<Decoded, String> {
    let mut reader: Box<dyn Read + '_> = Box::new(raw);
    for coding in codings.iter().rev() {
        reader = match coding {
            Coding::Gzip => Box::new(MultiGzDecoder::new(reader)),
            Coding::Deflate => inflate(reader).map_err(|error| broken(*coding, &error))?,
            Coding::Brotli => Box::new(brotli_decompressor::Decompressor::new(reader, 4096)),
            Coding::Zstd => Box::new(Zstd { source: Some(reader), decoder: None }),
        };
    }
    let mut out = Decoded { kept: Vec::new(), size: 0, cut: false, sha256: String::new() };
    let mut digest = Context::new(&SHA256);
    let mut buffer = vec![0; 16 * 1024];
    loop {
        match reader.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => {
                out.size += count as u64;
                digest.update(buffer.get(..count).unwrap_or_default());
                let room = limit.saturating_sub(out.kept.len()).min(count);
                out.kept.extend_from_slice(buffer.get(..room).unwrap_or_default());
                if out.size > MOST_DECODED {
                    out.cut = true;
                    return Ok(out);
                }
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            // The end of what was kept of it is in the middle of what was sent.
            Err(_) if !whole => {
                out.cut = true;
                return Ok(out);
            }
            Err(error) => return Err(broken(codings.last().copied().unwrap_or(Coding::Gzip), &error)),
        }
    }
    out.cut = !whole;
    out.sha256 = hex(digest.finish().as_ref());
    Ok(out)
}

fn broken(coding: Coding, error: &io::Error) -> String {
    let word = match coding {
        Coding::Gzip => "gzip",
        Coding::Deflate => "deflate",
        Coding::Brotli => "br",
        Coding::Zstd => "zstd",
    };
    format!("the body is not {word}, as its content-encoding says: {error}")
}

/// zlib as the standard says, or raw DEFLATE as some servers send it: the first byte of zlib names method 8, and both
/// bytes together are a multiple of 31.
fn inflate<'r>(mut reader: Box<dyn Read + 'r>) -> io::Result<Box<dyn Read + 'r>> {
    let mut head = Vec::new();
    reader.by_ref().take(2).read_to_end(&mut head)?;
    let zlib = matches!(head.as_slice(), [first, second]
        if first & 0x0f == 8 && (u16::from(*first) << 8 | u16::from(*second)).is_multiple_of(31));
    let whole = io::Cursor::new(head).chain(reader);
    Ok(if zlib { Box::new(ZlibDecoder::new(whole)) } else { Box::new(DeflateDecoder::new(whole)) })
}

/// Zstandard frames one after the other, as RFC 8878 allows.
struct Zstd<'r> {
    source: Option<Box<dyn Read + 'r>>,
    decoder: Option<ZstdFrame<'r>>,
}

type ZstdFrame<'r> = ruzstd::decoding::StreamingDecoder<Box<dyn Read + 'r>, ruzstd::decoding::FrameDecoder>;

impl Read for Zstd<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            if let Some(decoder) = &mut self.decoder {
                let count = decoder.read(buffer)?;
                if count > 0 {
                    return Ok(count);
                }
                self.source = self.decoder.take().map(ruzstd::decoding::StreamingDecoder::into_inner);
            }
            let Some(mut source) = self.source.take() else { return Ok(0) };
            let mut first = Vec::new();
            source.by_ref().take(ZSTD_HEADER).read_to_end(&mut first)?;
            if first.is_empty() {
                return Ok(0);
            }
            if zstd_window(&first).is_some_and(|window| window > ZSTD_WINDOW) {
                return Err(io::Error::other(format!("its window is larger than {ZSTD_WINDOW} bytes (RFC 9659)")));
            }
            let source: Box<dyn Read + '_> = Box::new(io::Cursor::new(first).chain(source));
            let decoder = ZstdFrame::new(source).map_err(|error| io::Error::other(error.to_string()))?;
            self.decoder = Some(decoder);
        }
    }
}

/// The window a Zstandard frame asks for (RFC 8878, 3.1.1.1); `None` when this is no beginning of a frame.
fn zstd_window(header: &[u8]) -> Option<u64> {
    let rest = header.strip_prefix(&[0x28, 0xb5, 0x2f, 0xfd])?;
    let (descriptor, rest) = rest.split_first()?;
    if descriptor & 0x20 == 0 {
        let window = *rest.first()?;
        let base = 1_u64 << (10 + u32::from(window >> 3));
        return Some(base + base / 8 * u64::from(window & 7));
    }
    // A single segment: the window is the content, whose size stands behind the id of a dictionary.
    let dictionary = [0, 1, 2, 4][usize::from(descriptor & 3)];
    let (length, offset) = [(1, 0), (2, 256), (4, 0), (8, 0)][usize::from(descriptor >> 6)];
    let size = rest.get(dictionary..dictionary + length)?;
    Some(size.iter().rev().fold(0_u64, |sum, byte| sum << 8 | u64::from(*byte)) + offset)
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use flate2::Compression;
    use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};

    use super::{Coding, MOST_DECODED, decode, named};

    const TEXT: &[u8] = b"hello hello hello hello hello";
    /// `TEXT` as the reference encoders write it.
    const BROTLI: &[u8] = &[27, 28, 0, 248, 141, 148, 110, 222, 68, 85, 134, 150, 108, 32, 111, 65, 79, 28, 32, 113];

    /// 80 MiB of zeros, as the reference encoder writes them.
    const BROTLI_BOMB: &str = "cbffff3ff82700e2b14020f7fe8fffff7ff04f00c4611180eefd1fffffffe09f0088c30200ddfb3ffeffffc13f0110870500\
        baf77ffcffff837f02200e0b0074effff8ffff07ff04401c1600e8defff1ffff0ffe0980382c00d0bdffe3ffff1ffc130071\
        5800a07bffc7ffff3ff82700e2b00040f7fe8fffff7ff04f00c4610180eefddf";

    fn gzip(data: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(data).unwrap();
        encoder.finish().unwrap()
    }

    fn zstd(data: &[u8]) -> Vec<u8> {
        ruzstd::encoding::compress_to_vec(data, ruzstd::encoding::CompressionLevel::Fastest)
    }

    fn kept(codings: &[Coding], raw: &[u8]) -> Vec<u8> {
        let decoded = decode(codings, raw, true, 1000).unwrap();
        assert!(!decoded.cut && decoded.size == decoded.kept.len() as u64);
        decoded.kept
    }

    #[test]
    fn every_coding_is_undone() {
        let mut zlib = ZlibEncoder::new(Vec::new(), Compression::default());
        zlib.write_all(TEXT).unwrap();
        let mut raw = DeflateEncoder::new(Vec::new(), Compression::default());
        raw.write_all(TEXT).unwrap();
        assert_eq!(kept(&[Coding::Gzip], &gzip(TEXT)), TEXT);
        assert_eq!(
            kept(&[Coding::Gzip], &[gzip(b"one "), gzip(b"two")].concat()),
            b"one two",
            "members follow each other"
        );
        assert_eq!(kept(&[Coding::Deflate], &zlib.finish().unwrap()), TEXT);
        assert_eq!(kept(&[Coding::Deflate], &raw.finish().unwrap()), TEXT, "as some servers send it");
        assert_eq!(kept(&[Coding::Zstd], &zstd(TEXT)), TEXT);
        assert_eq!(
            kept(&[Coding::Zstd], &[zstd(b"one "), zstd(b"two")].concat()),
            b"one two",
            "frames follow each other"
        );
        assert_eq!(kept(&[Coding::Brotli], BROTLI), TEXT);
        assert_eq!(
            kept(&[Coding::Zstd, Coding::Gzip], &gzip(&zstd(TEXT))),
            TEXT,
            "the last one applied is undone first"
        );
        assert_eq!(kept(&[], TEXT), TEXT);
    }

    #[test]
    fn names_are_read_as_servers_write_them() {
        assert_eq!(named(["gzip, BR", "zstd"]).unwrap(), [Coding::Gzip, Coding::Brotli, Coding::Zstd]);
        assert_eq!(named(["identity", "x-gzip", ""]).unwrap(), [Coding::Gzip]);
        assert!(named(["compress"]).unwrap_err().contains("compress is not known"));
        assert!(named(["gzip,gzip,gzip,gzip,gzip"]).unwrap_err().contains("more than the 4"));
    }

    #[test]
    fn a_bomb_is_counted_to_the_limit_and_not_kept() {
        let bomb = gzip(&vec![0; 66 * 1024 * 1024]);
        let brotli =
            (0..BROTLI_BOMB.len()).step_by(2).map(|at| u8::from_str_radix(&BROTLI_BOMB[at..at + 2], 16).unwrap());
        // A window of 128 KiB, and 528 blocks of as many zeros, the last one marked.
        let block = |last: u32| (131_072_u32 << 3 | 1 << 1 | last).to_le_bytes()[..3].to_vec();
        let mut blocks = vec![0x28, 0xb5, 0x2f, 0xfd, 0, 7 << 3];
        for number in 1..=528 {
            blocks.extend(block(u32::from(number == 528)));
            blocks.push(0);
        }
        let mut zlib = ZlibEncoder::new(Vec::new(), Compression::default());
        zlib.write_all(&vec![0; 66 * 1024 * 1024]).unwrap();
        let twice = [Coding::Gzip, Coding::Gzip];
        for (codings, raw) in [
            (&[Coding::Deflate][..], zlib.finish().unwrap()),
            (&[Coding::Brotli], brotli.collect()),
            (&[Coding::Zstd], blocks),
            (&twice, gzip(&bomb)),
            (&[Coding::Gzip], bomb),
        ] {
            let decoded = decode(codings, &raw, true, 10).unwrap();
            let size = decoded.size;
            assert!(decoded.cut && size > MOST_DECODED && size < MOST_DECODED + 65_536, "{codings:?}: {size}");
            assert_eq!(decoded.kept.len(), 10);
        }
        // A frame that asks for a window of 128 MiB.
        let greedy = [0x28, 0xb5, 0x2f, 0xfd, 0, 17 << 3, 0, 0, 0];
        assert!(decode(&[Coding::Zstd], &greedy, true, 10).unwrap_err().contains("window"));
        let single = [0x28, 0xb5, 0x2f, 0xfd, 0xa0, 0, 0, 0, 0x40];
        assert!(decode(&[Coding::Zstd], &single, true, 10).unwrap_err().contains("window"));
    }

    #[test]
    fn what_is_not_coded_as_it_says_is_an_error_unless_it_was_cut_here() {
        for coding in [Coding::Gzip, Coding::Brotli, Coding::Zstd] {
            assert!(
                decode(&[coding], TEXT, true, 1000).unwrap_err().contains("as its content-encoding says"),
                "{coding:?}"
            );
        }
        for (coding, raw) in [(Coding::Gzip, gzip(TEXT)), (Coding::Zstd, zstd(TEXT)), (Coding::Brotli, BROTLI.to_vec())]
        {
            let half = &raw[..raw.len() - 3];
            assert!(decode(&[coding], half, true, 1000).is_err(), "{coding:?}: the end is missing");
            assert!(decode(&[coding], half, false, 1000).unwrap().cut, "{coding:?}");
        }
    }
}

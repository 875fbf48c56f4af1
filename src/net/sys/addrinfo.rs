//! `getaddrinfo`, one IP version at a time: which of two questions failed, and why, is not to be had otherwise.

#![allow(unsafe_code)]

use std::ffi::{CStr, CString};
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Which addresses to ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AddressFamily {
    /// A and AAAA, in the order of RFC 6724.
    Both,
    /// A.
    V4,
    /// AAAA.
    V6,
}

/// Why there are no addresses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LookupError {
    /// The resolver says that there is no such name, or none of its kind.
    Absent(String),
    /// The resolver did not answer, answered with a failure, or could not be asked.
    Failed(String),
}

/// The addresses of `host`, in the system's order, repeats included. Blocks as long as the system's resolver does.
pub fn lookup(host: &str, family: AddressFamily) -> Result<Vec<IpAddr>, LookupError> {
    let name = CString::new(host).map_err(|_| LookupError::Absent("the name holds a NUL".to_owned()))?;
    let family = match family {
        AddressFamily::Both => libc::AF_UNSPEC,
        AddressFamily::V4 => libc::AF_INET,
        AddressFamily::V6 => libc::AF_INET6,
    };
    // SAFETY: `addrinfo` is plain data, for which all zeroes is the documented "no hints".
    let mut hints: libc::addrinfo = unsafe { std::mem::zeroed() };
    hints.ai_family = family;
    hints.ai_socktype = libc::SOCK_STREAM;
    let mut first: *mut libc::addrinfo = std::ptr::null_mut();
    // SAFETY: name and hints outlive the call; on success `first` is a list that is freed once below.
    let code = unsafe { libc::getaddrinfo(name.as_ptr(), std::ptr::null(), &raw const hints, &raw mut first) };
    if code != 0 {
        return Err(match (error(code), descriptors_left()) {
            // glibc says "no such name" where it could not even open a file to look.
            (LookupError::Absent(_), Err(why)) => LookupError::Failed(why.to_string()),
            (error, _) => error,
        });
    }
    let mut out = Vec::new();
    let mut entry = first.cast_const();
    // SAFETY: each entry is valid until the list is freed; `ai_next` is null at the end.
    while let Some(info) = unsafe { entry.as_ref() } {
        out.extend(address(info));
        entry = info.ai_next;
    }
    // SAFETY: `first` came from `getaddrinfo`, and nothing points into the list any more.
    unsafe { libc::freeaddrinfo(first) };
    Ok(out)
}

/// Whether a lookup had the descriptors it needs: a file and a socket at a time.
fn descriptors_left() -> io::Result<()> {
    let _first = std::fs::File::open("/dev/null")?;
    std::fs::File::open("/dev/null").map(drop)
}

fn address(info: &libc::addrinfo) -> Option<IpAddr> {
    let length = if info.ai_addr.is_null() { 0 } else { usize::try_from(info.ai_addrlen).unwrap_or(0) };
    match info.ai_family {
        libc::AF_INET if length >= size_of::<libc::sockaddr_in>() => {
            // SAFETY: the family says what `ai_addr` points to, and the length that all of it is there.
            let address = unsafe { info.ai_addr.cast::<libc::sockaddr_in>().read_unaligned() };
            Some(Ipv4Addr::from(u32::from_be(address.sin_addr.s_addr)).into())
        }
        libc::AF_INET6 if length >= size_of::<libc::sockaddr_in6>() => {
            // SAFETY: as above.
            let address = unsafe { info.ai_addr.cast::<libc::sockaddr_in6>().read_unaligned() };
            Some(Ipv6Addr::from(address.sin6_addr.s6_addr).into())
        }
        _ => None,
    }
}

fn error(code: i32) -> LookupError {
    let system = io::Error::last_os_error();
    // SAFETY: gai_strerror gives a static text for any code.
    let text = unsafe { CStr::from_ptr(libc::gai_strerror(code)) }.to_string_lossy().into_owned();
    match code {
        libc::EAI_NONAME | libc::EAI_NODATA => LookupError::Absent(text),
        libc::EAI_SYSTEM => LookupError::Failed(system.to_string()),
        _ => LookupError::Failed(text),
    }
}

#[cfg(test)]
mod tests {
    use super::{AddressFamily, LookupError, error, lookup};

    #[test]
    fn the_name_of_this_host_is_looked_up_by_version() {
        let v4 = lookup("localhost", AddressFamily::V4).unwrap();
        assert!(v4.contains(&"127.0.0.1".parse().unwrap()) && v4.iter().all(std::net::IpAddr::is_ipv4), "{v4:?}");
        let both = lookup("localhost", AddressFamily::Both).unwrap();
        assert!(v4.iter().all(|address| both.contains(address)), "{both:?}");
        let numeric = lookup("::1", AddressFamily::V6).unwrap();
        assert_eq!(numeric[0].to_string(), "::1");
    }

    #[test]
    fn an_absent_name_and_a_resolver_that_fails_are_two_things() {
        for code in [libc::EAI_NONAME, libc::EAI_NODATA] {
            assert!(matches!(error(code), LookupError::Absent(_)), "{code}");
        }
        for code in [libc::EAI_AGAIN, libc::EAI_FAIL, libc::EAI_MEMORY, libc::EAI_SYSTEM] {
            assert!(matches!(error(code), LookupError::Failed(_)), "{code}");
        }
        assert!(matches!(lookup("a\0b", AddressFamily::Both), Err(LookupError::Absent(_))));
    }
}

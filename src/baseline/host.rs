//! The machine that measures: what a reader of numbers must know, and a hash of what makes numbers incomparable.

use std::fs;

use sha2::{Digest, Sha256};

use crate::model::record::{Host, Interface};

/// Interfaces listed.
const MOST: usize = 64;

/// This machine as reports describe it.
#[must_use]
pub fn describe() -> Host {
    let cpu = cpu_model();
    let cores = std::thread::available_parallelism().map_or(0, |n| u32::try_from(n.get()).unwrap_or(u32::MAX));
    let kernel = line("/proc/sys/kernel/osrelease").unwrap_or_default();
    let tcp_congestion = line("/proc/sys/net/ipv4/tcp_congestion_control");
    let virtualization = virtualization();
    // The patch level of a kernel changes weekly and numbers do not: only major.minor counts.
    let series = kernel.split('.').take(2).collect::<Vec<_>>().join(".");
    let parts = [
        std::env::consts::OS,
        std::env::consts::ARCH,
        &cpu,
        &cores.to_string(),
        &series,
        tcp_congestion.as_deref().unwrap_or(""),
        virtualization.as_deref().unwrap_or(""),
    ];
    let digest = crate::net::bytes::hex(&Sha256::digest(parts.join("\n").as_bytes()));
    Host {
        name: nix::unistd::gethostname().ok().and_then(|name| name.into_string().ok()).unwrap_or("localhost".into()),
        os: os_name(),
        kernel,
        cpu,
        cores,
        memory_bytes: memory(),
        interfaces: interfaces(),
        tcp_congestion,
        clock: line("/sys/devices/system/clocksource/clocksource0/current_clocksource"),
        virtualization,
        class: digest.chars().take(16).collect(),
    }
}

fn line(path: &str) -> Option<String> {
    fs::read_to_string(path).ok().map(|text| text.trim().to_owned()).filter(|text| !text.is_empty())
}

fn field(path: &str, key: &str) -> Option<String> {
    let text = fs::read_to_string(path).ok()?;
    let row = text.lines().find(|row| row.starts_with(key))?;
    Some(row[key.len()..].trim_start_matches([' ', '\t', ':', '=']).trim_matches('"').trim().to_owned())
}

fn cpu_model() -> String {
    field("/proc/cpuinfo", "model name").or_else(|| field("/proc/cpuinfo", "Model")).unwrap_or_default()
}

fn os_name() -> String {
    field("/etc/os-release", "PRETTY_NAME").unwrap_or_else(|| std::env::consts::OS.to_owned())
}

fn memory() -> u64 {
    let kib = field("/proc/meminfo", "MemTotal").and_then(|text| text.split(' ').next()?.parse::<u64>().ok());
    kib.unwrap_or(0) * 1024
}

fn virtualization() -> Option<String> {
    if std::path::Path::new("/.dockerenv").exists() || line("/run/systemd/container").is_some() {
        return Some("container".to_owned());
    }
    let vendor = line("/sys/class/dmi/id/sys_vendor")?;
    let known = ["QEMU", "VMware", "Xen", "Microsoft", "innotek", "Amazon EC2", "Google", "DigitalOcean", "Hetzner"];
    known.iter().find(|name| vendor.contains(**name)).map(|name| (*name).to_owned())
}

fn interfaces() -> Vec<Interface> {
    let up = pnet::datalink::interfaces().into_iter().filter(pnet::datalink::NetworkInterface::is_up).take(MOST);
    up.map(|found| {
        let read = |what: &str| line(&format!("/sys/class/net/{}/{what}", found.name));
        // Virtual links report -1, or nothing.
        let megabits = read("speed").and_then(|text| text.parse::<i64>().ok()).and_then(|n| u64::try_from(n).ok());
        Interface {
            mtu: read("mtu").and_then(|text| text.parse().ok()),
            speed_bits_per_s: megabits.map(|n| n * 1_000_000),
            name: found.name,
        }
    })
    .collect()
}

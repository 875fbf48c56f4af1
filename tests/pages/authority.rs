//! The name servers of the shop's zone, old and new.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use hickory_proto::rr::{LowerName, Name};
use hickory_proto::serialize::txt::Parser;
use hickory_server::Server;
use hickory_server::net::runtime::TokioRuntimeProvider;
use hickory_server::store::in_memory::InMemoryZoneHandler;
use hickory_server::zone_handler::{AxfrPolicy, Catalog, ZoneType};
use tokio::net::{TcpListener, UdpSocket};

/// The zone, on servers with these names.
fn zone(state: &str, moved: bool) -> String {
    let (first, second) = if moved {
        ("ns1.dns-new.example.", "ns2.dns-new.example.")
    } else {
        ("ns1.shop.example.", "ns2.shop.example.")
    };
    let mail = if moved && state == "record-forgotten" { "" } else { "@ IN MX 10 mail\n@ IN MX 20 mail2\n" };
    let serial = if state == "one-server-behind" { 2_026_112_800_u32 } else { 2_026_112_901 };
    format!(
        "$TTL 300\n@ IN SOA {first} hostmaster {serial} 14400 3600 604800 300\n@ IN NS {first}\n@ IN NS {second}\n{mail}\
         @ IN TXT \"v=spf1 mx -all\"\nns1 IN A 192.0.2.53\nns2 IN A 192.0.2.54\nmail IN A 192.0.2.25\n\
         mail2 IN A 192.0.2.26\n_shop._tcp IN SRV 10 5 8080 app1\n_shop._tcp IN SRV 10 5 8080 app2\napp1 IN A 192.0.2.90\n\
         app2 IN A 192.0.2.91\nwww IN A 192.0.2.10\nwww IN A 192.0.2.11\nwww IN A 192.0.2.12\nnew IN A 192.0.2.20\n"
    )
}

/// A running name server at port 53; it stops when dropped.
pub async fn serve(address: IpAddr, state: &str) -> Server<Catalog> {
    let moved = !address.to_string().starts_with("192.0.2.");
    let behind = address.to_string().ends_with(".54");
    let text = zone(if state == "one-server-behind" && !behind { "well" } else { state }, moved);
    let origin = Name::from_ascii("shop.example.").unwrap();
    let (origin, records) = Parser::new(text, None, Some(origin)).parse().unwrap();
    let zone =
        InMemoryZoneHandler::<TokioRuntimeProvider>::new(origin.clone(), records, ZoneType::Primary, AxfrPolicy::Deny)
            .unwrap();
    let mut catalog = Catalog::new();
    catalog.upsert(LowerName::new(&origin), vec![Arc::new(zone)]);
    let mut server = Server::new(catalog);
    server.register_socket(UdpSocket::bind((address, 53)).await.unwrap());
    server.register_listener(TcpListener::bind((address, 53)).await.unwrap(), Duration::from_secs(10), 32);
    server
}

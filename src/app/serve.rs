//! `shakedown serve`.

use tokio_util::sync::CancellationToken;

use super::signals::{ExitSender, SignalHandler};
use super::terminal::Terminal;
use crate::cli::ServeArgs;
use crate::exit;
use crate::serve::Server;
use crate::serve::echo::{TcpEcho, UdpEcho};

/// Serves until a signal. Ending by signal is how a server ends: exit 0.
pub(super) async fn serve(args: &ServeArgs, terminal: &Terminal, exit: ExitSender) -> u8 {
    let cancel = CancellationToken::new();
    let started = start(args, terminal, &cancel).await;
    let work = match started {
        Ok(work) => work,
        Err(why) => {
            terminal.err(&format!("error: {why}\n"));
            return exit::INCOMPLETE;
        }
    };
    let signals = match SignalHandler::listen(exit, |_| {}) {
        Ok(signals) => signals,
        Err(error) => {
            terminal.err(&format!("error: cannot listen for signals: {error}\n"));
            return exit::INCOMPLETE;
        }
    };
    tokio::select! {
        () = signals.stop.soft.cancelled() => cancel.cancel(),
        () = work => {}
    }
    exit::OK
}

async fn start(
    args: &ServeArgs,
    terminal: &Terminal,
    cancel: &CancellationToken,
) -> Result<impl Future<Output = ()>, String> {
    let server = Server::bind(args.listen).await.map_err(|error| no_listener("reflector", args.listen, &error))?;
    terminal.out(&format!("throughput (iperf3-compatible TCP and UDP) on {}\n", server.addr()));
    let echoes = match args.echo {
        None => None,
        Some(address) => {
            let tcp = TcpEcho::bind(address).await.map_err(|error| no_listener("TCP echo", address, &error))?;
            let udp = UdpEcho::bind(tcp.addr()).await.map_err(|error| no_listener("UDP echo", address, &error))?;
            terminal.out(&format!("echo (TCP and UDP) on {}\n", tcp.addr()));
            Some((tcp, udp))
        }
    };
    let cancel = cancel.clone();
    Ok(async move {
        let throughput = server.run(cancel.clone());
        match echoes {
            None => throughput.await,
            Some((tcp, udp)) => {
                let (tcp, udp) = (tcp.run(cancel.clone()), udp.run(cancel));
                tokio::join!(throughput, tcp, udp);
            }
        }
    })
}

fn no_listener(what: &str, address: std::net::SocketAddr, error: &std::io::Error) -> String {
    format!("cannot listen on {address} ({what}): {error}; is another server there, or is the port below 1024?")
}

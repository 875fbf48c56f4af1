//! The guard's own process, behind the hidden subcommand.

use std::io::Write as _;
use std::os::fd::AsFd as _;

use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::net::unix::pipe::Receiver;
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::{Reply, Request, RestorePlan, RestoreResult};

/// Runs the guard on standard input and output until it is told `done`, or until the input ends. False when it could not
/// do what it is for.
#[must_use]
pub fn main() -> bool {
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            print_error(&format!("cannot start: {error}"));
            return false;
        }
    };
    runtime.block_on(serve())
}

async fn serve() -> bool {
    // Registered listeners replace the deadly default action; nobody needs to read them.
    let ignored: std::io::Result<Vec<Signal>> =
        [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()].into_iter().map(signal).collect();
    if let Err(error) = &ignored {
        print_error(&format!("cannot ignore signals: {error}"));
        return false;
    }
    let Some(mut input) = requests() else {
        print_error("this subcommand is internal: its standard input must be a pipe");
        return false;
    };
    let Some(Request::Arm(plan)) = next(&mut input).await else {
        print_error("this subcommand is internal: it expects a plan on standard input");
        return false;
    };
    if !send(&Reply::Armed) {
        return false;
    }
    handle_requests(&plan, &mut input).await
}

fn requests() -> Option<Lines<BufReader<Receiver>>> {
    let input = std::io::stdin().as_fd().try_clone_to_owned().ok()?;
    Some(BufReader::new(Receiver::from_owned_fd(input).ok()?).lines())
}

async fn handle_requests(plan: &RestorePlan, input: &mut Lines<BufReader<Receiver>>) -> bool {
    let mut live = false;
    loop {
        match next(input).await {
            Some(Request::Live) => live = true,
            Some(Request::Restore) => {
                let result = plan.execute().await;
                live = !result.succeeded();
                send(&Reply::Restored(result));
            }
            Some(Request::Arm(_)) => {}
            None if live => return restore_after_vanish(plan).await,
            Some(Request::Done) | None => return true,
        }
    }
}

/// The run has vanished.
async fn restore_after_vanish(plan: &RestorePlan) -> bool {
    let result: RestoreResult = plan.execute().await;
    if result.succeeded() {
        print_error("the run vanished; what it had changed is restored");
        return true;
    }
    // Neither arguments nor output: both may hold secrets, and what hides them has vanished with the run.
    let program = plan.restore.run.first().map_or("", String::as_str);
    let verify = result.verify.as_ref().filter(|verify| !verify.succeeded());
    let (which, ended) =
        verify.map_or(("restore", result.restore.status_text()), |verify| ("verify", verify.status_text()));
    print_error(&format!(
        "the run vanished and restoring failed (`{which}`: {ended}); what it changed may still be in place: run the \
         suite's `restore` command ({program} …) by hand"
    ));
    false
}

/// `None` at the end of the input, and for a line that is not a request: whoever writes those is not our run any more.
async fn next(input: &mut Lines<BufReader<Receiver>>) -> Option<Request> {
    let line = input.next_line().await.ok()??;
    serde_json::from_slice(line.as_bytes()).ok()
}

/// False when nobody listens any more.
fn send(reply: &Reply) -> bool {
    let Ok(mut line) = serde_json::to_vec(reply) else { return false };
    line.push(b'\n');
    let mut output = std::io::stdout().lock();
    output.write_all(&line).and_then(|()| output.flush()).is_ok()
}

/// Standard error may be gone together with the run: then nobody reads it.
fn print_error(text: &str) {
    let _ = writeln!(std::io::stderr(), "shakedown guard: {text}");
}

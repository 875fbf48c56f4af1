//! `shakedown plan`.

use super::loading;
use super::terminal::Terminal;
use crate::cli::PlanArgs;
use crate::exit;

/// Prints the plan; sends nothing. Disruptive checks are shown: planning them breaks nothing.
pub(super) fn plan(args: &PlanArgs, terminal: &Terminal) -> u8 {
    let mut suites = args.suites.clone();
    suites.allow_disruptive = true;
    let Some(ready) = loading::ready(&suites, terminal) else { return exit::USAGE };
    terminal.out(&ready.redactor.clean(&crate::plan::print(&ready.plan)));
    exit::OK
}

#pragma once

namespace infinitile {

/// Asks the run to stop at the next tile: SIGTERM, SIGINT and SIGUSR1 (Slurm's warning before the time limit) do.
/// The handler only sets a flag; the ranks agree on it between tiles, then end with exit code 75.
void watch_for_stop_signals();

/// The signal that arrived, or 0.
int stop_signal();

}  // namespace infinitile

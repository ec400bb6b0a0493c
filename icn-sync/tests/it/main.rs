//! The replica from outside: worlds of nodes on a simulated network, and one
//! node against hostile peers.

mod convergence;
mod drama;
mod hostile;
mod steps;

//! Sockets, files, clock, unixctl, pidfile, logs: one run_* a daemon.

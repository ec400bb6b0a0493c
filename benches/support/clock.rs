use std::time::Instant;

/// CPU time of this thread in nanoseconds, from an arbitrary start. Wall time
/// where the system is none of those that are asked for it.
#[must_use]
pub fn cpu_nanos() -> u64 {
    #[cfg(target_os = "linux")]
    {
        let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
        u64::try_from(time.tv_sec).unwrap_or(0) * 1_000_000_000
            + u64::try_from(time.tv_nsec).unwrap_or(0)
    }
    #[cfg(not(target_os = "linux"))]
    wall_nanos()
}

/// Time since the first call in nanoseconds.
#[must_use]
pub fn wall_nanos() -> u64 {
    static START: std::sync::OnceLock<Instant> = std::sync::OnceLock::new();
    let elapsed = START.get_or_init(Instant::now).elapsed();
    u64::try_from(elapsed.as_nanos()).unwrap_or(u64::MAX)
}

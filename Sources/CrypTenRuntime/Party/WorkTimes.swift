import CrypTenGates

/// Where the time of runs went at one member: seconds on its engine's thread by kind of work, which add up to the whole.
public struct WorkTimes: Sendable, Hashable, Codable {
    /// Arithmetic on tensors and bits, helped by other threads of the session.
    public var kernels = 0.0
    /// Random words from seeds.
    public var expansion = 0.0
    /// Words into frames and out of them.
    public var copying = 0.0
    /// Handing frames to the network: tags and system calls, and waiting while too much is queued.
    public var sending = 0.0
    /// Waiting for openings of other parties; at the dealer, for credit.
    public var waitingForPeers = 0.0
    /// Waiting for corrections.
    public var waitingForDealer = 0.0
    /// Everything in between.
    public var bookkeeping = 0.0
    /// The part of `kernels` that each kind of gate took, by name.
    public var gates: [String: Double] = [:]

    /// Nothing yet.
    public init() {}

    init(_ clock: WorkClock) {
        kernels = clock.seconds(.kernels)
        expansion = clock.seconds(.expansion)
        copying = clock.seconds(.copying)
        sending = clock.seconds(.sending)
        waitingForPeers = clock.seconds(.waitingForPeers)
        waitingForDealer = clock.seconds(.waitingForDealer)
        bookkeeping = clock.seconds(.bookkeeping)
        gates = clock.secondsByGate
    }

    /// The sum of all kinds.
    public var total: Double {
        kernels + expansion + copying + sending + waitingForPeers + waitingForDealer + bookkeeping
    }

    /// What two stretches of time took together.
    public static func + (a: WorkTimes, b: WorkTimes) -> WorkTimes {
        combined(a, b, +)
    }

    /// What was spent between two moments.
    public static func - (later: WorkTimes, earlier: WorkTimes) -> WorkTimes {
        combined(later, earlier, -)
    }

    /// Adds another stretch of time.
    public static func += (sum: inout WorkTimes, more: WorkTimes) {
        sum = sum + more
    }

    private static func combined(_ a: WorkTimes, _ b: WorkTimes, _ combine: (Double, Double) -> Double) -> WorkTimes {
        var out = WorkTimes()
        for kind in [
            \WorkTimes.kernels, \.expansion, \.copying, \.sending, \.waitingForPeers, \.waitingForDealer, \.bookkeeping,
        ] {
            out[keyPath: kind] = combine(a[keyPath: kind], b[keyPath: kind])
        }
        for name in Set(a.gates.keys).union(b.gates.keys) {
            out.gates[name] = combine(a.gates[name] ?? 0, b.gates[name] ?? 0)
        }
        return out
    }
}

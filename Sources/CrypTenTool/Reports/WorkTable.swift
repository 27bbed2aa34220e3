import CrypTen

/// Where the time went: a column for each member.
enum WorkTable {
    private static let kinds: [(String, any KeyPath<WorkTimes, Double> & Sendable)] = [
        ("kernels", \.kernels), ("expansion", \.expansion), ("copying", \.copying), ("sending", \.sending),
        ("waiting for peers", \.waitingForPeers), ("waiting for the dealer", \.waitingForDealer),
        ("bookkeeping", \.bookkeeping), ("all", \.total),
    ]

    /// Milliseconds by kind of work, then those of kernels by gate, the longest first; `members` ends with the dealer,
    /// where there is one.
    static func text(_ members: [WorkTimes], hasDealer: Bool = true) -> String {
        let header = members.indices.map { hasDealer && $0 == members.count - 1 ? "dealer" : "party \($0)" }
        var work = TextTable(["milliseconds"] + header)
        for (name, kind) in kinds { work.add([name] + members.map { milliseconds($0[keyPath: kind]) }) }
        let names = Set(members.flatMap(\.gates.keys))
        let longest = names.map { name in (name, members.map { $0.gates[name] ?? 0 }) }
            .sorted { ($0.1.reduce(0, +), $1.0) > ($1.1.reduce(0, +), $0.0) }
        var gates = TextTable(["kernels of"] + header)
        for (name, seconds) in longest { gates.add([name] + seconds.map(milliseconds)) }
        return work.text + "\n\n" + gates.text
    }

    private static func milliseconds(_ seconds: Double) -> String {
        (seconds * 1000).fixed(2)
    }
}

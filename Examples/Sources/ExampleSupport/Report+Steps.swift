public import CrypTen

/// What each party of a run has spent on one of so many steps, in one line.
///
/// - Parameters:
///   - spent: Of each party on all of them, in their order.
///   - steps: How many there were, one or more.
/// - Returns: Rounds, bytes and milliseconds.
public func summary(of spent: [SessionStatistics], perStepOf steps: Int) -> String {
    let sent = spent.map { bytes($0.onlineBytes / steps) }.joined(separator: ", ")
    let seconds = spent.map(\.seconds).max() ?? 0
    return "\((spent.map(\.rounds).max() ?? 0) / steps) rounds; sent by each party: \(sent); "
        + "dealt: \(bytes((spent.map(\.dealerBytes).max() ?? 0) / steps)); \(fixed(1000 * seconds / Double(steps), 0)) ms"
}

import CrypTen
import Foundation

/// What every party of a benchmark runs: one workload, again and again.
struct WorkloadProgram: Sendable {
    /// Who learns the result, to compare it with the truth.
    static let judge = PartyID(0)

    var workload: Workload
    /// How many times it is measured, after once to warm up.
    var repetitions: Int
    /// Whether the clock runs while weights are masked, too.
    var isCold: Bool

    /// Runs it; all parties call it.
    func run(on session: Session) async throws -> WorkloadMeasurement {
        let inputs = try await held(workload.inputs, on: session)
        let weights = try await heldWeights(on: session)
        let setupBytes = try await session.statistics.setupBytes
        let expressions = body(inputs, weights)
        let (results, first) = try await measured(on: session) { try await evaluated(expressions, on: session) }
        let values = try await session.reveal(results, to: .party(Self.judge.index))
        try await session.release(results)
        let before = try await session.statistics
        let isRoundTrip = workload.name == Workload.roundTrip.name
        var bareSeconds: [Double] = []
        // Bare exchanges and openings in turn: how the system wakes processes changes from one moment to the next.
        let exchangeBarely = {
            guard isRoundTrip, let bare = try await PingPong(exchanges: 500).seconds(on: session) else { return }
            bareSeconds.append(bare)
        }
        let seconds = try await series(repetitions, on: session, after: exchangeBarely) {
            let fresh = isCold ? try await heldWeights(on: session) : weights
            let results = try await evaluated(isCold ? body(inputs, fresh) : expressions, on: session)
            return results + (isCold ? workload.weights.compactMap { fresh[$0.name] } : [])
        }
        let after = try await session.statistics
        let secondsOnline = try await prepared(expressions, on: session)
        var measurement = WorkloadMeasurement(
            seconds: seconds,
            secondsOnline: secondsOnline,
            secondsPlan: first.secondsPlanning,
            onlineBytes: first.onlineBytes,
            setupBytes: setupBytes,
            dealerBytes: first.dealerBytes,
            rounds: first.rounds
        )
        measurement.work = after.work - before.work
        if first.offlineExchanges > 0 {
            // What it counts is the same in each run; the first one's time isn't.
            var offline = OfflineReport(first)
            offline.seconds = (after.secondsOffline - before.secondsOffline) / Double(repetitions)
            measurement.offline = offline
        }
        if !bareSeconds.isEmpty { measurement.bareSeconds = bareSeconds.median }
        // The truth last: it takes memory and time that aren't the workload's.
        measurement.peakMemoryBytes = PeakMemory.bytes
        if let values {
            let differences = zip(values, try truth()).map { value, truth in
                zip(value.doubles, truth.doubles).map { abs($0 - $1) }.max() ?? 0
            }
            measurement.maxAbsError = differences.max() ?? 0
        }
        return measurement
    }

    /// Operands as the system keeps them: masked by their owners, none of them to be sent again.
    func held(_ operands: [Workload.Operand], on session: Session) async throws -> [String: CrypTensor] {
        var inputs = try await inputs(operands, on: session)
        let secret = operands.filter { !$0.isPublic }.map(\.name)
        for (name, kept) in zip(secret, try await session.hold(secret.compactMap { inputs[$0] })) {
            inputs[name] = kept
        }
        return inputs
    }

    /// What is kept of expressions: with the fraction bits of what training keeps, where it is that.
    func evaluated(_ expressions: [CrypTensor], on session: Session) async throws -> [CrypTensor] {
        if workload.fractionBits.isEmpty { return try await session.evaluate(expressions) }
        let results = Array(zip(expressions, workload.fractionBits))
        return try await session.evaluate(results.map { (tensor: $0, fractionBits: $1) }, revealing: [], to: .all).kept
    }

    func heldWeights(on session: Session) async throws -> [String: CrypTensor] {
        guard !workload.fractionBits.isEmpty, !workload.weights.isEmpty else {
            return try await held(workload.weights, on: session)
        }
        let inputs = try await inputs(workload.weights, on: session)
        let kept = try await evaluated(workload.weights.map { $0.held(inputs[$0.name]!) }, on: session)
        return Dictionary(uniqueKeysWithValues: zip(workload.weights.map(\.name), kept))
    }

    /// Operands as their owners put them in.
    func inputs(_ operands: [Workload.Operand], on session: Session) async throws -> [String: CrypTensor] {
        var expressions: [String: CrypTensor] = [:]
        for operand in operands {
            if operand.isPublic {
                expressions[operand.name] = try await session.publicValue(operand.tensor, name: operand.name)
                continue
            }
            expressions[operand.name] = try await session.input(
                from: PartyID(operand.owner),
                shape: operand.shape,
                kind: operand.kind,
                name: operand.name
            ) { operand.tensor }
        }
        return expressions
    }

    func body(_ inputs: [String: CrypTensor], _ weights: [String: CrypTensor]) -> [CrypTensor] {
        workload.body(inputs.merging(weights) { input, _ in input })
    }

    /// What prepared runs may take of memory.
    private static let mostPreparedBytes = 64 << 20

    /// Measures runs that were prepared, as many together as memory lets: what was done before them isn't what they wait for, nor what caches hold.
    private func prepared(_ expressions: [CrypTensor], on session: Session) async throws -> [Double] {
        let dealt = try await session.cost(of: expressions).dealerBytes
        let together = max(1, Self.mostPreparedBytes / max(1, dealt))
        var seconds: [Double] = []
        while seconds.count < repetitions {
            let runs = min(together, repetitions - seconds.count)
            try await session.prepareEvaluation(of: workload.results(expressions), runs: runs)
            seconds += try await series(runs, on: session) { try await evaluated(expressions, on: session) }
        }
        return seconds
    }

    /// Measures something again and again, from when all parties are there, and gives up the values that it keeps.
    ///
    /// - Parameters:
    ///   - runs: How often.
    ///   - prepare: What comes before the clock starts.
    ///   - body: What is measured.
    private func series(
        _ runs: Int,
        on session: Session,
        after prepare: () async throws -> Void = {},
        measuring body: () async throws -> [CrypTensor]
    ) async throws -> [Double] {
        var seconds: [Double] = []
        for _ in 0..<runs {
            try await prepare()
            try await meet(on: session)
            let start = ContinuousClock.now
            let kept = try await body()
            seconds.append((ContinuousClock.now - start) / .seconds(1))
            try await session.release(kept)
        }
        return seconds
    }

    /// What something adds to the session's statistics.
    private func measured<Result>(
        on session: Session,
        _ body: () async throws -> Result
    ) async throws -> (Result, SessionStatistics) {
        let before = try await session.statistics
        let result = try await body()
        return (result, try await session.statistics - before)
    }

    /// Waits until all parties are here.
    func meet(on session: Session) async throws {
        for party in 0..<session.partyCount { _ = try await session.broadcast(from: PartyID(party)) { [0] } }
    }

    /// The results in the clear, in double.
    private func truth() throws -> [Tensor] {
        var operands: [String: CrypTensor] = [:]
        for operand in workload.operands { operands[operand.name] = operand.held(CrypTensor(constant: operand.tensor)) }
        return try valuesInTheClear(of: workload.body(operands))
    }
}

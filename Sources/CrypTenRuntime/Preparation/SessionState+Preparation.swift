import CrypTenBase
import CrypTenExpressions
import CrypTenPlanning
import CrypTenRing
import CrypTenTransport
import Foundation
import NIOCore

/// Runs that are dealt, or made by the parties, before their inputs are known.
extension SessionState {
    /// How many runs one call may ask for.
    static let mostRunsAhead = 1 << 16

    /// Has the dealer deal runs of expressions, or makes them with the other party, and waits until whoever stores their words has put them away.
    func prepare(_ roots: [(Node, Graph.Destination)], runs: Int, storage: PreparedStorage) throws {
        guard (1...SessionState.mostRunsAhead).contains(runs) else {
            throw CrypTenError(
                .invalidArgument,
                "\(runs) runs can't be prepared at once; choose 1 to \(SessionState.mostRunsAhead)"
            )
        }
        if case .file(let url) = storage, !url.isFileURL {
            throw CrypTenError(.invalidArgument, "\(url) is no file: prepared runs are stored in files or in memory")
        }
        let planned = try plan(roots)
        try guarded { try prepare(planned, runs: runs, storage: storage) }
    }

    private func prepare(_ planned: Planned, runs: Int, storage: PreparedStorage) throws {
        let start = ContinuousClock.now
        let before = transport.statistics
        let form = SessionStateMachine.Form(planned)
        let numbers = try machine.beginPreparing(form, runs: runs)
        try agreeOnSalt()
        // Before anybody is asked: what can't be stored need not be dealt.
        let stores = pair != nil ? !keepsWhatIsMade(in: storage) : party == parties - 1
        let store: (any CorrectionStore)? = stores ? try storage.open(for: numbers, kernels.memory) : nil
        do {
            let dealt =
                if let pair {
                    try make(planned, runs: runs, with: pair, into: store, computesAhead: storage == .memory)
                } else {
                    try deal(planned, runs: runs, into: store, computesAhead: storage == .memory)
                }
            for run in dealt { dealtRuns[run.run.number] = run }
            try machine.finishedPreparing(dealt.map(\.run))
        } catch {
            store?.abandon()
            throw error
        }
        statistics.dealerBytes += Int((transport.statistics - before).received(.correction, from: .dealer).bytes)
        statistics.secondsPreparing += (ContinuousClock.now - start).seconds
    }

    /// Asks for runs and waits for them; all parties end together.
    ///
    /// - Parameters:
    ///   - store: Where the corrections go; nil at all parties but the last.
    ///   - computesAhead: Whether there is memory for what this party can compute meanwhile.
    private func deal(
        _ planned: Planned,
        runs: Int,
        into store: (any CorrectionStore)?,
        computesAhead: Bool
    ) throws -> [DealtRun] {
        var dealt = try (0..<runs).map { _ in try requestAhead(planned, runs: runs) }
        guard let lastRun = dealt.last?.run.number else { preconditionFailure("one run or more is prepared") }
        var room = computesAhead ? roomAhead : 0
        for index in dealt.indices {
            if let store {
                dealt[index].stored = try receive(planned.plan.schedule.correctionWords, of: dealt[index], into: store)
            }
            try computeAhead(&dealt[index], of: planned, room: &room)
        }
        guard store != nil else {
            let last = PartyID(parties - 1)
            var word = try control(from: last)
            guard word.readInteger(endianness: .little, as: UInt64.self) == lastRun else {
                throw CrypTenError(.diverged, "\(last) has prepared other runs than party \(party)")
                    .telling(.anotherProgram, about: .party(last))
            }
            return dealt
        }
        var word = ByteBuffer()
        word.writeInteger(lastRun, endianness: .little)
        try tellOthers(word)
        return dealt
    }

    /// Makes runs with the other party, one after the other; both end together.
    private func make(
        _ planned: Planned,
        runs: Int,
        with pair: PairState,
        into store: (any CorrectionStore)?,
        computesAhead: Bool
    ) throws -> [DealtRun] {
        var room = computesAhead ? roomAhead : 0
        let dealt = try (0..<runs).map { _ in
            var dealt = try requestAhead(planned, runs: runs)
            dealt.stored = try make(dealt, of: planned, with: pair, into: store)
            try computeAhead(&dealt, of: planned, room: &room)
            return dealt
        }
        guard let lastRun = dealt.last?.run.number else { preconditionFailure("one run or more is prepared") }
        // What one of them couldn't put away is of no use to the other.
        var word = ByteBuffer()
        word.writeInteger(lastRun, endianness: .little)
        try tellOthers(word)
        guard case .party(let other) = pair.peer else { preconditionFailure("a pair is of parties") }
        var answer = try control(from: other)
        guard answer.readInteger(endianness: .little, as: UInt64.self) == lastRun else {
            throw CrypTenError(.diverged, "\(other) has prepared other runs than party \(party)")
                .telling(.anotherProgram, about: pair.peer)
        }
        return dealt
    }

    /// Asks for the next of some runs that are used later.
    private func requestAhead(_ planned: Planned, runs: Int) throws -> DealtRun {
        let action = try machine.nextAhead(plan: planned.nameAtDealer, keeps: planned.keeps)
        guard case .ask(let run, let released, let sendsPlan) = action else {
            preconditionFailure("what is dealt ahead is asked for")
        }
        return try request(run, of: planned, .ahead(runs: runs), released, sendsPlan: sendsPlan)
    }

    /// The memory that may still be filled with what is computed ahead.
    private var roomAhead: Int {
        configuration.aheadLimit - dealtRuns.values.reduce(0) { $0 + $1.bytesAhead }
    }

    /// Computes what this party can of a run, where there is room for it.
    private func computeAhead(_ dealt: inout DealtRun, of planned: Planned, room: inout Int) throws {
        guard room > 0 else { return }
        dealt.ahead =
            WorkAhead(
                planned.plan.plan,
                kept: try planned.sources.kept.map { try value(of: $0) },
                party: party,
                keys: dealt.keys,
                kernels: kernels
            ).steps
        room -= dealt.bytesAhead
    }

    /// Puts the corrections of one run away as they come from the dealer.
    private func receive(
        _ words: Int,
        of dealt: DealtRun,
        into store: any CorrectionStore
    ) throws -> StoredRun {
        let context = context(of: dealt, hash: dealt.hash, meter: .correction)
        let incoming = IncomingCorrections(context, words: words)
        while incoming.missing > 0 {
            var chunk = try incoming.next()
            defer { chunk.wipe() }
            try store.append(chunk, to: dealt.run.number)
        }
        try store.finish(dealt.run.number)
        return .dealt(store, run: dealt.run.number)
    }

    /// Gives up runs that nobody will use.
    func discard(_ runs: [SessionStateMachine.Run]) {
        for run in runs {
            dealtRuns.removeValue(forKey: run.number)?.stored?.discard()
            for number in run.keptOutputs { pair?.forget(number) }
        }
    }
}

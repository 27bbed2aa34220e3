import CrypTenBase
import CrypTenCorrelations
import CrypTenGates
import CrypTenPlanning
import CrypTenRing
import CrypTenTransport
import Crypto
import Foundation
import NIOCore

/// Runs whose correlations the two parties make themselves.
extension SessionState {
    /// Agrees with the other party on the run that comes next, of which then no word has been used.
    ///
    /// Each tells the other what it would ask a dealer for, and compares.
    ///
    /// - Throws: `.diverged` where the other is about to do something else, or has left; what the connection throws.
    func agree(on request: RunRequest, with peer: Role) throws {
        let run = request.binding.run
        let frame = Frame(.plan, run: run, payload: request.encoded())
        try whilePresent(peer) { try transport.send(frame, to: peer, deadline: .after(configuration.patience)) }
        let answer = try whilePresent(peer) {
            try transport.receive([.plan], from: peer, deadline: .after(configuration.patience))
        }
        guard case .party(let other) = peer else { preconditionFailure("a pair is of parties") }
        let (theirs, plan) = try RunRequest.read(answer.payload, from: other)
        guard plan.readableBytes == 0, answer.run == theirs.binding.run else {
            throw CrypTenError(.malformedFrame, "\(peer) asked for a run in a way that isn't known here")
                .telling(.malformedFrame, about: peer)
        }
        try checkTreeHeights(request, frame, theirs, of: peer)
        guard let difference = request.difference(from: theirs) else { return }
        throw CrypTenError(
            .diverged,
            """
            \(transport.role) and \(peer) are about to make different runs (\(difference) differ): \
            run \(run) of plan \(request.binding.fingerprint.prefix(12)) here, \
            run \(theirs.binding.run) of plan \(theirs.binding.fingerprint.prefix(12)) there; \
            both must run the same program on the same shapes and weights
            """,
            telling: Disclosure(.anotherProgram, about: peer)
        )
    }

    /// Makes the correlations of a run that both have agreed on, with the other party, and puts this party's words away.
    ///
    /// Before the first one of a session base transfers are made.
    ///
    /// - Parameter store: Where the words go; nil: they stay where they were made.
    /// - Throws: what ends the session; nothing of the run may be used then.
    func make(
        _ dealt: DealtRun,
        of planned: Planned,
        with pair: PairState,
        into store: (any CorrectionStore)?
    ) throws -> StoredRun {
        guard let seeds = dealt.seeds else { preconditionFailure("a run that parties make has its seeds") }
        let start = ContinuousClock.now
        let (before, transfers) = (transport.statistics, pair.maker.transfers)
        defer {
            kernels.wipeGivenBack()
            buffers.wipe()
        }
        try connect(pair)
        let channel = channel(RunPosition(run: dealt.run.number, binding: dealt.hash.firstWord), to: pair.peer)
        let memory = MadeInMemory()
        let stored = store.map { StoredPairWords($0, run: dealt.run.number) }
        let plan = planned.plan
        let kept = try pair.maker.make(
            plan.plan,
            plan.schedule,
            keys: dealt.keys,
            seeds: seeds,
            binding: dealt.hash,
            kept: try planned.sources.kept.map { try pair.mask(of: $0) },
            over: channel,
            into: stored ?? memory
        )
        try kernels.check()
        try stored?.finish()
        memory.finish()
        let outputs = plan.plan.outputs.lazy.filter { $0.kept != nil }
        precondition(kept.count == dealt.run.keptOutputs.count, "of every kept output something is kept")
        for (number, (mask, output)) in zip(dealt.run.keptOutputs, zip(kept, outputs)) {
            pair.keep(mask, of: number, shape: output.shape)
        }
        // What was sent to make it can't be read any more by who finds later keys.
        transport.moveForward()
        statistics.offlineBytes += Int((transport.statistics - before).bytesToParties(.preparation))
        statistics.offlineExchanges += channel.exchanges
        statistics.transfers += pair.maker.transfers - transfers
        statistics.secondsOffline += (ContinuousClock.now - start).seconds
        return store.map { .made($0, run: dealt.run.number) } ?? .madeInMemory(memory)
    }

    /// Whether what the parties make stays where it was made until it's used: on processors' memory, which runs on processors read.
    func keepsWhatIsMade(in storage: PreparedStorage) -> Bool {
        storage == .memory && kernels is NativeKernels
    }

    /// Exchange 0, with the first run: base transfers and keys.
    private func connect(_ pair: PairState) throws {
        if pair.isConnected { return }
        let channel = channel(RunPosition(run: 0, binding: 0), to: pair.peer)
        try pair.maker.connect(over: channel)
        statistics.offlineExchanges += channel.exchanges
        pair.isConnected = true
    }

    private func channel(_ position: RunPosition, to peer: Role) -> SessionPairChannel {
        SessionPairChannel(
            RunContext(
                transport: transport,
                kernels: kernels,
                framing: .wire,
                meter: .preparation,
                position: position,
                patience: configuration.patience,
                clock: WorkClock(),
                buffers: buffers
            ),
            peer: peer
        )
    }
}

import CrypTenBase
import CrypTenExpressions
import CrypTenGates
import CrypTenPlanning
import CrypTenRing
import CrypTenTransport
import Crypto
import Foundation
import NIOCore

/// Runs: a plan, what is bound to it, and what comes out.
extension SessionState {
    /// Runs expressions as one plan.
    ///
    /// - Returns: for each root what was revealed to this party, nil where another party learns it, or the kept value.
    func run(_ roots: [(Node, Graph.Destination)], isSetup: Bool) throws -> [RunResult] {
        let planned = try plan(roots)
        try machine.check(SessionStateMachine.Reads(planned))
        try places.check(planned.sources.kept)
        // Before a result is handed on, and after whatever went wrong.
        defer {
            kernels.wipeGivenBack()
            buffers.wipe()
        }
        let results = try guarded { try run(planned, isSetup: isSetup) }
        try checked(results)
        return results
    }

    /// Runs a plan.
    ///
    /// - Parameter purpose: What the parties have agreed that it is for: where one has another, the run ends with an error.
    func run(_ planned: Planned, isSetup: Bool, for purpose: [UInt8]? = nil) throws -> [RunResult] {
        let start = ContinuousClock.now
        try kernels.check()
        try checkRoom(for: planned)
        try machine.beginRun(on: SessionStateMachine.Reads(planned))
        try agreeOnSalt()
        let operands = try operands(for: planned)
        let bound = OperandBinding(
            inputs: planned.sources.inputs,
            plainDigests: operands.plain.sorted { $0.key < $1.key }.map { digest($0.value) },
            purpose: purpose.map { SHA256.hash(data: salt + $0).hexadecimal }
        )
        let before = transport.statistics
        let offline = statistics.secondsOffline
        var (dealt, hash) = try nextRun(of: planned, on: bound)
        let secondsOffline = statistics.secondsOffline - offline
        lastBinding = hash
        let context = context(of: dealt, hash: hash, meter: isSetup ? .setup : .online)
        var engine = PartyEngine(
            party: party,
            context: context,
            keys: dealt.keys,
            pairKeys: try (0..<parties).map { other in
                other == party
                    ? nil : SessionKeys.zero(try transport.nextSecret(with: .party(PartyID(other))), bindingHash: hash)
            },
            ownKey: .drawn(),
            progress: progress
        )
        let words = planned.plan.schedule.correctionWords
        let incoming = pair == nil && party == parties - 1 ? IncomingCorrections(context, words: words) : nil
        let values = try observed(&engine, dealt.run.number, planned, operands) { engine in
            try engine.run(
                planned.plan,
                operands,
                words: dealt.stored?.take() ?? incoming.map { .dealt($0) },
                ahead: &dealt.ahead
            )
        }
        transport.moveForward()
        let sent = transport.statistics - before
        let seconds = (ContinuousClock.now - start).seconds
        statistics.work += WorkTimes(context.clock)
        statistics.runs += 1
        statistics.seconds += seconds
        statistics.setupBytes += Int(sent.bytesToParties(.setup))
        statistics.onlineBytes += Int(sent.bytesToParties(.online))
        statistics.dealerBytes += Int(sent.received(.correction, from: .dealer).bytes)
        if !isSetup {
            statistics.rounds += planned.plan.schedule.openings
            statistics.secondsOnline += seconds - secondsOffline
        }
        try machine.finishedRun()
        checker?.name(keptOutputs: dealt.run.keptOutputs, of: dealt.run.number)
        let results = try results(planned.plan, values, dealt.run.keptOutputs)
        // What is revealed was read by now.
        try kernels.check()
        return results
    }

    /// The run that is used next: one that was dealt ahead, if there is one, else one that the dealer is asked for, or that the parties make now.
    ///
    /// - Returns: the run, and the hash that binds it to its operands.
    private func nextRun(of planned: Planned, on operands: OperandBinding) throws -> (DealtRun, hash: [UInt8]) {
        let action = try machine.nextRun(
            SessionStateMachine.Form(planned),
            plan: planned.nameAtDealer,
            keeps: planned.keeps
        )
        switch action {
        case .use(let run):
            guard let dealt = dealtRuns.removeValue(forKey: run.number) else {
                preconditionFailure("run \(run.number) waits here until it is used")
            }
            return (dealt, try operands.hash(onto: dealt.hash))
        case .ask(let run, let released, let sendsPlan):
            var dealt = try request(run, of: planned, .now(operands), released, sendsPlan: sendsPlan)
            if let pair {
                let store = keepsWhatIsMade(in: .memory) ? nil : MemoryCorrections()
                dealt.stored = try make(dealt, of: planned, with: pair, into: store)
            }
            return (dealt, dealt.hash)
        }
    }

    func context(of dealt: DealtRun, hash: [UInt8], meter: Frame.Meter) -> RunContext {
        RunContext(
            transport: transport,
            kernels: kernels,
            framing: .wire,
            meter: meter,
            position: RunPosition(run: dealt.run.number, binding: hash.firstWord),
            patience: configuration.patience,
            clock: WorkClock(),
            buffers: buffers
        )
    }

    /// The public expressions that a run reads, evaluated.
    func publicOperands(of planned: Planned) throws -> [Tensor] {
        if planned.sources.plain.isEmpty { return [] }
        let known = plain
        return try ClearEvaluator { node in
            guard case .publicInput(let number) = node.operation, let tensor = known[number]?.tensor else {
                throw CrypTenError(.invalidArgument, "a public expression reads what is not public")
            }
            return tensor
        }.evaluate(planned.sources.plain)
    }

    private func operands(for planned: Planned) throws -> PartyEngine.Operands {
        let sources = planned.sources
        let tensors = try publicOperands(of: planned)
        var ownInputs = [RingTensor?](repeating: nil, count: sources.inputs.count)
        for binding in planned.plan.plan.bindings {
            guard case .input(_, let index) = binding.source, let own = inputs[sources.inputs[index]] else { continue }
            ownInputs[index] = try own.encoded(fractionBits: binding.scale)
        }
        var plainValues: [Int: RingTensor] = [:]
        for binding in planned.plan.plan.bindings {
            guard case .plain(let index) = binding.source else { continue }
            plainValues[binding.slot] = FixedPoint.encodePublic(
                tensors[index].doubles,
                integers: tensors[index].integers,
                scale: binding.scale,
                shape: binding.shape
            )
        }
        return PartyEngine.Operands(
            inputs: ownInputs,
            plain: plainValues,
            kept: try sources.kept.map { try value(of: $0) }
        )
    }

    /// Before the first run party 0 draws the salt, 32 bytes, and sends it to the other parties.
    func agreeOnSalt() throws {
        guard !machine.hasSalt else { return }
        if party == 0 {
            salt = configuration.insecureSalt ?? SymmetricKey(size: .bits256).withUnsafeBytes { Array($0) }
            try tellOthers(ByteBuffer(bytes: salt))
        } else {
            salt = Array(try control(from: .party(0)).readableBytesView)
            guard salt.count == 32 else {
                throw CrypTenError(
                    .malformedFrame,
                    "\(PartyID(0)) sent \(salt.count) bytes where 32 are agreed on before the first run; it runs another program",
                    telling: Disclosure(.malformedFrame, about: .party(PartyID(0)))
                )
            }
        }
        machine.agreedOnSalt()
    }

    private func digest(_ tensor: RingTensor) -> String {
        var hash = SHA256()
        hash.update(data: salt)
        tensor.withWords { hash.update(bufferPointer: UnsafeRawBufferPointer(start: $0, count: tensor.count * 8)) }
        return hash.finalize().hexadecimal
    }

    /// Asks the dealer for a run, or, where there is none, agrees on it with the other party.
    ///
    /// - Returns: the run, of which no word has been used.
    func request(
        _ run: SessionStateMachine.Run,
        of planned: Planned,
        _ use: RunBinding.Use,
        _ released: [Int],
        sendsPlan: Bool
    ) throws -> DealtRun {
        let plan = planned.plan
        let request = try RunRequest(
            plan: plan.dealerFingerprint,
            binding: RunBinding(
                fingerprint: SHA256.hash(data: salt + plan.fingerprint).hexadecimal,
                run: run.number,
                keptInputs: planned.sources.kept,
                keptOutputs: run.keptOutputs,
                released: released,
                use: use,
                transferTreeHeight: pair == nil ? nil : configuration.transferTreeHeight
            )
        )
        let hash = Array(SHA256.hash(data: request.bindingBytes))
        if let pair {
            try agree(on: request, with: pair.peer)
            let (keys, seeds) = pair.nextKeys(bindingHash: hash)
            return DealtRun(run: run, hash: hash, keys: keys, seeds: seeds)
        }
        let frame = Frame(
            .plan,
            run: run.number,
            payload: request.encoded(withPlan: sendsPlan ? plan.dealerPlan : nil)
        )
        try whilePresent(.dealer) { try transport.send(frame, to: .dealer, deadline: .after(configuration.patience)) }
        let keys = SessionKeys.run(try transport.nextSecret(with: .dealer), bindingHash: hash)
        return DealtRun(run: run, hash: hash, keys: keys)
    }

    private func results(
        _ prepared: PreparedPlan,
        _ values: [PartyValue],
        _ keptOutputs: [Int]
    ) throws -> [RunResult] {
        let plan = prepared.plan
        var keptOutputs = keptOutputs[...]
        return try zip(zip(plan.outputs, prepared.keptRanges), values).map { output, value in
            let (output, range) = output
            if let form = output.kept {
                guard let number = keptOutputs.popFirst() else { preconditionFailure("every kept output has a number") }
                kept[number] = (value, KeptValue(form: form, scale: output.scale, range: range), output.shape)
                return .kept(
                    Node(
                        source: .kept(number: number),
                        shape: output.shape,
                        kind: output.kind,
                        visibility: .secret,
                        session: identity
                    )
                )
            }
            guard case .plain(let words) = value else { return .absent }
            return .revealed(try decode(words, output))
        }
    }

    private func decode(_ words: RingTensor, _ output: PlanOutput) throws -> Tensor {
        switch output.kind {
        case .real: return Tensor(.double(FixedPoint.decode(words, scale: output.scale)), shape: output.shape)
        case .integer: return Tensor(.int64(words.elements.map(Int64.init(bitPattern:))), shape: output.shape)
        case .bit: return Tensor(.bool(words.elements.map { $0 & 1 == 1 }), shape: output.shape)
        }
    }

    /// Gives up those of some expressions that are values which this session keeps still, each once.
    func releaseKept(_ nodes: [Node]) throws {
        var seen: Set<Int> = []
        try release(
            nodes.filter { node in
                guard case .kept(let number) = node.operation, node.session === identity else { return false }
                return kept[number] != nil && seen.insert(number).inserted
            }
        )
    }

    /// Gives kept values up, and the runs that were dealt ahead to read them: here at once, at the dealer with the next
    /// run that it is asked for.
    func release(_ nodes: [Node]) throws {
        try machine.check()
        let numbers = try nodes.map { node in
            guard case .kept(let number) = node.operation, node.session === identity else {
                throw CrypTenError(.invalidArgument, "only values that this session keeps can be released, once")
            }
            return number
        }
        discard(try machine.release(numbers))
        places.forget(numbers)
        for number in numbers {
            checker?.release(number)
            pair?.forget(number)
            forget(kept: number)
        }
    }
}

/// What one root of a run has become at this party.
enum RunResult: Sendable {
    case revealed(Tensor)
    case absent
    case kept(Node)
}

extension Duration {
    var seconds: Double {
        Double(components.seconds) + Double(components.attoseconds) * 1e-18
    }
}

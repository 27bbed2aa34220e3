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
        for number in planned.sources.random where drawn.contains(number) {
            throw CrypTenError(
                .invalidArgument,
                "a random tensor is drawn once, and an earlier run drew it: evaluate it, and use what that keeps"
            )
        }
        if planned.sources.inputs.contains(where: { $0 < 0 }) {
            throw CrypTenError(
                .invalidArgument,
                "a placeholder has no numbers to run on: make the expression anew from inputs"
            )
        }
        return try guarded { try run(planned, isSetup: isSetup) }
    }

    private func run(_ planned: Planned, isSetup: Bool) throws -> [RunResult] {
        let start = ContinuousClock.now
        for number in planned.sources.random { drawn.insert(contentsOf: number..<number + 1) }
        try agreeOnSalt()
        let operands = try operands(for: planned)
        let bound = OperandBinding(
            inputs: planned.sources.inputs,
            plainDigests: operands.plain.sorted { $0.key < $1.key }.map { digest($0.value) }
        )
        let before = transport.statistics
        var (run, hash) = try nextRun(of: planned, on: bound)
        let context = context(of: run, hash: hash, meter: isSetup ? .setup : .online)
        let engine = PartyEngine(
            party: party,
            context: context,
            keys: keys(of: run),
            pairKeys: (0..<parties).map { other in
                other == party
                    ? nil : SessionKeys.zero(transport.secret(with: .party(PartyID(other))), bindingHash: hash)
            },
            progress: progress
        )
        let incoming = party == parties - 1 ? IncomingCorrections(context) : nil
        let values = try engine.run(
            planned.plan,
            operands,
            corrections: run.stored?.take() ?? incoming,
            ahead: &run.ahead
        )
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
            statistics.secondsOnline += seconds
        }
        return try results(planned.plan.plan, values, run.keptOutputs)
    }

    /// The run that is used next: one that was dealt ahead, if there is one, else one that the dealer is asked for.
    ///
    /// - Returns: the run, and the hash that binds it to its operands.
    private func nextRun(of planned: Planned, on operands: OperandBinding) throws -> (DealtRun, hash: [UInt8]) {
        if let run = dealtRuns.removeFirst(of: DealtRuns.Form(planned)) {
            return (run, try operands.hash(onto: run.hash))
        }
        let run = try request(planned, .now(operands))
        return (run, run.hash)
    }

    /// The keys of all words of a run that this party and the dealer share.
    func keys(of run: DealtRun) -> RunKeys {
        SessionKeys.run(transport.secret(with: .dealer), bindingHash: run.hash)
    }

    func context(of run: DealtRun, hash: [UInt8], meter: Frame.Meter) -> RunContext {
        RunContext(
            transport: transport,
            kernels: kernels,
            framing: .wire,
            meter: meter,
            run: run.number,
            binding: hash.firstWord,
            patience: configuration.patience,
            clock: WorkClock(),
            buffers: buffers
        )
    }

    private func operands(for planned: Planned) throws -> PartyEngine.Operands {
        let sources = planned.sources
        let known = plain
        let evaluator = ClearEvaluator { node in
            guard case .publicInput(let number) = node.operation, let tensor = known[number]?.tensor else {
                throw CrypTenError(.invalidArgument, "a public expression reads what is not public")
            }
            return tensor
        }
        let tensors = sources.plain.isEmpty ? [] : try evaluator.evaluate(sources.plain)
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
            inputs: sources.inputs.map { inputs[$0]?.encoded },
            plain: plainValues,
            kept: try sources.kept.map { try keptValue($0).value }
        )
    }

    /// Before the first run party 0 draws the salt and sends it to the other parties.
    func agreeOnSalt() throws {
        guard salt.isEmpty else { return }
        if party == 0 {
            salt = SymmetricKey(size: .bits256).withUnsafeBytes { Array($0) }
            try tellOthers(ByteBuffer(bytes: salt))
        } else {
            salt = Array(try control(from: .party(0)).readableBytesView)
        }
    }

    private func digest(_ tensor: RingTensor) -> String {
        var hash = SHA256()
        hash.update(data: salt)
        tensor.withWords { hash.update(bufferPointer: UnsafeRawBufferPointer(start: $0, count: tensor.count * 8)) }
        return hash.finalize().hexadecimal
    }

    /// Asks the dealer for a run.
    ///
    /// - Returns: the run, of which no word has been used.
    func request(_ planned: Planned, _ use: RunBinding.Use) throws -> DealtRun {
        let plan = planned.plan
        let keptOutputs = plan.plan.outputs.filter { $0.kept != nil }.map { _ in
            defer { nextKept += 1 }
            return nextKept
        }
        lastRun += 1
        let binding = try RunBinding(
            fingerprint: SHA256.hash(data: salt + plan.fingerprint).hexadecimal,
            run: lastRun,
            keptInputs: planned.sources.kept,
            keptOutputs: keptOutputs,
            released: released,
            use: use
        ).canonicalBytes()
        released = []
        var payload = ByteBuffer()
        payload.writeBytes(plan.dealerFingerprint)
        payload.writeInteger(UInt32(binding.count), endianness: .little)
        payload.writeBytes(binding)
        if sentPlans.use(plan.dealerFingerprint) == nil {
            sentPlans.insert((), for: plan.dealerFingerprint)
            if party == 0 { payload.writeBytes(plan.dealerPlan) }
        }
        try transport.send(
            Frame(.plan, run: lastRun, payload: payload),
            to: .dealer,
            deadline: .after(configuration.patience)
        )
        return DealtRun(number: lastRun, hash: Array(SHA256.hash(data: binding)), keptOutputs: keptOutputs)
    }

    private func results(_ plan: Plan, _ values: [PartyValue], _ keptOutputs: [Int]) throws -> [RunResult] {
        var keptOutputs = keptOutputs[...]
        return try zip(plan.outputs, values).map { output, value in
            if let form = output.kept {
                guard let number = keptOutputs.popFirst() else { preconditionFailure("every kept output has a number") }
                kept[number] = (value, KeptValue(form: form, scale: output.scale))
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

    /// Gives kept values up, and the runs that were dealt ahead to read them: here at once, at the dealer with the next
    /// run that it is asked for.
    func release(_ nodes: [Node]) throws {
        try checkAlive()
        for node in nodes {
            guard case .kept(let number) = node.operation, node.session === identity, kept[number] != nil else {
                throw CrypTenError(.invalidArgument, "only values that this session keeps can be released, once")
            }
            kept[number] = nil
            released.append(number)
            discard(dealtRuns.remove(reading: number))
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

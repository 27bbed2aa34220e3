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
        let prepared = try prepare(roots)
        for number in prepared.sources.random where drawn.contains(number) {
            throw CrypTenError(
                .invalidArgument,
                "a random tensor is drawn once, and an earlier run drew it: evaluate it, and use what that keeps"
            )
        }
        return try guarded { try run(prepared, isSetup: isSetup) }
    }

    private func run(_ prepared: Prepared, isSetup: Bool) throws -> [RunResult] {
        let start = ContinuousClock.now
        let plan = prepared.plan.plan
        drawn.formUnion(prepared.sources.random)
        let keptOutputs = plan.outputs.filter { $0.kept != nil }.map { _ in
            defer { nextKept += 1 }
            return nextKept
        }
        try agreeOnSalt()
        let operands = try operands(for: prepared)
        lastRun += 1
        let binding = RunBinding(
            fingerprint: SHA256.hash(data: salt + prepared.plan.fingerprint).hexadecimal,
            run: lastRun,
            inputs: prepared.sources.inputs,
            keptInputs: prepared.sources.kept,
            keptOutputs: keptOutputs,
            released: released,
            plainDigests: operands.plain.sorted { $0.key < $1.key }.map { digest($0.value) }
        )
        released = []
        let before = transport.statistics
        let bytes = try binding.canonicalBytes()
        let hash = Array(SHA256.hash(data: bytes))
        try request(prepared.plan, binding: bytes)
        let clock = WorkClock()
        let context = RunContext(
            transport: transport,
            kernels: kernels,
            framing: .wire,
            meter: isSetup ? .setup : .online,
            run: lastRun,
            binding: hash.firstWord,
            patience: configuration.patience,
            clock: clock
        )
        let engine = PartyEngine(
            party: party,
            context: context,
            keys: SessionKeys.run(transport.secret(with: .dealer), bindingHash: hash),
            pairKeys: (0..<parties).map { other in
                other == party
                    ? nil : SessionKeys.zero(transport.secret(with: .party(PartyID(other))), bindingHash: hash)
            },
            progress: progress
        )
        let values = try engine.run(prepared.plan, operands)
        let sent = transport.statistics - before
        let seconds = (ContinuousClock.now - start).seconds
        statistics.work += WorkTimes(clock)
        statistics.runs += 1
        statistics.seconds += seconds
        statistics.setupBytes += Int(sent.bytesToParties(.setup))
        statistics.onlineBytes += Int(sent.bytesToParties(.online))
        statistics.dealerBytes += Int(sent.received(.correction, from: .dealer).bytes)
        if !isSetup {
            statistics.rounds += prepared.plan.schedule.openings
            statistics.secondsOnline += seconds
        }
        return try results(plan, values, keptOutputs)
    }

    private func operands(for prepared: Prepared) throws -> PartyEngine.Operands {
        let sources = prepared.sources
        let known = plain
        let evaluator = ClearEvaluator { node in
            guard case .publicInput(let number) = node.operation, let tensor = known[number] else {
                throw CrypTenError(.invalidArgument, "a public expression reads what is not public")
            }
            return tensor
        }
        let tensors = sources.plain.isEmpty ? [] : try evaluator.evaluate(sources.plain)
        var plainValues: [Int: RingTensor] = [:]
        for binding in prepared.plan.plan.bindings {
            guard case .plain(let index) = binding.source else { continue }
            plainValues[binding.slot] = FixedPoint.encodePublic(
                tensors[index].doubles,
                integers: tensors[index].integers,
                scale: binding.scale,
                shape: binding.shape
            )
        }
        return PartyEngine.Operands(
            inputs: sources.inputs.map { inputs[$0]?.value?.encoded },
            plain: plainValues,
            kept: try sources.kept.map { try keptValue($0).value }
        )
    }

    /// Before the first run party 0 draws the salt and sends it to the other parties.
    private func agreeOnSalt() throws {
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

    private func request(_ plan: PreparedPlan, binding: [UInt8]) throws {
        var payload = ByteBuffer()
        payload.writeBytes(plan.dealerFingerprint)
        payload.writeInteger(UInt32(binding.count), endianness: .little)
        payload.writeBytes(binding)
        if sentPlans.insert(plan.dealerFingerprint).inserted, party == 0 { payload.writeBytes(plan.dealerPlan) }
        try transport.send(
            Frame(.plan, run: lastRun, payload: payload),
            to: .dealer,
            deadline: .after(configuration.patience)
        )
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

    /// Gives kept values up: here at once, at the dealer with the next run.
    func release(_ nodes: [Node]) throws {
        try checkAlive()
        for node in nodes {
            guard case .kept(let number) = node.operation, node.session === identity, kept[number] != nil else {
                throw CrypTenError(.invalidArgument, "only values that this session keeps can be released, once")
            }
            kept[number] = nil
            released.append(number)
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

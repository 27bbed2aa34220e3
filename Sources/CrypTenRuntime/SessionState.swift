import CrypTenBase
import CrypTenExpressions
import CrypTenGates
import CrypTenPlanning
import CrypTenRing
import CrypTenTransport
import Crypto
import Foundation
import NIOCore

/// A session's inner state: touched by its engine thread alone.
final class SessionState {
    let transport: any Transport
    let kernels: any Kernels
    let configuration: SessionConfiguration
    let party: Int
    let parties: Int
    let identity = SessionIdentity()
    private(set) var statistics = SessionStatistics()
    var progress: (@Sendable (RunProgress) -> Void)?

    private var nextInput = 0
    private var nextKept = 0
    private var nextPlain = 0
    private var nextRandom = 0
    private var lastRun: UInt64 = 0
    /// Our own inputs: each lives as long as the expressions that read it.
    private var inputs: [Int: WeakInput] = [:]
    private var plain: [Int: Tensor] = [:]
    /// Random values that a run has drawn.
    private var drawn: Set<Int> = []
    /// Known to the parties and not to the dealer, who could otherwise guess constants and public operands from hashes.
    private var salt: [UInt8] = []
    private var kept: [Int: (value: PartyValue, known: KeptValue)] = [:]
    private var plans: [PlanKey: PreparedPlan] = [:]
    private var sentPlans: Set<[UInt8]> = []
    /// What ended the session.
    private var failure: CrypTenError?

    private struct PlanKey: Hashable {
        var graph: Graph
        var kept: [KeptValue]
    }

    init(transport: any Transport, kernels: any Kernels, configuration: SessionConfiguration) {
        self.transport = transport
        self.kernels = kernels
        self.configuration = configuration
        guard case .party(let id) = transport.role else { preconditionFailure("the dealer has no session") }
        party = id.index
        parties = transport.partyCount
    }

    private func checkAlive() throws {
        if let failure { throw CrypTenError(.sessionClosed, "the session has ended: \(failure.message)") }
    }

    /// Does what others take part in, and ends the session for everybody where that fails: nothing of it may be used
    /// again.
    ///
    /// Planning isn't guarded: an ill-formed expression is the caller's to mend.
    func guarded<Result>(_ body: () throws -> Result) throws -> Result {
        try checkAlive()
        do {
            return try body()
        } catch let error as CrypTenError {
            failure = error
            transport.abort(error)
            throw error
        } catch {
            let wrapped = CrypTenError(.partyFailed, "party \(party) failed: \(error)", cause: error)
            failure = wrapped
            transport.abort(wrapped)
            throw error
        }
    }

    func close() {
        if failure == nil { failure = CrypTenError(.sessionClosed, "it was closed") }
        transport.close()
    }

    // MARK: Inputs

    /// A secret input of a known shape: nothing is sent before a run reads it.
    func input(owner: PartyID, shape: Shape, kind: ElementKind, name: String, load: () throws -> Tensor) throws -> Node
    {
        try check(owner)
        let number = nextInput
        nextInput += 1
        var own: OwnInput?
        if owner.index == party {
            let tensor = try load()
            guard tensor.shape == shape else {
                throw CrypTenError(.shapeMismatch, "\(name) has shape \(tensor.shape), where \(shape) was announced")
            }
            let value = OwnInput(try encode(tensor, kind: kind, name: name))
            inputs[number] = WeakInput(value: value)
            own = value
        }
        return Node(
            source: .input(owner: owner, number: number),
            shape: shape,
            kind: kind,
            visibility: .secret,
            session: identity,
            layer: name,
            payload: own
        )
    }

    /// A secret input whose shape its owner announces.
    func input(owner: PartyID, name: String, load: () throws -> Tensor) throws -> Node {
        try check(owner)
        guard owner.index == party else {
            var payload = try control(from: owner)
            let header = try TensorCoding.read(&payload)
            guard let values = header.integers, values.count >= 1 else {
                throw CrypTenError(.malformedFrame, "\(owner) announced an input that can't be read")
            }
            let shape = try Shape(checking: values.dropFirst().map(Int.init))
            return try input(
                owner: owner,
                shape: shape,
                kind: values[0] == 0 ? .real : .integer,
                name: name,
                load: load
            )
        }
        let tensor = try load()
        let kind: ElementKind = tensor.kind == .real ? .real : .integer
        // Encoded first: what can't be is an error before anything is sent.
        let node = try input(owner: owner, shape: tensor.shape, kind: kind, name: name) { tensor }
        let header = [kind == .real ? 0 : 1] + tensor.shape.dimensions.map(Int64.init)
        var payload = ByteBuffer()
        TensorCoding.write(Tensor(header, shape: [header.count]), to: &payload)
        try tellOthers(payload)
        return node
    }

    /// A tensor that one party reads and all know.
    func publicInput(reader: PartyID, name: String, load: () throws -> Tensor) throws -> (Node, Tensor) {
        try check(reader)
        let number = nextPlain
        nextPlain += 1
        let tensor: Tensor
        if reader.index == party {
            tensor = try load()
            var payload = ByteBuffer()
            TensorCoding.write(tensor, to: &payload)
            try tellOthers(payload)
        } else {
            var payload = try control(from: reader)
            tensor = try TensorCoding.read(&payload)
        }
        plain[number] = tensor
        let node = Node(
            source: .publicInput(number: number),
            shape: tensor.shape,
            kind: tensor.kind,
            visibility: .public,
            session: identity,
            layer: name
        )
        return (node, tensor)
    }

    /// Values that no party knows.
    func random(_ distribution: Primitive.Distribution, _ shape: Shape) -> Node {
        defer { nextRandom += 1 }
        return Node(
            source: .random(distribution, shape, number: nextRandom),
            shape: shape,
            kind: distribution == .uniform ? .real : .bit,
            visibility: .secret,
            session: identity,
            layer: "random"
        )
    }

    /// Bytes that one party has and all get: a model's skeleton.
    func broadcast(from sender: PartyID, load: () throws -> [UInt8]) throws -> [UInt8] {
        try check(sender)
        guard sender.index == party else { return Array(try control(from: sender).readableBytesView) }
        let bytes = try load()
        try tellOthers(ByteBuffer(bytes: bytes))
        return bytes
    }

    private func check(_ id: PartyID) throws {
        guard (0..<parties).contains(id.index) else {
            throw CrypTenError(.invalidArgument, "there is no \(id): the session has parties 0 to \(parties - 1)")
        }
    }

    private func encode(_ tensor: Tensor, kind: ElementKind, name: String) throws -> RingTensor {
        if kind == .integer {
            guard let integers = tensor.integers else {
                throw CrypTenError(
                    .invalidArgument,
                    "\(name) was announced as integers and holds numbers that aren't whole"
                )
            }
            return RingTensor(integers.map(UInt64.init(bitPattern:)), shape: tensor.shape)
        }
        return try FixedPoint.encode(
            tensor.doubles,
            fractionBits: configuration.fractionBits,
            shape: tensor.shape,
            name: name
        )
    }

    /// What doesn't fit one frame is cut: first its length, then the pieces.
    private func tellOthers(_ payload: ByteBuffer) throws {
        var length = ByteBuffer()
        length.writeInteger(UInt64(payload.readableBytes), endianness: .little)
        for other in 0..<parties where other != party {
            let peer = Role.party(PartyID(other))
            try transport.send(Frame(.control, payload: length), to: peer, deadline: .after(configuration.patience))
            var rest = payload
            while let piece = rest.readSlice(length: min(rest.readableBytes, 1 << 20)), piece.readableBytes > 0 {
                try transport.send(Frame(.control, payload: piece), to: peer, deadline: .after(configuration.patience))
            }
        }
    }

    private func control(from sender: PartyID) throws -> ByteBuffer {
        func next() throws -> ByteBuffer {
            try transport.receive([.control], from: .party(sender), deadline: .after(configuration.patience)).payload
        }
        var head = try next()
        guard let length = head.readInteger(endianness: .little, as: UInt64.self), length <= 4 << 30 else {
            throw CrypTenError(.malformedFrame, "\(sender) announced what can't be read")
        }
        var payload = ByteBuffer()
        while payload.readableBytes < length {
            var piece = try next()
            guard piece.readableBytes > 0, payload.readableBytes + piece.readableBytes <= length else {
                throw CrypTenError(.malformedFrame, "\(sender) sent more than it announced")
            }
            payload.writeBuffer(&piece)
        }
        return payload
    }

    // MARK: Plans

    struct Prepared {
        var plan: PreparedPlan
        var sources: GraphSources
    }

    /// The plan of expressions: made once for each form of graph.
    func prepare(_ roots: [(Node, Graph.Destination)]) throws -> Prepared {
        try checkAlive()
        let start = ContinuousClock.now
        defer { statistics.secondsPlanning += (ContinuousClock.now - start).seconds }
        for (root, _) in roots {
            if let session = root.session, session !== identity {
                throw CrypTenError(
                    .wrongSession,
                    "a tensor of another session can't be run here; reveal it there first"
                )
            }
        }
        let (graph, sources) = try Simplify.graph(of: roots)
        let known = try sources.kept.map { number in
            guard let value = kept[number] else {
                throw CrypTenError(.sessionClosed, "kept value \(number) was released")
            }
            return value.known
        }
        let key = PlanKey(graph: graph, kept: known)
        if let plan = plans[key] { return Prepared(plan: plan, sources: sources) }
        let planner = Planner(parties: parties, fractionBits: configuration.fractionBits)
        let plan = try planner.plan(graph, kept: known)
        plans[key] = plan
        return Prepared(plan: plan, sources: sources)
    }

    // MARK: Runs

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
            plainDigests: operands.plain.sorted { $0.key < $1.key }.map { digest($0.value) }
        )
        let bytes = try binding.canonicalBytes()
        let hash = Array(SHA256.hash(data: bytes))
        try request(prepared.plan, binding: bytes)
        let context = RunContext(
            transport: transport,
            kernels: kernels,
            framing: .wire,
            meter: isSetup ? .setup : .online,
            run: lastRun,
            binding: hash.firstWord,
            patience: configuration.patience
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
        let before = transport.statistics
        let values = try engine.run(prepared.plan, operands)
        let sent = transport.statistics - before
        let seconds = (ContinuousClock.now - start).seconds
        statistics.runs += 1
        statistics.seconds += seconds
        statistics.setupBytes += Int(sent.bytesToParties(.setup))
        statistics.onlineBytes += Int(sent.bytesToParties(.online))
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
            kept: try sources.kept.map { number in
                guard let value = kept[number] else {
                    throw CrypTenError(.sessionClosed, "kept value \(number) was released")
                }
                return value.value
            }
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
}

/// A party's own numbers, encoded; held by the expression that they are the input of.
private final class OwnInput: Sendable {
    let encoded: RingTensor

    init(_ encoded: RingTensor) {
        self.encoded = encoded
    }
}

private struct WeakInput {
    weak var value: OwnInput?
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

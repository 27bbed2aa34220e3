import CrypTenBase
import CrypTenIdentity
import CrypTenONNX
import CrypTenRing
import CrypTenRuntime
import CrypTenService
import CrypTenSharing
import CrypTenTransport
import Foundation
import Logging
import NIOConcurrencyHelpers
import _CrypTenONNXTestSupport
import _CrypTenTestSupport

/// A cell whose members are threads of this process: the daemons of parties and a dealer, over sessions in memory, every expansion written down.
///
/// A member that is torn down loses all that it had, and comes back as a new one with what lies in files.
final class ThreadCell: Sendable {
    /// What became of a request.
    enum Outcome: Equatable {
        case answer([Double])
        /// By what each party named the reason; a party that was torn down names none, and its connection is lost.
        case lost([String])
    }

    /// A party from its start until it is torn down.
    private final class Life: Sendable {
        let daemon: PartyDaemon
        let task = NIOLockedValueBox<Task<Void, Never>?>(nil)
        let transport = NIOLockedValueBox<KillableTransport?>(nil)
        let isOver = NIOLockedValueBox(false)

        init(_ daemon: PartyDaemon) {
            self.daemon = daemon
        }
    }

    static let weights = [0.5, -1, 0.25, 2, 1, -0.5, -2, 0.75]
    static let bias = [0.25, -0.5]

    let parties: Int
    let killing = Killing()
    /// What each role has expanded over all sessions, the dealer last.
    let audits: [ExpansionAudit]
    private let folder: URL
    private let meeting: Meeting
    private let cluster: ClusterFile
    private let configuration: SessionConfiguration
    private let lives: NIOLockedValueBox<[Life?]>
    /// What each member has sent since somebody looked, the dealer last.
    private let sent: NIOLockedValueBox<[[String]]>
    private let dealer = NIOLockedValueBox<(task: Task<Void, Never>?, transport: KillableTransport?)>((nil, nil))

    /// What the model says of a row in the clear: `relu(x·w + b)`.
    static func clear(_ x: [Double]) -> [Double] {
        (0..<2).map { column -> Double in
            var sum: Double = bias[column]
            for row in 0..<4 { sum += x[row] * weights[2 * row + column] }
            return max(0, sum)
        }
    }

    /// - Parameter hasDealer: Whether the cell has one; else its two parties make correlations by an insecure maker.
    init(parties: Int, hasDealer: Bool = true) throws {
        self.parties = parties
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("crypten-cell-\(UUID().uuidString)")
        self.folder = folder
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        var model = ModelBuilder()
        model.input("x", .float, [.named("rows"), .fixed(4)])
        model.constant("w", ThreadCell.weights, [4, 2])
        model.constant("b", ThreadCell.bias, [2])
        model.node("MatMul", ["x", "w"], ["product"], name: "product")
        model.node("Add", ["product", "b"], ["sum"], name: "sum")
        model.node("Relu", ["sum"], ["y"], name: "relu")
        model.output("y", .float, [.named("rows"), .fixed(2)])
        try model.bytes.write(to: folder.appendingPathComponent("model.onnx"))
        let identities = try (0...parties).map { try MemberIdentity.create(name: $0 == parties ? "dealer" : "p\($0)") }
        for identity in identities { _ = try identity.write(to: folder) }
        let members = (0..<parties).map { index in
            "  p\(index): {party: \(index), address: \"127.0.0.1:\(9400 + index)\", identity: [\(identities[index].certificate.fingerprint)]}"
        }
        let local = (0..<parties).map { index in
            let file = folder.appendingPathComponent("p\(index).identity.pem").path
            let model = folder.appendingPathComponent("model.onnx").path
            return "  p\(index): {identity: [\(file)]\(index == 1 ? ", models: {m: \(model)}" : "")}"
        }
        var lines: [String] = ["cell: threads", "members:"]
        lines += members
        let dealer =
            "  dealer: {address: \"127.0.0.1:9500\", identity: [\(identities[parties].certificate.fingerprint)]}"
        lines += hasDealer ? ["dealers:", dealer] : ["dealers: none"]
        lines += [
            "models:",
            "  m: {owner: p1, inputs: {x: {shapes: [[rows, 4]], range: [-4, 4]}}, batch: {window: 1ms, sizes: [1, 4]}, prepared: {1: 2}}",
            "limits: {waiting: 2s}", "local:",
        ]
        lines += local
        let text: String = lines.joined(separator: "\n")
        let (file, faults) = ClusterFile.read(Data(text.utf8))
        guard let file else { throw CrypTenError(.malformedFile, "\(faults)") }
        cluster = file
        var configuration = SessionConfiguration()
        configuration.fractionBits = cluster.fractionBits
        configuration.threads = 1
        configuration.correlations = cluster.correlations
        configuration.insecureMaker = { party, _ in InsecureMaker(party: party) }
        self.configuration = configuration
        meeting = Meeting(parties: parties, configuration: configuration)
        audits = (0...parties).map { _ in ExpansionAudit() }
        lives = NIOLockedValueBox(Array(repeating: nil, count: parties))
        sent = NIOLockedValueBox(Array(repeating: [], count: parties + 1))
    }

    // MARK: Life and death

    func start() throws {
        for index in 0..<parties { try startParty(index) }
        if configuration.correlations == .dealer { startDealer() }
    }

    private func startParty(_ index: Int) throws {
        let (audit, configuration, role) = (audits[index], configuration, Role.party(PartyID(index)))
        let own = NIOLockedValueBox<Life?>(nil)
        let daemon = try PartyDaemon(
            MemberSettings(cluster, as: "p\(index)", environment: [:]),
            meter: CellMeter(),
            logger: Logger(label: "p\(index)") { _ in SwiftLogNoOpLogHandler() },
            connecting: { [weak self] _, _ in
                guard let self, let life = own.withLockedValue({ $0 }) else { throw CrypTenError(.cancelled, "over") }
                let base = try await meeting.join(role)
                let transport = KillableTransport(
                    base,
                    killing,
                    isServing: { life.daemon.shelf.epoch != nil },
                    onDeath: { [weak self] in self?.bury(life, index) },
                    onSend: { [weak self] frame in self?.sent.withLockedValue { $0[index].append(frame) } }
                )
                life.transport.withLockedValue { $0 = transport }
                if life.isOver.withLockedValue({ $0 }) { transport.die() }
                let kernels = AuditingKernels(NativeKernels(threads: 1), audit: audit)
                return try Session(transport: transport, kernels: kernels, configuration: configuration)
            }
        )
        let life = Life(daemon)
        own.withLockedValue { $0 = life }
        lives.withLockedValue { $0[index] = life }
        life.task.withLockedValue { $0 = Task { try? await daemon.run() } }
    }

    /// A party is torn down, and comes back as a new one.
    private func bury(_ life: Life, _ index: Int) {
        let isFirst = life.isOver.withLockedValue { isOver in
            defer { isOver = true }
            return !isOver
        }
        guard isFirst else { return }
        life.transport.withLockedValue { $0 }?.die()
        life.task.withLockedValue { $0 }?.cancel()
        life.daemon.leave()
        try? startParty(index)
    }

    private func startDealer() {
        let (audit, configuration) = (audits[parties], configuration)
        let task = Task { [weak self] in
            while !Task.isCancelled {
                guard let self, let base = try? await meeting.join(.dealer) else { return }
                let transport = KillableTransport(
                    base,
                    killing,
                    isServing: { [weak self] in self?.party(0).shelf.epoch != nil },
                    onDeath: {},
                    onSend: { [weak self] frame in
                        guard let self else { return }
                        sent.withLockedValue { $0[self.parties].append(frame) }
                    }
                )
                dealer.withLockedValue { $0.transport = transport }
                let kernels = AuditingKernels(NativeKernels(threads: 1), audit: audit)
                await withCheckedContinuation { (continuation: CheckedContinuation<Void, Never>) in
                    Thread.detachNewThread {
                        try? Dealer(transport: transport, kernels: kernels, configuration: configuration).serve()
                        continuation.resume()
                    }
                }
            }
        }
        dealer.withLockedValue { $0.task = task }
    }

    private func life(_ index: Int) -> Life {
        guard let life = lives.withLockedValue({ $0[index] }) else { preconditionFailure("all were started") }
        return life
    }

    private func party(_ index: Int) -> PartyDaemon { life(index).daemon }

    /// Tears a member down at whichever moment this is.
    func kill(_ role: Role) {
        switch role {
        case .party(let party): bury(life(party.index), party.index)
        case .dealer: dealer.withLockedValue { $0.transport }?.die()
        }
    }

    /// Ends all members.
    func stop() async {
        let tasks = (0..<parties).map { index in
            let life = life(index)
            life.isOver.withLockedValue { $0 = true }
            life.daemon.leave()
            life.transport.withLockedValue { $0 }?.die()
            life.task.withLockedValue { $0 }?.cancel()
            return life.task.withLockedValue { $0 }
        }
        let dealing = dealer.withLockedValue { $0 }
        dealing.task?.cancel()
        dealing.transport?.die()
        for task in tasks + [dealing.task] { await task?.value }
        try? FileManager.default.removeItem(at: folder)
    }

    // MARK: Asking

    /// Asks as a client does: shares to all parties, an answer if all have answered the same run.
    func ask(_ x: [Double]) async throws -> Outcome {
        let lives = (0..<parties).map { life($0) }
        guard let epoch = lives[0].daemon.shelf.epoch, let entry = lives[0].daemon.shelf.versions(of: "m")?.first else {
            return .lost(["restarting"])
        }
        let id = RequestID.random()
        var generator = SystemRandomNumberGenerator()
        let seeds = (0..<parties - 1).map { _ in ShareSeed.random(using: &generator) }
        let words = x.map { UInt64(bitPattern: Int64(($0 * 65_536).rounded())) }
        let expansions = seeds.enumerated().map { ShareExpansion($1, id: id, model: "m", party: $0) }
        let rest = try ShareSum.lastPart(of: words, input: "x", expansions)
        let rows = x.count / 4
        let parts = seeds.map { InferenceRequest.Part.seed($0) } + [.words([rest])]
        let told = await withTaskGroup(of: (Int, Result<PartyAnswer, Loss>).self) { group in
            for (index, part) in parts.enumerated() {
                let request = AdmittedRequest(
                    key: RequestKey(client: "app", epoch: epoch, id: id),
                    model: "m",
                    version: entry.version,
                    inputs: [InferenceRequest.Input(name: "x", shape: [rows, 4])],
                    part: part,
                    outputs: ["y"],
                    rows: rows
                )
                group.addTask { (index, await self.answer(lives[index], index, request)) }
            }
            return await group.reduce(into: [(Int, Result<PartyAnswer, Loss>)]()) { $0.append($1) }
                .sorted { $0.0 < $1.0 }.map(\.1)
        }
        let answers = told.compactMap { try? $0.get() }
        guard answers.count == parties, Set(answers.map(\.binding)).count == 1 else {
            return .lost(
                told.map { result in
                    switch result {
                    case .success: "answered"
                    case .failure(let loss): loss.code
                    }
                }
            )
        }
        return .answer(try ShareSum.total(of: answers.map(\.words)).map { Double(Int64(bitPattern: $0)) / 65_536 })
    }

    /// Gives one party its part of a request, and waits until it is answered.
    ///
    /// - Returns: Whether it was.
    func answer(at index: Int, _ id: RequestID, part: consuming InferenceRequest.Part, rows: Int) async -> Bool {
        let life = life(index)
        guard let epoch = life.daemon.shelf.epoch, let entry = life.daemon.shelf.versions(of: "m")?.first else {
            return false
        }
        let request = AdmittedRequest(
            key: RequestKey(client: "app", epoch: epoch, id: id),
            model: "m",
            version: entry.version,
            inputs: [InferenceRequest.Input(name: "x", shape: [rows, 4])],
            part: consume part,
            outputs: ["y"],
            rows: rows
        )
        return (try? await life.daemon.requests.answer(request)) != nil
    }

    /// What each member has sent since this was called before, in its order; the dealer last.
    func takeSent() -> [[String]] {
        sent.withLockedValue { sent in
            defer { sent = Array(repeating: [], count: parties + 1) }
            return sent
        }
    }

    /// How many requests wait at a party.
    func waiting(at index: Int) -> Int {
        party(index).requests.withTable { $0.count }
    }

    private struct PartyAnswer {
        var words: [UInt64]
        var binding: [UInt8]
    }

    private struct Loss: Error {
        var code: String
    }

    private func answer(_ life: Life, _ index: Int, _ request: AdmittedRequest) async -> Result<PartyAnswer, Loss> {
        do {
            let answer = try await life.daemon.requests.answer(request)
            if killing.strikes(.party(PartyID(index)), .reply) { bury(life, index) }
            guard !life.isOver.withLockedValue({ $0 }) else { return .failure(Loss(code: "connection")) }
            return .success(PartyAnswer(words: answer.outputs.flatMap(\.words), binding: answer.binding))
        } catch {
            guard !life.isOver.withLockedValue({ $0 }) else { return .failure(Loss(code: "connection")) }
            return .failure(Loss(code: (error as? DoorRefusal)?.code.rawValue ?? ""))
        }
    }
}

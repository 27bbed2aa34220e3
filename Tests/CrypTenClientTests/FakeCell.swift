import CrypTenBase
import CrypTenClient
import CrypTenIdentity
import CrypTenSharing
import Foundation
import NIOConcurrencyHelpers

/// A cell whose parties put what they get together, and compute in the clear: what a client sees of one, and what one sees of it.
///
/// Its model "mixed/ö" sums each row of `x`, adds one to `k`, and negates `b`.
final class FakeCell: Sendable {
    static let model = "mixed/ö"
    static let path = "/v2/models/mixed%2F%C3%B6"
    static let mostRows = 4

    /// What a party does instead of what it should.
    struct Faults: Sendable {
        /// Refusals of the first questions to a party, one each.
        var refusals: [Int: [DoorRefusal.Code]] = [:]
        /// After how many seconds a refusal says that it is worth asking anew.
        var retryAfter: Int?
        /// Parties that never answer a question.
        var silent: Set<Int> = []
        /// Changes a party's answer.
        var reply: (@Sendable (Int, inout InferenceReply) -> Void)?
        /// Changes the bytes of a party's answer.
        var body: (@Sendable (Int, inout Data) -> Void)?
        /// Changes what a party tells of the model.
        var metadata: (@Sendable (Int, inout ModelMetadata) -> Void)?
    }

    struct Seen: Sendable {
        var party: Int
        var request: FakeServer.Request
        var parsed: InferenceRequest?
    }

    let parties: Int
    let identities: [MemberIdentity]
    private let table: Table
    private let servers: [FakeServer]

    init(parties: Int, faults: Faults = Faults(), identities: [MemberIdentity] = []) async throws {
        self.parties = parties
        self.identities = identities
        let table = Table(parties: parties, faults)
        self.table = table
        var servers: [FakeServer] = []
        for party in 0..<parties {
            servers.append(
                try await FakeServer(identities.isEmpty ? nil : identities[party]) { await table.answer(party, $0) }
            )
        }
        self.servers = servers
    }

    /// All requests that came, and of questions what stands in them.
    var seen: [Seen] { table.state.withLockedValue { $0.seen } }

    /// The questions alone.
    var questions: [Seen] { seen.filter { $0.request.method == "POST" } }

    /// Ends the session, and begins another one.
    func restart(version: String? = nil) {
        table.state.withLockedValue { state in
            state.epoch = .random()
            state.version = version ?? state.version
        }
    }

    func change(_ faults: Faults) {
        table.state.withLockedValue { $0.faults = faults }
    }

    func url(_ party: Int) -> String {
        "\(identities.isEmpty ? "http" : "https")://127.0.0.1:\(servers[party].port)"
    }

    /// The cell as a client knows it, without TLS.
    func plaintext() throws -> Cell {
        try Cell(
            name: "bank",
            parties: (0..<parties).map { try CellParty(name: "p\($0)", url: url($0), insecurePlaintext: true) }
        )
    }

    /// A client that loses no time.
    func client(_ change: (inout CellClient.Options) -> Void = { _ in }) throws -> CellClient {
        var options = CellClient.Options()
        options.pause = .milliseconds(5)
        change(&options)
        return try CellClient(try plaintext(), insecurePlaintext: true, options: options)
    }

    /// What all parties have together.
    private final class Table: Sendable {
        struct State {
            var faults: Faults
            var seen: [Seen] = []
            var epoch = Epoch.random()
            var version = "0123456789abcdef"
            var waiting: [RequestID: [Int: (part: InferenceRequest, whenAll: CheckedContinuation<[[UInt64]], Never>)]] =
                [:]
        }

        let parties: Int
        let state: NIOLockedValueBox<State>

        init(parties: Int, _ faults: Faults) {
            self.parties = parties
            state = NIOLockedValueBox(State(faults: faults))
        }

        func answer(_ party: Int, _ request: FakeServer.Request) async -> FakeServer.Response {
            let parsed = try? InferenceRequest(
                EncodedBody(
                    bytes: request.body,
                    headerLength: request.headers["inference-header-content-length"].flatMap { Int($0) }
                )
            )
            let (refusal, faults, version, epoch) = state.withLockedValue { state in
                state.seen.append(Seen(party: party, request: request, parsed: parsed))
                var refusal: DoorRefusal.Code?
                if request.method == "POST", state.faults.refusals[party]?.isEmpty == false {
                    refusal = state.faults.refusals[party]?.removeFirst()
                }
                return (refusal, state.faults, state.version, state.epoch)
            }
            do {
                if let refusal { throw DoorRefusal(refusal, "as asked for") }
                let paths = [FakeCell.path, FakeCell.path + "/versions/\(version)"]
                if request.method == "GET", paths.contains(request.path) {
                    var metadata = metadata(party, version, epoch)
                    faults.metadata?(party, &metadata)
                    return FakeServer.Response(status: 200, body: try metadata.body)
                }
                guard request.method == "POST", paths.map({ $0 + "/infer" }).contains(request.path) else {
                    throw DoorRefusal(.notFound, "no such path")
                }
                guard let parsed else { throw DoorRefusal(.malformed, "no question") }
                guard parsed.epoch == epoch else { throw DoorRefusal(.epoch, "another epoch") }
                if faults.silent.contains(party) {
                    try await Task.sleep(for: .seconds(30))
                }
                var reply = InferenceReply(
                    model: FakeCell.model,
                    version: version,
                    id: parsed.id,
                    tag: ReplyTag(epoch: epoch, binding: [UInt8](repeating: 7, count: 32), id: parsed.id),
                    outputs: outputs(try await part(party, parsed), rows: parsed.rows, parsed.outputs)
                )
                faults.reply?(party, &reply)
                let encoded = try reply.encoded(binary: parsed.wantsBinary)
                var bytes = encoded.bytes
                faults.body?(party, &bytes)
                let length = encoded.headerLength.map { [EncodedBody.lengthHeader: String($0)] } ?? [:]
                return FakeServer.Response(status: 200, headers: length, body: bytes)
            } catch {
                let refusal = error as? DoorRefusal ?? DoorRefusal(.restarting, "\(error)")
                let pause = faults.retryAfter.map { ["Retry-After": "\($0)"] } ?? [:]
                return FakeServer.Response(status: refusal.code.status, headers: pause, body: refusal.body)
            }
        }

        /// A party's words of all outputs, once all have what they need.
        private func part(_ party: Int, _ request: InferenceRequest) async throws -> [[UInt64]] {
            await withCheckedContinuation { continuation in
                let all = state.withLockedValue { state in
                    state.waiting[request.id, default: [:]][party] = (request, continuation)
                    guard state.waiting[request.id]?.count == parties else {
                        return nil as [Int: (part: InferenceRequest, whenAll: CheckedContinuation<[[UInt64]], Never>)]?
                    }
                    return state.waiting.removeValue(forKey: request.id)
                }
                guard let all else { return }
                let results = run(all.mapValues { $0.part })
                for (party, one) in all { one.whenAll.resume(returning: results[party]) }
            }
        }

        /// Runs in the clear, and splits what comes of it anew.
        private func run(_ parts: [Int: InferenceRequest]) -> [[[UInt64]]] {
            let inputs = parts[0]!.inputs
            let sums = inputs.indices.map { index -> [UInt64] in
                let words = (0..<parties).map { party -> [UInt64] in
                    switch parts[party]!.part {
                    case .words(let words): return words[index]
                    case .seed(let seed):
                        let expansion = ShareExpansion(seed, id: parts[party]!.id, model: FakeCell.model, party: party)
                        return try! expansion.words(of: inputs[index].name, count: inputs[index].count)
                    }
                }
                return try! ShareSum.total(of: words)
            }
            let rows = parts[0]!.rows
            let width = sums[0].count / rows
            let results: [[UInt64]] = [
                (0..<rows).map { row in sums[0][row * width..<(row + 1) * width].reduce(0, &+) },
                sums[1].map { $0 &+ 1 },
                sums[2].map { 1 &- $0 },
            ]
            var all = (0..<parties - 1).map { _ in results.map { $0.map { _ in UInt64.random(in: 0 ... .max) } } }
            let last = results.indices.map { output in
                results[output].indices.map { index in all.reduce(results[output][index]) { $0 &- $1[output][index] } }
            }
            all.append(last)
            return all
        }

        private func outputs(_ words: [[UInt64]], rows: Int, _ asked: [String]?) -> [InferenceReply.Output] {
            let all = zip(metadata(0, "", Epoch.random()).outputs, words).map { output, words in
                InferenceReply.Output(
                    name: output.name,
                    shape: [rows],
                    words: words,
                    type: output.parameters.type,
                    fractionBits: output.parameters.fractionBits
                )
            }
            return all.filter { asked?.contains($0.name) ?? true }
        }

        private func metadata(_ party: Int, _ version: String, _ epoch: Epoch) -> ModelMetadata {
            typealias Input = ModelMetadata.Input
            typealias Output = ModelMetadata.Output
            return ModelMetadata(
                name: FakeCell.model,
                versions: [version],
                inputs: [
                    Input(
                        name: "x",
                        shape: [-1, 8],
                        parameters: Input.Parameters(
                            type: .fp32,
                            fractionBits: 16,
                            range: [-4, 4],
                            shapes: [[-1, 4], [-1, 8]],
                            pad: 0
                        )
                    ),
                    Input(
                        name: "k",
                        shape: [-1],
                        parameters: Input.Parameters(type: .int64, fractionBits: 0, shapes: [[-1], [-1]])
                    ),
                    Input(
                        name: "b",
                        shape: [-1],
                        parameters: Input.Parameters(
                            type: .bool,
                            fractionBits: 0,
                            range: [0, 1],
                            shapes: [[-1], [-1]]
                        )
                    ),
                ],
                outputs: [
                    Output(name: "total", shape: [-1], parameters: Output.Parameters(type: .fp32, fractionBits: 16)),
                    Output(name: "next", shape: [-1], parameters: Output.Parameters(type: .int64, fractionBits: 0)),
                    Output(name: "not", shape: [-1], parameters: Output.Parameters(type: .bool, fractionBits: 0)),
                ],
                parameters: ModelMetadata.Parameters(
                    cell: "bank",
                    epoch: epoch,
                    party: party,
                    parties: parties,
                    partyName: "p\(party)",
                    rows: FakeCell.mostRows
                )
            )
        }
    }
}

/// Inputs of the fake model, and what it answers.
struct FakeQuestion {
    let inputs: [String: ClientTensor]
    let outputs: [String: ClientTensor]

    init(rows: Int, width: Int = 3, first: Int64 = 0) throws {
        let x = (0..<rows * width).map { Double(($0 * 7 + Int(first)) % 17) / 8 - 1 }
        let k = (0..<Int64(rows)).map { $0 * 1_000_000_007 - 3 + first }
        let b = (0..<rows).map { $0 % 3 == 1 }
        inputs = [
            "x": try ClientTensor(shape: [rows, width], doubles: x), "k": try ClientTensor(shape: [rows], integers: k),
            "b": try ClientTensor(shape: [rows], booleans: b),
        ]
        let totals = (0..<rows).map { x[$0 * width..<($0 + 1) * width].reduce(0, +) }
        outputs = [
            "total": try ClientTensor(shape: [rows], doubles: totals),
            "next": try ClientTensor(shape: [rows], integers: k.map { $0 + 1 }),
            "not": try ClientTensor(shape: [rows], booleans: b.map { !$0 }),
        ]
    }
}

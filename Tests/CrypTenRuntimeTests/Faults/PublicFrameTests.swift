#if os(Linux)
import CrypTenBase
import CrypTenExpressions
import CrypTenGates
import CrypTenRing
import CrypTenRuntime
import CrypTenTransport
import Crypto
import Foundation
import NIOCore
import Testing

/// What members tell each other beside masked values: requests for runs, announcements, failures, and all headers.
@Suite("What isn't masked depends on nothing that is secret", .serialized) struct PublicFrameTests {
    /// What an input may be, in a program whose shapes and public numbers stay the same.
    struct Case: Sendable {
        var secrets: [Double]
        var weights: [Double]
        var known = [1.5, -2.0, 0.25]
        var salt = [UInt8](repeating: 0x5A, count: 32)
        var fails = false
    }

    /// A frame of the session's conversation: all of its header but the tag, and the payload of one that carries no words.
    private struct Said: Hashable {
        var sender: Role
        var header: FrameHeader
        var payload: [UInt8]
    }

    /// All that members say, in each direction's order; heartbeats and credit come when it is time.
    private func said(_ one: Case) async throws -> [Said] {
        let course = SmallInference.Course.program { session in
            let x = try await session.input(from: .party(0), name: "x") { Tensor(one.secrets, shape: [3]) }
            let w = try await session.input(from: .party(1), shape: [3], name: "w") { Tensor(one.weights, shape: [3]) }
            let known = try await session.publicInput(from: .party(0)) { Tensor(one.known, shape: [3]) }
            let product = relu(x * w + known.expression)
            _ = try await session.reveal(product, to: .party(1))
            try await session.prepare([product * 2.0], revealingTo: .party(0), runs: 1)
            _ = try await session.reveal([product * 2.0], to: .party(0))
            guard one.fails else { return }
            _ = try await session.input(from: .party(0), shape: [1]) {
                throw CrypTenError(.outOfRange, "\(one.secrets)")
            }
            _ = try await session.reveal(x, to: .all)
        }
        let capture = WireCapture()
        let mesh = FaultyMesh(salt: one.salt, capture: capture, program: SmallInference(course: course))
        let run = try await mesh.run()
        if !one.fails { for (role, outcome) in run.outcomes { #expect(outcome.isRight, "\(role): \(outcome.label)") } }
        let kinds: [Frame.Kind] = [.control, .plan, .opening, .correction, .abort]
        let frames = capture.plaintexts.compactMap { sent -> Said? in
            guard let kind = Frame.Kind(rawValue: sent.header.kind), kinds.contains(kind) else { return nil }
            // Heartbeats between them take numbers, too.
            var header = sent.header
            header.sequence = 0
            let isWords = [.opening, .correction].contains(kind)
            return Said(sender: sent.sender, header: header, payload: isWords ? [] : sent.bytes)
        }
        let links = Dictionary(grouping: frames) { [$0.sender.wireNumber, $0.header.recipient] }
        return links.sorted { $0.key.lexicographicallyPrecedes($1.key) }.flatMap(\.value)
    }

    @Test("requests, announcements and headers are the same to the byte for other inputs and weights")
    func otherSecrets() async throws {
        let one = try await said(Case(secrets: [1, 2, 3], weights: [4, 5, 6]))
        let two = try await said(Case(secrets: [-7.5, 0, 30_000], weights: [0.25, -1, 99]))
        #expect(one.count > 20 && Set(one.map(\.header.kind)).count == 4)
        #expect(one == two)
    }

    @Test("failures, too") func failures() async throws {
        /// Aborts alone: who hears of it first is chance.
        func aborts(_ one: Case) async throws -> Set<[UInt8]> {
            Set(try await said(one).filter { $0.header.kind == Frame.Kind.abort.rawValue }.map(\.payload))
        }
        let one = try await aborts(Case(secrets: [1, 2, 3], weights: [4, 5, 6], fails: true))
        let two = try await aborts(Case(secrets: [-7.5, 0, 30_000], weights: [0.25, -1, 99], fails: true))
        #expect(!one.isEmpty)
        let own = AbortMessage(CrypTenError(.outOfRange, "x").telling(.input)).encoded
        let passedOn = AbortMessage(
            CrypTenError(
                .partyFailed,
                "x",
                cause: CrypTenError(.outOfRange, "x"),
                telling: Disclosure(.input, from: .party(PartyID(0)))
            )
        ).encoded
        let known = Set([own, passedOn].map { Array($0.readableBytesView) })
        #expect(one.isSubset(of: known) && two.isSubset(of: known))
    }

    @Test("what the dealer gets to compare is salted: with another salt every digest and binding is another")
    func otherSalt() async throws {
        let one = try await said(Case(secrets: [1, 2, 3], weights: [4, 5, 6]))
        let two = try await said(
            Case(secrets: [1, 2, 3], weights: [4, 5, 6], salt: [UInt8](repeating: 0xA5, count: 32))
        )
        let (first, second) = (try digests(one), try digests(two))
        #expect(first.count >= 3 && first.isDisjoint(with: second))
        let (bindings, others) = (Set(one.map(\.header.binding)), Set(two.map(\.header.binding)))
        #expect(bindings.intersection(others) == [0], "and 0, where nothing is bound")
        // What a guess of the public operand would be compared with, were it unsalted or salted by what the dealer knows.
        let words = [1.5, -2.0, 0.25].flatMap { value in
            [16, 32].map { bits in UInt64(bitPattern: Int64(value * Double(1 << bits))) }
        }
        for count in 1...words.count {
            for start in 0...(words.count - count) {
                let guess = words[start..<start + count].withUnsafeBytes { SHA256.hash(data: $0) }
                #expect(!first.contains(guess.map { String(format: "%02x", $0) }.joined()))
            }
        }
    }

    @Test("a request binds public operands by digest, secret inputs by their session's number, and nothing else")
    func requests() async throws {
        let said = try await said(Case(secrets: [1, 2, 3], weights: [4, 5, 6]))
        var requests = 0
        for frame in said where frame.header.kind == Frame.Kind.plan.rawValue {
            guard case .party(let party) = frame.sender else { continue }
            let (request, _) = try RunRequest.read(ByteBuffer(bytes: frame.payload), from: party)
            requests += 1
            switch request.binding.use {
            case .now(let operands):
                #expect(operands.inputs == [0, 1])
                #expect(operands.plainDigests.count == 1)
                // Frames of the run say the start of a hash of this request and of nothing else.
                let hash = Array(SHA256.hash(data: request.bindingBytes))
                let word = hash.prefix(8).reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
                let stamped = said.filter {
                    $0.header.run == request.binding.run && $0.header.kind != frame.header.kind
                }
                #expect(!stamped.isEmpty && stamped.allSatisfy { $0.header.binding == word })
            case .ahead(let runs):
                #expect(runs == 1)
            }
            #expect(request.binding.keptInputs.isEmpty && request.binding.keptOutputs.isEmpty)
        }
        #expect(requests == 4)
    }

    /// All texts of 64 hexadecimal digits in what is sent to the dealer.
    private func digests(_ said: [Said]) throws -> Set<String> {
        var found: Set<String> = []
        for frame in said where frame.header.recipient == Role.dealer.wireNumber {
            let text = String(decoding: frame.payload, as: UTF8.self)
            for match in text.matches(of: /[0-9a-f]{64}/) { found.insert(String(match.output)) }
        }
        return found
    }

    @Test("keys of runs and of zeros follow from the secret, what is bound and their purpose, each") func keys() {
        let secrets = (1...3).map { SymmetricKey(data: [UInt8](repeating: $0, count: 32)) }
        let hashes = (1...3).map { [UInt8](repeating: $0 &* 17, count: 32) }
        var seen: Set<[UInt64]> = []
        for secret in secrets {
            for hash in hashes {
                let run = SessionKeys.run(secret, bindingHash: hash)
                for key in [run.masks, run.bitMasks, run.correlations, SessionKeys.zero(secret, bindingHash: hash)] {
                    #expect(seen.insert([key.low, key.high]).inserted)
                }
            }
        }
        #expect(seen.count == 36)
    }
}
#endif
